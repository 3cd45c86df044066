//! Permissions: what a model is shown and what it writes is allowed by the workflow, as far as the file shows it.

use super::Checker;
use crate::diagnostic::{Code, Span};
use crate::glob;
use crate::path;
use crate::spec::{ContextItem, ContextSource, Kind, Output, Text};

/// The first of `paths` (plain, or globs) that no glob of `allowed` covers.
pub fn uncovered<'a>(paths: impl IntoIterator<Item = &'a str>, allowed: &[String]) -> Option<&'a str> {
    let globs: Vec<glob::Glob> = allowed
        .iter()
        .filter_map(|pattern| glob::Glob::new(pattern).ok())
        .collect();
    paths.into_iter().find(|path| {
        !globs.iter().any(|glob| glob.matches(path)) && !allowed.iter().any(|pattern| pattern == path)
    })
}

/// Whether a permission to read covers a path. One that is private must be named: that a glob happens to match does
/// not mean that anybody thought of it.
pub fn may_read(path: &str, permissions: &[String]) -> bool {
    permissions.iter().any(|permission| {
        let names = |name| {
            let mut parts = permission.split('/');
            parts.any(|part| path::private_name(part) == Some(name))
        };
        path.split('/').filter_map(path::private_name).all(names)
            && uncovered([path], std::slice::from_ref(permission)).is_none()
    })
}

pub(super) fn check(checker: &mut Checker<'_>) {
    shown(checker);
    let workflow = &checker.module.loaded.workflow;
    let texts: Vec<&Text> = workflow.permissions.write.iter().collect();
    for text in workflow
        .permissions
        .read
        .iter()
        .chain(&texts.iter().copied().cloned().collect::<Vec<_>>())
    {
        if text.template.is_literal()
            && let Err(reason) = glob::Glob::new(text.template.source())
        {
            checker.report(
                Code::BAD_VALUE,
                text.span,
                format!("not a glob: {reason}"),
                |diagnostic| diagnostic,
            );
        }
    }
    // With expressions in them, both sides are known when the run is planned; `plan` checks them then.
    if texts.iter().any(|text| !text.template.is_literal()) {
        return;
    }
    let allowed: Vec<String> = texts
        .iter()
        .map(|text| text.template.source().to_owned())
        .collect();
    for (name, task) in &workflow.tasks.read {
        let written: Vec<&Text> = match &task.kind {
            Kind::Prompt(prompt) => match &prompt.beside.output {
                Some(Output::File(file)) => vec![file],
                Some(Output::Files(files)) => files.iter().collect(),
                Some(Output::Schema(_)) | None => Vec::new(),
            },
            Kind::Edit(edit) => edit.keys.files.iter().collect(),
            Kind::Agent(_) => task.common.writes.iter().collect(),
            _ => Vec::new(),
        };
        for text in written.into_iter().filter(|text| text.template.is_literal()) {
            let path = text.template.source();
            if uncovered([path], &allowed).is_some() {
                checker.report(
                    Code::NOT_PERMITTED,
                    text.span,
                    format!("the model of `{name}` may not write `{path}`"),
                    |diagnostic| {
                        diagnostic.help(format!("allow it: `permissions: {{ write: [\"{path}\"] }}`"))
                    },
                );
            }
        }
    }
}

/// What the file names to be shown to models lies inside the workspace, and no secret is among it by accident.
fn shown(checker: &mut Checker<'_>) {
    let workflow = &checker.module.loaded.workflow;
    let read = &workflow.permissions.read;
    let literal = |text: &&Text| text.template.is_literal();
    // With expressions in them, they are known when the run begins; it is looked at then.
    let allowed: Option<Vec<String>> = read.iter().all(|text| literal(&text)).then(|| {
        read.iter()
            .map(|text| text.template.source().to_owned())
            .collect()
    });
    let mut named: Vec<(Span, &str)> = Vec::new();
    for task in workflow.tasks.read.values() {
        if let Kind::Edit(edit) = &task.kind {
            // Where they lead outside, it is said of what they write.
            let inside = |text: &&Text| path::inside(text.template.source()).is_ok();
            let files = edit.keys.files.iter().filter(literal).filter(inside);
            named.extend(files.map(|text| (text.span, text.template.source())));
        }
        for item in context(&task.kind) {
            match &item.source {
                ContextSource::File(file) => named.extend(
                    Some(file)
                        .filter(literal)
                        .map(|text| (text.span, text.template.source())),
                ),
                ContextSource::Files(globs) => {
                    // What is private is left out of a glob; it is only looked at where it begins.
                    let outside = globs.iter().filter(literal);
                    for text in outside.filter(|text| path::inside(text.template.source()).is_err()) {
                        named.push((text.span, text.template.source()));
                    }
                }
                ContextSource::Guide(_) | ContextSource::Text(_) => {}
            }
        }
    }
    for (span, path) in named {
        if let Err(error) = path::inside(path) {
            checker.report(Code::BAD_PATH, span, error.to_string(), |diagnostic| {
                diagnostic.help("what a model is shown lies inside the workspace; name it relative to that")
            });
        } else if !glob::is_pattern(path)
            && path::is_private(path)
            && allowed.as_ref().is_some_and(|allowed| !may_read(path, allowed))
        {
            let message = format!("`{path}` may hold secrets, and is not shown to a model");
            checker.report(Code::NOT_PERMITTED, span, message, |diagnostic| {
                diagnostic.help(format!(
                    "where it must be, name it: `permissions: {{ read: [\"{path}\"] }}`"
                ))
            });
        }
    }
}

/// What stands beside the prompt of a task.
fn context(kind: &Kind) -> &[ContextItem] {
    match kind {
        Kind::Prompt(prompt) => &prompt.beside.context.0,
        Kind::Edit(edit) => &edit.beside.context.0,
        Kind::Plan(plan) => &plan.beside.context.0,
        Kind::Agent(agent) => &agent.beside.context.0,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::is_private;

    #[test]
    fn what_is_private_is_read_where_it_is_named() {
        let may = |path: &str, permission: &str| may_read(path, &[permission.to_owned()]);
        for (path, permission) in [
            ("out/a.txt", "out/**"),
            ("config/.env.example", "config/.env.example"),
            (".env.local", ".env*"),
            (".git/HEAD", ".git/**"),
        ] {
            assert!(may(path, permission), "{path} by {permission}");
        }
        for (path, permission) in [
            ("out/a.txt", "src/**"),
            ("out/.env", "out/**"),
            (".env", "**"),
            (".git/HEAD", "**/HEAD"),
            (".smallcode/.env", ".smallcode/**"),
            (".env/.git/x", ".env/**"),
        ] {
            assert!(!may(path, permission), "{path} by {permission}");
        }
        assert!(!is_private("src/.gitignore") && is_private("src/.envrc"));
    }
}
