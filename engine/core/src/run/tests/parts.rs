//! Nodes that are cut: their parts run one after the other, and what they made together is verified.

use super::sim::{Sim, tasks};
use super::world::World;
use crate::run::{FailureClass, RunStatus};

const EDITS: &str = "  a: { prompt: x, writes: f, on_failure: { retry: 0, split: true } }\n  b: { prompt: x, writes: f, needs: a, if: always() }\n";

fn world(parts: usize) -> World {
    let too_large = Err(FailureClass::TooLarge);
    World {
        parts: Some(parts),
        ..World::calm().ends("a", 1, too_large, 10)
    }
}

#[test]
fn parts_follow_each_other_and_the_whole_ends_after_them() {
    let mut sim = Sim::new(&tasks(EDITS), world(2), 1);
    assert_eq!(sim.run(), RunStatus::Success, "{}", sim.story());
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 a: wants f
    0 a: kept
    10 a: TooLarge, split
    10 a: attempt 2
    10 a: wants f
    10 a: kept
    10 a: by file, 2 parts
    10 a/1: attempt 1
    10 a/1: wants f
    10 a/1: kept
    20 a/1: success
    20 a/2: attempt 1
    20 a/2: wants f
    20 a/2: kept
    30 a/2: success
    30 a: success
    30 b: if true
    30 b: attempt 1
    30 b: wants f
    30 b: kept
    40 b: success
    40 Success
    ");
}

#[test]
fn the_parts_after_one_that_failed_do_not_begin() {
    let world = world(3).ends("a/2", 1, Err(FailureClass::Denied), 10);
    let mut sim = Sim::new(&tasks(EDITS), world, 4);
    assert_eq!(sim.run(), RunStatus::Failure, "{}", sim.story());
    insta::assert_snapshot!(sim.statuses(), @"
    a: failure
    a/1: success
    a/2: failure
    b: success
    ");
}

#[test]
fn a_part_that_is_too_large_is_cut_once_more_and_not_again() {
    let mut world = world(2);
    for part in ["a/1", "a/1/1", "a/1/2"] {
        world = world.ends(part, 1, Err(FailureClass::TooLarge), 10);
    }
    let mut sim = Sim::new(&tasks(EDITS), world, 1);
    assert_eq!(sim.run(), RunStatus::Failure, "{}", sim.story());
    insta::assert_snapshot!(sim.statuses(), @"
    a: failure
    a/1: failure
    a/1/1: failure
    b: success
    ");
}

#[test]
fn what_the_parts_made_together_is_refused_as_a_whole() {
    let world = world(2).ends("a", 2, Err(FailureClass::VerifyFailed), 10);
    let mut whole = Sim::new(&tasks(EDITS), world, 1);
    assert_eq!(whole.run(), RunStatus::Failure);
    insta::assert_snapshot!(whole.statuses(), @"
    a: failure
    a/1: success
    a/2: success
    b: success
    ");
    for length in 1..=whole.journal.len() {
        let mut resumed = whole.resumed(length, 7, 1, false);
        assert_eq!(resumed.run(), RunStatus::Failure, "{}", resumed.story());
        assert_eq!(resumed.finals(), whole.finals(), "{}", resumed.story());
    }
}

/// What the parts have done stays when the process dies: only what was under way is put back.
#[test]
fn a_whole_keeps_its_turn_and_what_it_kept_over_a_crash() {
    let bundle = tasks(
        "  a: { prompt: x, writes: f, on_failure: { split: true } }\n  c: { prompt: x, writes: 'f*' , needs: a }\n",
    );
    let mut whole = Sim::new(&bundle, world(2), 4);
    assert_eq!(whole.run(), RunStatus::Success);
    let second = whole.journal.iter().position(
        |(_, event)| matches!(event, crate::run::Event::WritesKept { node, .. } if node.as_str() == "a/2"),
    );
    let state = whole.folded(second.unwrap() + 1);
    let ids = |kept: Vec<(&crate::run::NodeId, &str)>| -> Vec<String> {
        kept.into_iter().map(|(node, _)| node.to_string()).collect()
    };
    assert_eq!(ids(state.kept().collect()), ["a/2", "a"]);
    assert_eq!(ids(state.in_flight().collect()), ["a/2"]);
    let resumed = whole.resumed(second.unwrap() + 1, 7, 4, false);
    assert_eq!(ids(resumed.state.kept().collect()), ["a"]);
}
