//! `plan`: what a model proposes is checked as a file is, runs as one, and stays only if all of it is right.

mod kinds;

use serde_json::{Value, json};

use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

/// A workspace with two files that a plan may change.
fn sandbox(server: &ModelServer, beside: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'] }}\ntasks:\n  port:\n    plan: {{ goal: 'Make all of it new.', kinds: [edit, prompt], max_tasks: 4 }}\n    {beside}\noutputs: {{ port: '{{{{ tasks.port.output }}}}' }}\n"
    ));
    sandbox.write("src/a.txt", "a is old\n");
    sandbox.write("src/b.txt", "b is old\n");
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

const RETRY: &str = "on_failure: { retry: { max: 1, backoff: 1ms } }";

fn edit(name: &str, file: &str) -> Value {
    json!({ "name": name, "kind": "edit", "instruction": format!("Make `{file}` new: {{{{ 1 }}}}."), "files": [file] })
}

fn plan(tasks: &[Value]) -> Answer {
    Answer::text(json!({ "tasks": tasks }).to_string())
}

fn good() -> Answer {
    let list = json!({ "name": "list", "kind": "prompt", "instruction": "List them.", "files": ["src/list.md"], "needs": ["a", "b"] });
    plan(&[edit("a", "src/a.txt"), edit("b", "src/b.txt"), list])
}

fn new(name: &str) -> Answer {
    Answer::text(format!(
        "src/{name}.txt\n<<<<<<< SEARCH\n{name} is old\n=======\n{name} is new\n>>>>>>> REPLACE\n"
    ))
}

fn listed() -> Answer {
    Answer::text("```\n- a\n- b\n```\n")
}

/// What is in the files now.
fn files(sandbox: &Sandbox) -> (String, String, bool) {
    (
        sandbox.read("src/a.txt"),
        sandbox.read("src/b.txt"),
        sandbox.has("src/list.md"),
    )
}

fn old() -> (String, String, bool) {
    ("a is old\n".to_owned(), "b is old\n".to_owned(), false)
}

fn all_new() -> (String, String, bool) {
    ("a is new\n".to_owned(), "b is new\n".to_owned(), true)
}

fn count(sandbox: &Sandbox, word: &str) -> usize {
    sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == word)
        .count()
}

#[test]
fn a_plan_is_put_right_checked_and_run() {
    let wrong = plan(&[
        edit("a", "src/a.txt"),
        json!({ "name": "b", "kind": "run", "instruction": "rm -rf ." }),
        edit("c", "../c.txt"),
    ]);
    let server = ModelServer::start(Script::answers([wrong, good(), new("a"), new("b"), listed()]));
    let sandbox = sandbox(&server, RETRY);
    let said = sandbox
        .exec(&["-j", "1"])
        .exits(0)
        .says("planned 3 tasks: a, b, list");
    let tasks = &said.json()["port"]["tasks"];
    assert_eq!(tasks["a"]["files"], json!(["src/a.txt"]));
    assert_eq!(tasks["list"], json!({ "file": "src/list.md" }));
    assert_eq!(files(&sandbox), all_new());
    let asked = server.asked();
    for told in ["src/a.txt", "Make all of it new.", "at most 4 small tasks"] {
        assert!(asked[0].contains(told), "{told}: {}", asked[0]);
    }
    assert!(asked[1].contains("found \\\"run\\\""), "{}", asked[1]);
    // What a model wrote is no template.
    assert!(asked[2].contains("new: {{ 1 }}."), "{}", asked[2]);
    assert_eq!(count(&sandbox, "plan_accepted"), 1);
    assert_eq!(sandbox.ended("port#2/list"), "success");
}

