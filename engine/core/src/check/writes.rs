//! Writes: tasks that may run at the same time don't write the same files.

mod clash;
mod near;

pub(crate) use clash::{Write, clashes};

use super::Checker;
use crate::diagnostic::Code;
use crate::glob;
use crate::spec::{BoneAction, Kind, Output, Task, Text};

/// The paths and globs that a task declares to write, in the file's own words; expressions included. Of `out` of a
/// `bone`, `below` says that it is a folder.
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

/// Whether what a task declares to write is all below a text of [`declared`], and not that path alone.
pub fn below(task: &Task, text: &Text) -> bool {
    let out = match &task.kind {
        Kind::Bone(bone) if bone.action == BoneAction::Compile => bone.out.as_ref(),
        _ => None,
    };
    out.is_some_and(|out| out.span == text.span)
}

/// The glob of everything below a folder.
pub fn all_below(folder: &str) -> String {
    format!("{}/**", folder.trim_end_matches('/'))
}

/// What a write is compared by. Two texts with the same expressions in them name the same paths only where the
/// expressions are the same, so what ends with an expression stands for itself, and only what follows is a glob.
fn comparable(task: usize, text: &str, literal: bool) -> Write {
    // The braces of a glob may end like an expression: `{a,{b,c}}/x`.
    let end = text.rfind("}}").max(text.rfind("%}")).filter(|_| !literal);
    let expressions = end.map_or(0, |at| at + 2);
    let rest = text.get(expressions..).unwrap_or_default();
    let under = match rest.find('/') {
        _ if expressions == 0 => 0,
        Some(slash) => expressions + slash + 1,
        None => text.len(),
    };
    let start = glob::normal(text.get(..under).unwrap_or_default());
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    Write {
        task,
        under: words.replace("{{ ", "{{").replace(" }}", "}}"),
        path: text.get(under..).unwrap_or_default().to_owned(),
    }
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let module = checker.module;
    let tasks = &module.loaded.workflow.tasks.read;
    let mut writes = Vec::new();
    let mut spans = Vec::new();
    for (index, task) in tasks.values().enumerate() {
        if let Some(cwd) = task.common.cwd.as_ref().filter(|cwd| cwd.template.is_literal())
            && let Err(error) = crate::path::inside(cwd.template.source())
        {
            checker.report(Code::BAD_PATH, cwd.span, error.to_string(), |diagnostic| {
                diagnostic.help("commands run inside the workspace: `.`, or a folder relative to it")
            });
        }
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
            let source = text.template.source();
            let literal = text.template.is_literal();
            writes.push(if below(task, text) {
                comparable(index, &all_below(source), literal)
            } else {
                comparable(index, source, literal)
            });
            spans.push(text.span);
        }
    }
    for (left, right) in clashes(&writes, module.graph.reach()) {
        let is_open = |place: usize| {
            writes
                .get(place)
                .is_some_and(|write| module.graph.is_open(write.task))
        };
        if is_open(left) || is_open(right) {
            continue;
        }
        let place = |place: usize| Some((tasks.get_index(writes.get(place)?.task)?.0, *spans.get(place)?));
        if let (Some((left, left_span)), Some((right, right_span))) = (place(left), place(right)) {
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

/// Why a task may not write in a folder of [`kept`](crate::path::kept).
pub fn not_to_write(folder: &str) -> String {
    let whose = if folder == ".git" { "git" } else { "the engine" };
    format!("what {whose} keeps in `{folder}` is not a task's to write")
}

fn path_problem(checker: &mut Checker<'_>, text: &Text) {
    let inside = crate::path::inside(text.template.source());
    let kept = inside
        .as_ref()
        .ok()
        .and_then(|path| crate::path::kept(path.as_str()));
    if let Some(folder) = kept {
        checker.report(Code::BAD_PATH, text.span, not_to_write(folder), |diagnostic| {
            diagnostic.help("let the task write elsewhere in the workspace")
        });
    } else if let Err(error) = inside {
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
