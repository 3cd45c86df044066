use serde_json::json;

use super::*;

fn tools() -> Tools {
    let text = json!({"type": "string"});
    let tool = |name: &str, parameters: &[&str], required: &[&str]| {
        let properties: serde_json::Map<_, _> = parameters
            .iter()
            .map(|name| ((*name).to_owned(), text.clone()))
            .collect();
        Tool::new(
            name,
            &json!({"type": "object", "properties": properties, "required": required}),
        )
    };
    Tools::new(vec![
        tool("shell", &["command"], &["command"]),
        tool("save", &["path", "text"], &["path", "text"]),
        tool("stop", &[], &[]),
    ])
}

fn shown(text: &str, tools: &Tools) -> String {
    let reading = read(text, tools, false);
    let calls: Vec<_> = reading
        .calls
        .iter()
        .map(|call| format!("{}{}", call.name, call.arguments))
        .collect();
    calls.join(" ")
}

/// Each of these says one call of `shell` with `ls -l`.
const DIALECTS: &[&str] = &[
    r#"<tool_call>{"name": "shell", "arguments": {"command": "ls -l"}}</tool_call>"#,
    "<tool_call><tool_call>{'name': 'shell', 'arguments': {'command': 'ls -l'}}",
    "```json\n{\"tool\": \"shell\", \"args\": {\"command\": \"ls -l\"}}\n```",
    r#"{"action": "shell", "action_input": {"command": "ls -l"}}"#,
    r#"{"tool": "shell", "command": "ls -l"}"#,
    r#"{"shell": {"command": "ls -l"}}"#,
    r#"{"tool_calls": [{"type": "function", "function": {"name": "shell", "arguments": "{\"command\": \"ls -l\"}"}}]}"#,
    r#"[TOOL_CALLS][{"name": "shell", "arguments": {"command": "ls -l"}}]"#,
    r#"[TOOL_CALLS]shell[CALL_ID]1[ARGS]{"command": "ls -l"}"#,
    r#"<|python_tag|>{"name": "shell", "parameters": {"command": "ls -l"}}"#,
    r#"<function=shell>{"command": "ls -l"}</function>"#,
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>shell\n```json\n{\"command\": \"ls -l\"}\n```<｜tool▁call▁end｜>",
    r#"<｜tool▁call▁begin｜>shell<｜tool▁sep｜>{"command": "ls -l"}<｜tool▁call▁end｜>"#,
    r#"<|tool_call_begin|>functions.shell:0<|tool_call_argument_begin|>{"command": "ls -l"}<|tool_call_end|>"#,
    r#"<|channel|>commentary to=functions.shell <|constrain|>json<|message|>{"command": "ls -l"}<|call|>"#,
    "Action: ```json\n[{\"tool_name\": \"shell\", \"parameters\": {\"command\": \"ls -l\"}}]\n```",
    ">>>shell\n{\"command\": \"ls -l\"}",
    r#"functools[{"name": "shell", "arguments": {"command": "ls -l"}}]"#,
    "[shell(command='ls -l')]",
    "assistant: shell(command='ls -l')",
    "<|tool_call_start|>[shell(command='ls -l')]<|tool_call_end|>",
    "```tool_code\nprint(shell(command='ls -l'))\n```",
    "<tool_call>\n<function=shell>\n<parameter=command>\nls -l\n</parameter>\n</function>\n</tool_call>",
    r#"<invoke name="shell"><parameter name="command">ls -l"#,
    r#"<functionname="shell"><paramname="command">ls -l</param></function>"#,
    r#"<｜DSML｜invoke name="shell"><｜DSML｜parameter name="command" string="true">ls -l</｜DSML｜parameter></｜DSML｜invoke>"#,
    "<tool_call>shell\n<arg_key>command</arg_key>\n<arg_value>ls -l</arg_value></tool_call>",
    "<shell>\n<command>ls -l</command>\n</shell>",
    "<tool_call><name>shell</name><arguments>{\"command\": \"ls -l\"}</arguments></tool_call>",
    "<tool_call><name>shell</name><arguments><command>ls -l</command></arguments></tool_call>",
    r#"<|tool_call>call:shell{command:<|"|>ls -l<|"|>}<tool_call|>"#,
    r#"<|open|>call tool="shell"<|sep|><|open|>argument key="command"<|sep|>ls -l<|close|>argument<|sep|><|close|>call<|sep|>"#,
    "```yaml\nname: shell\narguments:\n  command: ls -l\n```",
    "tool: shell\r\nargs:\r\n  command: ls -l\r\n",
    "Thought: look\nAction: shell\nAction Input: {\"command\": \"ls -l\"}\nObservation: none",
    "<think>{\"name\": \"stop\", \"arguments\": {}}</think>\nshell\n{\"command\": \"ls -l\"}",
    "I will call stop(). </think>{\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}",
    "<think>so<tool_call>{\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}</tool_call>",
    "<tool>shell</tool><args>{\"command\": \"ls -l\"}</args>",
    "<tool_name>shell</tool_name>\n<parameters><command>ls -l</command></parameters>",
    "<action>shell</action><action_input>ls -l</action_input>",
    "Tool Call: shell\nArguments: {\"command\": \"ls -l\"}",
    "**Tool call:** `shell`\n**Arguments:**\n```json\n{\"command\": \"ls -l\"}\n```",
    "Tool Call: shell(command='ls -l')",
    "[Tool Call: shell] {\"command\": \"ls -l\"}",
    "[Calling shell]\n{\"command\": \"ls -l\"}",
    "I will look.\n\n    {\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}",
    "1. {\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}\n",
    "For example, I need the list. I'll get it:\n```json\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}\n```",
    "~~~json\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}\n~~~",
    "Here is the call in JSON format:\n\n{\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}",
    "\u{feff}Here it is: {\"name\": \"shell\", \"arguments\": {\"command\": \"ls -l\"}}}\n\nDone.",
];

