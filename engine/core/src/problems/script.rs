//! JavaScript: eslint as people see it, uncaught errors of node, and the failures of its test runners.

use super::place::{Place, leading, number};
use super::{Found, Problem, Severity};

/// How many lines may stand between what was thrown and its first frame: the difference that a test runner shows.
const MAX_BETWEEN: usize = 40;

/// How many frames are looked at: those of the libraries come first.
const MAX_FRAMES: usize = 30;

/// How many lines of a message are told: `Expected` and `Received` are two.
const MAX_TOLD: usize = 4;

/// A file, and below it lines as `  1:5  error  message  rule`.
pub(super) fn eslint(lines: &[&str], found: &mut Found) -> Option<usize> {
    let (file, rest) = lines.split_first()?;
    if file.is_empty() || file.starts_with(' ') {
        return None;
    }
    let mut taken = 1;
    for line in rest {
        let Some(problem) = finding(file, line) else { break };
        found.push(problem);
        taken += 1;
    }
    (taken > 1).then_some(taken)
}

fn finding(file: &str, line: &str) -> Option<Problem> {
    let text = line.strip_prefix("  ")?.trim_start();
    let (row, rest) = number(text)?;
    let (column, rest) = number(rest.strip_prefix(':')?)?;
    let rest = rest.trim_start();
    let (severity, rest) = match rest.strip_prefix("error") {
        Some(rest) => (Severity::Error, rest),
        None => (Severity::Warning, rest.strip_prefix("warning")?),
    };
    let message = rest.strip_prefix(' ')?.trim();
    let (message, code) = match message.rsplit_once("  ") {
        Some((message, code)) if !code.contains(' ') => (message.trim_end(), Some(code.to_owned())),
        _ => (message, None),
    };
    let place = Place {
        file,
        line: row,
        column: Some(column),
    };
    let mut problem = place.problem(Severity::Error, message);
    (problem.severity, problem.code) = (severity, code);
    Some(problem)
}

/// What ends node: `file:line`, the line of the file, marks, and then what was thrown.
pub(super) fn crash(lines: &[&str], found: &mut Found) -> Option<usize> {
    let (place, rest) = leading(lines.first()?)?;
    let marks = lines.get(2)?.trim();
    if !rest.is_empty() || marks.is_empty() || marks.trim_start_matches('^').trim() != "" {
        return None;
    }
    let below = lines.iter().skip(3).take(4);
    let head = 3 + below.take_while(|line| thrown_text(line).is_none()).count();
    let text = thrown_text(lines.get(head)?)?;
    let frames = lines.iter().skip(head + 1).take(MAX_FRAMES);
    let frames: Vec<_> = frames
        .take_while(|line| line.trim_start().starts_with("at "))
        .collect();
    let own = frames.iter().find_map(|line| frame(line));
    // A syntax error has only frames of node itself: then the place stands at the top.
    let mut problem = match &own {
        Some(own) if is_foreign(place.file) => own.problem(Severity::Error, text),
        _ => place.problem(Severity::Error, text),
    };
    if let Some(own) = own.filter(|own| own.line == place.line && problem.column.is_none()) {
        problem.column = own.column;
    }
    if problem.line == Some(place.line) {
        problem.source = lines.get(1).map(|line| (*line).to_owned());
    }
    found.push(problem);
    Some(head + 1 + frames.len())
}

/// Something thrown with the frames below it: of node, jest, vitest, mocha, and of Java.
pub(super) fn thrown(lines: &[&str], found: &mut Found) -> Option<usize> {
    let first = lines.first()?;
    // jest: `● name`, and what was expected stands below.
    let test = first.trim_start().strip_prefix("● ");
    let text = match test {
        Some(test) => test.rsplit(" › ").next().unwrap_or(test),
        None => thrown_text(first)?,
    };
    let mut told = vec![text];
    for (number, line) in lines.iter().enumerate().skip(1).take(MAX_BETWEEN) {
        let trimmed = line.trim();
        if is_frame(trimmed) {
            let frames = lines.iter().skip(number).take(MAX_FRAMES);
            let frames: Vec<_> = frames.take_while(|line| is_frame(line.trim())).collect();
            let place = frames.iter().find_map(|line| frame(line))?;
            let message = if test.is_some() && told.len() > 1 {
                let (name, rest) = told.split_first()?;
                format!("{name}: {}", rest.join(", "))
            } else {
                told.join(", ")
            };
            found.push(place.problem(Severity::Error, message));
            return Some(number + frames.len());
        }
        if number > 1 && (trimmed.starts_with("● ") || thrown_text(line).is_some() && test.is_none()) {
            return None;
        }
        // The excerpt of the file that jest shows is found by its place.
        let excerpt = trimmed.contains(" | ") || trimmed.starts_with('|') || trimmed.ends_with(" |");
        if !trimmed.is_empty() && !excerpt && told.len() < MAX_TOLD {
            told.push(trimmed);
        }
    }
    None
}

/// `TypeError: x is not a function`, `AssertionError [ERR_ASSERTION]: 3 == 4`.
fn thrown_text(line: &str) -> Option<&str> {
    let text = line.trim();
    let text = text.strip_prefix("Uncaught ").unwrap_or(text);
    let text = match text.strip_prefix("Exception in thread ") {
        Some(rest) => rest.split_once("\" ")?.1,
        None => text,
    };
    let (head, _) = text.split_once(':')?;
    let name = head.split(" [").next().unwrap_or(head);
    let is_name = name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '$'));
    (is_name && (name.ends_with("Error") || name.ends_with("Exception"))).then_some(text)
}

fn is_frame(line: &str) -> bool {
    (line.starts_with("at ") || line.starts_with("❯ ")) && line.contains(':')
}

/// The place of a frame, where it is not one of node or of a library.
fn frame(line: &str) -> Option<Place<'_>> {
    let line = line.trim();
    let text = line.strip_prefix("at ").or_else(|| line.strip_prefix("❯ "))?;
    let inner = match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((_, inner)) => inner,
        None => text.rsplit(' ').next().unwrap_or(text),
    };
    let (place, rest) = leading(inner)?;
    (rest.is_empty() && !is_foreign(place.file)).then_some(place)
}

fn is_foreign(file: &str) -> bool {
    file.starts_with("node:") || file.contains("node_modules/") || file.starts_with("internal/")
}
