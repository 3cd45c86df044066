//! Calls that say in words what they are: `Tool Call: f` above `Arguments: {…}`, also as items of a list, and
//! `[Tool Call: f] {…}`.
//!
//! Prose has such words, too, and so have listings and transcripts: the name must be offered, an object must follow it
//! at once, and neither a description nor a result may.

use super::super::{Claim, Framer, RawCall, body};
use super::react::{label, unfenced};
use super::{blank, ends_line};
use crate::Dialect;
use crate::read::python;
use crate::tree::{Kind, Span};

/// What stands before the name.
const NAMES: &[&str] = &[
    "tool call",
    "tool_call",
    "tool name",
    "tool_name",
    "tool use",
    "tool",
    "function call",
    "function_call",
    "function name",
    "function_name",
    "function",
    "calling tool",
    "calling function",
    "calling",
    "call",
];
/// The first words of these: looked at before them, as every line of prose begins with some word.
const FIRST: &[&str] = &[
    "tool",
    "tool_call",
    "tool_name",
    "function",
    "function_call",
    "function_name",
    "calling",
    "call",
];
/// What stands before the arguments.
const INPUTS: &[&str] = &[
    "arguments",
    "args",
    "parameters",
    "params",
    "input",
    "tool input",
    "tool_input",
];
/// What a transcript has behind a call.
const RESULTS: &[&str] = &[
    "result",
    "tool result",
    "results",
    "output",
    "observation",
    "response",
    "returned",
];

/// The longest label with a name behind it; names of tools are at most 64 long.
const REACH: usize = 160;

/// Whether a label may begin with this word.
pub(super) fn begins(word: &str) -> bool {
    FIRST.iter().any(|first| first.eq_ignore_ascii_case(word))
}

/// Reads a line with a label, and the arguments behind or below it.
pub(super) fn line(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let rest = super::super::window(framer.from(at), REACH);
    let Some(length) = label(rest, NAMES) else {
        return false;
    };
    let from = at + length + blank(framer.from(at + length));
    named(framer, at, from, false)
}

/// Reads `[Tool Call: f] {…}` and `[Tool Call: f(a=1)]`.
pub(super) fn bracket(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let inner = super::super::window(framer.from(at + 1), REACH);
    let inner = inner.split(']').next().unwrap_or_default();
    let calling = inner
        .get(.."calling ".len())
        .filter(|word| word.eq_ignore_ascii_case("calling "));
    let words = label(inner, NAMES).or(calling.map(str::len));
    let Some(length) = words else { return false };
    let from = at + 1 + length + blank(framer.from(at + 1 + length));
    named(framer, at, from, true)
}

/// The call whose name begins at `from`; `within` brackets or not.
fn named(framer: &mut Framer<'_, '_>, start: usize, from: usize, within: bool) -> bool {
    let rest = framer.from(from);
    let quote = rest.len() - rest.trim_start_matches(['`', '*', '"', '\'']).len();
    let length = python::name_len(framer.from(from + quote));
    let Some(name) = framer
        .from(from + quote)
        .get(..length)
        .filter(|name| framer.offered(name))
    else {
        return false;
    };
    let name = name.to_owned();
    let mut at = from + quote + length;
    if framer.byte(at) == b'(' {
        let Some((calls, end)) = body::pythonic(framer, from + quote) else {
            return false;
        };
        let end = end + usize::from(within && framer.byte(end) == b']');
        let whole = calls.iter().all(|call| framer.offered(&call.name));
        if !whole || !ends_line(framer, end) || has_result(framer, end) {
            framer.pay(end - start);
            return false;
        }
        framer.take(start, end, calls);
        return true;
    }
    at += framer.from(at).len() - framer.from(at).trim_start_matches(['`', '*', '"', '\'']).len();
    if within {
        if framer.byte(at) != b']' {
            return false;
        }
        at += 1;
    }
    let object = at + framer.from(at).len() - framer.from(at).trim_start().len();
    // Both lines may be items of a list.
    let item = !within
        && ["- ", "* "]
            .iter()
            .any(|item| framer.from(object).starts_with(item));
    let object = object + if item { 2 } else { 0 };
    let object = label(super::super::window(framer.from(object), REACH), INPUTS)
        .filter(|_| !within)
        .map_or(object, |length| object + length);
    let object = unfenced(framer, object);
    if framer.byte(object) != b'{' || framer.broke() {
        return false;
    }
    let repairs = framer.repairs.len();
    let Some((node, end)) = framer.json(object, true) else {
        return false;
    };
    if framer.tree.kind(node) != Kind::Object
        || body::nothing_read(framer, node, repairs)
        || !ends_line(framer, end)
        || has_result(framer, end)
    {
        framer.repairs.truncate(repairs);
        framer.pay(end - start);
        return false;
    }
    let span = Span::new(start, end);
    let call = RawCall {
        claim: Claim::Shape,
        ..RawCall::marked(name, Some(node), span, Dialect::NameThenJson)
    };
    framer.take(start, end, vec![call]);
    let fence = framer.from(end).trim_start();
    if let Some(rest) = fence
        .strip_prefix("```")
        .filter(|_| framer.byte(object - 1) != b' ')
    {
        // The fence around the arguments ends here.
        framer.kept = framer.text.len() - rest.len();
        framer.at = framer.kept;
    }
    true
}

/// Whether the result stands below already: then this is what somebody else did.
fn has_result(framer: &Framer<'_, '_>, end: usize) -> bool {
    let rest = framer
        .from(end)
        .trim_start_matches([' ', '\r', '\n', '`', '[', '*', '-']);
    label(super::super::window(rest, REACH), RESULTS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_begins_with_a_first_word() {
        for label in NAMES {
            assert!(begins(label.split(' ').next().unwrap()), "{label}");
        }
        assert!(!begins("the"));
    }
}