#[test]
fn every_dialect_says_the_same() {
    for text in DIALECTS {
        assert_eq!(shown(text, &tools()), r#"shell{"command":"ls -l"}"#, "{text}");
    }
}

#[test]
fn no_line_of_a_call_in_yaml_is_left_over() {
    for text in [
        "Go.\ntool: shell\nargs:\n  command: ls\n\nDone.",
        "Go.\ntool: shell\nargs: {command: ls}\n\nDone.",
        "Go.\ntool: shell\nargs:\n  command: |\n    ls\n\nDone.",
    ] {
        let reading = read(text, &tools(), false);
        assert_eq!(reading.calls.len(), 1, "{text}");
        let words: Vec<_> = reading.text.split_whitespace().collect();
        assert_eq!(words, ["Go.", "Done."], "{text}");
    }
}

#[test]
fn of_two_forms_the_one_that_fits_is_meant() {
    for (text, expected) in [
        // Two names, of which one has these parameters.
        (
            r#"{"tool": "stop", "action": "shell", "arguments": {"command": "a"}}"#,
            r#"shell{"command":"a"}"#,
        ),
        (
            r#"<tool_call>{"name": "shell", "tool": "save", "arguments": {"path": "a", "text": "b"}}</tool_call>"#,
            r#"save{"path":"a","text":"b"}"#,
        ),
        // Two members that may hold the arguments.
        (
            r#"<tool_call>{"name": "shell", "arguments": {}, "parameters": {"command": "a"}}</tool_call>"#,
            r#"shell{"command":"a"}"#,
        ),
        (
            r#"<tool_call>{"name": "shell", "arguments": {"x": 1}, "args": {"command": "a"}}</tool_call>"#,
            r#"shell{"command":"a"}"#,
        ),
        // The same twice.
        (
            r#"<tool_call>{"name": "shell", "tool": "Shell", "arguments": {"command": "a"}, "args": {"command": "a"}}</tool_call>"#,
            r#"shell{"command":"a"}"#,
        ),
        // A whole call where the arguments should be.
        (
            r#"<function=shell>{"name": "shell", "arguments": {"command": "a"}}</function>"#,
            r#"shell{"command":"a"}"#,
        ),
        (
            r#"<function=stop>{"name": "save", "arguments": {"path": "a", "text": "b"}}</function>"#,
            r#"save{"path":"a","text":"b"}"#,
        ),
    ] {
        assert_eq!(shown(text, &tools()), expected, "{text}");
    }
}

#[test]
fn what_may_mean_two_calls_is_told_and_not_made() {
    let given = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tools = Tools::new(vec![Tool::new("open", &given), Tool::new("remove", &given)]);
    for (text, others) in [
        (
            r#"{"tool": "open", "action": "remove", "arguments": {"path": "a"}}"#,
            2,
        ),
        (
            r#"<tool_call>{"name": "open", "tool": "remove", "path": "a"}</tool_call>"#,
            2,
        ),
        (
            r#"<tool_call>{"name": "open", "arguments": {"path": "a"}, "input": {"path": "b"}}</tool_call>"#,
            2,
        ),
        (
            r#"<function=open>{"name": "remove", "arguments": {"path": "a"}}</function>"#,
            2,
        ),
    ] {
        let reading = read(text, &tools, false);
        assert!(reading.calls.is_empty(), "{text}");
        let kinds: Vec<_> = reading
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.kind)
            .collect();
        assert_eq!(kinds, [DiagnosticKind::Ambiguous], "{text}");
        assert_eq!(
            reading.runners_up.len(),
            others,
            "{text}: {:?}",
            reading.runners_up
        );
    }
    // The worse of two is told beside the better one.
    let text = r#"<tool_call>{"name": "open", "arguments": {"path": "a"}, "input": {"path": 3}}</tool_call>"#;
    let reading = read(text, &tools, false);
    assert_eq!(reading.calls.len(), 1);
    assert_eq!(reading.runners_up.len(), 1);
}

