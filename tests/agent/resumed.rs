//! An agent that was killed goes on: its finished calls are not made again, and what it wrote is taken back and redone.

use serde_json::json;

use super::{A, call, finish, patch, sandbox, with_task};
use crate::support::model_server::script::Reported;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

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
fn what_a_person_wrote_meanwhile_is_set_aside_and_said() {
    let mut answers: Vec<Answer> = steps().into_iter().map(Answer::text).collect();
    answers.insert(2, answers[2].clone().with(Fault::Stall { after_events: 1 }));
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = with_task(&server, FILES_ONLY, "");
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 3);
    engine.kill().unwrap();
    engine.wait().unwrap();
    let edited = A.replace('3', "4") + "# mine\n";
    sandbox.write("src/a.py", &edited);
    let output = sandbox.run(["resume"]).exits(0);
    output.says("what stood there instead was set aside in ");
    let aside = sandbox.run_folder().join("put-back/1/src/a.py");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), edited);
}

/// Its check says how often it ran, and changes a file that the model may write.
const COUNTING: &str =
    "echo ran >> build/ran\ngrep -q 'return 2' src/a.py || exit 1\necho '# checked' >> src/a.py\n";

/// A sandbox with that check, which is the model's alone.
fn counting(server: &ModelServer, beside: &str) -> Sandbox {
    let sandbox = sandbox(server, beside);
    let workflow = sandbox.read("workflow.yaml");
    let verified = workflow.replace(
        "verify: [{ run: sh check.sh }]",
        "verify: [{ run: grep -q once src/a.py }]",
    );
    sandbox.write("workflow.yaml", &verified);
    sandbox.write("check.sh", COUNTING);
    sandbox.write("build/CACHEDIR.TAG", "");
    sandbox
}

fn checked() -> Vec<String> {
    vec![
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        call("run_command", &json!({ "command": "sh check.sh" })),
        patch("src/a.py", "# checked\n", "# checked once\n"),
        finish(),
    ]
}

/// The server has counted more than was proven, of the call after a command: what that teaches changes nothing of what the
/// attempt was told before it, so that its calls are known again.
#[test]
fn what_was_learned_before_a_kill_repeats_no_call() {
    let [edit, check, put, end] = <[String; 4]>::try_from(checked()).unwrap().map(Answer::text);
    let more = put.clone().usage(Reported::Exactly {
        prompt: 1_700,
        completion: 5,
    });
    let stalled = put.clone().with(Fault::Stall { after_events: 1 });
    let server = ModelServer::start(Script::answers([edit, check, more, stalled, put, end]));
    let sandbox = counting(&server, ", context: [{ file: src/a.py }]");
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 4);
    engine.kill().unwrap();
    engine.wait().unwrap();
    let output = sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2") + "# checked once\n");
    assert_eq!(sandbox.read("build/ran"), "ran\n");
    assert_eq!(server.calls().len(), 6);
    assert!(!output.stderr.contains("after 2 attempts"), "{}", output.stderr);
}

#[test]
fn a_command_that_ended_is_not_run_again_and_what_it_left_is_in_place() {
    let mut answers: Vec<Answer> = checked().into_iter().map(Answer::text).collect();
    answers.insert(2, answers[2].clone().with(Fault::Stall { after_events: 1 }));
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = counting(&server, "");
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 3);
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert!(sandbox.read("src/a.py").ends_with("# checked\n"));
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2") + "# checked once\n");
    assert_eq!(sandbox.read("build/ran"), "ran\n");
    assert_eq!(server.calls().len(), 5);
    let tools: Vec<String> = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "tool_finished")
        .map(|event| event["does"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        tools,
        [
            "patch src/a.py",
            "run_command sh check.sh",
            "patch src/a.py",
            "finish"
        ]
    );
    let shown = sandbox.run(["runs", "show"]).exits(0).stdout;
    for tool in ["`run_command sh check.sh`: exit code 0", "`patch src/a.py`"] {
        assert!(shown.contains(tool), "{shown}");
    }
}

/// A server and a sandbox whose check never ends the first time, and a run that was killed in it.
fn killed_in_its_command(beside: &str) -> (ModelServer, Sandbox) {
    let server = ModelServer::start(Script::answers(checked().into_iter().map(Answer::text)));
    let sandbox = counting(&server, beside);
    let waits = "test -e build/ran || { echo ran >> build/ran; sleep 600; }\n";
    sandbox.write("check.sh", &format!("{waits}{COUNTING}"));
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("build/ran"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    (server, sandbox)
}

#[test]
fn a_command_in_flight_waits_for_a_yes() {
    let (server, sandbox) = killed_in_its_command("");
    sandbox
        .run(["resume"])
        .exits(6)
        .says("a command of `fix` was in flight when the run stopped: `--yes` runs it again");
    assert_eq!(sandbox.read("src/a.py"), A);
    sandbox.run(["resume", "--yes"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2") + "# checked once\n");
    assert_eq!(sandbox.read("build/ran"), "ran\nran\n");
    assert_eq!(server.calls().len(), 4);
}

#[test]
fn a_command_that_may_be_repeated_is() {
    let (_server, sandbox) = killed_in_its_command(", idempotent: true");
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2") + "# checked once\n");
    assert_eq!(sandbox.read("build/ran"), "ran\nran\n");
}
