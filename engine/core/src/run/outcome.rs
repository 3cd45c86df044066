//! How attempts, nodes and runs end: what they gave, or why they failed, as events have it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value, in the journal itself while it is small, else in a blob of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// The value.
    Inline(Arc<Value>),
    /// The value as JSON in a blob.
    Json {
        /// BLAKE3 of the blob, in hexadecimal.
        blob: String,
        /// Its length.
        bytes: u64,
    },
    /// A text in a blob, as it is.
    Text {
        /// BLAKE3 of the blob, in hexadecimal.
        blob: String,
        /// Its length.
        bytes: u64,
        /// Whether the text went on after this and was not kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
    },
}

impl Stored {
    /// A small value.
    pub fn inline(value: Value) -> Self {
        Self::Inline(Arc::new(value))
    }

    /// Nothing.
    pub fn null() -> Self {
        Self::inline(Value::Null)
    }
}

/// What a successful attempt leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResult {
    /// The value of `tasks.x.output`.
    pub output: Stored,
    /// What a command wrote to standard output, where that is not the output itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Stored>,
    /// What a command wrote to standard error, where it wrote anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Stored>,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl TaskResult {
    /// A result that is a value only.
    pub fn value(value: Value) -> Self {
        Self::of(Stored::inline(value))
    }

    /// The same where the value is kept already.
    pub fn of(output: Stored) -> Self {
        Self {
            output,
            stdout: None,
            stderr: None,
            exit_code: None,
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The server answered with an error, or broke off.
    Transport,
    /// No server could be reached.
    NoModel,
    /// The server does not take the request (its key, its model, its form or its time), or withholds the answer.
    Refused,
    /// The answer was cut at its token limit.
    Truncated,
    /// The answer repeated itself and was stopped.
    Looping,
    /// The model thought for longer than it may, and did not answer.
    Overthinking,
    /// The answer was empty.
    Empty,
    /// The answer could not be read.
    Unparseable,
    /// The answer does not follow its schema.
    SchemaMismatch,
    /// The answer edits lines that its files do not have, or not once, or files that it was not shown.
    PatchWithoutMatch,
    /// The answer calls a tool that was not offered.
    UnknownTool,
    /// The same call of a tool again and again, to no effect.
    ToolFailed,
    /// All calls of an attempt were made, and its goal was not reached.
    Unfinished,
    /// A verifier refused the result.
    VerifyFailed,
    /// Something was not allowed.
    Denied,
    /// A budget would have been exceeded.
    OverBudget,
    /// The prompt does not fit the window.
    TooLarge,
    /// A command ended with another code than 0, or by a signal.
    CommandFailed,
    /// The attempt took longer than its `timeout`.
    TimedOut,
    /// An expression had no value, or a value did not fit its use.
    Expression,
    /// A file could not be read or written, or a program not be started.
    Io,
    /// A tool that a verifier needs is not installed.
    ToolMissing,
    /// A human said no.
    Rejected,
    /// A used workflow failed.
    UsedWorkflowFailed,
    /// The run was stopped or a sibling failed.
    Cancelled,
    /// The process that ran the attempt ended without a result.
    Lost,
    /// A bug of the engine.
    Internal,
}

/// A failed attempt: its class, and what to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Why.
    pub class: FailureClass,
    /// What happened, in a line, with what to do where something can be done.
    pub message: String,
    /// More of it: the last lines of standard error, the violations of a schema.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What a command wrote to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Stored>,
    /// What a command wrote to standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Stored>,
    /// How many tokens an answer that was cut could have had at most, where that is more than it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<u64>,
    /// How the work of the attempt can be cut, where its task allows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Box<super::Work>>,
    /// A digest of the answer that was wrong, where a model gave one: the same for answers that say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Failure {
    /// A failure with its line.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            detail: String::new(),
            exit_code: None,
            stdout: None,
            stderr: None,
            room: None,
            work: None,
            answer: None,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well.
    Success(TaskResult),
    /// Not well.
    Failure(Failure),
}

/// How a task or node ended: the value of `tasks.x.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Well.
    Success,
    /// Not well.
    Failure,
    /// It was stopped.
    Cancelled,
    /// It was not run.
    Skipped,
}

impl Status {
    /// Its word in expressions and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

/// How a session of a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every task ended well, was skipped, or failed with `continue`.
    Success,
    /// A task failed.
    Failure,
    /// A cap was reached.
    OverBudget,
    /// No model could be reached.
    NoModel,
    /// A human must answer, or confirm that a command may run again.
    Waiting,
    /// A signal stopped it.
    Interrupted,
}