/// What looks like a call and is none.
const NO_CALLS: &[&str] = &[
    "I ran shell earlier; it printed {\"ok\": true}.",
    "The form is `shell(command)`, or `{\"name\": \"shell\", \"arguments\": {\"command\": \"x\"}}`.",
    "```python\nshell(command='rm -r /')\n```",
    "{\"name\": \"shell\", \"description\": \"Runs\", \"parameters\": {\"type\": \"object\", \"properties\": {\"command\": {}}}}",
    "{\"name\": \"my-app\", \"version\": \"1\", \"parameters\": {\"a\": 1}}",
    "{\"name\": \"shell\", \"version\": \"5\"}",
    "[{\"name\": \"shell\", \"input\": \"x\", \"size\": 3}]",
    "The options are [shell(1), stop(2)] in that order.",
    "shell(1)",
    "def shell(command):\n    return 1",
    "name: shell\nversion: 5",
    "Final Answer: stop",
    "<think>{\"name\": \"stop\", \"arguments\": {}}</think>Hello.",
    "<think>maybe <tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call> or not",
    "<tool_response>{\"name\": \"shell\", \"arguments\": {\"command\": \"x\"}}</tool_response>",
    "<search shell=\"x\"></search><stop class=\"a\"></stop>",
    "Use <function=stop> for that.",
    "For example:\n```json\n{\"name\": \"stop\", \"arguments\": {}}\n```",
    "A call looks like this:\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>",
    "Do not run this:\nshell(command=\"rm -r /\")",
    "The server returned:\n{\"name\": \"shell\", \"arguments\": {\"command\": \"x\"}}",
    "> <tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>",
    "| <function=stop></function> | stops |",
    "````md\n```json\n{\"name\": \"stop\", \"arguments\": {}}\n```\n````",
    "~~~python\n{\"name\": \"stop\", \"arguments\": {}}\n~~~",
    "<example>\n<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>\n</example>",
    "<example>\n<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>\n",
    "<!-- <function=stop></function> -->",
    "Earlier calls:\n- {\"name\": \"stop\", \"arguments\": {}}\n- {\"name\": \"stop\", \"arguments\": {}}",
    "```json package.json\n{\"name\": \"stop\", \"arguments\": {}}\n```",
    "It is written so.\n\n    {\"name\": \"stop\", \"arguments\": {}}\n\nThat is all.",
    "<tools>\n<tool name=\"shell\">\n  <description>Runs a command</description>\n  <command>string</command>\n</tool>\n</tools>",
    "<details>\n<summary>Log</summary>\n\n{\"name\": \"stop\", \"arguments\": {}}\n</details>",
    "Found in config:\n{\"name\": \"stop\", \"arguments\": {}}",
    "Tool: shell\nDescription: runs a command\nArguments: {\"command\": \"string\"}",
    "Tool Call: shell\nArguments: {\"command\": \"ls\"}\nResult: a.rs",
    "Tool Call: shell\nwas in the log.",
    "Tool Call: other\nArguments: {\"command\": \"ls\"}",
    "[Tool Call: shell] was seen with {\"command\": \"ls\"}",
    "<tool>shell</tool> takes a command, <args> is not needed.",
    "  File \"x.py\", line 3, in f\n    shell(command=\"x\")\nError: no",
    "<tool_call>{\"name\": \"shell\", \"arguments\": {\"command\": \"<command>\"}}</tool_call>",
    "{\"name\": \"stop\", \"arguments\": {...}}",
    "Action: shell\nAction Input: <the command to run>",
    "{\"name\": \"shell\", \"parameters\": {\"command\": {\"type\": \"string\"}}}",
    "{\"name\": \"shell\", \"parameters\": {\"command\": \"string\"}}",
    "{\"name\": \"shell\", \"description\": \"Runs\", \"arguments\": {\"command\": \"What to run\"}}",
    "{\"name\": \"shell\", \"arguments\": {\"command\": \"x\"}, \"output\": \"y\"}",
    "{\"action\": \"stop\", \"user\": \"anna\", \"time\": \"12:00\"}",
    "{\"action\": \"save\", \"url\": \"https://example.com\", \"clicks\": 3}",
    "{\"shell\": {\"image\": \"a\"}, \"save\": {\"image\": \"b\"}}",
    "{\"name\": \"shell\", \"arguments\": [\"for\", \"against\"]}",
    "<|im_start|>tool\n{\"name\": \"stop\", \"arguments\": {}}<|im_end|>",
    "<|start_header_id|>user<|end_header_id|>\n<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>",
];

