//! Replies as the calls that they want.

use super::*;

fn reader(tools: &[ToolName]) -> Reader {
    Reader::new(Toolset {
        tools: tools.to_vec(),
        served: Vec::new(),
    })
}

/// What a reply wants, a line for each call; or why not.
fn read_by(reader: &Reader, text: &str) -> String {
    match reader.read(text, &[]) {
        Ok(turn) => turn.calls.iter().map(shown).collect::<Vec<_>>().join(" | "),
        Err(miss) => format!("{:?}: {}", miss.kind, miss.message),
    }
}

fn shown(call: &ToolCall) -> String {
    let edits: Vec<String> = call
        .edits
        .iter()
        .map(|edit| format!("{:?} {:?} {:?}", edit.path, edit.search, edit.replace))
        .collect();
    format!(
        "{} {} {}",
        call.name,
        Value::from(call.arguments.clone()),
        edits.join(" ")
    )
    .trim_end()
    .to_owned()
}

fn read(text: &str) -> String {
    read_by(&reader(&ToolName::ALL), text)
}

const BLOCK: &str = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nread_file(path=\"no\")\n>>>>>>> REPLACE\n";

#[test]
fn calls_are_read_in_their_order() {
    let text = "I look.\n<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>\n\
                <tool_call>\n{\"name\": \"search\", \"arguments\": {\"pattern\": \"b\"}}\n</tool_call>";
    assert_eq!(read(text), r#"read_file {"path":"a"} | search {"pattern":"b"}"#);
}

#[test]
fn blocks_of_edits_are_a_patch_and_what_is_in_them_is_code() {
    let patch = r#"patch {} Some("a.py") "x = 1\n" "read_file(path=\"no\")\n""#;
    assert_eq!(read(BLOCK), patch);
    let fenced = format!("Now:\n```python\n{BLOCK}```\n");
    assert_eq!(read(&fenced), patch);
    let finish = "<tool_call>\n{\"name\": \"finish\", \"arguments\": {\"summary\": \"s\"}}\n</tool_call>";
    assert_eq!(
        read(&format!("{BLOCK}{finish}")),
        format!("{patch} | finish {{\"summary\":\"s\"}}")
    );
    let announced = "<tool_call>\n{\"name\": \"patch\", \"arguments\": {\"path\": \"b.py\"}}\n</tool_call>\n\
                     <<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n";
    assert_eq!(read(announced), r#"patch {} Some("b.py") "x\n" "y\n""#);
    let json = "<tool_call>\n{\"name\": \"patch\", \"arguments\": {\"path\": \"a\", \"search\": \"x\", \"replace\": \"y\"}}\n</tool_call>";
    assert_eq!(read(json), r#"patch {} Some("a") "x\n" "y\n""#);
    let without = reader(&[ToolName::ReadFile, ToolName::Finish]);
    assert!(read_by(&without, BLOCK).starts_with("Unknown: the answer edits a file"));
}

#[test]
fn the_content_of_a_file_follows_its_call() {
    let call = "{\"name\": \"write_file\", \"arguments\": {\"path\": \"a.py\"}}";
    let content = "```python\nfinish(summary=\"x\")\n```\n";
    let wanted = r#"write_file {"path":"a.py","content":"finish(summary=\"x\")\n"}"#;
    for text in [
        format!("<tool_call>\n{call}\n</tool_call>\n{content}"),
        format!("```json\n{call}\n```\n{content}"),
        format!("<tool_call>\n{call}\n</tool_call>\n\na.py\n{content}"),
    ] {
        assert_eq!(read(&text), wanted, "{text}");
    }
    let cut = format!("<tool_call>\n{call}\n</tool_call>\n```python\nx\n");
    assert!(read(&cut).contains("closing fence is missing"), "{}", read(&cut));
    let none = format!("<tool_call>\n{call}\n</tool_call>\n");
    assert!(read(&none).contains("came without content"), "{}", read(&none));
}

#[test]
fn a_file_of_a_call_may_hold_fences() {
    let call = "<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a.md\"}}\n</tool_call>\n";
    let page = "# T\n```sh\nls\n```\nEnd\n";
    let wanted = r##"write_file {"path":"a.md","content":"# T\n```sh\nls\n```\nEnd\n"}"##;
    assert_eq!(read(&format!("{call}```markdown\n{page}```\n")), wanted);
    assert_eq!(read(&format!("{call}```a.md\n{page}```\n")), wanted);
    assert_eq!(read(&format!("{call}````\n{page}````\n")), wanted);
    let bare = page.replace("```sh", "```");
    for (content, told) in [
        (format!("```markdown\n{bare}```\n"), "2 code blocks follow"),
        (format!("```a.md\n{bare}```\n"), "not clear where `a.md` ends"),
        (format!("```markdown\n{page}"), "four backticks"),
    ] {
        let said = read(&format!("{call}{content}"));
        assert!(
            said.starts_with("Miswritten: ") && said.contains(told),
            "{content}: {said}"
        );
    }
}

#[test]
fn what_cannot_be_carried_out_is_said() {
    for (text, expected) in [
        (
            "I am sorry, I can't do that.",
            "Nothing: your answer holds no call",
        ),
        ("", "Nothing: your answer holds no call"),
        (
            "```python\nx = 1\n```",
            "Nothing: your answer holds code and no call",
        ),
        (
            "<tool_call>\n{\"name\": \"delete_file\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>",
            "Unknown: ",
        ),
        (
            "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {}}\n</tool_call>",
            "Miswritten: ",
        ),
        (
            "<think>I could call <tool_call>{\"name\": \"finish\", \"arguments\": {}}</tool_call></think>\nHm.",
            "Nothing: your answer holds no call",
        ),
    ] {
        assert!(read(text).starts_with(expected), "{text}: {}", read(text));
    }
}

#[test]
fn a_tool_that_was_not_offered_is_not_called() {
    let reader = reader(&[ToolName::ReadFile, ToolName::Finish]);
    let call = "<tool_call>\n{\"name\": \"run_command\", \"arguments\": {\"command\": \"rm\"}}\n</tool_call>";
    assert!(
        read_by(&reader, call).starts_with("Unknown: "),
        "{}",
        read_by(&reader, call)
    );
    let miss = reader.read(
        "",
        &[("run_command".to_owned(), "{\"command\": \"rm\"}".to_owned())],
    );
    assert_eq!(miss.unwrap_err().kind, MissKind::Unknown);
}

#[test]
fn calls_of_the_server_are_kept_as_text() {
    let found = [("readFile".to_owned(), "{\"file_path\": \"a\"}".to_owned())];
    let turn = reader(&ToolName::ALL).read("", &found).unwrap();
    assert_eq!(shown(&turn.calls[0]), r#"read_file {"path":"a"}"#);
    assert!(
        turn.said.contains("<tool_call>") && turn.said.contains("\"a\""),
        "{}",
        turn.said
    );
}

#[test]
fn results_that_a_model_makes_up_are_cut_off() {
    let call = "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>";
    let text = format!(
        "{call}\nResult of `read_file a`:\nnothing\n<tool_call>\n{{\"name\": \"finish\", \"arguments\": {{}}}}\n</tool_call>"
    );
    let turn = reader(&ToolName::ALL).read(&text, &[]).unwrap();
    assert_eq!((turn.calls.len(), turn.said.as_str()), (1, call));
}

#[test]
fn words_of_the_prompt_are_an_echo() {
    let prompt = "You work on the files of a project, step by step, with tools. Each answer is a call.";
    assert!(is_echo(
        "files of a project, step by step, with tools. Each answer is a call.",
        [prompt]
    ));
    assert!(!is_echo("files of a project", [prompt]));
    assert!(!is_echo(
        "I work on the files of a project, step by step, with tools. Each answer",
        [prompt]
    ));
}
