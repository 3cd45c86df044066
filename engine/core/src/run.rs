//! What a run does: a state that events change and from which the next actions follow.
//!
//! [`State::apply`] folds the journal; [`State::next`] says what is to be done now. Both are pure: time,
//! randomness and results arrive inside events. Resuming is the same fold, followed by the same question.

mod action;
mod beginning;
mod budget;
mod decide;
mod event;
mod feedback;
mod node;
mod outcome;
mod program;
mod split;
mod state;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use budget::{Affordable, Caps, Spend};
pub use decide::{Decision, Manner, Past, Policy, Symptom, decide};
pub use event::{
    CallUsage, Event, NodeId, Notice, RepairSeverity, Repaired, Reserve, Sent, Stream, Timestamp, ToolResult,
};
pub use feedback::{FEEDBACK_TOKENS, feedback};
pub use node::{
    CallRecord, Node, NodeIndex, NodeOutcome, NodePhase, Scope, ScopeIndex, Split, TaskOutcome, ToolPlace,
    ToolRecord,
};
pub use outcome::{Failure, FailureClass, Outcome, RunStatus, Status, Stored, TaskResult};
pub(crate) use program::splits;
pub use program::{Escalates, Program, TaskInfo};
pub use split::{Cut, MAX_PARTS, Part, Piece, Work, group, split};
pub use state::{ApplyError, State};