#[test]
fn what_only_looks_like_a_call_is_none() {
    for text in NO_CALLS {
        assert_eq!(shown(text, &tools()), "", "{text}");
    }
}

#[test]
fn arguments_hold_markers_as_data() {
    for (text, expected) in [
        (
            r#"<tool_call>{"name": "save", "arguments": {"path": "a", "text": "</tool_call> ```"}}</tool_call>"#,
            "</tool_call> ```",
        ),
        (
            "<function=save><parameter=path>a</parameter><parameter=text><function=x>\n</function></parameter></function>",
            "<function=x>\n</function>",
        ),
        (
            "<save><path>a</path><text>\n<p>\n</p>\n</text></save>",
            "<p>\n</p>",
        ),
        (
            "[save(path='a', text='''[stop()]\n<tool_call>''')]",
            "[stop()]\n<tool_call>",
        ),
        (
            r#"<invoke name="save"><parameter name="path">a</parameter><parameter name="text">  x
</parameter></invoke>"#,
            "  x\n",
        ),
    ] {
        let reading = read(text, &tools(), false);
        let arguments: Vec<_> = reading
            .calls
            .iter()
            .map(|call| call.arguments.to_json().get("text").cloned())
            .collect();
        assert_eq!(arguments, [Some(json!(expected))], "{text}");
    }
}

#[test]
fn one_reply_may_hold_several_calls_text_and_thinking() {
    let text = "<think>a</think>One.\n<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>\nTwo.\n\
        <tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>";
    let reading = read(text, &tools(), false);
    assert_eq!(reading.calls.len(), 2);
    assert_eq!(
        (reading.thinking.as_str(), reading.text.as_str()),
        ("a", "One.\n\nTwo.")
    );
    assert!(
        reading
            .repairs
            .iter()
            .any(|repair| repair.kind == RepairKind::Repeated)
    );
}

