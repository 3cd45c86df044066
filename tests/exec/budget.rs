//! Caps: what is over its budget ends, and what can't be held to one is not begun.

use crate::support::Sandbox;

#[test]
fn a_task_over_its_wall_time_is_killed() {
    let sandbox = Sandbox::with(
        "tasks:\n  a:\n    run: 'echo x >> tries; sleep 60'\n    budget: { wall: 300ms }\n    on_failure: { retry: 5 }\n  b: { needs: a, run: 'touch b' }\n  c: { run: 'touch c' }\n",
    );
    sandbox.exec(&[]).exits(3).says("wall time");
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
    sandbox.exec(&[]).exits(3);
    assert!(sandbox.has("b"), "the rest goes on");
    assert!(!sandbox.has("y"));
}

#[test]
fn what_makes_no_call_spends_nothing() {
    Sandbox::with("budget: { usd: 0 }\ntasks:\n  a: { run: 'true' }\n")
        .exec(&[])
        .exits(0);
}
