//! What executors, and the world, tell the dispatcher, and what they ask it for.

use serde_json::{Map, Value as Json};
use smallcode_core::run::{
    CallUsage, Failure, NodeId, NodeIndex, Outcome, Repaired, Reserve, ScopeIndex, Sent, Stored, ToolPlace,
    ToolResult,
};
use smallcode_core::tokens::Calibration;
use tokio::sync::{mpsc, oneshot};

use super::{Keeping, Refused, TurnRequest};
use crate::dispatcher::Notices;
use crate::journal::BlobError;
use crate::workspace::KeepError;

/// The way back to the dispatcher.
#[derive(Clone)]
pub struct Tell {
    /// What changes the run.
    pub messages: mpsc::UnboundedSender<Message>,
    /// What is only worth seeing.
    pub notices: Notices,
}

/// What executors, and the world, tell the dispatcher.
pub enum Message {
    /// The items of a task are known, or can't be.
    Expanded(ScopeIndex, usize, Result<Vec<Json>, Failure>),
    /// A condition was evaluated.
    Checked(NodeIndex, Result<bool, Failure>),
    /// The inputs of a used workflow are known.
    Entered(NodeIndex, Map<String, Json>),
    /// The parts of a node can begin.
    Split(NodeIndex, u32),
    /// The tasks of a plan can begin: their names, and the workflow that they are of.
    Planned(NodeIndex, u32, Vec<String>, String),
    /// What the parts of a node made together was refused.
    Refused(Refused),
    /// Something stopped the verifiers of that before they had an answer.
    Unverified(NodeIndex, u32),
    /// A human is to be asked.
    Ask(NodeIndex, String, Option<Stored>),
    /// A human has answered.
    Answer(NodeId, bool, String),
    /// Nobody answers questions any more.
    Unanswered,
    /// An attempt wants its turn to write.
    Turn(TurnRequest),
    /// An attempt has kept what it is about to write over.
    Keeping(Keeping),
    /// What an attempt wrote could not be taken back: the run can't go on.
    NotRestored(KeepError),
    /// A call is about to be made.
    Call(CallRequest),
    /// A call has ended.
    Called(CallEnd),
    /// The answer of an attempt's last call was read after repairs.
    Read(NodeIndex, u32, Vec<Repaired>),
    /// A tool is about to run that can't be taken back.
    ToolStart(ToolStart),
    /// A tool has run.
    ToolEnd(ToolEnd),
    /// An attempt has ended.
    Finished(NodeIndex, u32, Outcome),
    /// What an attempt left could not be kept: the run can't go on.
    Broken(BlobError),
    /// A signal.
    Signal(u32),
}

/// Asks for leave to make a call.
pub struct CallRequest {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// Which call.
    pub call: u32,
    /// The profile.
    pub profile: String,
    /// BLAKE3 of the request.
    pub digest: String,
    /// Its worst case.
    pub reserve: Reserve,
    /// How its tokens were counted.
    pub counting: Calibration,
    /// What of it leaves this machine.
    pub sent: Option<Sent>,
    /// Answered once the call is journaled: leave, or the cap in its way.
    pub grant: oneshot::Sender<Result<(), String>>,
}

/// Tells how a call ended.
pub struct CallEnd {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// Which call.
    pub call: u32,
    /// The reply.
    pub reply: Option<Stored>,
    /// What it took.
    pub usage: CallUsage,
    /// Why there is no reply.
    pub failure: Option<Failure>,
    /// Answered once it is journaled.
    pub done: oneshot::Sender<()>,
}

/// Asks for leave to run a tool that can't be taken back.
pub struct ToolStart {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// Which call asked for it, and its place there.
    pub place: ToolPlace,
    /// What it does, in a few words.
    pub does: String,
    /// Answered once it is journaled.
    pub grant: oneshot::Sender<()>,
}

/// Tells what came of a tool.
pub struct ToolEnd {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// Which call asked for it, and its place there.
    pub place: ToolPlace,
    /// What it did, in a few words.
    pub does: String,
    /// Whether it did so.
    pub did: bool,
    /// The first line of what the model is told.
    pub told: String,
    /// What it has left, where it is not run again.
    pub left: Option<ToolResult>,
}
