//! Types of the language as JSON Schema 2020-12, which is what `OpenAPI` 3.1 speaks.

use serde_json::{Map, Value, json};

use super::super::server::EntityRules;
use crate::ir::{Column, Entity, Facts, System, Type};

/// The schema of a value of a type, with what is known of it.
pub(super) fn of(system: &System, ty: &Type, facts: &Facts) -> Value {
    match ty {
        Type::String if !facts.choices.is_empty() => json!({ "type": "string", "enum": facts.choices }),
        Type::String => with(json!({ "type": "string" }), lengths("Length", facts)),
        Type::State(id) => {
            let machine = system.entity(*id).and_then(|entity| entity.machine.as_ref());
            let states = machine.map(|machine| machine.states.clone()).unwrap_or_default();
            json!({ "type": "string", "enum": states })
        }
        Type::Uint | Type::Int | Type::Duration => {
            let least = if *ty == Type::Uint { 0 } else { i64::MIN };
            let minimum = facts
                .minimum
                .and_then(|value| whole(value.ceil()))
                .unwrap_or(least);
            let maximum = facts
                .maximum
                .and_then(|value| whole(value.floor()))
                .unwrap_or(i64::MAX);
            json!({ "type": "integer", "format": "int64", "minimum": minimum.max(least), "maximum": maximum })
        }
        Type::Float => {
            let mut schema = Map::new();
            schema.insert("type".into(), "number".into());
            schema.insert("format".into(), "double".into());
            for (name, bound) in [("minimum", facts.minimum), ("maximum", facts.maximum)] {
                if let Some(bound) = bound {
                    schema.insert(name.into(), json!(bound));
                }
            }
            Value::Object(schema)
        }
        Type::Bool => json!({ "type": "boolean" }),
        Type::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Type::Uuid | Type::Entity(_) | Type::Caller => json!({ "type": "string", "format": "uuid" }),
        Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::Json | Type::Unknown | Type::Result(..) => json!({}),
        Type::None => json!({ "type": "null" }),
        Type::List(element) => with(
            json!({ "type": "array", "items": of(system, element, &Facts::default()) }),
            lengths("Items", facts),
        ),
        Type::Set(element) => with(
            json!({ "type": "array", "items": of(system, element, &Facts::default()), "uniqueItems": true }),
            lengths("Items", facts),
        ),
        Type::Optional(inner) => nullable(of(system, inner, facts)),
        Type::Map(key, value) => {
            let mut schema = with(
                json!({ "type": "object", "additionalProperties": of(system, value, &Facts::default()) }),
                lengths("Properties", facts),
            );
            let names = match key.as_ref() {
                Type::Int | Type::Uint => json!({ "pattern": "^-?(0|[1-9][0-9]{0,18})$" }),
                Type::Uuid => json!({ "format": "uuid" }),
                _ => Value::Null,
            };
            if let (Value::Object(schema), false) = (&mut schema, names.is_null()) {
                schema.insert("propertyNames".into(), names);
            }
            schema
        }
        Type::Tuple(members) => {
            let members: Vec<Value> = members
                .iter()
                .map(|member| of(system, member, &Facts::default()))
                .collect();
            // Many tools, schemathesis among them, know `prefixItems` by its older name only.
            if let Some(first) = members.first()
                && members.iter().all(|member| member == first)
            {
                return json!({ "type": "array", "minItems": members.len(), "maxItems": members.len(), "items": first });
            }
            json!({ "type": "array", "minItems": members.len(), "maxItems": members.len(), "prefixItems": members })
        }
        Type::Union(members) => {
            let members: Vec<Value> = members
                .iter()
                .map(|member| of(system, member, &Facts::default()))
                .collect();
            json!({ "anyOf": members })
        }
    }
}

/// The schema of a column.
pub(super) fn column(system: &System, column: &Column) -> Value {
    let schema = of(system, &column.ty, &column.facts);
    if column.nullable { nullable(schema) } else { schema }
}

/// The same or null.
pub(super) fn nullable(schema: Value) -> Value {
    let Value::Object(mut object) = schema else {
        return schema;
    };
    // Anything is null, too.
    if object.is_empty() {
        return Value::Object(object);
    }
    let Some(Value::String(name)) = object.get("type") else {
        return json!({ "anyOf": [Value::Object(object), { "type": "null" }] });
    };
    let both = json!([name, "null"]);
    object.insert("type".into(), both);
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.push(Value::Null);
    }
    Value::Object(object)
}

/// Puts an entry into an object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(name.to_owned(), value);
    }
}

/// A whole number that a double holds exactly.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.abs() < EXACT)
        .then(|| format!("{value:.0}").parse().ok())
        .flatten()
}

fn lengths(of: &str, facts: &Facts) -> Vec<(String, Value)> {
    [("min", facts.minimum_length), ("max", facts.maximum_length)]
        .into_iter()
        .filter_map(|(end, bound)| Some((format!("{end}{of}"), json!(bound?))))
        .collect()
}

fn with(schema: Value, more: Vec<(String, Value)>) -> Value {
    match schema {
        Value::Object(mut object) => {
            object.extend(more);
            Value::Object(object)
        }
        other => other,
    }
}

/// An object that has these and nothing else, each with whether it must be there.
pub(super) fn object(properties: &[(String, Value, bool)]) -> Value {
    let required: Vec<&String> = properties
        .iter()
        .filter(|(_, _, needed)| *needed)
        .map(|(name, _, _)| name)
        .collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false });
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, schema, _)| (name.clone(), schema.clone()))
        .collect();
    put(&mut schema, "properties", Value::Object(properties));
    schema
}

/// A row as it is answered.
pub(super) fn row(system: &System, entity: &Entity) -> Value {
    object(
        &shown(entity)
            .map(|shown| (shown.name.clone(), column(system, shown), true))
            .collect::<Vec<_>>(),
    )
}

/// The columns that leave the server.
pub(super) fn shown(entity: &Entity) -> impl Iterator<Item = &Column> {
    entity.columns.iter().filter(|column| !column.sensitive)
}

/// The body that makes a row.
pub(super) fn create(system: &System, entity: &Entity, rules: &EntityRules) -> Value {
    let mut properties: Vec<(String, Value, bool)> = rules
        .create
        .iter()
        .filter_map(|(name, needed)| {
            let found = entity.column(name)?;
            Some((name.clone(), column(system, found), *needed))
        })
        .collect();
    if takes_password(rules) {
        let password = json!({ "type": "string", "minLength": 8, "maxLength": 256, "writeOnly": true });
        properties.push(("password".into(), password, true));
    }
    object(&properties)
}

/// Whether a new row is given its password.
pub(super) fn takes_password(rules: &EntityRules) -> bool {
    rules
        .login
        .as_ref()
        .is_some_and(|login| login.method != crate::ir::Auth::ApiKey)
}

/// The body that changes a row.
pub(super) fn update(system: &System, entity: &Entity, rules: &EntityRules) -> Value {
    object(
        &rules
            .update
            .iter()
            .filter_map(|name| Some((name.clone(), column(system, entity.column(name)?), false)))
            .collect::<Vec<_>>(),
    )
}

/// A value in a query.
pub(super) fn filter(system: &System, ty: &Type) -> Value {
    of(system, ty, &Facts::default())
}
