//! `smallcode parse`: how replies are read, shown and streamed line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::support::Sandbox;

fn read(sandbox: &Sandbox, arguments: &[&str], reply: &str) -> std::process::Output {
    let mut child = pipe(sandbox.command(arguments)).spawn().unwrap();
    child.stdin.take().unwrap().write_all(reply.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn pipe(mut command: Command) -> Command {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const TOOLS: &str = r#"[{"type": "function", "function": {"name": "read_file", "parameters": {
    "type": "object", "properties": {"path": {"type": "string"}, "line": {"type": "integer"}}, "required": ["path"]
}}}]"#;

#[test]
fn a_call_is_shown_with_what_was_repaired() {
    let sandbox = Sandbox::new();
    sandbox.write("tools.json", TOOLS);
    let reply =
        "Sure!\n<tool_call>{'name': 'ReadFile', 'arguments': {'file': 'a.rs', 'line': '3',}}\n\u{1b}[31mDone";
    let output = read(&sandbox, &["parse", "--tools", "tools.json"], reply);
    assert!(output.status.success());
    let shown = stdout(&output);
    for part in [
        "call read_file",
        "\"path\": \"a.rs\"",
        "\"line\": 3",
        "tool name",
        "parameter name",
        "extra comma",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(
        !shown.contains('\u{1b}'),
        "escape sequences of a reply must not reach the terminal"
    );
}

#[test]
fn a_value_follows_its_schema_or_says_what_is_missing() {
    let sandbox = Sandbox::new();
    let schema = r#"{"type": "object", "properties": {"title": {"type": "string"}, "count": {"type": "integer"}},
                     "required": ["title", "count"]}"#;
    sandbox.write("schema.json", schema);
    let arguments = ["parse", "--schema", "schema.json", "--json"];
    let reading: Value =
        serde_json::from_str(&stdout(&read(&sandbox, &arguments, "{title: x, count: '3'}"))).unwrap();
    assert_eq!(reading["value"], json!({"title": "x", "count": 3}));
    let reading: Value =
        serde_json::from_str(&stdout(&read(&sandbox, &arguments, "{\"title\": \"x\"}"))).unwrap();
    assert_eq!(reading["diagnostics"][0]["kind"], "missing");
    assert!(
        reading["diagnostics"][0]["message"]
            .as_str()
            .unwrap()
            .contains("count")
    );
}

#[test]
fn a_cut_write_is_marked() {
    let reply = r#"{"name": "write_file", "arguments": {"path": "a.rs", "content": "fn main() {"#;
    let sandbox = Sandbox::new();
    let shown = stdout(&read(&sandbox, &["parse"], reply));
    assert!(shown.contains("cut off at `/content`"), "{shown}");
}

