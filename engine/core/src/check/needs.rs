//! `needs`: that the tasks exist, and that they don't need each other in a circle.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::TaskGraph;
use crate::spec::{Common, Loaded};

/// The functions of an `if` that replace the rule that all needs must have succeeded.
pub(crate) const STATUS_FUNCTIONS: [&str; 4] = ["success", "failure", "always", "cancelled"];

/// Builds the graph of a workflow's tasks. Needs that are wrong are left out of it: it says so of their tasks.
pub fn graph(loaded: &Loaded, problems: &mut Diagnostics) -> TaskGraph {
    let tasks = &loaded.workflow.tasks;
    let mut needs = Vec::with_capacity(tasks.read.len());
    let mut open = vec![false; tasks.read.len()];
    for (name, task) in &tasks.read {
        let mut own: Vec<usize> = Vec::with_capacity(task.common.needs.len());
        if let Some(open) = open.get_mut(needs.len()) {
            *open = task
                .common
                .needs
                .iter()
                .any(|need| !tasks.read.contains_key(need));
        }
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
    let mut graph = match TaskGraph::new(needs.clone(), waits.clone(), goes_on.clone()) {
        Ok(graph) => graph,
        Err(cycles) => {
            for cycle in cycles {
                if let Some(problem) = circle(loaded, &cycle.path) {
                    problems.push(problem);
                }
                // Without the needs inside of it, the rest of the file can be looked at.
                let knot: BTreeSet<usize> = cycle.knot.into_iter().collect();
                for task in &knot {
                    if let Some(own) = needs.get_mut(*task) {
                        own.retain(|need| !knot.contains(need));
                    }
                    if let Some(open) = open.get_mut(*task) {
                        *open = true;
                    }
                }
            }
            TaskGraph::new(needs, waits, goes_on).unwrap_or_default()
        }
    };
    graph.open(open);
    graph
}

/// The problem of tasks that need each other in a circle.
fn circle(loaded: &Loaded, path: &[usize]) -> Option<Diagnostic> {
    let tasks = &loaded.workflow.tasks.read;
    let names: Vec<_> = path.iter().filter_map(|index| tasks.get_index(*index)).collect();
    let (first, _) = names.first()?;
    let path: Vec<&str> = names
        .iter()
        .map(|(name, _)| name.as_str())
        .chain([first.as_str()])
        .collect();
    let message = format!("tasks need each other in a circle: {}", path.join(" → "));
    let mut diagnostic = Diagnostic::new(Code::CYCLE, loaded.source, first.span(), message);
    for (name, task) in &names {
        // Point at each `needs` entry that is part of the circle.
        let needs = task.common.needs.iter();
        for need in needs.filter(|need| names.iter().any(|(other, _)| other == need)) {
            diagnostic = diagnostic.also(loaded.source, need.span(), format!("`{name}` needs `{need}`"));
        }
    }
    Some(diagnostic.help("take one of these needs out"))
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
