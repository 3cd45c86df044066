//! Caps: what is over its budget ends, and what can't be held to one is not begun.

use crate::support::Sandbox;

#[test]
fn a_task_over_its_wall_time_is_killed() {
    let sandbox = Sandbox::with(
        "tasks:\n  a:\n    run: 'echo x >> tries; sleep 60'\n    budget: { wall: 300ms }\n    on_failure: { retry: 5 }\n  b: { needs: a, run: 'touch b' }\n  c: { run: 'touch c' }\n",
    );
    let whose = "the budget of `a` allows 300ms of wall time, which is used up";
    let output = sandbox.exec(&["--report=junit=report.xml"]).exits(3).says(whose);
    assert!(output.stderr.contains("a: failed in "), "{}", output.stderr);
    assert!(!output.stderr.contains("cancelled"), "{}", output.stderr);
    let failed = over_budget(&sandbox, "a");
    assert_eq!(failed["message"], whose);
    let cap = sandbox
        .events()
        .into_iter()
        .find(|event| event["type"] == "cap_reached");
    assert_eq!(cap.unwrap()["cap"], whose);
    assert!(sandbox.read("report.xml").contains(whose));
    assert_eq!(sandbox.read("tries"), "x\n", "no other attempt is made");
    assert!(!sandbox.has("b"));
    assert!(sandbox.has("c"), "the rest goes on");
}

#[test]
fn the_wall_time_of_a_used_workflow_is_its_own() {
    let sandbox =
        Sandbox::with("tasks:\n  a: { uses: inner.yaml }\n  b: { needs: a, if: always(), run: 'touch b' }\n");
    sandbox.write(
        "inner.yaml",
        "smallcode: 1\nbudget: { wall: 300ms }\ntasks:\n  x: { run: sleep 60 }\n  y: { needs: x, run: 'touch y' }\n",
    );
    let whose = "the budget of the workflow of `a` allows 300ms of wall time, which is used up";
    sandbox
        .exec(&[])
        .exits(3)
        .says(&format!("a/x: cancelled: {whose}"))
        .says(whose);
    assert_eq!(over_budget(&sandbox, "a")["message"], whose);
    assert!(sandbox.has("b"), "the rest goes on");
    assert!(!sandbox.has("y"));
}

/// A node that the cap meets between two attempts, or before its first, has failed as well.
#[test]
fn a_node_that_never_came_to_run_again_is_over_its_budget() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: exit 1, budget: { wall: 200ms }, on_failure: { retry: { max: 9, backoff: 1m, jitter: false } } }\n  b: { foreach: [1, 2], max_parallel: 1, run: sleep 60, budget: { wall: 200ms } }\n",
    );
    let output = sandbox.exec(&["-j", "4"]).exits(3);
    for (node, task) in [("a", "a"), ("b[0]", "b"), ("b[1]", "b")] {
        let whose = format!("the budget of `{task}` allows 200ms of wall time, which is used up");
        assert_eq!(over_budget(&sandbox, node)["message"], whose, "{}", output.stderr);
    }
    assert!(!output.stderr.contains("cancelled"), "{}", output.stderr);
}

/// The cap of the run ends everything in it; what it ended did not fail by itself.
#[test]
fn the_wall_time_of_the_run_cancels_what_runs() {
    let sandbox = Sandbox::with("budget: { wall: 300ms }\ntasks:\n  a: { run: sleep 60 }\n");
    let whose = "the budget of the run allows 300ms of wall time, which is used up";
    sandbox
        .exec(&[])
        .exits(3)
        .says(&format!("] {whose}"))
        .says("a: cancelled: ")
        .says(whose);
    assert_eq!(sandbox.ended("a"), "cancelled");
}

/// The failure that a node of the newest run has ended with.
#[track_caller]
fn over_budget(sandbox: &Sandbox, node: &str) -> serde_json::Value {
    let events = sandbox.events();
    let mut of_node = events.iter().rev().filter(|event| event["node"] == node);
    let failure = of_node.find_map(|event| {
        [&event["failure"], &event["outcome"]["failure"]]
            .into_iter()
            .find(|failure| failure.is_object())
            .cloned()
    });
    let failure = failure.unwrap_or_else(|| panic!("{node} did not fail: {events:#?}"));
    assert_eq!(failure["class"], "over_budget", "{failure}");
    failure
}

#[test]
fn what_makes_no_call_spends_nothing() {
    Sandbox::with("budget: { usd: 0 }\ntasks:\n  a: { run: 'true' }\n")
        .exec(&[])
        .exits(0);
}
