//! Permissions: what a model writes is allowed by the workflow, as far as the file shows it.

use super::Checker;
use crate::diagnostic::Code;
use crate::glob;
use crate::spec::{Kind, Output, Text};

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

pub(super) fn check(checker: &mut Checker<'_>) {
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
