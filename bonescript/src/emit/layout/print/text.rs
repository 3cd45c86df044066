//! Strings and numbers, as prettier writes them.

use std::borrow::Cow;

use super::super::document::Doc;
use super::super::parse::is_plain_name;
use super::super::syntax::{Key, Property};
use super::Printer;

/// A string in double quotes, unless single ones need fewer escapes.
pub(super) fn requoted(text: &str) -> Cow<'_, str> {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let doubles = inner.matches('"').count();
    let singles = inner.matches('\'').count();
    let quote = if doubles > singles { '\'' } else { '"' };
    if text.starts_with(quote) && !inner.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    let mut chars = inner.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            if next == quote {
                out.push('\\');
            }
            out.push(next);
            continue;
        }
        let escaped = chars.next();
        // A quote of the other kind needs no escape.
        if !matches!(escaped, Some('"' | '\'')) || escaped == Some(quote) {
            out.push('\\');
        }
        out.extend(escaped);
    }
    out.push(quote);
    Cow::Owned(out)
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn string(&mut self, text: &'a str) -> Doc {
        match requoted(text) {
            Cow::Borrowed(text) => self.text(text),
            Cow::Owned(text) => self.docs.owned(text),
        }
    }

    pub(super) fn number(&mut self, text: &'a str) -> Doc {
        let is_decimal = !text.starts_with("0x") && !text.starts_with("0X");
        if is_decimal && text.contains('E') {
            self.docs.owned(text.to_ascii_lowercase())
        } else {
            self.text(text)
        }
    }

    pub(super) fn key(&mut self, key: &'t Key<'a>, unquote: bool) -> Doc {
        match key {
            Key::Name(name) => self.text(name),
            Key::Number(number) => self.number(number),
            Key::String(text) => {
                let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                if unquote && is_plain_name(inner) {
                    self.text(inner)
                } else {
                    self.string(text)
                }
            }
            Key::Computed(value) => {
                let value = self.expression(value, super::place::Place::Free);
                self.between("[", value, "]")
            }
        }
    }
}

impl Property<'_> {
    /// Whether its value can be said without knowing what is computed.
    pub(super) fn is_computed(&self) -> bool {
        match self {
            Property::Pair(key, _) | Property::Method(_, key, _) => key.is_computed(),
            Property::Short(_) | Property::Spread(_) => false,
        }
    }
}
