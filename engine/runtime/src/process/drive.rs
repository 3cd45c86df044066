//! Follows a command from its start to its end, in one future: no tasks and no threads of its own.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::unix::pipe::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::group::{Group, Watch, reap_dropped};
use super::orphans::end_marked;
use super::spawn::{is_busy, spawn};
use super::{End, Exit, Finished, RunError, SpawnError, Spec, Stdin, Stream};

/// How long a killed process may take to end before we go on without it: 10 s, far more than a healthy disk needs.
const KILL_WAIT: Duration = Duration::from_secs(10);
/// How often, and how long apart, a program that is still being written is tried again: 100 ms in all.
const BUSY_TRIES: (u32, Duration) = (10, Duration::from_millis(10));

/// Runs a command to its end.
///
/// `cancel` and the `timeout` send SIGTERM to its group, and SIGKILL after the grace; `kill` sends SIGKILL at once.
/// `on_output` sees every byte as it comes, also what is not kept. Once its first process has exited, the pipes get
/// [`Spec::leak`] to close (and after a SIGTERM at least what is left of the grace); then the rest of the group is
/// killed. A process that left the group is not, unless the command has a [mark](Spec::mark): that is what
/// [`kill_orphans`](super::kill_orphans) is for.
/// Dropping the future kills the group.
///
/// Must be called in a tokio runtime with I/O and time.
///
/// # Errors
///
/// When the command could not be started, or what it prints could not be kept. A command that fails is no error.
pub async fn run(
    spec: &Spec,
    cancel: &CancellationToken,
    kill: &CancellationToken,
    timeout: Option<Duration>,
    mut on_output: impl FnMut(Stream, &[u8]),
) -> Result<Finished, RunError> {
    reap_dropped();
    let mut child = start(spec).await?;
    let started = Instant::now();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut course = Course::new(Group::new(child), spec, started, timeout);
    let mut watch = Watch::new(course.group.pid()).map_err(RunError::io("watch a command"))?;
    let stdin = stdin.map(|pipe| Sender::from_owned_fd(pipe.into())).transpose();
    let mut input = Input::new(spec, stdin.map_err(RunError::io("write to a command"))?);
    let mut stdout = Capture::new(spec, Stream::Stdout, stdout)?;
    let mut stderr = Capture::new(spec, Stream::Stderr, stderr)?;

    let mut chunk = Vec::new();
    let mut timer = pin!(tokio::time::sleep_until(started));
    let mut cancelled = pin!(cancel.cancelled());
    let mut killed = pin!(kill.cancelled());
    while course.exited.is_none() || stdout.is_open() || stderr.is_open() {
        if let Some(deadline) = course.deadline
            && timer.deadline() != deadline
        {
            timer.as_mut().reset(deadline);
        }
        let next = tokio::select! {
            // The pipes last, as they may always have more.
            biased;
            () = &mut killed, if course.phase < Phase::Killed => course.kill(End::Killed),
            () = &mut cancelled, if course.phase < Phase::Stopping => course.stop(End::Cancelled),
            () = &mut timer, if course.deadline.is_some() => course.time_is_over()?,
            exited = watch.exited(), if course.exited.is_none() => {
                exited.map_err(RunError::io("watch a command"))?;
                input.pipe = None;
                course.exit()
            }
            ready = input.writable(), if input.pipe.is_some() => {
                input.feed(ready);
                Next::GoOn
            }
            ready = stdout.readable(), if stdout.is_open() => pumped(ready)?,
            ready = stderr.readable(), if stderr.is_open() => pumped(ready)?,
        };
        match next {
            Next::GoOn => {}
            // Both, so that a stream that never pauses does not starve the other.
            Next::Pump => {
                stdout.pump(&mut chunk, &mut on_output)?;
                stderr.pump(&mut chunk, &mut on_output)?;
            }
            Next::Finish => {
                // Where we were slow, what the command left in time is not lost.
                stdout.drain(&mut chunk, &mut on_output)?;
                stderr.drain(&mut chunk, &mut on_output)?;
                break;
            }
        }
    }
    end_marked(&spec.mark).await;
    let leaked = stdout.is_open() || stderr.is_open();
    let duration = course
        .exited
        .map_or_else(|| started.elapsed(), |exited| exited - started);
    let end = course.end;
    let status = course
        .group
        .reap()
        .map_err(RunError::io("read the exit status of a command"))?;
    Ok(Finished {
        exit: exit_of(status),
        end,
        stdout: stdout.finish()?,
        stderr: stderr.finish()?,
        leaked,
        duration,
    })
}

