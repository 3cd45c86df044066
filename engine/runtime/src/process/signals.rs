//! Ctrl-C and SIGTERM as three stages: stop starting work, kill what runs, leave.
//!
//! It only tells; what a stage means is up to the caller.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a person who interrupts us wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The first signal: start nothing more, and let what runs come to its end.
    Stop,
    /// The second: kill what runs.
    Kill,
    /// The third and every later one: leave at once.
    Leave,
}

/// Listens for SIGINT and SIGTERM from the moment it is made.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    next: Stage,
}

/// Has a write past the limit on the size of files (`ulimit -f`) fail, where the system would end this process.
///
/// Commands that it starts are not concerned. Must be called in a tokio runtime with I/O.
pub fn survive_file_limit() -> io::Result<()> {
    /// SIGXFSZ, on Linux and macOS alike.
    const FILE_LIMIT: i32 = 25;
    // The handler stays when the stream of signals is dropped.
    signal(SignalKind::from_raw(FILE_LIMIT)).map(drop)
}

impl Signals {
    /// Starts to listen. From then on, and until this process ends, these signals no longer end it by themselves.
    ///
    /// Must be called in a tokio runtime with I/O.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            next: Stage::Stop,
        })
    }

    /// Waits for the next signal and gives its stage. A call that is dropped before it ends loses nothing.
    pub async fn next(&mut self) -> Stage {
        let Self {
            interrupt,
            terminate,
            next,
        } = self;
        let received = tokio::select! {
            received = interrupt.recv() => received,
            received = terminate.recv() => received,
        };
        if received.is_none() {
            // The runtime shuts down; nothing comes any more.
            std::future::pending::<()>().await;
        }
        let stage = *next;
        *next = if stage == Stage::Stop {
            Stage::Kill
        } else {
            Stage::Leave
        };
        stage
    }
}
