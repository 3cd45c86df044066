//! When two values are the same: as in JSON, whatever the order of their members, and numbers by what they are worth.

use super::{Members, Shape, Value, View};

impl PartialEq for View<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.shape(), other.shape()) {
            (Shape::Null, Shape::Null) => true,
            (Shape::Bool(one), Shape::Bool(other)) => one == other,
            (Shape::Text(one), Shape::Text(other)) => one == other,
            (Shape::Number(one), Shape::Number(two)) => {
                one == two || (!is_integers(one, two) && self.as_f64() == other.as_f64())
            }
            (Shape::Array(one), Shape::Array(other)) => one.len() == other.len() && one.eq(other),
            (Shape::Object(one), Shape::Object(other)) => {
                one.len() == other.len() && same_members(one, other)
            }
            _ => false,
        }
    }
}

/// Integers are the same only as they are written: doubles would make large ones equal.
fn is_integers(one: &str, other: &str) -> bool {
    !one.contains(['.', 'e', 'E']) && !other.contains(['.', 'e', 'E'])
}

/// Whether the same members stand in any order. Each pair is looked at once: trying both orders would double the work
/// at each level of what is nested.
fn same_members(one: Members<'_>, other: Members<'_>) -> bool {
    let in_order = one
        .clone()
        .map(|(key, _)| key)
        .eq(other.clone().map(|(key, _)| key));
    if in_order {
        return one.eq(other);
    }
    let mut one: Vec<_> = one.collect();
    let mut other: Vec<_> = other.collect();
    one.sort_unstable_by_key(|(key, _)| *key);
    other.sort_unstable_by_key(|(key, _)| *key);
    one == other
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, other: &serde_json::Value) -> bool {
        self.to_json() == *other
    }
}

impl PartialEq<serde_json::Value> for View<'_> {
    fn eq(&self, other: &serde_json::Value) -> bool {
        self.to_json() == *other
    }
}
