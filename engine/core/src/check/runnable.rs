//! What this version checks but does not run yet: `exec` says so before anything starts.

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::load::Bundle;
use crate::run::splits;
use crate::spec::{Kind, KindName, SplitBy, Task, VerifierKind};
use crate::template::Template;

/// Every part of a bundle that can't be run yet, with its place; empty when all of it can.
pub fn not_runnable(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for module in &bundle.modules {
        for (name, task) in &module.loaded.workflow.tasks.read {
            let mut report = |span: Span, what: String| {
                found.push(
                    Diagnostic::new(
                        Code::NOT_RUNNABLE,
                        module.loaded.source,
                        span,
                        format!("task `{name}`: {what} can't be run by this version"),
                    )
                    .help("`check` and `plan` know it; a later version runs it"),
                );
            };
            parts(task, &mut report);
        }
    }
    found
}

fn parts(task: &Task, report: &mut dyn FnMut(Span, String)) {
    let kind = task.kind.name();
    match &task.kind {
        Kind::Uses(uses) if uses.is_library() => report(uses.span, "a workflow of a library".to_owned()),
        Kind::Prompt(_)
        | Kind::Edit(_)
        | Kind::Agent(_)
        | Kind::Plan(_)
        | Kind::Run(_)
        | Kind::Render(_)
        | Kind::Bone(_)
        | Kind::Uses(_)
        | Kind::Approve(_) => {}
    }
    for verifier in task.common.verify.iter() {
        let ready = match verifier.kind {
            VerifierKind::Schema(_)
            | VerifierKind::Matches(_)
            | VerifierKind::NotMatches(_)
            | VerifierKind::Expr(_)
            | VerifierKind::Run(_)
            | VerifierKind::Tests(_)
            | VerifierKind::Unchanged(_)
            | VerifierKind::Files(_)
            | VerifierKind::Syntax(_)
            | VerifierKind::Judge(_) => {
                matches!(
                    kind,
                    KindName::Prompt
                        | KindName::Edit
                        | KindName::Agent
                        | KindName::Plan
                        | KindName::Run
                        | KindName::Render
                        | KindName::Bone
                )
            }
            // What a command prints is no program.
            VerifierKind::Bone(_) => kind.model_driven() || matches!(kind, KindName::Render | KindName::Bone),
            // Other kinds have no command that could report any.
            VerifierKind::Diagnostics => kind == KindName::Run,
        };
        if !ready {
            report(
                verifier.span,
                format!("the verifier `{}`", verifier.kind.name().as_str()),
            );
        }
    }
    let policy = &task.common.on_failure;
    let after = task.kind_span;
    if let Some(way) = policy.split.and_then(|split| split.0) {
        if !splits(kind) {
            report(
                after,
                format!("`on_failure: {{ split }}` of the kind `{}`", kind.as_str()),
            );
        } else if way == SplitBy::Plan && kind != KindName::Edit {
            let kind = kind.as_str();
            report(
                after,
                format!("`on_failure: {{ split: plan }}` of the kind `{kind}`"),
            );
        }
    }
    let escalates = policy
        .escalate
        .as_ref()
        .is_some_and(|escalate| *escalate != crate::spec::Escalate::No);
    if escalates && !kind.model_driven() {
        let what = format!("`on_failure: {{ escalate }}` of the kind `{}`", kind.as_str());
        report(after, what);
    }
    if task.common.cache == Some(true) {
        report(after, "`cache: true`".to_owned());
    }
    let mut texts = Vec::new();
    task.kind.texts(&mut texts);
    for text in texts {
        if let Some(name) = unready(&text.template) {
            report(text.span, format!("`{name}` in an expression"));
        }
    }
}

/// The first function or filter that has no runtime yet.
fn unready(template: &Template) -> Option<&str> {
    template
        .calls()
        .iter()
        .chain(template.filters())
        .map(|call| call.name.as_str())
        .find(|name| matches!(*name, "outline" | "budget"))
}
