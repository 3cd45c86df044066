//! The database of a project: what it is configured by, its migrations, and the code that talks to it.

use minijinja::context;

use super::project::FileSet;
use super::templates::{Table, templates, text};
use super::{Build, EmitError, names};

pub(super) const TEMPLATES: Table = templates!["common/.gitignore", "common/package.json.j2",];

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    files.fixed(TEMPLATES, |_| true)?;
    files.render(
        "package.json",
        context! { name => text(names::kebab(&build.system.name)) },
    )
}
