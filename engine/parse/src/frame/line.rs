//! Calls without a marker: they begin a line, and nothing else stands in their place.
//!
//! Prose may mention tools, show their definitions and quote calls; so a form counts only where its name is offered
//! (or any name is), and inside a line only at its end.

use super::{Claim, Framer, RawCall, body, shape, tag};
use crate::Dialect;
use crate::read::gemma;
use crate::read::python::{self, Manner};
use crate::tree::{Kind, Span, Text};

mod fence;
mod inline;
mod labelled;
mod react;

/// Keys with which a call in YAML begins.
const YAML: &[&str] = &[
    "name",
    "tool",
    "tool_name",
    "function",
    "function_name",
    "action",
    "tool_call",
    "function_call",
    "tool_calls",
];

/// Reads what begins at the framer's place, if it is a call.
pub(super) fn read(framer: &mut Framer<'_, '_>) {
    loop {
        let at = framer.at + blank(framer.rest());
        let rest = framer.from(at);
        let found = match framer.byte(at) {
            b'`' if rest.starts_with("```") => {
                framer.at = at;
                if fence::read(framer) {
                    continue;
                }
                true
            }
            b'{' => json(framer, at, false),
            // A call that is quoted as a whole line is meant; one within a line is shown.
            b'`' if rest.starts_with("`{") && quoted_line(rest) => json(framer, at + 1, true),
            b'-' if rest.starts_with("- {") => json(framer, at + 2, true),
            b'1'..=b'9' if numbered(rest) => json(framer, at + 3, true),
            b'~' if rest.starts_with("~~~") => {
                framer.at = at;
                if fence::read(framer) {
                    continue;
                }
                true
            }
            b'"' if rest.starts_with("\"{\\\"") => encoded(framer, at),
            b'[' if tag::at(framer.text, at).is_none() => {
                list(framer, at, true) || labelled::bracket(framer, at) || json(framer, at, false)
            }
            b'#' => labelled::line(
                framer,
                at + rest.len() - rest.trim_start_matches(['#', ' ']).len(),
            ),
            b'*' if rest.starts_with("**") => react::read(framer, at) || labelled::line(framer, at),
            b'-' | b'*' if rest.starts_with("- ") || rest.starts_with("* ") => labelled::line(framer, at + 2),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                if let Some(len) = speaker(rest) {
                    framer.drop(at, at + len);
                    continue;
                }
                word(framer, at) || framer.at <= at && inline::after_sentence(framer, at)
            }
            _ => false,
        };
        if !found {
            return;
        }
        // Another call may follow at once.
        let next = framer.at + blank(framer.rest());
        let gap = framer.rest();
        let gap = gap.trim_start_matches([';', ',', ' ', '\t', '\r', '\n', '}', ']']);
        if gap.starts_with(['{', '[']) && framer.kept == framer.at {
            framer.at += framer.rest().len() - gap.len();
            continue;
        }
        if next >= framer.text.len() || framer.byte(next) != b'\n' {
            return;
        }
        framer.at = next + 1;
    }
}

/// Spaces within the line.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\r']).len()
}

/// `assistant` on a line of its own, or before a colon.
fn speaker(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("assistant")?;
    let len = match after.as_bytes() {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] | [b':', b' ' | b'\n', ..] => 2,
        _ => return None,
    };
    Some("assistant".len() + len)
}

/// Whether nothing but space stands between `at` and the end of its line.
fn ends_line(framer: &Framer<'_, '_>, at: usize) -> bool {
    let rest = framer.from(at);
    let rest = rest.trim_start_matches([' ', '\t', '\r', ';', ',', '}', ']', ')']);
    rest.is_empty() || rest.starts_with(['\n', '<', '`'])
}

/// Whether the line is one piece of quoted code.
fn quoted_line(rest: &str) -> bool {
    let line = super::window(rest, super::QUOTED);
    let line = line.split('\n').next().unwrap_or_default().trim_end();
    line.ends_with('`') && line.bytes().filter(|byte| *byte == b'`').count() == 2
}

