//! Calls as tags: `<function=f><parameter=p>…`, `<invoke name="f">`, elements that are named after parameters, and
//! elements that are named after the tool itself.

mod members;
mod nested;

use super::super::{Claim, Framer, QUOTED, RawCall, Tag, shape, tag, window};
use super::NAME;
use crate::tools::Resolved;
use crate::tree::{Kind, NodeId, Span};
use crate::{Dialect, RepairKind};
use members::{Members, is_wrapper, wrapped};

/// Reads the function that `open` begins, and takes it.
pub(in crate::frame) fn function(framer: &mut Framer<'_, '_>, open: &Tag<'_>) {
    let Some(value) = open.value else {
        framer.at = open.span.end;
        return;
    };
    let name = value.of(framer.text).to_owned();
    let body = open.span.end;
    let start = open.span.start;
    let at = body + blank(framer.from(body));
    // A list of tools has such elements, too.
    if open.empty && open.name == "tool" {
        framer.at = body;
        return;
    }
    if open.empty {
        let call = RawCall::marked(name, None, Span::new(start, body), Dialect::Xml);
        framer.take(start, body, vec![call]);
        return;
    }
    if let Some((node, end, unreadable)) = json_arguments(framer, at) {
        let call = RawCall {
            unreadable,
            ..RawCall::marked(name, Some(node), Span::new(start, end), Dialect::NameThenJson)
        };
        framer.take(start, end, vec![call]);
        return;
    }
    let members = Members::read(framer, body, None);
    if !(members.ended || framer.tree.count(members.object) > 0 || members.end >= framer.text.len()) {
        // A name that is mentioned: nothing of a call follows it.
        framer.drop(start, body);
        return;
    }
    if members.end >= framer.text.len()
        && framer.tree.count(members.object) == 0
        && !members.ended
        && members.junk
    {
        framer.at = body;
        return;
    }
    if is_definition(framer, &name, members.object) {
        framer.at = members.end.max(body);
        return;
    }
    if members.end >= framer.text.len() && !members.ended {
        // More parameters may have been meant; where there are none at all, some surely were if the tool has any.
        framer.mark_repair(RepairKind::Marker, Span::new(members.end, members.end));
        if framer.tree.count(members.object) == 0 && framer.takes_something(&name) {
            framer.tree.mark_cut(members.object);
        }
    }
    let span = Span::new(start, members.end);
    framer.take(
        start,
        members.end,
        vec![RawCall::marked(name, Some(members.object), span, Dialect::Xml)],
    );
}

/// Whether the element says what a tool is: it describes it, and no parameter is called so.
fn is_definition(framer: &Framer<'_, '_>, name: &str, members: NodeId) -> bool {
    let takes = match framer.tools.resolve(name) {
        Resolved::Exact(tool) | Resolved::Near(tool) => tool
            .parameters
            .members()
            .is_some_and(|members| members.by_name.contains_key("description")),
        Resolved::Anything | Resolved::Ambiguous(_) | Resolved::Unknown => false,
    };
    let element = framer.tree.member(members, "description").is_some_and(|id| {
        framer
            .text
            .get(..framer.tree.span(id).start)
            .is_some_and(|before| before.trim_end().ends_with("<description>"))
    });
    element && !takes
}