#[test]
fn what_looked_like_a_call_is_shown_beside() {
    let sandbox = Sandbox::new();
    sandbox.write("tools.json", TOOLS);
    let reply = "For example, {\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}} would read it.";
    let shown = stdout(&read(&sandbox, &["parse", "--tools", "tools.json"], reply));
    assert!(shown.contains("no call and no value"), "{shown}");
    let reply = "<tool_call>{\"name\": \"delete_everything\", \"arguments\": {\"path\": \"a\"}}</tool_call>";
    let shown = stdout(&read(&sandbox, &["parse", "--tools", "tools.json"], reply));
    for part in [
        "no call and no value",
        "delete_everything",
        "other readings",
        "read_file",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn what_may_mean_two_calls_is_told_with_both() {
    let sandbox = Sandbox::new();
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tools = json!([{"name": "open", "parameters": schema}, {"name": "remove", "parameters": schema}]);
    sandbox.write("tools.json", &tools.to_string());
    let reply = r#"{"tool": "open", "action": "remove", "arguments": {"path": "a"}}"#;
    let shown = stdout(&read(&sandbox, &["parse", "--tools", "tools.json"], reply));
    for part in [
        "no call and no value",
        "may both be meant",
        "other readings",
        r#""name":"open""#,
        r#""name":"remove""#,
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn files_of_tools_are_checked() {
    let sandbox = Sandbox::new();
    sandbox.write("tools.json", "{}");
    let output = read(&sandbox, &["parse", "--tools", "tools.json"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no list of tools"));
    sandbox.write("tools.json", "[\n  oops");
    let output = read(&sandbox, &["parse", "--tools", "tools.json"], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("tools.json:2:3"));
}

/// Writes a line and waits for its answer: each must be flushed by itself.
fn ask(
    input: &mut ChildStdin,
    answers: &mut impl Iterator<Item = std::io::Result<String>>,
    line: &str,
) -> Value {
    writeln!(input, "{line}").unwrap();
    serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
}

#[test]
fn lines_are_answered_one_by_one_whatever_they_hold() {
    let sandbox = Sandbox::new();
    let mut child = pipe(sandbox.command(["parse", "--jsonl"])).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let call = r#"{"name": "f", "arguments": {"a": 1}}"#;
    let request = |tools: Value, want: &str, input: &str| {
        json!({ "id": 7, "tools": tools, "schema": null, "input": input, "want": want }).to_string()
    };
    let answer = ask(&mut input, &mut answers, &request(Value::Null, "calls", call));
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["calls"], json!([{"name": "f", "arguments": {"a": 1}}]));
    assert_eq!(answer.get("value"), None);
    // None is offered, so there is none to call.
    assert_eq!(
        ask(&mut input, &mut answers, &request(json!([]), "calls", call))["calls"],
        json!([])
    );
    let answer = ask(
        &mut input,
        &mut answers,
        &request(Value::Null, "value", "{a: 1,}"),
    );
    assert_eq!(answer["value"], json!({"a": 1}));
    assert!(!answer["repairs"].as_array().unwrap().is_empty());
    let answer = ask(&mut input, &mut answers, &json!({ "input": call }).to_string());
    assert!(
        answer["calls"].is_array() && answer["value"].is_object(),
        "{answer}"
    );
    assert!(ask(&mut input, &mut answers, "no JSON")["error"].is_string());
    assert!(ask(&mut input, &mut answers, "{}")["error"].is_string());
    let answer = ask(
        &mut input,
        &mut answers,
        &request(Value::Null, "value", &"[".repeat(300_000)),
    );
    assert!(answer["value"].is_array());
    // Tools and schemas are kept from line to line, as long as they are the same.
    let offered = json!([{"name": "g", "parameters": {}}]);
    for (tools, calls) in [(&json!([]), 0), (&offered, 1), (&offered, 1), (&json!([]), 0)] {
        let request = request(tools.clone(), "calls", r#"{"name": "g", "arguments": {"a": 1}}"#);
        let answer = ask(&mut input, &mut answers, &request);
        assert_eq!(answer["calls"].as_array().map(Vec::len), Some(calls), "{answer}");
    }
    let wrong = ask(&mut input, &mut answers, &request(json!({}), "calls", call));
    assert!(
        wrong["error"].as_str().unwrap().contains("no list of tools"),
        "{wrong}"
    );
    let typed = json!({"id": "s", "input": "{a: 3}", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}});
    let answer = ask(&mut input, &mut answers, &typed.to_string());
    assert_eq!(answer["value"], json!({"a": "3"}), "{answer}");
    // Half of a surrogate pair is no text, and no reason to refuse the line.
    let answer = ask(
        &mut input,
        &mut answers,
        r#"{"id": 1, "want": "value", "input": "{\"a\": \"\ud83d\"}"}"#,
    );
    assert_eq!(answer["value"], json!({"a": "\u{fffd}"}), "{answer}");
    let many = format!("[{}", "{'a': 1,}, ".repeat(300));
    let answer = ask(&mut input, &mut answers, &request(Value::Null, "value", &many));
    assert_eq!(answer["repairs"].as_array().map(Vec::len), Some(100));
    assert!(
        answer["omitted"]
            .as_array()
            .is_some_and(|omitted| !omitted.is_empty()),
        "{answer}"
    );
    drop(input);
    assert!(child.wait().unwrap().success());
}
