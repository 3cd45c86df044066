//! One spelling for equal JSON values, for digests: keys sorted, no spaces.

use std::collections::BTreeMap;

use serde_json::Value;

/// Returns the hexadecimal BLAKE3 of a value's canonical text.
pub(super) fn digest(value: &Value) -> String {
    blake3::hash(sorted(value).to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// Rebuilds a value with the keys of all objects in order. `serde_json` reads values at most 128
/// levels deep, so the recursion is bounded.
fn sorted(value: &Value) -> Value {
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
