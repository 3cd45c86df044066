//! What is removed by itself: rows that a store keeps only for a time, and what the service has written for itself.

use minijinja::{Value, context};

use super::super::EmitError;
use super::super::project::FileSet;
use super::super::templates::{code, text};
use super::Features;
use crate::ir::System;

/// The tables whose rows are removed after so many milliseconds.
pub(super) fn retained(system: &System) -> Vec<(&str, u64)> {
    let entities = system
        .entities
        .iter()
        .map(|entity| (entity.table.as_str(), entity.storage.as_ref()));
    let stores = system
        .stores
        .iter()
        // One without columns has no table.
        .filter(|store| !store.columns.is_empty())
        .map(|store| (store.table.as_str(), Some(&store.storage)));
    entities
        .chain(stores)
        .filter_map(|(table, storage)| Some((table, storage?.retention?)))
        .collect()
}

pub(super) fn emit(system: &System, features: &Features, files: &mut FileSet) -> Result<(), EmitError> {
    let retained: Vec<Value> = retained(system)
        .into_iter()
        .map(|(table, keep)| context! { table => text(table), keep => code(keep.to_string()) })
        .collect();
    let Features { events, flows, .. } = *features;
    files.render("src/jobs/housekeeping.ts", context! { retained, events, flows })
}
