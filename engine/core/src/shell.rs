//! Values in a shell line: where they stand, and how they reach the command without becoming text of
//! it.
//!
//! A line is the author's, a value may be anyone's. Each `{{ … }}` becomes a reference to an
//! environment variable that holds the value, quoted as its place demands; the shell expands it
//! last, so that nothing in the value is syntax. Where no quoting can promise that, the line is
//! refused with the way to write it. Rendering the values is for others.

use std::ops::Range;

use crate::diagnostic::Severity;

mod command;
mod comment;
mod heredoc;
mod place;
mod quotes;
#[cfg(test)]
mod tests;
mod value;

/// The longest value that travels in the environment: Linux takes at most 128 KiB for one variable
/// with its name (`MAX_ARG_STRLEN`), and the sum of all has a limit, too.
pub const MAX_VALUE_BYTES: usize = 100 * 1024;

/// The name of each variable, before its number.
const PREFIX: &str = "SMALLCODE_V";

/// A `{{ … }}` of a line and the variable that brings its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The variable: `SMALLCODE_V1`, `SMALLCODE_V2` and so on, in the order of the line.
    pub variable: String,
    /// The tag, with its braces.
    pub template: String,
    /// Bytes of the tag in the line.
    pub span: Range<usize>,
}

/// A line with variables in the place of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the shell is given.
    pub script: String,
    /// The values to give it.
    pub slots: Vec<Slot>,
}

/// What is wrong with a line, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the line can run all the same.
    pub severity: Severity,
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// Bytes in the line.
    pub span: Range<usize>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Puts variables in the place of the values of a line, and says which stand where they cannot.
/// A line with an error among its problems must not be run. Comments of the template, `{# … #}`, are taken out
/// before the shell sees them.
///
/// ```
/// let (line, problems) = smallcode_core::shell::analyse("cp {{ item }} \"to {{ item }}\"");
/// assert_eq!(line.script, "cp \"${SMALLCODE_V1}\" \"to ${SMALLCODE_V2}\"");
/// assert!(problems.is_empty());
/// ```
pub fn analyse(line: &str) -> (Line, Vec<Problem>) {
    let (text, cuts, mut refused) = comment::take_out(line);
    let (mut line, mut problems) = place::analyse(&text);
    for slot in &mut line.slots {
        slot.span = cuts.place(&slot.span);
    }
    for problem in &mut problems {
        problem.span = cuts.place(&problem.span);
    }
    refused.append(&mut problems);
    (line, refused)
}

/// Returns what the variable of a slot holds.
///
/// # Errors
///
/// Says why a value cannot travel so, and how it can.
pub fn environment_text(value: &serde_json::Value) -> Result<String, String> {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => value.to_string(),
        serde_json::Value::Null => {
            return Err(
                "null cannot be put in a shell line: write `|default('…', true)` to put something else \
                        in its place"
                    .to_owned(),
            );
        }
        serde_json::Value::Array(_) => {
            return Err(
                "a list cannot be put in a shell line: use `argv`, where it becomes several arguments, \
                        or `|join(' ')` for one text"
                    .to_owned(),
            );
        }
        serde_json::Value::Object(_) => {
            return Err(
                "a mapping cannot be put in a shell line: use `|tojson`, or one of its fields".to_owned(),
            );
        }
    };
    if text.contains('\0') {
        return Err(
            "a value with a NUL character cannot be put in a shell line: give it to the command with \
                    `stdin`"
                .to_owned(),
        );
    }
    if text.len() > MAX_VALUE_BYTES {
        return Err(format!(
            "a value of {} KiB cannot be put in a shell line, which takes {}: give it to the command with `stdin`",
            text.len().div_ceil(1024),
            MAX_VALUE_BYTES / 1024
        ));
    }
    Ok(text)
}
