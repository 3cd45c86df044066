//! `Action:` and `Action Input:` lines.

use super::super::{Claim, Framer, RawCall, body, size};
use super::quoted;
use crate::Dialect;
use crate::read;
use crate::tree::Span;

/// Lines that end an input.
const ENDS: &[&str] = &["Observation", "Thought:", "Final Answer", "Action:"];

/// What of such a line is looked at: a name, or a name and a short text.
const LINE: usize = 4096;

/// Reads an `Action:` line at `at`.
pub(super) fn read(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let Some(len) = label(framer.from(at), &["action"]) else {
        return false;
    };
    let value = at + len;
    let rest = super::super::window(framer.from(value), LINE);
    let line = rest.find('\n').unwrap_or(rest.len());
    let written = rest.get(..line).unwrap_or_default();
    let trimmed = written.trim();
    if trimmed.starts_with("```") || trimmed.starts_with('{') || trimmed.starts_with('[') {
        framer.at = value;
        body::read(framer, at);
        if framer.at > value {
            framer.fenced = trimmed.starts_with("```");
            framer.fence_start = at;
            framer.fence_taken = true;
            return true;
        }
        framer.at = value;
        return false;
    }
    let name = trimmed.trim_matches(['`', '"', '\'', '*']).trim();
    let input = label(
        framer.from(value + line).trim_start(),
        &["action input", "action_input", "input", "arguments"],
    );
    let input = input.map(|len| {
        let gap = framer.from(value + line);
        value + line + gap.len() - gap.trim_start().len() + len
    });
    // `Search[query]` and `search(query)`.
    let inline = name
        .split_once('[')
        .filter(|(_, rest)| rest.ends_with(']') && input.is_none());
    let name = inline.map_or(name, |(name, _)| name).to_owned();
    if name.is_empty() || name.len() > 128 || !(framer.offered(&name) || framer.any() && input.is_some()) {
        return pythonic(framer, value, at, written);
    }
    let (arguments, end) = match (input, inline) {
        (Some(input), _) => argument(framer, input),
        (None, Some((_, text))) => {
            let offset = written.find('[').map_or(0, |index| index + 1);
            let span = Span::new(value + offset, value + offset + text.len() - 1);
            (Some(quoted(framer, span)), value + line)
        }
        (None, None) => (None, value + line),
    };
    let call = RawCall {
        claim: Claim::Shape,
        ..RawCall::marked(name, arguments, Span::new(at, end), Dialect::React)
    };
    framer.take(at, end, vec![call]);
    true
}

fn pythonic(framer: &mut Framer<'_, '_>, value: usize, at: usize, written: &str) -> bool {
    let name = written.trim_start();
    let start = value + written.len() - name.len();
    let len = read::python::name_len(name);
    if !name.get(len..).unwrap_or_default().starts_with('(')
        || !name.get(..len).is_some_and(|name| framer.offered(name))
    {
        return false;
    }
    let Some((calls, end)) = body::pythonic(framer, start) else {
        return false;
    };
    framer.take(at, end, calls);
    true
}

/// The length of one of the labels with its colon, in any case and in bold or not.
pub(super) fn label(text: &str, labels: &[&str]) -> Option<usize> {
    let rest = text.trim_start_matches('*');
    let found = labels.iter().find_map(|label| {
        let head = rest.get(..label.len())?;
        head.eq_ignore_ascii_case(label)
            .then(|| rest.get(label.len()..))?
    })?;
    let found = found
        .trim_start_matches(|ch: char| ch == ' ' || ch.is_ascii_digit())
        .trim_start_matches('*');
    let found = found.strip_prefix(':')?.trim_start_matches('*');
    Some(text.len() - found.len())
}

/// Where the value begins behind space and the line that opens a fence.
pub(super) fn unfenced(framer: &Framer<'_, '_>, at: usize) -> usize {
    let mut begin = at + framer.from(at).len() - framer.from(at).trim_start().len();
    if let Some(info) = framer.from(begin).strip_prefix("```") {
        begin += 3 + info.find(['\n', '{', '[']).unwrap_or(0);
        begin += framer.from(begin).len() - framer.from(begin).trim_start().len();
    }
    begin
}

/// What the model gives to the tool: JSON, or a text.
fn argument(framer: &mut Framer<'_, '_>, at: usize) -> (Option<crate::tree::NodeId>, usize) {
    let limit = input_end(framer, at);
    let begin = unfenced(framer, at);
    if matches!(framer.byte(begin), b'{' | b'[') {
        let extent = size::json(framer, begin, true);
        // A string may hold such a line; a broken value ends there.
        let end = if framer
            .text
            .get(begin..extent)
            .is_some_and(|value| value.ends_with('}'))
        {
            extent
        } else {
            extent.min(limit.max(begin))
        };
        let read = read::json(&mut framer.tree, Span::new(begin, end));
        if let Some(node) = read.node {
            framer.repairs.extend(read.repairs);
            return (Some(node), read.end);
        }
    }
    let text = framer.text.get(begin..limit.max(begin)).unwrap_or_default();
    let text = text.trim_end().trim_end_matches("```").trim_end();
    if text.is_empty() {
        return (None, at);
    }
    let span = Span::new(begin, begin + text.len());
    (Some(quoted(framer, span)), limit)
}

/// The break of the line before the next one that ends an input, or the end of the text.
fn input_end(framer: &mut Framer<'_, '_>, at: usize) -> usize {
    let text = framer.text;
    framer.input_end.after(at, |at| {
        let rest = text.get(at..).unwrap_or_default();
        let limit = memchr::memchr_iter(b'\n', rest.as_bytes()).find(|found| {
            let line = rest.get(found + 1..).unwrap_or_default();
            ENDS.iter().any(|end| line.starts_with(end))
        });
        at + limit.unwrap_or(rest.len())
    })
}
