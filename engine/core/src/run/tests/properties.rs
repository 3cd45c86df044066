//! What holds for every workflow and every way in which its attempts may end. The simulator itself checks slots,
//! `max_parallel`, needs, and that no attempt runs twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::sim::{Sim, bundle};
use super::world::World;
use crate::load::Bundle;
use crate::run::{Event, Node, NodeId, NodePhase, RunStatus, State, Timestamp};

/// One task of a random workflow.
#[derive(Clone, Debug)]
struct Shape {
    kind: usize,
    needs: Vec<Index>,
    fan: usize,
    condition: usize,
    retry: u32,
    max_parallel: Option<u64>,
    fail_fast: bool,
    goes_on: bool,
    wall: Option<u64>,
    split: bool,
}

const KINDS: [&str; 13] = [
    "run: x",
    "run: x",
    "run: x, idempotent: true",
    "prompt: x",
    "prompt: x",
    "run: x, writes: W",
    "run: x, idempotent: true, writes: W",
    "prompt: x, writes: W",
    "plan: { goal: x }",
    "plan: { goal: x }, writes: W",
    "approve: Go?",
    "uses: inner.yaml",
    "uses: middle.yaml",
];

const CONDITIONS: [&str; 10] = [
    "",
    "",
    "",
    "success()",
    "failure()",
    "always()",
    "cancelled()",
    "inputs.no",
    "not failure()",
    "success() or failure()",
];

const INNER: &str = "smallcode: 1\ntasks:\n  x: { run: x, writes: f }\n  y: { foreach: [1, 2], run: x, needs: x, on_failure: { retry: { max: 1, backoff: 3ms } } }\n  z: { prompt: x, needs: y, if: failure() }\n";
const MIDDLE: &str = "smallcode: 1\ntasks:\n  u: { uses: inner.yaml, on_failure: { continue: true } }\n  gate: { approve: Go?, needs: u, if: always() }\n  v: { foreach: [1, 2, 3], uses: inner.yaml, max_parallel: 2, needs: gate }\n";

fn shape() -> impl Strategy<Value = Shape> {
    (
        0..KINDS.len(),
        prop::collection::vec(any::<Index>(), 0..4),
        0_usize..8,
        0..CONDITIONS.len() + 2,
        0_u32..3,
        prop::option::weighted(0.3, 1_u64..4),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, 0_u64..60),
        prop::bool::weighted(0.4),
    )
        .prop_map(
            |(kind, needs, fan, condition, retry, max_parallel, fail_fast, goes_on, wall, split)| Shape {
                kind,
                needs,
                fan,
                condition,
                retry,
                max_parallel,
                fail_fast,
                goes_on,
                wall,
                split,
            },
        )
}

fn shapes(most: usize) -> impl Strategy<Value = Vec<Shape>> {
    prop::collection::vec(shape(), 1..most)
}