pub(super) async fn start(spec: &Spec) -> Result<std::process::Child, SpawnError> {
    let (tries, pause) = BUSY_TRIES;
    for _ in 0..tries {
        match spawn(spec) {
            Err(e) if is_busy(&e) => tokio::time::sleep(pause).await,
            started => return started,
        }
    }
    spawn(spec)
}

fn pumped(ready: io::Result<()>) -> Result<Next, RunError> {
    ready
        .map(|()| Next::Pump)
        .map_err(RunError::io("read the output of a command"))
}

pub(super) fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// What the loop does next.
enum Next {
    GoOn,
    Pump,
    Finish,
}

/// How hard a command was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Stopping,
    Killed,
}

/// Where a command stands on its way to its end.
struct Course {
    group: Group,
    grace: Duration,
    leak: Duration,
    phase: Phase,
    end: End,
    /// When its first process exited.
    exited: Option<Instant>,
    /// When [`time_is_over`](Self::time_is_over) is due.
    deadline: Option<Instant>,
}

impl Course {
    fn new(group: Group, spec: &Spec, started: Instant, timeout: Option<Duration>) -> Self {
        Self {
            group,
            grace: spec.grace,
            leak: spec.leak,
            phase: Phase::Running,
            end: End::Exited,
            exited: None,
            // A timeout past the end of time is none.
            deadline: timeout.and_then(|timeout| started.checked_add(timeout)),
        }
    }

    /// Asks the group to end.
    fn stop(&mut self, end: End) -> Next {
        if self.exited.is_some() {
            return Next::Finish;
        }
        self.phase = Phase::Stopping;
        self.end = end;
        self.group.signal(Signal::TERM);
        // A stopped process acts on nothing but SIGKILL until it is continued.
        self.group.signal(Signal::CONT);
        self.deadline = Instant::now().checked_add(self.grace);
        Next::GoOn
    }

    /// Ends the group. What had timed out has timed out, also when it is then killed.
    fn kill(&mut self, end: End) -> Next {
        if self.exited.is_some() {
            return Next::Finish;
        }
        self.phase = Phase::Killed;
        if self.end != End::TimedOut {
            self.end = end;
        }
        self.group.signal(Signal::KILL);
        self.deadline = Instant::now().checked_add(KILL_WAIT);
        Next::GoOn
    }

    /// The first process has exited: from now on it is about the pipes.
    fn exit(&mut self) -> Next {
        let now = Instant::now();
        self.exited = Some(now);
        let leak = now.checked_add(self.leak);
        // Who is still shutting down keeps the grace that was given.
        self.deadline = if self.phase == Phase::Stopping {
            self.deadline.max(leak)
        } else {
            leak
        };
        Next::Pump
    }

    fn time_is_over(&mut self) -> Result<Next, RunError> {
        match self.phase {
            _ if self.exited.is_some() => Ok(Next::Finish),
            Phase::Running => Ok(self.stop(End::TimedOut)),
            Phase::Stopping => Ok(self.kill(self.end)),
            Phase::Killed => Err(RunError::Unkillable {
                pid: self.group.pid().as_raw_nonzero().get().unsigned_abs(),
            }),
        }
    }
}

/// What is still to be written to a command.
struct Input<'a> {
    pipe: Option<Sender>,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn new(spec: &'a Spec, pipe: Option<Sender>) -> Self {
        let rest: &[u8] = if let Stdin::Bytes(bytes) = &spec.stdin {
            bytes
        } else {
            &[]
        };
        // With nothing to write, the pipe is closed at once.
        Self {
            pipe: pipe.filter(|_| !rest.is_empty()),
            rest,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match &self.pipe {
            Some(pipe) => pipe.writable().await,
            None => std::future::pending().await,
        }
    }

    /// Writes what fits. A command that does not read on, or is gone, is not an error: it needs no more.
    fn feed(&mut self, ready: io::Result<()>) {
        let Some(pipe) = &self.pipe else { return };
        match ready.and_then(|()| pipe.try_write(self.rest)) {
            Ok(written) => self.rest = self.rest.get(written..).unwrap_or_default(),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.pipe = None;
        }
    }
}
