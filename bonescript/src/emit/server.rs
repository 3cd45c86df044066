//! The heart of the backend: the process, authentication, policies, rows over HTTP and capabilities.
//!
//! What every system needs alike are fixed modules below `templates/`. Of each entity and each capability one file says
//! what is its own; the fixed modules read it.

mod capability;
mod effect;
mod entity;
mod extension;
mod loading;
mod policy;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod typescript;

use minijinja::context;

pub(super) use capability::path as capability_path;
pub(super) use entity::{entity_file, entity_name, row_type};
pub(super) use loading::input_name;
pub(super) use rules::{EntityRules, Rules};
pub(super) use schema::Schemas;
pub(super) use typescript::{names_json, parameter_type, rows_in, value_type};

use super::project::FileSet;
use super::templates::{Templates, templates, text};
use super::{Build, EmitError, Target, names};
use crate::ir;

pub(super) static TEMPLATES: Templates = templates! {
    "common/src/app.ts",
    "common/src/auth/caller.ts",
    "common/src/auth/grant.ts",
    "common/src/auth/keys.ts",
    "common/src/auth/oidc.ts",
    "common/src/auth/passwords.ts",
    "common/src/auth/routes.ts",
    "common/src/auth/secrets.ts",
    "common/src/auth/session.ts",
    "common/src/auth/signup.ts",
    "common/src/auth/tokens.ts.j2",
    "common/src/capabilities/_capability.ts.j2",
    "common/src/capabilities/definition.ts.j2",
    "common/src/capabilities/index.ts.j2",
    "common/src/capabilities/registry.ts",
    "common/src/capabilities/routes.ts.j2",
    "common/src/capabilities/rows.ts",
    "common/src/capabilities/run.ts.j2",
    "common/src/config.ts.j2",
    "common/src/context.ts",
    "common/src/entities/_entity.ts.j2",
    "common/src/entities/creation.ts",
    "common/src/entities/definition.ts",
    "common/src/entities/index.ts.j2",
    "common/src/entities/ownership.ts",
    "common/src/entities/relations.ts",
    "common/src/entities/requests.ts",
    "common/src/entities/routes.ts",
    "common/src/entities/rows.ts",
    "common/src/environment.ts",
    "common/src/errors.ts",
    "common/src/expressions.ts",
    "common/src/extensions/_extension.ts.j2",
    "common/src/extensions/index.ts.j2",
    "common/src/extensions/types.ts.j2",
    "common/src/extensions/unwritten.ts",
    "common/src/health.ts",
    "common/src/json.ts",
    "common/src/logger.ts",
    "common/src/machines.ts",
    "common/src/main.ts",
    "common/src/metrics.ts",
    "common/src/policies/audit.ts",
    "common/src/policies/guard.ts",
    "common/src/policies/idempotency.ts",
    "common/src/policies/policies.ts.j2",
    "common/src/policies/rate-limit.ts",
    "common/src/problems.ts",
    "common/src/schemas/_schema.ts.j2",
    "common/src/schemas/values.ts",
    "postgres/src/database/errors.ts",
    "postgres/src/database/locks.ts",
    "sqlite/src/database/errors.ts",
    "sqlite/src/database/locks.ts",
};

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    let system = build.system;
    let rules = Rules::of(system);
    files.fixed(|_| true)?;
    files.render(
        "src/config.ts",
        context! { postgres => build.target == Target::Postgres },
    )?;
    files.render(
        "src/auth/tokens.ts",
        context! { system => text(names::kebab(&system.name)) },
    )?;
    entity::emit(system, &rules, files)?;
    policy::emit(system, files)?;
    extension::emit(system, files)?;
    capability::emit(system, files)
}

/// The name of a file, without its ending.
fn file_name(name: &str) -> String {
    let kebab = names::kebab(name);
    // What differs in its hyphens only must not become one file.
    if name.contains("__") || name.starts_with('_') || name.ends_with('_') {
        names::snake(name)
    } else {
        kebab
    }
}

/// The name of a constant: `order_items` to `orderItems`. Two names never give the same one.
fn constant_name(name: &str) -> String {
    let snake = names::snake(name);
    let regular = snake.split('_').enumerate().all(|(at, word)| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || at == 0 && first == '_')
    });
    if regular {
        names::identifier(&names::camel(&snake))
    } else {
        names::identifier(&snake)
    }
}

/// The columns that keep the password or key of an entity, and name its rows at the login.
fn secret_of(entity: &ir::Entity) -> Option<&ir::Column> {
    entity.login()?;
    entity.columns.iter().find(|column| {
        column.sensitive
            && !matches!(column.kind, ir::ColumnKind::Derived(_))
            && matches!(column.ty, ir::Type::String | ir::Type::Bytes)
            && !entity.uniques.contains(&column.name)
    })
}
