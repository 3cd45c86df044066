//! What stands around the server: the description of its API, clients of it, tests, the admin panel, and what it is
//! started and shipped with.

mod example;
mod graphql;
mod openapi;
mod operation;
mod papers;
mod postman;
mod schema;
mod sdk;
mod suite;
#[cfg(test)]
mod tests;

use super::project::{FileSet, Owner};
use super::templates::{Templates, templates};
use super::{Build, EmitError};

pub(super) static TEMPLATES: Templates = templates! {
    "common/.dockerignore",
    "common/.env.example.j2",
    "common/.github/workflows/ci.yaml.j2",
    "common/Dockerfile",
    "common/README.md.j2",
    "common/admin/admin.css",
    "common/admin/admin.js",
    "common/admin/index.html",
    "common/compose.yaml.j2",
    "common/sdk/client.ts.j2",
    "common/sdk/http.ts",
    "common/sdk/react.ts",
    "common/sdk/types.ts.j2",
    "common/src/admin.ts",
    "common/src/seed.ts.j2",
    "common/tests/auth.test.ts",
    "common/tests/authorization.test.ts",
    "common/tests/capabilities.test.ts",
    "common/tests/planted.ts",
    "common/tests/problems.test.ts",
    "common/tests/rows.test.ts",
    "common/tests/sdk.test.ts",
    "common/tests/support.ts",
    "common/tests/system.ts.j2",
    "common/tests/wire.ts",
};

/// Programs: clients, tests, the admin panel.
pub(super) fn emit_programs(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    files.fixed(|_| true)?;
    sdk::emit(build.system, files)?;
    suite::emit(build.system, files)
}

/// Papers: what describes the routes, and what the project is started and shipped with.
pub(super) fn emit_papers(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    let operations = operation::all(build.system);
    papers::emit(build, &operations, files)?;
    files.add(
        "schema.graphql",
        graphql::document(build.system),
        Owner::Generated,
    )?;
    files.add(
        format!("{}.postman_collection.json", build.system.name),
        postman::collection(build.system, &operations),
        Owner::Generated,
    )?;
    files.add(
        "openapi.json",
        openapi::document(build.system, &operations),
        Owner::Generated,
    )
}
