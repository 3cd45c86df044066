//! The lock on the folder of a run: one process at a time drives it.
//!
//! It is an exclusive `flock` on `<dir>/lock`, which the system releases when the process ends, however it ends.
//! The file holds the holder's process id, for people; the lock does not depend on it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::Pid;

use super::JournalError;

/// How long the lock of a holder that is gone is waited for. A process that it was just starting holds a copy of the
/// lock until its exec: microseconds, but on a machine with much to do seconds may pass before it runs on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Holds the folder of a run until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock on `dir`, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, JournalError> {
        Self::take_within(dir, PATIENCE)
    }

    fn take_within(dir: &Path, patience: Duration) -> Result<Self, JournalError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| JournalError::io("open", &path, e))?;
        let started = Instant::now();
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {
                    let pid = holder(&file);
                    // Without a number in it, somebody is about to write one, or only looks whether it is in use.
                    if pid.is_some_and(|pid| !is_dead(pid)) || started.elapsed() >= patience {
                        let pid = pid.map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
                        return Err(JournalError::InUse {
                            dir: dir.to_path_buf(),
                            pid,
                        });
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(e) => return Err(JournalError::io("lock", &path, e.into())),
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|e| JournalError::io("write", &path, e))?;
        Ok(Self { file })
    }
}

/// Whether a process has the run in `dir` open.
pub fn in_use(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("lock")) else {
        return false;
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            let _ = rustix::fs::flock(&file, FlockOperation::Unlock);
            false
        }
        Err(error) => error == Errno::WOULDBLOCK,
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a process that another thread is starting has a copy of it.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// The process that the file of the lock names.
fn holder(file: &File) -> Option<Pid> {
    // The ten digits of a process id, and the end of the line.
    let mut text = [0; 11];
    let read = file.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..read)?).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

fn is_dead(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid) == Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_dead_process_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let mut left = File::create(dir.path().join("lock")).unwrap();
        writeln!(left, "{}", dead.id()).unwrap();
        rustix::fs::flock(&left, FlockOperation::LockExclusive).unwrap();
        let Err(JournalError::InUse { pid, .. }) = Lock::take_within(dir.path(), PAUSE) else {
            panic!("taken")
        };
        assert_eq!(pid, Some(dead.id()));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| Lock::take(dir.path()));
            drop(left);
            waits.join().unwrap().unwrap();
        });
    }

    #[test]
    fn who_only_looks_is_waited_for_and_who_lives_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let taken_in = |patience| {
            let started = Instant::now();
            let taken = Lock::take_within(dir.path(), patience);
            (taken, started.elapsed())
        };
        let looks = File::create(dir.path().join("lock")).unwrap();
        rustix::fs::flock(&looks, FlockOperation::LockShared).unwrap();
        let (taken, waited) = taken_in(PAUSE);
        assert!(matches!(taken, Err(JournalError::InUse { pid: None, .. })) && waited >= PAUSE);
        drop(looks);
        let _held = Lock::take(dir.path()).unwrap();
        let (taken, waited) = taken_in(PATIENCE);
        assert!(
            matches!(taken, Err(JournalError::InUse { pid: Some(pid), .. }) if pid == std::process::id())
        );
        assert!(waited < PATIENCE);
    }
}
