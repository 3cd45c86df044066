//! The parts of a run's state: scopes, tasks in them, and nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Cut, Failure, Manner, NodeId, Part, Reserve, Status, Stored, Symptom, TaskResult, Timestamp, ToolResult,
};
use crate::load::ModuleId;
use crate::tokens::Calibration;

/// Which node of a run, in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub usize);

/// Which scope of a run; the first is the workflow itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeIndex(pub usize);

/// A workflow in a run: the root, or the used workflow of a `uses` node.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Which workflow.
    pub module: ModuleId,
    /// What the ids of its tasks begin with: empty, or `notes/`.
    pub prefix: String,
    /// The `uses` node that it belongs to.
    pub parent: Option<NodeIndex>,
    /// Its inputs; those of the root are in the plan.
    pub inputs: Option<Stored>,
    /// Its tasks.
    pub(super) tasks: Vec<TaskState>,
    /// How many of them have not ended.
    pub(super) open: usize,
    /// What the calls of its nodes have spent, those of workflows that they use included.
    pub(super) spend: super::Spend,
    /// At which active millisecond of the run its wall time is used up.
    pub(super) wall: Option<u64>,
    /// Whether it was ended because a budget on its wall time, or on that of its task, is used up.
    pub(super) over: bool,
    /// Whether a model proposed it: its tasks run one after the other then, in the slot of the attempt that asked.
    pub(super) planned: bool,
    /// Why its tasks that have not begun will not.
    pub(super) cancelled: Option<Arc<str>>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskPhase {
    /// It waits for its needs.
    Waiting,
    /// A need did not end well: it will be skipped.
    Skipping,
    /// Its items are wanted.
    Expanding,
    /// It has nodes.
    Active,
    /// All its nodes have ended, or it was skipped.
    Ended,
}

/// A task in a scope.
#[derive(Clone, Debug)]
pub(super) struct TaskState {
    pub phase: TaskPhase,
    /// How many needs have not ended.
    pub pending: usize,
    /// Its nodes: the first, and how many.
    pub first: usize,
    pub count: usize,
    pub open: usize,
    pub running: u64,
    /// Nodes that are ready but must wait for others of the task to end.
    pub parked: BTreeSet<NodeIndex>,
    pub items: Option<Stored>,
    pub outcome: Option<Arc<TaskOutcome>>,
    pub spend: super::Spend,
    /// At which active millisecond of the run its wall time is used up, once an attempt has started.
    pub wall: Option<u64>,
    /// Whether it or a task before it, directly or through others, failed.
    pub failure: bool,
    /// Whether it or a task before it, directly or through others, was cancelled.
    pub cancelled: bool,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodePhase {
    /// Its `if` is to be evaluated.
    Checking,
    /// It can start.
    Ready,
    /// An attempt is under way.
    Running,
    /// The next attempt is not to start before this time.
    Waiting(Timestamp),
    /// A human is asked.
    Asked,
    /// A human has answered; the attempt is to be finished.
    Answered,
    /// The tasks of the used workflow run, or the parts of the node.
    Inside,
    /// The tasks of the used workflow have ended; its outputs are to be evaluated. Or the parts have, and what they
    /// made together is to be verified.
    Leaving,
    /// A command was in flight when the run died, and may not be run again unasked.
    InDoubt,
    /// It is over.
    Ended(Status),
}

/// A call of a model that has ended, kept so that it is not made again.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// BLAKE3 of the request.
    pub digest: String,
    /// The reply; nothing where it failed.
    pub reply: Option<Stored>,
    /// What is set aside for it while it is under way.
    pub reserve: Reserve,
    /// How its tokens were counted.
    pub counting: Calibration,
    /// Whether it is over.
    pub finished: bool,
}

impl CallRecord {
    /// One that is under way.
    pub fn started(digest: &str, reserve: Reserve, counting: Calibration) -> Self {
        Self {
            digest: digest.to_owned(),
            reply: None,
            reserve,
            counting,
            finished: false,
        }
    }
}

/// A tool that was run for a call of the attempt under way, by the call and its place among the tools of that.
pub type ToolPlace = (u32, u32);

