//! The state of a run: events change it, and from it follow the actions that come next.
//!
//! This file holds what a state is, and its two doors: [`State::apply`] takes an event in, [`State::next`] says what
//! is to be done. What an event does is below, by what it is about: `session`, `task`, `attempt`, `call`, `claim`,
//! `part`, `plan`, `stop`, `turn`, `wall`. `next` finds the actions, `query` answers whoever asks, `lookup` finds things by their names.

mod attempt;
mod call;
mod claim;
mod lookup;
mod next;
mod part;
mod plan;
mod query;
mod session;
mod stop;
mod task;
mod tool;
mod turn;
mod wall;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{
    Action, CallRecord, Event, Node, NodeId, NodeIndex, Program, RunStatus, Scope, ScopeIndex, Spend,
    Timestamp,
};
use crate::load::{Module, ModuleId};

use self::turn::Turn;

/// Where a node stands among those that can start: those that take no slot, then those that do, in the order in which
/// they were made; behind the first of those whose prompts begin alike.
type Place = (bool, [NodeIndex; 2], NodeIndex);

/// A run, as its events have made it.
#[derive(Debug)]
pub struct State {
    program: Arc<Program>,
    /// The workflows that models proposed. Their ids follow those of the program that the run began with.
    planned: Vec<Arc<Module>>,
    scopes: Vec<Scope>,
    nodes: Vec<Node>,
    by_id: HashMap<NodeId, NodeIndex>,
    tasks_by_id: HashMap<NodeId, (ScopeIndex, usize)>,
    /// Nodes that can start, in this order.
    ready: BTreeSet<Place>,
    /// Nodes that need another action than a start: checks, leaves, settles, kills, cancels.
    todo: VecDeque<Todo>,
    timers: BTreeSet<(Timestamp, NodeIndex)>,
    /// Actions that were given in this session and whose events have not come yet.
    announced: HashSet<Subject>,
    /// Attempts under way that hold a slot, and all attempts under way.
    slots: usize,
    under_way: usize,
    jobs: usize,
    seed: u64,
    /// Which start of the machine the last session was in.
    boot: Option<String>,
    /// Nodes that may start in this session without waiting for the disk, and have not.
    claims: HashSet<NodeId>,
    /// Nodes that were claimed before the machine lost its power: they may have been started.
    doubtful: HashSet<NodeId>,
    /// Attempts that may write, or wait for others to have written, in the order in which they asked.
    turns: Vec<Turn>,
    /// What is to be put back should the attempts that kept it not succeed, in the order in which it was kept.
    kept: Vec<(NodeIndex, String)>,
    /// Nodes whose attempt went with its session before it did anything: it had asked for its turn, and kept nothing.
    untouched: HashSet<NodeIndex>,
    /// Milliseconds that earlier sessions were active.
    active_before: u64,
    session_started: Timestamp,
    last_seen: Timestamp,
    /// Caps on wall time that are not reached: at which active millisecond of the run, and whose.
    walls: BTreeSet<(u64, Wall)>,
    stopping: u32,
    capped: Option<String>,
    finished: Option<RunStatus>,
    /// What attempts by a stronger model have spent.
    escalated: Spend,
}

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Task(ScopeIndex, usize),
    Node(NodeIndex),
}

/// Whose wall time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wall {
    Scope(ScopeIndex),
    Task(ScopeIndex, usize),
}

#[derive(Clone, Debug)]
enum Todo {
    Task(ScopeIndex, usize),
    Node(NodeIndex),
    Turn(NodeIndex),
    Cancel(NodeIndex),
    Kill(NodeIndex),
}

/// An event that does not fit the state: the journal is not one of this workflow, or was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} does not fit the run: {reason}")]
pub struct ApplyError {
    /// The type of the event.
    pub event: &'static str,
    /// Why it does not fit.
    pub reason: String,
}

