//! An agent that was killed goes on: its finished calls are not made again, and what it wrote is taken back and redone.

use serde_json::json;

use super::{A, call, finish, patch, sandbox, with_task};
use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::wait_until;

fn steps() -> Vec<String> {
    vec![
        call("read_file", &json!({ "path": "src/a.py" })),
        patch("src/a.py", "    return 3\n", "    return 4\n"),
        patch("src/a.py", "    return 4\n", "    return 2\n"),
        finish(),
    ]
}

/// Without commands, which nobody may repeat unasked.
const FILES_ONLY: &str = "agent: { goal: x, tools: [read_file, patch] }";

#[test]
fn a_kill_in_the_middle_repeats_no_call() {
    for killed_at in 1..=3 {
        let mut answers: Vec<Answer> = steps().into_iter().map(Answer::text).collect();
        let stalled = answers[killed_at].clone().with(Fault::Stall { after_events: 1 });
        answers.insert(killed_at, stalled);
        let server = ModelServer::start(Script::answers(answers));
        let sandbox = with_task(&server, FILES_ONLY, "");
        let mut engine = sandbox.start(["exec", "workflow.yaml"]);
        wait_until(|| server.calls().len() == killed_at + 1);
        engine.kill().unwrap();
        engine.wait().unwrap();
        sandbox.run(["resume"]).exits(0);
        assert_eq!(
            sandbox.read("src/a.py"),
            A.replace('3', "2"),
            "killed at {killed_at}"
        );
        assert_eq!(server.calls().len(), 5, "killed at {killed_at}");
    }
}

#[test]
fn an_agent_with_commands_waits_for_a_yes() {
    let mut answers: Vec<Answer> = steps().into_iter().map(Answer::text).collect();
    answers.insert(2, answers[2].clone().with(Fault::Stall { after_events: 1 }));
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(&server, "");
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 3);
    engine.kill().unwrap();
    engine.wait().unwrap();
    sandbox.run(["resume"]).exits(6).says("fix");
    assert_eq!(sandbox.read("src/a.py"), A);
    sandbox.run(["resume", "--yes"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2"));
    assert_eq!(server.calls().len(), 5);
}

#[test]
fn one_whose_commands_may_be_repeated_goes_on_by_itself() {
    let mut answers: Vec<Answer> = steps().into_iter().map(Answer::text).collect();
    answers.insert(2, answers[2].clone().with(Fault::Stall { after_events: 1 }));
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(&server, ", idempotent: true");
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 3);
    engine.kill().unwrap();
    engine.wait().unwrap();
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2"));
}
