//! What stands around the server: the description of its API, clients of it, tests, the admin panel, and what it is
//! started and shipped with.

mod example;
mod openapi;
mod operation;
mod schema;

use super::project::{FileSet, Owner};
use super::templates::{Table, templates};
use super::{Build, EmitError};

pub(super) const TEMPLATES: Table = templates! {
    "common/admin/admin.css",
    "common/admin/admin.js",
    "common/admin/index.html",
    "common/src/admin.ts",
};

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    files.fixed(TEMPLATES, |_| true)?;
    let operations = operation::all(build.system);
    files.add(
        "openapi.json",
        openapi::document(build.system, &operations),
        Owner::Generated,
    )
}
