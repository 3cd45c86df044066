//! The arguments between the tags of a call: parameters, elements that are named after them, text that is neither.

use super::super::super::{Framer, Role, Tag, tag};
use super::super::{inner, scalar};
use super::blank;
use super::nested::nested;
use crate::RepairKind;
use crate::read::python;
use crate::tree::{Kind, NodeId, Span, Text};

/// Elements that hold all arguments.
const WRAPPERS: &[&str] = &[
    "parameters",
    "arguments",
    "args",
    "input",
    "params",
    "parameter_list",
    "tool_input",
    "action_input",
];

pub(super) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.contains(&name)
}

/// What the element that holds all arguments holds, if that is no JSON: elements, or a text.
pub(super) fn wrapped(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> Option<(NodeId, usize)> {
    let body = open.span.end;
    if framer.byte(body + blank(framer.from(body))) == b'<' {
        let members = Members::read(framer, body, Some(open.name));
        let some = framer.tree.count(members.object) > 0 || members.ended;
        return some.then_some((members.object, members.end));
    }
    // A text beside a name is rather what is said of it, but for the two words that only calls have.
    if !matches!(open.name, "tool_input" | "action_input") {
        return None;
    }
    let (to, end) = element_end(framer, open)?;
    let span = inner(framer.text, Span::new(body, to), false);
    Some((scalar(framer, span, false), end))
}

/// The arguments between two tags.
pub(super) struct Members {
    pub(super) object: NodeId,
    pub(super) end: usize,
    /// The closing tag was there.
    pub(super) ended: bool,
    /// Text that is no argument.
    pub(super) junk: bool,
}

impl Members {
    /// Reads members from `at`; `element` is the name of the element around them, if it is not a function's tag.
    pub(super) fn read(framer: &mut Framer<'_, '_>, at: usize, element: Option<&str>) -> Self {
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
        while let Some(tag) = framer.next_tag(at) {
            if !framer.pay(tag.span.end - at) {
                return;
            }
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

pub(super) fn opens(tag: &Tag<'_>) -> bool {
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
    while let Some(tag) = framer.next_tag(here) {
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
        let next = framer.next_tag(from);
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
