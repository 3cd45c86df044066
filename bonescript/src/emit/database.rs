//! The database of a project: what it is configured by, its migrations, and the code that talks to it.

mod create;
mod dialect;
mod difference;
mod expression;
mod lower;
mod migration;
mod rows;
mod runtime;
mod schema;
#[cfg(test)]
mod tests;
mod timestamp;
mod triggers;

use minijinja::{Value, context};

pub use migration::Migration;

use super::project::{FileSet, Owner};
use super::templates::{Templates, key, templates, text};
use super::{Build, EmitError, Target, names};
use crate::ir::System;

pub(super) static TEMPLATES: Templates = templates! {
    "common/.gitignore",
    "common/.prettierignore",
    "common/.prettierrc.json",
    "common/eslint.config.js",
    "common/src/database/attempts.ts",
    "common/src/database/codec.ts",
    "common/src/database/columns.ts.j2",
    "common/src/database/constraints.ts.j2",
    "common/src/database/ledger.ts",
    "common/src/database/runtime.ts",
    "common/src/database/types.ts.j2",
    "common/tsconfig.build.json",
    "common/tsconfig.json",
    "postgres/package-lock.json.j2",
    "postgres/package.json.j2",
    "postgres/src/database/client.ts",
    "postgres/src/database/migrate.ts",
    "postgres/src/database/transaction.ts",
    "sqlite/package-lock.json.j2",
    "sqlite/package.json.j2",
    "sqlite/src/database/client.ts",
    "sqlite/src/database/dialect.ts",
    "sqlite/src/database/functions.ts",
    "sqlite/src/database/migrate.ts",
    "sqlite/src/database/transaction.ts",
};

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    files.fixed(|_| true)?;
    for path in ["package.json", "package-lock.json"] {
        let name = text(package_name(&build.system.name));
        files.render(path, context! { name })?;
    }
    rows::emit(build.system, files)?;
    let next = migration::next(build.system, build.target, build.previous)?;
    files.render(
        "src/database/constraints.ts",
        context! { constraints => constraints(&next.schema) },
    )?;
    if let Some(path) = next.path {
        files.add(path, next.migration.sql, Owner::Migration)?;
    }
    files.add("migrations/schema.json", next.memory, Owner::Generated)
}

/// What leads from the database that `previous`, the text of a `migrations/schema.json`, describes to that of the system;
/// from nothing without it.
pub fn diff(previous: Option<&str>, system: &System, target: Target) -> Result<Migration, EmitError> {
    Ok(migration::next(system, target, previous)?.migration)
}

/// The text of the `migrations/schema.json` of a system that was never compiled before.
pub fn schema(system: &System, target: Target) -> Result<String, EmitError> {
    Ok(migration::next(system, target, None)?.memory)
}

/// Constraints, in words that a client may read.
fn constraints(schema: &schema::Schema) -> Vec<Value> {
    let mut all = Vec::new();
    for table in &schema.tables {
        for constraint in &table.constraints {
            if let Some(said) = &constraint.text {
                let columns: Vec<Value> = constraint.columns.iter().map(|column| text(&**column)).collect();
                all.push(context! {
                    name => key(&*constraint.name),
                    table => text(&*table.name),
                    unique => constraint.sql.starts_with("UNIQUE"),
                    columns,
                    text => text(&**said),
                });
            }
        }
        for (name, said) in &table.refusals {
            all.push(context! {
                name => key(&**name),
                table => text(&*table.name),
                unique => false,
                columns => Vec::<Value>::new(),
                text => text(&**said),
            });
        }
    }
    all
}

/// Never the name of a dependency: npm refuses those.
fn package_name(system: &str) -> String {
    format!("{}-backend", names::kebab(system).trim_start_matches('-'))
        .trim_start_matches('-')
        .to_owned()
}
