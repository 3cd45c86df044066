//! A command that is talked to while it runs: its pipes are the caller's, and it ends when the caller says so.

use std::io;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::capture::receiver;
use super::drive::{exit_of, start};
use super::group::{Group, Watch, reap_dropped};
use super::orphans::end_marked;
use super::{Exit, RunError, Spec, Stdin};

/// How long a command that was killed may take to be gone: 2 s, after which it is left to the next one to reap.
const KILLED: Duration = Duration::from_secs(2);

/// A running command. Dropped, it is killed with all that it started.
pub struct Conversation {
    mark: String,
    group: Group,
    watch: Watch,
}

/// The pipes of a running command.
pub struct Pipes {
    /// What it reads.
    pub input: Sender,
    /// Its standard output.
    pub output: Receiver,
    /// Its standard error.
    pub errors: Receiver,
}

/// Starts a command, and leaves its pipes to the caller. What `spec` says of input and output has no meaning here.
///
/// Must be called in a tokio runtime with I/O and time.
///
/// # Errors
///
/// When the command could not be started.
pub async fn converse(spec: &Spec) -> Result<(Conversation, Pipes), RunError> {
    reap_dropped();
    let mut spec = spec.clone();
    spec.stdin = Stdin::Bytes(Vec::new());
    let mut child = start(&spec).await?;
    let pipes = pipes(&mut child);
    let group = Group::new(child);
    let watch = Watch::new(group.pid()).map_err(RunError::io("watch a command"))?;
    let pipes = pipes.map_err(RunError::io("talk to a command"))?;
    let mark = spec.mark;
    Ok((Conversation { mark, group, watch }, pipes))
}

fn pipes(child: &mut Child) -> io::Result<Pipes> {
    let none = || io::Error::from(io::ErrorKind::BrokenPipe);
    Ok(Pipes {
        input: Sender::from_owned_fd(child.stdin.take().ok_or_else(none)?.into())?,
        output: receiver(child.stdout.take().ok_or_else(none)?.into())?,
        errors: receiver(child.stderr.take().ok_or_else(none)?.into())?,
    })
}

impl Conversation {
    /// Ends it: with its input closed, which is the caller's to do before, it has `patience` to end by itself, then as
    /// long again after SIGTERM. What is left of its group is killed in any case.
    ///
    /// # Errors
    ///
    /// When the system does not say how it ended.
    pub async fn end(mut self, patience: Duration) -> Result<Exit, RunError> {
        let steps = [
            (None, patience),
            (Some(Signal::TERM), patience),
            (Some(Signal::KILL), KILLED),
        ];
        let mut exited = false;
        for (signal, patience) in steps {
            if let Some(signal) = signal {
                self.group.signal(signal);
                // A stopped process acts on nothing but SIGKILL until it is continued.
                self.group.signal(Signal::CONT);
            }
            if let Ok(end) = tokio::time::timeout(patience, self.watch.exited()).await {
                end.map_err(RunError::io("watch a command"))?;
                exited = true;
                break;
            }
        }
        if !exited {
            return Err(RunError::io("end a command")(io::ErrorKind::TimedOut.into()));
        }
        let status = self.group.reap();
        end_marked(&self.mark).await;
        status
            .map(exit_of)
            .map_err(RunError::io("read the exit status of a command"))
    }
}
