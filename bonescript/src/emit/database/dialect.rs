//! What the two databases call things, and how they write constants.

use crate::emit::templates::{sql_name, sql_text};
use crate::emit::{EmitError, Target};
use crate::ir::{Literal, Type};

/// The SQL of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// `PostgreSQL` cuts longer names off; the same limit holds everywhere, so that targets can be changed.
const MAX_NAME_BYTES: usize = 63;

impl Dialect {
    pub(super) fn of(target: Target) -> Self {
        match target {
            Target::Postgres => Self::Postgres,
            Target::Sqlite => Self::Sqlite,
        }
    }

    /// One of the two.
    pub(super) fn pick<T>(self, postgres: T, sqlite: T) -> T {
        match self {
            Self::Postgres => postgres,
            Self::Sqlite => sqlite,
        }
    }

    /// The type of a column. Instants have milliseconds, since that is what TypeScript keeps of them; tables of `SQLite`
    /// are strict, so its types are few.
    pub(super) fn type_name(self, ty: &Type) -> &'static str {
        match ty {
            Type::String | Type::State(_) => "TEXT",
            Type::Uint | Type::Int | Type::Duration => self.pick("BIGINT", "INTEGER"),
            Type::Float => self.pick("DOUBLE PRECISION", "REAL"),
            Type::Bool => self.pick("BOOLEAN", "INTEGER"),
            Type::Timestamp => self.pick("TIMESTAMPTZ(3)", "TEXT"),
            Type::Uuid | Type::Entity(_) | Type::Caller => self.pick("UUID", "TEXT"),
            Type::Bytes => self.pick("BYTEA", "BLOB"),
            Type::Optional(inner) => self.type_name(inner),
            Type::Json
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(..)
            | Type::Tuple(_)
            | Type::Union(_)
            | Type::Result(..)
            | Type::None
            | Type::Unknown => self.pick("JSONB", "TEXT"),
        }
    }

    /// The time at which a row is written.
    pub(super) fn now(self) -> &'static str {
        self.pick("now()", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))")
    }

    /// An id that nobody has.
    pub(super) fn new_id(self) -> &'static str {
        self.pick(
            "gen_random_uuid()",
            // Version 4, as the other target has it.
            "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' \
             || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))",
        )
    }

    /// A constant of a type, as SQL.
    pub(super) fn constant(self, literal: &Literal, ty: &Type) -> Result<String, EmitError> {
        if *literal == Literal::None {
            return Ok("NULL".to_owned());
        }
        if has_zero(literal) {
            return Err(zero_byte());
        }
        if is_json(ty) {
            let written = text(&json(literal, ty))?;
            return Ok(self.pick(format!("{written}::jsonb"), written.clone()));
        }
        Ok(match (literal, ty.required()) {
            (Literal::String(value), Type::Timestamp) => {
                let instant = super::timestamp::normalized(value).ok_or_else(|| EmitError::Unwritable {
                    what: format!("the instant `{value}`"),
                    why: "there is no such day or time".to_owned(),
                })?;
                let written = text(&instant)?;
                self.pick(format!("{written}::timestamptz"), written.clone())
            }
            (Literal::String(value), Type::Uuid | Type::Entity(_)) => {
                let written = text(&value.to_ascii_lowercase())?;
                self.pick(format!("{written}::uuid"), written.clone())
            }
            (Literal::String(value), _) => text(value)?,
            (Literal::Integer(value), Type::Float) => format!("{value}.0"),
            (Literal::Integer(value), _) => value.to_string(),
            (Literal::Duration(value), _) => value.to_string(),
            (Literal::Float(value), _) => float(*value),
            (Literal::Bool(value), _) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
            (Literal::Now, _) => self.now().to_owned(),
            (Literal::None, _) => "NULL".to_owned(),
            (Literal::List(_) | Literal::Map(_), _) => {
                let written = text(&json(literal, ty))?;
                self.pick(format!("{written}::jsonb"), written.clone())
            }
        })
    }

    /// What rows that are there already get in a column that must have a value.
    pub(super) fn filler(self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::String => "''".to_owned(),
            Type::Uint | Type::Int | Type::Duration => "0".to_owned(),
            Type::Float => "0.0".to_owned(),
            Type::Bool => "FALSE".to_owned(),
            Type::Timestamp => self.now().to_owned(),
            Type::Bytes => self.pick("'\\x'::bytea", "x''").to_owned(),
            Type::List(_) | Type::Set(_) => self.pick("'[]'::jsonb", "'[]'").to_owned(),
            Type::Map(..) => self.pick("'{}'::jsonb", "'{}'").to_owned(),
            Type::Json => self.pick("'null'::jsonb", "'null'").to_owned(),
            // Nothing of these types stands for "no value yet".
            _ => return None,
        })
    }
}