/// Reads an element that is named after an offered tool.
pub(in crate::frame) fn element(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> bool {
    if open.close || open.piped || framer.any() || !framer.offered_exactly(open.name) {
        return false;
    }
    let (start, body) = (open.span.start, open.span.end);
    // Calls have no attributes in any known format; elements of a page do.
    if open.span.of(framer.text).contains('=') {
        return false;
    }
    let name = open.name.to_owned();
    if open.empty {
        framer.take(
            start,
            body,
            vec![RawCall::marked(name, None, Span::new(start, body), Dialect::Xml)],
        );
        return true;
    }
    let at = body + blank(framer.from(body));
    if let Some((node, end, _)) = json_arguments(framer, at) {
        framer.take(
            start,
            end,
            vec![RawCall::marked(
                name,
                Some(node),
                Span::new(start, end),
                Dialect::NameThenJson,
            )],
        );
        skip_closer(framer, open.name);
        return true;
    }
    let members = Members::read(framer, body, Some(open.name));
    let empty = framer.tree.count(members.object) == 0;
    if empty && (!members.ended || members.junk) {
        return false;
    }
    let span = Span::new(start, members.end);
    framer.take(
        start,
        members.end,
        vec![RawCall::marked(name, Some(members.object), span, Dialect::Xml)],
    );
    true
}

/// Reads `<tool>f</tool><args>{…}</args>`: the name of an offered tool in an element, its arguments in the next one.
pub(in crate::frame) fn pair(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> bool {
    const NAMES: &[&str] = &["tool", "tool_name", "name", "function", "function_name", "action"];
    if open.close || open.piped || open.value.is_some() || framer.any() || !NAMES.contains(&open.name) {
        return false;
    }
    let from = open.span.end + blank(framer.from(open.span.end));
    let near = window(framer.from(from), NAME + 1);
    let Some(length) = near.find('<').filter(|length| *length <= NAME) else {
        return false;
    };
    let Some(closer) = tag::at(framer.text, from + length).filter(|tag| tag.close && tag.name == open.name)
    else {
        return false;
    };
    let name = framer
        .from(from)
        .get(..length)
        .unwrap_or_default()
        .trim()
        .to_owned();
    let next = closer.span.end + blank(framer.from(closer.span.end));
    let Some(arguments) = tag::at(framer.text, next).filter(|tag| {
        !tag.close && !tag.piped && !tag.empty && is_wrapper(tag.name) && framer.offered(&name)
    }) else {
        return false;
    };
    let (start, body) = (open.span.start, arguments.span.end);
    let at = body + blank(framer.from(body));
    let (node, end, unreadable) = match json_arguments(framer, at) {
        Some(read) => read,
        None => match wrapped(framer, &arguments) {
            Some((node, end)) => (node, end, false),
            None => return false,
        },
    };
    let call = RawCall {
        unreadable,
        ..RawCall::marked(name, Some(node), Span::new(start, end), Dialect::Xml)
    };
    framer.take(start, end, vec![call]);
    skip_closer(framer, arguments.name);
    true
}

/// A call whose name and arguments are elements: `<name>f</name><arguments>…</arguments>`.
pub(super) fn described(
    framer: &mut Framer<'_, '_>,
    open: &Tag<'_>,
    start: usize,
) -> Option<(Vec<RawCall>, usize)> {
    if framer.offered_exactly(open.name) && !framer.any() {
        return None;
    }
    let members = Members::read(framer, open.span.start, None);
    let node = members.object;
    let children: Vec<_> = framer.tree.children(node).collect();
    for child in children {
        // Arguments as JSON text, or as elements.
        let text = framer.tree.span(child);
        if framer.tree.kind(child) == Kind::Bare && text.of(framer.text).trim_start().starts_with('{') {
            let at = text.start + blank(text.of(framer.text));
            let read = crate::read::json(&mut framer.tree, Span::new(at, text.end));
            if let Some(inner) = read.node {
                framer.repairs.extend(read.repairs);
                framer.tree.replace(child, inner);
            }
        }
    }
    let mut calls = shape::calls_of(&mut framer.tree, node, framer.tools, Claim::Marker, Dialect::Xml);
    for call in &mut calls {
        call.name = call.name.trim().to_owned();
        call.span = Span::new(start, members.end);
    }
    (!calls.is_empty()).then_some((calls, members.end))
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Arguments as JSON within a tag.
fn json_arguments(framer: &mut Framer<'_, '_>, at: usize) -> Option<(NodeId, usize, bool)> {
    let mut at = at;
    if let Some(info) = framer.from(at).strip_prefix("```") {
        let line = window(info, QUOTED).find('\n')?;
        at += 3 + line;
        at += blank(framer.from(at));
    }
    if framer.byte(at) != b'{' {
        return None;
    }
    let before = framer.repairs.len();
    let (node, end) = framer.json(at, true)?;
    let unreadable = super::nothing_read(framer, node, before);
    Some((node, end, unreadable))
}

fn skip_closer(framer: &mut Framer<'_, '_>, name: &str) {
    let at = framer.at + blank(framer.rest());
    if let Some(tag) = tag::at(framer.text, at).filter(|tag| tag.close && tag.name == name) {
        framer.kept = tag.span.end;
        framer.at = tag.span.end;
    }
}
