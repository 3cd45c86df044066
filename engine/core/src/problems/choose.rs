//! The most useful few problems, as the shortest text.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Problem, Severity, cut};

/// The most problems that are told at once: what a small model can hold on to.
pub const MAX_TOLD: usize = 8;

/// What is kept free for the line that counts the rest.
const COUNT_BYTES: usize = 40;

/// The problems with the most useful first: errors before warnings, and the first of each file before its second.
/// Notes are left out where there is anything else.
pub fn ranked(problems: Vec<Problem>) -> Vec<Problem> {
    let only_notes = problems.iter().all(|problem| problem.severity == Severity::Note);
    let mut seen: HashMap<(Severity, Option<String>), usize> = HashMap::new();
    let mut order: Vec<(Severity, usize, Problem)> = problems
        .into_iter()
        .filter(|problem| only_notes || problem.severity != Severity::Note)
        .map(|problem| {
            let before = seen.entry((problem.severity, problem.file.clone())).or_default();
            *before += 1;
            (problem.severity, *before, problem)
        })
        .collect();
    // The sort is stable: the order of the tool decides where nothing else does.
    order.sort_by_key(|(severity, number, _)| (*severity, *number));
    order.into_iter().map(|(_, _, problem)| problem).collect()
}

/// As many of [`ranked`] problems as fit in so many bytes. Each has its place and the line of the file where that is
/// known; what is left out is counted.
pub fn feedback(ranked: &[Problem], bytes: usize) -> String {
    let mut text = String::new();
    let mut told = 0;
    for problem in ranked.iter().take(MAX_TOLD) {
        let mut one = describe(problem);
        if told == 0 {
            one = cut(&one, bytes.saturating_sub(COUNT_BYTES));
        } else if text.len() + one.len() + 1 + COUNT_BYTES > bytes {
            break;
        }
        if told > 0 {
            text.push('\n');
        }
        text.push_str(&one);
        told += 1;
    }
    if let Some(rest) = ranked.get(told..).filter(|rest| !rest.is_empty()) {
        let _ = write!(text, "\n… and {} more", count(rest));
    }
    text
}

/// How many there are, in words: `2 errors and 1 warning`.
pub fn count(problems: &[Problem]) -> String {
    let (mut errors, mut warnings, mut notes) = (0, 0, 0);
    for problem in problems {
        match problem.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => notes += 1,
        }
    }
    if errors + warnings > 0 {
        notes = 0;
    }
    let words = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        number => Some(format!("{number} {word}s")),
    };
    let counted: Vec<String> = [
        words(errors, "error"),
        words(warnings, "warning"),
        words(notes, "note"),
    ]
    .into_iter()
    .flatten()
    .collect();
    counted.join(" and ")
}

/// A problem with its place, and below it the line of the file.
fn describe(problem: &Problem) -> String {
    let mut text = String::new();
    if let Some(file) = &problem.file {
        text.push_str(file);
        for number in [problem.line, problem.column].into_iter().flatten() {
            let _ = write!(text, ":{number}");
        }
        text.push_str(": ");
    }
    // That it is an error goes without saying.
    if problem.severity != Severity::Error {
        text.push_str(problem.severity.as_str());
        text.push_str(": ");
    }
    text.push_str(&problem.message);
    if let Some(code) = &problem.code {
        let _ = write!(text, " [{code}]");
    }
    if let Some(source) = &problem.source {
        let _ = write!(text, "\n    {source}");
    }
    text
}
