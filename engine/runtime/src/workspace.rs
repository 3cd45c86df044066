//! The workspace: files that are read and written inside one folder, symbolic links considered.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::load::Files;
use smallcode_core::{path, yaml};

/// The most bytes that `read()` takes in: what an expression may hold (16 MiB), as its output cap is.
const MAX_READ: u64 = 16 << 20;

/// The most paths that `glob()` gives: as many items as a task may have.
const MAX_GLOB: usize = 1_000_000;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path is not one inside the workspace.
    #[error("`{path}`: {reason}")]
    Path {
        /// The path as it was given.
        path: String,
        /// Why not.
        reason: path::PathError,
    },
    /// A symbolic link leads out of the workspace.
    #[error("`{path}` leads out of the workspace through a symbolic link")]
    Escapes {
        /// The path as it was given.
        path: String,
    },
    /// The file is larger than can be taken in.
    #[error("`{path}` has {bytes} bytes; at most {MAX_READ} can be taken in")]
    TooLarge {
        /// The path as it was given.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// The file is no text.
    #[error("`{path}` is not UTF-8")]
    NotText {
        /// The path as it was given.
        path: String,
    },
    /// A glob can't be read.
    #[error("`{pattern}` is no glob: {reason}")]
    Glob {
        /// The glob.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// The system refused.
    #[error("could not {doing} `{path}`: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The path as it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A folder whose files a run reads and writes.
#[derive(Debug)]
pub struct Workspace {
    root: Utf8PathBuf,
    /// Folders that were seen to lie inside: most writes of a run go to few folders.
    inside: Mutex<HashSet<Utf8PathBuf>>,
}

impl Workspace {
    /// Opens a folder, which must be there.
    ///
    /// # Errors
    /// When it is not there, or its path is not UTF-8.
    pub fn open(root: &Utf8Path) -> Result<Self, FileError> {
        let root = root
            .canonicalize_utf8()
            .map_err(io_error("open", root.as_str()))?;
        if !root.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(FileError::Io {
                doing: "open",
                path: root.to_string(),
                source,
            });
        }
        Ok(Self {
            root,
            inside: Mutex::default(),
        })
    }

    /// Its folder, without symbolic links.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The folder that a relative path names, for commands to run in.
    ///
    /// # Errors
    /// When the path leaves the workspace, or is no folder.
    pub fn folder(&self, path: &str) -> Result<Utf8PathBuf, FileError> {
        let full = self.existing(path)?;
        if !full.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(FileError::Io {
                doing: "run in",
                path: path.to_owned(),
                source,
            });
        }
        Ok(full)
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// When it lies outside, is too large, is no text or can't be read.
    pub fn read(&self, path: &str) -> Result<String, FileError> {
        let full = self.existing(path)?;
        let file = fs::File::open(&full).map_err(io_error("read", path))?;
        let bytes = file.metadata().map_err(io_error("read", path))?.len();
        if bytes > MAX_READ {
            return Err(FileError::TooLarge {
                path: path.to_owned(),
                bytes,
            });
        }
        let mut text = Vec::new();
        file.take(MAX_READ)
            .read_to_end(&mut text)
            .map_err(io_error("read", path))?;
        String::from_utf8(text).map_err(|_| FileError::NotText {
            path: path.to_owned(),
        })
    }

    /// Whether a path inside is there.
    pub fn exists(&self, path: &str) -> bool {
        self.existing(path).is_ok()
    }

    /// The files that match a glob, sorted. What git ignores and hidden folders of tools are left out.
    ///
    /// # Errors
    /// When it is no glob.
    pub fn glob(&self, pattern: &str) -> Result<Vec<String>, FileError> {
        let glob = smallcode_core::glob::Glob::new(pattern).map_err(|reason| FileError::Glob {
            pattern: pattern.to_owned(),
            reason,
        })?;
        let walk = ignore::WalkBuilder::new(&self.root)
            .hidden(false)
            .require_git(false)
            .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some(".git" | ".smallcode")))
            .build();
        let mut found = Vec::new();
        for entry in walk.filter_map(Result::ok) {
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Some(path) = Utf8Path::from_path(entry.path()) else {
                continue;
            };
            let Ok(path) = path.strip_prefix(&self.root) else {
                continue;
            };
            if glob.matches(path.as_str()) && found.len() < MAX_GLOB {
                found.push(path.to_string());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Writes a file whole or not at all; its folders are made. A file that is there keeps its mode.
    ///
    /// The file is complete after a crash of the engine; it is not synchronised to the disk, as the outputs of
    /// commands are not.
    ///
    /// # Errors
    /// When the path leads outside or can't be written.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let inside = path::inside(path).map_err(|reason| FileError::Path {
            path: path.to_owned(),
            reason,
        })?;
        let (Some(folder), Some(name)) = (inside.parent(), inside.file_name()) else {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(FileError::Io {
                doing: "write",
                path: path.to_owned(),
                source,
            });
        };
        let folder = self.make_folder(folder, path)?;
        let target = folder.join(name);
        let before = fs::symlink_metadata(&target).ok();
        if before.as_ref().is_some_and(fs::Metadata::is_symlink) {
            // A link is followed only to where it leads inside.
            let real = target.canonicalize_utf8().map_err(io_error("write", path))?;
            if !real.starts_with(&self.root) {
                return Err(FileError::Escapes {
                    path: path.to_owned(),
                });
            }
            return replace(&real, bytes, fs::metadata(&real).ok().as_ref()).map_err(io_error("write", path));
        }
        replace(&target, bytes, before.as_ref()).map_err(io_error("write", path))
    }

    /// Where a write to a path would go, relative to the root, symbolic links followed.
    ///
    /// # Errors
    /// When that is outside.
    pub fn destination(&self, path: &str) -> Result<String, FileError> {
        let inside = path::inside(path).map_err(|reason| FileError::Path {
            path: path.to_owned(),
            reason,
        })?;
        let mut there = self.root.join(&inside);
        let mut rest = Vec::new();
        // A link that leads nowhere is there too, and can't be followed.
        while fs::symlink_metadata(&there).is_err() {
            rest.extend(there.file_name().map(str::to_owned));
            if there == self.root || !there.pop() {
                break;
            }
        }
        let mut real = there.canonicalize_utf8().map_err(io_error("write", path))?;
        real.extend(rest.iter().rev());
        real.strip_prefix(&self.root)
            .map(Utf8Path::to_string)
            .map_err(|_| FileError::Escapes {
                path: path.to_owned(),
            })
    }

    /// The real path of something inside that is there.
    fn existing(&self, path: &str) -> Result<Utf8PathBuf, FileError> {
        let inside = path::inside(path).map_err(|reason| FileError::Path {
            path: path.to_owned(),
            reason,
        })?;
        let real = self
            .root
            .join(inside)
            .canonicalize_utf8()
            .map_err(io_error("read", path))?;
        if real.starts_with(&self.root) {
            Ok(real)
        } else {
            Err(FileError::Escapes {
                path: path.to_owned(),
            })
        }
    }

    /// Makes a folder below the root, and gives its real path.
    fn make_folder(&self, folder: &Utf8Path, path: &str) -> Result<Utf8PathBuf, FileError> {
        let full = self.root.join(folder);
        let known = self
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&full);
        if known && full.is_dir() {
            return Ok(full);
        }
        // The deepest folder that is there decides: what is made below it is no link.
        let mut there = full.as_path();
        while !there.exists() {
            match there.parent() {
                Some(parent) if there != self.root => there = parent,
                _ => break,
            }
        }
        let real = there.canonicalize_utf8().map_err(io_error("write", path))?;
        if !real.starts_with(&self.root) {
            return Err(FileError::Escapes {
                path: path.to_owned(),
            });
        }
        let rest = full.strip_prefix(there).unwrap_or(Utf8Path::new(""));
        let made = if rest.as_str().is_empty() {
            real
        } else {
            real.join(rest)
        };
        fs::create_dir_all(&made).map_err(io_error("make the folder of", path))?;
        if made == full {
            self.inside
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(full);
        }
        Ok(made)
    }
}

