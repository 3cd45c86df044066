//! Fences: those that hold data may hold calls, those that hold a program are text.

use super::super::{Claim, Framer, body};

/// What a fence that may hold calls says it holds.
const DATA: &[&str] = &[
    "",
    "json",
    "json5",
    "jsonc",
    "jsonl",
    "xml",
    "yaml",
    "yml",
    "text",
    "txt",
    "plaintext",
    "plain",
    "action",
];
/// What a fence says that is a marker.
const CALLS: &[&str] = &[
    "tool_code",
    "tool_call",
    "tool_calls",
    "tool",
    "tool_use",
    "function_call",
    "function_calls",
    "function",
    "tool-call",
    "toolcall",
];

/// Reads a line of back-ticks; true where what follows it may begin a call.
pub(super) fn read(framer: &mut Framer<'_, '_>) -> bool {
    let start = framer.at;
    let rest = framer.rest();
    let line = rest.find('\n').unwrap_or(rest.len());
    let info = rest
        .get(..line)
        .unwrap_or_default()
        .trim_start_matches('`')
        .trim();
    let next = (start + line + 1).min(framer.text.len());
    if framer.fenced {
        framer.fenced = false;
        framer.at = next;
        // The fence of a call is no text.
        if framer.fence_taken {
            framer.drop(start, next);
        }
        framer.fence_taken = false;
        return !framer.rest().is_empty();
    }
    // What stands behind the word: ```` ```json {"name": … ````.
    let word = info
        .split([' ', '{', '[', '<', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let within = info.len() > word.len();
    let begin = if within {
        start + rest.find(|ch: char| ch != '`').unwrap_or(0) + word.len()
    } else {
        next
    };
    let marked = CALLS.contains(&word.as_str());
    if !marked && !DATA.contains(&word.as_str()) || info.contains('`') {
        skip(framer, next);
        return false;
    }
    framer.fenced = true;
    framer.fence_taken = false;
    framer.fence_start = start;
    framer.at = begin;
    if marked {
        body::read(framer, start);
    } else if matches!(word.as_str(), "yaml" | "yml")
        && let Some((calls, end)) = body::yaml_calls(framer, begin, Claim::Form)
    {
        framer.take(begin, end, calls);
    }
    true
}

/// A program: whatever it holds is shown, not called.
fn skip(framer: &mut Framer<'_, '_>, from: usize) {
    let text = framer.from(from);
    let closing = if text.starts_with("```") {
        Some(0)
    } else {
        memchr::memmem::find(text.as_bytes(), b"\n```").map(|found| found + 1)
    };
    let end = closing.map_or(text.len(), |found| {
        found
            + text
                .get(found..)
                .and_then(|line| line.find('\n'))
                .unwrap_or(text.len() - found)
    });
    framer.at = from + end;
}
