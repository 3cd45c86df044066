//! Escalation: its caps hold for attempts side by side, and in every session of a run.

use std::sync::Arc;

use super::sim::{RESERVE, tasks};
use crate::plan::Escalation;
use crate::price::Usd;
use crate::run::{
    Affordable, Decision, Event, Failure, FailureClass, NodeId, NodeIndex, Outcome, Program, Reserve, State,
    Timestamp,
};

/// Two nodes escalate under a cap of one call: the other waits, and then has no call left, in a later session as well.
#[test]
fn the_caps_of_escalation_hold_in_parallel_and_across_sessions() {
    let bundle = tasks(
        "  a: { prompt: x, on_failure: { escalate: strong } }\n  b: { prompt: x, on_failure: { escalate: strong } }\n",
    );
    let escalation = Escalation {
        profile: None,
        calls: 1,
        usd: Usd::cents(100),
    };
    let program = Arc::new(Program::new(&bundle).escalating(Some(escalation)));
    let mut state = State::new(program);
    let mut at = 0;
    let mut tell = |state: &mut State, event: Event| {
        at += 1;
        state.apply(Timestamp(at), &event).unwrap();
        state.next(Timestamp(at));
    };
    tell(
        &mut state,
        Event::RunStarted {
            run: String::new(),
            workflow: String::new(),
            engine: String::new(),
            plan: String::new(),
            seed: 0,
            jobs: 2,
            boot: None,
        },
    );
    for attempt in [1, 2] {
        for node in ["a", "b"].map(NodeId::new) {
            tell(
                &mut state,
                Event::AttemptStarted {
                    node: node.clone(),
                    attempt,
                },
            );
            if attempt == 1 {
                let failure = Failure::new(FailureClass::VerifyFailed, "wrong");
                let decision = Decision::Escalate { at: Timestamp(0) };
                let outcome = Outcome::Failure(failure);
                tell(
                    &mut state,
                    Event::AttemptFinished {
                        node,
                        attempt,
                        outcome,
                        decision,
                    },
                );
            }
        }
    }
    let reserve = Reserve {
        usd: Usd::cents(60),
        ..RESERVE
    };
    let (a, b) = (NodeIndex(0), NodeIndex(1));
    assert_eq!(state.affords(a, reserve), Affordable::Yes);
    let dear = Reserve {
        usd: Usd::cents(101),
        ..RESERVE
    };
    assert_eq!(
        state.affords(a, dear),
        Affordable::Never(
            "the call may cost $1.01; escalation in this run has $1.00 of $1.00 left".to_owned()
        )
    );
    tell(
        &mut state,
        Event::CallStarted {
            node: NodeId::new("a"),
            attempt: 2,
            call: 1,
            profile: "strong".to_owned(),
            digest: String::new(),
            counting: crate::tokens::Calibration::default(),
            reserve,
            sent: None,
        },
    );
    assert_eq!(state.affords(b, reserve), Affordable::Later);
    // The process dies: whether the call was answered is not known, so it counts as if it had been.
    tell(
        &mut state,
        Event::RunResumed {
            jobs: 2,
            confirmed: false,
            boot: None,
        },
    );
    assert_eq!(state.escalated().usd, Usd::cents(60));
    let none_left = Affordable::Never("escalation in this run allows 1 call, and all are made".to_owned());
    assert_eq!(state.affords(a, reserve), none_left);
    assert_eq!(state.affords(b, reserve), none_left);
}
