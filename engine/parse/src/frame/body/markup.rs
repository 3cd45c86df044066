//! Calls as tags: `<function=f><parameter=p>…`, `<invoke name="f">`, elements that are named after parameters, and
//! elements that are named after the tool itself.

use super::super::{Claim, Framer, RawCall, Role, Tag, shape, tag};
use super::{inner, scalar};
use crate::read::python;
use crate::tree::{Kind, NodeId, Span, Text};
use crate::{Dialect, MAX_DEPTH, RepairKind};

/// Elements that hold all arguments.
const WRAPPERS: &[&str] = &[
    "parameters",
    "arguments",
    "args",
    "input",
    "params",
    "parameter_list",
];

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
    let span = Span::new(start, members.end);
    framer.take(
        start,
        members.end,
        vec![RawCall::marked(name, Some(members.object), span, Dialect::Xml)],
    );
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
        let line = info.find('\n')?;
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

/// The arguments between two tags.
struct Members {
    object: NodeId,
    end: usize,
    /// The closing tag was there.
    ended: bool,
    /// Text that is no argument.
    junk: bool,
}

impl Members {
    /// Reads members from `at`; `element` is the name of the element around them, if it is not a function's tag.
    fn read(framer: &mut Framer<'_, '_>, at: usize, element: Option<&str>) -> Self {
        let text = framer.text;
        let object = framer.tree.push(Kind::Object, Span::new(at, at));
        let mut members = Self {
            object,
            end: at,
            ended: false,
            junk: false,
        };
        let mut here = at;
        loop {
            here += blank(framer.from(here));
            let Some(tag) = tag::at(text, here) else {
                members.text(framer, here, element);
                return members;
            };
            match tag.role {
                Role::Parameter if !tag.close => here = members.parameter(framer, &tag),
                Role::Parameter => here = tag.span.end,
                Role::Function if tag.close => {
                    members.close(framer, tag.span.end);
                    return members;
                }
                Role::Noise | Role::End if !tag.whole && tag.span.end == text.len() => {
                    members.close(framer, tag.span.end);
                    return members;
                }
                _ if element.is_some_and(|name| tag.close && tag.name == name) => {
                    members.close(framer, tag.span.end);
                    return members;
                }
                Role::Other if WRAPPERS.contains(&tag.name) && !tag.close && element.is_some() => {
                    here = tag.span.end;
                }
                Role::Other if WRAPPERS.contains(&tag.name) && tag.close => here = tag.span.end,
                _ if !tag.close
                    && !tag.piped
                    && python::name_len(tag.name) == tag.name.len()
                    && !opens(&tag) =>
                {
                    let Some(next) = members.child(framer, &tag) else {
                        members.junk = true;
                        return members;
                    };
                    here = next;
                }
                _ => {
                    members.ended |= tag.close && matches!(tag.role, Role::Call | Role::Calls);
                    return members;
                }
            }
            members.end = here;
        }
    }

    fn close(&mut self, framer: &mut Framer<'_, '_>, end: usize) {
        framer.tree.close(self.object, end);
        self.end = end;
        self.ended = true;
    }

    /// Text where a member should stand: what follows up to the closing tag is given up.
    fn text(&mut self, framer: &mut Framer<'_, '_>, here: usize, element: Option<&str>) {
        let text = framer.text;
        if here >= text.len() {
            self.end = here;
            return;
        }
        self.junk = true;
        if framer.tree.count(self.object) == 0 {
            return;
        }
        let mut at = here;
        while let Some(tag) = tag::next(text, at, text.len()) {
            let closes = tag.close && element.map_or(tag.role == Role::Function, |name| tag.name == name);
            if closes {
                framer.mark_repair(RepairKind::SkippedText, Span::new(here, tag.span.start));
                self.close(framer, tag.span.end);
                return;
            }
            if opens(&tag) || tag.role == Role::Think {
                return;
            }
            at = tag.span.end;
        }
    }