#[test]
fn what_cannot_be_called_is_told() {
    let kinds = |text: &str, tools: &Tools| {
        let reading = read(text, tools, false);
        assert_eq!(reading.calls, [], "{text}");
        reading
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.kind)
            .collect::<Vec<_>>()
    };
    let unknown = r#"<tool_call>{"name": "delete_everything", "arguments": {}}</tool_call>"#;
    assert_eq!(kinds(unknown, &tools()), [DiagnosticKind::UnknownTool]);
    assert_eq!(
        kinds(unknown, &Tools::new(Vec::new())),
        [DiagnosticKind::UnknownTool]
    );
    assert_eq!(
        kinds("[TOOL_CALLS]shell[ARGS]{no json}", &tools()),
        [DiagnosticKind::Mismatch]
    );
    assert_eq!(shown(unknown, &Tools::any()), "delete_everything{}");
}

#[test]
fn a_call_that_was_cut_off_says_where() {
    for text in [
        r#"<tool_call>{"name": "save", "arguments": {"path": "a", "text": "one two"#,
        "<function=save><parameter=path>a</parameter><parameter=text>one two",
        "<|tool_call_start|>[save(path='a', text='one two",
        "<|tool_call>call:save{path:<|\"|>a<|\"|>,text:<|\"|>one two",
        "<tool_call>save<arg_key>path</arg_key><arg_value>a</arg_value><arg_key>text</arg_key><arg_value>one two",
    ] {
        let reading = read(text, &tools(), true);
        let cuts: Vec<_> = reading
            .calls
            .iter()
            .map(|call| call.cut.as_ref().map(|cut| cut.path.as_str()))
            .collect();
        assert_eq!(cuts, [Some("/text")], "{text}");
    }
}

#[test]
fn native_calls_go_the_same_way() {
    for arguments in [
        json!({"command": "ls"}),
        json!("{\"command\": \"ls\"}"),
        json!("{'cmd': 'ls',}"),
        json!("ls"),
    ] {
        let reading = native("Shell", &arguments, &tools());
        assert_eq!(reading.calls.len(), 1, "{arguments}: {:?}", reading.diagnostics);
        assert_eq!(
            reading.calls[0].arguments.to_json(),
            json!({"command": "ls"}),
            "{arguments}"
        );
    }
    assert_eq!(
        native("delete", &json!({}), &tools()).diagnostics[0].kind,
        DiagnosticKind::UnknownTool
    );
}

