//! How far a run is: a fold over its events, the same for every report.
//!
//! Pure, and constant work for each event but for a map of the running nodes, so that a hundred thousand nodes
//! cost no more each than ten. Memory holds one small entry for each node that was seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use smallcode_core::price::Usd;
use smallcode_core::run::{
    CallUsage, Decision, Event, Failure, FailureClass, Manner, NodeId, Outcome, Reserve, RunStatus, Status,
    Stored, Timestamp,
};
use smallcode_core::spec::SplitBy;

use crate::render::text;

/// Failures beyond this many are counted and not listed.
const MOST_FAILURES: usize = 20;
/// Of a failure's message, this much is kept for the list.
const MESSAGE_CELLS: usize = 400;

/// The state of a run, as far as reports show it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The id of the run.
    pub(crate) run: Option<String>,
    /// The name of the workflow.
    pub(crate) workflow: Option<String>,
    /// How the session ended, with what there is to say about it.
    pub(crate) ended: Option<(RunStatus, String)>,
    /// How many nodes ended how.
    pub(crate) counts: Counts,
    /// What models were asked for.
    pub(crate) spent: Spent,
    /// The first failed nodes, in the order of their ends.
    pub(crate) failures: Vec<FailedNode>,
    /// Approvals that wait for an answer.
    pub(crate) asked: BTreeSet<NodeId>,
    planned: Option<u64>,
    grown: i64,
    started: Option<Timestamp>,
    running: BTreeMap<u64, Running>,
    next_start: u64,
    nodes: HashMap<NodeId, Node>,
    expanded: HashMap<NodeId, i64>,
    /// Of nodes that are cut, how many of their parts have not begun.
    parts: HashMap<NodeId, i64>,
    /// What was set aside for calls that have not ended, by their nodes and numbers.
    open: BTreeMap<NodeId, BTreeMap<u32, Reserve>>,
}

/// How many nodes ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Well.
    pub(crate) succeeded: u64,
    /// Not well.
    pub(crate) failed: u64,
    /// Not run.
    pub(crate) skipped: u64,
    /// Stopped.
    pub(crate) cancelled: u64,
    /// Attempts that failed and were followed by another.
    pub(crate) retried: u64,
}

impl Counts {
    /// How many nodes have ended.
    pub(crate) fn done(self) -> u64 {
        self.succeeded + self.failed + self.skipped + self.cancelled
    }

    fn of(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Success => &mut self.succeeded,
            Status::Failure => &mut self.failed,
            Status::Cancelled => &mut self.cancelled,
            Status::Skipped => &mut self.skipped,
        }
    }
}

/// What models were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Calls that ended, those that were cut off included.
    pub(crate) calls: u64,
    /// Calls that were cut off: by a time limit, a signal or a crash. What they took is not known, and counted as what was
    /// set aside for them, as caps count it.
    pub(crate) cut_off: u64,
    /// Tokens of prompts and answers.
    pub(crate) tokens: u64,
    /// Tokens of prompts that a server had cached.
    pub(crate) cached: u64,
    /// Whether some of them were counted here, because a server did not.
    pub(crate) estimated: bool,
    /// What they cost.
    pub(crate) usd: Usd,
    /// What left this machine: by host, how many requests and how many bytes of them.
    pub(crate) sent: BTreeMap<String, (u64, u64)>,
}

impl Spent {
    /// Adds a call that has ended.
    fn add(&mut self, usage: &CallUsage) {
        self.calls += u64::from(!usage.refused);
        self.tokens = self
            .tokens
            .saturating_add(usage.prompt)
            .saturating_add(usage.completion);
        self.estimated |= usage.estimated;
        self.cached = self.cached.saturating_add(usage.cached.unwrap_or(0));
        self.usd = self.usd.plus(usage.usd);
    }

    /// Adds a call that was cut off.
    fn add_cut_off(&mut self, reserve: &Reserve) {
        self.cut_off += 1;
        self.add(&reserve.used_up());
    }
}

