//! What ends early: siblings of a failure, everything at a cap, the session at a signal or at a question.

use super::order::{ended, one_line};
use super::sim::{RESERVE, Sim, bundle, tasks};
use super::world::World;
use crate::run::{
    Action, Affordable, Decision, Event, Failure, FailureClass, NodeId, NodeIndex, Outcome, RunStatus, Stored,
};

#[test]
fn fail_fast_stops_siblings_in_every_phase() {
    // One runs, one waits for its next attempt, one for its `if`, one for a slot, one for its turn.
    let bundle = tasks(
        "  f: { foreach: [0, 1, 2, 3, 4, 5], run: x, fail_fast: true, max_parallel: 3, on_failure: { retry: { max: 1, backoff: 1s, jitter: false } } }\n  g: { run: x, needs: f, if: cancelled() }\n  h: { run: x, needs: f, if: failure() }\n  i: { run: x }\n",
    );
    let world = World::calm()
        .ends("f[0]", 1, Err(FailureClass::Denied), 20)
        .ends("f[1]", 0, Err(FailureClass::Io), 10)
        .takes("f[2]", 50)
        .takes("f[3]", 50)
        .takes("i", 100);
    let mut sim = Sim::new(&bundle, world, 3).shadowed();
    assert_eq!(sim.run(), RunStatus::Failure);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 i: attempt 1
    0 f: 6 items
    0 f[0]: attempt 1
    0 f[1]: attempt 1
    10 f[1]: Io, again at 1010
    10 f[2]: attempt 1
    20 f[0]: Denied
    20 f[1]: cancelled, `f[0]` failed, and `fail_fast` is set
    20 f[3]: cancelled, `f[0]` failed, and `fail_fast` is set
    20 f[4]: cancelled, `f[0]` failed, and `fail_fast` is set
    20 f[5]: cancelled, `f[0]` failed, and `fail_fast` is set
    20 f[2]: Cancelled
    20 g: if false
    20 h: if true
    20 h: attempt 1
    30 h: success
    100 i: success
    100 Failure
    ");
}

