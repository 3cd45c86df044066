//! What only Linux has: descriptors of processes, and their environments in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal};

/// A descriptor that becomes readable when the process has exited. None before Linux 5.3 and in some sandboxes.
pub(super) fn descriptor(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// A process of a run.
pub(super) struct Tagged {
    pub(super) pid: Pid,
    descriptor: Option<OwnedFd>,
}

impl Tagged {
    pub(super) fn signal(&self, signal: Signal) {
        // Fails when the process is gone, which is what is wanted.
        let _ = match &self.descriptor {
            Some(descriptor) => rustix::process::pidfd_send_signal(descriptor, signal),
            None => rustix::process::kill_process(self.pid, signal),
        };
    }
}

/// The processes that have `entry`, such as `NAME=value`, in their environment; not us, and none that we descend from.
pub(super) fn tagged(entry: &[u8]) -> io::Result<Vec<Tagged>> {
    let spared = ourselves();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")? {
        let name = process?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        if spared.contains(&pid.as_raw_nonzero().get()) || !has(pid, entry) {
            continue;
        }
        let descriptor = descriptor(pid);
        // Looked at again, as the number may have gone to another process before the descriptor held it fast.
        if has(pid, entry) {
            found.push(Tagged { pid, descriptor });
        }
    }
    Ok(found)
}

/// Whether a process has `entry` in its environment. One that is not ours to look at, or is gone, has not.
fn has(pid: Pid, entry: &[u8]) -> bool {
    let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
    fs::read(path).is_ok_and(|environment| environment.split(|b| *b == 0).any(|e| e == entry))
}

/// Our own process and those that it descends from.
fn ourselves() -> BTreeSet<i32> {
    let mut ours = BTreeSet::new();
    let mut pid = rustix::process::getpid().as_raw_nonzero().get();
    while ours.insert(pid) {
        // `pid (name) state parent …`, where the name may hold anything.
        let parent = fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()
            .and_then(|stat| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok());
        let Some(parent) = parent else { break };
        pid = parent;
    }
    ours
}
