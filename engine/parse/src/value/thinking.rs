//! What the model thought aloud, which is no part of its answer.

use crate::tree::Span;

const TAGS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
];

/// The thinking and the answer. A closing tag alone ends thinking that the prompt had opened; thinking that never ends
/// may hold the answer, and is not cut off.
pub(super) fn split(text: &str) -> (Span, Span) {
    let start = text.len() - text.trim_start_matches(is_space).len();
    let rest = text.get(start..).unwrap_or_default();
    for (opener, closer) in TAGS {
        let opened = rest.starts_with(opener);
        let Some(end) = rest.find(closer) else { continue };
        // A tag inside the value is not thinking.
        let value = rest.find(['{', '[']).unwrap_or(rest.len());
        if !opened && value < end && rest.starts_with(['{', '[']) {
            continue;
        }
        let from = start + if opened { opener.len() } else { 0 };
        return (
            trimmed(text, from, start + end),
            trimmed(text, start + end + closer.len(), text.len()),
        );
    }
    (Span::default(), trimmed(text, start, text.len()))
}

fn trimmed(text: &str, start: usize, end: usize) -> Span {
    let part = Span::new(start, end).of(text);
    let start = start + part.len() - part.trim_start_matches(is_space).len();
    let kept = part.trim_matches(is_space).len();
    Span::new(start, start + kept)
}

/// A byte order mark is no white space to Rust.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}