#[test]
fn fail_fast_reaches_into_used_workflows() {
    let bundle = bundle(&[
        (
            "main.yaml",
            "smallcode: 1\ntasks:\n  f: { foreach: [0, 1], uses: inner.yaml, fail_fast: true, on_failure: { retry: 2 } }\n",
        ),
        (
            "inner.yaml",
            "smallcode: 1\ntasks:\n  x: { run: x }\n  y: { run: x, needs: x, if: always() }\n  gate: { approve: Go? }\n  z: { foreach: [1, 2], run: x }\n",
        ),
    ]);
    let world = World::calm()
        .ends("f[0]/x", 0, Err(FailureClass::Denied), 10)
        .ends("f[0]#2/x", 0, Err(FailureClass::Denied), 10)
        .ends("f[0]#3/x", 0, Err(FailureClass::Denied), 10)
        .answers(&[("f[0]/gate", true), ("f[0]#2/gate", true), ("f[0]#3/gate", true)])
        .takes("f[1]/x", 100_000);
    let mut sim = Sim::new(&bundle, world, 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Failure);
    let story = sim.story();
    let end = story
        .lines()
        .position(|line| line.contains("f[0]: UsedWorkflowFailed") && !line.contains("again"))
        .unwrap();
    let end: Vec<&str> = story
        .lines()
        .skip(end)
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    insta::assert_snapshot!(end.join("\n"), @"
    f[0]: UsedWorkflowFailed
    f[1]/x: Cancelled
    f[1]/y: skipped, `f[0]` failed, and `fail_fast` is set
    f[1]/gate: Cancelled
    f[1]: Cancelled
    Failure
    ");
}

/// An answer to a question that is being withdrawn comes too late, and the session does not end before its gate has:
/// not even where the gate was told to stop before it asked.
#[test]
fn a_gate_that_is_stopped_asks_nothing() {
    let node = |item| NodeId::new(format!("f[{item}]"));
    let start = |item| Event::AttemptStarted {
        node: node(item),
        attempt: 1,
    };
    let ask = |item| Event::ApprovalAsked {
        node: node(item),
        message: String::new(),
        diff: None,
    };
    let answer = |item, approved| Event::ApprovalAnswered {
        node: node(item),
        approved,
        comment: String::new(),
    };
    let fail = |item, class| Event::AttemptFinished {
        node: node(item),
        attempt: 1,
        outcome: Outcome::Failure(Failure::new(class, "")),
        decision: Decision::Fail,
    };
    let bundle = tasks("  f: { foreach: [0, 1], approve: Go?, fail_fast: true }\n");
    for asks_in_time in [true, false] {
        let mut sim = Sim::new(&bundle, World::calm(), 1);
        let mut next = |events: Vec<Event>| {
            for event in events {
                sim.tell(event);
            }
            sim.state.next(sim.now)
        };
        next(Vec::new());
        next(vec![Event::TaskExpanded {
            task: NodeId::new("f"),
            items: Stored::null(),
            count: 2,
        }]);
        next(vec![start(0), start(1), ask(0)]);
        if asks_in_time {
            next(vec![ask(1)]);
        }
        next(vec![answer(0, false)]);
        let kill = [Action::Kill(NodeIndex(1))];
        assert_eq!(next(vec![fail(0, FailureClass::Rejected)]), kill);
        if !asks_in_time {
            assert_eq!(next(vec![ask(1)]), kill, "now there is something to withdraw");
        }
        assert_eq!(next(vec![]), [], "nothing ends before the gate has");
        assert_eq!(next(vec![answer(1, true)]), []);
        let end = Action::Finish {
            status: RunStatus::Failure,
            message: String::new(),
        };
        assert_eq!(next(vec![fail(1, FailureClass::Cancelled)]), [end]);
        assert_eq!(one_line(&sim), "f: failure, f[0]: failure, f[1]: cancelled");
    }
}

#[test]
fn a_failing_sibling_stops_others_once() {
    // Both fail at the same time; neither the second failure nor a late retry starts anything again.
    for batches in [false, true] {
        let mut world = World::calm().fails("f[0]").fails("f[1]").takes("f[2]", 500);
        world.batches = batches;
        let (status, end) = ended(
            "  f: { foreach: [0, 1, 2, 3], run: x, fail_fast: true, max_parallel: 3 }\n",
            world,
        );
        assert_eq!(status, RunStatus::Failure);
        let expected = if batches {
            "f: failure, f[0]: failure, f[1]: failure, f[2]: cancelled, f[3]: cancelled"
        } else {
            "f: failure, f[0]: failure, f[1]: cancelled, f[2]: cancelled, f[3]: cancelled"
        };
        assert_eq!(end, expected);
    }
}

#[test]
fn a_condition_that_is_known_too_late_starts_nothing() {
    let mut world = World::calm().takes("f[1]", 5).fails("f[0]");
    world.latency = true;
    for seed in 0..50 {
        world.seed = seed;
        let (status, end) = ended(
            "  f: { foreach: [0, 1, 2, 3, 4, 5, 6, 7], run: x, fail_fast: true, if: item.x.y is defined or item >= 0 }\n",
            World {
                chance: true,
                ..world.clone()
            },
        );
        assert_eq!(status, RunStatus::Failure, "{end}");
        assert!(!end.contains("open"), "{end}");
    }
}

const GATE: &str = "  gate: { approve: Publish? }\n  a: { run: x }\n  b: { run: x, needs: gate }\n";

#[test]
fn a_gate_waits_and_goes_on_with_the_answer() {
    for (answer, status, last) in [
        (true, RunStatus::Success, "a: success, b: success, gate: success"),
        (false, RunStatus::Failure, "a: success, b: skipped, gate: failure"),
    ] {
        let mut sim = Sim::new(&tasks(GATE), World::calm(), 1).shadowed();
        assert_eq!(sim.run(), RunStatus::Waiting);
        let message = sim.story().lines().last().unwrap().to_owned();
        assert_eq!(
            message,
            "10 Waiting: `gate` waits for an answer: `--approve gate` or `--reject gate`"
        );
        // Nobody answers: it waits again.
        let mut again = sim.resume(true);
        assert_eq!(again.run(), RunStatus::Waiting);
        let mut answered = again.resume(false);
        answered.tell(Event::ApprovalAnswered {
            node: NodeId::new("gate"),
            approved: answer,
            comment: String::new(),
        });
        assert_eq!(answered.run(), status);
        assert_eq!(one_line(&answered), last);
        assert_eq!(answered.story().matches("gate: attempt").count(), 1);
    }
}

#[test]
fn gates_of_one_task_take_turns() {
    let bundle = tasks("  gate: { approve: Go?, foreach: [1, 2, 3], max_parallel: 1, fail_fast: true }\n");
    let world = World::calm().answers(&[("gate[0]", true)]);
    let mut sim = Sim::new(&bundle, world, 1).shadowed();
    assert_eq!(sim.run(), RunStatus::Waiting);
    let mut sim = sim
        .resume(false)
        .in_world(|world| world.answers(&[("gate[1]", false)]));
    sim.answer_open();
    assert_eq!(sim.run(), RunStatus::Failure);
    assert_eq!(
        one_line(&sim),
        "gate: failure, gate[0]: success, gate[1]: failure, gate[2]: cancelled"
    );
}

#[test]
fn a_signal_stops_starting_and_the_run_goes_on_later() {
    let text = "  a: { run: x }\n  b: { run: x, needs: a }\n  c: { run: x, if: always(), needs: a }\n  d: { foreach: [1, 2], run: x, needs: a }\n  e: { run: x, on_failure: { retry: { max: 1, backoff: 50ms, jitter: false } } }\n";
    let world = World::calm()
        .takes("a", 30)
        .ends("e", 1, Err(FailureClass::Io), 10)
        .signal(20, Event::Interrupted { stage: 1 });
    let mut sim = Sim::new(&tasks(text), world, 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Interrupted);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 e: attempt 1
    10 e: Io, again at 60
    20 interrupted 1
    30 a: success
    30 Interrupted
    ");
    let mut sim = sim.resume(false);
    assert_eq!(sim.run(), RunStatus::Success);
    assert!(!one_line(&sim).contains("open"));
}

#[test]
fn a_signal_after_the_last_task_changes_nothing() {
    let world = World::calm().signal(10, Event::Interrupted { stage: 1 });
    assert_eq!(ended("  a: { run: x }\n", world).0, RunStatus::Success);
}

#[test]
fn a_cap_ends_everything() {
    let bundle = bundle(&[
        (
            "main.yaml",
            "smallcode: 1\ntasks:\n  a: { run: x }\n  b: { run: x, needs: a, if: always() }\n  c: { foreach: [1, 2, 3], run: x, max_parallel: 1 }\n  d: { uses: inner.yaml }\n  e: { run: x, on_failure: { retry: { max: 1, backoff: 1m } } }\n  gate: { approve: Go? }\n",
        ),
        (
            "inner.yaml",
            "smallcode: 1\ntasks:\n  x: { run: x }\n  y: { run: x, needs: x, if: always(), on_failure: { continue: true } }\n",
        ),
    ]);
    let cap = |cap: &str| Event::CapReached { cap: cap.to_owned() };
    let world = World::calm()
        .takes("a", 100)
        .takes("d/x", 100)
        .takes("c[0]", 100)
        .ends("e", 1, Err(FailureClass::Io), 10)
        .signal(20, cap("all calls are made"))
        .signal(20, cap("all tokens are spent"));
    let mut sim = Sim::new(&bundle, world, 8).shadowed();
    assert_eq!(sim.run(), RunStatus::OverBudget);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 d: attempt 1
    0 gate: attempt 1
    0 a: attempt 1
    0 e: attempt 1
    0 c: 3 items
    0 c[0]: attempt 1
    0 d: entered
    0 d/x: attempt 1
    0 gate: asked
    10 e: Io, again at 48245
    20 cap: all calls are made
    20 c[1]: cancelled, all calls are made
    20 c[2]: cancelled, all calls are made
    20 e: cancelled, all calls are made
    20 cap: all tokens are spent
    20 a: Cancelled
    20 b: skipped, all calls are made
    20 c[0]: Cancelled
    20 d/x: Cancelled
    20 d/y: skipped, all calls are made
    20 gate: Cancelled
    20 d: Cancelled
    20 OverBudget: all calls are made
    ");
    assert_eq!(
        sim.resume(true).run(),
        RunStatus::OverBudget,
        "resume doesn't reset a cap"
    );
}

#[test]
fn a_cap_while_something_is_evaluated() {
    let text = "  a: { foreach: [1, 2], run: x }\n  b: { run: x, if: always() }\n  c: { run: x, needs: [a, b], if: always() }\n";
    for seed in 0..30 {
        for at in 0..6 {
            let mut world = World::calm().signal(
                at,
                Event::CapReached {
                    cap: "cap".to_owned(),
                },
            );
            world.seed = seed;
            world.latency = true;
            let (status, end) = ended(text, world);
            assert_eq!(status, RunStatus::OverBudget);
            assert!(!end.contains("open"), "{end}");
        }
    }
}

#[test]
fn calls_count_for_every_budget_around_them() {
    let bundle = bundle(&[
        (
            "main.yaml",
            "smallcode: 1\nbudget: { tokens: 10000 }\ntasks:\n  a: { uses: inner.yaml, budget: { calls: 5 } }\n  b: { prompt: x, budget: { tokens: 149 } }\n",
        ),
        (
            "inner.yaml",
            "smallcode: 1\nbudget: { tokens: 540 }\ntasks:\n  x: { prompt: x }\n  y: { prompt: x, needs: x }\n",
        ),
    ]);
    let world = World::calm().calls("a/x", 3).calls("a/y", 1);
    let mut sim = Sim::new(&bundle, world, 8);
    sim.run();
    let spend = sim.state.spend();
    assert_eq!((spend.calls, spend.tokens), (4, 400));
    let node = |id| sim.state.node_named(id).unwrap();
    assert_eq!(
        sim.state.affords(node("b"), RESERVE),
        Affordable::Never("the call may take 150 tokens; the budget of `b` has 149 of 149 left".to_owned())
    );
    assert_eq!(
        sim.state.affords(node("a/x"), RESERVE),
        Affordable::Never(
            "the call may take 150 tokens; the budget of the workflow of `a` has 140 of 540 left".to_owned()
        )
    );
    let one = crate::run::Reserve {
        prompt: 1,
        ..crate::run::Reserve::default()
    };
    assert_eq!(sim.state.affords(node("a/x"), one), Affordable::Yes);
    let world = World::calm().calls("a/x", 3).calls("a/y", 2);
    let mut sim = Sim::new(&bundle, world, 8);
    sim.run();
    assert_eq!(
        sim.state.affords(sim.state.node_named("a/x").unwrap(), one),
        Affordable::Never("the budget of `a` allows 5 calls, and all are made".to_owned())
    );
}

#[test]
fn an_attempt_that_failed_as_it_was_stopped_is_not_tried_again() {
    let mut world = World::calm().ends("f[0]", 0, Err(FailureClass::Denied), 10).ends(
        "f[1]",
        0,
        Err(FailureClass::Io),
        10,
    );
    world.batches = true;
    let (status, end) = ended(
        "  f: { foreach: [0, 1], run: x, fail_fast: true, on_failure: { retry: { max: 1, backoff: 1s } } }\n",
        world,
    );
    assert_eq!(status, RunStatus::Failure);
    assert_eq!(end, "f: failure, f[0]: failure, f[1]: cancelled");
}

#[test]
fn what_was_stopped_while_it_was_evaluated_needs_no_answer() {
    let mut sim = Sim::new(&tasks("  a: { run: x, if: always() }\n"), World::calm(), 1);
    let node = NodeIndex(0);
    assert_eq!(sim.state.next(sim.now), [Action::Check(node)]);
    sim.tell(Event::CapReached {
        cap: "cap".to_owned(),
    });
    let because = "cap".to_owned();
    assert_eq!(sim.state.next(sim.now), [Action::Cancel { node, because }]);
    sim.tell(Event::NodeCancelled {
        node: NodeId::new("a"),
        because: String::new(),
    });
    let end = Action::Finish {
        status: RunStatus::OverBudget,
        message: "cap".to_owned(),
    };
    assert_eq!(sim.state.next(sim.now), [end]);
}

#[test]
fn a_gate_that_was_stopped_when_the_run_died_is_withdrawn_after_it() {
    let text = "  f: { foreach: [0, 1], approve: Go?, fail_fast: true }\n";
    let mut sim = Sim::new(&tasks(text), World::calm().answers(&[("f[0]", false)]), 1);
    assert_eq!(sim.run(), RunStatus::Failure);
    let failed = sim
        .story()
        .lines()
        .position(|line| line.ends_with("f[0]: Rejected"));
    let mut died = sim.resumed(failed.unwrap() + 1, 1000, 1, false).shadowed();
    assert_eq!(died.run(), RunStatus::Failure);
    assert_eq!(one_line(&died), "f: failure, f[0]: failure, f[1]: cancelled");
}

#[test]
fn a_call_under_way_may_give_back_what_another_waits_for() {
    let text = "smallcode: 1\nbudget: { tokens: 250 }\ntasks:\n  a: { prompt: x }\n  b: { prompt: x }\n";
    let mut sim = Sim::new(&bundle(&[("main.yaml", text)]), World::calm(), 2);
    let (a, b) = (NodeId::new("a"), NodeIndex(1));
    assert_eq!(sim.state.affords(b, RESERVE), Affordable::Yes);
    sim.tell(Event::AttemptStarted {
        node: a.clone(),
        attempt: 1,
    });
    sim.tell(Event::CallStarted {
        node: a,
        attempt: 1,
        call: 1,
        profile: String::new(),
        digest: String::new(),
        counting: crate::tokens::Calibration::default(),
        reserve: RESERVE,
        sent: None,
    });
    assert_eq!(sim.state.affords(b, RESERVE), Affordable::Later);
}
