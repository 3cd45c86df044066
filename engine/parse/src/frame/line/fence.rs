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
    let mark = if rest.starts_with('~') { '~' } else { '`' };
    let opening = rest.get(..line).unwrap_or_default();
    let info = opening.trim_start_matches(mark);
    let ticks = opening.len() - info.len();
    let info = info.trim();
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
    let begin = if within { start + ticks + word.len() } else { next };
    let marked = CALLS.contains(&word.as_str());
    if !marked && !DATA.contains(&word.as_str()) || info.contains('`') || is_file(info) {
        skip(framer, next, opening.get(..ticks).unwrap_or("```"));
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

/// `json config.json`: the content of a file.
fn is_file(info: &str) -> bool {
    info.split_once([' ', ':'])
        .map(|(_, path)| path.trim())
        .is_some_and(|path| path.contains(['.', '/']) && !path.contains([' ', '{', '[', '<', '(', '"']))
}

/// A program: whatever it holds is shown, not called.
fn skip(framer: &mut Framer<'_, '_>, from: usize, fence: &str) {
    let text = framer.from(from);
    let closing = if text.starts_with(fence) {
        Some(0)
    } else {
        let mut lines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|found| found + 1);
        lines.find(|line| text.get(*line..).is_some_and(|line| line.starts_with(fence)))
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
