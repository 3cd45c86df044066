//! Types of the language as types of TypeScript.

use super::super::names;
use crate::ir::{System, Type};

/// The type of a value: what a column holds, or an answer.
pub(in super::super) fn value_type(system: &System, ty: &Type) -> String {
    match ty {
        Type::String | Type::Uuid | Type::State(_) | Type::Entity(_) | Type::Caller => "string".to_owned(),
        Type::Uint | Type::Int | Type::Duration => "bigint".to_owned(),
        Type::Float => "number".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Timestamp => "Date".to_owned(),
        Type::Bytes => "Uint8Array".to_owned(),
        Type::Json | Type::Unknown => "Json".to_owned(),
        Type::None => "null".to_owned(),
        Type::List(element) | Type::Set(element) => array(&value_type(system, element)),
        Type::Optional(inner) => format!("{} | null", value_type(system, inner)),
        Type::Map(_, value) => format!("Record<string, {}>", value_type(system, value)),
        Type::Result(good, bad) => format!(
            "{{ ok: {} }} | {{ error: {} }}",
            value_type(system, good),
            value_type(system, bad)
        ),
        Type::Tuple(members) => format!("[{}]", joined(system, members, ", ")),
        Type::Union(members) => joined(system, members, " | "),
    }
}

/// The type of a parameter or an answer of a function that the user writes: rows are rows.
pub(in super::super) fn parameter_type(system: &System, ty: &Type) -> String {
    match ty {
        Type::Entity(id) => system.entity(*id).map_or_else(
            || "string".to_owned(),
            |entity| format!("{}Row", names::pascal(&entity.name)),
        ),
        Type::List(element) | Type::Set(element) => array(&parameter_type(system, element)),
        Type::Optional(inner) => format!("{} | null", parameter_type(system, inner)),
        other => value_type(system, other),
    }
}

fn array(element: &str) -> String {
    if element.contains(" | ") {
        format!("({element})[]")
    } else {
        format!("{element}[]")
    }
}

fn joined(system: &System, members: &[Type], between: &str) -> String {
    let mut texts: Vec<String> = Vec::new();
    for member in members {
        let text = value_type(system, member);
        if between == ", " || !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(between)
}

/// Entities whose rows a type names.
pub(in super::super) fn rows_in(ty: &Type, into: &mut std::collections::BTreeSet<crate::ir::EntityId>) {
    match ty {
        Type::Entity(id) => {
            into.insert(*id);
        }
        Type::List(inner) | Type::Set(inner) | Type::Optional(inner) => rows_in(inner, into),
        _ => {}
    }
}

/// Whether a type is printed with `Json`.
pub(in super::super) fn names_json(ty: &Type) -> bool {
    match ty {
        Type::Json | Type::Unknown => true,
        Type::List(inner) | Type::Set(inner) | Type::Optional(inner) | Type::Map(_, inner) => {
            names_json(inner)
        }
        Type::Result(good, bad) => names_json(good) || names_json(bad),
        Type::Tuple(members) | Type::Union(members) => members.iter().any(names_json),
        _ => false,
    }
}
