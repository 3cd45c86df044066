//! What a model may write: inside the workspace, and only what the workflow's `permissions` allow.

use std::collections::HashSet;

use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::{check, path};

use super::Shared;
use crate::workspace::Workspace;

/// The path inside the workspace, when a model may write it.
pub(super) fn allowed(shared: &Shared, written: &str) -> Result<String, Failure> {
    let denied = |reason: String| Failure::new(FailureClass::Denied, format!("`{written}`: {reason}"));
    let path = path::inside(written)
        .map_err(|error| denied(error.to_string()))?
        .to_string();
    if !may_write(&path, &shared.write_permissions) {
        return Err(denied(
            "the workflow's `permissions: { write }` do not allow a model to write it".to_owned(),
        ));
    }
    Ok(path)
}

/// Whether each file may be written where it really goes, and nothing is written twice.
pub(super) fn permitted(
    workspace: &Workspace,
    permissions: &[String],
    files: &[(String, String)],
) -> Result<(), Failure> {
    let mut reals = HashSet::new();
    for (path, _) in files {
        let real = workspace
            .destination(path)
            .map_err(|error| Failure::new(FailureClass::Denied, error.to_string()))?;
        if real != *path && !may_write(&real, permissions) {
            let message = format!("`{path}` leads to `{real}`, which a model may not write");
            return Err(Failure::new(FailureClass::Denied, message));
        }
        if !reals.insert(real) {
            // Which of the two is meant can't be known.
            let message =
                format!("the answer gives `{path}` twice; each file must stand in one code block, whole");
            return Err(Failure::new(FailureClass::Unparseable, message));
        }
    }
    Ok(())
}

/// Whether a model may write a path. What git and the engine keep is never its to write.
pub(super) fn may_write(path: &str, permissions: &[String]) -> bool {
    path::kept(path).is_none() && check::uncovered([path], permissions).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_given_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(root.join("src")).unwrap();
        std::os::unix::fs::symlink("src", root.join("link")).unwrap();
        let workspace = Workspace::open(root).unwrap();
        let permissions = ["**".to_owned()];
        let given = |paths: &[&str]| -> Vec<(String, String)> {
            let file = |path: &&str| ((*path).to_owned(), "text".to_owned());
            paths.iter().map(file).collect()
        };
        for paths in [["src/a.rs", "src/a.rs"], ["src/a.rs", "link/a.rs"]] {
            let failure = permitted(&workspace, &permissions, &given(&paths)).unwrap_err();
            assert_eq!(failure.class, FailureClass::Unparseable, "{failure:?}");
            assert!(failure.message.contains("twice"), "{failure:?}");
        }
        permitted(&workspace, &permissions, &given(&["src/a.rs", "link/b.rs"])).unwrap();
    }
}