/// A tool that ran in the attempt under way.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolRecord {
    /// Whether it has ended, and did what it was called for.
    pub ended: Option<bool>,
    /// What it has left, where it is not run again.
    pub left: Option<ToolResult>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// Its scope.
    pub scope: ScopeIndex,
    /// Its task.
    pub task: usize,
    /// Which item of the task it is; 0 where there is only one.
    pub item: usize,
    /// Where it stands.
    pub phase: NodePhase,
    /// How many attempts were started.
    pub attempts: u32,
    /// Why it was told to stop, if it was: whatever it waits for, it will not start again.
    pub stopped: Option<Arc<str>>,
    /// Whether that was because its budget is used up: it then has failed, and was not cancelled.
    pub over: bool,
    /// The answer of a human.
    pub answer: Option<(bool, String)>,
    /// The calls of the attempt under way.
    pub calls: Vec<CallRecord>,
    /// The tools of the attempt under way.
    pub tools: BTreeMap<ToolPlace, ToolRecord>,
    /// The scope of the used workflow.
    pub inside: Option<ScopeIndex>,
    /// The node that this is a part of.
    pub whole: Option<NodeIndex>,
    /// Which part.
    pub part: Option<Arc<Part>>,
    /// How often the work of its task was cut to come to this node.
    pub depth: usize,
    /// How its work is cut.
    pub split: Option<Split>,
    /// Whether its work was cut before: that is done once.
    pub was_split: bool,
    /// Whether its attempt goes on in nodes of its own: the parts of its work, or the tasks that its model proposed.
    /// It keeps its slot meanwhile, its turn to write and what it has kept.
    pub(super) within: bool,
    /// Why what these made together was refused.
    pub refused: Option<Box<Failure>>,
    /// What the last attempt left.
    pub result: Option<TaskResult>,
    /// Why the last attempt that ended failed; it stays while the next one is under way. A wrong answer stays until
    /// the next one: that a server broke off meanwhile puts nothing right.
    pub failure: Option<Box<Failure>>,
    /// How the attempts that ended failed.
    pub history: Vec<Symptom>,
    /// How the next attempt, or the one under way, asks its model.
    pub manner: Manner,
    /// The first nodes of those whose prompts begin alike, since it is ready: it starts behind them.
    pub(super) behind: [NodeIndex; 2],
}

/// A node's work, cut.
#[derive(Clone, Debug)]
pub struct Split {
    /// The parts.
    pub cut: Cut,
    /// The nodes of those that have, one after the other.
    pub(super) nodes: Vec<NodeIndex>,
}

impl Node {
    /// A node before its first attempt.
    pub(super) fn new(id: NodeId, scope: ScopeIndex, task: usize, item: usize, phase: NodePhase) -> Self {
        Self {
            id,
            scope,
            task,
            item,
            phase,
            attempts: 0,
            stopped: None,
            over: false,
            answer: None,
            calls: Vec::new(),
            tools: BTreeMap::new(),
            inside: None,
            whole: None,
            part: None,
            depth: 0,
            split: None,
            was_split: false,
            within: false,
            refused: None,
            result: None,
            failure: None,
            history: Vec::new(),
            manner: Manner::default(),
            behind: [NodeIndex(usize::MAX); 2],
        }
    }

    /// Whether its attempt goes on in nodes of its own: the parts of its work, or the tasks that its model proposed.
    pub fn goes_on_within(&self) -> bool {
        self.within
    }
}

/// How a node ended, for expressions.
#[derive(Clone, Debug)]
pub struct NodeOutcome {
    /// How.
    pub status: Status,
    /// What it left.
    pub result: Option<TaskResult>,
    /// Why it failed.
    pub failure: Option<Box<Failure>>,
}

/// How a task ended, for expressions.
#[derive(Clone, Debug)]
pub struct TaskOutcome {
    /// How.
    pub status: Status,
    /// Whether it is one of many, so that its output is a list.
    pub fans: bool,
    /// How its nodes ended, in item order.
    pub nodes: Vec<NodeOutcome>,
}
