//! Order and failure: what starts, what is skipped and why, and how tasks and runs end.

use serde_json::json;

use super::sim::{Sim, bundle, tasks};
use super::world::World;
use crate::run::{FailureClass, RunStatus, ScopeIndex, State};

/// Runs a workflow of these tasks to its end: how it ended, and how each node did.
pub(super) fn ended(text: &str, world: World) -> (RunStatus, String) {
    let mut sim = Sim::new(&tasks(text), world, 8).shadowed();
    let status = sim.run();
    (status, one_line(&sim))
}

pub(super) fn one_line(sim: &Sim) -> String {
    sim.statuses().trim_end().replace('\n', ", ")
}

#[test]
fn needs_come_first_and_the_file_decides_among_equals() {
    let bundle = tasks(
        "  c: { run: x, needs: [a, b] }\n  b: { run: x }\n  a: { run: x, needs: b }\n  d: { run: x }\n",
    );
    let mut sim = Sim::new(&bundle, World::calm().takes("b", 30), 1).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 b: attempt 1
    30 b: success
    30 d: attempt 1
    40 d: success
    40 a: attempt 1
    50 a: success
    50 c: attempt 1
    60 c: success
    60 Success
    ");
}

#[test]
fn what_needs_a_failure_is_skipped_and_says_why() {
    let bundle =
        tasks("  a: { run: x }\n  b: { run: x, needs: a }\n  c: { run: x, needs: b }\n  d: { run: x }\n");
    let mut sim = Sim::new(&bundle, World::calm().fails("a").takes("d", 20), 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Failure);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 d: attempt 1
    10 a: CommandFailed
    10 b: skipped, `a` failed
    10 c: skipped, `b` was skipped
    20 d: success
    20 Failure
    ");
}

#[test]
fn how_tasks_and_runs_end() {
    use RunStatus::{Failure, Success};
    let cases = [
        // `continue`: dependents run, and the run ends well.
        (
            "  a: { run: x, on_failure: { continue: true } }\n  b: { run: x, needs: a }\n",
            Success,
            "a: failure, b: success",
        ),
        // Each status function after a failure, and behind a task that ran all the same.
        (
            "  a: { run: x }\n  b: { run: x, needs: a, if: failure() }\n  c: { run: x, needs: a, if: success() }\n  d: { run: x, needs: a, if: always() }\n  e: { run: x, needs: a, if: cancelled() }\n  f: { run: x, needs: d, if: failure() }\n  g: { run: x, needs: d }\n",
            Failure,
            "a: failure, b: success, c: skipped, d: success, e: skipped, f: success, g: success",
        ),
        // And after a success.
        (
            "  z: { run: x }\n  b: { run: x, needs: z, if: failure() }\n  c: { run: x, needs: z, if: success() }\n  d: { run: x, needs: z, if: always() }\n  e: { run: x, needs: z, if: cancelled() }\n",
            Success,
            "b: skipped, c: success, d: success, e: skipped, z: success",
        ),
        // A failure that is gone on from is none for what comes after.
        (
            "  a: { run: x, on_failure: { continue: true } }\n  b: { run: x, needs: a, if: failure() }\n  c: { run: x, needs: a, if: success() }\n",
            Success,
            "a: failure, b: skipped, c: success",
        ),
        // A skipped need skips; an `if` without a status function is added to the rule.
        (
            "  z: { run: x, if: inputs.no }\n  b: { run: x, needs: z }\n  c: { run: x, needs: z, if: always() }\n  d: { run: x, needs: z, if: not inputs.no }\n",
            Success,
            "b: skipped, c: success, d: skipped, z: skipped",
        ),
        // `foreach`: any failure fails; an empty list is a success; all skipped is skipped.
        (
            "  f: { foreach: [1, 2, 3], run: x }\n  g: { foreach: [], run: x }\n  h: { foreach: [1, 2], run: x, if: inputs.no }\n  i: { foreach: [1, 2], run: x, if: item == 1 }\n  j: { run: x, needs: [g, i] }\n  k: { run: x, needs: h }\n",
            Failure,
            "f: failure, f[0]: success, f[1]: failure, f[2]: success, g: success, h: skipped, h[0]: skipped, h[1]: skipped, i: success, i[0]: success, i[1]: skipped, j: success, k: skipped",
        ),
        // A list of an earlier task, one that is none, and an `if` without a value.
        (
            "  l: { run: x, parse: json }\n  m: { needs: l, foreach: '{{ tasks.l.output }}', run: x }\n  n: { run: x, needs: m }\n  o: { foreach: [1], if: item.x.y, run: x }\n  p: { run: x, needs: o, if: failure() }\n  t: { needs: l, foreach: '{{ tasks.l.output[0] }}', run: x }\n",
            Failure,
            "l: success, m: success, m[0]: success, m[1]: success, n: success, o: failure, o[0]: failure, p: success, t: failure",
        ),
    ];
    for (text, status, expected) in cases {
        let world = World::calm()
            .fails("a")
            .fails("f[1]")
            .ends("l", 1, Ok(json!([1, 2])), 10)
            .input("no", json!(false));
        let text = format!("smallcode: 1\ninputs: {{ no: boolean }}\ntasks:\n{text}");
        let mut sim = Sim::new(&bundle(&[("main.yaml", &text)]), world, 8).shadowed();
        assert_eq!(sim.run(), status, "{text}");
        assert_eq!(one_line(&sim), expected, "{text}");
    }
}

