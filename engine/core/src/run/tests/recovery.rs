//! What a run that died goes on with, and which events no run can have.

use super::order::one_line;
use super::sim::{Sim, bundle, tasks};
use super::world::World;
use crate::run::{
    Decision, Event, Failure, FailureClass, Manner, NodeId, NodePhase, Outcome, RunStatus, Stored, TaskResult,
};

const COMMANDS: &str =
    "  a: { run: x }\n  b: { run: x, idempotent: true }\n  c: { prompt: x }\n  d: { run: x, needs: a }\n";

#[test]
fn a_command_that_waited_for_its_turn_is_not_asked_about() {
    let bundle = tasks("  each: { foreach: [f, f], run: x, writes: '{{ item }}' }\n");
    let mut whole = Sim::new(&bundle, World::calm(), 8);
    whole.run();
    let ends = |(_, event): &(_, Event)| matches!(event, Event::AttemptFinished { .. });
    let length = whole.journal.iter().position(ends).unwrap();
    let phases = |sim: &Sim| {
        sim.state
            .nodes()
            .iter()
            .map(|node| node.phase)
            .collect::<Vec<_>>()
    };
    let died = whole.resumed(length, 1000, 8, false);
    assert_eq!(phases(&died), [NodePhase::InDoubt, NodePhase::Ready]);
    // It may have come to its turn after what the disk has kept.
    let powerless = whole.resumed_after_power_loss(length, 8, false);
    assert_eq!(phases(&powerless), [NodePhase::InDoubt; 2]);
}

