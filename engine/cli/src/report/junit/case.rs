//! One node of a run as a test case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestRerun};
use smallcode_core::run::{Failure, FailureClass, NodeId, Stored, TaskResult, Timestamp};

use super::{ReadBlob, date_time, xml_text};
use crate::render::text;
use crate::report::progress::End;
use crate::report::wording;

/// Of each output, this much of its end is kept.
const TAIL_LINES: usize = 100;
const TAIL_CELLS: usize = 2_000;

/// What is known of a node.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// Its attempts, in order.
    pub(super) attempts: Vec<Attempt>,
    /// How it ended, if it did.
    pub(super) end: Option<Ending>,
    /// Whether a model was called: what it answered is not the output of a command.
    pub(super) called: bool,
    stdout: Option<String>,
    stderr: Option<String>,
}

/// One attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    start: Timestamp,
    took: u64,
    failure: Option<Failed>,
}

impl Attempt {
    /// An attempt that has just begun.
    pub(super) fn started(start: Timestamp) -> Self {
        Self {
            start,
            took: 0,
            failure: None,
        }
    }
}

/// How a node ended.
#[derive(Debug)]
pub(super) enum Ending {
    Success,
    Failure(Failed),
    /// Not run or stopped: the word for it, and why.
    Without(&'static str, String),
}

/// A failure, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    kind: NonSuccessKind,
    class: String,
    message: String,
    detail: String,
    stdout: Option<String>,
    stderr: Option<String>,
}

impl Failed {
    fn new(failure: &Failure, read_blob: &ReadBlob) -> Self {
        Self {
            kind: kind(failure.class),
            class: wording::class(failure.class),
            message: text::one_line(&failure.message),
            detail: xml_text(&failure.detail),
            stdout: failure.stdout.as_ref().and_then(|stored| tail(stored, read_blob)),
            stderr: failure.stderr.as_ref().and_then(|stored| tail(stored, read_blob)),
        }
    }

    fn rerun(&self, attempt: &Attempt) -> TestRerun {
        let mut rerun = TestRerun::new(self.kind);
        rerun
            .set_message(&self.message)
            .set_type(&self.class)
            .set_time(Duration::from_millis(attempt.took));
        if let Some(start) = date_time(attempt.start) {
            rerun.set_timestamp(start);
        }
        if !self.detail.is_empty() {
            rerun.set_description(&self.detail);
        }
        if let Some(stdout) = &self.stdout {
            rerun.set_system_out(stdout);
        }
        if let Some(stderr) = &self.stderr {
            rerun.set_system_err(stderr);
        }
        rerun
    }
}

impl Case {
    /// The attempt that runs has failed, and another follows.
    pub(super) fn attempt_failed(&mut self, at: Timestamp, failure: &Failure, read_blob: &ReadBlob) {
        let attempt = self.close_attempt(at);
        if let Some(attempt) = attempt {
            attempt.failure = Some(Failed::new(failure, read_blob));
        }
    }

    /// The node has ended.
    pub(super) fn ended(&mut self, at: Timestamp, end: End<'_>, read_blob: &ReadBlob) {
        let _ = self.close_attempt(at);
        self.end = Some(match end {
            End::Success => Ending::Success,
            End::Failure(failure) => Ending::Failure(Failed::new(failure, read_blob)),
            End::Skipped(because) => Ending::Without("skipped", text::one_line(because)),
            End::Cancelled(because) => Ending::Without("cancelled", text::one_line(because)),
        });
    }

    /// What a successful attempt of a command wrote.
    pub(super) fn wrote(&mut self, result: &TaskResult, read_blob: &ReadBlob) {
        // The output of a command is its standard output, unless that was kept apart. No other kind but a prompt
        // gives a text.
        let text = !self.called && is_text(&result.output);
        let stdout = result.stdout.as_ref().or_else(|| text.then_some(&result.output));
        self.stdout = stdout.and_then(|stored| tail(stored, read_blob));
        self.stderr = result.stderr.as_ref().and_then(|stored| tail(stored, read_blob));
    }

    fn close_attempt(&mut self, at: Timestamp) -> Option<&mut Attempt> {
        let attempt = self.attempts.last_mut()?;
        attempt.took = at.since(attempt.start);
        Some(attempt)
    }

    /// The case; `unfinished` says why it has no end where it has none.
    pub(super) fn render(&self, node: &NodeId, workflow: &str, unfinished: &str) -> TestCase {
        let mut status = match &self.end {
            Some(Ending::Success) => TestCaseStatus::success(),
            Some(Ending::Failure(failed)) => {
                let mut status = TestCaseStatus::non_success(failed.kind);
                status.set_type(&failed.class).set_message(&failed.message);
                if !failed.detail.is_empty() {
                    status.set_description(&failed.detail);
                }
                status
            }
            Some(Ending::Without(word, because)) => {
                let mut status = TestCaseStatus::skipped();
                status.set_type(*word).set_message(because);
                status
            }
            None => {
                let mut status = TestCaseStatus::skipped();
                status.set_type("unfinished").set_message(unfinished);
                status
            }
        };
        let reruns = self
            .attempts
            .iter()
            .filter_map(|attempt| Some(attempt.failure.as_ref()?.rerun(attempt)));
        status.add_reruns(reruns);
        let mut case = TestCase::new(text::one_line(node.as_str()), status);
        case.set_classname(workflow);
        case.set_time(Duration::from_millis(
            self.attempts.iter().map(|attempt| attempt.took).sum(),
        ));
        if let Some(start) = self.attempts.first().and_then(|attempt| date_time(attempt.start)) {
            case.set_timestamp(start);
        }
        let (stdout, stderr) = match &self.end {
            Some(Ending::Failure(failed)) => (&failed.stdout, &failed.stderr),
            _ => (&self.stdout, &self.stderr),
        };
        if let Some(stdout) = stdout {
            case.set_system_out(stdout);
        }
        if let Some(stderr) = stderr {
            case.set_system_err(stderr);
        }
        case
    }
}

/// In `JUnit`, a failure is a wrong result and an error is anything that prevented one.
fn kind(class: FailureClass) -> NonSuccessKind {
    if matches!(
        class,
        FailureClass::Transport
            | FailureClass::Refused
            | FailureClass::OverBudget
            | FailureClass::TooLarge
            | FailureClass::Expression
            | FailureClass::Io
            | FailureClass::Lost
            | FailureClass::Internal
    ) {
        NonSuccessKind::Error
    } else {
        NonSuccessKind::Failure
    }
}

fn is_text(stored: &Stored) -> bool {
    match stored {
        Stored::Inline(value) => value.is_string(),
        Stored::Text { .. } => true,
        Stored::Json { .. } => false,
    }
}

/// The last lines of a stored text.
fn tail(stored: &Stored, read_blob: &ReadBlob) -> Option<String> {
    let whole = match stored {
        Stored::Inline(value) => match value.as_ref() {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => return None,
            value => value.to_string(),
        },
        Stored::Json { blob, bytes } | Stored::Text { blob, bytes, .. } => {
            read_blob(blob).unwrap_or_else(|| format!("({} bytes in blob {blob})", text::number(*bytes)))
        }
    };
    let lines = text::tail(&whole, TAIL_LINES, TAIL_CELLS);
    (!lines.is_empty()).then(|| lines.join("\n"))
}
