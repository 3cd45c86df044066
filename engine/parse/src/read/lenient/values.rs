//! Values: containers, strings, fences and what wraps them.

use super::super::quotes::{Place, Quote};
use super::super::{space, string};
use super::{Open, Reader};
use crate::tree::{Kind, Span, Text};
use crate::{MAX_DEPTH, RepairKind};

impl Reader<'_, '_, '_> {
    pub(super) fn value(&mut self, place: Place) {
        let start = self.at;
        match self.byte(start) {
            b'{' => self.open(Kind::Object, b'}'),
            b'[' => self.open(Kind::Array, b']'),
            b'(' if self.tuple_at(start) => self.open(Kind::Array, b')'),
            b',' | b'}' | b']' if place == Place::Member => self.missing_value(),
            b'\\' if self.byte(start + 1) == b'"' => self.escaped_quote(),
            b'`' if self.fence_at(start) => self.fenced_text(place),
            b'>' if place == Place::Member => self.skip_bytes(1),
            _ => match Quote::opening(self.source, start, self.end) {
                Some((quote, length)) => self.quoted(quote, length, place),
                None if self.wrapper_at(start, place) => self.wrapper(),
                None => self.bare(place),
            },
        }
    }

    pub(super) fn open(&mut self, kind: Kind, closer: u8) {
        let start = self.at;
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep();
        }
        let place = self.place(start, start + 1);
        let node = self.tree.push(kind, place);
        self.append(node);
        self.at += 1;
        self.stack.push(Open {
            node,
            closer,
            key: None,
            after_value: false,
            implied: false,
        });
    }

    /// What is nested too deeply becomes text, up to the closer that belongs to it.
    pub(super) fn too_deep(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        let rest = self.bytes.get(start..self.end).unwrap_or_default();
        let length = rest.iter().position(|byte| {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = length.map_or(self.end, |length| start + length + 1);
        let text = self.text(Span::new(start, end));
        let place = self.place(start, end);
        let node = self.tree.push_text(Kind::Bare, place, text);
        self.repair(RepairKind::TooDeep, start, end);
        self.append(node);
        self.at = end;
    }

    pub(super) fn quoted(&mut self, quote: Quote, length: usize, place: Place) {
        let start = self.at;
        let (mut text, mut end, mut lost) = self.string(quote, length, place);
        // `"a" + "b"`
        while self.byte(space::skip_space(self.source, end, self.end)) == b'+' {
            let plus = space::skip_space(self.source, end, self.end);
            let next = space::skip_space(self.source, plus + 1, self.end);
            let Some((quote, length)) = Quote::opening(self.source, next, self.end) else {
                break;
            };
            self.at = next;
            let (more, after, cut) = self.string(quote, length, place);
            lost |= cut;
            self.repair(RepairKind::Wrapper, plus, plus + 1);
            text = self.tree.join(text, more);
            end = after;
        }
        if lost && end >= self.end && end <= start + length {
            // Only the opening quote was written.
            self.at = self.end;
            return self.cut_here();
        }
        let span = self.place(start, end);
        let node = self.tree.push_text(Kind::Quoted, span, text);
        if lost {
            self.tree.mark_cut(node);
        }
        self.append(node);
        self.at = end;
    }

    /// Reads the string that opens at `self.at`; its text, the byte after it, and whether its end was lost.
    pub(super) fn string(&mut self, quote: Quote, length: usize, place: Place) -> (Text, usize, bool) {
        let start = self.at;
        let found = self.judge.end(start + length, quote, place, self.stack.len());
        if quote != Quote::Double {
            self.repair(RepairKind::OtherQuotes, start, start + length);
        }
        if !found.closed {
            self.repair(RepairKind::MissingQuote, found.text, found.text);
        }
        if found.inner {
            self.repair(RepairKind::InnerQuote, start, found.text);
        }
        let body = Span::new(start + length, found.text.max(start + length));
        let text = string::decode(
            self.tree,
            self.source,
            body,
            self.whole.is_some(),
            &mut self.repairs,
        );
        (text, found.after.max(body.end), found.lost)
    }

    /// A fenced block as a value: its lines, without the fence and the language.
    pub(super) fn fenced_text(&mut self, place: Place) {
        let start = self.at;
        // Looked for in vain once: what follows is looked through once, however many fences begin.
        let known = *self.judge.no_fence();
        let end = if known.is_some_and(|from| from <= start) {
            start
        } else {
            self.end
        };
        let rest = self.bytes.get(start + 3..end).unwrap_or_default();
        let line = memchr::memchr(b'\n', rest).map_or(end, |length| start + 4 + length);
        let body = self.bytes.get(line..end).unwrap_or_default();
        let Some(close) = memchr::memmem::find(body, b"```") else {
            *self.judge.no_fence() = Some(known.map_or(start, |from| from.min(start)));
            if place == Place::Top {
                self.skip_fence();
            } else {
                self.bare(place);
            }
            return;
        };
        let text = Span::new(line, self.trim(line, line + close));
        self.repair(RepairKind::OtherQuotes, start, line);
        let leading = space::skip_space(self.source, text.start, text.end);
        let kept = self.text(Span::new(leading, text.end.max(leading)));
        let end = line + close + 3;
        let span = self.place(start, end);
        let node = self.tree.push_text(Kind::Quoted, span, kept);
        self.append(node);
        self.at = end;
    }

    pub(super) fn missing_value(&mut self) {
        self.repair(RepairKind::MissingValue, self.at, self.at);
        let place = self.place(self.at, self.at);
        let node = self.tree.push(Kind::Null, place);
        self.append(node);
    }

    /// `ObjectId("…")`, `callback({…})`: the name and its parentheses say nothing.
    pub(super) fn wrapper_at(&self, at: usize, place: Place) -> bool {
        /// No name of a constructor or callback is longer.
        const NAME_REACH: usize = 64;
        let reach = self
            .bytes
            .get(at..self.end.min(at + NAME_REACH))
            .unwrap_or_default();
        let length = reach
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.'))
            .count();
        let upper = self.byte(at).is_ascii_uppercase();
        let open = space::skip_space(self.source, at + length, self.end);
        length > 0
            && (upper && open == at + length || place == Place::Top)
            && self.byte(open) == b'('
            && self.tuple_at(open)
    }

    pub(super) fn wrapper(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start..self.end).unwrap_or_default();
        self.at = memchr::memchr(b'(', rest).map_or(self.end, |length| start + length);
        self.repair(RepairKind::Wrapper, start, self.at);
        self.open(Kind::Array, b')');
    }

    /// Whether the parenthesis at `at` opens a tuple: a value or its end follows.
    pub(super) fn tuple_at(&self, at: usize) -> bool {
        let next = space::skip_space(self.source, at + 1, self.end);
        matches!(self.byte(next), b'{' | b'[' | b'(' | b')' | b'-' | b'0'..=b'9')
            || self.judge.starts_quote(next)
    }
}
