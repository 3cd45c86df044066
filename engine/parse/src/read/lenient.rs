//! The forgiving reader: brackets, members and items, whatever is wrong between them.
//!
//! One loop over an explicit stack. At each turn it knows whether it stands between the members of an object or
//! between the items of an array; each turn takes at least one byte or closes at least one container, so it ends,
//! and in linear time. Where strings end is decided in `quotes`, what bare words say in `bare`.

mod closers;
mod keys;
mod values;
mod words;

use super::quotes::{Judge, Known, Place, Quote};
use super::{Read, space, string};
use crate::next::Next;
use crate::tree::{Kind, NodeId, Span, Text, Tree};
use crate::{Repair, RepairKind};

/// Reads the first value of `span` in `source`; as for `strict::value`, `whole` says that it is not the tree's text.
pub(super) fn value(tree: &mut Tree<'_>, source: &str, span: Span, whole: Option<Span>) -> Read {
    let span = Span::new(span.start, span.end.min(source.len()));
    let mut reader = Reader::new(tree, source, span, whole);
    reader.read(span.start);
    if !reader.escaped {
        return reader.finish();
    }
    // `{\"a\": 1}`: the whole text is the inside of a string. Read what that string holds instead, once.
    let place = whole.unwrap_or(span);
    let inner = unescape(span.of(source));
    let mut reader = Reader::new(tree, &inner, Span::new(0, inner.len()), Some(place));
    reader.once = true;
    reader.repair(RepairKind::DoublyEscaped, 0, inner.len());
    reader.read(0);
    let read = reader.finish();
    Read {
        end: span.end,
        ..read
    }
}

struct Reader<'a, 't, 's> {
    tree: &'a mut Tree<'t>,
    source: &'s str,
    bytes: &'s [u8],
    end: usize,
    whole: Option<Span>,
    judge: Judge<'s>,
    repairs: Vec<Repair>,
    stack: Vec<Open>,
    root: Option<NodeId>,
    at: usize,
    /// Where the last line starts.
    last_line: usize,
    /// What follows the space that was looked at last.
    after_space: Next,
    /// A place that follows line breaks and does not end the bare text before them.
    goes_on: usize,
    /// An escaped quote opened a string or key.
    escaped: bool,
    /// The text was unescaped already: do not give up again.
    once: bool,
}

/// A container that is not closed yet.
struct Open {
    node: NodeId,
    closer: u8,
    /// The key whose value comes next.
    key: Option<Text>,
    /// A value was read and no comma since.
    after_value: bool,
    /// An object that was never opened: `["a": 1]`.
    implied: bool,
}

impl<'a, 't, 's> Reader<'a, 't, 's> {
    fn new(tree: &'a mut Tree<'t>, source: &'s str, span: Span, whole: Option<Span>) -> Self {
        let last_line = match whole {
            None => tree.last_line(),
            Some(_) => memchr::memrchr(b'\n', source.as_bytes()).map_or(0, |at| at + 1),
        };
        let known = match whole {
            None => std::mem::take(tree.judged()),
            Some(_) => Known::default(),
        };
        Self {
            tree,
            source,
            bytes: source.as_bytes(),
            end: span.end,
            whole,
            judge: Judge::new(source, span.end, known),
            repairs: Vec::new(),
            stack: Vec::new(),
            root: None,
            at: span.start,
            last_line,
            after_space: Next::default(),
            goes_on: usize::MAX,
            escaped: false,
            once: false,
        }
    }

    fn finish(mut self) -> Read {
        if self.whole.is_none() {
            *self.tree.judged() = self.judge.known();
        }
        if let Some(whole) = self.whole {
            // Places in a text that is no part of the source would point anywhere in it.
            for repair in &mut self.repairs {
                repair.span = whole;
            }
        }
        Read {
            node: self.root,
            end: self.at,
            repairs: self.repairs,
        }
    }

    fn read(&mut self, start: usize) {
        self.at = start;
        loop {
            self.skip();
            if self.at >= self.end {
                return self.close_all();
            }
            match self.stack.last() {
                None if self.root.is_some() => return,
                None => self.value(Place::Top),
                Some(open) if open.key.is_some() => self.value(Place::Member),
                Some(open) if self.tree.kind(open.node) == Kind::Object => self.member(),
                Some(_) => self.item(),
            }
            if self.escaped || (self.root.is_some() && self.stack.is_empty()) {
                return;
            }
        }
    }

