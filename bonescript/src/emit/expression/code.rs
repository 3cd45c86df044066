//! Pieces of TypeScript with what is known of them, and how constants are written.

use super::super::templates::typescript;
use crate::ir::{Literal, Type};

/// How tightly a piece binds, from the loosest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Level {
    /// `a ? b : c`.
    Ternary,
    /// `a ?? b`.
    Nullish,
    /// `a || b`.
    Or,
    /// `a && b`.
    And,
    /// `a === b`.
    Equality,
    /// `a < b`.
    Relational,
    /// `a + b`.
    Additive,
    /// `a * b`.
    Multiplicative,
    /// `-a`, `await a`.
    Unary,
    /// Names, calls, constants.
    Primary,
}

/// An expression of TypeScript.
#[derive(Clone, Debug)]
pub(in super::super) struct Code {
    pub(in super::super) text: String,
    pub(in super::super) level: Level,
    /// What it holds, were it not `null`.
    pub(in super::super) ty: Type,
    /// It may be `null`.
    pub(in super::super) nullable: bool,
    /// It is a row, or a list of rows, and not an id.
    pub(in super::super) row: bool,
    /// It is a constant.
    pub(in super::super) literal: bool,
}

impl Code {
    pub(super) fn new(text: String, level: Level, ty: Type) -> Self {
        Self {
            text,
            level,
            ty,
            nullable: false,
            row: false,
            literal: false,
        }
    }

    /// The same, which may be `null`.
    pub(super) fn or_null(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// The text as an operand of something that binds as tightly as `level`.
    pub(in super::super) fn within(&self, level: Level) -> String {
        if self.level < level {
            format!("({})", self.text)
        } else {
            self.text.clone()
        }
    }
}

/// A string literal.
pub(in super::super) fn string(text: &str) -> String {
    typescript(text)
}

/// The key of an object literal.
pub(in super::super) fn key(name: &str) -> String {
    if name == "__proto__" {
        // Without brackets it would set the prototype.
        "[\"__proto__\"]".to_owned()
    } else if super::super::names::is_identifier(name) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A property: `given.plant`.
pub(in super::super) fn property(of: &str, name: &str) -> String {
    if super::super::names::is_identifier(name) {
        format!("{of}.{name}")
    } else {
        format!("{of}[{}]", string(name))
    }
}

/// A constant.
pub(in super::super) fn literal(literal: &Literal) -> String {
    match literal {
        Literal::String(text) => string(text),
        Literal::Integer(value) => format!("{value}n"),
        Literal::Float(value) => float(*value),
        Literal::Bool(value) => value.to_string(),
        Literal::None => "null".to_owned(),
        Literal::Duration(milliseconds) => format!("{milliseconds}n"),
        Literal::Now => "new Date()".to_owned(),
        Literal::List(items) => {
            let items: Vec<String> = items.iter().map(self::literal).collect();
            format!("[{}]", items.join(", "))
        }
        Literal::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Literal::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", key(&plain_literal(name)), self::literal(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A constant as the key of a map.
pub(super) fn plain_literal(literal: &Literal) -> String {
    match literal {
        Literal::String(text) => text.clone(),
        Literal::Integer(value) => value.to_string(),
        other => self::literal(other),
    }
}

/// The shortest text that reads back as the same number.
pub(in super::super) fn float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        format!("{value:e}")
    } else {
        // Rust writes a whole one without a point, as prettier does.
        format!("{value}")
    }
}
