//! Commands that were claimed before they started, and what is known of them after the process or the machine died.

use std::sync::Arc;

use super::order::one_line;
use super::sim::{Sim, tasks};
use super::world::World;
use crate::run::{Event, FailureClass, NodeId, NodePhase, Program, RunStatus, State, Timestamp};

const CLAIMED: &str = "  a: { run: x }\n  b: { run: x, idempotent: true }\n  c: { prompt: x }\n  d: { run: x, needs: a }\n  e: { run: x, if: always() }\n  f: { run: x, needs: e, if: always() }\n";

/// A run of `CLAIMED`, and how many events it had when `e` was claimed and had not started.
fn claimed() -> (Sim, usize) {
    let mut sim = Sim::new(&tasks(CLAIMED), World::calm().claims(8), 8);
    sim.run();
    let claimed = sim.story().lines().position(|line| line == "0 claim e");
    (sim, claimed.unwrap() + 1)
}

/// What happened in a run after another had ended that it goes on from.
fn since(sim: &Sim, earlier: usize) -> String {
    let story = sim.story();
    story.lines().skip(earlier).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_was_claimed_when_the_power_went_waits_to_be_confirmed() {
    let (sim, length) = claimed();
    let mut died = sim.resumed_after_power_loss(length, 8, false).shadowed();
    assert_eq!(died.run(), RunStatus::Waiting);
    insta::assert_snapshot!(died.story(), @"
    0 run
    0 claim a d
    0 a: attempt 1
    0 b: attempt 1
    0 c: attempt 1
    0 e: if true
    0 claim e
    60000 resume
    60000 b: attempt 1
    60000 c: attempt 1
    60010 b: success
    60010 c: success
    60010 Waiting: the command of `a` was in flight when the run stopped: `--yes` runs it again; the command of `e` was in flight when the run stopped: `--yes` runs it again
    ");
    let mut unconfirmed = died.resume(false);
    assert_eq!(unconfirmed.run(), RunStatus::Waiting);
    let mut confirmed = unconfirmed.resume(true);
    assert_eq!(confirmed.run(), RunStatus::Success);
    insta::assert_snapshot!(since(&confirmed, unconfirmed.journal.len()), @"
    62010 resume confirmed
    62010 claim a d
    62010 a: attempt 1
    62010 claim e
    62010 e: attempt 1
    62020 a: success
    62020 d: attempt 1
    62020 e: success
    62020 f: if true
    62020 claim f
    62020 f: attempt 1
    62030 d: success
    62030 f: success
    62030 Success
    ");
}

#[test]
fn what_was_claimed_when_only_the_process_died_starts() {
    let (sim, length) = claimed();
    let mut died = sim.resumed(length, 1000, 8, false).shadowed();
    assert_eq!(died.run(), RunStatus::Waiting);
    insta::assert_snapshot!(since(&died, length), @"
    1000 resume
    1000 b: attempt 1
    1000 c: attempt 1
    1000 e: attempt 1
    1010 b: success
    1010 c: success
    1010 e: success
    1010 f: if true
    1010 claim f
    1010 f: attempt 1
    1020 f: success
    1020 Waiting: the command of `a` was in flight when the run stopped: `--yes` runs it again
    ");
    let mut confirmed = died.resume(true);
    assert_eq!(confirmed.run(), RunStatus::Success);
    insta::assert_snapshot!(since(&confirmed, died.journal.len()), @"
    2020 resume confirmed
    2020 claim a d
    2020 a: attempt 1
    2030 a: success
    2030 d: attempt 1
    2040 d: success
    2040 Success
    ");
}

/// What is in doubt stays so when the next process dies, too, before it comes to it.
#[test]
fn a_doubt_outlives_the_session_that_had_it() {
    let text = "  a: { run: x, idempotent: true }\n  b: { run: x }\n  c: { run: x, needs: [a, b] }\n";
    let mut sim = Sim::new(&tasks(text), World::calm().takes("b", 5).claims(8), 8);
    sim.run();
    let claims = |line: &str| line.contains("claim") && line.contains('c');
    let length = 1 + sim.story().lines().position(claims).unwrap();
    let died = sim.resumed_after_power_loss(length, 8, false);
    let mut again = died.resumed(died.journal.len(), 1000, 8, false);
    assert_eq!(again.run(), RunStatus::Waiting);
    assert_eq!(one_line(&again), "a: success, b: open, c: open");
}

#[test]
fn another_attempt_that_was_claimed_is_in_doubt_although_it_would_wait() {
    let text = "  a: { run: x, on_failure: { retry: { max: 1, backoff: 50ms, jitter: false } } }\n";
    let world = World::calm().ends("a", 1, Err(FailureClass::Io), 10).claims(8);
    let mut sim = Sim::new(&tasks(text), world, 1);
    sim.run();
    let started = |line: &str| line.ends_with("a: attempt 2");
    let length = sim.story().lines().position(started).unwrap();
    let mut died = sim.resumed_after_power_loss(length, 1, false).shadowed();
    assert_eq!(died.run(), RunStatus::Waiting);
    let mut confirmed = died.resume(true);
    assert_eq!(confirmed.run(), RunStatus::Success);
    insta::assert_snapshot!(confirmed.story(), @"
    0 run
    0 claim a
    0 a: attempt 1
    10 a: Io, again at 60
    60 claim a
    60060 resume
    60060 Waiting: the command of `a` was in flight when the run stopped: `--yes` runs it again
    61060 resume confirmed
    61060 claim a
    61060 a: attempt 2
    61070 a: success
    61070 Success
    ");
}

/// The end of a session is durable, and so is every start before it: what had not started then has not since.
#[test]
fn what_was_claimed_in_a_session_that_ended_starts_on_another_day() {
    let world = World::calm().claims(8).signal(5, Event::Interrupted { stage: 1 });
    let mut sim = Sim::new(&tasks("  a: { run: x }\n  b: { run: x, needs: a }\n"), world, 1);
    assert_eq!(sim.run(), RunStatus::Interrupted);
    assert!(sim.story().contains("claim a b"));
    let mut resumed = sim
        .resumed_after_power_loss(sim.journal.len(), 1, false)
        .shadowed();
    assert_eq!(resumed.run(), RunStatus::Success);
}

/// Where the machine can't tell one start from another, each may have been another.
#[test]
fn only_the_same_boot_is_trusted() {
    let bundle = tasks("  a: { run: x }\n");
    for (before, after, phase) in [
        (Some("x"), Some("x"), NodePhase::Ready),
        (Some("x"), Some("y"), NodePhase::InDoubt),
        (Some("x"), None, NodePhase::InDoubt),
        (None, Some("x"), NodePhase::InDoubt),
        (None, None, NodePhase::InDoubt),
    ] {
        let mut state = State::new(Arc::new(Program::new(&bundle)));
        let events = [
            Event::RunStarted {
                run: String::new(),
                workflow: String::new(),
                engine: String::new(),
                plan: String::new(),
                seed: 0,
                jobs: 1,
                boot: before.map(str::to_owned),
            },
            Event::NodesClaimed {
                nodes: vec![NodeId::new("a")],
            },
            Event::RunResumed {
                jobs: 1,
                confirmed: false,
                boot: after.map(str::to_owned),
            },
        ];
        for event in events {
            state.apply(Timestamp(0), &event).unwrap();
        }
        assert_eq!(state.nodes()[0].phase, phase, "{before:?} {after:?}");
    }
}

#[test]
fn a_claim_takes_what_starts_next_and_no_more_than_it_may() {
    let text = "  a: { run: x }\n  b: { run: x, idempotent: true }\n  c: { run: x, needs: a }\n  d: { run: x }\n  e: { run: x, needs: c }\n";
    for (most, claims) in [
        (9, vec!["a d c e"]),
        (3, vec!["a d c", "e"]),
        (1, vec!["a", "d", "c", "e"]),
    ] {
        let mut sim = Sim::new(&tasks(text), World::calm().claims(most), 1);
        sim.run();
        let story = sim.story();
        let found: Vec<&str> = story
            .lines()
            .filter_map(|line| Some(line.split_once(" claim ")?.1))
            .collect();
        assert_eq!(found, claims);
    }
}

/// The boot of the last session counts, not that of the first.
#[test]
fn what_was_claimed_after_the_power_came_back_is_trusted() {
    let text = "  a: { run: x }\n  b: { run: x, needs: a }\n";
    let sim = Sim::new(&tasks(text), World::calm().claims(8), 1);
    let mut back = sim.resumed_after_power_loss(1, 1, false);
    back.run();
    let ended = back
        .story()
        .lines()
        .position(|line| line.ends_with("a: success"))
        .unwrap();
    let mut again = back.resumed(ended + 1, 1000, 1, false);
    assert_eq!(again.run(), RunStatus::Success);
}