/// A node that is at work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Running {
    /// The node.
    pub(crate) node: NodeId,
    /// When this attempt started.
    pub(crate) since: Timestamp,
    /// Which attempt.
    pub(crate) attempt: u32,
    /// At what.
    pub(crate) activity: Activity,
}

/// What a running node is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Its work.
    Working,
    /// A profile answers; which call of the attempt it is.
    Calling(String, u32),
    /// A human must answer.
    Asking,
}

/// A node that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedNode {
    /// The node.
    pub(crate) node: NodeId,
    /// Why, in one line.
    pub(crate) message: String,
}

/// What an event means for a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change<'e> {
    /// An attempt started.
    Started {
        /// The node.
        node: &'e NodeId,
        /// Which attempt.
        attempt: u32,
    },
    /// An attempt failed and another follows.
    Retrying {
        /// The node.
        node: &'e NodeId,
        /// Which attempt failed.
        attempt: u32,
        /// Why.
        failure: &'e Failure,
        /// When the next starts.
        next: Timestamp,
        /// How it asks its model.
        manner: Manner,
        /// How it cuts the work into smaller nodes, if it does.
        split: Option<SplitBy>,
    },
    /// The node has ended.
    Ended {
        /// The node.
        node: &'e NodeId,
        /// How.
        end: End<'e>,
        /// After how many attempts; 0 where it never started.
        attempts: u32,
        /// After how many milliseconds, from the start of its first attempt.
        took: u64,
    },
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End<'e> {
    /// Well.
    Success,
    /// Not well.
    Failure(&'e Failure),
    /// Not run, because of this.
    Skipped(&'e str),
    /// Stopped, because of this.
    Cancelled(&'e str),
}

impl End<'_> {
    /// The word for it.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Success => Status::Success,
            Self::Failure(_) => Status::Failure,
            Self::Skipped(_) => Status::Skipped,
            Self::Cancelled(_) => Status::Cancelled,
        }
    }
}

#[derive(Debug, Default)]
struct Node {
    first_start: Option<Timestamp>,
    attempts: u32,
    running: Option<u64>,
    ended: Option<Status>,
}

impl Progress {
    /// The state before the first event of a run whose plan has so many nodes, where that is known.
    pub(crate) fn new(planned: Option<u64>) -> Self {
        Self {
            planned,
            ..Self::default()
        }
    }

    /// How many nodes there are, as far as is known yet.
    pub(crate) fn total(&self) -> Option<u64> {
        let seen = u64::try_from(self.nodes.len()).unwrap_or(u64::MAX);
        Some(self.planned?.saturating_add_signed(self.grown).max(seen))
    }

    /// The nodes at work, the oldest first.
    pub(crate) fn running(&self) -> impl ExactSizeIterator<Item = &Running> {
        self.running.values()
    }

    /// What models were asked for, where nothing goes on any more: what has not ended was cut off.
    pub(crate) fn spent_in_all(&self) -> Spent {
        let mut spent = self.spent.clone();
        for reserve in self.open.values().flat_map(BTreeMap::values) {
            spent.add_cut_off(reserve);
        }
        spent
    }

    /// How long the session has run, in milliseconds.
    pub(crate) fn elapsed(&self, now: Timestamp) -> u64 {
        self.started.map_or(0, |started| now.since(started))
    }

    /// Whether the run can be taken up again.
    pub(crate) fn can_resume(&self) -> bool {
        self.ended
            .as_ref()
            .is_none_or(|(status, _)| matches!(status, RunStatus::Waiting | RunStatus::Interrupted))
    }

