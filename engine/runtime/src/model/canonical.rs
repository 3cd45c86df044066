//! One spelling for equal JSON values, for digests: keys sorted, no spaces.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Returns the hexadecimal BLAKE3 of a value that is written with its keys in order.
///
/// # Errors
/// When it can't be written as JSON.
pub(super) fn digest(ordered: &impl Serialize) -> serde_json::Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(ordered)?).to_hex().to_string())
}

/// Rebuilds a value with the keys of all objects in order. `serde_json` reads values at most 128
/// levels deep, so the recursion is bounded.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(
                ordered
                    .into_iter()
                    .map(|(key, value)| (key.clone(), value))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
