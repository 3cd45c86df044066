//! The value that a reply holds: read-only, in one list of items and one text.
//!
//! An item stands for a scalar or a container; what a container holds follows it, and each item knows how many items it
//! spans. So a value of a hundred thousand members is two blocks of memory: cheap to build, to compare, to drop, and
//! to write. Who wants to change it, or has code for `serde_json`, takes [`Value::to_json`] and pays for it.

mod build;
mod same;
mod view;
mod write;

pub(crate) use build::Builder;
pub use view::{Items, Members, Shape, View};
pub use write::quote_json;

/// A value as a reply holds it, in the shape of its schema.
///
/// ```
/// use serde_json::json;
/// use smallcode_parse::{Expect, parse};
///
/// let value = parse("{'lines': [3, 5]}", &Expect::Json, false).value.unwrap();
/// let lines = value.get("lines").unwrap();
/// assert_eq!(lines.items().filter_map(|line| line.as_u64()).sum::<u64>(), 8);
/// assert_eq!(value.to_string(), r#"{"lines":[3,5]}"#);
/// assert_eq!(value.to_json(), json!({ "lines": [3, 5] }));
/// ```
#[derive(Clone, Default)]
pub struct Value {
    /// In the order of writing, containers before what they hold.
    items: Vec<Item>,
    /// The texts of all strings, numbers and keys.
    text: String,
}

/// A value, or where a container begins.
#[derive(Clone, Copy, Debug)]
struct Item {
    kind: Kind,
    /// The key of a member; empty elsewhere.
    key: Piece,
    /// The text of a scalar. Of a container the number of its children and the number of items behind it that are its
    /// own.
    piece: Piece,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    False,
    True,
    Number,
    Text,
    Array,
    Object,
}

/// A part of the text. 32 bits are enough: see [`crate::MAX_BYTES`].
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    start: u32,
    length: u32,
}

impl Value {
    /// The whole of it, to be looked at.
    pub fn view(&self) -> View<'_> {
        View::new(self, 0)
    }

    /// The member of an object that has this key.
    pub fn get(&self, key: &str) -> Option<View<'_>> {
        self.view().get(key)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        self.view().as_str()
    }

    /// A copy of it for code that works with `serde_json`.
    pub fn to_json(&self) -> serde_json::Value {
        self.view().to_json()
    }

    fn piece(&self, piece: Piece) -> &str {
        let start = piece.start as usize;
        self.text
            .get(start..start + piece.length as usize)
            .unwrap_or_default()
    }
}

impl Item {
    /// How many items belong to it beside itself.
    fn inside(self) -> usize {
        match self.kind {
            Kind::Array | Kind::Object => self.piece.length as usize,
            Kind::Null | Kind::False | Kind::True | Kind::Number | Kind::Text => 0,
        }
    }
}

#[cfg(test)]
mod tests;
