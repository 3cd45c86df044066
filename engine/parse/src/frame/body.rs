//! What stands behind a marker: calls in any dialect, whatever the marker's own one is.

use super::{Claim, Framer, RawCall, Role, Tag, shape, tag};
use crate::read::gemma;
use crate::read::python::{self, Manner};
use crate::read::yaml;
use crate::tree::{Kind, NodeId, Span, Text};
use crate::{Dialect, RepairKind};

mod markup;
mod pairs;

pub(super) use markup::{element, function, pair};

/// Names and ids of calls are shorter; a longer line is prose.
const NAME: usize = 160;

/// Reads the calls at the framer's place. `start` is where the marker began.
pub(super) fn read(framer: &mut Framer<'_, '_>, start: usize) {
    let mut start = start;
    loop {
        let from = framer.at;
        if framer.broke() {
            return;
        }
        let at = skip(framer, from);
        let Some((calls, end)) = one(framer, at, start) else {
            // Markers without a call are not looked at again.
            let marks = markers(framer, from);
            framer.pay(at.saturating_sub(marks));
            framer.kept = framer.kept.max(marks);
            framer.at = marks;
            return;
        };
        framer.take(start, end, calls);
        let next = stray(framer, end);
        if framer.byte(next) == b'{' || framer.byte(next) == b'[' && tag::at(framer.text, next).is_none() {
            framer.kept = framer.kept.max(next);
            framer.at = next;
            start = next;
            continue;
        }
        // Brackets that close nothing belong to the call before them.
        let stray = framer
            .text
            .get(end..next)
            .is_some_and(|gap| gap.contains(['}', ']', ')']));
        if stray {
            framer.mark_repair(RepairKind::StrayCloser, Span::new(end, next));
            framer.kept = next;
            framer.at = next;
        }
        return;
    }
}

/// A tag that says who speaks is a marker only where an offered tool is called right behind it.
pub(super) fn speaker(framer: &mut Framer<'_, '_>, tag: &Tag<'_>) -> bool {
    let at = skip(framer, tag.span.end);
    let Some((calls, end)) = one(framer, at, tag.span.start) else {
        return false;
    };
    if calls.is_empty() || !calls.iter().all(|call| framer.offered(&call.name)) {
        return false;
    }
    framer.take(tag.span.start, end, calls);
    true
}

/// Space, markers that say nothing here, doubled openers, and the line that opens a fence.
fn skip(framer: &Framer<'_, '_>, from: usize) -> usize {
    let mut at = from;
    loop {
        at += blank(framer.from(at));
        let rest = framer.from(at);
        if let Some(info) = rest.strip_prefix("```") {
            let line = info.find(['\n', '{', '[']).unwrap_or(info.len());
            at += 3 + line;
            continue;
        }
        match tag::at(framer.text, at) {
            Some(tag)
                if !tag.close
                    && matches!(tag.role, Role::Call | Role::Calls | Role::Separator | Role::Noise) =>
            {
                at = tag.span.end;
                // `<|constrain|>json<|msg|>`.
                if let Some(after) = framer.from(at).strip_prefix("json")
                    && !after.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_')
                {
                    at += 4;
                }
            }
            _ => return at,
        }
    }
}