/// `1. {`: a step of a plan.
fn numbered(rest: &str) -> bool {
    rest.get(1..)
        .is_some_and(|rest| rest.starts_with(". {") || rest.starts_with(") {"))
}

/// A reply that was encoded once more, as a string of JSON.
fn encoded(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let text = framer.text;
    let read = crate::read::json(&mut framer.tree, Span::new(at, text.len()));
    let Some(outer) = read.node.filter(|_| framer.from(read.end).trim().is_empty()) else {
        return false;
    };
    let inner = framer.tree.text(outer).to_owned();
    let span = Span::new(at, read.end);
    let inner = crate::read::json_of(&mut framer.tree, &inner, span);
    let Some(node) = inner.node else { return false };
    let calls = shape::calls_of(&mut framer.tree, node, framer.tools, Claim::Form, Dialect::Json);
    if calls.is_empty() {
        return false;
    }
    framer.mark_repair(crate::RepairKind::DoublyEscaped, span);
    framer.take(at, span.end, calls);
    true
}

/// JSON at `at`, if it is a call.
fn json(framer: &mut Framer<'_, '_>, at: usize, within: bool) -> bool {
    let inner = framer.from(at + 1).trim_start();
    if !inner
        .starts_with(|ch: char| matches!(ch, '"' | '\'' | '“' | '{' | '/' | '#' | '`') || ch.is_alphabetic())
    {
        return false;
    }
    let repairs = framer.repairs.len();
    let Some((node, end)) = framer.json(at, false) else {
        return false;
    };
    let mut calls = shape::calls_of(&mut framer.tree, node, framer.tools, Claim::Form, Dialect::Json);
    let enough = !calls.is_empty() && (!within || calls.iter().all(|call| call.claim > Claim::Form));
    if enough && (!within || ends_line(framer, end)) {
        let rest = framer.from(end);
        let stray = rest.len() - rest.trim_start_matches(['}', ']']).len();
        // A list says each of its calls; what stands around them is taken as well.
        if let Some(first) = calls.first_mut() {
            first.span.start = at;
        }
        framer.take(at, end + stray, calls);
        return true;
    }
    framer.repairs.truncate(repairs);
    // Data that is whole holds no call; what is not may have swallowed one.
    let whole = framer.from(end - 1).starts_with(['}', ']']) && framer.repairs.len() == repairs;
    let broken = !whole || within;
    framer.at = if broken && framer.pay(end - at) {
        at + 1
    } else {
        end
    };
    false
}

/// A list of calls as Python writes them.
fn list(framer: &mut Framer<'_, '_>, at: usize, line: bool) -> bool {
    let inner = framer.from(at + 1).trim_start();
    let name = python::name_len(inner);
    if name == 0 || !inner.get(name..).unwrap_or_default().starts_with('(') {
        return false;
    }
    let known = inner.get(..name).is_some_and(|name| framer.offered(name));
    if !(known || line && framer.any()) {
        return false;
    }
    calls(framer, at, line)
}

fn calls(framer: &mut Framer<'_, '_>, at: usize, line: bool) -> bool {
    for manner in [Manner::Strict, Manner::Loose] {
        if framer.broke() {
            return false;
        }
        let span = Span::new(at, framer.text.len());
        let mut looked = at;
        let Some((calls, end)) = python::calls(&mut framer.tree, span, manner, &mut looked) else {
            if !framer.pay(looked - at) {
                return false;
            }
            continue;
        };
        let calls: Vec<RawCall> = calls
            .into_iter()
            .map(|call| body::from_python(framer.text, call, Claim::Form))
            .collect();
        let any = framer.any();
        let known = calls.iter().all(|call| any || framer.offered(&call.name));
        let kind = |id: crate::tree::NodeId| framer.tree.kind(id);
        let named = calls.iter().all(|call| {
            call.positional.is_empty() && call.arguments.is_none_or(|id| kind(id) == Kind::Object)
        });
        // `printf(3)` is a page of a manual; a text or an object is an argument.
        let meant = calls.iter().all(|call| {
            let alone = call
                .arguments
                .is_none_or(|id| matches!(kind(id), Kind::Object | Kind::Quoted));
            alone && call.positional.iter().any(|id| kind(*id) == Kind::Quoted) | call.positional.is_empty()
        });
        let cut = calls
            .iter()
            .any(|call| call.arguments.is_some_and(|id| framer.tree.is_cut(id)));
        if known && !cut && (named || line && meant && !any) && ends_line(framer, end) {
            framer.take(at, end, calls);
            return true;
        }
        if !framer.pay(end - at) {
            return false;
        }
    }
    false
}

