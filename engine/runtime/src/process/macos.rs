//! The same without `/proc`: macOS shows the environments of one's own processes through `ps`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};

use super::TAG_VARIABLE;

/// There are no descriptors of processes here.
pub(super) fn descriptor(_: Pid) -> Option<OwnedFd> {
    None
}

/// A process of a run.
pub(super) struct Tagged {
    pub(super) pid: Pid,
}

impl Tagged {
    pub(super) fn signal(&self, signal: Signal) {
        // Fails when the process is gone, which is what is wanted.
        let _ = rustix::process::kill_process(self.pid, signal);
    }
}

/// The processes that have `entry`, such as `NAME=value`, in their environment; not us, and none that we descend from.
pub(super) fn tagged(entry: &[u8]) -> io::Result<Vec<Tagged>> {
    let listing = Command::new("/bin/ps")
        .args(["-axEww", "-o", "pid=,ppid=,command="])
        // We may have been started from what is left of the run; `ps` itself is not.
        .env_remove(TAG_VARIABLE)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if !listing.status.success() {
        return Err(io::Error::other(format!("`ps` ended with {}", listing.status)));
    }
    let ourselves = rustix::process::getpid().as_raw_nonzero().get();
    let found = select(&listing.stdout, entry, ourselves);
    Ok(found
        .into_iter()
        .filter_map(Pid::from_raw)
        .map(|pid| Tagged { pid })
        .collect())
}

/// The processes of a listing with `entry` among their words, without `ourselves` and its ancestors.
fn select(listing: &[u8], entry: &[u8], ourselves: i32) -> Vec<i32> {
    let mut parents = BTreeMap::new();
    let mut found = Vec::new();
    for line in listing.split(|b| *b == b'\n') {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse::<i32>().ok();
        let (Some(pid), Some(parent)) = (number(), number()) else {
            continue;
        };
        parents.insert(pid, parent);
        if words.any(|word| word == entry) {
            found.push(pid);
        }
    }
    let mut spared = BTreeSet::new();
    let mut pid = ourselves;
    while spared.insert(pid) {
        let Some(parent) = parents.get(&pid) else { break };
        pid = *parent;
    }
    found.retain(|pid| !spared.contains(pid));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_searched_by_whole_words() {
        let listing = b"    1     0 /sbin/launchd\n\
              10     1 -zsh HOME=/ SMALLCODE_RUN=a\n\
              20    10 smallcode resume SMALLCODE_RUN=a\n\
              30     1 sleep 100 PATH=/bin SMALLCODE_RUN=a LANG=C\n\
              31    30 sleep 100 SMALLCODE_RUN=ab\n\
              \n  junk\n";
        assert_eq!(select(listing, b"SMALLCODE_RUN=a", 20), [30]);
        assert_eq!(select(listing, b"SMALLCODE_RUN=a", 1), [10, 20, 30]);
    }
}
