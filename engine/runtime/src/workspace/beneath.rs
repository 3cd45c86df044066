//! A folder as a handle: what is opened below it lies below it, whatever happens to names meanwhile.
//!
//! No step follows a symbolic link. Whoever wants to follow one resolves it first, and is refused here if the way
//! has changed since then. cap-std, which offers such handles, follows links that stay inside: one from a folder that a
//! model may write to another would lead past its permissions.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use camino::Utf8Path;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, chmodat, fchmod, linkat, mkdirat, openat, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;

/// What is asked of new folders and files; the process's mask takes away what it says.
const NEW_FOLDER: Mode = Mode::from_raw_mode(0o777);
pub(crate) const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

/// How a folder is opened on the way to a file: only its permission to be passed through is needed.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that files are opened below.
#[derive(Debug)]
pub(crate) struct Beneath {
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
    pub(crate) fn open(root: &Utf8Path) -> io::Result<Self> {
        let root = openat(CWD, root.as_std_path(), FOLDER, Mode::empty())?;
        Ok(Self { root })
    }

    /// Opens a file to be read. `path` is relative and clean; empty, it is the root.
    pub(crate) fn file(&self, path: &Path) -> io::Result<File> {
        Ok(self.descend(path, OFlags::RDONLY | OFlags::CLOEXEC)?.into())
    }

    /// Opens what may be a file to be read, without waiting for the other end of what is none.
    pub(crate) fn any(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(self.descend(path, flags)?.into())
    }

