//! `<arg_key>` and `<arg_value>`, one after the other.

use super::super::{Framer, Role, tag};
use super::{inner, scalar};
use crate::RepairKind;
use crate::tree::{Kind, NodeId, Span, Text};

/// Reads pairs from `at`. `escaped` where the reply was escaped once too often.
pub(super) fn read(framer: &mut Framer<'_, '_>, at: usize, escaped: bool) -> (NodeId, usize) {
    let text = framer.text;
    let object = framer.tree.push(Kind::Object, Span::new(at, at));
    let mut here = at;
    let mut key: Option<Text> = None;
    let mut end = at;
    if escaped {
        framer.mark_repair(RepairKind::DoublyEscaped, Span::new(at, at));
    }
    while let Some(tag) = tag::at(text, here + gap(text, here)) {
        match tag.role {
            Role::Key if !tag.close => {
                let (span, next, _) = value(framer, tag.span.end, Role::Key);
                let name = span.of(text).trim();
                key = Some(framer.tree.keep(name));
                here = next;
            }
            Role::Value if !tag.close => {
                let (span, next, whole) = value(framer, tag.span.end, Role::Value);
                let span = inner(text, span, false);
                let node = if escaped {
                    let decoded = unescaped(span.of(text));
                    let kept = framer.tree.keep(&decoded);
                    framer.tree.push_text(Kind::Bare, span, kept)
                } else {
                    scalar(framer, span, false)
                };
                if !whole {
                    framer.tree.mark_cut(node);
                }
                let name = key.take();
                if name.is_some() {
                    framer.tree.append(object, name, node);
                }
                here = next;
            }
            Role::Key | Role::Value => here = tag.span.end,
            _ => break,
        }
        end = here;
    }
    framer.tree.close(object, end);
    if key.is_some() {
        // A key without its value.
        framer.tree.mark_cut(object);
    }
    if end >= text.len() {
        // More pairs may have been meant.
        framer.mark_repair(RepairKind::Marker, Span::new(end, end));
    }
    (object, end)
}

/// Space and what an escaped line break leaves.
fn gap(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut tail = rest.trim_start();
    while let Some(more) = tail.strip_prefix("\\n") {
        tail = more.trim_start();
    }
    rest.len() - tail.len()
}

/// The text of a key or value, where to go on, and whether it has its end.
fn value(framer: &Framer<'_, '_>, from: usize, role: Role) -> (Span, usize, bool) {
    let text = framer.text;
    let mut here = from;
    let mut fallback = None;
    while let Some(tag) = framer.next_tag(here) {
        let start = tag.span.start;
        here = tag.span.end;
        if tag.role == role && tag.close || tag.close && !tag.whole && here == text.len() {
            return (Span::new(from, start), here, true);
        }
        match tag.role {
            // A lost closing tag: the next pair or call begins.
            Role::Key | Role::Value => {
                return (
                    Span::new(from, fallback.unwrap_or(start)),
                    fallback.unwrap_or(start),
                    true,
                );
            }
            Role::Call | Role::Calls if tag.close => fallback = fallback.or(Some(start)),
            Role::Call | Role::Calls if fallback.is_some() => break,
            _ => {}
        }
    }
    let end = fallback.unwrap_or(text.len());
    (Span::new(from, end), end, fallback.is_some())
}

fn unescaped(body: &str) -> String {
    serde_json::from_str(&format!("\"{body}\"")).unwrap_or_else(|_| body.to_owned())
}