#[test]
fn a_command_in_flight_waits_to_be_confirmed() {
    let mut sim = Sim::new(&tasks(COMMANDS), World::calm(), 8);
    sim.run();
    // Until all three have started.
    let died = sim.resumed(4, 1000, 8, false);
    assert_eq!(
        died.state
            .node(died.state.node_named("a").unwrap())
            .unwrap()
            .phase,
        NodePhase::InDoubt
    );
    let mut died = died.shadowed();
    assert_eq!(died.run(), RunStatus::Waiting);
    insta::assert_snapshot!(died.story(), @"
    0 run
    0 a: attempt 1
    0 b: attempt 1
    0 c: attempt 1
    1000 resume
    1000 b: attempt 1
    1000 c: attempt 1
    1010 b: success
    1010 c: success
    1010 Waiting: the command of `a` was in flight when the run stopped: `--yes` runs it again
    ");
    let mut unconfirmed = died.resume(false);
    assert_eq!(unconfirmed.run(), RunStatus::Waiting);
    let mut confirmed = unconfirmed.resume(true);
    assert_eq!(confirmed.run(), RunStatus::Success);
    assert_eq!(
        one_line(&confirmed),
        "a: success, b: success, c: success, d: success"
    );
    let starts: Vec<_> = confirmed
        .story()
        .lines()
        .filter(|line| line.contains(" a: attempt"))
        .map(str::to_owned)
        .collect();
    assert_eq!(starts, ["0 a: attempt 1", "3010 a: attempt 1"]);
}

#[test]
fn a_command_in_flight_of_a_stopped_task_is_not_asked_about() {
    let bundle = tasks("  f: { foreach: [0, 1], run: x, fail_fast: true }\n");
    let mut sim = Sim::new(&bundle, World::calm().fails("f[0]").takes("f[1]", 50), 8);
    sim.run();
    let failed = sim
        .story()
        .lines()
        .position(|line| line.ends_with("f[0]: CommandFailed"))
        .unwrap();
    let mut died = sim.resumed(failed + 1, 1000, 8, false);
    assert_eq!(died.run(), RunStatus::Failure);
    assert_eq!(one_line(&died), "f: failure, f[0]: failure, f[1]: cancelled");
    assert_eq!(died.story().matches("f[1]: attempt").count(), 1);
}

#[test]
fn a_lost_call_counts_as_spent_and_a_finished_one_is_not_made_again() {
    let bundle = tasks("  a: { prompt: x, on_failure: { retry: 1 } }\n");
    let mut sim = Sim::new(&bundle, World::calm().calls("a", 3), 1);
    sim.run();
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 a: call 1
    10 a: call 1 ends
    10 a: call 2
    20 a: call 2 ends
    20 a: call 3
    30 a: call 3 ends
    30 a: success
    30 Success
    ");
    assert_eq!((sim.state.spend().calls, sim.state.spend().tokens), (3, 300));
    // Dies with the second call in flight.
    let mut died = sim.resumed(5, 1000, 1, false);
    let spend = died.state.spend();
    assert_eq!((spend.calls, spend.tokens, spend.reserved_calls), (2, 250, 0));
    assert_eq!(died.run(), RunStatus::Success);
    let spend = died.state.spend();
    assert_eq!((spend.calls, spend.tokens), (4, 450));
    assert_eq!(died.story().matches("a: call 1\n").count(), 1);
    assert_eq!(died.story().matches("a: call 2\n").count(), 2);
}

#[test]
fn a_new_attempt_makes_its_calls_anew() {
    let bundle = tasks("  a: { prompt: x, on_failure: { retry: 1 } }\n");
    let mut sim = Sim::new(&bundle, World::calm().calls("a", 2), 1);
    sim.run();
    let mut sim = sim.resumed(1, 0, 1, false);
    sim.tell(Event::AttemptStarted {
        node: NodeId::new("a"),
        attempt: 1,
    });
    let at = sim.now;
    sim.tell(Event::CallStarted {
        node: NodeId::new("a"),
        attempt: 1,
        call: 1,
        profile: String::new(),
        digest: String::new(),
        counting: crate::tokens::Calibration::default(),
        reserve: super::sim::RESERVE,
        sent: None,
    });
    sim.tell(Event::AttemptFinished {
        node: NodeId::new("a"),
        attempt: 1,
        outcome: Outcome::Failure(Failure::new(FailureClass::Transport, "gone")),
        decision: Decision::Retry {
            at,
            manner: Manner::default(),
        },
    });
    assert_eq!(sim.state.nodes()[0].calls, []);
    assert_eq!(
        sim.state.spend().tokens,
        150,
        "the call in flight counts as spent"
    );
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!(sim.state.spend().tokens, 350);
}

#[test]
fn events_that_no_run_can_have_are_refused() {
    let done = || Outcome::Success(TaskResult::value(serde_json::Value::Null));
    let a = || NodeId::new("a");
    let events = [
        Event::RunStarted {
            run: String::new(),
            workflow: String::new(),
            engine: String::new(),
            plan: String::new(),
            seed: 0,
            jobs: 1,
            boot: None,
        },
        Event::AttemptStarted {
            node: a(),
            attempt: 2,
        },
        Event::AttemptStarted {
            node: NodeId::new("z"),
            attempt: 1,
        },
        Event::AttemptStarted {
            node: NodeId::new("b"),
            attempt: 1,
        },
        Event::AttemptFinished {
            node: a(),
            attempt: 1,
            outcome: done(),
            decision: Decision::Done,
        },
        Event::ConditionChecked {
            node: a(),
            holds: true,
        },
        Event::NodeRefused {
            node: a(),
            failure: Failure::new(FailureClass::Expression, ""),
        },
        Event::NodeRefused {
            node: NodeId::new("e"),
            failure: Failure::new(FailureClass::Expression, ""),
        },
        Event::TaskSkipped {
            task: a(),
            because: String::new(),
        },
        Event::TaskSkipped {
            task: NodeId::new("b"),
            because: String::new(),
        },
        Event::TaskExpanded {
            task: a(),
            items: Stored::null(),
            count: 1,
        },
        Event::TaskExpanded {
            task: NodeId::new("f"),
            items: Stored::null(),
            count: 4,
        },
        Event::ScopeEntered {
            node: a(),
            attempt: 1,
            inputs: Stored::null(),
        },
        Event::ApprovalAsked {
            node: a(),
            message: String::new(),
            diff: None,
        },
        Event::ApprovalAnswered {
            node: a(),
            approved: true,
            comment: String::new(),
        },
        Event::CallStarted {
            node: a(),
            attempt: 1,
            call: 1,
            profile: String::new(),
            digest: String::new(),
            counting: crate::tokens::Calibration::default(),
            reserve: super::sim::RESERVE,
            sent: None,
        },
        Event::CallFinished {
            node: a(),
            attempt: 1,
            call: 1,
            reply: None,
            usage: crate::run::CallUsage::default(),
            failure: None,
        },
    ];
    let bundle = tasks(
        "  a: { run: x }\n  b: { run: x, needs: a }\n  e: { foreach: [1], run: x, needs: a }\n  f: { foreach: [1], max_items: 3, run: x }\n",
    );
    for event in events {
        let mut sim = Sim::new(&bundle, World::calm(), 1);
        assert!(sim.state.apply(sim.now, &event).is_err(), "{event:?}");
    }
    // An attempt ends once.
    let mut sim = Sim::new(&bundle, World::calm(), 1);
    sim.tell(Event::AttemptStarted {
        node: a(),
        attempt: 1,
    });
    let end = |attempt| Event::AttemptFinished {
        node: a(),
        attempt,
        outcome: done(),
        decision: Decision::Done,
    };
    assert!(
        sim.state
            .apply(
                sim.now,
                &Event::AttemptStarted {
                    node: a(),
                    attempt: 1
                }
            )
            .is_err()
    );
    assert!(
        sim.state
            .apply(
                sim.now,
                &Event::NodeCancelled {
                    node: a(),
                    because: String::new()
                }
            )
            .is_err()
    );
    assert!(sim.state.apply(sim.now, &end(2)).is_err());
    assert!(sim.state.apply(sim.now, &end(1)).is_ok());
    assert!(sim.state.apply(sim.now, &end(1)).is_err());
}

#[test]
fn what_was_stopped_does_not_start_and_what_is_inside_does_not_end() {
    let inner = "smallcode: 1\ntasks:\n  x: { run: x }\n";
    let main = "smallcode: 1\ntasks:\n  a: { run: x }\n  u: { uses: inner.yaml }\n";
    let bundle = bundle(&[("main.yaml", main), ("inner.yaml", inner)]);
    let mut sim = Sim::new(&bundle, World::calm(), 1);
    let start = |node: &str| Event::AttemptStarted {
        node: NodeId::new(node),
        attempt: 1,
    };
    sim.tell(start("u"));
    let enter = Event::ScopeEntered {
        node: NodeId::new("u"),
        attempt: 1,
        inputs: Stored::null(),
    };
    let mut entered_late = sim.folded(sim.journal.len());
    sim.tell(enter.clone());
    let end = Event::AttemptFinished {
        node: NodeId::new("u"),
        attempt: 1,
        outcome: Outcome::Success(TaskResult::value(serde_json::Value::Null)),
        decision: Decision::Done,
    };
    assert!(sim.state.apply(sim.now, &end).is_err());
    let cap = Event::CapReached {
        cap: "cap".to_owned(),
    };
    sim.state.apply(sim.now, &cap).unwrap();
    assert!(sim.state.apply(sim.now, &start("a")).is_err());
    // It was being entered when it was stopped: its tasks never begin.
    entered_late.apply(sim.now, &cap).unwrap();
    entered_late.apply(sim.now, &enter).unwrap();
    assert!(entered_late.node_named("u/x").is_none());
}
