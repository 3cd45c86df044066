//! Where a string ends whose author may have forgotten to escape, or to close.
//!
//! Each quote inside a string is judged by what stands around it: a quote ends a string where what follows is what
//! follows a string at that place (a colon after a key; after a member's value a closer, or a comma and the next
//! key). A judgement looks ahead to the quote after the next at most, so that all of a text's judgements together
//! look at each byte a few times, however many quotes it holds.

mod ahead;
mod kind;
mod known;

pub(super) use kind::Quote;
use known::Dead;
pub(crate) use known::Known;

use super::space::skip_space;

/// Where a string stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key of an object.
    Key,
    /// A member's value.
    Member,
    /// An item of an array or tuple.
    Item,
    /// The whole value.
    Top,
}

/// Where a string ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The byte after its text.
    pub(super) text: usize,
    /// The byte after its closing quote.
    pub(super) after: usize,
    /// Whether it has a closing quote.
    pub(super) closed: bool,
    /// Whether quotes stand unescaped in it.
    pub(super) inner: bool,
    /// Whether nothing in the text says where it ends: it may have been cut.
    pub(super) lost: bool,
}

/// The text around a string, as far as a judgement needs it.
pub(super) struct Judge<'s> {
    source: &'s str,
    bytes: &'s [u8],
    end: usize,
    known: Known,
}

/// How far an unquoted key reaches at most before its colon.
const KEY_REACH: usize = 64;

enum Verdict {
    Ends,
    Inside,
    /// The closing quote was forgotten; the text ended at this byte.
    EndedBefore(usize),
}

impl<'s> Judge<'s> {
    /// `known` is what [`Judge::known`] gave for the same source.
    pub(super) fn new(source: &'s str, end: usize, known: Known) -> Self {
        let end = end.min(source.len());
        let known = known.up_to(end);
        Self {
            source,
            bytes: source.as_bytes(),
            end,
            known,
        }
    }

    /// The end of the string whose text starts at `start`; `depth` containers are open around it.
    pub(super) fn end(&mut self, start: usize, quote: Quote, place: Place, depth: usize) -> End {
        let is_dead = |dead: &&mut Dead| {
            dead.place == place
                && dead.quote == quote
                && start >= dead.from
                && (dead.own || dead.depth == depth)
        };
        let dead = self.known.dead.iter_mut().find(is_dead);
        if dead.as_ref().is_some_and(|dead| dead.escaped) {
            return self.without_end(start, place);
        }
        let real = dead.is_none();
        let found = self.search(start, quote, place, depth, real);
        if let Some((end, false)) = found {
            return end;
        }
        // The search went to the end of the text, or knew that it would.
        let escaped = found.is_none();
        match self.known.dead.iter_mut().find(is_dead) {
            Some(dead) => dead.escaped = escaped,
            None => self.known.dead.push(Dead {
                place,
                quote,
                from: start,
                depth,
                own: true,
                escaped,
            }),
        }
        found.map_or_else(|| self.without_end(start, place), |(end, _)| end)
    }

    /// From where on no fence has its end, as far as was looked for one.
    pub(super) fn no_fence(&mut self) -> &mut Option<usize> {
        &mut self.known.no_fence
    }

    /// What is known now, for the next value of the same text.
    pub(super) fn known(&mut self) -> Known {
        std::mem::take(&mut self.known)
    }

    /// The end, and whether only an escaped quote can be it. Where no real one is to be found, the first such is.
    fn search(
        &self,
        start: usize,
        quote: Quote,
        place: Place,
        depth: usize,
        real: bool,
    ) -> Option<(End, bool)> {
        let mut at = start;
        let mut previous = None;
        let mut escaped = None;
        while at < self.end {
            let byte = self.byte(at);
            if byte == b'\\' {
                // `"C:\dir\"`: the backslash may belong to the text after all, if nothing else ends it.
                if escaped.is_none()
                    && quote.closing(self.source, self.bytes, at + 1).is_some()
                    && matches!(
                        self.judge(at + 1, at + 2, start, None, quote, place, depth),
                        Verdict::Ends
                    )
                    // In a text that was cut off behind it, it is an escape like any other.
                    && self.closes(at + 2, depth)
                {
                    escaped = Some(at + 1);
                    if !real {
                        break;
                    }
                }
                at += 2;
                continue;
            }
            if !real {
                at += 1;
                continue;
            }
            let Some(length) = quote
                .closing(self.source, self.bytes, at)
                .filter(|length| at + length <= self.end)
            else {
                at += 1;
                continue;
            };
            if quote.is_single()
                && self.is_letter(at.wrapping_sub(1), at > start)
                && self.is_letter(at + length, true)
            {
                // An apostrophe.
                at += length;
                continue;
            }
            match self.judge(at, at + length, start, previous, quote, place, depth) {
                Verdict::Ends => {
                    let end = End {
                        text: at,
                        after: at + length,
                        closed: true,
                        inner: previous.is_some(),
                        lost: false,
                    };
                    return Some((end, false));
                }
                Verdict::EndedBefore(text) => {
                    let end = End {
                        text,
                        after: text,
                        closed: false,
                        inner: false,
                        lost: false,
                    };
                    return Some((end, false));
                }
                Verdict::Inside => {
                    previous = Some(at);
                    at += 1;
                }
            }
        }
        let end = |at: usize| End {
            text: at,
            after: at + 1,
            closed: true,
            inner: false,
            lost: false,
        };
        escaped.map(|at| (end(at), true))
    }