#[test]
fn classes_that_have_an_exit_code_of_their_own() {
    let cases = [
        (
            FailureClass::OverBudget,
            FailureClass::NoModel,
            RunStatus::OverBudget,
        ),
        (
            FailureClass::NoModel,
            FailureClass::OverBudget,
            RunStatus::OverBudget,
        ),
        (
            FailureClass::CommandFailed,
            FailureClass::NoModel,
            RunStatus::NoModel,
        ),
        (
            FailureClass::NoModel,
            FailureClass::CommandFailed,
            RunStatus::NoModel,
        ),
        (FailureClass::Io, FailureClass::Denied, RunStatus::Failure),
    ];
    for (first, second, expected) in cases {
        let world = World::calm()
            .ends("a", 1, Err(first), 10)
            .ends("b", 1, Err(second), 10);
        assert_eq!(ended("  a: { run: x }\n  b: { run: x }\n", world).0, expected);
    }
}

#[test]
fn max_parallel_holds_and_nobody_starves() {
    for (jobs, max, most) in [(8, 2, 2), (2, 4, 2), (1, 1, 1), (8, 1, 1)] {
        let text = format!(
            "  f: {{ foreach: '{{{{ range(20)|list }}}}', run: x, max_parallel: {max}, on_failure: {{ retry: {{ max: 2, backoff: 5ms, jitter: false }} }} }}\n"
        );
        let mut world = World::calm();
        for node in 0..20_u64 {
            let id = format!("f[{node}]");
            world = world.ends(&id, 0, Ok(json!(null)), 1 + node * 7 % 13).ends(
                &id,
                1,
                Err(FailureClass::Io),
                1 + node * 5 % 11,
            );
        }
        let mut sim = Sim::new(&tasks(&text), world, jobs).shadowed();
        assert_eq!(sim.run(), RunStatus::Success);
        assert_eq!(sim.most_slots(), most);
    }
}

#[test]
fn what_takes_no_slot_does_not_wait_for_one() {
    let bundle = tasks("  a: { run: x }\n  b: { run: x }\n  gate: { approve: Go? }\n");
    let world = World::calm().takes("a", 100).answers(&[("gate", true)]);
    let mut sim = Sim::new(&bundle, world, 1).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 gate: attempt 1
    0 a: attempt 1
    0 gate: asked
    5 gate: answered true
    5 gate: success
    100 a: success
    100 b: attempt 1
    110 b: success
    110 Success
    ");
}

#[test]
fn retries_wait_and_others_run_meanwhile() {
    let bundle = tasks(
        "  a: { run: x, on_failure: { retry: { max: 3, backoff: 100ms, jitter: false } } }\n  b: { run: x }\n",
    );
    let world = World::calm()
        .ends("a", 1, Err(FailureClass::TimedOut), 10)
        .ends("a", 2, Err(FailureClass::VerifyFailed), 10)
        .takes("b", 150);
    let mut sim = Sim::new(&bundle, world, 1).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    10 a: TimedOut, again at 110
    10 b: attempt 1
    160 b: success
    160 a: attempt 2
    170 a: VerifyFailed, again at 370
    370 a: attempt 3
    380 a: success
    380 Success
    ");
}

