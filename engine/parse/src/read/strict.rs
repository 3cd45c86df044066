//! Strict JSON (RFC 8259) into the tree: no repair, no recursion; the first byte that is wrong ends it.

use crate::MAX_DEPTH;
use crate::tree::{Kind, NodeId, Span, Text, Tree};

/// Reads the first value of `span` in `source`; gives the node and the byte after it.
///
/// With `whole`, `source` is not the tree's own: texts are copied and every place is `whole`.
pub(super) fn value(
    tree: &mut Tree<'_>,
    source: &str,
    span: Span,
    whole: Option<Span>,
) -> Option<(NodeId, usize)> {
    Strict {
        tree,
        source,
        bytes: source.as_bytes(),
        end: span.end.min(source.len()),
        whole,
    }
    .read(span.start)
}

struct Strict<'a, 't> {
    tree: &'a mut Tree<'t>,
    source: &'a str,
    bytes: &'a [u8],
    end: usize,
    whole: Option<Span>,
}

impl Strict<'_, '_> {
    fn read(&mut self, start: usize) -> Option<(NodeId, usize)> {
        let mut open: Vec<(NodeId, bool)> = Vec::new();
        let mut at = self.skip(start);
        let mut key = None;
        loop {
            // A value starts here.
            let (node, next, opened) = self.one(at)?;
            at = next;
            if let Some((parent, _)) = open.last() {
                self.tree.append(*parent, key.take(), node);
            }
            if opened {
                if open.len() == MAX_DEPTH {
                    return None;
                }
                let object = self.tree.kind(node) == Kind::Object;
                open.push((node, object));
                at = self.skip(at);
                let closer = if object { b'}' } else { b']' };
                if self.byte(at) != closer {
                    if object {
                        (key, at) = self.key(at)?;
                    }
                    continue;
                }
                at += 1;
                self.close(node, at);
                open.pop();
                if open.is_empty() {
                    return Some((node, at));
                }
            } else if open.is_empty() {
                return Some((node, at));
            }
            // After a value: a comma and the next one, or closers.
            loop {
                let (parent, object) = *open.last()?;
                at = self.skip(at);
                match self.byte(at) {
                    b',' => {
                        at = self.skip(at + 1);
                        if object {
                            (key, at) = self.key(at)?;
                        }
                        break;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return None,
                }
                at += 1;
                self.close(parent, at);
                open.pop();
                if open.is_empty() {
                    return Some((parent, at));
                }
            }
        }
    }

    /// One scalar, or the opening of a container.
    fn one(&mut self, at: usize) -> Option<(NodeId, usize, bool)> {
        let leaf = |this: &mut Self, word: &str, kind| {
            let end = at + word.len();
            (end <= this.end && this.bytes.get(at..end) == Some(word.as_bytes())).then(|| {
                let place = this.place(at, end);
                (this.tree.push(kind, place), end, false)
            })
        };
        match self.byte(at) {
            b'"' => {
                let (text, end) = self.string(at)?;
                let place = self.place(at, end);
                Some((self.tree.push_text(Kind::Quoted, place, text), end, false))
            }
            b'{' => {
                let place = self.place(at, at + 1);
                Some((self.tree.push(Kind::Object, place), at + 1, true))
            }
            b'[' => {
                let place = self.place(at, at + 1);
                Some((self.tree.push(Kind::Array, place), at + 1, true))
            }
            b't' => leaf(self, "true", Kind::Bool(true)),
            b'f' => leaf(self, "false", Kind::Bool(false)),
            b'n' => leaf(self, "null", Kind::Null),
            b'-' | b'0'..=b'9' => {
                let end = self.number(at)?;
                let text = self.text(at, end);
                let place = self.place(at, end);
                Some((self.tree.push_text(Kind::Number, place, text), end, false))
            }
            _ => None,
        }
    }

    fn key(&mut self, at: usize) -> Option<(Option<Text>, usize)> {
        if self.byte(at) != b'"' {
            return None;
        }
        let (text, end) = self.string(at)?;
        let at = self.skip(end);
        (self.byte(at) == b':').then(|| (Some(text), self.skip(at + 1)))
    }

    /// A string from its opening quote; its text and the byte after its closing one.
    fn string(&mut self, open: usize) -> Option<(Text, usize)> {
        let start = open + 1;
        let body = self.bytes.get(start..self.end)?;
        let plain = body
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
        if body.get(plain) == Some(&b'"') {
            return Some((self.text(start, start + plain), start + plain + 1));
        }
        let kept = self.tree.buffer().len();
        let mut at = start;
        loop {
            let rest = self.bytes.get(at..self.end)?;
            let run = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
            let part = self.source.get(at..at + run)?;
            self.tree.buffer().push_str(part);
            at += run;
            match self.byte(at) {
                b'"' => return Some((self.tree.kept_since(kept), at + 1)),
                b'\\' => {
                    let (letter, next) = super::string::json_escape(self.source, at, self.end)?;
                    self.tree.buffer().push(letter);
                    at = next;
                }
                _ => return None,
            }
        }
    }

    /// The end of a number of JSON's grammar.
    fn number(&self, start: usize) -> Option<usize> {
        let digits = |at: usize| {
            let rest = self.bytes.get(at..self.end).unwrap_or_default();
            at + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut at = start + usize::from(self.byte(start) == b'-');
        let whole = digits(at);
        if whole == at || (self.byte(at) == b'0' && whole > at + 1) {
            return None;
        }
        at = whole;
        if self.byte(at) == b'.' {
            let fraction = digits(at + 1);
            if fraction == at + 1 {
                return None;
            }
            at = fraction;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            let sign = at + 1 + usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
            let exponent = digits(sign);
            if exponent == sign {
                return None;
            }
            at = exponent;
        }
        // `12abc` is no number followed by a word.
        (!self.byte(at).is_ascii_alphanumeric() && !matches!(self.byte(at), b'_' | b'.' | b'-' | b'/' | b'+'))
            .then_some(at)
    }

    fn skip(&self, mut at: usize) -> usize {
        while at < self.end && matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    fn byte(&self, at: usize) -> u8 {
        if at < self.end {
            self.bytes.get(at).copied().unwrap_or(0)
        } else {
            0
        }
    }

    fn place(&self, start: usize, end: usize) -> Span {
        self.whole.unwrap_or(Span::new(start, end))
    }

    fn text(&mut self, start: usize, end: usize) -> Text {
        let span = Span::new(start, end);
        match self.whole {
            None => Text::Source(span),
            Some(_) => self.tree.keep(span.of(self.source)),
        }
    }

    fn close(&mut self, node: NodeId, end: usize) {
        if self.whole.is_none() {
            self.tree.close(node, end);
        }
    }
}
