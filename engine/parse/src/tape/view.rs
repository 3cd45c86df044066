//! Looking at a value and its parts.

use super::{Item, Kind, Value};

/// A part of a [`Value`]: two words, copied at will.
#[derive(Clone, Copy)]
pub struct View<'v> {
    value: &'v Value,
    at: usize,
}

/// What a [`View`] is of.
#[derive(Clone, Debug)]
pub enum Shape<'v> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as JSON writes it: no digit of it is lost.
    Number(&'v str),
    /// The text of a string.
    Text(&'v str),
    /// What an array holds.
    Array(Items<'v>),
    /// What an object holds; no key stands in it twice.
    Object(Members<'v>),
}

/// The values of an array, in their order.
#[derive(Clone, Debug)]
pub struct Items<'v>(Children<'v>);

/// The keys and values of an object, in the order of the reply.
#[derive(Clone, Debug)]
pub struct Members<'v>(Children<'v>);

/// What a container holds; nothing for what is none.
#[derive(Clone, Debug)]
struct Children<'v> {
    next: View<'v>,
    left: usize,
}

impl<'v> View<'v> {
    pub(super) fn new(value: &'v Value, at: usize) -> Self {
        Self { value, at }
    }

    /// What it is.
    pub fn shape(self) -> Shape<'v> {
        let Some(item) = self.item() else {
            return Shape::Null;
        };
        match item.kind {
            Kind::Null => Shape::Null,
            Kind::False => Shape::Bool(false),
            Kind::True => Shape::Bool(true),
            Kind::Number => Shape::Number(self.value.piece(item.piece)),
            Kind::Text => Shape::Text(self.value.piece(item.piece)),
            Kind::Array => Shape::Array(self.items()),
            Kind::Object => Shape::Object(self.members()),
        }
    }

    /// The member of an object that has this key.
    pub fn get(self, key: &str) -> Option<Self> {
        self.members()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// What an array holds; nothing for any other value.
    pub fn items(self) -> Items<'v> {
        Items(self.children(Kind::Array))
    }

    /// What an object holds; nothing for any other value.
    pub fn members(self) -> Members<'v> {
        Members(self.children(Kind::Object))
    }

    /// The text of a string.
    pub fn as_str(self) -> Option<&'v str> {
        self.text(Kind::Text)
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.item()?.kind {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A number that is an integer and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.text(Kind::Number)?.parse().ok()
    }

    /// A number that is an integer, not negative, and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.text(Kind::Number)?.parse().ok()
    }

    /// A number, as near to it as a double comes.
    pub fn as_f64(self) -> Option<f64> {
        self.text(Kind::Number)?.parse().ok()
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.item().is_none_or(|item| item.kind == Kind::Null)
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.item().is_some_and(|item| item.kind == Kind::Object)
    }

    /// A copy of it for code that works with `serde_json`.
    pub fn to_json(self) -> serde_json::Value {
        // No deeper than `crate::MAX_DEPTH`.
        match self.shape() {
            Shape::Null => serde_json::Value::Null,
            Shape::Bool(value) => value.into(),
            Shape::Number(literal) => number(literal),
            Shape::Text(text) => text.into(),
            Shape::Array(items) => items.map(View::to_json).collect(),
            Shape::Object(members) => members
                .map(|(key, value)| (key.to_owned(), value.to_json()))
                .collect(),
        }
    }

    fn item(self) -> Option<Item> {
        self.value.items.get(self.at).copied()
    }

    fn text(self, kind: Kind) -> Option<&'v str> {
        let item = self.item().filter(|item| item.kind == kind)?;
        Some(self.value.piece(item.piece))
    }

    fn children(self, kind: Kind) -> Children<'v> {
        let item = self.item().filter(|item| item.kind == kind);
        Children {
            next: Self::new(self.value, self.at + 1),
            left: item.map_or(0, |item| item.piece.start as usize),
        }
    }
}

/// A literal as `serde_json` holds numbers: exact where it is a 64-bit integer, else the nearest double.
pub(super) fn number(literal: &str) -> serde_json::Value {
    // `-0` is a double: there is no such integer.
    if let Ok(integer) = literal.parse::<i64>()
        && (integer != 0 || !literal.starts_with('-'))
    {
        return integer.into();
    }
    if let Ok(integer) = literal.parse::<u64>() {
        return integer.into();
    }
    literal.parse::<f64>().map_or(serde_json::Value::Null, Into::into)
}

impl<'v> Iterator for Children<'v> {
    type Item = (&'v str, View<'v>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let view = self.next;
        let item = view.item()?;
        self.next.at += 1 + item.inside();
        Some((view.value.piece(item.key), view))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'v> Iterator for Items<'v> {
    type Item = View<'v>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, value)| value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Items<'_> {}

impl<'v> Iterator for Members<'v> {
    type Item = (&'v str, View<'v>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Members<'_> {}