#[test]
fn what_a_call_holds_leads_over_to_nothing() {
    let call = |command: &str| {
        format!(r#"<tool_call>{{"name": "shell", "arguments": {{"command": "{command}"}}}}</tool_call>"#)
    };
    let both = format!("{}\n{}", call("echo Do not call:"), call("ls"));
    assert_eq!(
        shown(&both, &tools()),
        r#"shell{"command":"echo Do not call:"} shell{"command":"ls"}"#
    );
    let unclosed =
        "<function=shell><parameter=command>echo for example:\n<function=shell><parameter=command>ls";
    assert_eq!(
        shown(unclosed, &tools()),
        r#"shell{"command":"echo for example:"} shell{"command":"ls"}"#
    );
    let led = format!("{}\nDo not call:\n{}", call("ls"), call("rm -r ."));
    assert_eq!(shown(&led, &tools()), r#"shell{"command":"ls"}"#);
}

/// The server says what is called; that a file's text looks like another call changes nothing.
#[test]
fn the_name_of_a_native_call_stands() {
    let shell = json!({"name": "shell", "arguments": {"command": "rm -r ."}});
    for arguments in [shell.clone(), json!(shell.to_string())] {
        let reading = native("save", &arguments, &tools());
        assert!(
            reading.calls.iter().all(|call| call.name == "save"),
            "{arguments}: {:?}",
            reading.calls
        );
        assert!(!reading.diagnostics.is_empty(), "{arguments}");
    }
    let twice = json!({"name": "save", "arguments": {"path": "a", "text": "b"}});
    let reading = native("save", &twice, &tools());
    assert_eq!(
        reading.calls[0].arguments.to_json(),
        json!({"path": "a", "text": "b"})
    );
}

/// What is told of lies in the text.
fn places_exist(text: &str, reading: &Reading) {
    let calls = reading.calls.iter().map(|call| call.span);
    let repairs = reading.repairs.iter().map(|repair| repair.span);
    let diagnostics = reading
        .diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.span);
    for span in calls.chain(repairs).chain(diagnostics) {
        assert!(text.get(span.start..span.end).is_some(), "{span:?} of {text}");
    }
}

#[test]
fn places_lie_in_texts_of_any_letters() {
    for text in [
        "<|channel|>commentary to=f<think>.stop <|message|>{}<|call|>",
        "<tool_call>shell: {\"command\": \"x\"\n<a>ü",
        "<tool_call>{\"name\": \"shell\", \"arguments\": \"{'command': 'ü\\t\u{1}'\"}</tool_call>",
    ] {
        places_exist(text, &read(text, &Tools::any(), false));
    }
}

/// Every prefix of every dialect, and every dialect in the middle of another: nothing panics, whatever is cut where.
#[test]
fn nothing_panics() {
    for text in DIALECTS.iter().chain(NO_CALLS) {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            places_exist(&text[..end], &read(&text[..end], &tools(), true));
            places_exist(&text[end..], &read(&text[end..], &Tools::any(), false));
        }
    }
    for one in DIALECTS {
        for other in DIALECTS {
            read(&format!("{one}{other}"), &tools(), false);
        }
    }
}

#[test]
fn a_call_may_follow_a_sentence_on_its_line() {
    let call = r#"{"name": "shell", "arguments": {"command": "ls"}}"#;
    for said in [
        "Okay. ",
        "Sure! ",
        "I see. I'll list the files. ",
        "No problem. Let me look. ",
    ] {
        assert_eq!(
            shown(&format!("{said}{call}"), &tools()),
            r#"shell{"command":"ls"}"#,
            "{said}"
        );
        assert_eq!(
            shown(&format!("{said}{call} would do it."), &tools()),
            "",
            "{said}"
        );
    }
    for said in [
        "This is the format. ",
        "I won't run it. ",
        "Let me show you how. ",
        "I can't do that. ",
        "It returned this. ",
        "The user said okay. ",
    ] {
        assert_eq!(shown(&format!("{said}{call}"), &tools()), "", "{said}");
    }
    // Only a call in every respect is one there.
    assert_eq!(shown(r#"Okay. {"shell": {"command": "ls"}}"#, &tools()), "");
}

#[test]
fn labels_may_be_items_of_a_list() {
    let list = "I list it.\n- Tool: shell\n- Arguments: {\"command\": \"ls\"}";
    for text in [
        list.to_owned(),
        list.replace("- ", "* "),
        list.replace("- Tool", "- **Tool**"),
    ] {
        assert_eq!(shown(&text, &tools()), r#"shell{"command":"ls"}"#, "{text}");
    }
    let told = format!("{list}\n- Result: a.txt");
    assert_eq!(shown(&told, &tools()), "", "what somebody else did");
}

#[test]
fn the_text_of_several_calls_that_are_none_is_told_once() {
    let reply = "Tools:\n```tool_code\n- Action: delete\n- Action: erase\n```";
    let reading = read(reply, &tools(), false);
    assert!(reading.calls.is_empty());
    assert_eq!(reading.text.matches("erase").count(), 1, "{}", reading.text);
    let reply = "<|channel|>commentary to=functions.era</tool_call>se <|message|>{\"path\": \"a\"}<|call|>";
    let reading = read(reply, &tools(), false);
    assert!(reading.text.len() <= reply.len(), "{}", reading.text);
}
