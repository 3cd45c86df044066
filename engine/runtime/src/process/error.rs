//! Why a command did not start, or could not be followed to its end.

use std::io;
use std::path::PathBuf;

/// A command did not start; nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no program in the command.
    #[error("the command is empty; name a program")]
    Empty,
    /// No such program.
    #[error("program `{program}` was not found {}; install it, or correct the name", place(path.as_deref()))]
    NotFound {
        /// The program.
        program: String,
        /// The `PATH` that was searched, if the program was a bare name.
        path: Option<String>,
    },
    /// The program is there, but not what it says it is run by.
    #[error(
        "`{program}` is there, but the interpreter that its first line names was not found; correct that line"
    )]
    NoInterpreter {
        /// The program.
        program: String,
    },
    /// The program is there and cannot be executed.
    #[error("`{program}` cannot be executed; see that it is a program for this system, and `chmod +x` it")]
    NotExecutable {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder to run in is not there.
    #[error("cannot run `{program}` in `{}`: there is no such folder; create it first", path.display())]
    NoFolder {
        /// The program.
        program: String,
        /// The folder.
        path: PathBuf,
    },
    /// The arguments and the environment are longer than the system takes.
    #[error(
        "the arguments of `{program}` and its environment take {bytes} bytes, more than the system allows (Linux: \
         131,072 for one argument); pass long text on stdin or in a file"
    )]
    TooLong {
        /// The program.
        program: String,
        /// The length of arguments and added variables, in bytes.
        bytes: usize,
    },
    /// A NUL byte, which ends a string for the system, stands where it cannot.
    #[error("{place} of `{program}` holds a NUL byte; pass binary data on stdin or in a file")]
    Nul {
        /// The program.
        program: String,
        /// Where, such as `argument 2`.
        place: String,
    },
    /// The name of a variable is empty or holds `=`.
    #[error("`{name}` cannot be the name of an environment variable; leave out `=`, and name it")]
    BadVariable {
        /// The name.
        name: String,
    },
    /// The file to read from could not be opened.
    #[error("could not open `{}` as the input of `{program}`", path.display())]
    Stdin {
        /// The program.
        program: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Any other failure of the system, such as too many processes.
    #[error("could not start `{program}`")]
    Os {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A command did not start, or could not be followed to its end. What it had started by then is killed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its output could not be kept.
    #[error("could not keep the output of a command in `{}`; make room there, or lower the output limit", path.display())]
    Spool {
        /// The folder for output.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It was killed and did not end.
    #[error(
        "process {pid} does not end although it was killed; it may run as another user, or wait for a dead disk"
    )]
    Unkillable {
        /// The process.
        pid: u32,
    },
    /// Any other failure of the system.
    #[error("could not {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl RunError {
    /// For `map_err`: the failure of `doing`.
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// Where a program was looked for.
fn place(path: Option<&str>) -> String {
    match path {
        Some("") => "(PATH is empty)".to_owned(),
        Some(path) => format!("on PATH ({path})"),
        None => "at that path".to_owned(),
    }
}