/// Writes beside the target, then puts the new file in its place.
fn replace(target: &Utf8Path, bytes: &[u8], before: Option<&fs::Metadata>) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Utf8Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".smallcode-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    let permissions = match before {
        Some(before) => before.permissions(),
        None => std::os::unix::fs::PermissionsExt::from_mode(0o666 & !umask()),
    };
    file.as_file().set_permissions(permissions)?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// The process's mask for new files; temporary files are made without regard to it.
fn umask() -> u32 {
    static MASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *MASK.get_or_init(|| {
        // Reading it means setting it; nothing else of this process makes files at that moment that matter.
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        rustix::process::umask(mask);
        mask.as_raw_mode()
    })
}

fn io_error(doing: &'static str, path: &str) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Io { doing, path, source }
}

/// Reads workflows, templates and schemas from the disk, relative to the current folder.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Utf8Path) -> Result<String, String> {
        let file = fs::File::open(path).map_err(|error| in_words(&error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err("it is a folder".to_owned());
        }
        let limit = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there is more, whatever the size that the system reports.
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| in_words(&error))?;
        if bytes.len() > yaml::MAX_BYTES {
            return Err(format!("it is larger than {} MiB", yaml::MAX_BYTES >> 20));
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            format!("it is not UTF-8 (byte {valid})")
        })
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap().join("w");
        fs::create_dir(&root).unwrap();
        let workspace = Workspace::open(&root).unwrap();
        (folder, workspace)
    }

    #[test]
    fn writes_stay_inside() {
        let (folder, workspace) = workspace();
        std::os::unix::fs::symlink(folder.path(), workspace.root().join("out")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("x"), workspace.root().join("link")).unwrap();
        fs::write(folder.path().join("x"), "outside").unwrap();
        for path in ["../x", "/tmp/x", "out/x", "link", "a/../../x", "", "."] {
            assert!(workspace.write(path, b"pwned").is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("x")).unwrap(), "outside");
        for path in ["../x", "out/x", "link"] {
            assert!(workspace.read(path).is_err(), "{path}");
        }
    }

    #[test]
    fn writes_are_whole_and_keep_the_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, workspace) = workspace();
        workspace.write("a/b/c.sh", b"one").unwrap();
        let path = workspace.root().join("a/b/c.sh");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        workspace.write("a/b/c.sh", b"two").unwrap();
        assert_eq!(workspace.read("a/b/c.sh").unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(
            fs::read_dir(workspace.root().join("a/b")).unwrap().count(),
            1,
            "no leftovers"
        );
    }

    #[test]
    fn globs_leave_out_what_git_ignores() {
        let (_folder, workspace) = workspace();
        for path in [
            ".gitignore",
            "src/a.rs",
            "src/b/c.rs",
            "target/d.rs",
            ".smallcode/e.rs",
        ] {
            workspace.write(path, b"target/\n").unwrap();
        }
        assert_eq!(workspace.glob("**/*.rs").unwrap(), ["src/a.rs", "src/b/c.rs"]);
    }
}
