//! Runs one command of a workflow: bounded in time and memory, and killable with everything it started.
//!
//! A [`Spec`] goes in, a [`Finished`] comes out. A command runs in a process group of its own, without a terminal.
//! What it prints is kept up to a limit, and counted past it. When it ends, however it ends, what is left of its
//! group is killed. What a command may be, and what its end means, is the caller's affair.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

mod capture;
mod confine;
mod converse;
mod drive;
mod error;
mod group;
/// Checked on every system, as it parses text.
#[cfg(all(test, target_os = "linux"))]
#[expect(dead_code, reason = "only its parser is tested here")]
#[path = "process/macos.rs"]
mod macos;
mod orphans;
#[cfg_attr(target_os = "linux", path = "process/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "process/macos.rs")]
mod platform;
pub mod signals;
mod spawn;
#[cfg(test)]
mod tests;

pub use self::confine::{Confine, ConfineError, HELPER, NOT_STARTED, enter, offered};
pub use self::converse::{Conversation, Pipes, converse};
pub use self::drive::run;
pub use self::error::{RunError, SpawnError};
pub use self::orphans::{OrphanError, kill_orphans};

/// The environment variable that holds the [`Spec::tag`] of the run that a process belongs to.
pub const TAG_VARIABLE: &str = "SMALLCODE_RUN";

/// The variable with the mark of a command of a model.
pub const MARK_VARIABLE: &str = "SMALLCODE_COMMAND";

/// Time between SIGTERM and SIGKILL: 10 s, as in nextest; test runners and databases shut down in that.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Time for the pipes to close after a command has exited: 200 ms, as in nextest.
pub const DEFAULT_LEAK: Duration = Duration::from_millis(200);

/// What of a stream stays in memory: 64 KiB, one full pipe on Linux and more than a prompt wants to show.
pub const DEFAULT_KEEP_IN_MEMORY: usize = 64 * 1024;

/// What of a stream is kept on disk: 64 MiB, a very long build log.
pub const DEFAULT_MAX_OUTPUT: u64 = 64 * 1024 * 1024;

/// A command to run.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The program and its arguments. A bare name is looked up on the `PATH` that the command gets; a relative path
    /// counts from [`cwd`](Self::cwd).
    pub argv: Vec<OsString>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// Variables set on top of the environment; later ones win.
    pub env: Vec<(String, String)>,
    /// Starts from an empty environment instead of our own.
    pub clear_env: bool,
    /// What it reads.
    pub stdin: Stdin,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Time for the pipes to close after the command has exited.
    pub leak: Duration,
    /// Where output goes that is too long for memory. Made when it is needed.
    pub spool_dir: PathBuf,
    /// How many bytes of each stream stay in memory.
    pub keep_in_memory: usize,
    /// How many bytes of each stream are kept at all.
    pub max_output: u64,
    /// The id of the run, put into [`TAG_VARIABLE`] for [`kill_orphans`]. Empty for none. A program that has it in its own
    /// environment saves a copy of that for each command.
    pub tag: String,
    /// A mark that nothing else has, put into [`MARK_VARIABLE`]: what the command started ends with it, also where it has
    /// left its group. Empty for none, which spares a look at all processes.
    pub mark: String,
    /// What it may touch, where the system can see to that: [`offered`]. The program that asks for it must hand
    /// [`HELPER`] to [`enter`].
    pub confine: Option<Confine>,
}

impl Spec {
    /// A command with our environment, no input, and the default limits.
    pub fn new(
        argv: impl IntoIterator<Item = impl Into<OsString>>,
        cwd: impl Into<PathBuf>,
        spool_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: cwd.into(),
            env: Vec::new(),
            clear_env: false,
            stdin: Stdin::Null,
            grace: DEFAULT_GRACE,
            leak: DEFAULT_LEAK,
            spool_dir: spool_dir.into(),
            keep_in_memory: DEFAULT_KEEP_IN_MEMORY,
            max_output: DEFAULT_MAX_OUTPUT,
            tag: String::new(),
            mark: String::new(),
            confine: None,
        }
    }

    /// A shell script, which stops at the first command that fails: `sh -e -c SCRIPT`.
    pub fn shell(script: &str, cwd: impl Into<PathBuf>, spool_dir: impl Into<PathBuf>) -> Self {
        Self::new(["sh", "-e", "-c", script], cwd, spool_dir)
    }
}

/// What a command reads.
#[derive(Debug, Clone, Default)]
pub enum Stdin {
    /// Nothing.
    #[default]
    Null,
    /// These bytes, as far as it wants to read them.
    Bytes(Vec<u8>),
    /// A file, which it gets as it is.
    File(PathBuf),
}

/// One of the two streams that a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a command ended, and what it left.
#[derive(Debug)]
pub struct Finished {
    /// What the system says of its exit.
    pub exit: Exit,
    /// Why it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// A process that it started still held its output when the time for that was over: output may be missing.
    pub leaked: bool,
    /// From its start to its exit.
    pub duration: Duration,
}

/// The exit of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Why a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited,
    /// Its time was over.
    TimedOut,
    /// It was cancelled, and given its grace.
    Cancelled,
    /// It was killed on request.
    Killed,
}

/// What was kept of a stream, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Captured {
    /// All of it.
    Memory(Vec<u8>),
    /// Its first [`Spec::max_output`] bytes, in a file that now belongs to the caller.
    Spooled {
        /// The file.
        path: PathBuf,
        /// How much the command wrote, in bytes, kept or not.
        bytes: u64,
        /// Whether it wrote more than was kept.
        truncated: bool,
    },
}
