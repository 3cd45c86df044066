//! The events of a run: what the journal holds and every report reads.
//!
//! An [`Event`] is a fact that changed the run, durable before anything follows from it. A [`Notice`] is what a
//! person watching wants to see as it happens and nobody needs afterwards; it is never journaled.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::{Failure, Outcome, RunStatus, Stored};
use crate::price::Usd;
use crate::tokens::Calibration;

/// A point in time, in milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time that many milliseconds later.
    #[must_use]
    pub fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How many milliseconds this is after an earlier time; 0 where it is not after it.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The name of a node, or of a task inside a scope: `build`, `test[3]`, `notes/collect`, `notes[1]/collect[0]`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NodeId(#[schemars(with = "String")] Arc<str>);

impl NodeId {
    /// The id with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tokens that a call took, as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallUsage {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Tokens of the prompt that the server had cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Whether we counted, because the server did not, or its count could not be right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// Whether the server refused the call before it did any work. Then it took nothing, and counts as no call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What it cost, in billionths of a US dollar.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub usd: Usd,
}

/// What was set aside for a call before it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserve {
    /// The upper count of the prompt's tokens.
    pub prompt: u64,
    /// The most tokens that the answer may have.
    pub completion: u64,
    /// The most that it can cost, in billionths of a US dollar.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub usd: Usd,
}

/// What a tool has left that is not run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolResult {
    /// All that the model is told.
    pub text: Stored,
    /// BLAKE3 of the record of what stood, when it had ended, where the attempt may write; in the folder `undo` of the
    /// run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// What of a call leaves this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Where it goes: host and port.
    pub host: String,
    /// The body of the request, byte for byte.
    pub body: Stored,
}

/// How much a repair may have changed of what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairSeverity {
    /// Only spelling.
    Cosmetic,
    /// The structure was completed in the one way that makes sense.
    Structural,
    /// Something was left out, or chosen among several.
    Lossy,
}

/// Repairs of one kind that an answer needed to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repaired {
    /// What was done, as `smallcode parse` names it: `missing_comma`.
    pub kind: String,
    /// How much it may have changed.
    pub severity: RepairSeverity,
    /// How often it was done.
    pub count: u64,
}

