//! What an agent may read and write, path by path, where a path really leads.
//!
//! Reading leaves out environment files, what git and the engine keep, and what git ignores, unless `permissions.read`
//! names it. Writing needs `permissions.write` and the `writes` of the task.

use camino::Utf8Path;
use smallcode_core::glob::Glob;
use smallcode_core::{check, path};

use super::super::Shared;
use super::super::permit::may_write;
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
        for path in [&place.path, &place.real] {
            if is_kept(path) && !self.names(path) {
                return Err(format!(
                    "`{written}` may hold secrets or is kept by a tool; it may not be read"
                ));
            }
        }
        if self.is_ignored(&place.real) && !self.is_permitted(&place.real) {
            return Err(format!("git ignores `{written}`; it may not be read"));
        }
        Ok(place)
    }

    /// The place of a path that may be written; else why not.
    pub(super) fn writes(&self, written: &str) -> Result<Place, String> {
        let place = self.place(written)?;
        for path in [&place.path, &place.real] {
            let allowed = may_write(path, &self.shared.write_permissions)
                && check::uncovered([path.as_str()], &self.writes).is_none();
            if !allowed {
                return Err(format!(
                    "`{written}` may not be written; what may be: {}",
                    self.writes.join(", ")
                ));
            }
        }
        Ok(place)
    }

    /// The files that match a glob and may be read, sorted.
    pub(super) fn list(&self, glob: &str) -> Result<Vec<String>, String> {
        let workspace = &self.shared.workspace;
        let mut found = workspace.glob(glob).map_err(|error| error.to_string())?;
        found.retain(|path| !is_kept(path) || self.names(path));
        if !self.shared.read_permissions.is_empty() {
            let glob = Glob::new(glob)?;
            found.extend(
                self.permitted_files()
                    .into_iter()
                    .filter(|path| glob.matches(path) && (!is_kept(path) || self.names(path))),
            );
            found.sort();
            found.dedup();
        }
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

    /// Whether `permissions.read` covers a path.
    fn is_permitted(&self, path: &str) -> bool {
        check::uncovered([path], &self.shared.read_permissions).is_none()
    }

    /// Whether it names it, and does not only match it with a star.
    fn names(&self, path: &str) -> bool {
        let named = self.shared.read_permissions.iter().filter(|glob| is_kept(glob));
        let named: Vec<String> = named.cloned().collect();
        check::uncovered([path], &named).is_none()
    }

    /// Whether git ignores something that is there.
    fn is_ignored(&self, path: &str) -> bool {
        let root = self.shared.workspace.root();
        let wanted = root.join(path);
        if path == "." || !wanted.exists() {
            return false;
        }
        let target = wanted.clone();
        let mut walk = ignore::WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .filter_entry(move |entry| target.as_std_path().starts_with(entry.path()))
            .build();
        !walk.any(|entry| entry.is_ok_and(|entry| entry.path() == wanted.as_std_path()))
    }

    /// The files that `permissions.read` names, whether or not git ignores them.
    fn permitted_files(&self) -> Vec<String> {
        let root = self.shared.workspace.root();
        let globs = self.shared.read_permissions.iter();
        let globs: Vec<Glob> = globs.filter_map(|glob| Glob::new(glob).ok()).collect();
        let walk = ignore::WalkBuilder::new(root)
            .standard_filters(false)
            .filter_entry(|entry| entry.file_name() != ".smallcode")
            .build();
        let files = walk.filter_map(Result::ok).take(MAX_FILES).filter_map(|entry| {
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let path = Utf8Path::from_path(entry.path())?.strip_prefix(root).ok()?;
            is_file.then(|| path.to_string())
        });
        files
            .filter(|path| globs.iter().any(|glob| glob.matches(path)))
            .collect()
    }
}

/// Whether a path leads through what is not shown.
fn is_kept(path: &str) -> bool {
    path.split('/')
        .any(|name| name.starts_with(".env") || matches!(name, ".git" | ".smallcode"))
}
