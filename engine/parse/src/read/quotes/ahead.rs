//! What stands ahead of a quote: keys, delimiters, words. Each looks at a bounded part, or no further than the quote
//! after the next.

use super::super::space::skip_space;
use super::{Judge, KEY_REACH, Place, Quote};

/// How far the words behind a quote are looked at: to the next delimiter, which stands further off in prose only.
const WORD_REACH: usize = 512;

impl Judge<'_> {
    /// Whether a key without quotes and its colon stand at `at`.
    pub(in crate::read) fn bare_key(&self, at: usize) -> bool {
        if !self.is_letter(at, true) && self.byte(at) != b'$' && self.byte(at) != b'_' {
            return false;
        }
        let reach = self
            .bytes
            .get(at..self.end.min(at + KEY_REACH))
            .unwrap_or_default();
        let Some(length) = reach.iter().position(|byte| {
            !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$') || *byte >= 0x80)
        }) else {
            return false;
        };
        let colon = skip_space(self.source, at + length, self.end);
        self.byte(colon) == b':' && self.byte(colon + 1) != b'/' && self.byte(colon + 1) != b':'
    }

    /// Where the quoted key that opens at `at` ends, if a colon follows it.
    pub(in crate::read) fn closes_key(&self, at: usize) -> Option<usize> {
        let close = self.closing_of(at)?;
        (self.byte(skip_space(self.source, close, self.end)) == b':').then_some(close)
    }

    /// The byte after the next quote of the kind that opens at `at`.
    pub(super) fn closing_of(&self, at: usize) -> Option<usize> {
        let (quote, length) = Quote::opening(self.source, at, self.end)?;
        let quote = match quote {
            Quote::TripleDouble => Quote::Double,
            Quote::TripleSingle => Quote::Single,
            other => other,
        };
        self.close_from(at + length, quote)
    }

    /// The byte after the quote of a kind that ends a text from `start` on. What lies far off is remembered: any search
    /// that comes by the same start, or begins behind it and before its end, has the same one.
    fn close_from(&self, start: usize, quote: Quote) -> Option<usize> {
        /// As far as most texts between quotes reach: to remember costs more than to look there again.
        const NEAR: usize = 256;
        let known = self.known.far.borrow().iter().find(|far| far.0 == quote).copied();
        if let Some((_, from, close)) = known
            && start >= from
            && close.is_none_or(|close| start < close)
        {
            return close;
        }
        let mut at = start;
        let mut found = None;
        while at < self.end {
            if let Some((_, from, close)) = known
                && at == from
            {
                found = close;
                break;
            }
            if self.byte(at) == b'\\' {
                at += 2;
                continue;
            }
            if let Some(length) = quote.closing(self.source, self.bytes, at) {
                found = Some(at + length);
                break;
            }
            at += 1;
        }
        if at > start + NEAR || found.is_none() {
            let mut far = self.known.far.borrow_mut();
            far.retain(|far| far.0 != quote);
            far.push((quote, start, found));
        }
        found
    }

    /// Whether a stray word and then a quoted key stand at `at`: `COMMENT "key": …`.
    pub(super) fn word_before_key(&self, at: usize) -> bool {
        self.after_word(at).is_some_and(|(end, next)| {
            next > end && self.starts_quote(next) && self.closes_key(next).is_some()
        })
    }

    /// Whether a stray word and then the end of the object stand at `at`.
    pub(super) fn word_before_closer(&self, at: usize, depth: usize) -> bool {
        self.after_word(at)
            .is_some_and(|(_, next)| self.byte(next) == b'}' && self.closers_fit(next, depth, Place::Member))
    }

    /// Where the word at `at` ends, and what follows the space behind it begins.
    fn after_word(&self, at: usize) -> Option<(usize, usize)> {
        let reach = self.bytes.get(at..self.end.min(at + KEY_REACH))?;
        let length = reach
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let end = at + length;
        (length > 0).then(|| (end, skip_space(self.source, end, self.end)))
    }

    pub(super) fn next_quote(&self, at: usize, quote: Quote) -> Option<usize> {
        let byte = if quote.is_single() { b'\'' } else { b'"' };
        let rest = self.bytes.get(at..self.end.min(at + WORD_REACH))?;
        memchr::memchr(byte, rest).map(|length| at + length)
    }

    pub(super) fn literal_at(&self, at: usize) -> bool {
        let reach = self.bytes.get(at..self.end.min(at + 6)).unwrap_or_default();
        let length = reach.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = self.source.get(at..at + length).unwrap_or_default();
        matches!(word, "true" | "false" | "null" | "True" | "False" | "None")
    }

    pub(super) fn comma_before_closer(&self, at: usize) -> bool {
        let rest = self
            .bytes
            .get(at..self.end.min(at + WORD_REACH))
            .unwrap_or_default();
        memchr::memchr3(b',', b']', b'\n', rest).is_some_and(|length| rest.get(length) == Some(&b','))
    }

    pub(super) fn no_quote_before_delimiter(&self, at: usize) -> bool {
        let rest = self
            .bytes
            .get(at..self.end.min(at + WORD_REACH))
            .unwrap_or_default();
        let stop = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b',' | b']' | b'}' | b'\n'));
        stop.is_none_or(|length| rest.get(length) != Some(&b'"'))
    }

    /// Skips space and short comments; longer ones are looked at when it is their turn.
    pub(super) fn skip_noise(&self, at: usize) -> usize {
        /// Longer comments between a comma and a key are rare, and an unclosed one must not be searched for each time.
        const COMMENT_REACH: usize = 256;
        let mut at = skip_space(self.source, at, self.end);
        for _ in 0..4 {
            let reach = self
                .bytes
                .get(at..self.end.min(at + COMMENT_REACH))
                .unwrap_or_default();
            let length = match (self.byte(at), self.byte(at + 1)) {
                (b'/', b'/') | (b'#', _) => memchr::memchr(b'\n', reach),
                (b'/', b'*') => memchr::memmem::find(reach, b"*/").map(|length| length + 2),
                _ => None,
            };
            let Some(length) = length else { return at };
            at = skip_space(self.source, at + length, self.end);
        }
        at
    }

    pub(in crate::read) fn starts_quote(&self, at: usize) -> bool {
        Quote::opening(self.source, at, self.end).is_some()
    }

    /// The byte after the last that is no space before `at`, but not before `start`.
    pub(super) fn before(&self, at: usize, start: usize) -> usize {
        let mut before = at;
        while before > start && self.byte(before - 1).is_ascii_whitespace() {
            before -= 1;
        }
        before
    }

    pub(super) fn is_letter(&self, at: usize, inside: bool) -> bool {
        let byte = self.byte(at);
        inside && (byte.is_ascii_alphanumeric() || byte >= 0xc3)
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        if at < self.end {
            self.bytes.get(at).copied().unwrap_or(0)
        } else {
            0
        }
    }
}
