//! `resume`: whatever moment the engine died at, the run ends as if it had not.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::model_server::{Answer, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

const WORKFLOW: &str = r#"
tasks:
  list: { run: "echo list >> log; printf 'a\nb\nc\n'", parse: lines }
  each:
    needs: list
    foreach: "{{ tasks.list.output }}"
    run: "echo each{{ index }} >> log; echo {{ item }}{{ item }}"
  flaky:
    run: "echo flaky >> log; test $(grep -c flaky log) -ge 2"
    idempotent: true
    on_failure: { retry: 2 }
  note:
    needs: each
    render: { text: "{{ tasks.each.output | join(',') }}", to: out/note.txt }
  ask:
    needs: note
    prompt: "Say {{ tasks.note.output.file }}"
  inner:
    needs: ask
    uses: inner.yaml
    with: { word: "{{ tasks.ask.output }}" }
outputs:
  each: "{{ tasks.each.output }}"
  said: "{{ tasks.ask.output }}"
  inner: "{{ tasks.inner.output.word }}"
"#;

const INNER: &str = "smallcode: 1\ninputs: { word: string }\ntasks:\n  a: { run: 'echo inner >> log; echo {{ inputs.word }}!' }\noutputs: { word: '{{ tasks.a.output }}' }\n";

fn sandbox(server: &ModelServer) -> Sandbox {
    let mut sandbox = Sandbox::with(WORKFLOW);
    sandbox.write("inner.yaml", INNER);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// What each command of the log did, and how often.
fn count(log: &str, line: &str) -> usize {
    log.lines().filter(|found| *found == line).count()
}

/// The journal is cut after every record in turn: a crash right after each commit, before its effects.
#[test]
fn a_crash_after_any_record_changes_nothing() {
    let server = ModelServer::start(Script::always(Answer::text("hello")));
    let whole = sandbox(&server);
    let expected = whole.exec(&["-j", "1"]).exits(0).json();
    assert_eq!(expected["inner"], "hello!");
    let calls = server.calls().len();
    let journal = fs::read_to_string(whole.run_folder().join("journal.jsonl")).unwrap();
    let run = whole.run_folder().file_name().unwrap().to_owned();
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    assert!(lines.len() > 20, "{journal}");
    for cut in 1..lines.len() {
        let copied = sandbox(&server);
        fs::remove_dir_all(copied.path()).unwrap();
        copy(&whole.path(), &copied.path());
        // Effects of later records are not there yet, but for those of commands that were in flight.
        let kept = lines[..cut].concat();
        let has = |node: &str| kept.contains(&format!("\"attempt_finished\",\"node\":\"{node}\""));
        let mut log = String::new();
        for (node, line) in [
            ("list", "list"),
            ("each[0]", "each0"),
            ("each[1]", "each1"),
            ("each[2]", "each2"),
            ("inner/a", "inner"),
        ] {
            if has(node) {
                log.push_str(line);
                log.push('\n');
            }
        }
        let flaky = kept.matches("\"attempt_finished\",\"node\":\"flaky\"").count();
        log.push_str(&"flaky\n".repeat(flaky));
        copied.write("log", &log);
        if !has("note") {
            let _ = fs::remove_dir_all(copied.path().join("out"));
        }
        let folder = copied.path().join(".smallcode/runs").join(&run);
        // Half a line on top: a write that was cut short.
        fs::write(folder.join("journal.jsonl"), format!("{kept}{{\"v\":1,\"seq\":")).unwrap();
        let before = server.calls().len();
        let resumed = copied.run(["resume", "--yes", "-j", "1"]);
        if kept.contains("run_finished") {
            resumed.exits(2).says("nothing to resume");
            continue;
        }
        let resumed = resumed.exits(0).says("which was cut off");
        assert_eq!(resumed.json(), expected, "after record {cut}");
        let log = copied.read("log");
        for line in ["list", "each0", "each1", "each2", "inner"] {
            assert_eq!(count(&log, line), 1, "{line} after record {cut}:\n{log}");
        }
        assert_eq!(count(&log, "flaky"), 2, "after record {cut}");
        assert_eq!(copied.read("out/note.txt"), "aa,bb,cc");
        let again = server.calls().len() - before;
        let finished = kept.contains("\"call_finished\"");
        assert_eq!(again, usize::from(!finished) * calls, "calls after record {cut}");
        // What was resumed can't be resumed again.
        copied
            .run(["resume"])
            .exits(2)
            .says("no run of this workspace can be taken up");
    }
}

#[test]
fn a_command_in_flight_is_run_again_only_when_told_so() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'echo a >> log; if [ ! -e go ]; then sleep 1000; fi' }\n  b: { needs: a, run: 'echo b >> log' }\n",
    );
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("log"));
    engine.kill().unwrap();
    assert_eq!(engine.wait().unwrap().signal(), Some(9));
    for _ in 0..2 {
        sandbox.run(["resume"]).exits(6).says("`a`");
        assert_eq!(sandbox.read("log"), "a\n");
    }
    sandbox.write("go", "");
    sandbox.run(["resume", "--yes"]).exits(0);
    assert_eq!(sandbox.read("log"), "a\na\nb\n");
}

