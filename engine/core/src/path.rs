//! Paths as text: what stays inside the workspace and what does not. Symbolic links are the runtime's business.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// The longest path that is accepted, in bytes: Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// Why a path is not one inside the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
    /// It starts at the root of the file system.
    #[error("the path is absolute; paths are relative to the workspace")]
    Absolute,
    /// `..` leads out.
    #[error("the path leaves the workspace through `..`")]
    Outside,
    /// A NUL byte, or a length that no system takes.
    #[error("the path holds a NUL byte or is longer than 4,096 bytes")]
    Unusable,
}

/// The path without `.` and `..`, when it stays inside the folder that it is relative to. `.` is that folder.
///
/// # Errors
/// When the path is empty, absolute, leaves the folder or can't be a path at all.
pub fn inside(path: &str) -> Result<Utf8PathBuf, PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > MAX_PATH || path.contains('\0') {
        return Err(PathError::Unusable);
    }
    let mut clean = Utf8PathBuf::new();
    for component in Utf8Path::new(path).components() {
        match component {
            Utf8Component::Prefix(_) | Utf8Component::RootDir => return Err(PathError::Absolute),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                if !clean.pop() {
                    return Err(PathError::Outside);
                }
            }
            Utf8Component::Normal(part) => clean.push(part),
        }
    }
    Ok(if clean.as_str().is_empty() {
        Utf8PathBuf::from(".")
    } else {
        clean
    })
}

/// The folder on a path or glob that git or the engine keeps for itself, and no task may write in.
pub fn kept(path: &str) -> Option<&'static str> {
    // Some file systems take `.GIT` for the same.
    path.split('/').find_map(|name| {
        [".git", ".smallcode"]
            .into_iter()
            .find(|kept| name.eq_ignore_ascii_case(kept))
    })
}

/// Names that stand for secrets, and for what git and the engine keep.
const PRIVATE: [&str; 3] = [".env", ".git", ".smallcode"];

/// The private name that a part of a path or glob is, or begins with: `.env.local` is one, `.gitignore` is none.
pub(crate) fn private_name(part: &str) -> Option<&'static str> {
    let is = |name: &&str| part == *name || *name == ".env" && part.starts_with(name);
    PRIVATE.into_iter().find(is)
}

/// Whether a path is one that a model is not shown unless the workflow names it: it may hold secrets, or git or the
/// engine keeps it.
pub fn is_private(path: &str) -> bool {
    path.split('/').any(|part| private_name(part).is_some())
}

/// Joins a path to the folder of another file and takes `.` and `..` out; unlike [`inside`] it may lead upwards.
pub fn beside(file: &Utf8Path, path: &str) -> Utf8PathBuf {
    let mut joined = file.parent().map(Utf8Path::to_path_buf).unwrap_or_default();
    for component in Utf8Path::new(path).components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                let up = joined.file_name().is_some();
                if !(up && joined.pop()) {
                    joined.push("..");
                }
            }
            Utf8Component::Prefix(_) | Utf8Component::RootDir | Utf8Component::Normal(_) => {
                joined.push(component);
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_keeps_in() {
        assert_eq!(inside("a/./b/../c").unwrap(), "a/c");
        assert_eq!(inside(".").unwrap(), ".");
        assert_eq!(inside("a/..").unwrap(), ".");
        for (path, error) in [
            ("", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("../x", PathError::Outside),
            ("a/../../x", PathError::Outside),
            ("a\0b", PathError::Unusable),
        ] {
            assert_eq!(inside(path), Err(error), "{path:?}");
        }
    }

    #[test]
    fn some_folders_are_kept() {
        for (path, folder) in [
            (".git", Some(".git")),
            ("a/.GIT/hooks/**", Some(".git")),
            (".smallcode/x", Some(".smallcode")),
            (".gitignore", None),
            ("**", None),
        ] {
            assert_eq!(kept(path), folder, "{path}");
        }
    }

    #[test]
    fn beside_may_lead_upwards() {
        assert_eq!(
            beside("flows/a/workflow.yaml".into(), "../b/workflow.yaml"),
            "flows/b/workflow.yaml"
        );
        assert_eq!(beside("workflow.yaml".into(), "../b.yaml"), "../b.yaml");
        assert_eq!(beside("../workflow.yaml".into(), "../b.yaml"), "../../b.yaml");
        assert_eq!(beside("a/w.yaml".into(), "/b.yaml"), "/b.yaml");
    }
}