#[test]
fn retries_end() {
    for (class, attempts) in [(FailureClass::CommandFailed, 3), (FailureClass::Denied, 1)] {
        let bundle = tasks("  a: { run: x, on_failure: { retry: 2 } }\n");
        let mut sim = Sim::new(&bundle, World::calm().ends("a", 0, Err(class), 1), 1).shadowed();
        assert_eq!(sim.run(), RunStatus::Failure);
        assert_eq!(sim.state.nodes()[0].attempts, attempts);
    }
}

#[test]
fn the_next_attempt_knows_what_was_wrong_with_the_last() {
    let bundle = tasks("  a: { run: x, on_failure: { retry: 1 } }\n");
    let world = World::calm().ends("a", 1, Err(FailureClass::VerifyFailed), 10);
    let mut sim = Sim::new(&bundle, world, 1);
    sim.run();
    let second = sim
        .story()
        .lines()
        .position(|line| line.ends_with("attempt 2"))
        .unwrap();
    let known = |state: &State| state.nodes()[0].failure.as_ref().map(|f| f.class);
    assert_eq!(known(&sim.folded(second + 1)), Some(FailureClass::VerifyFailed));
    assert_eq!(known(&sim.state), None, "it succeeded in the end");
}

const OUTER: &str = "smallcode: 1\ntasks:\n  a: { uses: inner.yaml, with: { n: 3 }, on_failure: { retry: { max: 1, backoff: 10ms, jitter: false } } }\n  b: { run: x, needs: a }\n";
const INNER: &str = "smallcode: 1\ninputs: { n: integer }\ntasks:\n  x: { run: x }\n  y: { foreach: '{{ range(inputs.n)|list }}', needs: x, run: x }\n";

#[test]
fn a_used_workflow_is_a_scope_of_its_own() {
    let bundle = bundle(&[("main.yaml", OUTER), ("inner.yaml", INNER)]);
    let mut sim = Sim::new(&bundle, World::calm(), 2).shadowed();
    assert_eq!(sim.run(), RunStatus::Success);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 a: entered
    0 a/x: attempt 1
    10 a/x: success
    10 a/y: 3 items
    10 a/y[0]: attempt 1
    10 a/y[1]: attempt 1
    20 a/y[0]: success
    20 a/y[2]: attempt 1
    20 a/y[1]: success
    30 a/y[2]: success
    30 a: success
    30 b: attempt 1
    40 b: success
    40 Success
    ");
}

#[test]
fn a_used_workflow_fails_with_its_tasks_and_is_tried_again_as_a_new_scope() {
    let bundle = bundle(&[("main.yaml", OUTER), ("inner.yaml", INNER)]);
    let world = World::calm().fails("a/y[1]").fails("a#2/x");
    let mut sim = Sim::new(&bundle, world, 8).shadowed();
    assert_eq!(sim.run(), RunStatus::Failure);
    insta::assert_snapshot!(sim.story(), @"
    0 run
    0 a: attempt 1
    0 a: entered
    0 a/x: attempt 1
    10 a/x: success
    10 a/y: 3 items
    10 a/y[0]: attempt 1
    10 a/y[1]: attempt 1
    10 a/y[2]: attempt 1
    20 a/y[0]: success
    20 a/y[1]: CommandFailed
    20 a/y[2]: success
    20 a: UsedWorkflowFailed, again at 30
    30 a: attempt 2
    30 a: entered
    30 a#2/x: attempt 1
    40 a#2/x: CommandFailed
    40 a#2/y: skipped, `x` failed
    40 a: UsedWorkflowFailed
    40 b: skipped, `a` failed
    40 Failure
    ");
}

#[test]
fn a_cancelled_need_is_known_to_whatever_comes_after() {
    let text = "  a: { run: x }\n  b: { run: x, needs: a }\n  c: { run: x, needs: b, if: cancelled() }\n  d: { run: x, needs: b, if: failure() }\n";
    let world = World::calm().ends("a", 0, Err(FailureClass::Cancelled), 10);
    let (_, end) = ended(text, world);
    assert_eq!(end, "a: cancelled, b: skipped, c: success, d: skipped");
}

#[test]
fn tasks_that_may_fail_are_not_named_among_the_failed() {
    let text =
        "  a: { run: x, on_failure: { continue: true } }\n  b: { run: x }\n  c: { run: x, needs: b }\n";
    let mut sim = Sim::new(&tasks(text), World::calm().fails("a").fails("b"), 2);
    sim.run();
    assert_eq!(sim.state.failed_tasks(ScopeIndex(0)), ["`b`"]);
}
