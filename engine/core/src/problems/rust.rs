//! rustc and cargo as people see them, and panics.

use super::place::{self, gutter, leading};
use super::{Found, MAX_BLOCK, Problem, Severity};

/// How many lines of a panic's message are told: `left` and `right` of an assertion are two.
const MAX_PANIC: usize = 5;

/// `error[E0308]: mismatched types`, with its place below; and messages without a place, from any tool.
pub(super) fn message(lines: &[&str], found: &mut Found) -> Option<usize> {
    let first = *lines.first()?;
    if !(first.starts_with("error") || first.starts_with("warning") || first.starts_with("fatal")) {
        return None;
    }
    let (Some(severity), code, text) = place::message(first) else {
        return None;
    };
    // `error TS18003:` and `fatal error:`, but not `error while reading this:`.
    let head = first.split_once(':')?.0;
    if head.contains(' ') && head != "fatal error" && code.is_none() {
        return None;
    }
    let mut problem = Problem {
        file: None,
        line: None,
        column: None,
        severity,
        code,
        message: text.to_owned(),
        source: None,
    };
    let arrow = lines
        .iter()
        .skip(1)
        .take(3)
        .position(|line| line.trim_start().starts_with("--> "));
    let Some(arrow) = arrow else {
        let mut taken = 1;
        // What cargo says of a manifest stands below, after an empty line.
        let below = lines.iter().skip(1).take(8).map(|line| line.trim());
        let below: Vec<&str> = below.collect();
        if let Some(cause) = below.iter().position(|line| *line == "Caused by:") {
            for line in below.iter().skip(cause + 1).take_while(|line| !line.is_empty()) {
                problem.message.push(' ');
                problem.message.push_str(line);
            }
            taken += cause;
        }
        found.push(problem);
        return Some(taken);
    };
    let block = lines.iter().skip(1).take(MAX_BLOCK);
    let block: Vec<&str> = block
        .copied()
        .take_while(|line| !line.trim().is_empty())
        .collect();
    let at = block.get(arrow)?.trim_start().trim_start_matches("--> ");
    if let Some((place, _)) = leading(at) {
        let located = place.problem(severity, "");
        (problem.file, problem.line, problem.column) = (located.file, located.line, located.column);
        let shown = block.iter().position(|line| gutter(line, place.line).is_some());
        if let Some(shown) = shown {
            problem.source = block
                .get(shown)
                .and_then(|line| gutter(line, place.line))
                .map(str::to_owned);
            let mut marks = block.iter().skip(shown + 1).take(2);
            let label = marks.find_map(|line| Some(line.rsplit_once('^')?.1.trim()));
            if let Some(label) = label.filter(|label| !label.is_empty()) {
                problem.message.push_str(": ");
                problem.message.push_str(label);
            }
        }
    }
    found.push(problem);
    Some(1 + block.len())
}

/// `thread 'main' panicked at src/main.rs:3:5:`, with its message below or before the place.
pub(super) fn panic(lines: &[&str], found: &mut Found) -> Option<usize> {
    let (name, rest) = lines
        .first()?
        .trim_start()
        .strip_prefix("thread '")?
        .split_once('\'')?;
    let (_, at) = rest.split_once("panicked at ")?;
    let (place, text) = if let Some((place, _)) = leading(at) {
        (place, String::new())
    } else {
        // Before Rust 1.73: `'message', src/main.rs:3:5`.
        let (text, at) = at.rsplit_once(", ")?;
        (leading(at)?.0, text.trim_matches('\'').to_owned())
    };
    let mut message = if name == "main" {
        String::new()
    } else {
        format!("{name}: ")
    };
    message.push_str(&text);
    let mut taken = 1;
    for line in lines.iter().skip(1).take(MAX_PANIC) {
        let over =
            line.trim().is_empty() || line.starts_with("note: ") || line.starts_with("stack backtrace");
        if over || !text.is_empty() && !line.starts_with("  ") {
            break;
        }
        message.push(' ');
        message.push_str(line.trim());
        taken += 1;
    }
    found.push(place.problem(Severity::Error, message));
    Some(taken)
}