    /// Whether as many brackets close from `at` on as are open there: else the text was cut off.
    fn closes(&self, at: usize, depth: usize) -> bool {
        let text = self.bytes.get(..self.end).unwrap_or_default();
        self.known.closers.borrow_mut().close(text, at, depth)
    }

    #[expect(clippy::too_many_arguments, reason = "all of what a judgement is made of")]
    fn judge(
        &self,
        at: usize,
        after: usize,
        start: usize,
        previous: Option<usize>,
        quote: Quote,
        place: Place,
        depth: usize,
    ) -> Verdict {
        let next = skip_space(self.source, after, self.end);
        if next >= self.end {
            return Verdict::Ends;
        }
        let ends = |yes: bool| if yes { Verdict::Ends } else { Verdict::Inside };
        let byte = self.byte(next);
        if place == Place::Top {
            return ends(!self.is_letter(after, true));
        }
        if place == Place::Key {
            if byte == b':'
                && let Some(colon) = self.colon_of_key(at, start, previous)
            {
                return Verdict::EndedBefore(colon);
            }
            return ends(match byte {
                b':' | b',' | b'}' | b'{' | b'[' | b'-' | b'0'..=b'9' | b'=' => true,
                _ if self.starts_quote(next) => next > after || self.closes_key(next).is_none(),
                _ => self.literal_at(next),
            });
        }
        match byte {
            b'}' | b']' | b')' => ends(self.closers_fit(next, depth, place)),
            b',' => ends(self.comma_fits(next, place)),
            b':' => self.colon(at, start, previous, place),
            b'{' | b'[' if place == Place::Item => Verdict::Ends,
            b'+' => ends(self.starts_quote(skip_space(self.source, next + 1, self.end))),
            b'/' => ends(self.byte(next + 1) == b'*' || (self.byte(next + 1) == b'/' && next > after)),
            b'#' => ends(next > after),
            b'.' => ends(self.byte(next + 1) == b'.' && self.byte(next + 2) == b'.'),
            b'<' => ends(matches!(self.byte(next + 1), b'/' | b'|')),
            b'`' if self.byte(next + 1) == b'`' && self.byte(next + 2) == b'`' => Verdict::Ends,
            _ if self.starts_quote(next) => self.quote_follows(after, next, place),
            _ => self.word_follows(at, start, next, quote, place, previous, depth),
        }
    }

    /// After the string a closer: it fits if the closers there close what is open, or something goes on after them.
    fn closers_fit(&self, mut at: usize, mut depth: usize, place: Place) -> bool {
        let expected = (place == Place::Member) == (self.byte(at) == b'}');
        while depth > 0 && matches!(self.byte(at), b'}' | b']' | b')') {
            depth -= 1;
            at = skip_space(self.source, at + 1, self.end);
        }
        if at >= self.end {
            return true;
        }
        match self.byte(at) {
            b',' => true,
            _ if !expected => false,
            b'"' | b'\'' => depth > 0,
            b')' => !matches!(
                self.byte(skip_space(self.source, at + 1, self.end)),
                b'"' | b'\'' | b'}' | b';'
            ),
            b';' => {
                let next = skip_space(self.source, at + 1, self.end);
                !matches!(self.byte(next), b'"' | b'}')
            }
            b'}' | b']' | b':' | b'{' | b'[' | b'/' | b'#' | b'<' | b'`' | b'.' | b'\\' => true,
            _ => depth == 0,
        }
    }

    /// After the string a comma: it ends the string if the next key or item follows.
    fn comma_fits(&self, comma: usize, place: Place) -> bool {
        let next = self.skip_noise(comma + 1);
        if next >= self.end {
            return true;
        }
        let byte = self.byte(next);
        if matches!(byte, b'}' | b']' | b')' | b'{' | b',') || (byte == b'.' && self.byte(next + 1) == b'.') {
            return true;
        }
        if byte >= 0x80 && self.source.get(next..).is_some_and(|rest| rest.starts_with('…')) {
            return true;
        }
        if place == Place::Member {
            if byte == b'\\' {
                return self.byte(next + 1) == b'"';
            }
            if self.starts_quote(next) {
                // A key that the text ends in has no colon yet.
                return self.closing_of(next).is_none_or(|close| {
                    let colon = skip_space(self.source, close, self.end);
                    colon >= self.end || self.byte(colon) == b':'
                });
            }
            return self.bare_key(next) || self.word_before_key(next);
        }
        if self.starts_quote(next) || byte == b'[' || byte == b'-' || byte.is_ascii_digit() {
            return true;
        }
        self.literal_at(next) || self.no_quote_before_delimiter(next)
    }

