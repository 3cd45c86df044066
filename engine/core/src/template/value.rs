//! Values that templates work on, and the way from and to JSON.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "MiniJinja's enums may grow, so they need a wildcard"
)]

use std::sync::Arc;

use serde_json::Map;

use minijinja::Error;
use minijinja::value::{Object, ObjectRepr, ValueKind};

use super::limits;

/// A value that a template reads or gives; cheap to clone, however large.
#[derive(Clone, Debug)]
pub struct Value(pub(super) minijinja::Value);

impl Value {
    /// Makes a value of JSON. What is nested more than 128 deep is an error where it is used.
    pub fn from_json(json: serde_json::Value) -> Self {
        Value(from_json(json, 0))
    }

    /// Returns the value as JSON.
    ///
    /// # Errors
    ///
    /// When it is undefined, a function, a number that JSON does not have, or too large.
    pub fn to_json(&self) -> Result<serde_json::Value, String> {
        to_json(&self.0)
    }

    /// Returns the text, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// Returns the whole number, when it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64().filter(|_| self.0.is_integer())
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.0.kind(), ValueKind::Seq | ValueKind::Iterable)
    }

    /// Whether this is a mapping.
    pub fn is_object(&self) -> bool {
        self.0.kind() == ValueKind::Map
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a condition takes this for true: not false, null, zero or empty.
    pub fn is_true(&self) -> bool {
        self.0.is_true()
    }

    /// Returns the items of a list, each cheap; nothing for what is no list.
    pub fn items(&self) -> Vec<Value> {
        match self.0.try_iter() {
            Ok(items) if self.is_list() => items.map(Value).collect(),
            _ => Vec::new(),
        }
    }

    /// Says what kind of value this is, as a message would.
    pub fn kind(&self) -> &'static str {
        kind(&self.0)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Value::from_json(json)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value(minijinja::Value::from(text))
    }
}

/// Says what kind of value this is, as a message would.
pub(super) fn kind(value: &minijinja::Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "undefined",
        ValueKind::None => "null",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "a value without a JSON form",
    }
}

/// Stands for what is nested too deep to be read.
#[derive(Debug)]
struct TooDeep;

impl Object for TooDeep {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

fn from_json(json: serde_json::Value, depth: usize) -> minijinja::Value {
    if depth > limits::VALUE_DEPTH {
        return minijinja::Value::from_object(TooDeep);
    }
    match json {
        serde_json::Value::Null => minijinja::Value::from(()),
        serde_json::Value::Bool(value) => minijinja::Value::from(value),
        serde_json::Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                minijinja::Value::from(number)
            } else if let Some(number) = number.as_u64() {
                minijinja::Value::from(number)
            } else {
                minijinja::Value::from(number.as_f64().unwrap_or(f64::NAN))
            }
        }
        serde_json::Value::String(text) => minijinja::Value::from(text),
        serde_json::Value::Array(items) => minijinja::Value::from_object(
            items
                .into_iter()
                .map(|item| from_json(item, depth + 1))
                .collect::<Vec<_>>(),
        ),
        serde_json::Value::Object(fields) => minijinja::Value::from_pairs(
            fields
                .into_iter()
                .map(|(name, field)| (name, from_json(field, depth + 1))),
        ),
    }
}

/// Bytes that an item of a list or a field of a mapping takes, its text aside.
pub(super) const ITEM_BYTES: usize = 128;

/// Returns a value as JSON, or says why it has none.
pub(super) fn to_json(value: &minijinja::Value) -> Result<serde_json::Value, String> {
    to_json_within(value, limits::DATA_BYTES).map(|(json, _)| json)
}

/// Returns a value as JSON with the bytes that it took, which are at most `budget`: a list that
/// holds another twice, which holds another twice, is small until it is written out.
pub(super) fn to_json_within(
    value: &minijinja::Value,
    budget: usize,
) -> Result<(serde_json::Value, usize), String> {
    let mut left = budget;
    let json = convert(value, 0, &mut left)?;
    Ok((json, budget - left))
}

fn convert(value: &minijinja::Value, depth: usize, budget: &mut usize) -> Result<serde_json::Value, String> {
    if depth > limits::RESULT_DEPTH {
        return Err(format!(
            "a value is nested more than {} deep",
            limits::RESULT_DEPTH
        ));
    }
    let bytes = ITEM_BYTES + value.as_str().map_or(0, str::len);
    *budget = budget
        .checked_sub(bytes)
        .ok_or_else(|| "a value is too large".to_owned())?;
    match value.kind() {
        ValueKind::None => Ok(serde_json::Value::Null),
        ValueKind::Bool => Ok(serde_json::Value::Bool(value.is_true())),
        ValueKind::String => Ok(serde_json::Value::String(
            value.as_str().unwrap_or_default().to_owned(),
        )),
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|error| reason(&error))?;
            items
                .map(|item| convert(&item, depth + 1, budget))
                .collect::<Result<_, _>>()
                .map(serde_json::Value::Array)
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for key in value.try_iter().map_err(|error| reason(&error))? {
                let field = value.get_item(&key).map_err(|error| reason(&error))?;
                let name = match key.kind() {
                    ValueKind::String => key.as_str().unwrap_or_default().to_owned(),
                    ValueKind::Number | ValueKind::Bool => convert(&key, depth + 1, budget)?.to_string(),
                    _ => {
                        return Err(format!(
                            "a mapping has {} for a key, which must be text",
                            kind(&key)
                        ));
                    }
                };
                fields.insert(name, convert(&field, depth + 1, budget)?);
            }
            Ok(serde_json::Value::Object(fields))
        }
        ValueKind::Undefined => Err("a value is not defined".to_owned()),
        _ if value.downcast_object_ref::<TooDeep>().is_some() => Err(format!(
            "a value is nested more than {} deep",
            limits::VALUE_DEPTH
        )),
        _ => Err(format!("{} cannot be used here", kind(value))),
    }
}

fn number(value: &minijinja::Value) -> Result<serde_json::Value, String> {
    if let Some(number) = value.as_i64().filter(|_| value.is_integer()) {
        return Ok(number.into());
    }
    if value.is_integer() {
        return u64::try_from(value.clone())
            .map(Into::into)
            .map_err(|_| "a number is too large".to_owned());
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(serde_json::Number::from_f64)
        .map(serde_json::Value::Number)
        .ok_or_else(|| "a number is not finite".to_owned())
}

fn reason(error: &Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}
