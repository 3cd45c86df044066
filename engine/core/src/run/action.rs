//! What is to be done next. The dispatcher journals what an action announces, then carries it out.

use super::{Failure, NodeIndex, RunStatus, ScopeIndex};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Find the items of a task's `foreach` or `matrix`; `TaskExpanded` follows.
    Expand {
        /// The scope of the task.
        scope: ScopeIndex,
        /// The task.
        task: usize,
    },
    /// Record that a task will not run; `TaskSkipped` follows.
    Skip {
        /// The scope of the task.
        scope: ScopeIndex,
        /// The task.
        task: usize,
        /// Why.
        because: String,
    },
    /// Evaluate a node's `if`; `ConditionChecked` follows.
    Check(NodeIndex),
    /// Start an attempt: `AttemptStarted` goes first.
    Start {
        /// The node.
        node: NodeIndex,
        /// Which attempt.
        attempt: u32,
    },
    /// Let an attempt that asked for its turn to write go on.
    Turn(NodeIndex),
    /// Evaluate the outputs of a used workflow whose tasks have ended; `AttemptFinished` follows. Where the node
    /// was told to stop, that says that it was cancelled.
    Leave(NodeIndex),
    /// Finish the attempt of a gate that was answered; `AttemptFinished` follows.
    Settle(NodeIndex),
    /// Record that a node which has not started will not; `NodeCancelled` follows.
    Cancel {
        /// The node.
        node: NodeIndex,
        /// Why.
        because: String,
    },
    /// Record that a node has failed before it started, as the budget of its task is used up; `NodeRefused` follows.
    Refuse {
        /// The node.
        node: NodeIndex,
        /// Whose budget it was.
        failure: Failure,
    },
    /// Stop a running attempt, whose `AttemptFinished` then tells that it was cancelled.
    Kill(NodeIndex),
    /// Nothing is left that can go on in this session; `RunFinished` follows. Where the run waits for a human who is
    /// there to answer, the answer may come instead: this is said again until one of them is journaled.
    Finish {
        /// How the session ended.
        status: RunStatus,
        /// What there is to say about it.
        message: String,
    },
}
