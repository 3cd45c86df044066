//! `judge`: a model is asked, its call is the attempt's, and nothing passes by default.

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

const YES: &str = r#"{"reason": "It is.", "answer": "yes"}"#;
const NO: &str = r#"{"reason": "It names no harbour.", "answer": "no"}"#;

fn with(server: &ModelServer, task: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!("tasks:\n  a: {{ {task} }}\n"));
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

/// Answers to the prompt and to the judge, each in their order; the last stays.
fn script(prompt: &'static [&'static str], judge: &'static [&'static str]) -> Script {
    let counts = [0, 0].map(std::sync::atomic::AtomicUsize::new);
    Script::function(move |request, _| {
        let which = usize::from(request.last_user_message().contains("Question: "));
        let list = [prompt, judge][which];
        let next = counts[which].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Answer::text(list[next.min(list.len() - 1)])
    })
}

const TASK: &str = "prompt: Name a city, verify: [{ judge: 'Has {{ output }} a harbour?' }]";

#[test]
fn a_yes_passes_and_is_a_call_of_the_attempt() {
    let server = ModelServer::start(script(&["Oslo"], &[YES]));
    let sandbox = with(&server, TASK);
    sandbox.exec(&[]).exits(0);
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    let asked = calls[1].last_user_message();
    assert!(asked.contains("the result\n```\nOslo\n```"), "{asked}");
    assert!(asked.ends_with("Question: Has Oslo a harbour?"), "{asked}");
    assert_eq!(calls[1].body["temperature"], Value::from(0.0));
    assert_eq!(
        calls[1].schema().unwrap()["properties"]["answer"]["enum"],
        serde_json::json!(["yes", "no"])
    );
    let started: Vec<Value> = sandbox
        .events()
        .into_iter()
        .filter(|event| event["type"] == "call_started")
        .map(|event| serde_json::json!([event["node"], event["attempt"], event["call"]]))
        .collect();
    assert_eq!(
        started,
        [serde_json::json!(["a", 1, 1]), serde_json::json!(["a", 1, 2])]
    );
}

#[test]
fn a_no_is_told_with_its_reason_and_the_judge_is_not_told() {
    let server = ModelServer::start(script(&["Madrid", "Oslo"], &[NO, YES]));
    with(&server, TASK).exec(&[]).exits(0);
    let calls = server.calls();
    assert_eq!(calls.len(), 4);
    let told = calls[2].last_user_message();
    assert!(
        told.contains("the answer to `Has Madrid a harbour?` is no"),
        "{told}"
    );
    assert!(told.contains("It names no harbour."), "{told}");
    assert!(!calls[3].last_user_message().contains("refused"));
}

#[test]
fn what_is_neither_yes_nor_no_does_not_pass() {
    for answer in [
        "",
        "maybe",
        "yes or no",
        "Yes, although it has no harbour",
        "I can't answer that.",
        r#"{"reason": "It is.", "answer": "perhaps"}"#,
        r#"{"reason": "yes"}"#,
        r#"{"answer": {"enum": ["yes", "no"]}}"#,
        "[\"yes\"]",
    ] {
        let server = ModelServer::start(Script::function(move |request, _| {
            Answer::text(if request.last_user_message().contains("Question: ") {
                answer
            } else {
                "Oslo"
            })
        }));
        let output = with(&server, &format!("{TASK}, on_failure: {{ retry: 0 }}")).exec(&[]);
        assert_eq!(output.code, Some(1), "{answer:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("gave no clear answer"),
            "{answer:?}: {}",
            output.stderr
        );
    }
    // What was wrong with the answer of the judge is no lesson for the one that was judged.
    let server = ModelServer::start(script(&["Oslo", "Bergen"], &["maybe", YES]));
    with(&server, TASK)
        .exec(&[])
        .exits(0)
        .says("the judge was to answer yes or no");
    let told = server.calls()[2].last_user_message().to_owned();
    assert!(
        told.contains("no clear answer to `Has Oslo a harbour?`"),
        "{told}"
    );
    assert!(!told.contains("object") && !told.contains("reason"), "{told}");
    // One that says the word and nothing else has answered.
    let server = ModelServer::start(script(&["Oslo"], &["Yes."]));
    with(&server, TASK).exec(&[]).exits(0);
}