/// What begins with a word.
fn word(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let rest = framer.from(at);
    let word = rest
        .find(|ch: char| !(ch.is_alphanumeric() || ch == '_'))
        .unwrap_or(rest.len());
    let after = rest.get(word..).unwrap_or_default();
    let word = rest.get(..word).unwrap_or_default();
    if word.len() > 64 {
        return false;
    }
    if word.eq_ignore_ascii_case("action") && react::read(framer, at) {
        return true;
    }
    if word == "functools" && after.starts_with('[') {
        framer.flush(at);
        framer.kept = at + word.len();
        framer.at = framer.kept;
        body::read(framer, at);
        return framer.at > at + word.len();
    }
    if labelled::begins(word) && !framer.any() && labelled::line(framer, at) {
        return true;
    }
    if after.starts_with(':') && YAML.contains(&word.to_ascii_lowercase().as_str()) && yaml(framer, at) {
        return true;
    }
    if word == "call" && after.starts_with(':') && gemma_call(framer, at) {
        return true;
    }
    let len = python::name_len(rest);
    let Some(name) = rest.get(..len).filter(|_| len > 0) else {
        return false;
    };
    let tail = rest.get(len..).unwrap_or_default();
    if tail.starts_with('(') {
        // Four spaces before it: a line of a program.
        let indented = framer
            .text
            .get(..at)
            .is_some_and(|before| before.ends_with("    "));
        return !framer.any() && !indented && framer.offered(name) && calls(framer, at, true);
    }
    let gap = tail.len() - tail.trim_start().len();
    tail.get(gap..).unwrap_or_default().starts_with('{') && then_json(framer, at, name, at + len + gap)
}

/// An offered name with its arguments right behind it.
fn then_json(framer: &mut Framer<'_, '_>, start: usize, name: &str, at: usize) -> bool {
    let near = framer
        .text
        .get(start + name.len()..at)
        .is_some_and(|gap| gap.contains('\n'));
    if framer.broke() || framer.any() || !framer.offered(name) || !(near || framer.offered_exactly(name)) {
        return false;
    }
    let repairs = framer.repairs.len();
    let Some((node, end)) = framer.json(at, true) else {
        return false;
    };
    if framer.tree.kind(node) != Kind::Object || body::nothing_read(framer, node, repairs) {
        framer.repairs.truncate(repairs);
        framer.pay(end - at);
        return false;
    }
    let span = Span::new(start, end);
    let call = RawCall {
        claim: Claim::Form,
        ..RawCall::marked(name.to_owned(), Some(node), span, Dialect::NameThenJson)
    };
    framer.take(start, end, vec![call]);
    true
}

fn yaml(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let Some((calls, end)) = body::yaml_calls(framer, at, Claim::Form) else {
        return false;
    };
    framer.take(at, end, calls);
    true
}

fn gemma_call(framer: &mut Framer<'_, '_>, at: usize) -> bool {
    let rest = super::window(framer.from(at + "call:".len()), 200);
    let Some((name, _)) = rest.split_once('{') else {
        return false;
    };
    if name.len() > 128 || name.starts_with(' ') || framer.any() || !framer.offered(name) {
        return false;
    }
    let name = name.to_owned();
    let (node, end) = gemma::object(&mut framer.tree, at + "call:".len() + name.len());
    let call = RawCall {
        claim: Claim::Form,
        ..RawCall::marked(name, Some(node), Span::new(at, end), Dialect::Gemma)
    };
    framer.take(at, end, vec![call]);
    true
}

/// A text that stands for itself.
fn quoted(framer: &mut Framer<'_, '_>, span: Span) -> crate::tree::NodeId {
    framer.tree.push_text(Kind::Quoted, span, Text::Source(span))
}
