//! Writes: tasks that may run at the same time don't write the same files.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::Checker;
use crate::diagnostic::{Code, Span};
use crate::glob;
use crate::spec::{BoneAction, Kind, Output, Task, Text};

/// The paths and globs that a task declares to write, in the file's own words; expressions included.
pub fn declared(task: &Task) -> Vec<&Text> {
    let mut texts: Vec<&Text> = task.common.writes.iter().collect();
    match &task.kind {
        Kind::Prompt(prompt) => match &prompt.beside.output {
            Some(Output::File(file)) => texts.push(file),
            Some(Output::Files(files)) => texts.extend(files.iter()),
            Some(Output::Schema(_)) | None => {}
        },
        Kind::Edit(edit) => texts.extend(edit.keys.files.iter()),
        Kind::Render(render) => texts.push(&render.to),
        Kind::Bone(bone) => match bone.action {
            BoneAction::Compile => texts.extend(&bone.out),
            BoneAction::Fmt | BoneAction::Init => texts.push(&bone.file),
            BoneAction::Check | BoneAction::Diff => {}
        },
        Kind::Agent(_) | Kind::Plan(_) | Kind::Run(_) | Kind::Uses(_) | Kind::Approve(_) => {}
    }
    texts
}

/// What a write is compared by: two texts with the same expressions in them name the same paths only where the
/// expressions are the same, so an expression stands for itself.
fn key(text: &Text) -> String {
    let source = text.template.source();
    let source = glob::normal(source);
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let module = checker.module;
    let mut by_path: IndexMap<String, Vec<(usize, Span)>> = IndexMap::new();
    let mut patterns: Vec<(String, usize, Span)> = Vec::new();
    for (index, task) in module.loaded.workflow.tasks.read.values().enumerate() {
        for text in declared(task) {
            let uses_items = text.template.references().iter().any(|reference| {
                matches!(
                    reference.path.first().map(String::as_str),
                    Some("item" | "index" | "matrix" | "tasks")
                )
            });
            if uses_items {
                // Known only at run time: there, nodes whose writes overlap take turns.
                continue;
            }
            if text.template.is_literal() {
                path_problem(checker, text);
            }
            let key = key(text);
            if text.template.is_literal() && glob::is_pattern(&key) {
                patterns.push((key, index, text.span));
            } else {
                by_path.entry(key).or_default().push((index, text.span));
            }
        }
    }
    let order = module.graph.order.iter().enumerate();
    let positions: HashMap<usize, usize> = order.map(|(position, task)| (*task, position)).collect();
    let mut clashes = Vec::new();
    for places in by_path.values() {
        // Where each waits for the one before it, all of them are in order: neighbours tell.
        let mut places = places.clone();
        places.sort_by_key(|(task, _)| positions.get(task).copied());
        for pair in places.windows(2) {
            if let [left, right] = pair {
                clashes.push((*left, *right));
            }
        }
    }
    for (number, (pattern, task, span)) in patterns.iter().enumerate() {
        for (path, places) in &by_path {
            // What an expression comes to is known later; nodes whose writes overlap take turns then.
            if !path.contains("{{") && glob::overlap(pattern, path) {
                clashes.extend(places.iter().map(|place| (*place, (*task, *span))));
            }
        }
        for (other, other_task, other_span) in patterns.iter().take(number) {
            if glob::overlap(pattern, other) {
                clashes.push(((*other_task, *other_span), (*task, *span)));
            }
        }
    }
    for ((left, left_span), (right, right_span)) in clashes {
        let unordered =
            left != right && !module.graph.is_after(right, left) && !module.graph.is_after(left, right);
        let names = (
            module.loaded.workflow.tasks.read.get_index(left),
            module.loaded.workflow.tasks.read.get_index(right),
        );
        if let (true, (Some((left, _)), Some((right, _)))) = (unordered, names) {
            let source = module.loaded.source;
            checker.report(
                Code::OVERLAPPING_WRITES,
                right_span,
                format!("`{left}` and `{right}` may run at the same time and write the same files"),
                |diagnostic| {
                    diagnostic
                        .also(source, left_span, format!("`{left}` writes here"))
                        .help(format!(
                            "let one wait for the other: `needs: {left}` in `{right}`"
                        ))
                },
            );
        }
    }
}

fn path_problem(checker: &mut Checker<'_>, text: &Text) {
    if let Err(error) = crate::path::inside(text.template.source()) {
        checker.report(Code::BAD_PATH, text.span, error.to_string(), |diagnostic| {
            diagnostic.help("what a task writes lies inside the workspace; name it relative to that")
        });
    } else if let Err(reason) = glob::Glob::new(text.template.source()) {
        checker.report(
            Code::BAD_VALUE,
            text.span,
            format!("not a glob: {reason}"),
            |diagnostic| diagnostic,
        );
    }
}