/// The workflow of these shapes. `fail_fast` and caps on wall time make what happens depend on time; without them,
/// nothing does.
fn workflow(shapes: &[Shape], timely: bool) -> Arc<Bundle> {
    let mut text = "smallcode: 1\ninputs: { no: boolean }\ntasks:\n".to_owned();
    for (task, shape) in shapes.iter().enumerate() {
        let mut needs: Vec<usize> = if task == 0 {
            Vec::new()
        } else {
            shape.needs.iter().map(|index| index.index(task)).collect()
        };
        needs.sort_unstable();
        needs.dedup();
        let writes = match shape.fan {
            1 => "['{{ item % 2 }}/*', '{{ index }}/b']".to_owned(),
            3 => "'{{ matrix.a }}/*'".to_owned(),
            _ => format!("f{task}"),
        };
        let kind = KINDS[shape.kind].replace('W', &writes);
        write!(text, "  t{task}:\n    {{ {kind}").unwrap();
        if !needs.is_empty() {
            let names: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
            write!(text, ", needs: [{}]", names.join(", ")).unwrap();
        }
        let fans = match (shape.fan, needs.first()) {
            (0, _) => ", foreach: []".to_owned(),
            (1, _) => ", foreach: [1, 2, 3, 4, 5]".to_owned(),
            (2, Some(need)) => format!(", foreach: '{{{{ tasks.t{need}.output|default([]) }}}}'"),
            (2 | 3, _) => ", matrix: { a: [1, 2], b: [1, 2] }".to_owned(),
            _ => String::new(),
        };
        text += &fans;
        match CONDITIONS.get(shape.condition) {
            Some(&"") => {}
            Some(condition) => write!(text, ", if: '{condition}'").unwrap(),
            None if !fans.contains("foreach") => {}
            None if shape.condition == CONDITIONS.len() => text += ", if: 'index != 1'",
            None => text += ", if: 'index != 1 or item.x.y'",
        }
        if !fans.is_empty() {
            if let Some(max) = shape.max_parallel {
                write!(text, ", max_parallel: {max}").unwrap();
            }
            if timely && shape.fail_fast {
                text += ", fail_fast: true";
            }
        }
        if let Some(wall) = shape.wall.filter(|_| timely) {
            write!(text, ", budget: {{ wall: {wall}ms }}").unwrap();
        }
        writeln!(
            text,
            ", on_failure: {{ retry: {{ max: {}, backoff: 4ms }}, split: {}, continue: {} }} }}",
            shape.retry, shape.split, shape.goes_on
        )
        .unwrap();
    }
    bundle(&[
        ("main.yaml", &text),
        ("inner.yaml", INNER),
        ("middle.yaml", MIDDLE),
    ])
}

fn wild(seed: u64) -> World {
    World::wild(seed).input("no", false.into())
}

/// Whether the disk has an event before anything follows from it.
fn is_waited_for(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStarted { .. }
            | Event::RunResumed { .. }
            | Event::NodesClaimed { .. }
            | Event::CallStarted { .. }
            | Event::ApprovalAnswered { .. }
            | Event::RunFinished { .. }
    )
}

/// The names of some nodes.
fn ids(state: &State, of: impl Fn(&Node) -> bool) -> BTreeSet<NodeId> {
    let nodes = state.nodes().iter().filter(|node| of(node));
    nodes.map(|node| node.id.clone()).collect()
}

fn in_doubt(state: &State) -> BTreeSet<NodeId> {
    ids(state, |node| node.phase == NodePhase::InDoubt)
}

fn repeats(state: &State, node: &Node) -> bool {
    let index = state.node_named(node.id.as_str()).unwrap();
    state.info(index).unwrap().repeatable
}

fn can_start(phase: NodePhase) -> bool {
    matches!(phase, NodePhase::Ready | NodePhase::Waiting(_))
}

/// The nodes of which an attempt starts.
fn starts(journal: &[(Timestamp, Event)]) -> BTreeSet<NodeId> {
    let started = journal.iter().filter_map(|(_, event)| match event {
        Event::AttemptStarted { node, .. } => Some(node.clone()),
        _ => None,
    });
    started.collect()
}

/// The nodes whose last attempt has asked for its turn to write and kept nothing: it has not done anything.
fn untouched(journal: &[(Timestamp, Event)]) -> BTreeSet<NodeId> {
    let mut untouched = BTreeSet::new();
    for (_, event) in journal {
        match event {
            Event::WritesAsked { node, .. } => {
                untouched.insert(node.clone());
            }
            Event::AttemptStarted { node, .. } | Event::WritesKept { node, .. } => {
                untouched.remove(node);
            }
            _ => {}
        }
    }
    untouched
}

