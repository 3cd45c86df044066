//! Words without quotes, and where they end.

use super::super::bare::{Scalar, scalar};
use super::super::quotes::Place;
use super::super::space;
use super::Reader;
use crate::RepairKind;
use crate::tree::{Kind, Span};

impl Reader<'_, '_, '_> {
    pub(super) fn bare(&mut self, place: Place) {
        let start = self.at;
        let (stop, next) = self.bare_end(place);
        let mut span = Span::new(start, self.trim(start, stop));
        if place == Place::Top && span.of(self.source).find('"') == Some(span.len().wrapping_sub(1)) {
            self.repair(RepairKind::MissingQuote, start, start);
            span.end -= 1;
        }
        if span.len() == 0 {
            return self.skip_bytes(1);
        }
        let word = span.of(self.source);
        let (said, own) = scalar(word);
        let (kind, text) = match said {
            Scalar::Null => (Kind::Null, None),
            Scalar::Bool(value) => (Kind::Bool(value), None),
            Scalar::Number(literal) => (Kind::Number, (!own).then(|| literal.into_owned())),
            Scalar::Text => (Kind::Bare, None),
        };
        let kind_of_repair = match kind {
            Kind::Bare => Some(RepairKind::BareText),
            Kind::Number if !own => Some(RepairKind::OddNumber),
            _ if !own => Some(RepairKind::ForeignLiteral),
            _ => None,
        };
        if let Some(kind) = kind_of_repair {
            self.repair(kind, span.start, span.end);
        }
        let text = match text {
            Some(literal) => self.tree.keep(&literal),
            None => self.text(span),
        };
        let here = self.place(span.start, span.end);
        let node = self.tree.push_text(kind, here, text);
        if span.end >= self.source.len() && place != Place::Top {
            self.tree.mark_cut(node);
        }
        self.append(node);
        self.at = next.max(start + 1);
    }

    /// Where bare text ends, and where what follows begins.
    pub(super) fn bare_end(&mut self, place: Place) -> (usize, usize) {
        let start = self.at;
        let (mut parens, mut braces, mut inner) = (0_usize, 0_usize, false);
        let mut at = start;
        while at < self.end {
            let byte = self.byte(at);
            let glued = at > start && !self.byte(at - 1).is_ascii_whitespace();
            match byte {
                b'(' => parens += 1,
                b')' if parens > 0 => parens -= 1,
                b')' if place != Place::Member
                    && self.stack.last().is_some_and(|open| open.closer == b')') =>
                {
                    break;
                }
                b'{' | b'[' if glued => braces += 1,
                b'}' | b']' if braces > 0 => braces -= 1,
                b'}' | b']' => break,
                b',' if parens == 0 && braces == 0 && self.comma_ends_bare(start, at, place) => break,
                b'\n' if self.line_ends_bare(at, place) => break,
                b'"' if place != Place::Top => {
                    if place == Place::Member && at > start && self.judge.closes_key(at).is_some() {
                        break;
                    }
                    let next = space::skip_space(self.source, at + 1, self.end);
                    if !inner && (next >= self.end || matches!(self.byte(next), b',' | b'}' | b']')) {
                        self.repair(RepairKind::MissingQuote, at, at + 1);
                        return (at, at + 1);
                    }
                    inner = !inner;
                }
                b'/' if self.byte(at + 1) == b'*' || (self.byte(at + 1) == b'/' && !glued) => break,
                b'#' if !glued && at > start => break,
                b'<' if matches!(self.byte(at + 1), b'/' | b'|') => break,
                b'`' if self.fence_at(at) => break,
                b' ' if place == Place::Member && self.next_key_after(start, at) => break,
                _ => {}
            }
            at += 1;
        }
        (at, at)
    }

    pub(super) fn comma_ends_bare(&self, start: usize, comma: usize, place: Place) -> bool {
        if place != Place::Member {
            return place == Place::Item || !self.stack.is_empty();
        }
        let next = space::skip_space(self.source, comma + 1, self.end);
        next >= self.end
            || matches!(self.byte(next), b'}' | b']' | b',' | b'.' | b'/' | b'#')
            || (self.judge.starts_quote(next) && self.judge.closes_key(next).is_some())
            || self.judge.bare_key(next)
            || (comma - start <= 24
                && !matches!(
                    scalar(Span::new(start, self.trim(start, comma)).of(self.source)).0,
                    Scalar::Text
                ))
    }

    pub(super) fn line_ends_bare(&mut self, at: usize, place: Place) -> bool {
        if place != Place::Member {
            return place == Place::Item;
        }
        let (source, end) = (self.source, self.end);
        let next = self
            .after_space
            .after(at, |at| space::skip_space(source, at, end));
        // Each of several breaks asks about the same place.
        if next == self.goes_on {
            return false;
        }
        let ends = next >= self.end
            || matches!(self.byte(next), b'}' | b']' | b',')
            || (self.judge.starts_quote(next) && self.judge.closes_key(next).is_some())
            || self.judge.bare_key(next);
        if !ends {
            self.goes_on = next;
        }
        ends
    }

    /// `1 b: 2`: a literal, then the next key without a comma.
    pub(super) fn next_key_after(&self, start: usize, at: usize) -> bool {
        at - start <= 24
            && !matches!(scalar(Span::new(start, at).of(self.source)).0, Scalar::Text)
            && self.judge.bare_key(space::skip_space(self.source, at, self.end))
    }
}