    fn parameter(&mut self, framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> usize {
        let text = framer.text;
        let name = open.value.unwrap_or_default();
        let from = open.span.end;
        if open.empty {
            return from;
        }
        let (to, next, whole) = parameter_end(framer, from);
        let span = inner(text, Span::new(from, tag::before_noise(text, to)), open.equals);
        let node = cdata(framer, span, open.string);
        if !whole {
            framer.tree.mark_cut(node);
        }
        framer.tree.append(self.object, Some(Text::Source(name)), node);
        next
    }

    /// An element that is named after a parameter.
    fn child(&mut self, framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> Option<usize> {
        let text = framer.text;
        let name = Span::new(open.span.start, open.span.end);
        let offset = name.of(text).find(open.name)?;
        let key = Text::Source(Span::new(
            name.start + offset,
            name.start + offset + open.name.len(),
        ));
        if open.empty {
            return Some(open.span.end);
        }
        let noisy = text.as_bytes().get(open.span.start) == Some(&b']');
        if noisy && let Some((node, end)) = nested(framer, open) {
            framer.tree.append(self.object, Some(key), node);
            return Some(end);
        }
        let body = open.span.end + blank(framer.from(open.span.end));
        if WRAPPERS.contains(&open.name) && framer.byte(body) == b'<' {
            let members = Self::read(framer, body, Some(open.name));
            if framer.tree.count(members.object) > 0 {
                framer.tree.append(self.object, Some(key), members.object);
                return Some(members.end);
            }
        }
        let (to, end) = element_end(framer, open)?;
        let span = inner(text, Span::new(open.span.end, tag::before_noise(text, to)), false);
        let node = cdata(framer, span, open.string);
        framer.tree.append(self.object, Some(key), node);
        Some(end)
    }
}

fn opens(tag: &Tag<'_>) -> bool {
    !tag.close && matches!(tag.role, Role::Call | Role::Calls | Role::Function)
}

/// Where an argument's text ends, where to go on, and whether its end was there.
///
/// The text may hold such tags itself: a function inside it counts as text if the argument's own closing tag comes
/// after it, and a closing tag of the function if one of the argument comes before the next function.
fn parameter_end(framer: &mut Framer<'_, '_>, from: usize) -> (usize, usize, bool) {
    let text = framer.text;
    let mut here = from;
    let (mut inner, mut outer) = (None, None);
    let mut depth = 0_usize;
    while let Some(tag) = tag::next(text, here, text.len()) {
        if depth > 0 && !framer.pay(tag.span.end - here) {
            break;
        }
        here = tag.span.end;
        let start = tag.span.start;
        match tag.role {
            Role::Parameter if tag.close && depth == 0 => return (start, here, true),
            Role::Parameter if depth > 0 => {}
            _ if tag.close && !tag.whole && here == text.len() => {
                return (outer.or(inner).unwrap_or(start), here, true);
            }
            Role::Parameter | Role::Function | Role::Call | Role::Calls if !tag.close => {
                if let Some(end) = outer.or((tag.role == Role::Parameter).then_some(start)) {
                    return (end, end, true);
                }
                inner = inner.or(Some(start));
                depth += usize::from(tag.role == Role::Function);
            }
            Role::Function if depth > 0 => depth -= 1,
            Role::Function | Role::Call | Role::Calls if depth == 0 && inner.is_none() => {
                outer = outer.or(Some(start));
            }
            _ => {}
        }
    }
    let end = outer.or(inner).unwrap_or(text.len());
    (end, end, outer.or(inner).is_some())
}

/// Where the text of an element ends, and where to go on.
fn element_end(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> Option<(usize, usize)> {
    let text = framer.text;
    let from = open.span.end;
    if framer.broke() {
        return None;
    }
    let rest = text.get(from..)?;
    let closer = format!("</{}", open.name);
    let found = memchr::memmem::find_iter(rest.as_bytes(), closer.as_bytes()).find_map(|found| {
        let tag = tag::at(text, from + found)?;
        (tag.close && tag.name == open.name).then_some((from + found, tag.span.end))
    });
    if found.is_none() {
        framer.pay(rest.len());
        // An argument that was cut off ends with the reply, one without its tag at the next marker.
        let next = tag::next(text, from, text.len());
        return next.is_none().then_some((text.len(), text.len()));
    }
    found
}

fn cdata(framer: &mut Framer<'_, '_>, span: Span, quoted: bool) -> NodeId {
    let body = span.of(framer.text);
    let trimmed = body.trim();
    if let Some(data) = trimmed
        .strip_prefix("<![CDATA[")
        .and_then(|data| data.strip_suffix("]]>"))
    {
        let start = span.start + blank(body) + "<![CDATA[".len();
        return scalar(framer, Span::new(start, start + data.len()), quoted);
    }
    scalar(framer, span, quoted)
}

/// Elements inside elements, as `MiniMax` M3 writes objects and lists. Each of its tags is marked, so that markup
/// inside a text is never taken for one.
fn nested(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> Option<(NodeId, usize)> {
    struct Level<'t> {
        name: &'t str,
        key: Text,
        from: usize,
        children: Vec<(Text, &'t str, NodeId)>,
        text: String,
    }
    let text = framer.text;
    let level = |tag: &Tag<'_>, name| Level {
        name,
        key: Text::Source(Span::new(tag.span.end - 1 - tag.name.len(), tag.span.end - 1)),
        from: tag.span.end,
        children: Vec::new(),
        text: String::new(),
    };
    let mut stack = vec![level(open, tag::at(text, open.span.start)?.name)];
    let mut here = open.span.end;
    loop {
        let tag = noisy(text, here)?;
        let before = Span::new(here, tag.span.start);
        here = tag.span.end;
        let top = stack.last_mut()?;
        top.text.push_str(before.of(text));
        if !tag.close {
            if stack.len() >= MAX_DEPTH {
                return None;
            }
            stack.push(level(&tag, tag.name));
            continue;
        }
        if tag.name != top.name {
            return None;
        }
        let done = stack.pop()?;
        let whole = Span::new(done.from, tag.span.start);
        let node = if done.children.is_empty() {
            scalar(framer, whole, false)
        } else {
            group(framer, whole, done.children, &done.text)
        };
        match stack.last_mut() {
            Some(parent) => parent.children.push((done.key, done.name, node)),
            None => return Some((node, here)),
        }
    }
}

/// The next tag that has the noise before it.
fn noisy(text: &str, from: usize) -> Option<Tag<'_>> {
    let mut here = from;
    loop {
        let tag = tag::next(text, here, text.len())?;
        if text.as_bytes().get(tag.span.start) == Some(&b']') && !tag.name.is_empty() {
            return Some(tag);
        }
        if opens(&tag) {
            return None;
        }
        here = tag.span.end;
    }
}

/// An object of child elements; those that share a name are a list.
fn group(framer: &mut Framer<'_, '_>, span: Span, children: Vec<(Text, &str, NodeId)>, text: &str) -> NodeId {
    let object = framer.tree.push(Kind::Object, span);
    let mut lists: std::collections::BTreeMap<&str, (NodeId, Text, bool)> = std::collections::BTreeMap::new();
    let mut order = Vec::new();
    for (key, name, node) in children {
        if let Some((first, _, list)) = lists.get_mut(name) {
            if !*list {
                let array = framer.tree.push(Kind::Array, span);
                framer.tree.append(array, None, *first);
                (*first, *list) = (array, true);
            }
            framer.tree.append(*first, None, node);
        } else {
            lists.insert(name, (node, key, false));
            order.push(name);
        }
    }
    for name in order {
        if let Some((node, key, _)) = lists.get(name) {
            framer.tree.append(object, Some(*key), *node);
        }
    }
    if !text.trim().is_empty() {
        let kept = framer.tree.keep(text);
        let node = framer.tree.push_text(Kind::Bare, span, kept);
        let key = framer.tree.keep("$text");
        framer.tree.append(object, Some(key), node);
    }
    object
}
