//! Exit codes: a public, documented list.

use std::process::ExitCode;

use smallcode_core::run::RunStatus;

/// How the command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything went well.
    Done = 0,
    /// A task failed.
    Failed = 1,
    /// The workflow or the command line is wrong.
    Wrong = 2,
    /// A cap was reached.
    Capped = 3,
    /// No model could be reached.
    NoModel = 4,
    /// A plan does not match what it was made from.
    Mismatch = 5,
    /// A human must answer.
    Waiting = 6,
    /// A server that the workspace names is not trusted.
    Untrusted = 7,
    /// A bug of ours.
    Bug = 70,
    /// Input or output failed: a full disk, a damaged journal.
    Io = 74,
    /// The run is in use by another process.
    InUse = 75,
    /// A signal stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<RunStatus> for Exit {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Success => Self::Done,
            RunStatus::Failure => Self::Failed,
            RunStatus::OverBudget => Self::Capped,
            RunStatus::NoModel => Self::NoModel,
            RunStatus::Waiting => Self::Waiting,
            RunStatus::Interrupted => Self::Interrupted,
        }
    }
}

/// Why a command did not do what it was asked, with the code that it exits with.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The code.
    pub(crate) exit: Exit,
    /// What is shown: one line, or rendered diagnostics.
    pub(crate) message: String,
    /// Whether the message is shown as it is, without `error: ` before it.
    pub(crate) rendered: bool,
    /// What to do, each on a line of its own.
    pub(crate) hints: Vec<String>,
}

impl Refusal {
    /// A refusal with its line.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            rendered: false,
            hints: Vec::new(),
        }
    }

    /// A refusal whose message is made of rendered diagnostics.
    pub(crate) fn rendered(exit: Exit, message: String) -> Self {
        Self {
            exit,
            message,
            rendered: true,
            hints: Vec::new(),
        }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// For `map_err`: an error of the world with everything that caused it.
    pub(crate) fn of(exit: Exit) -> impl Fn(&dyn std::error::Error) -> Self {
        move |error| {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                let text = error.to_string();
                if !message.contains(&text) {
                    message = format!("{message}: {text}");
                }
                cause = error.source();
            }
            Self::new(exit, message)
        }
    }
}
