//! Elements inside elements, as `MiniMax` M3 writes objects and lists.

use super::super::super::{Framer, Tag, tag};
use super::super::scalar;
use super::members::opens;
use crate::MAX_DEPTH;
use crate::tree::{Kind, NodeId, Span, Text};

/// Elements inside elements, as `MiniMax` M3 writes objects and lists. Each of its tags is marked, so that markup
/// inside a text is never taken for one.
pub(super) fn nested(framer: &mut Framer<'_, '_>, open: &Tag<'_>) -> Option<(NodeId, usize)> {
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
        let tag = noisy(framer, here)?;
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
fn noisy<'t>(framer: &Framer<'t, '_>, from: usize) -> Option<Tag<'t>> {
    let text = framer.text;
    let mut here = from;
    loop {
        let tag = framer.next_tag(here)?;
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
