//! The database of a project: what it is configured by, its migrations, and the code that talks to it.

use minijinja::context;

use super::project::FileSet;
use super::templates::{Table, templates, text};
use super::{Build, EmitError, names};

pub(super) const TEMPLATES: Table = templates! {
    "common/.gitignore",
    "common/.prettierignore",
    "common/.prettierrc.json",
    "common/eslint.config.js",
    "common/tsconfig.build.json",
    "common/tsconfig.json",
    "postgres/package-lock.json.j2",
    "postgres/package.json.j2",
    "sqlite/package-lock.json.j2",
    "sqlite/package.json.j2",
};

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    files.fixed(TEMPLATES, |_| true)?;
    for path in ["package.json", "package-lock.json"] {
        let name = text(package_name(&build.system.name));
        files.render(path, context! { name })?;
    }
    Ok(())
}

/// Never the name of a dependency: npm refuses those.
fn package_name(system: &str) -> String {
    format!("{}-backend", names::kebab(system).trim_start_matches('-'))
        .trim_start_matches('-')
        .to_owned()
}
