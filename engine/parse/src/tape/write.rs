//! A value as JSON: in one go as text, or through `serde`.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::{Shape, Value, View};

impl fmt::Display for Value {
    /// JSON without spaces. Numbers are as the reply had them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(formatter)
    }
}

impl fmt::Display for View<'_> {
    /// JSON without spaces. Numbers are as the reply had them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(*self, formatter)
    }
}

impl Value {
    /// Appends the value as JSON without spaces: what [`fmt::Display`] prints, in less time.
    pub fn write_json(&self, out: &mut String) {
        // Writing to a text can't fail.
        let _ = write(self.view(), out);
    }
}

/// Appends `text` as a string of JSON, escaped as in a [`Value`].
///
/// ```
/// let mut out = String::from("key: ");
/// smallcode_parse::quote_json("say \"a\\b\"\n", &mut out);
/// assert_eq!(out, r#"key: "say \"a\\b\"\n""#);
/// ```
pub fn quote_json(text: &str, out: &mut String) {
    // Writing to a text can't fail.
    let _ = quote(text, out);
}

/// Compiled for each kind of `out`: a formatter takes every piece through a pointer, to a text it is copied in place.
fn write(view: View<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    match view.shape() {
        Shape::Null => out.write_str("null"),
        Shape::Bool(true) => out.write_str("true"),
        Shape::Bool(false) => out.write_str("false"),
        Shape::Number(literal) => out.write_str(literal),
        Shape::Text(text) => quote(text, out),
        Shape::Array(items) => {
            out.write_char('[')?;
            for (index, item) in items.enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                write(item, out)?;
            }
            out.write_char(']')
        }
        Shape::Object(members) => {
            out.write_char('{')?;
            for (index, (key, value)) in members.enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                quote(key, out)?;
                out.write_char(':')?;
                write(value, out)?;
            }
            out.write_char('}')
        }
    }
}

/// A string of JSON: what needs no escape is copied run by run.
fn quote(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    // An escaped byte is ASCII, so the text can be split on both sides of it.
    while let Some((run, from)) = rest.split_at_checked(plain(rest.as_bytes())) {
        out.write_str(run)?;
        match from.as_bytes().first() {
            None => break,
            Some(b'"') => out.write_str("\\\"")?,
            Some(b'\\') => out.write_str("\\\\")?,
            Some(b'\n') => out.write_str("\\n")?,
            Some(b'\r') => out.write_str("\\r")?,
            Some(b'\t') => out.write_str("\\t")?,
            Some(control) => write!(out, "\\u{control:04x}")?,
        }
        rest = from.get(1..).unwrap_or_default();
    }
    out.write_char('"')
}

/// How many bytes stand before the first that needs an escape (RFC 8259, section 7). Eight are looked at at once.
fn plain(bytes: &[u8]) -> usize {
    /// A one in each byte.
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    /// The highest bit of each byte.
    const HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The highest bit is set in each byte that is less than `limit`. One more may be set wrongly, but only behind a
        // byte that is: the first is always right.
        let less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
        let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
        let found = (less(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHEST;
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let in_tail = tail
        .iter()
        .take_while(|byte| !matches!(byte, 0..=0x1f | b'"' | b'\\'));
    words.len() * 8 + in_tail.count()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.view().serialize(serializer)
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.shape() {
            Shape::Null => serializer.serialize_unit(),
            Shape::Bool(value) => serializer.serialize_bool(value),
            Shape::Number(literal) => super::view::number(literal).serialize(serializer),
            Shape::Text(text) => serializer.serialize_str(text),
            Shape::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    out.serialize_element(&item)?;
                }
                out.end()
            }
            Shape::Object(members) => {
                let mut out = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    out.serialize_entry(key, &value)?;
                }
                out.end()
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
