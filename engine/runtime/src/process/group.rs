//! A running command and the group of everything that it started.
//!
//! Its first process is reaped last: as long as it is a zombie, the system gives its number, and so the group's, to
//! nobody else, and a signal to the group cannot reach strangers.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::SignalKind;

use super::platform;

/// Processes that were killed when their future was dropped, and had not ended yet. Reaped by the next command.
static UNREAPED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A running command. Dropped, it kills the whole group.
pub(super) struct Group {
    /// Gone once it is reaped.
    child: Option<Child>,
    pid: Pid,
}

impl Group {
    /// Takes charge of a child that leads a group of its own.
    pub(super) fn new(child: Child) -> Self {
        let pid = Pid::from_child(&child);
        Self {
            child: Some(child),
            pid,
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Signals every process of the group.
    pub(super) fn signal(&self, signal: Signal) {
        // Fails when nobody is left who could be signalled, which is as well.
        let _ = rustix::process::kill_process_group(self.pid, signal);
    }

    /// Kills what is left of the group, and reaps its first process, which has exited.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let mut child = self.child.take().ok_or(io::ErrorKind::NotFound)?;
        child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        self.signal(Signal::KILL);
        if !matches!(child.try_wait(), Ok(Some(_))) {
            UNREAPED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(child);
        }
    }
}

/// Reaps what earlier dropped commands left.
pub(super) fn reap_dropped() {
    let mut unreaped = UNREAPED.lock().unwrap_or_else(PoisonError::into_inner);
    unreaped.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// Tells when a child has exited, without reaping it.
pub(super) enum Watch {
    /// By a descriptor that becomes readable: wakes only who waits for this child.
    Descriptor(AsyncFd<OwnedFd>),
    /// By looking after every SIGCHLD, where there are no such descriptors.
    Signals(tokio::signal::unix::Signal, Pid),
}

impl Watch {
    /// Watches a child of ours that was not reaped.
    pub(super) fn new(pid: Pid) -> io::Result<Self> {
        let Some(descriptor) = platform::descriptor(pid) else {
            return tokio::signal::unix::signal(SignalKind::child()).map(|s| Self::Signals(s, pid));
        };
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, for types that close or change their descriptor; this one does not"
        )]
        AsyncFd::with_interest(descriptor, Interest::READABLE).map(Self::Descriptor)
    }

    /// The way without descriptors, for tests on systems that have them.
    #[cfg(test)]
    pub(super) fn by_signals(pid: Pid) -> io::Result<Self> {
        tokio::signal::unix::signal(SignalKind::child()).map(|s| Self::Signals(s, pid))
    }

    /// Waits until the child has exited. Can be dropped and called again.
    pub(super) async fn exited(&mut self) -> io::Result<()> {
        match self {
            Self::Descriptor(descriptor) => descriptor.readable().await.map(drop),
            Self::Signals(signals, pid) => loop {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
                if rustix::process::waitid(WaitId::Pid(*pid), options)?.is_some() {
                    return Ok(());
                }
                if signals.recv().await.is_none() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            },
        }
    }
}
