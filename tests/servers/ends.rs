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
