//! `needs`: that the tasks exist, and that they don't need each other in a circle.

use std::collections::{BTreeSet, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{self, TaskGraph};
use crate::spec::{Common, Loaded, Name};

/// The functions of an `if` that replace the rule that all needs must have succeeded.
pub(crate) const STATUS_FUNCTIONS: [&str; 4] = ["success", "failure", "always", "cancelled"];

/// Builds the graph of a workflow's tasks. Needs that are wrong are left out of it: it says so of their tasks.
///
/// Tasks that could not be read are not in it, but what they need is checked.
pub fn graph(loaded: &Loaded, problems: &mut Diagnostics) -> TaskGraph {
    let tasks = &loaded.workflow.tasks;
    let readable = tasks.read.len();
    let all = Entry::all(loaded);
    let mut open: Vec<bool> = all
        .iter()
        .map(|entry| entry.needs.iter().any(|need| !tasks.read.contains_key(need)))
        .collect();
    let mut needs: Vec<Vec<usize>> = all
        .iter()
        .map(|entry| found_needs(loaded, entry, problems))
        .collect();
    for cycle in graph::cycles(&needs) {
        if let Some(problem) = circle(loaded, &all, &cycle.path) {
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
    needs.truncate(readable);
    open.truncate(readable);
    for own in &mut needs {
        own.retain(|need| *need < readable);
    }
    let read = tasks.read.values();
    let waits = read.clone().map(|task| waits_for_success(&task.common)).collect();
    let goes_on = read.map(|task| task.common.on_failure.goes_on).collect();
    let mut graph = TaskGraph::new(needs, waits, goes_on).unwrap_or_default();
    graph.open(open);
    graph
}

/// A task with what it needs, whether the rest of it could be read or not.
struct Entry<'a> {
    name: &'a Name,
    needs: &'a [Name],
}

impl<'a> Entry<'a> {
    /// Those that could be read, then those that could not.
    fn all(loaded: &'a Loaded) -> Vec<Self> {
        let tasks = &loaded.workflow.tasks;
        let read = tasks.read.iter().map(|(name, task)| Self {
            name,
            needs: &task.common.needs,
        });
        let broken = tasks.broken.iter().map(|(name, needs)| Self { name, needs });
        read.chain(broken).collect()
    }
}

/// The places of the tasks that one needs. Those that are not there, or are named twice, are told.
fn found_needs(loaded: &Loaded, entry: &Entry<'_>, problems: &mut Diagnostics) -> Vec<usize> {
    let tasks = &loaded.workflow.tasks;
    let name = entry.name;
    let mut own: Vec<usize> = Vec::with_capacity(entry.needs.len());
    let mut seen = HashSet::new();
    for need in entry.needs {
        let broken = || Some(tasks.read.len() + tasks.broken.get_index_of(need)?);
        match tasks.read.get_index_of(need).or_else(broken) {
            Some(index) if !seen.insert(index) => problems.push(
                Diagnostic::new(
                    Code::NO_EFFECT,
                    loaded.source,
                    need.span(),
                    format!("`{name}` needs `{need}` twice"),
                )
                .help("name it once"),
            ),
            Some(index) => own.push(index),
            None => problems.push(
                Diagnostic::new(
                    Code::UNKNOWN_TASK,
                    loaded.source,
                    need.span(),
                    format!("task `{name}` needs `{need}`, which does not exist"),
                )
                .did_you_mean(crate::diagnostic::closest(
                    need.as_str(),
                    tasks.read.keys().filter(|other| *other != name).map(Name::as_str),
                )),
            ),
        }
    }
    own
}

/// The problem of tasks that need each other in a circle.
fn circle(loaded: &Loaded, all: &[Entry<'_>], path: &[usize]) -> Option<Diagnostic> {
    let entries: Vec<_> = path.iter().filter_map(|index| all.get(*index)).collect();
    let first = entries.first()?.name;
    let shown = entries.len().min(CIRCLE_SHOWN);
    let mut names: Vec<String> = entries
        .iter()
        .take(shown)
        .map(|entry| entry.name.to_string())
        .collect();
    let unseen = entries.len() - shown;
    if unseen > 0 {
        names.push(format!("{unseen} more"));
    }
    names.push(first.to_string());
    let message = format!("tasks need each other in a circle: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::new(Code::CYCLE, loaded.source, first.span(), message);
    let circle: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    for entry in entries.iter().take(shown) {
        // Point at each `needs` entry that is part of the circle.
        let needs = entry.needs.iter();
        for need in needs
            .filter(|need| circle.contains(need.as_str()))
            .take(CIRCLE_SHOWN)
        {
            diagnostic = diagnostic.also(
                loaded.source,
                need.span(),
                format!("`{}` needs `{need}`", entry.name),
            );
        }
    }
    Some(diagnostic.help("take one of these needs out"))
}

/// So many tasks of a circle are named: one of two hundred is told by its beginning as well.
const CIRCLE_SHOWN: usize = 20;

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