fn lives(pid: &str) -> bool {
    // A zombie that nobody reaps has no command line.
    fs::read(format!("/proc/{}/cmdline", pid.trim())).map_or_else(
        |_| {
            !cfg!(target_os = "linux")
                && Command::new("kill")
                    .args(["-0", pid.trim()])
                    .status()
                    .unwrap()
                    .success()
        },
        |line| !line.is_empty(),
    )
}

#[test]
fn what_a_dead_run_left_running_is_ended_first() {
    let sandbox = Sandbox::with(
        "tasks:\n  a:\n    idempotent: true\n    run: |\n      if [ -e again ]; then exit 0; fi\n      sleep 1000 & echo $! > pid1\n      (setsid sh -c 'echo $$ > pid2; exec sleep 1000' || sh -c 'echo $$ > pid2; exec sleep 1000') &\n      wait\n",
    );
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    let full = |name: &str| sandbox.has(name) && sandbox.read(name).ends_with('\n');
    wait_until(|| full("pid1") && full("pid2"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let pids = [sandbox.read("pid1"), sandbox.read("pid2")];
    assert!(pids.iter().all(|pid| lives(pid)));
    sandbox.write("again", "");
    sandbox
        .run(["resume"])
        .exits(0)
        .says("that the run had left behind");
    assert!(!pids.iter().any(|pid| lives(pid)));
}

#[test]
fn a_run_has_one_process() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'touch on; while [ ! -e go ]; do sleep 0.01; done' }\n");
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("on"));
    sandbox.run(["resume"]).exits(75).says(&engine.id().to_string());
    sandbox
        .run(["runs", "gc", "--keep", "0", "--younger", "0", "--unfinished"])
        .exits(0);
    sandbox.write("go", "");
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(0));
    let run = sandbox
        .run_folder()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    sandbox
        .run(["resume", &run])
        .exits(2)
        .says("there is nothing to resume");
    let listed = sandbox.run(["runs", "list"]).exits(0);
    assert!(listed.stdout.contains(&run) && listed.stdout.contains("success"));
    let shown = sandbox.run(["runs", "show", "--json"]).exits(0).stdout;
    assert!(
        shown
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
    assert!(shown.contains("attempt_finished"));
    let gone = sandbox
        .run(["runs", "gc", "--keep", "0", "--younger", "0"])
        .exits(0);
    assert!(gone.stdout.contains(&run));
    assert_eq!(sandbox.run(["runs", "list", "--json"]).exits(0).json(), json!([]));
    sandbox.run(["resume"]).exits(2);
    sandbox.run(["runs", "show", &run]).exits(2);
}

/// A run that died before its first record holds nothing, and does not hide the one before it.
#[test]
fn a_run_that_never_began_is_passed_over() {
    let sandbox = Sandbox::with("tasks:\n  a: { approve: 'Go on?' }\n");
    sandbox.exec(&[]).exits(6);
    let run = sandbox.run_folder();
    let empty = run.with_file_name("29990101-000000-0000");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("journal.jsonl"), "").unwrap();
    sandbox
        .run(["resume", "29990101-000000-0000"])
        .exits(2)
        .says("died before it began");
    sandbox.run(["resume", "--approve", "a"]).exits(0);
}

/// The engine is really killed, at whatever it does when the journal has so many records.
#[test]
fn a_kill_at_any_moment_repeats_nothing_that_was_finished() {
    let server = ModelServer::start(Script::always(Answer::text("hello")));
    for records in (1..36).step_by(3) {
        let sandbox = sandbox(&server);
        let mut engine = sandbox.start(["exec", "workflow.yaml", "-j", "2"]);
        let journal = || {
            let runs = fs::read_dir(sandbox.path().join(".smallcode/runs"));
            let run = runs.ok().and_then(|mut runs| runs.next());
            run.and_then(|run| fs::read_to_string(run.ok()?.path().join("journal.jsonl")).ok())
                .unwrap_or_default()
        };
        let before = server.calls().len();
        wait_until(|| {
            let journal = journal();
            journal.lines().count() >= records || journal.contains("run_finished")
        });
        engine.kill().unwrap();
        engine.wait().unwrap();
        let kept = journal();
        if kept.contains("run_finished") {
            continue;
        }
        let asked = server.calls().len() - before;
        let resumed = sandbox.run(["resume", "--yes"]).exits(0).json();
        assert_eq!(resumed["inner"], "hello!", "after {records} records");
        let log = sandbox.read("log");
        for (node, line) in [("list", "list"), ("each[0]", "each0"), ("inner/a", "inner")] {
            let finished = kept.contains(&format!("\"attempt_finished\",\"node\":\"{node}\""));
            let most = if finished { 1 } else { 2 };
            assert!((1..=most).contains(&count(&log, line)), "{line}:\n{log}");
        }
        let again = server.calls().len() - before - asked;
        let finished = kept.contains("\"call_finished\"");
        assert_eq!(again, usize::from(!finished), "after {records} records");
    }
}
