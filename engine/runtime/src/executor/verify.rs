//! Verifiers of a value: the verdict decides, cheapest first, and the first failure ends it.

use std::sync::Arc;

use serde_json::Value as Json;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::{Kind, Output, Plain, Task, VerifierKind};
use smallcode_core::template::{Scope, Value};

use super::Job;

/// Applies every verifier of a task to a value.
pub(super) fn all(
    module: &Module,
    task: &Task,
    job: &Job,
    value: &Json,
    _scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let schemas = module
        .schemas
        .get(&job.task)
        .map(Vec::as_slice)
        .unwrap_or_default();
    // The schema of `output` comes first in the list; those of `verify` follow.
    let of_output =
        matches!(&task.kind, Kind::Prompt(prompt) if matches!(prompt.beside.output, Some(Output::Schema(_))));
    let mut schemas = schemas.iter().skip(usize::from(of_output));
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let refuse = |message: String| Failure::new(FailureClass::VerifyFailed, message);
    for verifier in task.common.verify.iter() {
        match &verifier.kind {
            VerifierKind::Schema(_) => {
                if let Some(schema) = schemas.next() {
                    conforms(&schema.validator.violations(value))?;
                }
            }
            VerifierKind::Matches(pattern) => {
                if !regex(pattern)?.is_match(&text()) {
                    return Err(refuse(format!("the result does not match `{}`", pattern.text)));
                }
            }
            VerifierKind::NotMatches(pattern) => {
                if let Some(found) = regex(pattern)?.find(&text()) {
                    return Err(refuse(format!(
                        "the result matches `{}`: `{}`",
                        pattern.text,
                        found.as_str()
                    )));
                }
            }
            VerifierKind::Expr(expression) => {
                let mut names = job.names.clone();
                names
                    .extra
                    .push(("output".to_owned(), Value::from_json(value.clone())));
                let template = &expression.0.template;
                let holds = template.truth(&names.scope()).map_err(|error| {
                    refuse(format!("in `expr: {}`: {}", template.source(), error.message))
                })?;
                if !holds {
                    return Err(refuse(format!("`{}` is not true", template.source())));
                }
            }
            // `exec` refuses workflows with others before anything starts.
            _ => {
                return Err(Failure::new(
                    FailureClass::Internal,
                    "this verifier can't be run by this version",
                ));
            }
        }
    }
    Ok(())
}

/// Turns violations of a schema into a failure that names each with its place.
pub(super) fn conforms(violations: &[smallcode_core::schema::Violation]) -> Result<(), Failure> {
    let Some(first) = violations.first() else {
        return Ok(());
    };
    let place = |pointer: &str| {
        if pointer.is_empty() {
            "the value".to_owned()
        } else {
            format!("`{pointer}`")
        }
    };
    let mut failure = Failure::new(
        FailureClass::SchemaMismatch,
        format!("{}: {}", place(&first.pointer), first.message),
    );
    let lines: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", place(&violation.pointer), violation.message))
        .collect();
    failure.detail = lines.join("\n");
    Err(failure)
}

fn regex(pattern: &Plain) -> Result<regex::Regex, Failure> {
    // It was compiled when the file was read: only a changed engine could fail here.
    smallcode_core::spec::pattern(&pattern.text).map_err(|reason| {
        Failure::new(
            FailureClass::Internal,
            format!("`{}` is no regular expression: {reason}", pattern.text),
        )
    })
}
