//! Reads one value out of text, whatever became of it, into a [`Tree`].

use crate::Repair;
use crate::tree::{Kind, NodeId, Span, Tree};

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The value; `None` where the span holds nothing but space and comments.
    pub(crate) node: Option<NodeId>,
    /// The byte after the value.
    pub(crate) end: usize,
    /// What had to be repaired, in the order of the text.
    pub(crate) repairs: Vec<Repair>,
}

/// Reads the first value of `span` as JSON, broken JSON or a literal of Python or JavaScript.
pub(crate) fn json(tree: &mut Tree<'_>, span: Span) -> Read {
    // Strict only, for now.
    let text = span.of(tree.source());
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match stream.next() {
        Some(Ok(value)) => {
            let end = span.start + stream.byte_offset();
            let node = convert(tree, &value, Span::new(span.start, end));
            Read { node: Some(node), end, repairs: Vec::new() }
        }
        _ => Read { node: None, end: span.end, repairs: Vec::new() },
    }
}

fn convert(tree: &mut Tree<'_>, value: &serde_json::Value, span: Span) -> NodeId {
    use serde_json::Value;
    match value {
        Value::Null => tree.push(Kind::Null, span),
        Value::Bool(value) => tree.push(Kind::Bool(*value), span),
        Value::Number(number) => {
            let text = tree.keep(&number.to_string());
            tree.push_text(Kind::Number, span, text)
        }
        Value::String(string) => {
            let text = tree.keep(string);
            tree.push_text(Kind::Quoted, span, text)
        }
        Value::Array(items) => {
            let id = tree.push(Kind::Array, span);
            for item in items {
                let child = convert(tree, item, span);
                tree.append(id, None, child);
            }
            id
        }
        Value::Object(members) => {
            let id = tree.push(Kind::Object, span);
            for (key, member) in members {
                let child = convert(tree, member, span);
                let key = tree.keep(key);
                tree.append(id, Some(key), child);
            }
            id
        }
    }
}