    /// After the string a colon, which no value has behind it: what ended was a key, or the text holds both.
    fn colon(&self, at: usize, start: usize, previous: Option<usize>, place: Place) -> Verdict {
        let Some(opening) = previous.filter(|opening| at - opening <= KEY_REACH) else {
            return if previous.is_none() {
                Verdict::Ends
            } else {
                Verdict::Inside
            };
        };
        if place == Place::Item {
            return Verdict::Inside;
        }
        let before = self.before(opening, start);
        match self.byte(before.wrapping_sub(1)) {
            b',' if before > start => Verdict::EndedBefore(before - 1),
            _ if before < opening
                && self
                    .source
                    .get(before..opening)
                    .is_some_and(|gap| gap.contains('\n')) =>
            {
                Verdict::EndedBefore(before)
            }
            _ => Verdict::Inside,
        }
    }

    /// `"a: 1, "b":`: the colon that ends a key whose own closing quote was forgotten.
    fn colon_of_key(&self, at: usize, start: usize, previous: Option<usize>) -> Option<usize> {
        let opening = previous.filter(|opening| at - opening <= KEY_REACH)?;
        let before = self.before(opening, start);
        if before == start || self.byte(before - 1) != b',' {
            return None;
        }
        memchr::memchr(b':', self.bytes.get(start..before)?).map(|length| start + length)
    }

    /// After the string a quote: a comma was forgotten, or one of the two belongs to the text.
    fn quote_follows(&self, after: usize, next: usize, place: Place) -> Verdict {
        let ends = |yes: bool| if yes { Verdict::Ends } else { Verdict::Inside };
        let behind = skip_space(self.source, next + 1, self.end);
        if behind >= self.end || matches!(self.byte(behind), b',' | b'}' | b']') {
            // The next one is the end: `say "more""`, `"a" ", "b"`. At the end of the text this one is.
            return ends(behind >= self.end && next > after);
        }
        match place {
            Place::Member => ends(self.closes_key(next).is_some()),
            _ => ends(self.closing_of(next).is_none_or(|close| {
                let beyond = skip_space(self.source, close, self.end);
                beyond >= self.end
                    || matches!(self.byte(beyond), b',' | b']' | b')' | b'}')
                    || self.starts_quote(beyond)
            })),
        }
    }

    /// After the string a word: a comma was forgotten, or the quote belongs to the text.
    #[expect(clippy::too_many_arguments, reason = "all of what a judgement is made of")]
    fn word_follows(
        &self,
        at: usize,
        start: usize,
        next: usize,
        quote: Quote,
        place: Place,
        previous: Option<usize>,
        depth: usize,
    ) -> Verdict {
        if place == Place::Member {
            let ends = next > at + 1 && (self.bare_key(next) || self.word_before_closer(next, depth));
            return if ends { Verdict::Ends } else { Verdict::Inside };
        }
        // `"hello,"world"]`: the quote before the word opens the next item, and this one lost its own.
        let before = self.before(at, start);
        if before > start
            && self.byte(before - 1) == b','
            && let Some(close) = self.next_quote(at + 1, quote)
            && matches!(
                self.byte(skip_space(self.source, close + 1, self.end)),
                b',' | b']'
            )
        {
            return Verdict::EndedBefore(before - 1);
        }
        // `"a" b]`: a comma is missing. In a text with quotes of its own a comma may well be its own too.
        let ends = next > at + 1
            && self.no_quote_before_delimiter(next)
            && (previous.is_none() || !self.comma_before_closer(next));
        if ends { Verdict::Ends } else { Verdict::Inside }
    }

    /// What a string without a closing quote holds: up to the next key, or to the closers at the very end of the text,
    /// or all that is left.
    fn without_end(&mut self, start: usize, place: Place) -> End {
        let open = |text: usize| End {
            text,
            after: text,
            closed: false,
            inner: false,
            lost: true,
        };
        if place == Place::Key {
            let rest = self.bytes.get(start..self.end).unwrap_or_default();
            let stop = rest.iter().position(|byte| matches!(byte, b':' | b'\n' | b'}'));
            return open(stop.map_or(self.end, |length| start + length));
        }
        let (tail, closers) = self.tail();
        if !closers || tail < start {
            return open(self.end);
        }
        let text = tail;
        let rest = self.bytes.get(start..text).unwrap_or_default();
        for comma in memchr::memchr2_iter(b',', b'\n', rest) {
            let at = start + comma;
            let key = skip_space(self.source, at + 1, self.end);
            let next = match place {
                Place::Member => {
                    self.bare_key(key) || (self.starts_quote(key) && self.closes_key(key).is_some())
                }
                _ => self.starts_quote(key),
            };
            if next {
                return open(at);
            }
        }
        open(text)
    }

    fn tail(&mut self) -> (usize, bool) {
        if let Some(tail) = self.known.tail {
            return tail;
        }
        let mut at = self.end;
        let mut closers = false;
        while at > 0 && (matches!(self.byte(at - 1), b'}' | b']') || self.byte(at - 1).is_ascii_whitespace())
        {
            at -= 1;
            closers |= !self.byte(at).is_ascii_whitespace();
        }
        *self.known.tail.insert((at, closers))
    }
}
