//! The events of a program: their payloads, how they are delivered, and a start of the handlers.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::super::EmitError;
use super::super::expression::property;
use super::super::project::{FileSet, Owner};
use super::super::server::{Schemas, names_json, value_type};
use super::super::templates::{code, key, text};
use crate::ir::{Event, System};

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let mut schemas = Schemas::default();
    let events: Vec<Value> = system
        .events
        .iter()
        .map(|event| describe(system, event, &mut schemas))
        .collect();
    let json = system
        .events
        .iter()
        .flat_map(|event| &event.payload)
        .any(|field| names_json(&field.ty));
    let values: BTreeSet<&str> = schemas.values.iter().copied().collect();
    let values: Vec<Value> = values.into_iter().map(code).collect();
    files.render("src/events/events.ts", context! { events, json, values })?;
    let handlers: Vec<Value> = system
        .events
        .iter()
        .map(|event| key(event.name.as_str()))
        .collect();
    let path = "src/events/handlers.ts";
    files.render_as(path, path, context! { events => handlers }, Owner::User)
}

fn describe(system: &System, event: &Event, schemas: &mut Schemas) -> Value {
    let fields: Vec<Value> = event
        .payload
        .iter()
        .map(|field| {
            context! {
                key => key(field.name.as_str()),
                type => code(value_type(system, &field.ty)),
                schema => code(schemas.of(system, &field.ty)),
            }
        })
        .collect();
    context! {
        key => key(event.name.as_str()),
        property => code(property("", &event.name)),
        delivery => text(event.delivery.as_str()),
        ttl => code(event.ttl.map_or_else(|| "null".to_owned(), |ttl| ttl.to_string())),
        fields,
    }
}