fn all_ended(sim: &Sim) -> bool {
    sim.finals().values().all(Option::is_some)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Every run ends, with every node and task; replaying its journal gives the state that it had.
    #[test]
    fn every_run_ends(shapes in shapes(30), seed: u64, jobs in 1_u32..6) {
        let mut sim = Sim::new(&workflow(&shapes, true), wild(seed), jobs).shadowed();
        let status = sim.run();
        prop_assert!(
            matches!(status, RunStatus::Success | RunStatus::Failure | RunStatus::OverBudget),
            "{status:?}\n{}\n{}",
            sim.story(),
            sim.statuses()
        );
        prop_assert!(all_ended(&sim), "{}\n{}", sim.story(), sim.statuses());
    }

    /// The same seed and jobs give the same journal.
    #[test]
    fn runs_are_deterministic(shapes in shapes(30), seed: u64, jobs in 1_u32..6) {
        let bundle = workflow(&shapes, true);
        let mut first = Sim::new(&bundle, wild(seed), jobs);
        let mut second = Sim::new(&bundle, wild(seed), jobs);
        first.run();
        second.run();
        prop_assert_eq!(first.journal, second.journal);
    }

    /// How many run at the same time changes when things happen, not how they end.
    #[test]
    fn endings_do_not_depend_on_jobs(shapes in shapes(30), seed: u64, jobs in 2_u32..9) {
        let bundle = workflow(&shapes, false);
        let mut one = Sim::new(&bundle, wild(seed), 1);
        let mut many = Sim::new(&bundle, wild(seed), jobs);
        prop_assert_eq!(one.run(), many.run());
        prop_assert_eq!(one.finals(), many.finals());
    }

    /// A run that is asked to stop, or that reaches a cap, ends; the first goes on to the same end.
    #[test]
    fn stopped_runs_end(shapes in shapes(20), seed: u64, jobs in 1_u32..6, at in 0_u64..120, fail_fast: bool) {
        let bundle = workflow(&shapes, fail_fast);
        let mut whole = Sim::new(&bundle, wild(seed), jobs);
        let status = whole.run();

        let signal = wild(seed).signal(at, Event::Interrupted { stage: 1 });
        let mut stopped = Sim::new(&bundle, signal, jobs).shadowed();
        if stopped.run() == RunStatus::Interrupted {
            stopped = stopped.resume(false).in_world(|world| World { signals: Vec::new(), ..world }).shadowed();
            let end = stopped.run();
            prop_assert!(all_ended(&stopped));
            if !fail_fast {
                prop_assert_eq!(end, status);
            }
        }
        if !fail_fast {
            prop_assert_eq!(stopped.finals(), whole.finals());
        }

        let cap = wild(seed).signal(at, Event::CapReached { cap: "cap".to_owned() });
        let mut capped = Sim::new(&bundle, cap, jobs).shadowed();
        capped.run();
        prop_assert!(all_ended(&capped), "{}\n{}", capped.story(), capped.statuses());
    }

    /// Where nobody answers, the run waits; with the answers, it ends as if they had been there at once.
    #[test]
    fn waiting_runs_go_on(shapes in shapes(20), seed: u64, jobs in 1_u32..6) {
        let bundle = workflow(&shapes, false);
        let mut whole = Sim::new(&bundle, wild(seed), jobs);
        whole.run();
        let silent = World { answers: super::world::Answers::Nobody, ..wild(seed) };
        let mut sim = Sim::new(&bundle, silent, jobs).shadowed();
        let mut sessions = 1;
        while sim.run() == RunStatus::Waiting {
            let answers = super::world::Answers::Chance;
            sim = sim.resume(false).in_world(|world| World { answers, ..world }).shadowed();
            sim.answer_open();
            sessions += 1;
            prop_assert!(sessions < 3);
        }
        prop_assert_eq!(sim.finals(), whole.finals());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A run that dies after any event reaches the end that it would have had.
    #[test]
    fn a_crash_after_any_event_changes_nothing(shapes in shapes(9), seed: u64, jobs in 1_u32..6, later in 1_u32..6) {
        let bundle = workflow(&shapes, false);
        let mut whole = Sim::new(&bundle, wild(seed), jobs);
        let status = whole.run();
        for length in 1..=whole.journal.len() {
            let mut resumed = whole.resumed(length, 7, later, true);
            prop_assert_eq!(resumed.run(), status, "after {} events:\n{}", length, resumed.story());
            prop_assert_eq!(resumed.finals(), whole.finals(), "after {} events:\n{}", length, resumed.story());
        }
    }

    /// Where only the process died, just the commands that had started are in doubt. Where the machine lost its
    /// power, so are those that had asked for their turn to write, and those that were claimed and are not known to have ended, for they may have started since. None
    /// of them starts unasked; once that is confirmed, the run ends as it would have.
    #[test]
    fn no_command_starts_twice_unasked(shapes in shapes(20), seed: u64, jobs in 1_u32..6, crashes in prop::collection::vec(any::<Index>(), 12)) {
        let bundle = workflow(&shapes, false);
        let mut whole = Sim::new(&bundle, wild(seed), jobs);
        let status = whole.run();
        let repeatable = ids(&whole.state, |node| repeats(&whole.state, node));
        for crash in crashes {
            let length = 1 + crash.index(whole.journal.len());
            let before = whole.folded(length);
            let claimed = ids(&whole.state, |node| before.is_claimed(&node.id));
            let running = ids(&before, |node| node.phase == NodePhase::Running);
            let mut doubtful: BTreeSet<NodeId> = running.difference(&repeatable).cloned().collect();
            let died = whole.resumed(length, 7, jobs, false);
            let begun = doubtful.difference(&untouched(&whole.journal[..length])).cloned().collect();
            prop_assert_eq!(in_doubt(&died.state), begun, "after {} events:\n{}", length, died.story());

            let mut died = whole.resumed_after_power_loss(length, jobs, false);
            doubtful.extend(ids(&before, |node| claimed.contains(&node.id) && can_start(node.phase)));
            prop_assert_eq!(in_doubt(&died.state), doubtful.clone(), "after {} events:\n{}", length, died.story());
            let end = died.run();
            let started = starts(&died.journal[length..]);
            // What may have happened beyond the last event that was kept, before the next that is waited for.
            let next = whole.journal[length..].iter().position(|(_, event)| is_waited_for(event));
            let lost = starts(&whole.journal[length..length + next.unwrap_or(0)]);
            for node in lost.difference(&repeatable).chain(&claimed).chain(&doubtful) {
                prop_assert!(!started.contains(node), "{} after {} events:\n{}", node, length, died.story());
            }
            if end == RunStatus::Waiting {
                died = died.resume(true);
                died.run();
            }
            prop_assert_eq!(died.state.finished(), Some(status));
            prop_assert_eq!(died.finals(), whole.finals(), "after {} events:\n{}", length, died.story());
        }
    }

    /// The same where siblings stop each other, of which only the end of the run and of each node is sure; where it
    /// dies again and again, sometimes with the machine; and where commands in flight are confirmed only when the run
    /// waits for it.
    #[test]
    fn crashes_on_crashes(shapes in shapes(20), seed: u64, jobs in 1_u32..6, crashes in prop::collection::vec((any::<Index>(), any::<bool>()), 1..6), fail_fast: bool) {
        let bundle = workflow(&shapes, fail_fast);
        let mut whole = Sim::new(&bundle, wild(seed), jobs);
        let status = whole.run();
        let mut sim = Sim::new(&bundle, wild(seed), jobs);
        sim.run();
        for (crash, power) in crashes {
            let length = 1 + crash.index(sim.journal.len());
            sim = if power {
                sim.resumed_after_power_loss(length, jobs, false)
            } else {
                sim.resumed(length, 7, jobs, false)
            };
            sim = sim.shadowed();
            if sim.run() == RunStatus::Waiting {
                sim = sim.resume(true);
                let status = sim.run();
                prop_assert!(matches!(status, RunStatus::Success | RunStatus::Failure | RunStatus::OverBudget), "{status:?}\n{}", sim.story());
            }
        }
        prop_assert!(all_ended(&sim), "{}\n{}", sim.story(), sim.statuses());
        if !fail_fast {
            prop_assert_eq!(sim.finals(), whole.finals());
            prop_assert_eq!(sim.state.finished(), Some(status));
        }
    }
}
