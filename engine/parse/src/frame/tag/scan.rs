//! What a tag is made of: names, values, attributes.

use super::Tag;
use crate::tree::Span;

/// A bounded look at the text.
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) end: usize,
}

impl Scan<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        if self.at >= self.end {
            return None;
        }
        self.text.get(self.at..)?.chars().next()
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    pub(super) fn pipe(&mut self) -> bool {
        self.eat('|') || self.eat('｜')
    }

    pub(super) fn spaces(&mut self) {
        while self.eat(' ') {}
    }

    /// A name; between pipes, spaces may stand for underscores.
    pub(super) fn word(&mut self, piped: bool) -> Span {
        let start = self.at;
        let mut end = self.at;
        while let Some(ch) = self.peek() {
            if ch.is_alphanumeric() || matches!(ch, '_' | '.' | '-' | '▁' | '$') {
                self.at += ch.len_utf8();
                end = self.at;
            } else if ch == ' ' && piped && end > start && self.joins() {
                self.at += 1;
            } else {
                break;
            }
        }
        self.at = end;
        Span::new(start, end)
    }

    /// Whether the word after a space belongs to the name: it is no attribute.
    fn joins(&self) -> bool {
        let rest = self.text.get(self.at + 1..self.end).unwrap_or_default();
        let word = rest
            .find(|ch: char| !ch.is_alphanumeric() && ch != '_')
            .unwrap_or(rest.len());
        word > 0 && !rest.get(word..).unwrap_or_default().starts_with('=')
    }

    /// The value of an attribute; `spaces` where a bare one may hold spaces.
    pub(super) fn value(&mut self, spaces: bool) -> Span {
        let quote = self.peek().filter(|ch| matches!(ch, '"' | '\'' | '“'));
        if let Some(quote) = quote {
            self.at += quote.len_utf8();
        }
        let closer = if quote == Some('“') { Some('”') } else { quote };
        let start = self.at;
        while let Some(ch) = self.peek() {
            let ends = match closer {
                Some(closer) => ch == closer || ch == '<' || ch == '\n',
                None => matches!(ch, '>' | '<' | '\n' | '\r') || (ch == ' ' && !spaces),
            };
            if ends {
                break;
            }
            self.at += ch.len_utf8();
        }
        let mut value = Span::new(start, self.at);
        match closer {
            Some(closer) => {
                // A special token that slipped into the name is skipped, with the quote or bracket that it replaces.
                if self.peek() == Some('<') && self.skip_token() && self.peek() == Some('<') {
                    return value;
                }
                self.eat(closer);
            }
            None if value.of(self.text).ends_with('/') => {
                value.end -= 1;
                self.at -= 1;
            }
            None => {}
        }
        value
    }

    fn skip_token(&mut self) -> bool {
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        let len = rest
            .strip_prefix("<|")
            .and_then(|inner| inner.find("|>"))
            .map(|len| len + 4);
        self.at += len.unwrap_or_default();
        len.is_some()
    }

    pub(super) fn attributes(&mut self, tag: &mut Tag<'_>) {
        loop {
            let mark = self.at;
            while self.peek().is_some_and(char::is_whitespace) {
                self.at += 1;
            }
            let key = self.word(false);
            self.spaces();
            if key.len() == 0 || !self.eat('=') {
                self.at = mark;
                return;
            }
            self.spaces();
            let value = self.value(false);
            let written = value.of(self.text);
            match key.of(self.text).to_ascii_lowercase().as_str() {
                "name" | "key" | "tool" | "function" | "tool_name" => tag.value = tag.value.or(Some(value)),
                "string" => tag.string = written.eq_ignore_ascii_case("true"),
                "type" => tag.string |= matches!(written, "string" | "str"),
                _ => {}
            }
        }
    }
}
