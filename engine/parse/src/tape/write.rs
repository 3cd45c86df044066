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
        match self.shape() {
            Shape::Null => formatter.write_str("null"),
            Shape::Bool(true) => formatter.write_str("true"),
            Shape::Bool(false) => formatter.write_str("false"),
            Shape::Number(literal) => formatter.write_str(literal),
            Shape::Text(text) => quote(text, formatter),
            Shape::Array(items) => {
                let mut before = "[";
                for item in items.clone() {
                    formatter.write_str(before)?;
                    item.fmt(formatter)?;
                    before = ",";
                }
                formatter.write_str(if items.len() == 0 { "[]" } else { "]" })
            }
            Shape::Object(members) => {
                let mut before = "{";
                for (key, value) in members.clone() {
                    formatter.write_str(before)?;
                    quote(key, formatter)?;
                    formatter.write_str(":")?;
                    value.fmt(formatter)?;
                    before = ",";
                }
                formatter.write_str(if members.len() == 0 { "{}" } else { "}" })
            }
        }
    }
}

/// A string of JSON.
fn quote(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("\"")?;
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.write_str(text.get(start..at).unwrap_or_default())?;
        if escape.is_empty() {
            write!(out, "\\u{byte:04x}")?;
        } else {
            out.write_str(escape)?;
        }
        start = at + 1;
    }
    out.write_str(text.get(start..).unwrap_or_default())?;
    out.write_str("\"")
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
