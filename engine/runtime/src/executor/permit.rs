//! What a model may read and write: inside the workspace, and only what the workflow's `permissions` allow.

use std::collections::HashSet;

use smallcode_core::check::{self, may_read};
use smallcode_core::path::{self, is_private};
use smallcode_core::run::{Failure, FailureClass};

use super::Shared;
use crate::workspace::{FileError, Workspace};

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

/// The refusal of a path that the workflow names: no other answer of a model changes it.
pub(super) fn of_workflow(mut failure: Failure) -> Failure {
    if failure.class == FailureClass::Denied {
        failure.class = FailureClass::Expression;
    }
    failure
}

/// Sees, before a model is asked for it, that a file which the workflow names may and can be written; gives its path
/// inside the workspace, and that without symbolic links.
///
/// # Errors
/// When it may not or can't, whatever is answered.
pub(super) fn to_write(shared: &Shared, written: &str) -> Result<(String, String), Failure> {
    let path = allowed(shared, written).map_err(of_workflow)?;
    let wrong = |message: String| Failure::new(FailureClass::Expression, message);
    let workspace = &shared.workspace;
    let real = workspace
        .destination(&path)
        .map_err(|error| wrong(error.to_string()))?;
    if real != path && !may_write(&real, &shared.write_permissions) {
        return Err(wrong(format!(
            "`{path}` leads to `{real}`, which a model may not write"
        )));
    }
    match workspace.not_for_a_file(&real) {
        Some(why) => Err(wrong(format!("`{path}` can't be written: {why}"))),
        None => Ok((path, real)),
    }
}

/// Sees that a model may be shown a file, which may not be there; gives the path that it is to be read by, without
/// symbolic links: one that is put there later must not lead elsewhere.
///
/// Whoever named it: what git ignores, and what may hold secrets, is shown only where `permissions: { read }` says so.
pub(super) fn readable(shared: &Shared, path: &str) -> Result<String, Failure> {
    let denied = |message: String| Failure::new(FailureClass::Denied, message);
    let workspace = &shared.workspace;
    let real = match workspace.destination(path) {
        Ok(real) => real,
        Err(error @ (FileError::Escapes { .. } | FileError::Dangling { .. })) => {
            return Err(denied(error.to_string()));
        }
        // Reading it will say what is wrong.
        Err(_) => return Ok(path.to_owned()),
    };
    let permissions = &shared.read_permissions;
    for path in [path, real.as_str()] {
        let why = if path.split('/').any(|part| matches!(part, ".git" | ".smallcode")) {
            "is kept by git or by the engine"
        } else if is_private(path) {
            "may hold secrets"
        } else if workspace.is_ignored(&real) {
            "is ignored by git"
        } else {
            continue;
        };
        if !may_read(path, permissions) {
            return Err(denied(format!(
                "`{path}` {why}; to show it to a model, name it: `permissions: {{ read: [\"{path}\"] }}`"
            )));
        }
    }
    Ok(real)
}

/// The files that a glob stands for and a model may be shown: those that git does not ignore, and what the workflow's
/// permissions name beside them.
pub(super) fn shown(shared: &Shared, pattern: &str) -> Result<Vec<String>, FileError> {
    let mut found = shared.workspace.glob(pattern)?;
    found.retain(|path| !is_private(path));
    if !shared.read_permissions.is_empty() {
        let all = shared.workspace.glob_of_all(pattern)?;
        found.extend(
            all.into_iter()
                .filter(|path| may_read(path, &shared.read_permissions)),
        );
        found.sort();
        found.dedup();
    }
    Ok(found)
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