#[test]
fn what_the_file_check_refuses_is_told_too() {
    let circle = [
        json!({ "name": "a", "kind": "edit", "instruction": "x", "files": ["src/a.txt"], "needs": ["b"] }),
        json!({ "name": "b", "kind": "edit", "instruction": "x", "files": ["src/b.txt"], "needs": ["a"] }),
    ];
    let elsewhere = [edit("a", "other.txt")];
    for (wrong, told) in [(&circle[..], "need each other"), (&elsewhere[..], "other.txt")] {
        let server = ModelServer::start(Script::answers([plan(wrong), plan(wrong)]));
        let sandbox = sandbox(&server, RETRY);
        sandbox.exec(&[]).exits(1).says("the plan can't be run");
        assert!(server.asked()[1].contains(told), "{}", server.asked()[1]);
        assert_eq!(count(&sandbox, "plan_accepted"), 0);
        assert_eq!(files(&sandbox), old());
    }
}

#[test]
fn what_the_tasks_made_stays_only_together() {
    // The last task fails, twice; then a verifier of the whole refuses it.
    let wrong = || Answer::text("");
    for (answers, verify) in [
        (vec![good(), new("a"), new("b"), wrong()], "verify: []"),
        (
            vec![good(), new("a"), new("b"), listed()],
            "verify: [{ run: 'grep -q old src/a.txt' }]",
        ),
    ] {
        let server = ModelServer::start(Script::answers(answers));
        let sandbox = sandbox(&server, &format!("on_failure: {{ retry: 0 }}\n    {verify}"));
        sandbox.exec(&["-j", "1"]).exits(1);
        assert_eq!(count(&sandbox, "plan_accepted"), 1);
        assert_eq!(files(&sandbox), old(), "{verify}");
        assert_eq!(server.calls().len(), 4);
    }
}

#[test]
fn a_plan_whose_tasks_fail_is_made_anew() {
    let wrong = Answer::text("I can't do that.");
    let answers = [
        good(),
        new("a"),
        wrong.clone(),
        wrong,
        plan(&[edit("a", "src/a.txt")]),
        new("a"),
    ];
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(&server, RETRY);
    sandbox.exec(&["-j", "1"]).exits(0);
    let (a, b, list) = files(&sandbox);
    assert_eq!(
        (a.as_str(), b.as_str(), list),
        ("a is new\n", "b is old\n", false)
    );
    assert!(
        server.asked()[4].contains("of the plan, `port/b` failed"),
        "{}",
        server.asked()[4]
    );
}

/// The engine dies at every call in turn: the plan that was accepted is the plan that runs.
#[test]
fn a_kill_at_any_call_goes_on_with_the_same_plan() {
    for (good_end, code) in [(true, 0), (false, 1)] {
        for dies in 0..4 {
            let mut answers = vec![good(), new("a"), new("b"), listed()];
            let stalls = answers[dies].clone().with(Fault::Stall { after_events: 1 });
            answers.insert(dies, stalls);
            let server = ModelServer::start(Script::answers(answers));
            let verify = if good_end { "true" } else { "false" };
            let beside = format!("on_failure: {{ retry: 0 }}\n    verify: [{{ run: '{verify}' }}]");
            let sandbox = sandbox(&server, &beside);
            let mut engine = sandbox.start(["exec", "-j", "1", "workflow.yaml"]);
            wait_until(|| server.calls().len() == dies + 1);
            engine.kill().unwrap();
            engine.wait().unwrap();
            sandbox.run(["resume", "-j", "1"]).exits(code);
            assert_eq!(
                files(&sandbox),
                if good_end { all_new() } else { old() },
                "killed in call {dies}"
            );
            assert_eq!(server.calls().len(), 5);
            assert_eq!(count(&sandbox, "plan_accepted"), 1);
        }
    }
}

#[test]
fn a_plan_is_bounded_before_it_runs() {
    let server = ModelServer::start(Script::answers([]));
    let sandbox = sandbox(&server, RETRY);
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).json();
    // Two attempts of the plan, each with four tasks of two attempts, and three tries of each call.
    assert_eq!(plan["totals"]["calls"], 2 * (1 + 4 * 2) * 3);
    let refused = |keys: &str, code: i32, says: &str| {
        let sandbox = Sandbox::with(&format!("tasks:\n  a: {{ plan: {{ goal: x, {keys} }} }}\n"));
        sandbox.exec(&[]).exits(code).says(says);
    };
    refused("max_tasks: 33", 2, "is not between 1 and 32");
}
