//! A folder as a handle: what is opened below it lies below it, whatever happens to names meanwhile.
//!
//! No step follows a symbolic link. Whoever wants to follow one resolves it first, and is refused here if the way
//! has changed since then.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Component, Utf8Path};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

/// What is asked of new folders and files; the process's mask takes away what it says.
const NEW_FOLDER: Mode = Mode::from_raw_mode(0o777);
const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

/// How a folder is opened on the way to a file: only its permission to be passed through is needed.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that files are opened below.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
}

/// What stands at a name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Nothing,
    Link,
    Other(Mode),
}

impl Beneath {
    pub(super) fn open(root: &Utf8Path) -> io::Result<Self> {
        let root = openat(CWD, root.as_std_path(), FOLDER, Mode::empty())?;
        Ok(Self { root })
    }

    /// Opens a file to be read. `path` is relative and clean; empty, it is the root.
    pub(super) fn file(&self, path: &Utf8Path) -> io::Result<File> {
        Ok(self.descend(path, OFlags::RDONLY | OFlags::CLOEXEC)?.into())
    }

    /// Opens a folder, and makes it and those on the way to it where they are missing. `path` is as above.
    pub(super) fn make_folder(&self, path: &Utf8Path) -> io::Result<OwnedFd> {
        match self.descend(path, FOLDER) {
            Err(Errno::NOENT) => Ok(walk(self.root.as_fd(), path, FOLDER, true)?),
            opened => Ok(opened?),
        }
    }

    /// The way down in one call, where the system has one.
    #[cfg(target_os = "linux")]
    fn descend(&self, path: &Utf8Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        if path.as_str().is_empty() {
            return walk(self.root.as_fd(), path, flags, false);
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.root, path.as_std_path(), flags, Mode::empty(), resolve) {
            // Kernels before 5.6, and sandboxes that don't know the call.
            Err(Errno::NOSYS | Errno::PERM) => walk(self.root.as_fd(), path, flags, false),
            opened => opened,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn descend(&self, path: &Utf8Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        walk(self.root.as_fd(), path, flags, false)
    }
}

/// The way down one name at a time; the last is opened with `flags`.
fn walk(root: BorrowedFd<'_>, path: &Utf8Path, flags: OFlags, make: bool) -> rustix::io::Result<OwnedFd> {
    let mut names = path
        .components()
        .filter(|component| *component != Utf8Component::CurDir)
        .map(|component| match component {
            Utf8Component::Normal(name) => Ok(name),
            _ => Err(Errno::XDEV),
        })
        .peekable();
    if names.peek().is_none() {
        return openat(root, ".", flags, Mode::empty());
    }
    let mut here: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        let name = name?;
        let above = here.as_ref().map_or(root, AsFd::as_fd);
        let flags = if names.peek().is_none() { flags } else { FOLDER } | OFlags::NOFOLLOW;
        let opened = match openat(above, name, flags, Mode::empty()) {
            Err(Errno::NOENT) if make => {
                match mkdirat(above, name, NEW_FOLDER) {
                    // Another node made it just now.
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
                openat(above, name, flags, Mode::empty())
            }
            opened => opened,
        };
        here = Some(opened?);
    }
    here.ok_or(Errno::NOENT)
}

/// What a way is refused with when a symbolic link stands on it.
pub(super) fn link() -> io::Error {
    Errno::LOOP.into()
}

/// Whether the way was refused because a symbolic link stands on it.
pub(super) fn is_a_link(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::XDEV))
}

/// Whether that may be so: where a folder is wanted, some systems say no more than that there is none.
pub(super) fn may_be_a_link(error: &io::Error) -> bool {
    is_a_link(error) || Errno::from_io_error(error) == Some(Errno::NOTDIR)
}

/// What stands at a name.
pub(super) fn standing(folder: &OwnedFd, name: &str) -> io::Result<Standing> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Ok(Standing::Link),
        Ok(stat) => Ok(Standing::Other(Mode::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(Standing::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Writes beside the target, then puts the new file in its place, whatever stands there by then.
pub(super) fn replace(folder: &OwnedFd, name: &str, bytes: &[u8], mode: Option<Mode>) -> io::Result<()> {
    let (file, temporary) = temporary(folder)?;
    let written = fill(file, bytes, mode)
        .and_then(|()| renameat(folder, temporary.as_str(), folder, name).map_err(io::Error::from));
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = unlinkat(folder, temporary.as_str(), AtFlags::empty());
    }
    written
}

fn fill(mut file: File, bytes: &[u8], mode: Option<Mode>) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        rustix::fs::fchmod(&file, mode)?;
    }
    Ok(())
}

/// A new file under a name that nothing has. Names are told apart by process and number; where a process of the same
/// number left one behind, the next is tried.
fn temporary(folder: &OwnedFd) -> io::Result<(File, String)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let process = std::process::id();
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".smallcode-{process}-{number}");
        match openat(folder, name.as_str(), flags, NEW_FILE) {
            Ok(file) => return Ok((file.into(), name)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_walk_refuses_what_one_call_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "x").unwrap();
        symlink("a", root.join("link")).unwrap();
        symlink("file", root.join("a/b/alias")).unwrap();
        let beneath = Beneath::open(root).unwrap();
        let read = OFlags::RDONLY | OFlags::CLOEXEC;
        for (path, flags, opens) in [
            ("", FOLDER, true),
            (".", FOLDER, true),
            ("a/b", FOLDER, true),
            ("a/b/file", read, true),
            ("a/b/none", read, false),
            ("a/b/alias", read, false),
            ("a/b/file", FOLDER, false),
            ("link", FOLDER, false),
            ("link/b/file", read, false),
            ("..", FOLDER, false),
            ("a/../..", FOLDER, false),
        ] {
            let path = Utf8Path::new(path);
            assert_eq!(beneath.descend(path, flags).is_ok(), opens, "at once: {path}");
            let walked = walk(beneath.root.as_fd(), path, flags, false);
            assert_eq!(walked.is_ok(), opens, "walked: {path}");
        }
        let made = walk(beneath.root.as_fd(), Utf8Path::new("link/new"), FOLDER, true);
        assert!(made.is_err() && !root.join("a/new").exists());
    }
}
