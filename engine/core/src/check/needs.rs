//! `needs`: that the tasks exist, and that they don't need each other in a circle.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::TaskGraph;
use crate::spec::{Common, Loaded};

/// The functions of an `if` that replace the rule that all needs must have succeeded.
pub(crate) const STATUS_FUNCTIONS: [&str; 4] = ["success", "failure", "always", "cancelled"];

/// Builds the graph of a workflow's tasks; it is empty when they need each other in a circle.
pub fn graph(loaded: &Loaded, problems: &mut Diagnostics) -> TaskGraph {
    let tasks = &loaded.workflow.tasks;
    let mut needs = Vec::with_capacity(tasks.read.len());
    for (name, task) in &tasks.read {
        let mut own: Vec<usize> = Vec::with_capacity(task.common.needs.len());
        for need in task.common.needs.iter() {
            match tasks.read.get_index_of(need) {
                Some(index) if own.contains(&index) => problems.push(
                    Diagnostic::new(
                        Code::NO_EFFECT,
                        loaded.source,
                        need.span(),
                        format!("`{name}` needs `{need}` twice"),
                    )
                    .help("name it once"),
                ),
                Some(index) => own.push(index),
                None if tasks.broken.contains(need) => {}
                None => problems.push(
                    Diagnostic::new(
                        Code::UNKNOWN_TASK,
                        loaded.source,
                        need.span(),
                        format!("task `{name}` needs `{need}`, which does not exist"),
                    )
                    .did_you_mean(crate::diagnostic::closest(
                        need.as_str(),
                        tasks
                            .read
                            .keys()
                            .filter(|other| *other != name)
                            .map(super::super::spec::Name::as_str),
                    )),
                ),
            }
        }
        needs.push(own);
    }
    let waits: Vec<bool> = tasks
        .read
        .values()
        .map(|task| waits_for_success(&task.common))
        .collect();
    let goes_on: Vec<bool> = tasks
        .read
        .values()
        .map(|task| task.common.on_failure.goes_on)
        .collect();
    match TaskGraph::new(needs, waits, goes_on) {
        Ok(graph) => graph,
        Err(cycles) => {
            for cycle in cycles {
                let names: Vec<_> = cycle
                    .0
                    .iter()
                    .filter_map(|index| tasks.read.get_index(*index))
                    .collect();
                let Some((first, _)) = names.first() else { continue };
                let path: Vec<&str> = names
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .chain([first.as_str()])
                    .collect();
                let message = format!("tasks need each other in a circle: {}", path.join(" → "));
                let mut diagnostic = Diagnostic::new(Code::CYCLE, loaded.source, first.span(), message);
                for (name, task) in &names {
                    // Point at each `needs` entry that is part of the circle.
                    for need in task
                        .common
                        .needs
                        .iter()
                        .filter(|need| names.iter().any(|(other, _)| other == need))
                    {
                        diagnostic =
                            diagnostic.also(loaded.source, need.span(), format!("`{name}` needs `{need}`"));
                    }
                }
                problems.push(diagnostic.help("take one of these needs out"));
            }
            TaskGraph::default()
        }
    }
}

/// Whether a task starts only where all its needs ended well: unless its `if` calls a status function, other
/// than `success()` alone without `or` and `not`, which says the same.
fn waits_for_success(common: &Common) -> bool {
    let Some(condition) = &common.condition else {
        return true;
    };
    let template = &condition.0.template;
    let called: Vec<&str> = template
        .calls()
        .iter()
        .map(|call| call.name.as_str())
        .filter(|name| STATUS_FUNCTIONS.contains(name))
        .collect();
    if called.is_empty() {
        return true;
    }
    let source = template.source();
    let only_and = !source
        .split(|char: char| !char.is_alphanumeric())
        .any(|word| matches!(word, "or" | "not" | "if"));
    only_and && called.iter().all(|name| *name == "success")
}