    /// Between the members of an object: a comma, a closer or a key.
    fn member(&mut self) {
        match self.byte(self.at) {
            b',' => self.comma(),
            b'}' | b']' | b')' => self.closer(),
            b':' | b';' => self.skip_bytes(1),
            b'{' | b'[' => self.container_for_key(),
            b'\\' if self.byte(self.at + 1) == b'"' => self.escaped_quote(),
            b'`' if self.fence_at(self.at) => self.skip_fence(),
            _ => {
                self.missing_comma();
                match Quote::opening(self.source, self.at, self.end) {
                    Some((quote, length)) => self.quoted_key(quote, length),
                    None => self.bare_key(),
                }
            }
        }
    }

    /// Between the items of an array: a comma, a closer or a value.
    fn item(&mut self) {
        match self.byte(self.at) {
            b',' => self.comma(),
            b'}' | b']' | b')' => self.closer(),
            b':' if self.key_of_last_item() => {}
            b':' | b';' => self.skip_bytes(1),
            _ => {
                self.missing_comma();
                self.value(Place::Item);
            }
        }
    }

    fn comma(&mut self) {
        let at = self.at;
        self.at += 1;
        let extra = self
            .stack
            .last_mut()
            .is_some_and(|top| !std::mem::take(&mut top.after_value));
        if extra {
            self.repair(RepairKind::ExtraComma, at, at + 1);
        }
    }

    fn missing_comma(&mut self) {
        let missing = self
            .stack
            .last_mut()
            .is_some_and(|top| std::mem::take(&mut top.after_value));
        if missing {
            self.repair(RepairKind::MissingComma, self.at, self.at);
        }
    }

    fn append(&mut self, node: NodeId) {
        match self.stack.last_mut() {
            Some(top) => {
                top.after_value = true;
                let key = top.key.take();
                let object = self.tree.kind(top.node) == Kind::Object;
                self.tree.append(top.node, key.filter(|_| object), node);
            }
            None => self.root = self.root.or(Some(node)),
        }
    }

    fn escaped_quote(&mut self) {
        if self.once {
            return self.skip_bytes(1);
        }
        self.escaped = true;
    }

    fn fence_at(&self, at: usize) -> bool {
        self.byte(at) == b'`' && self.byte(at + 1) == b'`' && self.byte(at + 2) == b'`'
    }

    /// Skips a fence and the word after it.
    fn skip_fence(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start..self.end).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !(*byte == b'`' || byte.is_ascii_alphanumeric() || *byte == b'_'))
            .unwrap_or(rest.len());
        self.at = start + length.max(1);
        self.repair(RepairKind::SkippedText, start, self.at);
    }

    fn skip_bytes(&mut self, count: usize) {
        let start = self.at;
        self.at = self.boundary(start + count);
        self.repair(RepairKind::SkippedText, start, self.at);
    }

    fn skip(&mut self) {
        self.at = space::skip(self.source, self.at, self.end, self.last_line, &mut self.repairs);
    }

    /// The end of `start..end` without the space at its end.
    fn trim(&self, start: usize, end: usize) -> usize {
        start + Span::new(start, end).of(self.source).trim_end().len()
    }

    /// The first character boundary at or after `at`.
    fn boundary(&self, mut at: usize) -> usize {
        while at < self.end && !self.source.is_char_boundary(at) {
            at += 1;
        }
        at.min(self.end)
    }

    fn text(&mut self, span: Span) -> Text {
        match self.whole {
            None => Text::Source(span),
            Some(_) => self.tree.keep(span.of(self.source)),
        }
    }

    fn place(&self, start: usize, end: usize) -> Span {
        self.whole.unwrap_or(Span::new(start, end))
    }

    fn repair(&mut self, kind: RepairKind, start: usize, end: usize) {
        let span = self.place(start, end);
        self.repairs.push(Repair { kind, span });
    }

    fn byte(&self, at: usize) -> u8 {
        if at < self.end {
            self.bytes.get(at).copied().unwrap_or(0)
        } else {
            0
        }
    }
}

/// One level of JSON's string escapes undone.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\\', text.as_bytes().get(at..).unwrap_or_default()) {
        plain.push_str(Span::new(at, at + length).of(text));
        at += length;
        if let Some((letter, next)) = string::json_escape(text, at, text.len()) {
            plain.push(letter);
            at = next;
        } else {
            if at + 1 < text.len() {
                plain.push('\\');
            }
            at += 1;
        }
    }
    plain.push_str(text.get(at..).unwrap_or_default());
    plain
}
