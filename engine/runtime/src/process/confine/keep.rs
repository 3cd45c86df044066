//! What stays as it is in a folder that a command may change.
//!
//! Landlock gives folders with all that is in them. So what is to be kept is mounted over itself, read-only, for this
//! process and what it starts: Landlock lets nobody take a mount away again. Where the system gives no mounts of their
//! own to processes, it is not the folder that is given but what is in it now, and nothing new can be made there.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::io;
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind_recursive, mount_change, mount_remount};
use rustix::process::{getgid, getuid};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities};

use super::Confine;

/// Sees to it that `confine.keep` stays as it is. It is called before there are threads, and before any other limit.
///
/// # Errors
/// When this process has become nobody on the way, who could run nothing.
pub(super) fn keep(confine: &mut Confine) -> io::Result<()> {
    confine.keep.retain(|place| place.symlink_metadata().is_ok());
    if confine.keep.is_empty() {
        return Ok(());
    }
    // A mount is made where a link leads, and the link itself could be exchanged.
    let linked = confine.keep.iter().any(|place| place.is_symlink());
    if linked || !leave_others()? || mount(&confine.keep).is_err() {
        let given = std::mem::take(&mut confine.write);
        confine.write = given
            .into_iter()
            .flat_map(|place| without(&confine.keep, place))
            .collect();
    }
    Ok(())
}

/// Gives this process mounts of its own, where the system allows that, and says whether it does.
fn leave_others() -> io::Result<bool> {
    if capabilities(None)?.effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(unshare(UnshareFlags::NEWNS).is_ok());
    }
    let (user, group) = (getuid(), getgid());
    if user.is_root() {
        // Among users of its own it would no longer be let in to the files of others.
        return Ok(false);
    }
    let (user, group) = (user.as_raw(), group.as_raw());
    // Who mounts must be privileged: within users of its own, where it is the only one, anybody is.
    if unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).is_err() {
        return Ok(false);
    }
    let tell = |file: &str, text: String| fs::write(file, text).map_err(|error| errno(&error));
    // `user_namespaces(7)`: groups can't be mapped by whoever may still change them.
    tell("/proc/self/setgroups", "deny".to_owned())?;
    tell("/proc/self/uid_map", format!("{user} {user} 1"))?;
    tell("/proc/self/gid_map", format!("{group} {group} 1"))?;
    Ok(true)
}

fn errno(error: &std::io::Error) -> io::Errno {
    io::Errno::from_io_error(error).unwrap_or(io::Errno::IO)
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "unsafe for descriptors that threads no longer share; this is about users and mounts, and there are no threads"
    )]
    // SAFETY: `flags` are `NEWUSER` and `NEWNS` only, which leave the table of descriptors as it is.
    unsafe {
        rustix::thread::unshare_unsafe(flags)
    }
}

/// Mounts each of the places over itself, read-only.
fn mount(places: &[PathBuf]) -> io::Result<()> {
    // Else the mounts would be there for everybody.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    for place in places {
        mount_bind_recursive(place, place)?;
        // What the mount below forbids can't be allowed again, and has to be said again.
        let below = statvfs(place)?.f_flag;
        let also = [
            (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
            (StatVfsMountFlags::NODEV, MountFlags::NODEV),
            (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
            (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
            (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
            (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
        ];
        let flags = also
            .into_iter()
            .filter(|(has, _)| below.contains(*has))
            .fold(MountFlags::BIND | MountFlags::RDONLY, |flags, (_, flag)| {
                flags | flag
            });
        mount_remount(place, flags, c"")?;
    }
    Ok(())
}

/// A place that is given, or what is in it where something of that is kept.
fn without(keep: &[PathBuf], place: PathBuf) -> Vec<PathBuf> {
    let is_in = |kept: &PathBuf| kept.parent() == Some(Path::new(&place));
    if !keep.iter().any(is_in) {
        return vec![place];
    }
    let entries = fs::read_dir(&place).into_iter().flatten().filter_map(Result::ok);
    entries
        // A link may lead anywhere.
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .filter(|entry| !keep.contains(entry))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_folder_is_given_without_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b", "kept"] {
            fs::create_dir(at(name)).unwrap();
        }
        std::os::unix::fs::symlink("/etc", at("link")).unwrap();
        let mut given = without(&[at("kept")], folder.path().to_path_buf());
        given.sort();
        assert_eq!(given, [at("a"), at("b")]);
        assert_eq!(without(&[at("kept")], at("a")), [at("a")]);
    }
}
