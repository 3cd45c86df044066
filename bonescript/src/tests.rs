//! The language as a whole: programs that are right, and what is said of those that are not.

use super::*;

mod codes;
pub(crate) mod examples;
mod imports;
mod meaning;
mod points;
mod properties;
mod recovery;
mod style;

/// The text of an emitted file.
pub(crate) fn file<'a>(project: &'a crate::emit::Project, path: &str) -> &'a str {
    let found = project.files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("no `{path}`")).text
}
