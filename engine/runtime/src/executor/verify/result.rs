//! Verifiers of what an attempt answered, printed or wrote, by itself: schemas and patterns.

use smallcode_core::load::TaskSchema;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::schema::Violation;
use smallcode_core::spec::Plain;

use super::{Subject, refused};

/// A value, or the JSON of each file, follows a schema.
pub(super) fn follows(schema: &TaskSchema, subject: &Subject) -> Result<(), Failure> {
    for (file, text) in &subject.texts {
        let Some(file) = file else {
            return conforms(&schema.validator.violations(&subject.output));
        };
        let value = serde_json::from_str(text).map_err(|error| {
            let message = format!(
                "{file}:{}:{}: it is not JSON: {error}",
                error.line(),
                error.column()
            );
            Failure::new(FailureClass::SchemaMismatch, message)
        })?;
        conforms(&schema.validator.violations(&value)).map_err(|mut failure| {
            failure.message = format!("{file}: {}", failure.message);
            failure
        })?;
    }
    Ok(())
}

/// The text, or each file, matches a pattern.
pub(super) fn matches(pattern: &Plain, subject: &Subject) -> Result<(), Failure> {
    let regex = regex(pattern)?;
    for (file, text) in &subject.texts {
        if !regex.is_match(text) {
            let what = file.as_deref().unwrap_or("the result");
            return Err(refused(format!("{what} does not match `{}`", pattern.text)));
        }
    }
    Ok(())
}

/// Nothing matches a pattern.
pub(super) fn matches_not(pattern: &Plain, subject: &Subject) -> Result<(), Failure> {
    let regex = regex(pattern)?;
    for (file, text) in &subject.texts {
        let Some(found) = regex.find(text) else { continue };
        let piece: String = found.as_str().chars().take(200).collect();
        let what = match file {
            Some(file) => {
                let before = text.get(..found.start()).unwrap_or_default();
                format!("{file}:{}: it", before.matches('\n').count() + 1)
            }
            None => "the result".to_owned(),
        };
        return Err(refused(format!("{what} matches `{}`: `{piece}`", pattern.text)));
    }
    Ok(())
}

/// Turns violations of a schema into a failure that names each with its place.
pub(in super::super) fn conforms(violations: &[Violation]) -> Result<(), Failure> {
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
