//! Attempts whose writes overlap run one at a time; others run together.

use super::sim::{Sim, bundle, tasks};
use super::world::World;
use crate::run::RunStatus;

#[test]
fn those_that_overlap_take_turns_in_the_order_in_which_they_asked() {
    let bundle = tasks(
        "  each: { foreach: [a/x, b/x, a/*, a/y, b/y], run: x, writes: '{{ item }}' }\n  other: { run: x, writes: c }\n",
    );
    let mut sim = Sim::new(&bundle, World::calm(), 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    // `a/y` could start with `a/x`, but `a/*` would wait for ever if such as it came first.
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 other: attempt 1
    0 other: wants c
    0 other: kept
    0 each: 5 items
    0 each[0]: attempt 1
    0 each[0]: wants a/x
    0 each[1]: attempt 1
    0 each[1]: wants b/x
    0 each[2]: attempt 1
    0 each[2]: wants a/*
    0 each[3]: attempt 1
    0 each[3]: wants a/y
    0 each[4]: attempt 1
    0 each[4]: wants b/y
    0 each[0]: kept
    0 each[1]: kept
    0 each[4]: kept
    10 other: success
    10 each[0]: success
    10 each[2]: kept
    10 each[1]: success
    10 each[4]: success
    20 each[2]: success
    20 each[3]: kept
    30 each[3]: success
    30 Success
    ");
    assert_eq!(sim.most_writing(), 4);
}

#[test]
fn nodes_that_all_write_the_same_leave_the_slots_to_others() {
    let bundle = tasks(
        "  each: { foreach: [1, 2, 3, 4], run: x, writes: [log, '{{ item }}'] }\n  other: { foreach: [1, 2], run: x }\n",
    );
    let mut sim = Sim::new(&bundle, World::calm(), 3).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!((sim.most_writing(), sim.most_slots()), (1, 3));
    assert_eq!(sim.now.0, 40);
}

#[test]
fn used_workflows_take_turns_too() {
    let bundle = bundle(&[
        (
            "main.yaml",
            "smallcode: 1\ntasks:\n  each: { foreach: [1, 2, 3], uses: inner.yaml }\n",
        ),
        ("inner.yaml", "smallcode: 1\ntasks:\n  x: { run: x, writes: f }\n"),
    ]);
    let mut sim = Sim::new(&bundle, World::calm(), 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!((sim.most_writing(), sim.most_slots()), (1, 3));
}

#[test]
fn a_failed_attempt_gives_its_turn_on_and_waits_for_another() {
    let bundle = tasks(
        "  each: { foreach: [f, f, f], run: x, writes: '{{ item }}', on_failure: { retry: { max: 1, backoff: 2ms, jitter: false } } }\n",
    );
    let world = World::calm().fails("each[0]");
    let mut sim = Sim::new(&bundle, world, 3).shadowed();
    assert_eq!(sim.run(), RunStatus::Failure);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 each: 3 items
    0 each[0]: attempt 1
    0 each[0]: wants f
    0 each[1]: attempt 1
    0 each[1]: wants f
    0 each[2]: attempt 1
    0 each[2]: wants f
    0 each[0]: kept
    10 each[0]: CommandFailed, again at 12
    10 each[1]: kept
    12 each[0]: attempt 2
    12 each[0]: wants f
    20 each[1]: success
    20 each[2]: kept
    30 each[2]: success
    30 each[0]: kept
    40 each[0]: CommandFailed
    40 Failure
    ");
}

#[test]
fn what_was_kept_is_known_until_the_attempt_ends_or_the_run_is_taken_up() {
    let bundle = tasks("  a: { run: x, writes: f }\n  b: { run: x, writes: g }\n");
    let mut sim = Sim::new(&bundle, World::calm().takes("b", 30), 2).shadowed();
    sim.run();
    let kept = |length: usize| -> Vec<String> {
        let state = sim.folded(length);
        state.kept().map(|(node, _)| node.to_string()).collect()
    };
    let after = |line: &str| 1 + sim.story().lines().position(|found| found == line).unwrap();
    assert_eq!(kept(after("0 a: wants f")), [""; 0]);
    assert_eq!(kept(after("0 a: kept")), ["a"]);
    assert_eq!(kept(after("0 b: kept")), ["b", "a"]);
    assert_eq!(kept(after("10 a: success")), ["b"]);
    let died = sim.resumed(after("0 b: kept"), 5, 2, false);
    assert_eq!(died.state.kept().count(), 0);
    let mut waiting = died;
    assert_eq!(waiting.run(), RunStatus::Waiting);
    let mut confirmed = waiting.resume(true);
    assert_eq!(confirmed.run(), RunStatus::Success);
    assert_eq!(confirmed.state.kept().count(), 0);
}