/// A fact that changed the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// The id of the run.
        run: String,
        /// The name of the workflow.
        workflow: String,
        /// The version of the engine.
        engine: String,
        /// BLAKE3 of the blob that holds the plan.
        plan: String,
        /// What chance in this run derives from.
        seed: u64,
        /// How many nodes run at the same time.
        jobs: u32,
        /// What tells this start of the machine from others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    /// Another process took the run up.
    RunResumed {
        /// How many nodes run at the same time.
        jobs: u32,
        /// Whether the user confirmed that commands which were in flight may run again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        confirmed: bool,
        /// What tells this start of the machine from others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    /// These nodes may start from now on without waiting for the disk. Should the machine lose its power, those of
    /// them that have not ended may have been started.
    NodesClaimed {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// The items of a `foreach` or `matrix` are known.
    TaskExpanded {
        /// The task.
        task: NodeId,
        /// The list of its items.
        items: Stored,
        /// How many there are.
        count: u64,
    },
    /// The `if` of a node was evaluated.
    ConditionChecked {
        /// The node.
        node: NodeId,
        /// Whether it is to run.
        holds: bool,
    },
    /// The expressions that decide about a task or node could not be evaluated, or the wall time of its task's budget
    /// was used up before it started.
    NodeRefused {
        /// The task or node.
        node: NodeId,
        /// Why.
        failure: Failure,
    },
    /// A task will not run.
    TaskSkipped {
        /// The task.
        task: NodeId,
        /// Why.
        because: String,
    },
    /// A node was stopped before it ran.
    NodeCancelled {
        /// The node.
        node: NodeId,
        /// Why.
        because: String,
    },
    /// An attempt is about to start.
    AttemptStarted {
        /// The node.
        node: NodeId,
        /// Which attempt: 1 is the first.
        attempt: u32,
    },
    /// An attempt says what it may write, and waits for its turn: those whose writes overlap run one at a time.
    WritesAsked {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Paths and globs of the workspace.
        writes: Vec<String>,
    },
    /// What stands where an attempt is about to write is kept. Unless the attempt succeeds, it is put back: by the
    /// attempt itself, or by whoever takes the run up.
    WritesKept {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// BLAKE3 of the record, in the folder `undo` of the run.
        kept: String,
    },
    /// The inputs of a used workflow are known, and its tasks begin.
    ScopeEntered {
        /// The `uses` node.
        node: NodeId,
        /// Which attempt of it.
        attempt: u32,
        /// Its inputs.
        inputs: Stored,
    },
    /// The work of a node is cut: each part becomes a node, one after the other, named after this one and its number.
    NodeSplit {
        /// The node.
        node: NodeId,
        /// Which attempt of it.
        attempt: u32,
        /// In which way.
        by: crate::spec::SplitBy,
        /// The parts, in their order.
        parts: Vec<super::Part>,
    },
    /// The plan of a model was found good, and its tasks begin.
    PlanAccepted {
        /// The `plan` node.
        node: NodeId,
        /// Which attempt of it.
        attempt: u32,
        /// The names of its tasks.
        tasks: Vec<String>,
        /// The workflow that they are of, as it was checked.
        workflow: String,
    },
    /// What the parts of a node, or the tasks of its plan, have made together was refused. All of it is put back, and
    /// the attempt then fails.
    PartsRefused {
        /// The node.
        node: NodeId,
        /// Which attempt of it.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// A model is about to be called.
    CallStarted {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Which call of the attempt: 1 is the first.
        call: u32,
        /// The profile that answers.
        profile: String,
        /// BLAKE3 of the request.
        digest: String,
        /// What is set aside for it.
        reserve: Reserve,
        /// How its tokens were counted: after a crash the attempt counts as it did, so that it says the same.
        #[serde(default, skip_serializing_if = "Calibration::is_default")]
        counting: Calibration,
        /// What of it leaves this machine; nothing where the server is on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<Sent>,
    },
    /// A model has answered, or failed to.
    CallFinished {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Which call of the attempt.
        call: u32,
        /// The reply; nothing where there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Stored>,
        /// What it took.
        usage: CallUsage,
        /// Why there is no reply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// An answer could be read only after repairs.
    ReplyRead {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Which call of the attempt.
        call: u32,
        /// What was done, one entry for each kind.
        repairs: Vec<Repaired>,
    },
    /// A tool that does what can't be taken back is about to run for a model.
    ToolStarted {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Which call of the attempt asked for it.
        call: u32,
        /// Which of the tools that this call asked for: 1 is the first.
        place: u32,
        /// What it does, in a few words: `run_command npm test`.
        does: String,
    },
    /// A tool has run for a model. One that only looks or writes files is run again by whoever takes the attempt up:
    /// the same answers of the model lead to the same files.
    ToolFinished {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// Which call of the attempt asked for it.
        call: u32,
        /// Which of the tools that this call asked for.
        place: u32,
        /// What it did, in a few words.
        does: String,
        /// Whether it did so.
        did: bool,
        /// The first line of what the model is told.
        told: String,
        /// What a tool that is not run again has left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<ToolResult>,
    },
    /// An attempt has ended.
    AttemptFinished {
        /// The node.
        node: NodeId,
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// What follows.
        decision: super::Decision,
    },
    /// A human is asked.
    ApprovalAsked {
        /// The `approve` node.
        node: NodeId,
        /// What is asked.
        message: String,
        /// What is shown with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diff: Option<Stored>,
    },
    /// A human has answered.
    ApprovalAnswered {
        /// The `approve` node.
        node: NodeId,
        /// The answer.
        approved: bool,
        /// What was said with it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// A cap was reached: that of a task or used workflow whose wall time is over at this moment, which then fails,
    /// else that of the whole run, of which nothing more is started.
    CapReached {
        /// Which, in words.
        cap: String,
    },
    /// A signal asks the run to stop.
    Interrupted {
        /// The first asks to stop, the second to kill.
        stage: u32,
    },
    /// A session of the run has ended. After `waiting` and `interrupted` it can be taken up again.
    RunFinished {
        /// How.
        status: RunStatus,
        /// The workflow's outputs, where it succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Stored>,
        /// What there is to say about it, such as what it waits for.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
    },
}

/// Which stream of a command a text is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The answer of a model.
    Answer,
}

/// What a person watching wants to see as it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// A command or a model wrote something.
    Output {
        /// The node.
        node: NodeId,
        /// Where it wrote.
        stream: Stream,
        /// What it wrote; bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// A call of a model is tried again.
    CallRetried {
        /// The node.
        node: NodeId,
        /// Why.
        because: String,
        /// In how many milliseconds.
        delay: u64,
    },
    /// Something that the user should know.
    Warning {
        /// What.
        message: String,
    },
}
