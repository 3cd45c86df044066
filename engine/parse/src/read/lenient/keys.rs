//! Keys: quoted, bare, without a colon, or where there should be none.

use super::super::quotes::{Place, Quote};
use super::super::space;
use super::{Open, Reader};
use crate::tree::{Kind, Span, Text};
use crate::{MAX_DEPTH, RepairKind};

impl Reader<'_, '_, '_> {
    pub(super) fn quoted_key(&mut self, quote: Quote, length: usize) {
        let open = self.at;
        let (text, end, _) = self.string(quote, length, Place::Key);
        self.at = end;
        self.skip();
        match self.byte(self.at) {
            b':' => self.at += 1,
            b'=' => {
                self.repair(RepairKind::MissingColon, self.at, self.at + 1);
                self.at += 1 + usize::from(self.byte(self.at + 1) == b'>');
            }
            // The text ended, and a key without its value says nothing.
            _ if self.at >= self.end => return self.cut_here(),
            b',' | b'}' => return self.set_item(text, open, end),
            _ => self.repair(RepairKind::MissingColon, end, self.at),
        }
        if let Some(top) = self.stack.last_mut() {
            top.key = Some(text);
        }
    }

    /// `{"a", "b"}` is a set: an array. A key without a value among others is dropped.
    pub(super) fn set_item(&mut self, text: Text, open: usize, end: usize) {
        let Some(top) = self
            .stack
            .last()
            .map(|top| top.node)
            .filter(|node| self.tree.count(*node) == 0)
        else {
            return self.repair(RepairKind::SkippedText, open, end);
        };
        self.tree.set_kind(top, Kind::Array);
        let place = self.place(open, end);
        let node = self.tree.push_text(Kind::Quoted, place, text);
        self.repair(RepairKind::Wrapper, open, end);
        self.append(node);
    }

    pub(super) fn bare_key(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start..self.end).unwrap_or_default();
        let stop = rest.iter().position(|byte| {
            matches!(
                byte,
                b':' | b',' | b'}' | b']' | b'"' | b'\'' | b'\n' | b'{' | b'[' | b'='
            ) || *byte == 0xe2
        });
        let Some(mut stop) = stop.map(|length| start + length) else {
            self.repair(RepairKind::SkippedText, start, self.end);
            self.at = self.end;
            return self.cut_here();
        };
        if self.byte(stop) == 0xe2 && Quote::opening(self.source, stop, self.end).is_none() {
            // Some other character than a quote: take it along.
            let rest = self.bytes.get(stop..self.end).unwrap_or_default();
            let next = rest
                .iter()
                .position(|byte| matches!(byte, b':' | b',' | b'}' | b']' | b'"' | b'\n'));
            stop = next.map_or(self.end, |length| stop + length);
        }
        let word = Span::new(start, self.trim(start, stop));
        let next = space::skip_space(self.source, stop, self.end);
        match self.byte(next) {
            b':' if word.len() > 0 => {
                self.repair(RepairKind::BareText, start, word.end);
                self.at = next + 1;
            }
            b'=' if word.len() > 0 => {
                self.repair(RepairKind::MissingColon, next, next + 1);
                self.at = next + 1 + usize::from(self.byte(next + 1) == b'>');
            }
            b'{' | b'[' if word.len() > 0 => {
                self.repair(RepairKind::MissingColon, word.end, next);
                self.at = next;
            }
            _ if word.len() > 0 && self.judge.starts_quote(next) => {
                let length = Quote::opening(self.source, next, self.end).map_or(1, |(_, length)| length);
                let behind = space::skip_space(self.source, next + length, self.end);
                if self.byte(behind) == b':' {
                    // `a": 1`: only the opening quote is missing.
                    self.repair(RepairKind::MissingQuote, start, next + length);
                    self.at = behind + 1;
                } else if self.judge.closes_key(next).is_some() {
                    self.repair(RepairKind::SkippedText, start, word.end);
                    self.at = next;
                    return;
                } else {
                    self.repair(RepairKind::MissingColon, word.end, next);
                    self.at = next;
                }
            }
            _ => {
                let end = stop.max(start + 1);
                let end = self.boundary(end);
                self.repair(RepairKind::SkippedText, start, end);
                self.at = end;
                return;
            }
        }
        let key = self.text(word);
        if let Some(top) = self.stack.last_mut() {
            top.key = Some(key);
        }
    }

    /// A container where a key should stand: the object before it was not closed, or a brace was doubled.
    pub(super) fn container_for_key(&mut self) {
        let empty = self
            .stack
            .last()
            .is_some_and(|top| self.tree.count(top.node) == 0 && !top.after_value);
        let in_array = self
            .stack
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|open| self.tree.kind(open.node) == Kind::Array);
        if !empty && in_array && self.byte(self.at) == b'{' {
            self.repair(RepairKind::MissingCloser, self.at, self.at);
            return self.close_top(self.at);
        }
        self.skip_bytes(1);
    }

    /// `["a": 1]`: the item before the colon is a key, of an object that was never opened.
    pub(super) fn key_of_last_item(&mut self) -> bool {
        let Some(array) = self
            .stack
            .last()
            .filter(|open| open.after_value && open.closer == b']')
        else {
            return false;
        };
        if self.stack.len() >= MAX_DEPTH {
            return false;
        }
        let last = self.tree.last_child(array.node);
        let Some(node) = last.filter(|last| self.tree.kind(*last) == Kind::Quoted) else {
            return false;
        };
        let key = self.tree.keep_text_of(node);
        let start = self.tree.span(node).start;
        self.tree.set_kind(node, Kind::Object);
        self.repair(RepairKind::MissingCloser, start, self.at);
        self.at += 1;
        self.stack.push(Open {
            node,
            closer: b'}',
            key: Some(key),
            after_value: false,
            implied: true,
        });
        true
    }
}