#[test]
fn it_is_of_the_budget_and_of_the_plan() {
    let server = ModelServer::start(script(&["Oslo"], &[YES]));
    let task = format!("{TASK}, on_failure: {{ retry: 1 }}, budget: {{ calls: 1 }}");
    let sandbox = with(&server, &task);
    sandbox.exec(&[]).exits(3).says("budget of `a`");
    assert_eq!(server.calls().len(), 1);
    let plan = sandbox.run(["plan", "--json", "workflow.yaml"]).exits(0).json();
    // Two attempts, each with its own call and that of the judge, each of them tried three times at worst.
    assert_eq!(plan["nodes"][0]["calls"], 12);
}

#[test]
fn commands_and_templates_are_judged_too() {
    let server = ModelServer::start(script(&[], &[YES, YES, NO]));
    let verify = "verify: [{ judge: 'Is it short?' }, { judge: 'Is it good?' }]";
    with(&server, &format!("run: 'echo one line', {verify}"))
        .exec(&[])
        .exits(0);
    let asked = server.calls();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].last_user_message().contains("one line"));
    let sandbox = with(&server, &format!("render: {{ text: new, to: out.md }}, {verify}"));
    sandbox.write("out.md", "old");
    sandbox
        .exec(&[])
        .exits(1)
        .says("the answer to `Is it short?` is no");
    assert_eq!(sandbox.read("out.md"), "old");
    let plan = sandbox.run(["plan", "--json", "workflow.yaml"]).exits(0).json();
    assert_eq!(plan["nodes"][0]["calls"], 6);
    assert_eq!(plan["nodes"][0]["model"], "default");
}

#[test]
fn work_that_does_not_fit_is_not_judged_by_a_part_of_it() {
    let server = ModelServer::start(script(&[], &[YES]));
    let mut sandbox = with(&server, "run: 'seq 1 3000', verify: [{ judge: 'Is it sorted?' }]");
    sandbox.env("SMALLCODE_MODEL", "tiny");
    sandbox.exec(&[]).exits(1).says("the prompt takes up to");
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn a_kill_while_it_is_asked_repeats_no_other_call() {
    let server = ModelServer::start(Script::function(|request, number| {
        if !request.last_user_message().contains("Question: ") {
            return Answer::text("Oslo");
        }
        let answer = Answer::text(YES);
        if number == 1 {
            answer.with(crate::support::model_server::Fault::Stall { after_events: 1 })
        } else {
            answer
        }
    }));
    let sandbox = with(&server, TASK);
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    crate::support::wait_until(|| server.calls().len() == 2);
    engine.kill().unwrap();
    engine.wait().unwrap();
    sandbox.run(["resume"]).exits(0);
    let asked: Vec<bool> = server
        .calls()
        .iter()
        .map(|call| call.last_user_message().contains("Question: "))
        .collect();
    assert_eq!(asked, [false, true, true]);
}

#[test]
fn parts_are_judged_together() {
    let edited = |name: &str| {
        format!("{name}.txt\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\nSummary: done\n")
    };
    for (verdict, left, code) in [(YES, "new\n", 0), (NO, "old\n", 1)] {
        let cut = Answer::text("I will now change both, and").finish("length");
        let server = ModelServer::start(Script::answers([
            cut,
            Answer::text(edited("a")),
            Answer::text(edited("b")),
            Answer::text(verdict),
        ]));
        let mut sandbox = Sandbox::with(
            "permissions: { write: ['*.txt'] }\ntasks:\n  a: { edit: { instruction: x, files: [a.txt, b.txt] }, verify: [{ judge: 'Is it new?' }], on_failure: { retry: 0, split: true } }\n",
        );
        sandbox.write("a.txt", "old\n");
        sandbox.write("b.txt", "old\n");
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        sandbox.exec(&[]).exits(code);
        let calls = server.calls();
        assert_eq!(calls.len(), 4);
        let asked = calls[3].last_user_message();
        assert!(
            asked.contains("a.txt\n```\nnew\n```\n\nb.txt\n```\nnew\n```"),
            "{asked}"
        );
        assert_eq!(
            (sandbox.read("a.txt").as_str(), sandbox.read("b.txt").as_str()),
            (left, left)
        );
    }
}
