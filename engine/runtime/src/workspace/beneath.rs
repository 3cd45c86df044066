//! A folder as a handle: what is opened below it lies below it, whatever happens to names meanwhile.
//!
//! The handles are those of cap-std, and whatever is done with a single name is done by it. No step follows a symbolic
//! link: cap-std would follow those that stay inside, and one from a folder that a model may write to another would lead
//! past its permissions. So the way to a name is gone here. Whoever wants to follow a link resolves it first, and is
//! refused if the way has changed since then.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use camino::Utf8Path;
use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions};
#[cfg(target_os = "linux")]
use rustix::fs::CWD;
use rustix::fs::{AtFlags, Mode, OFlags, RawMode, chmodat, openat, statat};
use rustix::io::Errno;

/// A folder that files are opened below.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: Dir,
}

/// What stands at a name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Nothing,
    Link,
    /// Something else, of this mode.
    Other(u64),
}

impl Beneath {
    pub(crate) fn open(root: &Utf8Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        Ok(Self { root })
    }

    /// Opens a file, or a folder, to be read. `path` is relative and clean; empty, it is the root.
    pub(crate) fn file(&self, path: &Path) -> io::Result<File> {
        self.open_with(path, OpenOptions::new().read(true))
    }

    /// Opens what may be a file to be read, without waiting for the other end of what is none.
    pub(crate) fn any(&self, path: &Path) -> io::Result<File> {
        self.open_with(path, OpenOptions::new().read(true).nonblock(true))
    }

    fn open_with(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        let opened = if path.as_os_str().is_empty() {
            self.root.open_with(".", options)
        } else {
            let (folder, name) = self.place(path)?;
            folder.open_with(name, options.follow(FollowSymlinks::No))
        };
        Ok(opened?.into_std())
    }

    /// Opens a folder to act on what is in it.
    pub(crate) fn folder(&self, path: &Path) -> io::Result<Dir> {
        descend(&self.root, path)
    }

    /// The folder of a path, opened to act on what is in it, and the name there.
    pub(crate) fn place<'a>(&self, path: &'a Path) -> io::Result<(Dir, &'a OsStr)> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        Ok((self.folder(parent)?, name))
    }

    /// What the system knows of a path; of a link, of that itself.
    pub(crate) fn stat(&self, path: &Path) -> io::Result<Metadata> {
        let (folder, name) = self.place(path)?;
        folder.symlink_metadata(name)
    }

    /// The names in a folder, and what each stands for.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(OsString, FileType)>> {
        let mut found = Vec::new();
        for entry in self.folder(path)?.entries()? {
            let entry = entry?;
            let mut kind = entry.file_type()?;
            // Not every file system says.
            if kind == FileType::unknown() {
                kind = match entry.metadata() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    about => about?.file_type(),
                };
            }
            found.push((entry.file_name(), kind));
        }
        Ok(found)
    }

    /// Opens a folder, and makes it and those on the way to it where they are missing. `path` is as above.
    pub(crate) fn make_folder(&self, path: &Path) -> io::Result<Dir> {
        match self.folder(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => walk(&self.root, path, true),
            opened => opened,
        }
    }
}

