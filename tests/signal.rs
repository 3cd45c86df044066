//! Signals, time limits, gates: who stops what, and how a run goes on from there.

use std::fs;
use std::process::{Child, Command};

use serde_json::json;

use crate::support::model_server::{Answer, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

fn signal(engine: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &engine.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn is_gone(pid: &str) -> bool {
    !Command::new("kill")
        .args(["-0", pid.trim()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn journaled(sandbox: &Sandbox, text: &str) -> bool {
    fs::read_to_string(sandbox.run_folder().join("journal.jsonl")).is_ok_and(|journal| journal.contains(text))
}

#[test]
fn the_first_signal_lets_commands_finish_and_starts_nothing_more() {
    for name in ["-INT", "-TERM"] {
        let sandbox = Sandbox::with(
            "tasks:\n  a: { run: 'touch on; while [ ! -e go ]; do sleep 0.01; done; echo a >> log' }\n  b: { needs: a, run: 'echo b >> log' }\n",
        );
        let engine = sandbox.start(["exec", "workflow.yaml"]);
        wait_until(|| sandbox.has("on"));
        signal(&engine, name);
        wait_until(|| journaled(&sandbox, "interrupted"));
        sandbox.write("go", "");
        let output = engine.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(130),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(sandbox.read("log"), "a\n");
        sandbox.run(["resume"]).exits(0);
        assert_eq!(sandbox.read("log"), "a\nb\n");
    }
}

#[test]
fn the_second_signal_kills_and_the_third_leaves() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { idempotent: true, run: \"trap '' TERM INT; if [ -e go ]; then exit 0; fi; sh -c 'echo $$ > pid; exec sleep 1000'\" }\n",
    );
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("pid") && sandbox.read("pid").ends_with('\n'));
    signal(&engine, "-INT");
    wait_until(|| journaled(&sandbox, "\"stage\":1"));
    assert!(!is_gone(&sandbox.read("pid")));
    signal(&engine, "-INT");
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(130));
    let pid = sandbox.read("pid");
    wait_until(|| is_gone(&pid));
    sandbox.write("go", "");
    sandbox.run(["resume"]).exits(0);
}

#[test]
fn time_limits_and_fail_fast_end_descendants() {
    let sleeper = "sh -c 'echo $$ > pid; exec sleep 1000'";
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  a: {{ timeout: 500ms, run: \"{sleeper}; true\" }}\n"
    ));
    sandbox.exec(&[]).exits(1).says("timeout");
    let pid = sandbox.read("pid");
    wait_until(|| is_gone(&pid));
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  a:\n    foreach: [0, 1, 2]\n    fail_fast: true\n    run: |\n      if [ {{{{ item }}}} = 0 ]; then while [ ! -s pid ]; do sleep 0.01; done; exit 7; fi\n      {sleeper}; true\n"
    ));
    sandbox.exec(&["-j", "2"]).exits(1).says("exit code 7");
    let pid = sandbox.read("pid");
    wait_until(|| is_gone(&pid));
    assert!(journaled(&sandbox, "node_cancelled"), "the third never started");
}

#[test]
fn gates_wait_and_are_answered_by_name() {
    let text = "tasks:\n  gate: { approve: 'Ship {{ 1 + 1 }}?' }\n  ship: { needs: gate, run: 'echo shipped >> log' }\noutputs: { said: '{{ tasks.gate.output }}' }\n";
    let sandbox = Sandbox::with(text);
    sandbox.exec(&[]).exits(6).says("--approve gate");
    sandbox.run(["resume"]).exits(6).says("gate");
    sandbox
        .run(["resume", "--approve", "ship"])
        .exits(2)
        .says("waiting are `gate`");
    sandbox
        .run(["resume", "--approve", "gate", "--reject", "gate"])
        .exits(2)
        .says("two answers");
    let output = sandbox
        .run(["resume", "--approve", "gate", "--comment", "fine"])
        .exits(0);
    assert_eq!(
        output.json(),
        json!({ "said": { "approved": true, "comment": "fine" } })
    );
    assert_eq!(sandbox.read("log"), "shipped\n");
    let sandbox = Sandbox::with(text);
    sandbox.exec(&[]).exits(6);
    sandbox
        .run(["resume", "--reject", "gate", "--comment", "too early"])
        .exits(1)
        .says("too early");
    assert!(!sandbox.has("log"));
}

