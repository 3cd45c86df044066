//! The lock on the folder of a run: one process at a time drives it.
//!
//! It is an exclusive `flock` on `<dir>/lock`, which the system releases when the process ends, however it ends.
//! The file holds the holder's process id, for people; the lock does not depend on it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::JournalError;

/// Holds the folder of a run until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock on `dir`, or says at once who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| JournalError::io("open", &path, e))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // 32: the ten digits of a process id, with room for stray bytes.
                let read = file.take(32).read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(JournalError::InUse {
                    dir: dir.to_path_buf(),
                    pid,
                });
            }
            Err(e) => return Err(JournalError::io("lock", &path, e.into())),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|e| JournalError::io("write", &path, e))?;
        Ok(Self { _file: file })
    }
}