impl State {
    /// The state before the first event.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            planned: Vec::new(),
            scopes: Vec::new(),
            nodes: Vec::new(),
            by_id: HashMap::new(),
            tasks_by_id: HashMap::new(),
            ready: BTreeSet::new(),
            todo: VecDeque::new(),
            timers: BTreeSet::new(),
            announced: HashSet::new(),
            slots: 0,
            under_way: 0,
            jobs: 1,
            seed: 0,
            boot: None,
            claims: HashSet::new(),
            doubtful: HashSet::new(),
            turns: Vec::new(),
            untouched: HashSet::new(),
            kept: Vec::new(),
            active_before: 0,
            session_started: Timestamp::default(),
            last_seen: Timestamp::default(),
            walls: BTreeSet::new(),
            stopping: 0,
            capped: None,
            finished: None,
            escalated: Spend::default(),
        }
    }

    /// Changes the state by one event. Time only moves forward: an earlier `at` counts as the last one.
    ///
    /// # Errors
    /// When the event does not fit the state.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Result<(), ApplyError> {
        let before = self.last_seen;
        let at = before.max(at);
        self.last_seen = at;
        match event {
            Event::RunStarted { seed, jobs, boot, .. } => {
                self.boot.clone_from(boot);
                if !self.scopes.is_empty() {
                    return Err(misfit("run_started", "the run has already begun"));
                }
                self.seed = *seed;
                self.begin_session(at, *jobs);
                self.open_scope(ModuleId(0), String::new(), None, None)?;
            }
            Event::RunResumed {
                jobs,
                confirmed,
                boot,
            } => {
                let same_boot = self.doubt_claims(boot.as_ref(), *confirmed);
                self.resume(before, at, *jobs, *confirmed, same_boot);
            }
            Event::NodesClaimed { nodes } => self.claims.extend(nodes.iter().cloned()),
            Event::TaskExpanded { task, items, count } => self.expanded(task, items, *count)?,
            Event::ConditionChecked { node, holds } => self.condition_checked(node, *holds)?,
            Event::NodeRefused { node, failure } => self.refused(node, failure)?,
            Event::TaskSkipped { task, .. } => self.skipped(task)?,
            Event::NodeCancelled { node, .. } => self.cancelled(node)?,
            Event::AttemptStarted { node, attempt } => self.attempt_started(node, *attempt)?,
            Event::WritesAsked {
                node,
                attempt,
                writes,
            } => self.writes_asked(node, *attempt, writes)?,
            Event::WritesKept { node, attempt, kept } => self.writes_kept(node, *attempt, kept)?,
            Event::ScopeEntered {
                node,
                attempt,
                inputs,
            } => self.scope_entered(node, *attempt, inputs)?,
            Event::NodeSplit {
                node,
                attempt,
                by,
                parts,
            } => self.node_split(node, *attempt, *by, parts)?,
            Event::PlanAccepted {
                node,
                attempt,
                workflow,
                ..
            } => self.plan_accepted(node, *attempt, workflow)?,
            Event::PartsRefused {
                node,
                attempt,
                failure,
            } => self.parts_refused(node, *attempt, failure)?,
            Event::CallStarted {
                node,
                attempt,
                call,
                digest,
                reserve,
                counting,
                ..
            } => {
                let record = CallRecord::started(digest, *reserve, *counting);
                self.call_started(node, *attempt, *call, record)?;
            }
            Event::CallFinished {
                node,
                call,
                reply,
                usage,
                ..
            } => {
                self.call_finished(node, *call, reply.as_ref(), *usage)?;
            }
            // How an answer was read changes nothing: what it says comes with the end of the attempt.
            Event::ReplyRead { .. } => {}
            Event::ToolStarted { .. } | Event::ToolFinished { .. } => self.tool(event)?,
            Event::AttemptFinished {
                node,
                attempt,
                outcome,
                decision,
            } => {
                self.attempt_finished(node, *attempt, outcome, *decision)?;
            }
            Event::ApprovalAsked { node, .. } => self.asked(node)?,
            Event::ApprovalAnswered {
                node,
                approved,
                comment,
            } => self.answered(node, *approved, comment)?,
            Event::CapReached { cap } => self.cap_reached(at, cap),
            Event::Interrupted { stage } => self.stopping = self.stopping.max(*stage),
            Event::RunFinished { status, .. } => self.end_session(at, *status),
        }
        Ok(())
    }

    /// What is to be done now. Each action is given once in a session; a new session gives open ones again.
    pub fn next(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.finished.is_some() || self.scopes.is_empty() {
            return actions;
        }
        self.wake(now);
        while let Some(todo) = self.todo.pop_front() {
            self.act_on(todo, &mut actions);
        }
        if self.stopping == 0 {
            self.start_ready(&mut actions);
        }
        if actions.is_empty() && self.is_idle() {
            actions.extend(self.ending());
        }
        actions
    }

    /// When [`State::next`] will have more to do without another event.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        if self.stopping > 0 {
            None
        } else {
            self.timers.first().map(|(at, _)| *at)
        }
    }
}

fn misfit(event: &'static str, reason: impl Into<String>) -> ApplyError {
    ApplyError {
        event,
        reason: reason.into(),
    }
}
