//! The workspace: files that are read and written inside one folder, symbolic links considered.

mod aside;
pub(crate) mod beneath;
mod disk;
mod keep;
mod record;
mod restore;
mod survey;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};

use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::path;

pub use self::disk::Disk;
pub use self::keep::{KeepError, Places};

pub(crate) use self::aside::Aside;
use self::beneath::{Beneath, Standing};

/// The most bytes that `read()` takes in: what an expression may hold (16 MiB), as its output cap is.
const MAX_READ: u64 = 16 << 20;

/// The most bytes of a name: `NAME_MAX` of Linux and of the file systems of macOS.
const MAX_NAME: usize = 255;

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
    /// A symbolic link leads to nothing.
    #[error("`{path}` is or goes through a symbolic link that leads nowhere")]
    Dangling {
        /// The path as it was given.
        path: String,
    },
    /// It lies, or leads through a symbolic link, where git or the engine keeps what is its own.
    #[error("`{path}` leads into `{folder}`, which is not a task's to write")]
    Kept {
        /// The path as it was given.
        path: String,
        /// The folder.
        folder: &'static str,
    },
    /// There is no such folder.
    #[error(
        "there is no folder `{path}` in the workspace; correct the path, or have a task that comes before make it"
    )]
    NoFolder {
        /// The path as it was given.
        path: String,
    },
    /// A pipe, a socket or a device.
    #[error("`{path}` is no file but a pipe, a socket or a device")]
    NoFile {
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

/// What git ignores in a folder: the rules of each folder on the way up, the nearest first.
#[derive(Debug)]
pub(crate) struct Ignores(Vec<ignore::gitignore::Gitignore>);

impl Ignores {
    /// Whether a folder is ignored, be it there or not. It lies below the folder whose rules these are.
    pub(crate) fn has_folder(&self, folder: &Utf8Path) -> bool {
        let found = self
            .0
            .iter()
            .map(|rules| rules.matched_path_or_any_parents(folder.as_std_path(), true));
        found
            .into_iter()
            .find(|found| !found.is_none())
            .is_some_and(|found| found.is_ignore())
    }
}

/// A folder whose files a run reads and writes.
#[derive(Debug)]
pub struct Workspace {
    root: Utf8PathBuf,
    beneath: Beneath,
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
        let beneath = Beneath::open(&root).map_err(io_error("open", root.as_str()))?;
        Ok(Self { root, beneath })
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
        let none = || FileError::NoFolder {
            path: path.to_owned(),
        };
        let full = self.existing(path).map_err(|error| match error {
            FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => none(),
            error => error,
        })?;
        if full.is_dir() { Ok(full) } else { Err(none()) }
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// When it lies outside, is too large, is no text or can't be read.
    pub fn read(&self, path: &str) -> Result<String, FileError> {
        let full = self.existing(path)?;
        let real = full.strip_prefix(&self.root).unwrap_or(Utf8Path::new(""));
        self.text(path, real)
    }

    /// Reads a text file as [`read`](Self::read) does, and refuses when a symbolic link stands on its way.
    ///
    /// # Errors
    /// When it lies outside, or behind a link, is too large, is no text or can't be read.
    pub fn read_real(&self, path: &str) -> Result<String, FileError> {
        let inside = path::inside(path).map_err(|reason| FileError::Path {
            path: path.to_owned(),
            reason,
        })?;
        self.text(path, &inside)
    }

    fn text(&self, path: &str, real: &Utf8Path) -> Result<String, FileError> {
        // A pipe has an end that may never come: it is opened without waiting, and not read.
        let file = self
            .beneath
            .any(real.as_std_path())
            .map_err(changed("read", path))?;
        let about = file.metadata().map_err(io_error("read", path))?;
        if !about.is_file() && !about.is_dir() {
            return Err(FileError::NoFile {
                path: path.to_owned(),
            });
        }
        let bytes = about.len();
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
        let mut walk = self.walk();
        walk.filter_entry(|entry| !matches!(entry.file_name().to_str(), Some(".git" | ".smallcode")));
        self.matching(&walk, pattern)
    }

    /// The files that match a glob, sorted, and none left out.
    ///
    /// # Errors
    /// When it is no glob.
    pub fn glob_of_all(&self, pattern: &str) -> Result<Vec<String>, FileError> {
        self.matching(self.walk().standard_filters(false), pattern)
    }

    /// Whether git ignores a file that is there, by the rules that [`glob`](Self::glob) goes by. The path holds no
    /// symbolic links: [`destination`](Self::destination) follows them.
    pub fn is_ignored(&self, path: &str) -> bool {
        let target = self.root.join(path);
        if !target.exists() {
            return false;
        }
        let way = target.clone();
        let mut walk = self.walk();
        walk.filter_entry(move |entry| way.as_std_path().starts_with(entry.path()));
        let mut entries = walk.build().filter_map(Result::ok);
        !entries.any(|entry| entry.path() == target.as_std_path())
    }

    /// What git ignores in a folder of the workspace, by the `.gitignore` files there and above, up to the top of the
    /// repository. Rules by which the workspace itself is ignored say nothing of what is in it.
    pub(crate) fn ignores(&self, folder: &Utf8Path) -> Ignores {
        let mut found = Vec::new();
        let folder = self.root.join(folder);
        let mut folders: Vec<&Utf8Path> = folder.ancestors().collect();
        let top = folders.iter().position(|above| above.join(".git").exists());
        let inside = folders
            .iter()
            .take_while(|above| above.starts_with(&self.root))
            .count();
        folders.truncate(top.map_or(inside, |top| top + 1));
        for above in folders {
            let mut rules = ignore::gitignore::GitignoreBuilder::new(above);
            // What can't be read has no rules, as git has it.
            for file in [".gitignore", ".git/info/exclude"] {
                let _ = rules.add(above.join(file));
            }
            let rules = rules.build().ok().filter(|rules| !rules.is_empty());
            found.extend(rules.filter(|rules| {
                let root = self.root.as_std_path();
                above.starts_with(root) || !rules.matched_path_or_any_parents(root, true).is_ignore()
            }));
        }
        Ignores(found)
    }

    /// Looks at everything that git does not ignore.
    fn walk(&self) -> ignore::WalkBuilder {
        let mut walk = ignore::WalkBuilder::new(&self.root);
        walk.hidden(false).require_git(false);
        walk
    }

    fn matching(&self, walk: &ignore::WalkBuilder, pattern: &str) -> Result<Vec<String>, FileError> {
        let glob = smallcode_core::glob::Glob::new(pattern).map_err(|reason| FileError::Glob {
            pattern: pattern.to_owned(),
            reason,
        })?;
        let mut found = Vec::new();
        for entry in walk.build().filter_map(Result::ok) {
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
        not_kept(path, &inside)?;
        let refused = match self.write_here(&inside, bytes) {
            Err(error) if beneath::may_be_a_link(&error) => error,
            written => return written.map_err(io_error("write", path)),
        };
        // A symbolic link stands on the way: it is followed to where it leads now, and only there.
        let real = Utf8PathBuf::from(self.destination(path)?);
        if real == inside {
            return Err(io_error("write", path)(refused));
        }
        not_kept(path, &real)?;
        self.write_here(&real, bytes).map_err(changed("write", path))
    }

    /// Writes a file as [`write`](Self::write) does, and refuses when a symbolic link stands on its way.
    ///
    /// # Errors
    /// When the path leads outside, or through a link, or can't be written.
    pub fn write_real(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let inside = path::inside(path).map_err(|reason| FileError::Path {
            path: path.to_owned(),
            reason,
        })?;
        not_kept(path, &inside)?;
        self.write_here(&inside, bytes).map_err(changed("write", path))
    }

    /// Writes a file whose way holds no symbolic link.
    fn write_here(&self, inside: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
        let (Some(folder), Some(name)) = (inside.parent(), inside.file_name()) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let name = OsStr::new(name);
        let folder = self.beneath.make_folder(folder.as_std_path())?;
        let mode = match beneath::standing(&folder, name)? {
            Standing::Link => return Err(beneath::link()),
            Standing::Other(mode) => u32::try_from(mode).ok(),
            Standing::Nothing if beneath::create(&folder, name, bytes)? => return Ok(()),
            Standing::Nothing => None,
        };
        beneath::replace(&folder, name, &mut &*bytes, mode, false)
    }

    /// Why no file can be written at a path, whatever is written: what stands there or on the way, or its name. The path
    /// holds no symbolic links: [`destination`](Self::destination) follows them.
    pub(crate) fn not_for_a_file(&self, path: &str) -> Option<String> {
        let path = Utf8Path::new(path);
        if let Some(name) = path.iter().find(|name| name.len() > MAX_NAME) {
            let start: String = name.chars().take(20).collect();
            return Some(format!("the name `{start}…` has more than {MAX_NAME} bytes"));
        }
        // Only the first that is there tells: above it there are folders.
        let there = path
            .ancestors()
            .find_map(|at| Some((at, self.beneath.stat(at.as_std_path()).ok()?)));
        match there {
            Some((at, about)) if at == path && about.is_dir() => Some(format!("`{at}` is a folder")),
            Some((at, about)) if at != path && !about.is_dir() => {
                Some(format!("`{at}` is no folder, so that nothing can be in it"))
            }
            _ => None,
        }
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
        let mut real = there
            .canonicalize_utf8()
            .map_err(unresolved(&there, "write", path))?;
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
        let there = self.root.join(inside);
        let real = there
            .canonicalize_utf8()
            .map_err(unresolved(&there, "read", path))?;
        if real.starts_with(&self.root) {
            Ok(real)
        } else {
            Err(FileError::Escapes {
                path: path.to_owned(),
            })
        }
    }
}

/// Refuses what no task may write, whatever led there.
fn not_kept(path: &str, real: &Utf8Path) -> Result<(), FileError> {
    let path = path.to_owned();
    path::kept(real.as_str()).map_or(Ok(()), |folder| Err(FileError::Kept { path, folder }))
}

/// Why a path could not be resolved; `there` is where it is.
fn unresolved<'a>(
    there: &'a Utf8Path,
    doing: &'static str,
    path: &'a str,
) -> impl FnOnce(io::Error) -> FileError + use<'a> {
    move |error| {
        if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(there).is_ok() {
            let path = path.to_owned();
            return FileError::Dangling { path };
        }
        io_error(doing, path)(error)
    }
}

/// What came of a path that was resolved: a link that stands there now was put there since.
fn changed(doing: &'static str, path: &str) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |error| {
        if beneath::is_a_link(&error) {
            FileError::Escapes { path }
        } else {
            io_error(doing, &path)(error)
        }
    }
}

fn io_error(doing: &'static str, path: &str) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Io { doing, path, source }
}
