//! What stands where an attempt may write: every file, link and folder, found without following a link.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::FileType;
use smallcode_core::glob::{self, Glob};

use super::beneath::{self, Beneath};
use super::keep::{KeepError, Places};

/// What a path of the workspace stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    /// A pipe, a socket, a device: known to be there, and not kept.
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }
}

/// Places, ready to be looked at.
pub(super) struct Reach<'a> {
    places: &'a Places,
    globs: Vec<(Glob, glob::Extent)>,
}

/// A folder that can't be listed because of its mode is given back its owner's permissions, or left alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    Opened,
    Told,
}

impl<'a> Reach<'a> {
    pub(super) fn new(places: &'a Places) -> Result<Self, KeepError> {
        let globs = places.globs.iter().map(|pattern| {
            let glob = Glob::new(pattern).map_err(|reason| KeepError::Glob {
                pattern: pattern.clone(),
                reason,
            })?;
            Ok((glob, glob::extent(pattern)))
        });
        Ok(Self {
            places,
            globs: globs.collect::<Result<_, KeepError>>()?,
        })
    }

    /// Whether a path is one of those that nobody else writes meanwhile.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.places.paths.iter().any(|own| Path::new(own) == path)
            || self.globs.iter().any(|(glob, _)| glob.matches(path))
    }

    /// What is there now. Folders come before what is in them: those on the way to what matches, and those that may
    /// hold some of it.
    pub(super) fn survey(
        &self,
        beneath: &Beneath,
        locked: Locked,
    ) -> Result<BTreeMap<PathBuf, Kind>, KeepError> {
        let mut found = BTreeMap::new();
        for path in &self.places.paths {
            let path = Path::new(path);
            let parent = path.parent().unwrap_or(Path::new(""));
            if way(beneath, parent, &mut found)?
                && let Some(kind) = standing(beneath, path)?
            {
                found.insert(path.to_path_buf(), kind);
            }
        }
        for (glob, extent) in &self.globs {
            let start = Path::new(&extent.start);
            if way(beneath, start, &mut found)? {
                below(beneath, glob, start, extent.depth, locked, &mut found)?;
            }
        }
        Ok(found)
    }
}

/// Notes the folders on the way to a folder and that itself; whether all of them are there.
fn way(beneath: &Beneath, folder: &Path, found: &mut BTreeMap<PathBuf, Kind>) -> Result<bool, KeepError> {
    let mut here = PathBuf::new();
    for name in folder {
        here.push(name);
        if found.get(&here) == Some(&Kind::Folder) {
            continue;
        }
        // What the engine keeps is no part of what it keeps.
        if here == Path::new(".smallcode") || standing(beneath, &here)? != Some(Kind::Folder) {
            return Ok(false);
        }
        found.insert(here.clone(), Kind::Folder);
    }
    Ok(true)
}

/// Notes what matches below a folder, and the folders there.
fn below(
    beneath: &Beneath,
    glob: &Glob,
    start: &Path,
    depth: Option<usize>,
    locked: Locked,
    found: &mut BTreeMap<PathBuf, Kind>,
) -> Result<(), KeepError> {
    let mut open = vec![(start.to_path_buf(), depth)];
    while let Some((folder, depth)) = open.pop() {
        let depth = depth.map(|depth| depth.saturating_sub(1));
        for (name, kind) in list(beneath, &folder, locked)? {
            let path = folder.join(&name);
            match Kind::from(kind) {
                Kind::Folder => {
                    let kept_by_tools = name == ".git" || path == Path::new(".smallcode");
                    if !kept_by_tools && (depth != Some(0) || glob.matches(&path)) {
                        found.insert(path.clone(), Kind::Folder);
                        if depth != Some(0) {
                            open.push((path, depth));
                        }
                    }
                }
                kind => {
                    if glob.matches(&path) {
                        found.insert(path, kind);
                    }
                }
            }
        }
    }
    Ok(())
}

fn list(
    beneath: &Beneath,
    folder: &Path,
    locked: Locked,
) -> Result<Vec<(std::ffi::OsString, FileType)>, KeepError> {
    let listed = match beneath.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && locked == Locked::Opened => {
            unlock(beneath, folder).and_then(|()| beneath.list(folder))
        }
        listed => listed,
    };
    match listed {
        // It went just now, or something else stands there: so there is nothing in it.
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        listed => listed.map_err(KeepError::io("list", folder)),
    }
}

/// Gives the owner of a folder all permissions.
pub(super) fn unlock(beneath: &Beneath, folder: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(());
    };
    beneath::change_mode(&beneath.folder(parent)?, name, 0o700)
}

/// What stands at a path; nothing where its folder is no folder.
pub(super) fn standing(beneath: &Beneath, path: &Path) -> Result<Option<Kind>, KeepError> {
    match beneath.stat(path) {
        Ok(about) => Ok(Some(about.file_type().into())),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(KeepError::io("look at", path)(error)),
    }
}

/// Whether something is not there: its way has ended, or something else than a folder stands on it.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || beneath::may_be_a_link(error)
}