/// Whether values of a type are kept as JSON.
pub(super) fn is_json(ty: &Type) -> bool {
    matches!(
        ty.required(),
        Type::Json
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(..)
            | Type::Tuple(_)
            | Type::Union(_)
            | Type::Result(..)
    )
}

/// A text, quoted.
pub(super) fn text(value: &str) -> Result<String, EmitError> {
    sql_text(value).ok_or_else(zero_byte)
}

fn zero_byte() -> EmitError {
    EmitError::Unwritable {
        what: "a text with a zero byte".to_owned(),
        why: "databases cannot keep it; take the byte out".to_owned(),
    }
}

/// Whether a text of a constant has a zero byte: in JSON, it would be hidden behind an escape.
fn has_zero(literal: &Literal) -> bool {
    match literal {
        Literal::String(text) => text.contains('\0'),
        Literal::List(items) => items.iter().any(has_zero),
        Literal::Map(entries) => entries
            .iter()
            .any(|(key, value)| has_zero(key) || has_zero(value)),
        _ => false,
    }
}

/// A name, quoted.
pub(super) fn name(value: &str) -> String {
    sql_name(value)
}

/// A list of names, quoted.
pub(super) fn names(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| sql_name(value)).collect();
    quoted.join(", ")
}

/// Says where a name is too long for a database.
pub(super) fn check_name(what: &str, value: &str) -> Result<(), EmitError> {
    if value.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(EmitError::Unwritable {
        what: format!("{what} `{value}`"),
        why: format!("databases keep {MAX_NAME_BYTES} letters of a name; give it a shorter one"),
    })
}

/// A name of our own: shortened where it is too long, and still unlike any other.
pub(super) fn own_name(parts: &[&str]) -> String {
    let full = parts.join("_");
    if full.len() <= MAX_NAME_BYTES {
        return full;
    }
    let end = hash(&full);
    let kept: String = full.chars().take(MAX_NAME_BYTES - 1 - end.len()).collect();
    format!("{kept}_{end}")
}

/// Eight digits that stand for a text.
pub(super) fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(8).collect()
}

/// A float as a constant that is one: `1.0`, not `1`.
fn float(value: f64) -> String {
    let written = format!("{value:?}");
    if written.contains(['.', 'e', 'N', 'i']) {
        written
    } else {
        format!("{written}.0")
    }
}

/// A constant as JSON. Whole numbers in lists of floats are written as such: JSON knows no difference.
fn json(literal: &Literal, ty: &Type) -> String {
    match literal {
        Literal::String(value) => match ty.required() {
            Type::Timestamp => quoted(&super::timestamp::normalized(value).unwrap_or_else(|| value.clone())),
            Type::Uuid | Type::Entity(_) => quoted(&value.to_ascii_lowercase()),
            _ => quoted(value),
        },
        Literal::Integer(value) => value.to_string(),
        Literal::Duration(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Bool(value) => value.to_string(),
        // A constant of JSON cannot be the time at which it is written.
        Literal::None | Literal::Now => "null".to_owned(),
        Literal::List(items) => {
            let mut written: Vec<String> = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let ty = match ty.required() {
                    Type::Tuple(members) => members.get(at).unwrap_or(&Type::Json),
                    other => other.element().unwrap_or(&Type::Json),
                };
                written.push(json(item, ty));
            }
            if matches!(ty.required(), Type::Set(_)) {
                let mut seen = std::collections::HashSet::new();
                written.retain(|item| seen.insert(item.clone()));
            }
            format!("[{}]", written.join(","))
        }
        Literal::Map(entries) => {
            let value_type = match ty.required() {
                Type::Map(_, value) => value.as_ref(),
                _ => &Type::Json,
            };
            let written: Vec<String> = entries
                .iter()
                .map(|(key, value)| {
                    let key = match key {
                        Literal::String(text) => quoted(text),
                        other => quoted(&json(other, &Type::Json)),
                    };
                    format!("{key}:{}", json(value, value_type))
                })
                .collect();
            format!("{{{}}}", written.join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
