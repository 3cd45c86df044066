//! What an agent may read and write, path by path, where a path really leads.
//!
//! Reading is as free as that of every model; writing needs `permissions.write` and the `writes` of the task.

use smallcode_core::{check, path};

use super::super::Shared;
use super::super::permit::{may_write, readable, shown};
use crate::workspace::FileError;

/// The most files that are listed or searched: a larger tree than this is not looked through by a small model.
const MAX_FILES: usize = 100_000;

/// What one agent may do with files.
pub(super) struct Access<'a> {
    shared: &'a Shared,
    /// The globs that the task writes.
    writes: Vec<String>,
}

/// A path that may be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As it was named, clean.
    pub(super) path: String,
    /// Where it leads.
    pub(super) real: String,
}

impl<'a> Access<'a> {
    pub(super) fn new(shared: &'a Shared, writes: Vec<String>) -> Self {
        Self { shared, writes }
    }

    /// The place of a path that may be read; else why not.
    pub(super) fn reads(&self, written: &str) -> Result<Place, String> {
        let place = self.place(written)?;
        if place.real == "." {
            return Ok(place);
        }
        readable(self.shared, &place.path)
            .map(|_| place)
            .map_err(|failure| failure.message)
    }

    /// The place of a path that may be written; else why not.
    pub(super) fn writes(&self, written: &str) -> Result<Place, String> {
        let place = self.place(written)?;
        for path in [&place.path, &place.real] {
            let allowed = may_write(path, &self.shared.write_permissions)
                && check::uncovered([path.as_str()], &self.writes).is_none();
            if !allowed {
                let leads = if place.real == place.path {
                    String::new()
                } else {
                    format!(", as it leads to `{}`", place.real)
                };
                return Err(format!(
                    "`{written}` may not be written{leads}; what may be: {}",
                    self.writes.join(", ")
                ));
            }
        }
        match self.shared.workspace.not_for_a_file(&place.real) {
            Some(why) => Err(format!("`{written}` can't be written: {why}")),
            None => Ok(place),
        }
    }

    /// The files that match a glob and may be read, sorted.
    pub(super) fn list(&self, glob: &str) -> Result<Vec<String>, String> {
        let mut found = shown(self.shared, glob).map_err(|error| error.to_string())?;
        found.truncate(MAX_FILES);
        Ok(found)
    }

    fn place(&self, written: &str) -> Result<Place, String> {
        let path = path::inside(written.trim())
            .map_err(|error| format!("`{written}`: {error}"))?
            .to_string();
        let real = self.shared.workspace.destination(&path);
        let real = real.map_err(|error| match error {
            FileError::Escapes { .. } => format!("`{written}` leads out of the project"),
            error => error.to_string(),
        })?;
        // The folder itself.
        let real = if real.is_empty() { ".".to_owned() } else { real };
        Ok(Place { path, real })
    }
}
