//! Tools that speak JSON: cargo and rustc, eslint, go test.

use serde_json::Value;

use super::place::tidy_file;
use super::{Found, Problem, Severity, read};

/// A whole document: what eslint writes with `--format json`, and ruff.
pub(super) fn document(text: &str, found: &mut Found) -> bool {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return false;
    }
    // What follows the value, such as the output of a script around it, is of no interest.
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Vec<Value>>();
    let Some(Ok(files)) = values.next() else {
        return false;
    };
    let mut known = false;
    for file in &files {
        let name = text_at(file, "filePath").or_else(|| text_at(file, "filename"));
        let Some(name) = name else { continue };
        known = true;
        match file.get("messages").and_then(Value::as_array) {
            Some(messages) => messages
                .iter()
                .for_each(|message| found.push(eslint(name, message))),
            None => found.push(ruff(name, file)),
        }
    }
    known || files.is_empty()
}

/// One line of cargo's `--message-format=json`, rustc's `--error-format=json` or `go test -json`.
pub(super) fn line(lines: &[&str], found: &mut Found) -> Option<usize> {
    let first = lines.first()?.trim();
    if !(first.starts_with('{') && first.ends_with('}')) {
        if first.starts_with("[{\"filePath\"") {
            return document(first, found).then_some(1);
        }
        return None;
    }
    let value: Value = serde_json::from_str(first).ok()?;
    if let Some(message) = value.get("message").filter(|message| message.is_object()) {
        rustc(message, found);
    } else if value.get("spans").is_some() {
        rustc(&value, found);
    } else if value.get("Action").is_some() {
        return go(lines, found);
    } else if value.get("reason").is_none() && value.get("$message_type").is_none() {
        return None;
    }
    Some(1)
}

fn rustc(message: &Value, found: &mut Found) {
    let severity = match text_at(message, "level") {
        Some("error" | "error: internal compiler error") => Severity::Error,
        Some("warning") => Severity::Warning,
        _ => Severity::Note,
    };
    let mut problem = Problem {
        file: None,
        line: None,
        column: None,
        severity,
        code: message
            .get("code")
            .and_then(|code| text_at(code, "code"))
            .map(str::to_owned),
        message: text_at(message, "message").unwrap_or_default().to_owned(),
        source: None,
    };
    let spans = message.get("spans").and_then(Value::as_array);
    let primary = spans.and_then(|spans| {
        let is_primary = |span: &&Value| span.get("is_primary").and_then(Value::as_bool) == Some(true);
        spans.iter().find(is_primary)
    });
    if let Some(span) = primary {
        problem.file = text_at(span, "file_name").map(|file| tidy_file(file).to_owned());
        problem.line = number_at(span, "line_start");
        problem.column = number_at(span, "column_start");
        if let Some(label) = text_at(span, "label").filter(|label| !label.is_empty()) {
            problem.message.push_str(": ");
            problem.message.push_str(label);
        }
        let shown = span.get("text").and_then(|lines| lines.get(0));
        problem.source = shown.and_then(|line| text_at(line, "text")).map(str::to_owned);
    }
    found.push(problem);
}

fn eslint(file: &str, message: &Value) -> Problem {
    let severity = match number_at(message, "severity") {
        Some(1) => Severity::Warning,
        _ => Severity::Error,
    };
    Problem {
        file: Some(tidy_file(file).to_owned()),
        line: number_at(message, "line"),
        column: number_at(message, "column"),
        severity,
        code: text_at(message, "ruleId").map(str::to_owned),
        message: text_at(message, "message").unwrap_or_default().to_owned(),
        source: None,
    }
}

fn ruff(file: &str, message: &Value) -> Problem {
    let place = message.get("location");
    Problem {
        file: Some(tidy_file(file).to_owned()),
        line: place.and_then(|place| number_at(place, "row")),
        column: place.and_then(|place| number_at(place, "column")),
        severity: Severity::Error,
        code: text_at(message, "code").map(str::to_owned),
        message: text_at(message, "message").unwrap_or_default().to_owned(),
        source: None,
    }
}

/// The lines of `go test -json`, which hold what it would have written otherwise.
fn go(lines: &[&str], found: &mut Found) -> Option<usize> {
    let mut written = String::new();
    let mut taken = 0;
    for line in lines {
        let Ok(value) = serde_json::from_str::<Value>(line.trim()) else {
            break;
        };
        if value.get("Action").is_none() {
            break;
        }
        written.push_str(text_at(&value, "Output").unwrap_or_default());
        taken += 1;
    }
    // Not JSON again: an output that quotes itself would have us go down without end.
    let told = written
        .lines()
        .filter(|line| !line.trim_start().starts_with(['{', '[']));
    let told = told.collect::<Vec<_>>().join("\n");
    for problem in read(&told) {
        found.push(problem);
    }
    (taken > 0).then_some(taken)
}

fn text_at<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn number_at(value: &Value, key: &str) -> Option<u32> {
    u32::try_from(value.get(key)?.as_u64()?).ok()
}