/// The way down in one call, where the system has one.
#[cfg(target_os = "linux")]
fn descend(root: &Dir, path: &Path) -> io::Result<Dir> {
    use rustix::fs::{ResolveFlags, openat2};
    if path.as_os_str().is_empty() {
        return walk(root, path, false);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, path, FOLDER, Mode::empty(), resolve) {
        // Kernels before 5.6, and sandboxes that don't know the call; paths longer than it takes.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => walk(root, path, false),
        opened => Ok(Dir::from_std_file(opened?.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn descend(root: &Dir, path: &Path) -> io::Result<Dir> {
    walk(root, path, false)
}

/// How a folder is opened on the way to a file: only its permission to be passed through is needed.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The way down one name at a time.
fn walk(root: &Dir, path: &Path, make: bool) -> io::Result<Dir> {
    let mut here: Option<Dir> = None;
    for component in path.components() {
        let name = match component {
            Component::CurDir => continue,
            Component::Normal(name) => name,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Errno::XDEV.into());
            }
        };
        let above = here.as_ref().unwrap_or(root);
        let opened = match above.open_dir_nofollow(name) {
            Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                match above.create_dir(name) {
                    // Another node made it just now.
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
                above.open_dir_nofollow(name)
            }
            opened => opened,
        };
        here = Some(opened?);
    }
    here.map_or_else(|| root.open_dir("."), Ok)
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

/// Whether a folder was not removed because there is something in it; systems differ in how they say so.
pub(crate) fn is_not_empty(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
    )
}

/// What stands at a name. The system is asked without a detour: each file that is written is looked at first.
pub(super) fn standing(folder: &Dir, name: &OsStr) -> io::Result<Standing> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink => {
            Ok(Standing::Link)
        }
        Ok(stat) => Ok(Standing::Other(u64::from(
            Mode::from_raw_mode(stat.st_mode).bits(),
        ))),
        Err(Errno::NOENT) => Ok(Standing::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file where nothing stands; it has no name before it is complete. False where the system knows no such
/// files, or something stands there by now: then nothing was done.
///
/// With neither a second name nor its removal it takes two thirds of what [`replace`] does.
#[cfg(target_os = "linux")]
pub(super) fn create(folder: &Dir, name: &OsStr, content: &[u8]) -> io::Result<bool> {
    use std::io::Write as _;

    use rustix::fs::linkat;

    const NEW_FILE: Mode = Mode::from_raw_mode(0o666);
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
pub(super) fn create(_: &Dir, _: &OsStr, _: &[u8]) -> io::Result<bool> {
    Ok(false)
}

/// Writes beside the target, then puts the new file in its place, whatever stands there by then.
pub(super) fn replace(
    folder: &Dir,
    name: &OsStr,
    content: &mut dyn Read,
    mode: Option<u32>,
    durably: bool,
) -> io::Result<()> {
    let (file, temporary) = temporary(folder)?;
    let written = fill(file, content, mode, durably).and_then(|()| folder.rename(&temporary, folder, name));
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = folder.remove_file(&temporary);
    }
    written
}

fn fill(mut file: File, content: &mut dyn Read, mode: Option<u32>, durably: bool) -> io::Result<()> {
    io::copy(content, &mut file)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    if durably { file.sync_data() } else { Ok(()) }
}

/// Changes the mode of a folder, whether or not it may be read.
///
/// cap-std's own way follows a link, and needs the permission to pass through the folder.
pub(super) fn change_mode(above: &Dir, name: &OsStr, mode: u32) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(above, name, flags, Mode::empty()) {
        Ok(folder) => File::from(folder).set_permissions(Permissions::from_mode(mode)),
        Err(Errno::ACCESS) => unreadable(above, name, mode_of(mode)),
        Err(error) => Err(error.into()),
    }
}

fn mode_of(mode: u32) -> Mode {
    Mode::from_raw_mode(RawMode::try_from(mode).unwrap_or_default())
}

/// The way of Linux, where older kernels can't change a mode without following a link.
#[cfg(target_os = "linux")]
fn unreadable(above: &Dir, name: &OsStr, mode: Mode) -> io::Result<()> {
    let folder = openat(above, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
    Ok(chmodat(CWD, by_handle(&folder), mode, AtFlags::empty())?)
}

/// The path of what is open, whatever its name is and whether it has one: proc(5).
#[cfg(target_os = "linux")]
fn by_handle(open: &impl std::os::fd::AsRawFd) -> String {
    format!("/proc/self/fd/{}", open.as_raw_fd())
}

#[cfg(not(target_os = "linux"))]
fn unreadable(above: &Dir, name: &OsStr, mode: Mode) -> io::Result<()> {
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
fn temporary(folder: &Dir) -> io::Result<(File, String)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let process = std::process::id();
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".smallcode-{process}-{number}");
        match make_file(folder, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok((made?, name)),
        }
    }
}

/// Makes a file where nothing stands, and opens it to be written.
pub(crate) fn make_file(folder: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).follow(FollowSymlinks::No);
    Ok(folder.open_with(name, &options)?.into_std())
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
        for (path, opens) in [
            ("", true),
            (".", true),
            ("a/b", true),
            ("a/none", false),
            ("a/b/file", false),
            ("link", false),
            ("link/b", false),
            ("..", false),
            ("a/../..", false),
            ("a/../../a", false),
        ] {
            let (way, at_once) = (Path::new(path), descend(&beneath.root, Path::new(path)));
            assert_eq!(at_once.is_ok(), opens, "at once: {path}");
            assert_eq!(walk(&beneath.root, way, false).is_ok(), opens, "walked: {path}");
        }
        for (path, opens) in [
            ("a/b/file", true),
            ("a/b/none", false),
            ("a/b/alias", false),
            ("link/b/file", false),
        ] {
            assert_eq!(beneath.file(Path::new(path)).is_ok(), opens, "{path}");
        }
        let made = walk(&beneath.root, Path::new("link/new"), true);
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
