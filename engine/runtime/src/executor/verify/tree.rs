//! What stands in the workspace behind a path or glob, and whether it has changed.
//!
//! Unlike `glob()` in an expression, nothing is left out because git ignores it: a verifier that looks away would
//! pass what it was to refuse.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::glob::{self, Glob};
use smallcode_core::path;
use smallcode_core::run::{Failure, FailureClass};

/// Files with a digest of what they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, blake3::Hash>);

impl Tree {
    /// Looks at everything behind a path or glob.
    ///
    /// # Errors
    /// When it leads out of the workspace, or a file can't be read.
    pub(super) fn look(root: &Utf8Path, pattern: &str) -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        for path in list(root, pattern)? {
            match digest(&root.join(&path)) {
                Ok(Some(digest)) => drop(found.insert(path, digest)),
                // A folder, or what another task took away meanwhile.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("could not read `{path}`: {error}");
                    return Err(Failure::new(FailureClass::Io, message));
                }
            }
        }
        Ok(Self(found))
    }

    /// What is otherwise later, a line for each file.
    pub(super) fn changes(&self, later: &Self) -> Vec<String> {
        let before = self
            .0
            .iter()
            .filter_map(|(path, digest)| match later.0.get(path) {
                None => Some(format!("`{path}` is gone")),
                Some(now) if now != digest => Some(format!("`{path}` was changed")),
                Some(_) => None,
            });
        let new = later.0.keys().filter(|path| !self.0.contains_key(*path));
        before.chain(new.map(|path| format!("`{path}` is new"))).collect()
    }
}

/// The paths behind a path or glob, sorted: files and links, and the path itself where it is a folder.
///
/// # Errors
/// When it is no glob, or leads out of the workspace.
pub(super) fn list(root: &Utf8Path, pattern: &str) -> Result<Vec<String>, Failure> {
    let refuse = |reason: String| Failure::new(FailureClass::Expression, format!("`{pattern}`: {reason}"));
    let plain: Utf8PathBuf = pattern
        .split('/')
        .take_while(|part| !glob::is_pattern(part))
        .collect::<Vec<_>>()
        .join("/")
        .into();
    let start = if plain.as_str().is_empty() && !pattern.starts_with('/') {
        Utf8PathBuf::from(".")
    } else if pattern.starts_with('/') {
        return Err(refuse(path::PathError::Absolute.to_string()));
    } else {
        path::inside(plain.as_str()).map_err(|error| refuse(error.to_string()))?
    };
    let whole = !glob::is_pattern(pattern);
    let glob = Glob::new(pattern).map_err(|reason| refuse(format!("no glob: {reason}")))?;
    let walk = ignore::WalkBuilder::new(root.join(&start))
        .standard_filters(false)
        .filter_entry(|entry| {
            entry.depth() == 0 || !matches!(entry.file_name().to_str(), Some(".git" | ".smallcode"))
        })
        .build();
    let mut found = Vec::new();
    // What is not there, or can't be looked into, is not found.
    for entry in walk.filter_map(Result::ok) {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let inside = Utf8Path::from_path(entry.path()).and_then(|path| path.strip_prefix(root).ok());
        let Some(path) = inside.map(|path| path.strip_prefix(".").unwrap_or(path)) else {
            continue;
        };
        // A plain path stands for itself, and a folder for all in it.
        let meant = if whole {
            !is_folder || entry.depth() == 0
        } else {
            !is_folder && glob.matches(path.as_str())
        };
        if meant {
            found.push(path.to_string());
        }
    }
    found.sort();
    Ok(found)
}

/// What a file holds and whether it can be run, or where a link leads; nothing for a folder.
fn digest(path: &Utf8Path) -> io::Result<Option<blake3::Hash>> {
    let about = fs::symlink_metadata(path)?;
    let mut hasher = blake3::Hasher::new();
    if about.is_symlink() {
        hasher.update(b"link ");
        hasher.update(fs::read_link(path)?.as_os_str().as_encoded_bytes());
    } else if about.is_file() {
        let runs = about.permissions().mode() & 0o111 != 0;
        hasher.update(if runs { b"runs " } else { b"file " });
        io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    } else {
        // A folder has no content; a pipe or socket would not end.
        return Ok(None);
    }
    Ok(Some(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_seen_also_where_git_looks_away() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        for file in ["t/a", "t/deep/b", "t/c", "t/same", "other"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), file).unwrap();
        }
        fs::write(root.join(".gitignore"), "t/\n").unwrap();
        std::os::unix::fs::symlink("a", root.join("t/link")).unwrap();
        let look = |pattern: &str| Tree::look(root, pattern).unwrap();
        let before = ["t/**", "t", "./t/**/*", "**"].map(|pattern| (pattern, look(pattern)));
        fs::write(root.join("t/a"), "A").unwrap();
        fs::remove_file(root.join("t/deep/b")).unwrap();
        fs::set_permissions(root.join("t/c"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(root.join("t/new"), "").unwrap();
        fs::remove_file(root.join("t/link")).unwrap();
        std::os::unix::fs::symlink("c", root.join("t/link")).unwrap();
        for (pattern, before) in before {
            assert_eq!(
                before.changes(&look(pattern)),
                [
                    "`t/a` was changed",
                    "`t/c` was changed",
                    "`t/deep/b` is gone",
                    "`t/link` was changed",
                    "`t/new` is new"
                ],
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_stands_behind_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        fs::create_dir_all(root.join("d/.git")).unwrap();
        fs::write(root.join("d/x.md"), "").unwrap();
        fs::write(root.join("d/.git/config"), "").unwrap();
        let found = |pattern: &str| list(root, pattern).unwrap().join(" ");
        assert_eq!(found("d"), "d d/x.md");
        assert_eq!(found("d/x.md"), "d/x.md");
        assert_eq!(found("./d/*.md"), "d/x.md");
        assert_eq!(found("**"), "d/x.md");
        assert_eq!(found("d/gone"), "");
        for outside in ["../x", "/etc/passwd", "d/../../x/*", "/**"] {
            assert!(list(root, outside).is_err(), "{outside}");
        }
    }
}
