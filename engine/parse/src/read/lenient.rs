//! The forgiving reader: brackets, members and items, whatever is wrong between them.
//!
//! One loop over an explicit stack. At each turn it knows whether it stands between the members of an object or
//! between the items of an array; each turn takes at least one byte or closes at least one container, so it ends,
//! and in linear time. Where strings end is decided in `quotes`, what bare words say in `bare`.

use super::bare::{Scalar, scalar};
use super::quotes::{Judge, Place, Quote};
use super::{Read, space, string};
use crate::tree::{Kind, NodeId, Span, Text, Tree};
use crate::{MAX_DEPTH, Repair, RepairKind};

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
        Self {
            tree,
            source,
            bytes: source.as_bytes(),
            end: span.end,
            whole,
            judge: Judge::new(source, span.end),
            repairs: Vec::new(),
            stack: Vec::new(),
            root: None,
            at: span.start,
            last_line: memchr::memrchr(b'\n', span.of(source).as_bytes())
                .map_or(span.start, |length| span.start + length),
            escaped: false,
            once: false,
        }
    }

    fn finish(self) -> Read {
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

    fn quoted_key(&mut self, quote: Quote, length: usize) {
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
    fn set_item(&mut self, text: Text, open: usize, end: usize) {
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

    fn bare_key(&mut self) {
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
    fn container_for_key(&mut self) {
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
    fn key_of_last_item(&mut self) -> bool {
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

    fn value(&mut self, place: Place) {
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

    fn open(&mut self, kind: Kind, closer: u8) {
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
    fn too_deep(&mut self) {
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

    fn quoted(&mut self, quote: Quote, length: usize, place: Place) {
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
    fn string(&mut self, quote: Quote, length: usize, place: Place) -> (Text, usize, bool) {
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
    fn fenced_text(&mut self, place: Place) {
        let start = self.at;
        let rest = self.bytes.get(start + 3..self.end).unwrap_or_default();
        let line = memchr::memchr(b'\n', rest).map_or(self.end, |length| start + 4 + length);
        let body = self.bytes.get(line..self.end).unwrap_or_default();
        let Some(close) = memchr::memmem::find(body, b"```") else {
            return if place == Place::Top {
                self.skip_fence()
            } else {
                self.bare(place)
            };
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

    fn missing_value(&mut self) {
        self.repair(RepairKind::MissingValue, self.at, self.at);
        let place = self.place(self.at, self.at);
        let node = self.tree.push(Kind::Null, place);
        self.append(node);
    }

    /// `ObjectId("…")`, `callback({…})`: the name and its parentheses say nothing.
    fn wrapper_at(&self, at: usize, place: Place) -> bool {
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

    fn wrapper(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start..self.end).unwrap_or_default();
        self.at = memchr::memchr(b'(', rest).map_or(self.end, |length| start + length);
        self.repair(RepairKind::Wrapper, start, self.at);
        self.open(Kind::Array, b')');
    }

    /// Whether the parenthesis at `at` opens a tuple: a value or its end follows.
    fn tuple_at(&self, at: usize) -> bool {
        let next = space::skip_space(self.source, at + 1, self.end);
        matches!(self.byte(next), b'{' | b'[' | b'(' | b')' | b'-' | b'0'..=b'9')
            || self.judge.starts_quote(next)
    }

    fn bare(&mut self, place: Place) {
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
        if stop >= self.end && place != Place::Top {
            self.tree.mark_cut(node);
        }
        self.append(node);
        self.at = next.max(start + 1);
    }

    /// Where bare text ends, and where what follows begins.
    fn bare_end(&mut self, place: Place) -> (usize, usize) {
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
                    if at > start && self.judge.closes_key(at).is_some() && place == Place::Member {
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

    fn comma_ends_bare(&self, start: usize, comma: usize, place: Place) -> bool {
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

    fn line_ends_bare(&self, at: usize, place: Place) -> bool {
        if place != Place::Member {
            return place == Place::Item;
        }
        let next = space::skip_space(self.source, at, self.end);
        next >= self.end
            || matches!(self.byte(next), b'}' | b']' | b',')
            || (self.judge.starts_quote(next) && self.judge.closes_key(next).is_some())
            || self.judge.bare_key(next)
    }

    /// `1 b: 2`: a literal, then the next key without a comma.
    fn next_key_after(&self, start: usize, at: usize) -> bool {
        at - start <= 24
            && !matches!(scalar(Span::new(start, at).of(self.source)).0, Scalar::Text)
            && self.judge.bare_key(space::skip_space(self.source, at, self.end))
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

    /// A closing bracket: of the innermost container, of one further out, or of none.
    fn closer(&mut self) {
        let at = self.at;
        let byte = self.byte(at);
        let Some(top) = self.stack.last() else {
            return self.skip_bytes(1);
        };
        if top.closer == byte {
            self.at += 1;
            return self.close_top(self.at);
        }
        if top.implied {
            return self.close_top(at);
        }
        let object = self.tree.kind(top.node) == Kind::Object;
        let next = space::skip_space(self.source, at + 1, self.end);
        let key_follows = self.byte(next) == b',' && {
            let key = space::skip_space(self.source, next + 1, self.end);
            self.judge.bare_key(key) || (self.judge.starts_quote(key) && self.judge.closes_key(key).is_some())
        };
        let matching = self.stack.iter().rposition(|open| open.closer == byte);
        match matching {
            None if byte == b')' || (object && key_follows) => self.repair_stray(),
            // `{]`, `[1, 2}`: another bracket was meant.
            None => {
                self.repair(RepairKind::MissingCloser, at, at + 1);
                self.at += 1;
                self.close_top(self.at);
            }
            // `{"a": ["x"}, "b": 1}`: closing everything here would leave the next member outside.
            Some(0) if key_follows => {
                self.repair(RepairKind::MissingCloser, at, at + 1);
                self.at += 1;
                self.close_top(self.at);
            }
            Some(index) => {
                while self.stack.len() > index + 1 {
                    self.repair(RepairKind::MissingCloser, at, at);
                    self.close_top(at);
                }
                self.at += 1;
                self.close_top(self.at);
            }
        }
    }

    fn repair_stray(&mut self) {
        self.repair(RepairKind::StrayCloser, self.at, self.at + 1);
        self.at += 1;
    }

    fn close_top(&mut self, end: usize) {
        let Some(top) = self.stack.pop() else { return };
        if self.whole.is_none() {
            self.tree.close(top.node, end);
        }
        if !top.after_value && self.tree.count(top.node) > 0 && top.closer != b')' {
            self.repair(RepairKind::ExtraComma, end, end);
        }
        // `("x")` is a value in parentheses, `("x",)` a tuple.
        if top.closer == b')' && top.after_value && self.tree.count(top.node) == 1 {
            self.tree.unwrap_single(top.node);
        }
    }

    /// The text ended: what is open is closed, and what was being written is marked.
    fn close_all(&mut self) {
        if self
            .stack
            .last()
            .is_some_and(|top| top.key.is_some() || (!top.after_value && self.tree.count(top.node) > 0))
        {
            self.cut_here();
        }
        while let Some(top) = self.stack.last() {
            let implied = top.implied;
            if !implied {
                self.repair(RepairKind::MissingCloser, self.end, self.end);
            }
            if let Some(top) = self.stack.last_mut() {
                top.after_value = true;
            }
            self.close_top(self.end);
        }
        self.at = self.end;
    }

    fn cut_here(&mut self) {
        if let Some(top) = self.stack.last() {
            self.tree.mark_cut(top.node);
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
        match string::json_escape(text, at, text.len()) {
            Some((letter, next)) => {
                plain.push(letter);
                at = next;
            }
            None => {
                if at + 1 < text.len() {
                    plain.push('\\');
                }
                at += 1;
            }
        }
    }
    plain.push_str(text.get(at..).unwrap_or_default());
    plain
}
