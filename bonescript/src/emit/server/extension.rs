//! Extension points: their types, a file of the user for each, and the table of them.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::super::project::{FileSet, Owner};
use super::super::templates::{code, comment, key, text};
use super::entity::row_type;
use super::typescript::{names_json, rows_in};
use super::{EmitError, constant_name, names, parameter_type};
use crate::ir::{ExtensionPoint, System};

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let mut rows = BTreeSet::new();
    let mut json = false;
    for point in &system.extension_points {
        for parameter in &point.parameters {
            rows_in(&parameter.ty, &mut rows);
            json |= names_json(&parameter.ty);
        }
        if let Some(ty) = &point.returns {
            rows_in(ty, &mut rows);
            json |= names_json(ty);
        }
    }
    let types: Vec<String> = rows.into_iter().map(|id| row_type(system, id)).collect();
    let imported = types.iter().map(String::as_str);
    let mut aliases = names::Taken::with(TYPES.iter().copied().chain(imported));
    let mut constants = names::Taken::with(VALUES.iter().copied());
    let mut points = Vec::new();
    for point in &system.extension_points {
        let alias = aliases.take(&names::pascal(&point.name));
        let constant = constants.take(&constant_name(&point.name));
        let described = describe(system, point, &alias, &constant);
        files.render_as(
            "src/extensions/_extension.ts",
            &format!("src/extensions/{}.ts", file(point)),
            described.clone(),
            Owner::User,
        )?;
        points.push(described);
    }
    let rows: Vec<Value> = types.into_iter().map(code).collect();
    files.render(
        "src/extensions/types.ts",
        context! { points => points.clone(), rows, json },
    )?;
    files.render("src/extensions/index.ts", context! { points })
}

/// What the module of their types imports, declares, or takes from the language.
const TYPES: &[&str] = &[
    "Call",
    "Date",
    "Extensions",
    "Json",
    "Map",
    "Promise",
    "Readonly",
    "ReadonlyArray",
    "ReadonlyMap",
    "ReadonlySet",
    "Record",
    "Set",
    "Uint8Array",
];

/// What the modules that name their constants import or declare.
const VALUES: &[&str] = &[
    "checkExtensions",
    "extensions",
    "isUnwritten",
    "missing",
    "stable",
    "unwritten",
    "UnwrittenError",
];

/// Modules of our own have these names.
fn file(point: &ExtensionPoint) -> String {
    if matches!(
        point.name.to_lowercase().as_str(),
        "index" | "types" | "unwritten"
    ) {
        format!("{}_extension", point.name)
    } else {
        point.name.clone()
    }
}

fn describe(system: &System, point: &ExtensionPoint, alias: &str, constant: &str) -> Value {
    let parameters: Vec<Value> = point
        .parameters
        .iter()
        .map(|parameter| {
            // A parameter of the type of a function is only a label.
            let label = names::identifier(&parameter.name);
            let label = if label == "call" {
                "call_".to_owned()
            } else {
                label
            };
            context! { name => code(label), ty => code(parameter_type(system, &parameter.ty)) }
        })
        .collect();
    let returns = point
        .returns
        .as_ref()
        .map_or_else(|| "void".to_owned(), |ty| parameter_type(system, ty));
    context! {
        about => comment(point.name.as_str()),
        key => key(point.name.as_str()),
        text => text(point.name.as_str()),
        file => text(format!("./{}.ts", file(point))),
        constant => code(constant),
        alias => code(alias),
        parameters,
        returns => code(returns),
        stable => point.stable,
    }
}
