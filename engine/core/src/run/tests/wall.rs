//! Caps on wall time: of the run, of a used workflow, of a task.

use super::order::{ended, one_line};
use super::sim::{Sim, bundle, tasks};
use super::world::World;
use crate::run::{Event, FailureClass, RunStatus, Timestamp};

#[test]
fn the_wall_counts_active_time_only() {
    let bundle = bundle(&[(
        "main.yaml",
        "smallcode: 1\nbudget: { wall: 1s }\ntasks:\n  a: { run: x, idempotent: true }\n  gate: { approve: Go?, needs: a }\n",
    )]);
    let mut sim = Sim::new(&bundle, World::calm().takes("a", 300), 1);
    assert_eq!(sim.state.wall_deadline(), Some(Timestamp(1000)));
    assert_eq!(sim.run(), RunStatus::Waiting);
    assert_eq!(sim.state.wall_deadline(), None, "no session is under way");
    // 300 ms are spent; the time between sessions does not count.
    let second = sim.resumed(sim.journal.len(), 50_000, 1, false);
    assert_eq!(second.state.wall_deadline(), Some(Timestamp(50_300 + 700)));
    // The second dies at once; the third does not count the time that it was dead.
    let third = second.resumed(second.journal.len(), 50_000, 1, false);
    assert_eq!(third.state.wall_deadline(), Some(Timestamp(100_300 + 700)));
    // The first dies after 300 ms, before it ends.
    let died = sim.resumed(3, 9_000, 1, false);
    assert_eq!(sim.journal[2].0, Timestamp(300));
    assert_eq!(died.state.wall_deadline(), Some(Timestamp(9_300 + 700)));
}

#[test]
fn the_wall_of_a_task_ends_all_its_attempts() {
    let task = "  a: { run: x, budget: { wall: 100ms }, on_failure: { retry: { max: 9, backoff: 30ms, jitter: false } } }\n";
    let after = "  b: { run: x, needs: a }\n  c: { run: x }\n";
    // While an attempt runs: it is killed, and what it says of that counts for nothing.
    let (status, end) = ended(&format!("{task}{after}"), World::calm().takes("a", 5000));
    assert_eq!(status, RunStatus::OverBudget);
    assert_eq!(end, "a: failure, b: skipped, c: success");
    // While the next attempt waits: it does not start.
    let (status, end) = ended(&format!("{task}{after}"), World::calm().fails("a"));
    assert_eq!(status, RunStatus::OverBudget);
    assert_eq!(end, "a: failure, b: skipped, c: success");
    // All nodes of the task together, those that have not begun included.
    let fan = "  a: { foreach: [0, 1, 2, 3], max_parallel: 2, run: x, budget: { wall: 100ms } }\n";
    let world = World::calm()
        .takes("a[1]", 5000)
        .takes("a[2]", 60)
        .takes("a[3]", 60);
    let (status, end) = ended(fan, world);
    assert_eq!(status, RunStatus::OverBudget);
    assert_eq!(
        end,
        "a: failure, a[0]: success, a[1]: failure, a[2]: success, a[3]: failure"
    );
    // It may fail.
    let goes_on = "  a: { run: x, budget: { wall: 100ms }, on_failure: { continue: true } }\n  b: { run: x, needs: a }\n";
    let (status, end) = ended(goes_on, World::calm().takes("a", 5000));
    assert_eq!((status, &*end), (RunStatus::Success, "a: failure, b: success"));
    // In time.
    let (status, _) = ended(goes_on, World::calm().takes("a", 99));
    assert_eq!(status, RunStatus::Success);
}

#[test]
fn the_wall_around_a_used_workflow_ends_what_runs_in_it() {
    let inner =
        "tasks:\n  x: { run: x }\n  y: { run: x, needs: x, if: always() }\n  gate: { approve: Go? }\n";
    let cases = [
        (", budget: { wall: 100ms }", ""),
        ("", "budget: { wall: 100ms }\n"),
    ];
    for (outer, within) in cases {
        let bundle = bundle(&[
            (
                "main.yaml",
                &format!(
                    "smallcode: 1\ntasks:\n  a: {{ uses: inner.yaml{outer}, on_failure: {{ retry: 3 }} }}\n  b: {{ run: x, needs: a, if: always() }}\n"
                ),
            ),
            ("inner.yaml", &format!("smallcode: 1\n{within}{inner}")),
        ]);
        let mut sim = Sim::new(&bundle, World::calm().takes("a/x", 5000), 4).shadowed();
        assert_eq!(sim.run(), RunStatus::OverBudget, "{}", sim.story());
        assert!(sim.now < Timestamp(1000), "{}", sim.story());
        assert_eq!(
            one_line(&sim),
            "a: failure, a/gate: cancelled, a/x: cancelled, a/y: skipped, b: success"
        );
        let node = sim.state.node(sim.state.node_named("a").unwrap()).unwrap();
        let failure = node.failure.as_ref().unwrap();
        assert_eq!((failure.class, node.attempts), (FailureClass::OverBudget, 1));
    }
}

#[test]
fn the_wall_of_a_task_holds_across_sessions() {
    let bundle =
        tasks("  a: { run: x, idempotent: true, budget: { wall: 100ms } }\n  b: { run: x, if: false }\n");
    let whole = {
        let mut sim = Sim::new(&bundle, World::calm().takes("a", 5000), 1);
        sim.run();
        sim
    };
    let started = whole
        .journal
        .iter()
        .position(|(_, e)| matches!(e, Event::AttemptStarted { .. }))
        .unwrap();
    let mut resumed = whole.resumed(started + 1, 50_000, 1, true).shadowed();
    assert_eq!(resumed.state.wall_deadline(), Some(Timestamp(50_100)));
    assert_eq!(resumed.run(), RunStatus::OverBudget);
    // Once it is over, so it stays, though the kill was never confirmed.
    let capped = whole
        .journal
        .iter()
        .position(|(_, e)| matches!(e, Event::CapReached { .. }))
        .unwrap();
    let mut resumed = whole.resumed(capped + 1, 50_000, 1, true).shadowed();
    assert_eq!(resumed.run(), RunStatus::OverBudget, "{}", resumed.story());
    assert!(
        resumed.statuses().starts_with("a: failure"),
        "{}",
        resumed.statuses()
    );
}