    /// Opens a folder to act on what is in it.
    pub(crate) fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(self.descend(path, FOLDER)?)
    }

    /// The folder of a path, opened to act on what is in it, and the name there.
    pub(crate) fn place<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        Ok((self.folder(parent)?, name))
    }

    /// What the system knows of a path; of a link, of that itself.
    pub(crate) fn stat(&self, path: &Path) -> io::Result<Stat> {
        let (folder, name) = self.place(path)?;
        Ok(statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The names in a folder, and what each stands for.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(OsString, FileType)>> {
        let folder = self.descend(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)?;
        let mut found = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Not every file system says.
                FileType::Unknown => match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                kind => kind,
            };
            found.push((name.to_owned(), kind));
        }
        Ok(found)
    }

    /// Opens a folder, and makes it and those on the way to it where they are missing. `path` is as above.
    pub(crate) fn make_folder(&self, path: &Path) -> io::Result<OwnedFd> {
        match self.descend(path, FOLDER) {
            Err(Errno::NOENT) => Ok(walk(self.root.as_fd(), path, FOLDER, true)?),
            opened => Ok(opened?),
        }
    }

    /// The way down in one call, where the system has one.
    #[cfg(target_os = "linux")]
    fn descend(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        if path.as_os_str().is_empty() {
            return walk(self.root.as_fd(), path, flags, false);
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            // Kernels before 5.6, and sandboxes that don't know the call; paths longer than it takes.
            Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {
                walk(self.root.as_fd(), path, flags, false)
            }
            opened => opened,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn descend(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        walk(self.root.as_fd(), path, flags, false)
    }
}

/// The way down one name at a time; the last is opened with `flags`.
fn walk(root: BorrowedFd<'_>, path: &Path, flags: OFlags, make: bool) -> rustix::io::Result<OwnedFd> {
    let mut names = path
        .components()
        .filter(|component| *component != Component::CurDir)
        .map(|component| match component {
            Component::Normal(name) => Ok(name),
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
pub(crate) fn is_a_link(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::XDEV))
}

/// Whether that may be so: where a folder is wanted, some systems say no more than that there is none.
pub(crate) fn may_be_a_link(error: &io::Error) -> bool {
    is_a_link(error) || Errno::from_io_error(error) == Some(Errno::NOTDIR)
}

/// What stands at a name.
pub(super) fn standing(folder: &OwnedFd, name: &OsStr) -> io::Result<Standing> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Ok(Standing::Link),
        Ok(stat) => Ok(Standing::Other(Mode::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(Standing::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file where nothing stands; it has no name before it is complete. False where the system knows no such
/// files, or something stands there by now: then nothing was done.
///
/// With neither a second name nor its removal it takes two thirds of what [`replace`] does.
#[cfg(target_os = "linux")]
pub(super) fn create(folder: &OwnedFd, name: &OsStr, content: &[u8]) -> io::Result<bool> {
    use std::io::Write as _;
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    let mut file: File = match openat(folder, ".", flags, NEW_FILE) {
        Ok(file) => file.into(),
        // What open(2) says of file systems and kernels without such files.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    file.write_all(content)?;
    match linkat(CWD, by_handle(&file), folder, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        // Something stands there; there is no `/proc`; a sandbox allows no links. Whoever replaces will see.
        Err(Errno::EXIST | Errno::NOENT | Errno::PERM | Errno::ACCESS | Errno::XDEV) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn create(_: &OwnedFd, _: &OsStr, _: &[u8]) -> io::Result<bool> {
    Ok(false)
}

/// Writes beside the target, then puts the new file in its place, whatever stands there by then.
pub(super) fn replace(
    folder: &OwnedFd,
    name: &OsStr,
    content: &mut dyn Read,
    mode: Option<Mode>,
    durably: bool,
) -> io::Result<()> {
    let (file, temporary) = temporary(folder)?;
    let written = fill(file, content, mode, durably)
        .and_then(|()| renameat(folder, temporary.as_str(), folder, name).map_err(io::Error::from));
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = unlinkat(folder, temporary.as_str(), AtFlags::empty());
    }
    written
}

fn fill(mut file: File, content: &mut dyn Read, mode: Option<Mode>, durably: bool) -> io::Result<()> {
    io::copy(content, &mut file)?;
    if let Some(mode) = mode {
        fchmod(&file, mode)?;
    }
    if durably { file.sync_data() } else { Ok(()) }
}

/// Changes the mode of a folder, whether or not it may be read.
pub(super) fn change_mode(above: &OwnedFd, name: &OsStr, mode: Mode) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(above, name, flags, Mode::empty()) {
        Ok(folder) => Ok(fchmod(&folder, mode)?),
        Err(Errno::ACCESS) => unreadable(above, name, mode),
        Err(error) => Err(error.into()),
    }
}

/// The way of Linux, where older kernels can't change a mode without following a link.
#[cfg(target_os = "linux")]
fn unreadable(above: &OwnedFd, name: &OsStr, mode: Mode) -> io::Result<()> {
    let folder = openat(above, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
    Ok(chmodat(CWD, by_handle(&folder), mode, AtFlags::empty())?)
}

/// The path of what is open, whatever its name is and whether it has one: proc(5).
#[cfg(target_os = "linux")]
fn by_handle(open: &impl std::os::fd::AsRawFd) -> String {
    format!("/proc/self/fd/{}", open.as_raw_fd())
}

#[cfg(not(target_os = "linux"))]
fn unreadable(above: &OwnedFd, name: &OsStr, mode: Mode) -> io::Result<()> {
    Ok(chmodat(above, name, mode, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The number of the process whose temporary file has this name.
pub(super) fn writer_of(name: &OsStr) -> Option<i32> {
    let (process, number) = name.to_str()?.strip_prefix(".smallcode-")?.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(process) && digits(number)).then(|| process.parse().ok())?
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
            let path = Path::new(path);
            assert_eq!(
                beneath.descend(path, flags).is_ok(),
                opens,
                "at once: {}",
                path.display()
            );
            let walked = walk(beneath.root.as_fd(), path, flags, false);
            assert_eq!(walked.is_ok(), opens, "walked: {}", path.display());
        }
        let made = walk(beneath.root.as_fd(), Path::new("link/new"), FOLDER, true);
        assert!(made.is_err() && !root.join("a/new").exists());
    }

    #[test]
    fn a_file_is_created_whole_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let here = Beneath::open(root).unwrap().folder(Path::new("")).unwrap();
        // A file system without unnamed files leaves it to `replace`.
        let created = create(&here, OsStr::new("new"), b"text").unwrap();
        assert_eq!(
            std::fs::read(root.join("new")).ok(),
            created.then(|| b"text".to_vec())
        );
        symlink("nowhere", root.join("link")).unwrap();
        std::fs::write(root.join("old"), "kept").unwrap();
        std::fs::create_dir(root.join("folder")).unwrap();
        for name in ["old", "link", "folder"] {
            assert!(!create(&here, OsStr::new(name), b"text").unwrap(), "{name}");
        }
        assert_eq!(std::fs::read(root.join("old")).unwrap(), b"kept");
        assert!(!root.join("nowhere").exists());
    }
}