/// The end of the markers that stand at `from`.
fn markers(framer: &Framer<'_, '_>, from: usize) -> usize {
    let mut end = from;
    loop {
        let at = end + blank(framer.from(end));
        match tag::at(framer.text, at) {
            Some(tag)
                if !tag.close
                    && matches!(tag.role, Role::Call | Role::Calls | Role::Separator | Role::Noise) =>
            {
                end = tag.span.end;
            }
            _ => return end,
        }
    }
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Behind a call: space, separators and closers that were written once too often.
fn stray(framer: &Framer<'_, '_>, end: usize) -> usize {
    let rest = framer.from(end);
    end + rest.len()
        - rest
            .trim_start_matches([' ', '\t', '\r', '\n', ',', ';', '}', ']', ')'])
            .len()
}

/// One call, or a list of them, at `at`; `None` where nothing of the kind stands there.
fn one(framer: &mut Framer<'_, '_>, at: usize, start: usize) -> Option<(Vec<RawCall>, usize)> {
    match framer.byte(at) {
        b'{' => json(framer, at),
        b'[' if tag::at(framer.text, at).is_none() => {
            let inner = framer.from(at + 1);
            let inner = inner.trim_start();
            let name = python::name_len(inner);
            if name > 0 && inner.get(name..).unwrap_or_default().starts_with('(') {
                return pythonic(framer, at);
            }
            json(framer, at)
        }
        b'<' | b']' | b'[' => {
            let tag = tag::at(framer.text, at)?;
            match tag.role {
                Role::Other if !tag.close && !tag.piped => markup::described(framer, &tag, start),
                _ => None,
            }
        }
        0 => None,
        _ => named(framer, at, start, true),
    }
}

fn json(framer: &mut Framer<'_, '_>, at: usize) -> Option<(Vec<RawCall>, usize)> {
    let (node, end) = framer.json(at, true)?;
    let calls = shape::calls_of(&mut framer.tree, node, framer.tools, Claim::Marker, Dialect::Json);
    Some((calls, end))
}

/// Calls as Python writes them, at `at`.
pub(super) fn pythonic(framer: &mut Framer<'_, '_>, at: usize) -> Option<(Vec<RawCall>, usize)> {
    // Gemma's training data prints what its calls return.
    if let Some(inner) = framer.from(at).strip_prefix("print(")
        && inner
            .get(python::name_len(inner)..)
            .unwrap_or_default()
            .starts_with('(')
    {
        let (calls, end) = python_calls(framer, at + "print(".len())?;
        return Some((calls, end + usize::from(framer.byte(end) == b')')));
    }
    python_calls(framer, at)
}

fn python_calls(framer: &mut Framer<'_, '_>, at: usize) -> Option<(Vec<RawCall>, usize)> {
    let end = python_end(framer, at);
    for manner in [Manner::Strict, Manner::Marked, Manner::Loose] {
        if framer.broke() {
            return None;
        }
        let mut looked = at;
        let read = python::calls(&mut framer.tree, Span::new(at, end), manner, &mut looked);
        if let Some((calls, end)) = read {
            if manner == Manner::Loose {
                framer.mark_repair(RepairKind::InnerQuote, Span::new(at, end));
            }
            let calls = calls
                .into_iter()
                .map(|call| from_python(framer.text, call, Claim::Marker))
                .collect();
            return Some((calls, end));
        }
        if !framer.pay(looked - at) {
            return None;
        }
    }
    None
}

/// Calls of Python end at the last marker that can end them; one inside a string is data.
fn python_end(framer: &mut Framer<'_, '_>, at: usize) -> usize {
    let text = framer.text;
    let mut here = at;
    while let Some(tag) = framer.next_tag(here) {
        if !framer.pay(tag.span.end - here) {
            return tag.span.start;
        }
        here = tag.span.end;
        let before = text.get(at..tag.span.start).unwrap_or_default().trim_end();
        if before.ends_with([')', ']'])
            && matches!(tag.role, Role::Call | Role::Calls | Role::End | Role::Noise)
        {
            return tag.span.start;
        }
    }
    text.len()
}

pub(super) fn from_python(text: &str, call: python::PyCall, claim: Claim) -> RawCall {
    // Llama calls its built-in tools `name.call(…)`.
    let name = call.name.of(text).trim_end_matches(".call").to_owned();
    RawCall {
        positional: call.positional,
        claim,
        ..RawCall::marked(name, Some(call.arguments), call.span, Dialect::Pythonic)
    }
}

/// A name, and behind it the arguments in one of the forms that have the name outside.
fn named(framer: &mut Framer<'_, '_>, at: usize, start: usize, first: bool) -> Option<(Vec<RawCall>, usize)> {
    let rest = framer.from(at);
    if rest.starts_with("call:") || rest.starts_with(':') {
        return gemma_call(framer, at, start);
    }
    let near = super::window(rest, NAME + 1);
    let len = near
        .find(['\n', '\r', '<', '{', '[', '(', '◁', ']'])
        .unwrap_or(near.len());
    if len > NAME {
        return None;
    }
    let line = rest.get(..len)?;
    let name = line.trim();
    let mut after = at + len;
    // The template of GLM, escaped once too often: `name\n<arg_key>…` with a backslash.
    let escaped = name.ends_with("\\n");
    let name = name.trim_end_matches("\\n").trim_end_matches([':', ',']).trim();
    if rest.get(len..).is_some_and(|rest| rest.starts_with('(')) {
        return pythonic(framer, at);
    }
    if name.is_empty() {
        return None;
    }
    // YAML and `key: value` lines.
    if line.contains(": ") || line.trim_end().ends_with(':') && rest.get(len..)?.starts_with(['\n', '\r']) {
        return yaml_calls(framer, at, Claim::Marker);
    }
    // `function<sep>name`, where the word only says what kind of call it is.
    let separator = tag::at(framer.text, after).filter(|tag| tag.role == Role::Separator);
    if let Some(tag) = separator.filter(|_| first && matches!(name, "function" | "tool")) {
        let next = skip(framer, tag.span.end);
        return match tag::at(framer.text, next).filter(|tag| tag.role == Role::Function && !tag.close) {
            Some(_) => Some((Vec::new(), next)),
            None => named(framer, next, start, false),
        };
    }
    let mut id = None;
    if let Some(tag) = tag::at(framer.text, after).filter(|tag| tag.role == Role::CallId) {
        let written = framer.from(tag.span.end);
        let len = written.find(['[', '<', '{']).unwrap_or(written.len());
        id = written.get(..len).map(|id| id.trim().to_owned());
        after = tag.span.end + len;
    }
    let name = name.to_owned();
    let value = skip(framer, after);
    if !framer.pay(value - after) {
        return None;
    }
    let call = |arguments, end, dialect| RawCall {
        id: id.clone(),
        ..RawCall::marked(name.clone(), arguments, Span::new(start, end), dialect)
    };
    match framer.byte(value) {
        b'{' => {
            let before = framer.repairs.len();
            let (node, end) = framer.json(value, true)?;
            let unreadable = nothing_read(framer, node, before);
            let call = RawCall {
                unreadable,
                ..call(Some(node), end, Dialect::NameThenJson)
            };
            Some((vec![call], end))
        }
        b'<' | b']' | b'[' => {
            let tag = tag::at(framer.text, value)?;
            match tag.role {
                Role::Key | Role::Value if !tag.close => {
                    let (node, end) = pairs::read(framer, value, escaped);
                    Some((vec![call(Some(node), end, Dialect::KeyValue)], end))
                }
                Role::Call | Role::Calls | Role::Function | Role::End | Role::Noise | Role::Separator => {
                    bare_name(framer, &name, after)
                        .then(|| (vec![call(None, value, Dialect::NameThenJson)], value))
                }
                _ => None,
            }
        }
        0 => bare_name(framer, &name, after).then(|| (vec![call(None, value, Dialect::NameThenJson)], value)),
        _ => None,
    }
}

/// A name alone is a call without arguments, if it is one word on its own.
fn bare_name(framer: &Framer<'_, '_>, name: &str, end: usize) -> bool {
    let word = python::name_len(name) == name.len() && name.len() > 1;
    // At the end of a reply it may be the beginning of prose as well.
    let ended = end < framer.text.len() || framer.offered(name) || framer.any();
    word && ended
}

/// Whether a text in braces gave no value at all: `{invalid json}`.
pub(super) fn nothing_read(framer: &Framer<'_, '_>, node: NodeId, before: usize) -> bool {
    let missing = framer.repairs.iter().skip(before);
    let missing = missing
        .filter(|repair| repair.kind == RepairKind::MissingValue)
        .count();
    let members = framer.tree.count(node);
    let skipped = framer
        .repairs
        .iter()
        .skip(before)
        .any(|repair| repair.kind == RepairKind::SkippedText);
    framer.tree.kind(node) != Kind::Object
        || members > 0 && missing >= members
        || members == 0
            && (skipped
                || !framer
                    .tree
                    .raw(node)
                    .trim_matches(['{', '}', ' ', '\n', '\t', '\r'])
                    .is_empty())
}

/// `call:name{…}`, and what is left of it when its first word is lost.
fn gemma_call(framer: &mut Framer<'_, '_>, at: usize, start: usize) -> Option<(Vec<RawCall>, usize)> {
    let rest = framer.from(at);
    let body = rest.strip_prefix("call:").or_else(|| rest.strip_prefix(':'))?;
    let name_at = at + rest.len() - body.len();
    let near = super::window(body, NAME + 1);
    let len = near.find(['{', '<', '\n']).unwrap_or(near.len());
    let name = body.get(..len)?.trim().to_owned();
    if name.is_empty() || len > NAME {
        return None;
    }
    let open = name_at + len;
    if framer.byte(open) != b'{' {
        return None;
    }
    let (node, end) = gemma::object(&mut framer.tree, open);
    let call = RawCall::marked(name, Some(node), Span::new(start, end), Dialect::Gemma);
    Some((vec![call], end))
}

/// Calls in YAML at `at`.
pub(super) fn yaml_calls(
    framer: &mut Framer<'_, '_>,
    at: usize,
    claim: Claim,
) -> Option<(Vec<RawCall>, usize)> {
    if framer.broke() {
        return None;
    }
    let Some((node, end)) = yaml::block(&mut framer.tree, at, framer.text.len()) else {
        let line = memchr::memchr(b'\n', framer.from(at).as_bytes());
        framer.pay(line.unwrap_or(framer.text.len() - at));
        return None;
    };
    let mut calls = shape::calls_of(&mut framer.tree, node, framer.tools, claim, Dialect::Yaml);
    for call in &mut calls {
        call.span = Span::new(at, end);
    }
    if calls.is_empty() {
        framer.pay(end - at);
        return None;
    }
    Some((calls, end))
}

/// Text of the source without the one line break on each side that belongs to the tags.
pub(super) fn inner(text: &str, span: Span, each: bool) -> Span {
    let body = span.of(text);
    let head = if body.starts_with("\r\n") {
        2
    } else {
        usize::from(body.starts_with('\n'))
    };
    let tail = if body.ends_with("\r\n") {
        2
    } else {
        usize::from(body.ends_with('\n'))
    };
    if body.len() <= head.max(tail) && head > 0 {
        return Span::new(span.start + head, span.start + head);
    }
    if !each && (head == 0 || tail == 0) {
        return span;
    }
    Span::new(span.start + head, span.end - tail)
}

/// A value that is text until a schema says otherwise.
pub(super) fn scalar(framer: &mut Framer<'_, '_>, span: Span, quoted: bool) -> NodeId {
    let kind = if quoted { Kind::Quoted } else { Kind::Bare };
    framer.tree.push_text(kind, span, Text::Source(span))
}