/// Sends the second and the third signal to an engine that is stopped, so that it finds them together. Whether it
/// left without waiting for what the second had begun; the run can be taken up either way.
fn leaves_without_an_end() -> bool {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { idempotent: true, run: \"if [ -e go ]; then exit 0; fi; echo $$ > pid; trap '' TERM; while :; do sleep 0.05; done\" }\n",
    );
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("pid") && sandbox.read("pid").ends_with('\n'));
    signal(&engine, "-INT");
    wait_until(|| journaled(&sandbox, "\"stage\":1"));
    signal(&engine, "-STOP");
    wait_until(|| {
        let state = Command::new("ps")
            .args(["-o", "state=", "-p", &engine.id().to_string()])
            .output()
            .unwrap();
        state.stdout.starts_with(b"T")
    });
    for name in ["-INT", "-TERM", "-CONT"] {
        signal(&engine, name);
    }
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(130));
    let ended = journaled(&sandbox, "run_finished");
    let pid = sandbox.read("pid");
    if !ended {
        sandbox.write("go", "");
        sandbox.run(["resume"]).exits(0);
    }
    wait_until(|| is_gone(&pid));
    !ended
}

#[test]
fn the_third_signal_leaves_at_once() {
    // The system may still hand the two over one after the other, with time for the second to be carried out.
    assert!(
        (0..10).any(|_| leaves_without_an_end()),
        "it always waits for the end"
    );
}

#[test]
fn a_call_in_flight_is_finished_after_the_first_signal() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let server = ModelServer::start(Script::function(move |_, _| {
        gate.lock().unwrap().recv().unwrap();
        Answer::text("yes")
    }));
    let mut sandbox = Sandbox::with(
        "tasks:\n  a: { prompt: Hello }\n  b: { needs: a, run: 'echo {{ tasks.a.output }} >> log' }\n",
    );
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\nwindow = 4096\n",
            server.base_url()
        ),
    );
    sandbox.env("NO_COLOR", "1");
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 1);
    signal(&engine, "-INT");
    wait_until(|| journaled(&sandbox, "interrupted"));
    go.send(()).unwrap();
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(sandbox.ended("a"), "success");
    assert!(!sandbox.has("log"), "nothing is started after a signal");
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("log"), "yes\n");
    assert_eq!(server.calls().len(), 1, "it was asked once");
}

/// An interruption is a pause: what was in flight is not cancelled, and what cleans up sees how it really ended.
#[test]
fn a_signal_pauses_the_run_and_cancels_nothing() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { idempotent: true, run: 'touch on; while [ ! -e go ]; do sleep 0.01; done' }\n  cleanup: { needs: a, if: cancelled(), run: touch cleaned }\n  last: { needs: a, if: always(), run: 'echo {{ tasks.a.status }} >> log' }\n",
    );
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("on"));
    signal(&engine, "-INT");
    wait_until(|| journaled(&sandbox, "\"stage\":1"));
    signal(&engine, "-INT");
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(130));
    assert!(!sandbox.has("cleaned") && !sandbox.has("log"));
    sandbox.write("go", "");
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("log"), "success\n");
    assert!(!sandbox.has("cleaned"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_question_in_a_terminal_is_answered_or_interrupted() {
    use crate::support::pty::Pty;
    let text = "tasks:\n  gate: { approve: 'Ship?' }\n  ship: { needs: gate, run: touch shipped }\n";
    let sandbox = Sandbox::with(text);
    let mut terminal = Pty::start(&sandbox, 80, &["exec", "workflow.yaml"], "xterm");
    terminal.shows("[y/N");
    terminal.types("y\n");
    let (code, seen) = terminal.ends();
    assert_eq!(code, Some(0), "{}", seen.written);
    assert!(sandbox.has("shipped"));

    let sandbox = Sandbox::with(text);
    let mut terminal = Pty::start(&sandbox, 80, &["exec", "workflow.yaml"], "xterm");
    terminal.shows("[y/N");
    terminal.types("\x03");
    let (code, seen) = terminal.ends();
    assert_eq!(code, Some(130), "{}", seen.written);
    sandbox.run(["resume", "--approve", "gate"]).exits(0);
}
