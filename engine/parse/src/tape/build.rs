//! Builds a value from its beginning to its end.

use std::collections::HashSet;

use super::{Item, Kind, Piece, Shape, Value, View};
use crate::read;

/// A value that is being written: [`Builder::key`] names what comes next, the functions that open a container and [`Builder::close`]
/// stand around what a container holds.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    value: Value,
    key: Piece,
}

/// Members among which an equal key is looked for one by one.
const FEW: usize = 12;

impl Builder {
    pub(crate) fn finish(self) -> Value {
        self.value
    }

    /// The key of the next value.
    pub(crate) fn key(&mut self, key: &str) {
        self.key = self.keep(key);
    }

    pub(crate) fn null(&mut self) {
        self.push(Kind::Null, Piece::default());
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.push(if value { Kind::True } else { Kind::False }, Piece::default());
    }

    pub(crate) fn text(&mut self, text: &str) {
        let piece = self.keep(text);
        self.push(Kind::Text, piece);
    }

    /// A number of JSON's grammar; one that no double can hold stays a text.
    pub(crate) fn number(&mut self, literal: &str) {
        if read::is_finite(literal) {
            self.finite_number(literal);
        } else {
            self.text(literal);
        }
    }

    pub(crate) fn finite_number(&mut self, literal: &str) {
        let piece = self.keep(literal);
        self.push(Kind::Number, piece);
    }

    /// A value that a schema names, or that was read elsewhere.
    pub(crate) fn json(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::Null => self.null(),
            serde_json::Value::Bool(value) => self.bool(*value),
            serde_json::Value::Number(number) => self.number(&number.to_string()),
            serde_json::Value::String(text) => self.text(text),
            serde_json::Value::Array(items) => {
                let start = self.open_array();
                for item in items {
                    self.json(item);
                }
                self.close(start);
            }
            serde_json::Value::Object(members) => {
                let start = self.open_object();
                for (key, value) in members {
                    self.key(key);
                    self.json(value);
                }
                self.close(start);
            }
        }
    }

    /// A value that was built before.
    pub(crate) fn value(&mut self, value: View<'_>) {
        match value.shape() {
            Shape::Null => self.null(),
            Shape::Bool(value) => self.bool(value),
            Shape::Number(literal) => self.number(literal),
            Shape::Text(text) => self.text(text),
            Shape::Array(items) => {
                let start = self.open_array();
                for item in items {
                    self.value(item);
                }
                self.close(start);
            }
            Shape::Object(members) => {
                let start = self.open_object();
                for (key, value) in members {
                    self.key(key);
                    self.value(value);
                }
                self.close(start);
            }
        }
    }

    /// Begins an array; give the result to [`Builder::close`].
    pub(crate) fn open_array(&mut self) -> usize {
        self.push(Kind::Array, Piece::default());
        self.value.items.len() - 1
    }

    /// Begins an object; give the result to [`Builder::close`].
    pub(crate) fn open_object(&mut self) -> usize {
        self.push(Kind::Object, Piece::default());
        self.value.items.len() - 1
    }

    /// Ends the container that began at `start`.
    pub(crate) fn close(&mut self, start: usize) {
        let mut at = start + 1;
        let mut children = 0;
        while let Some(item) = self.value.items.get(at) {
            children += 1;
            at += 1 + item.inside();
        }
        let inside = self.value.items.len().saturating_sub(start + 1);
        if let Some(item) = self.value.items.get_mut(start) {
            item.piece = Piece {
                start: half(children),
                length: half(inside),
            };
        }
    }

    /// Ends the object that began at `start` and may hold a key twice: as in JSON, the last one counts.
    pub(crate) fn close_unique(&mut self, start: usize) {
        if self.may_repeat(start) {
            self.drop_repeated(start);
        }
        self.close(start);
    }

    /// Where the next value will stand.
    pub(crate) fn here(&self) -> usize {
        self.value.items.len()
    }

    /// Whether an object stands at `place`.
    pub(crate) fn is_object(&self, place: usize) -> bool {
        self.value
            .items
            .get(place)
            .is_some_and(|item| item.kind == Kind::Object)
    }

    /// Takes back what was written from `place` on.
    pub(crate) fn rewind(&mut self, place: usize) {
        self.value.items.truncate(place);
    }

    fn push(&mut self, kind: Kind, piece: Piece) {
        let key = std::mem::take(&mut self.key);
        self.value.items.push(Item { kind, key, piece });
    }

    fn keep(&mut self, text: &str) -> Piece {
        let start = self.value.text.len();
        self.value.text.push_str(text);
        Piece {
            start: half(start),
            length: half(text.len()),
        }
    }

    fn members(&self, start: usize) -> impl Iterator<Item = (usize, Item)> {
        let first = start + 1;
        let at = |place: usize| self.value.items.get(place).map(|item| (place, *item));
        std::iter::successors(at(first), move |(place, item)| at(place + 1 + item.inside()))
    }

    /// Whether two keys of an object may be the same: told by their lengths and ends, and looked at only then.
    fn may_repeat(&self, start: usize) -> bool {
        let mut seen = 0_u64;
        let mut count = 0;
        let mut alike = false;
        for (_, item) in self.members(start) {
            let key = self.value.piece(item.key).as_bytes();
            let (first, last) = (key.first().copied(), key.last().copied());
            let sum = u32::from(first.unwrap_or(0)) * 7 + u32::from(last.unwrap_or(0)) * 3;
            let bit = 1_u64 << ((sum + item.key.length * 5) % 64);
            alike |= seen & bit != 0;
            seen |= bit;
            count += 1;
        }
        if !alike || count > FEW {
            return alike;
        }
        self.members(start).any(|(place, item)| {
            let key = self.value.piece(item.key);
            self.members(start)
                .take_while(|(other, _)| *other < place)
                .any(|(_, other)| self.value.piece(other.key) == key)
        })
    }

    /// Only places are noted and the gaps closed where they are: an object may hold a million members.
    fn drop_repeated(&mut self, start: usize) {
        let places: Vec<u32> = self.members(start).map(|(place, _)| half(place)).collect();
        let mut seen = HashSet::with_capacity(places.len());
        let mut dropped: Vec<u32> = places
            .into_iter()
            .rev()
            .filter(|place| !seen.insert(self.key_at(*place)))
            .collect();
        // The last that was dropped stands first.
        let Some(first) = dropped.last() else { return };
        let items = &mut self.value.items;
        let mut at = *first as usize;
        let mut to = at;
        while let Some(item) = items.get(at) {
            let end = at + 1 + item.inside();
            if dropped.last().is_some_and(|place| *place as usize == at) {
                dropped.pop();
            } else {
                items.copy_within(at..end, to);
                to += end - at;
            }
            at = end;
        }
        items.truncate(to);
    }

    fn key_at(&self, place: u32) -> &str {
        let item = self.value.items.get(place as usize);
        item.map_or("", |item| self.value.piece(item.key))
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        let mut out = Builder::default();
        out.json(&value);
        out.finish()
    }
}

fn half(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