    /// Takes an event in; what it means for a node, where it means something.
    pub(crate) fn apply<'e>(&mut self, at: Timestamp, event: &'e Event) -> Option<Change<'e>> {
        self.started.get_or_insert(at);
        match event {
            Event::RunStarted { run, workflow, .. } => {
                self.run = Some(run.clone());
                self.workflow = Some(workflow.clone());
                None
            }
            Event::RunResumed { .. } => {
                self.resume(at);
                None
            }
            Event::TaskExpanded { task, count, .. } => {
                self.expand(task, *count);
                None
            }
            Event::ConditionChecked { node, holds: false } => {
                self.end(at, node, End::Skipped("its `if` is false"))
            }
            Event::NodeRefused { node, failure } => self.end(at, node, end_of(failure)),
            Event::TaskSkipped { task, because } => self.end(at, task, End::Skipped(because)),
            Event::NodeCancelled { node, because } => self.end(at, node, End::Cancelled(because)),
            Event::AttemptStarted { node, attempt } => Some(self.start(at, node, *attempt)),
            Event::NodeSplit { node, parts, .. } => {
                // They are nodes from now on, and this one only waits for them.
                self.stop(node);
                let parts = i64::try_from(parts.len()).unwrap_or(i64::MAX);
                self.grown = self.grown.saturating_add(parts);
                self.parts.insert(node.clone(), parts);
                None
            }
            Event::PlanAccepted { node, tasks, .. } => {
                self.stop(node);
                let tasks = i64::try_from(tasks.len()).unwrap_or(i64::MAX);
                self.grown = self.grown.saturating_add(tasks);
                None
            }
            Event::CallStarted {
                node,
                call,
                profile,
                reserve,
                sent,
                ..
            } => {
                let open = self.open.entry(node.clone()).or_default();
                open.insert(*call, *reserve);
                if let Some(sent) = sent {
                    let (requests, bytes) = self.spent.sent.entry(sent.host.clone()).or_default();
                    *requests += 1;
                    *bytes = bytes.saturating_add(length(&sent.body));
                }
                self.busy(node, Activity::Calling(profile.clone(), *call));
                None
            }
            Event::CallFinished {
                node, call, usage, ..
            } => {
                if let Some(open) = self.open.get_mut(node) {
                    open.remove(call);
                }
                self.spent.add(usage);
                self.busy(node, Activity::Working);
                None
            }
            Event::AttemptFinished {
                node,
                attempt,
                outcome,
                decision,
            } => self.finish_attempt(at, node, *attempt, outcome, decision),
            Event::ApprovalAsked { node, .. } => {
                self.asked.insert(node.clone());
                self.busy(node, Activity::Asking);
                None
            }
            Event::ApprovalAnswered { node, .. } => {
                self.asked.remove(node);
                self.busy(node, Activity::Working);
                None
            }
            Event::RunFinished { status, message, .. } => {
                self.cut_off_all();
                self.ended = Some((*status, message.clone()));
                None
            }
            Event::ConditionChecked { holds: true, .. }
            | Event::ScopeEntered { .. }
            | Event::PartsRefused { .. }
            | Event::ReplyRead { .. }
            | Event::ToolStarted { .. }
            | Event::ToolFinished { .. }
            | Event::CapReached { .. }
            | Event::NodesClaimed { .. }
            | Event::WritesAsked { .. }
            | Event::WritesKept { .. }
            | Event::Interrupted { .. } => None,
        }
    }

    /// Nothing goes on: calls that have not ended never will.
    fn cut_off_all(&mut self) {
        self.spent = self.spent_in_all();
        self.open.clear();
    }

    /// The attempt of a node is over: its calls that have not ended never will.
    fn cut_off(&mut self, id: &NodeId) {
        for reserve in self.open.remove(id).into_iter().flat_map(BTreeMap::into_values) {
            self.spent.add_cut_off(&reserve);
        }
    }

    /// Whatever was running ran in a process that is gone.
    fn resume(&mut self, at: Timestamp) {
        self.cut_off_all();
        self.started = Some(at);
        self.ended = None;
        for running in std::mem::take(&mut self.running).into_values() {
            if let Some(node) = self.nodes.get_mut(&running.node) {
                node.running = None;
            }
        }
    }

    /// The task itself is no longer a node; its items are.
    fn expand(&mut self, task: &NodeId, count: u64) {
        let grown = i64::try_from(count).unwrap_or(i64::MAX) - 1;
        let before = self.expanded.insert(task.clone(), grown).unwrap_or(0);
        self.grown = self.grown.saturating_add(grown).saturating_sub(before);
    }

    fn start<'e>(&mut self, at: Timestamp, id: &'e NodeId, attempt: u32) -> Change<'e> {
        self.cut_off(id);
        let start = self.next_start;
        self.next_start += 1;
        let node = self.nodes.entry(id.clone()).or_default();
        // A node of a used workflow runs again when the use of it is tried again.
        if let Some(status) = node.ended.take() {
            *node = Node::default();
            let count = self.counts.of(status);
            *count = count.saturating_sub(1);
            self.failures.retain(|failed| failed.node != *id);
        }
        if node.first_start.is_none()
            && let Some((whole, _)) = id.as_str().rsplit_once('/')
            && let Some(left) = self.parts.get_mut(&NodeId::new(whole))
        {
            *left -= 1;
        }
        node.first_start.get_or_insert(at);
        node.attempts = attempt;
        if let Some(before) = node.running.replace(start) {
            self.running.remove(&before);
        }
        let running = Running {
            node: id.clone(),
            since: at,
            attempt,
            activity: Activity::Working,
        };
        self.running.insert(start, running);
        Change::Started { node: id, attempt }
    }

    fn busy(&mut self, id: &NodeId, activity: Activity) {
        let start = self.nodes.get(id).and_then(|node| node.running);
        if let Some(running) = start.and_then(|start| self.running.get_mut(&start)) {
            running.activity = activity;
        }
    }

    fn finish_attempt<'e>(
        &mut self,
        at: Timestamp,
        id: &'e NodeId,
        attempt: u32,
        outcome: &'e Outcome,
        decision: &Decision,
    ) -> Option<Change<'e>> {
        // Parts that have not begun by now never will.
        self.grown = self.grown.saturating_sub(self.parts.remove(id).unwrap_or(0));
        match (outcome, decision) {
            (Outcome::Success(_), _) => self.end(at, id, End::Success),
            (Outcome::Failure(failure), Decision::Split { by }) => {
                self.counts.retried += 1;
                self.stop(id);
                Some(Change::Retrying {
                    node: id,
                    attempt,
                    failure,
                    next: at,
                    manner: Manner::default(),
                    split: Some(*by),
                })
            }
            (Outcome::Failure(failure), decision) => match decision.next_attempt() {
                Some((next, manner)) => {
                    self.counts.retried += 1;
                    self.stop(id);
                    Some(Change::Retrying {
                        node: id,
                        attempt,
                        failure,
                        next,
                        manner,
                        split: None,
                    })
                }
                None => self.end(at, id, end_of(failure)),
            },
        }
    }

    fn stop(&mut self, id: &NodeId) -> &mut Node {
        self.cut_off(id);
        let node = self.nodes.entry(id.clone()).or_default();
        if let Some(start) = node.running.take() {
            self.running.remove(&start);
        }
        node
    }

    /// Counts the end of a node once, whatever events tell of it.
    fn end<'e>(&mut self, at: Timestamp, id: &'e NodeId, end: End<'e>) -> Option<Change<'e>> {
        self.asked.remove(id);
        let node = self.stop(id);
        if node.ended.is_some() {
            return None;
        }
        let status = end.status();
        node.ended = Some(status);
        let attempts = node.attempts;
        let took = node.first_start.map_or(0, |start| at.since(start));
        *self.counts.of(status) += 1;
        if let End::Failure(failure) = end
            && self.failures.len() < MOST_FAILURES
        {
            let message = text::cut(&text::one_line(&failure.message), MESSAGE_CELLS).into_owned();
            self.failures.push(FailedNode {
                node: id.clone(),
                message,
            });
        }
        Some(Change::Ended {
            node: id,
            end,
            attempts,
            took,
        })
    }
}

/// The bytes of something that is kept.
pub(super) fn length(stored: &Stored) -> u64 {
    match stored {
        Stored::Inline(value) => u64::try_from(value.to_string().len()).unwrap_or(u64::MAX),
        Stored::Json { bytes, .. } | Stored::Text { bytes, .. } => *bytes,
    }
}

/// An attempt that was stopped did not fail by itself.
fn end_of(failure: &Failure) -> End<'_> {
    if failure.class == FailureClass::Cancelled {
        End::Cancelled(&failure.message)
    } else {
        End::Failure(failure)
    }
}
