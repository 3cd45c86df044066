//! Answers that the server does not end as usual.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

use super::at;

const FILE: &str =
    "permissions: { write: ['notes.md'] }\ntasks:\n  a: { prompt: Write, output: { file: notes.md } }\n";

fn answering(answers: &[Answer]) -> (ModelServer, Sandbox) {
    let server = ModelServer::start(Script::answers(answers.to_vec()));
    let sandbox = at(&server, FILE);
    (server, sandbox)
}

fn half(reason: &str) -> Answer {
    Answer::text("Half a sen").finish(reason)
}

#[test]
fn an_answer_that_was_broken_off_is_asked_for_again() {
    for reason in ["error", "abort", "cancelled"] {
        let (server, sandbox) = answering(&[half(reason), Answer::text("A whole sentence.")]);
        sandbox.exec(&[]).exits(0);
        assert_eq!(sandbox.read("notes.md"), "A whole sentence.\n");
        assert_eq!(server.calls().len(), 2, "{reason}");
    }
    let (server, sandbox) = answering(&[half("error"), half("error"), half("error")]);
    sandbox.exec(&[]).exits(1).says("broke the answer off (`error`)");
    assert!(!sandbox.has("notes.md"));
    assert_eq!(server.calls().len(), 3);
}

#[test]
fn an_answer_that_is_withheld_is_no_answer() {
    for reason in ["content_filter", "refusal", "SAFETY"] {
        let (server, sandbox) = answering(&[half(reason), Answer::text("never")]);
        sandbox
            .exec(&[])
            .exits(1)
            .says(&format!("withholds the answer, or the rest of it (`{reason}`)"));
        assert!(!sandbox.has("notes.md"));
        assert_eq!(server.calls().len(), 1);
    }
}

#[test]
fn an_end_that_nobody_knows_is_told_once() {
    let server = ModelServer::start(Script::always(Answer::text("Yes.").finish("fin")));
    let sandbox = at(
        &server,
        "tasks:\n  a: { prompt: Hello }\n  b: { needs: a, prompt: Hello }\noutputs: { b: '{{ tasks.b.output }}' }\n",
    );
    let output = sandbox.exec(&[]).exits(0);
    assert_eq!(output.json(), json!({ "b": "Yes." }));
    let told = "ends an answer with `fin`, which is not known";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);
    // What is known of other servers is not told.
    let server = ModelServer::start(Script::always(Answer::text("Yes.").finish("COMPLETE")));
    let output = at(&server, "tasks:\n  a: { prompt: Hello }\n").exec(&[]).exits(0);
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
}

#[test]
fn a_value_that_came_as_a_thought_is_read_from_there() {
    let thought = |thinking: &str| Answer::text("").thinking(thinking);
    let value = r#"let me see: {"age": 7}"#;
    let schema = "tasks:\n  a: { prompt: How old?, output: { schema: { type: object, properties: { age: { type: integer } }, required: [age] } } }\noutputs: { a: '{{ tasks.a.output.age }}' }\n";
    let server = ModelServer::start(Script::always(thought(value)));
    let output = at(&server, schema).exec(&[]).exits(0);
    let told = "files the answer under the model's thoughts; it is read from there";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    assert_eq!(output.json(), json!({ "a": 7 }));
    assert_eq!(server.calls().len(), 1);
    // A thought is no text, and no file.
    for workflow in [FILE, "tasks:\n  a: { prompt: Hello, on_failure: { retry: 0 } }\n"] {
        let server = ModelServer::start(Script::always(thought(value)));
        let sandbox = at(&server, workflow);
        sandbox.exec(&[]).exits(1).says("the answer is empty");
        assert!(!sandbox.has("notes.md"));
    }
}

#[test]
fn a_call_that_came_as_a_thought_is_carried_out() {
    let call = |name: &str, arguments: serde_json::Value| {
        let call = json!({ "name": name, "arguments": arguments });
        Answer::text("").thinking(format!("I write it.\n<tool_call>\n{call}\n</tool_call>"))
    };
    let server = ModelServer::start(Script::answers([
        call("write_file", json!({ "path": "src/a.txt", "content": "hello\n" })),
        call("finish", json!({ "summary": "done" })),
    ]));
    let sandbox = at(
        &server,
        "permissions: { write: ['src/**'] }\ntasks:\n  a: { agent: { goal: Write it. }, writes: ['src/**'], verify: [{ files: [src/a.txt] }] }\n",
    );
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("src/a.txt"), "hello\n");
}
