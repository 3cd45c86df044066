//! A node as a value where no schema says more.

use crate::tape::Builder;
use crate::tree::{Kind, NodeId, Tree};

/// Writes the value of a node as it was read.
///
/// Text without quotes that is a literal of JSON or Python (`3`, `true`, `None`) is that, else text: so XML's `<n>3</n>` is a
/// number where nobody says otherwise. Readers keep nesting within [`crate::MAX_DEPTH`], which bounds the recursion.
pub(crate) fn plain(tree: &Tree<'_>, node: NodeId, out: &mut Builder) {
    match tree.kind(node) {
        Kind::Null => out.null(),
        Kind::Bool(value) => out.bool(value),
        Kind::Number => out.number(tree.text(node)),
        Kind::Quoted => out.text(tree.text(node)),
        Kind::Bare => bare(tree.text(node), out),
        Kind::Array => {
            let start = out.open_array();
            for child in tree.children(node) {
                plain(tree, child, out);
            }
            out.close(start);
        }
        Kind::Object => {
            let start = out.open_object();
            for child in tree.children(node) {
                out.key(tree.key(child).unwrap_or_default());
                plain(tree, child, out);
            }
            out.close_unique(start);
        }
    }
}

fn bare(text: &str, out: &mut Builder) {
    let word = text.trim();
    // Python's words are no one's text where a parameter has no type.
    match word {
        "True" => return out.bool(true),
        "False" => return out.bool(false),
        "None" => return out.null(),
        _ => {}
    }
    let first = word.bytes().next().unwrap_or_default();
    if !matches!(first, b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'[' | b'{') {
        return out.text(text);
    }
    match serde_json::from_str::<serde_json::Value>(word) {
        Ok(serde_json::Value::Number(_)) => out.number(word),
        Ok(value) => out.json(&value),
        Err(_) => out.text(text),
    }
}
