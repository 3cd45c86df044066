//! A node as a value where no schema says more.

use serde_json::{Map, Number, Value};

use crate::tree::{Kind, NodeId, Tree};

/// The value of a node as it was read.
///
/// Text without quotes that is a literal of JSON or Python (`3`, `true`, `None`) is that, else text: so XML's `<n>3</n>` is a
/// number where nobody says otherwise. Readers keep nesting within [`crate::MAX_DEPTH`], which bounds the recursion.
pub(crate) fn plain(tree: &Tree<'_>, node: NodeId) -> Value {
    match tree.kind(node) {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        Kind::Number => number(tree.text(node)).unwrap_or_else(|| tree.text(node).into()),
        Kind::Quoted => tree.text(node).into(),
        Kind::Bare => literal(tree.text(node)).unwrap_or_else(|| tree.text(node).into()),
        Kind::Array => {
            let mut array = Vec::with_capacity(tree.count(node));
            array.extend(tree.children(node).map(|child| plain(tree, child)));
            Value::Array(array)
        }
        Kind::Object => {
            let mut object = Map::with_capacity(tree.count(node));
            for child in tree.children(node) {
                object.insert(tree.key(child).unwrap_or_default().to_owned(), plain(tree, child));
            }
            Value::Object(object)
        }
    }
}

/// A number of JSON's grammar; none where it is too large for a double.
pub(super) fn number(literal: &str) -> Option<Value> {
    // `-0` is a double: there is no such integer.
    if let Ok(integer) = literal.parse::<i64>()
        && (integer != 0 || !literal.starts_with('-'))
    {
        return Some(integer.into());
    }
    if let Ok(integer) = literal.parse::<u64>() {
        return Some(integer.into());
    }
    Number::from_f64(literal.parse().ok()?).map(Value::Number)
}

fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    // Python's words are no one's text where a parameter has no type.
    match text {
        "True" => return Some(true.into()),
        "False" => return Some(false.into()),
        "None" => return Some(Value::Null),
        _ => {}
    }
    let first = text.bytes().next()?;
    if !matches!(first, b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'[' | b'{') {
        return None;
    }
    serde_json::from_str(text).ok()
}
