//! Large runs: nothing may cost more than the number of nodes and edges times a logarithm. With a scan of all
//! nodes at each event, each of these would take minutes.

use std::fmt::Write as _;

use serde_json::json;

use super::sim::{Sim, bundle, tasks};
use super::world::World;
use crate::run::{Event, FailureClass, RunStatus};

#[test]
fn a_chain_of_ten_thousand() {
    let mut text = "  t0: { run: x }\n".to_owned();
    for task in 1..10_000 {
        writeln!(text, "  t{task}: {{ run: x, needs: t{} }}", task - 1).unwrap();
    }
    let bundle = tasks(&text);
    let mut sim = Sim::new(&bundle, World::calm(), 4);
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!(sim.now.0, 100_000);
    let mut sim = Sim::new(&bundle, World::calm().fails("t0"), 4);
    assert_eq!(sim.run(), RunStatus::Failure);
    assert_eq!(sim.now.0, 10);
}

#[test]
fn a_fan_of_ten_thousand_tasks() {
    let mut text = "  first: { run: x }\n".to_owned();
    let mut needs = Vec::new();
    for task in 0..10_000 {
        writeln!(text, "  t{task}: {{ run: x, needs: first }}").unwrap();
        needs.push(format!("t{task}"));
    }
    writeln!(text, "  last: {{ run: x, needs: [{}] }}", needs.join(", ")).unwrap();
    let bundle = tasks(&text);
    let mut sim = Sim::new(&bundle, World::calm(), 8);
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!(sim.most_slots(), 8);
    let mut died = sim.resumed(10_000, 0, 8, true);
    assert_eq!(died.run(), RunStatus::Success);
}

/// A run of one task with this many items.
fn items(keys: &str, world: World) -> Sim {
    let count = 100_000;
    let text = format!(
        "smallcode: 1\ninputs: {{ items: list, no: boolean }}\ntasks:\n  f: {{ foreach: inputs.items, max_items: {count}, run: x, {keys} }}\n"
    );
    let list: Vec<u32> = (0..count).collect();
    let world = world.input("items", json!(list)).input("no", json!(false));
    Sim::new(&bundle(&[("main.yaml", &text)]), world, 8)
}

#[test]
fn a_hundred_thousand_items() {
    let mut sim = items("cwd: .", World::calm());
    assert_eq!(sim.run(), RunStatus::Success);
    let mut died = sim.resumed(100_000, 0, 8, true);
    assert_eq!(died.run(), RunStatus::Success);
}

#[test]
fn a_hundred_thousand_items_that_take_turns() {
    let mut sim = items("max_parallel: 3", World::calm());
    assert_eq!(sim.run(), RunStatus::Success);
    assert_eq!(sim.most_slots(), 3);
}

#[test]
fn a_hundred_thousand_items_that_are_stopped() {
    let mut sim = items("fail_fast: true, max_parallel: 3", World::calm().fails("f[1000]"));
    assert_eq!(sim.run(), RunStatus::Failure);
    let cap = Event::CapReached {
        cap: "cap".to_owned(),
    };
    let mut sim = items("max_parallel: 3", World::calm().signal(5000, cap));
    assert_eq!(sim.run(), RunStatus::OverBudget);
}

#[test]
fn a_hundred_thousand_that_are_refused_at_once() {
    let mut sim = items("fail_fast: true, if: item.x.y", World::calm());
    assert_eq!(sim.run(), RunStatus::Failure);
    let mut sim = items("if: inputs.no", World::calm());
    assert_eq!(sim.run(), RunStatus::Success);
}

#[test]
fn a_hundred_thousand_that_wait_for_their_next_attempt() {
    let mut sim = items(
        "on_failure: { retry: { max: 1, backoff: 1h } }",
        World::calm().ends("f[7]", 1, Err(FailureClass::Io), 10),
    );
    assert_eq!(sim.run(), RunStatus::Success);
}
