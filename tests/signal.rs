//! Signals, time limits, gates: who stops what, and how a run goes on from there.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::process::{Child, Command};

use serde_json::json;

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

#[cfg(target_os = "linux")]
fn in_terminal(sandbox: &Sandbox) -> Child {
    let engine = sandbox.command(["exec", "workflow.yaml"]);
    let line = format!(
        "echo $$ > pid; exec {} exec workflow.yaml",
        engine.get_program().to_string_lossy()
    );
    Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(sandbox.path())
        .env("HOME", sandbox.outside().join("home"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

/// `script` of util-linux gives the command a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_question_in_a_terminal_is_answered_or_interrupted() {
    use std::io::Write as _;
    let text = "tasks:\n  gate: { approve: 'Ship?' }\n  ship: { needs: gate, run: touch shipped }\n";
    let asked = |sandbox: &Sandbox| {
        wait_until(|| sandbox.has(".smallcode/runs") && journaled(sandbox, "approval_asked"));
    };
    let sandbox = Sandbox::with(text);
    let mut terminal = in_terminal(&sandbox);
    asked(&sandbox);
    terminal.stdin.as_mut().unwrap().write_all(b"y\n").unwrap();
    let output = terminal.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(sandbox.has("shipped"));

    let sandbox = Sandbox::with(text);
    let terminal = in_terminal(&sandbox);
    asked(&sandbox);
    let status = Command::new("kill")
        .args(["-INT", sandbox.read("pid").trim()])
        .status()
        .unwrap();
    assert!(status.success());
    let output = terminal.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    sandbox.run(["resume", "--approve", "gate"]).exits(0);
}
