//! What the ladder is worth: how many workflows of ten tasks a model finishes that is right in seven of ten attempts.

use std::fmt::Write as _;

use super::sim::{Sim, tasks};
use super::world::{Skill, World};
use crate::run::RunStatus;

/// Runs of each figure.
const RUNS: u64 = 1000;

/// Tasks of a workflow, one after the other.
const TASKS: usize = 10;

/// How many of a thousand runs succeed, and how many calls a run makes on average, in hundredths.
fn finished(retries: Option<u32>, ways: u64, told_apart: bool) -> (u64, u64) {
    let policy = retries.map_or(String::new(), |retries| {
        format!(", on_failure: {{ retry: {{ max: {retries}, backoff: 1ms }} }}")
    });
    let text: Vec<String> = (0..TASKS)
        .map(|task| {
            let needs = task
                .checked_sub(1)
                .map_or(String::new(), |before| format!(", needs: t{before}"));
            format!("  t{task}: {{ prompt: x{policy}{needs} }}\n")
        })
        .collect();
    let bundle = tasks(&text.concat());
    let (mut succeeded, mut calls) = (0, 0);
    for seed in 0..RUNS {
        let world = World {
            seed,
            skill: Some(Skill {
                right: 70,
                ways,
                told_apart,
            }),
            ..World::default()
        };
        let mut sim = Sim::new(&bundle, world, 1);
        succeeded += u64::from(sim.run() == RunStatus::Success);
        calls += sim
            .state
            .nodes()
            .iter()
            .map(|node| u64::from(node.attempts))
            .sum::<u64>();
    }
    (succeeded, calls * 100 / RUNS)
}

/// Without retries 0.7 to the tenth power: 0.03. A model that gives the same answer to the same failure is given up, so
/// how far more attempts lead depends on how many wrong answers it has, and not on what it is told of them.
#[test]
fn a_model_that_is_right_in_seven_of_ten_attempts() {
    let mut table = String::new();
    for (retries, ways, told_apart) in [
        (Some(0), 1000, true),
        (Some(1), 1000, true),
        (Some(2), 1000, true),
        (Some(3), 1000, true),
        (Some(5), 1000, true),
        (Some(8), 1000, true),
        (Some(8), 4, true),
        (Some(8), 1, true),
        (None, 1000, true),
        (None, 1000, false),
    ] {
        let (succeeded, calls) = finished(retries, ways, told_apart);
        let _ = writeln!(
            table,
            "{} retries, {ways} ways to be wrong{}: {succeeded} of {RUNS}, {}.{:02} calls",
            retries.map_or("the usual".to_owned(), |retries| retries.to_string()),
            if told_apart {
                ""
            } else {
                " that are all told alike"
            },
            calls / 100,
            calls % 100
        );
    }
    insta::assert_snapshot!(table, @"
    0 retries, 1000 ways to be wrong: 21 of 1000, 3.15 calls
    1 retries, 1000 ways to be wrong: 384 of 1000, 8.69 calls
    2 retries, 1000 ways to be wrong: 767 of 1000, 12.38 calls
    3 retries, 1000 ways to be wrong: 925 of 1000, 13.68 calls
    5 retries, 1000 ways to be wrong: 990 of 1000, 14.26 calls
    8 retries, 1000 ways to be wrong: 995 of 1000, 14.31 calls
    8 retries, 4 ways to be wrong: 987 of 1000, 14.23 calls
    8 retries, 1 ways to be wrong: 944 of 1000, 13.86 calls
    the usual retries, 1000 ways to be wrong: 994 of 1000, 14.30 calls
    the usual retries, 1000 ways to be wrong that are all told alike: 994 of 1000, 14.30 calls
    ");
}
