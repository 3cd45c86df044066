//! The state of a run.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::node::{TaskPhase, TaskState};
use super::{
    Action, Affordable, CallRecord, CallUsage, Decision, Event, Failure, FailureClass, Node, NodeId,
    NodeIndex, NodeOutcome, NodePhase, Outcome, Program, Reserve, RunStatus, Scope, ScopeIndex, Spend,
    Status, Stored, TaskInfo, TaskOutcome, Timestamp,
};
use crate::load::ModuleId;
use crate::scope::NeedsStatus;

/// A run, as its events have made it.
#[derive(Debug)]
pub struct State {
    program: Arc<Program>,
    scopes: Vec<Scope>,
    nodes: Vec<Node>,
    by_id: HashMap<NodeId, NodeIndex>,
    tasks_by_id: HashMap<NodeId, (ScopeIndex, usize)>,
    /// Nodes that can start: those that take no slot, then those that do, in the order in which they were made.
    ready: BTreeSet<(bool, NodeIndex)>,
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
    /// Nodes that may start without waiting for the disk, and have not.
    claims: HashSet<NodeId>,
    /// Nodes that were claimed before the machine lost its power: they may have been started.
    doubtful: HashSet<NodeId>,
    /// Milliseconds that earlier sessions were active.
    active_before: u64,
    session_started: Timestamp,
    last_seen: Timestamp,
    stopping: u32,
    capped: Option<String>,
    finished: Option<RunStatus>,
}

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Task(ScopeIndex, usize),
    Node(NodeIndex),
}

#[derive(Clone, Debug)]
enum Todo {
    Task(ScopeIndex, usize),
    Node(NodeIndex),
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
            active_before: 0,
            session_started: Timestamp::default(),
            last_seen: Timestamp::default(),
            stopping: 0,
            capped: None,
            finished: None,
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
                self.doubt_claims(boot.as_ref(), *confirmed);
                self.resume(before, at, *jobs, *confirmed);
            }
            Event::NodesClaimed { nodes } => self.claims.extend(nodes.iter().cloned()),
            Event::TaskExpanded { task, items, count } => self.expanded(task, items, *count)?,
            Event::ConditionChecked { node, holds } => self.condition_checked(node, *holds)?,
            Event::NodeRefused { node, failure } => self.refused(node, failure)?,
            Event::TaskSkipped { task, .. } => self.skipped(task)?,
            Event::NodeCancelled { node, .. } => self.cancelled(node)?,
            Event::AttemptStarted { node, attempt } => self.attempt_started(node, *attempt)?,
            Event::ScopeEntered {
                node,
                attempt,
                inputs,
            } => self.scope_entered(node, *attempt, inputs)?,
            Event::CallStarted {
                node,
                attempt,
                call,
                digest,
                reserve,
                ..
            } => {
                self.call_started(node, *attempt, *call, digest, *reserve)?;
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
            Event::AttemptFinished {
                node,
                attempt,
                outcome,
                decision,
            } => {
                self.attempt_finished(node, *attempt, outcome, *decision)?;
            }
            Event::ApprovalAsked { node, .. } => {
                let node = self.find_running(node, None, "approval_asked")?;
                self.set_phase(node, NodePhase::Asked);
            }
            Event::ApprovalAnswered {
                node,
                approved,
                comment,
            } => self.answered(node, *approved, comment)?,
            Event::CapReached { cap } => self.cap_reached(cap),
            Event::Interrupted { stage } => self.stopping = self.stopping.max(*stage),
            Event::RunFinished { status, .. } => {
                self.finished = Some(*status);
                self.active_before += at.since(self.session_started);
                self.session_started = at;
            }
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

    /// When the run's cap on wall time is reached, if it has one.
    pub fn wall_deadline(&self) -> Option<Timestamp> {
        let cap = self.program.budget()?.wall?.millis();
        if self.capped.is_some() || self.finished.is_some() {
            return None;
        }
        Some(self.session_started.after(cap.saturating_sub(self.active_before)))
    }

    /// Whether every budget that a node's calls count for lets it make one: that of its task and of its workflow,
    /// and so on outwards to the run.
    pub fn affords(&self, node: NodeIndex, reserve: Reserve) -> Affordable {
        let mut answer = Affordable::Yes;
        let mut next = Some(node);
        while let Some(node) = next.and_then(|index| self.nodes.get(index.0)) {
            let Some(scope) = self.scopes.get(node.scope.0) else {
                break;
            };
            next = scope.parent;
            let budget = self.info_of(node).and_then(|info| info.budget.as_ref());
            let task = scope.tasks.get(node.task).zip(budget).map(|(task, budget)| {
                task.spend.affords(
                    reserve,
                    budget.tokens,
                    budget.calls,
                    &format!("the budget of `{}`", node.id),
                )
            });
            let budget = self.program.budgets.get(scope.module.0).and_then(Option::as_ref);
            let workflow = budget.map(|budget| {
                let whose = match next.and_then(|parent| self.nodes.get(parent.0)) {
                    Some(parent) => format!("the budget of the workflow of `{}`", parent.id),
                    None => "the budget of the run".to_owned(),
                };
                scope.spend.affords(reserve, budget.tokens, budget.calls, &whose)
            });
            for found in [task, workflow].into_iter().flatten() {
                match found {
                    Affordable::Never(why) => return Affordable::Never(why),
                    Affordable::Later => answer = Affordable::Later,
                    Affordable::Yes => {}
                }
            }
        }
        answer
    }

    /// One node.
    pub fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(index.0)
    }

    /// The node of a name.
    pub fn node_named(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(&NodeId::new(id)).copied()
    }

    /// Every node so far.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One scope.
    pub fn scope(&self, index: ScopeIndex) -> Option<&Scope> {
        self.scopes.get(index.0)
    }

    /// The name of a task in a scope.
    pub fn task_id(&self, scope: ScopeIndex, task: usize) -> Option<NodeId> {
        let scope = self.scopes.get(scope.0)?;
        let info = self.program.task(scope.module, task)?;
        Some(NodeId::new(format!("{}{}", scope.prefix, info.name)))
    }

    /// How a task ended, once it has.
    pub fn task_outcome(&self, scope: ScopeIndex, task: usize) -> Option<&Arc<TaskOutcome>> {
        self.task_state(scope, task)?.outcome.as_ref()
    }

    /// What the status functions in the `if` of a task answer, once all its needs have ended. A task that failed
    /// with `continue` counts as one that ended well.
    pub fn needs_status(&self, scope: ScopeIndex, task: usize) -> NeedsStatus {
        let Some(info) = self.task_info(scope, task) else {
            return NeedsStatus::default();
        };
        let before = info.needs.iter().filter_map(|need| self.task_state(scope, *need));
        before.fold(
            NeedsStatus {
                success: self.blocking_need(scope, info).is_none(),
                ..NeedsStatus::default()
            },
            |status, need| NeedsStatus {
                failure: status.failure || need.failure,
                cancelled: status.cancelled || need.cancelled,
                ..status
            },
        )
    }

    /// The items of a task with `foreach` or `matrix`, once they are known.
    pub fn items(&self, scope: ScopeIndex, task: usize) -> Option<&Stored> {
        self.task_state(scope, task)?.items.as_ref()
    }

    /// Whether the disk knows that a node may start.
    pub fn is_claimed(&self, node: &NodeId) -> bool {
        self.claims.contains(node)
    }

    /// A node with those that start next and may not be repeated unasked either, so that one claim serves them
    /// all: those that are ready, then those that wait for these; at most so many.
    pub fn claimable(&self, node: NodeIndex, most: usize) -> Vec<NodeId> {
        let ready = self
            .ready
            .iter()
            .map(|(_, index)| *index)
            .filter(|index| *index != node);
        let mut found: Vec<NodeId> = Vec::new();
        let mut tasks = VecDeque::new();
        for index in std::iter::once(node).chain(ready) {
            let (Some(node), Some(info)) = (self.nodes.get(index.0), self.info(index)) else {
                continue;
            };
            if found.len() < most && !info.repeatable && !self.claims.contains(&node.id) {
                found.push(node.id.clone());
                tasks.push_back((node.scope, node.task));
            } else if found.len() >= most {
                break;
            }
        }
        while let Some((scope, task)) = tasks.pop_front() {
            let dependents = self
                .task_info(scope, task)
                .map(|info| info.dependents.as_slice())
                .unwrap_or_default();
            for dependent in dependents {
                let waits = self
                    .task_state(scope, *dependent)
                    .is_some_and(|state| state.phase == TaskPhase::Waiting);
                let plain = self
                    .task_info(scope, *dependent)
                    .is_some_and(|info| !info.repeatable && !info.fans && !info.conditional);
                let Some(id) = self.task_id(scope, *dependent).filter(|_| waits && plain) else {
                    continue;
                };
                if found.len() >= most {
                    return found;
                }
                if !self.claims.contains(&id) && !found.contains(&id) {
                    found.push(id);
                    tasks.push_back((scope, *dependent));
                }
            }
        }
        found
    }

    /// What decides about a node's task.
    pub fn info(&self, node: NodeIndex) -> Option<&TaskInfo> {
        self.info_of(self.nodes.get(node.0)?)
    }

    /// What chance in this run derives from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What was spent.
    pub fn spend(&self) -> Spend {
        self.scopes.first().map(|root| root.spend).unwrap_or_default()
    }

    /// How the last session ended, unless one is under way.
    pub fn finished(&self) -> Option<RunStatus> {
        self.finished
    }

    /// How many attempts hold a slot.
    pub fn running(&self) -> usize {
        self.slots
    }

    /// The nodes that wait for a human: gates, and commands that may not be run again unasked.
    pub fn waiting_for_human(&self) -> impl Iterator<Item = &Node> {
        self.nodes
            .iter()
            .filter(|node| matches!(node.phase, NodePhase::Asked | NodePhase::InDoubt))
    }

    fn begin_session(&mut self, at: Timestamp, jobs: u32) {
        self.announced.clear();
        self.jobs = usize::try_from(jobs).unwrap_or(1).max(1);
        self.session_started = at;
        self.finished = None;
        self.stopping = 0;
    }

    /// What was written survives the death of the process, and not that of the machine: there, what was claimed may
    /// have been started without a trace.
    fn doubt_claims(&mut self, boot: Option<&String>, confirmed: bool) {
        let same_boot = boot.is_some() && boot == self.boot.as_ref();
        self.boot = boot.cloned();
        if confirmed {
            self.doubtful.clear();
        } else if !same_boot {
            self.doubtful.extend(self.claims.drain());
        }
    }

    /// Begins another session: what the last one had under way is lost, and everything open is given again.
    fn resume(&mut self, before: Timestamp, at: Timestamp, jobs: u32, confirmed: bool) {
        if self.finished.is_none() {
            // The session before this one died; it was active until its last event.
            self.active_before += before.since(self.session_started);
        }
        self.begin_session(at, jobs);
        self.ready.clear();
        self.todo.clear();
        for scope in 0..self.scopes.len() {
            let scope = ScopeIndex(scope);
            let count = self.scopes.get(scope.0).map_or(0, |scope| scope.tasks.len());
            for task in 0..count {
                if let Some(state) = self.task_state_mut(scope, task) {
                    state.parked.clear();
                    if matches!(state.phase, TaskPhase::Skipping | TaskPhase::Expanding) {
                        self.todo.push_back(Todo::Task(scope, task));
                    }
                }
            }
        }
        for index in (0..self.nodes.len()).map(NodeIndex) {
            self.resume_node(index, confirmed);
        }
    }

    fn resume_node(&mut self, index: NodeIndex, confirmed: bool) {
        let repeatable = confirmed || self.info(index).is_some_and(|info| info.repeatable);
        let Some((phase, stopped)) = self.nodes.get(index.0).map(|n| (n.phase, n.stopped.is_some())) else {
            return;
        };
        match phase {
            NodePhase::Running => {
                self.release(index);
                self.forget_open_calls(index);
                if stopped {
                    self.set_phase(index, NodePhase::Ready);
                    self.todo.push_back(Todo::Cancel(index));
                } else if repeatable {
                    self.start_again(index);
                } else {
                    self.set_phase(index, NodePhase::InDoubt);
                }
            }
            NodePhase::Checking | NodePhase::Ready | NodePhase::Waiting(_) | NodePhase::InDoubt
                if stopped =>
            {
                self.todo.push_back(Todo::Cancel(index));
            }
            NodePhase::InDoubt if confirmed => self.start_again(index),
            NodePhase::Ready => self.make_ready(index),
            NodePhase::Asked if stopped => self.todo.push_back(Todo::Kill(index)),
            NodePhase::Checking | NodePhase::Leaving | NodePhase::Answered => {
                self.todo.push_back(Todo::Node(index));
            }
            NodePhase::Waiting(_)
            | NodePhase::Asked
            | NodePhase::Inside
            | NodePhase::InDoubt
            | NodePhase::Ended(_) => {}
        }
    }

    /// Puts a node whose attempt was lost back; the attempt keeps its number and its finished calls.
    fn start_again(&mut self, index: NodeIndex) {
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.attempts = node.attempts.saturating_sub(1);
        }
        self.make_ready(index);
    }

    /// A call that was in flight when the process died counts as if it had used all that was set aside.
    fn forget_open_calls(&mut self, index: NodeIndex) {
        let Some(node) = self.nodes.get_mut(index.0) else {
            return;
        };
        let mut lost = Vec::new();
        node.calls.retain(|call| {
            if !call.finished {
                lost.push(call.reserve);
            }
            call.finished
        });
        for reserve in lost {
            let usage = CallUsage {
                prompt: reserve.prompt,
                completion: reserve.completion,
                ..CallUsage::default()
            };
            self.charge(index, |spend| spend.settle(reserve, usage));
        }
    }

    /// Changes what was spent from every budget that a node's calls count for: that of its task and of its
    /// workflow, and so on outwards to the run.
    fn charge(&mut self, index: NodeIndex, change: impl Fn(&mut Spend)) {
        let mut next = Some(index);
        while let Some((scope, task)) = next
            .and_then(|index| self.nodes.get(index.0))
            .map(|node| (node.scope, node.task))
        {
            let Some(scope) = self.scopes.get_mut(scope.0) else {
                return;
            };
            if let Some(task) = scope.tasks.get_mut(task) {
                change(&mut task.spend);
            }
            change(&mut scope.spend);
            next = scope.parent;
        }
    }

    fn open_scope(
        &mut self,
        module: ModuleId,
        prefix: String,
        parent: Option<NodeIndex>,
        inputs: Option<Stored>,
    ) -> Result<ScopeIndex, ApplyError> {
        let program = Arc::clone(&self.program);
        let Some(tasks) = program.modules.get(module.0) else {
            return Err(misfit("run_started", "the plan has no such workflow"));
        };
        let index = ScopeIndex(self.scopes.len());
        let states = tasks
            .iter()
            .map(|info| TaskState {
                phase: TaskPhase::Waiting,
                pending: info.needs.len(),
                first: 0,
                count: 0,
                open: 0,
                running: 0,
                parked: BTreeSet::new(),
                items: None,
                outcome: None,
                spend: Spend::default(),
                failure: false,
                cancelled: false,
            })
            .collect();
        for (task, info) in tasks.iter().enumerate() {
            self.tasks_by_id
                .insert(NodeId::new(format!("{prefix}{}", info.name)), (index, task));
        }
        self.scopes.push(Scope {
            module,
            prefix,
            parent,
            inputs,
            tasks: states,
            open: tasks.len(),
            spend: Spend::default(),
            cancelled: parent
                .and_then(|parent| self.nodes.get(parent.0))
                .and_then(|parent| parent.stopped.clone()),
        });
        for (task, info) in tasks.iter().enumerate() {
            if info.needs.is_empty() {
                self.begin_task(index, task);
            }
        }
        Ok(index)
    }

    /// A task whose needs have all ended: it is skipped, expanded, or gets its node.
    fn begin_task(&mut self, scope: ScopeIndex, task: usize) {
        let program = Arc::clone(&self.program);
        let Some(state) = self.scopes.get(scope.0) else {
            return;
        };
        let Some(info) = program.task(state.module, task) else {
            return;
        };
        if state.cancelled.is_some() || (info.waits_for_success && self.blocking_need(scope, info).is_some())
        {
            self.set_task_phase(scope, task, TaskPhase::Skipping);
        } else if info.fans {
            self.set_task_phase(scope, task, TaskPhase::Expanding);
        } else {
            self.make_nodes(scope, task, info, 1);
        }
    }

    /// A need that did not end well.
    fn blocking_need(&self, scope: ScopeIndex, info: &TaskInfo) -> Option<(usize, Status)> {
        let module = self.scopes.get(scope.0)?.module;
        info.needs.iter().find_map(|need| {
            let status = self.task_state(scope, *need)?.outcome.as_ref()?.status;
            let goes_on = self.program.task(module, *need).is_some_and(|info| info.goes_on);
            let well = status == Status::Success || (status == Status::Failure && goes_on);
            (!well).then_some((*need, status))
        })
    }

    fn set_task_phase(&mut self, scope: ScopeIndex, task: usize, phase: TaskPhase) {
        if let Some(state) = self.task_state_mut(scope, task) {
            state.phase = phase;
        }
        self.todo.push_back(Todo::Task(scope, task));
    }

    fn make_nodes(&mut self, scope: ScopeIndex, task: usize, info: &TaskInfo, count: usize) {
        let first = self.nodes.len();
        let prefix = self
            .scopes
            .get(scope.0)
            .map(|scope| scope.prefix.clone())
            .unwrap_or_default();
        if let Some(state) = self.task_state_mut(scope, task) {
            state.phase = TaskPhase::Active;
            state.first = first;
            state.count = count;
            state.open = count;
        }
        for item in 0..count {
            let id = if info.fans {
                NodeId::new(format!("{prefix}{}[{item}]", info.name))
            } else {
                NodeId::new(format!("{prefix}{}", info.name))
            };
            let index = NodeIndex(self.nodes.len());
            self.by_id.insert(id.clone(), index);
            let phase = if info.conditional {
                NodePhase::Checking
            } else {
                NodePhase::Ready
            };
            self.nodes.push(Node {
                id,
                scope,
                task,
                item,
                phase,
                attempts: 0,
                stopped: None,
                answer: None,
                calls: Vec::new(),
                inside: None,
                result: None,
                failure: None,
            });
            if info.conditional {
                self.todo.push_back(Todo::Node(index));
            } else {
                self.make_ready(index);
            }
        }
        if count == 0 {
            self.end_task(scope, task, Status::Success);
        }
    }

    fn expanded(&mut self, id: &NodeId, items: &Stored, count: u64) -> Result<(), ApplyError> {
        let (scope, task) = self.find_task(id, "task_expanded")?;
        let program = Arc::clone(&self.program);
        let info = self
            .scopes
            .get(scope.0)
            .and_then(|scope| program.task(scope.module, task));
        let (Some(info), Some(state)) = (info, self.task_state_mut(scope, task)) else {
            return Err(misfit("task_expanded", "no such task"));
        };
        match state.phase {
            TaskPhase::Expanding => {}
            // It was stopped while its items were looked for.
            TaskPhase::Skipping | TaskPhase::Ended => return Ok(()),
            TaskPhase::Waiting | TaskPhase::Active => {
                return Err(misfit(
                    "task_expanded",
                    format!("`{id}` does not wait for its items"),
                ));
            }
        }
        if count > info.max_items {
            return Err(misfit(
                "task_expanded",
                format!("`{id}` may have {} items, not {count}", info.max_items),
            ));
        }
        state.items = Some(items.clone());
        self.announced.remove(&Subject::Task(scope, task));
        self.make_nodes(scope, task, info, usize::try_from(count).unwrap_or(usize::MAX));
        Ok(())
    }

    fn condition_checked(&mut self, id: &NodeId, holds: bool) -> Result<(), ApplyError> {
        let index = self.find(id, "condition_checked")?;
        if self.answers_check(index, "condition_checked")? {
            if holds {
                self.make_ready(index);
            } else {
                self.end_node(index, Status::Skipped);
            }
        }
        Ok(())
    }

    /// Whether a node still waits for what was found about its `if`: it may have been stopped meanwhile.
    fn answers_check(&mut self, index: NodeIndex, event: &'static str) -> Result<bool, ApplyError> {
        self.announced.remove(&Subject::Node(index));
        match self.nodes.get(index.0) {
            Some(node) if node.stopped.is_some() => Ok(false),
            Some(node) if node.phase == NodePhase::Checking => Ok(true),
            Some(node) => Err(misfit(event, format!("`{}` has no open `if`", node.id))),
            None => Ok(false),
        }
    }

    fn refused(&mut self, id: &NodeId, failure: &Failure) -> Result<(), ApplyError> {
        if let Some(node) = self.by_id.get(id).copied() {
            if self.answers_check(node, "node_refused")? {
                self.fail_node(node, failure);
            }
            return Ok(());
        }
        let (scope, task) = self.find_task(id, "node_refused")?;
        match self.task_state(scope, task).map(|state| state.phase) {
            Some(TaskPhase::Expanding) => {}
            // It was stopped while its items were looked for.
            Some(TaskPhase::Skipping | TaskPhase::Ended) | None => return Ok(()),
            Some(TaskPhase::Waiting | TaskPhase::Active) => {
                return Err(misfit(
                    "node_refused",
                    format!("`{id}` does not wait for its items"),
                ));
            }
        }
        self.announced.remove(&Subject::Task(scope, task));
        let outcome = NodeOutcome {
            status: Status::Failure,
            result: None,
            failure: Some(Box::new(failure.clone())),
        };
        let outcome = TaskOutcome {
            status: Status::Failure,
            fans: self.task_info(scope, task).is_some_and(|info| info.fans),
            nodes: vec![outcome],
        };
        self.finish_task(scope, task, outcome);
        Ok(())
    }

    fn skipped(&mut self, id: &NodeId) -> Result<(), ApplyError> {
        let (scope, task) = self.find_task(id, "task_skipped")?;
        self.announced.remove(&Subject::Task(scope, task));
        if self.task_state(scope, task).map(|state| state.phase) != Some(TaskPhase::Skipping) {
            return Err(misfit("task_skipped", format!("`{id}` is not to be skipped")));
        }
        self.end_task(scope, task, Status::Skipped);
        Ok(())
    }

    fn cancelled(&mut self, id: &NodeId) -> Result<(), ApplyError> {
        let index = self.find(id, "node_cancelled")?;
        let Some(node) = self.nodes.get(index.0) else {
            return Ok(());
        };
        match node.phase {
            NodePhase::Ended(_) => Ok(()),
            phase if under_way(phase) => Err(misfit("node_cancelled", format!("`{id}` is under way"))),
            _ => {
                self.end_node(index, Status::Cancelled);
                Ok(())
            }
        }
    }

    fn answered(&mut self, id: &NodeId, approved: bool, comment: &str) -> Result<(), ApplyError> {
        let index = self.find(id, "approval_answered")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        match node.phase {
            NodePhase::Asked => {
                node.answer = Some((approved, comment.to_owned()));
                node.phase = NodePhase::Answered;
                self.todo.push_back(Todo::Node(index));
                Ok(())
            }
            // A human may answer a question that has just been withdrawn.
            NodePhase::Ended(_) => Ok(()),
            _ => Err(misfit("approval_answered", format!("`{id}` asks nothing"))),
        }
    }

    fn attempt_started(&mut self, id: &NodeId, attempt: u32) -> Result<(), ApplyError> {
        let index = self.find(id, "attempt_started")?;
        let takes_slot = self.info(index).is_some_and(TaskInfo::takes_slot);
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        if node.stopped.is_some() || !matches!(node.phase, NodePhase::Ready | NodePhase::Waiting(_)) {
            return Err(misfit("attempt_started", format!("`{id}` can't start")));
        }
        if attempt != node.attempts + 1 {
            return Err(misfit(
                "attempt_started",
                format!("`{id}` is at attempt {}, not {attempt}", node.attempts + 1),
            ));
        }
        if let NodePhase::Waiting(at) = node.phase {
            self.timers.remove(&(at, index));
        }
        node.attempts = attempt;
        node.phase = NodePhase::Running;
        self.claims.remove(id);
        self.doubtful.remove(id);
        let (scope, task) = (node.scope, node.task);
        self.unready(index);
        self.under_way += 1;
        if takes_slot {
            self.slots += 1;
        }
        if let Some(state) = self.task_state_mut(scope, task) {
            state.running += 1;
        }
        Ok(())
    }

    fn scope_entered(&mut self, id: &NodeId, attempt: u32, inputs: &Stored) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "scope_entered")?;
        let Some(module) = self.info(index).and_then(|info| info.uses) else {
            return Err(misfit("scope_entered", format!("`{id}` uses no workflow")));
        };
        // Another attempt is another scope: its tasks are new ones.
        let prefix = if attempt > 1 {
            format!("{id}#{attempt}/")
        } else {
            format!("{id}/")
        };
        self.set_phase(index, NodePhase::Inside);
        let scope = self.open_scope(module, prefix, Some(index), Some(inputs.clone()))?;
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.inside = Some(scope);
        }
        if self.scopes.get(scope.0).is_some_and(|scope| scope.open == 0) {
            self.leave(index);
        }
        Ok(())
    }

    fn call_started(
        &mut self,
        id: &NodeId,
        attempt: u32,
        call: u32,
        digest: &str,
        reserve: Reserve,
    ) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "call_started")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        if usize::try_from(call).ok() != Some(node.calls.len() + 1) {
            return Err(misfit(
                "call_started",
                format!("`{id}` is at call {}, not {call}", node.calls.len() + 1),
            ));
        }
        node.calls.push(CallRecord {
            digest: digest.to_owned(),
            reply: None,
            reserve,
            finished: false,
        });
        self.charge(index, |spend| spend.reserve(reserve));
        Ok(())
    }

    fn call_finished(
        &mut self,
        id: &NodeId,
        call: u32,
        reply: Option<&Stored>,
        usage: CallUsage,
    ) -> Result<(), ApplyError> {
        let index = self.find(id, "call_finished")?;
        let record = self.nodes.get_mut(index.0).and_then(|node| {
            node.calls
                .get_mut(usize::try_from(call).unwrap_or(0).wrapping_sub(1))
        });
        let Some(record) = record.filter(|record| !record.finished) else {
            return Err(misfit(
                "call_finished",
                format!("`{id}` has no call {call} under way"),
            ));
        };
        record.finished = true;
        record.reply = reply.cloned();
        let reserve = record.reserve;
        self.charge(index, |spend| spend.settle(reserve, usage));
        Ok(())
    }

    fn attempt_finished(
        &mut self,
        id: &NodeId,
        attempt: u32,
        outcome: &Outcome,
        decision: Decision,
    ) -> Result<(), ApplyError> {
        let index = self.find(id, "attempt_finished")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        // The tasks of a used workflow end before the attempt that runs them.
        if !under_way(node.phase) || node.phase == NodePhase::Inside || node.attempts != attempt {
            return Err(misfit(
                "attempt_finished",
                format!("`{id}` has no attempt {attempt} that could end"),
            ));
        }
        self.announced.remove(&Subject::Node(index));
        self.release(index);
        self.forget_open_calls(index);
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.calls = Vec::new();
        }
        match (outcome, decision) {
            (Outcome::Success(result), _) => {
                if let Some(node) = self.nodes.get_mut(index.0) {
                    node.result = Some(result.clone());
                    node.failure = None;
                }
                self.end_node(index, Status::Success);
            }
            (Outcome::Failure(failure), Decision::Retry { at }) => {
                if let Some(node) = self.nodes.get_mut(index.0) {
                    // The next attempt is told what was wrong with this one.
                    node.failure = Some(Box::new(failure.clone()));
                    node.phase = NodePhase::Waiting(at);
                    node.inside = None;
                    node.answer = None;
                    if node.stopped.is_some() {
                        self.todo.push_back(Todo::Cancel(index));
                    } else {
                        self.timers.insert((at, index));
                    }
                }
            }
            (Outcome::Failure(failure), Decision::Fail | Decision::Done) => self.fail_node(index, failure),
        }
        Ok(())
    }

    /// Gives back the slot of an attempt that is over.
    fn release(&mut self, index: NodeIndex) {
        let takes_slot = self.info(index).is_some_and(TaskInfo::takes_slot);
        let Some(node) = self.nodes.get(index.0).filter(|node| under_way(node.phase)) else {
            return;
        };
        let (scope, task) = (node.scope, node.task);
        if node.phase == NodePhase::Running {
            self.under_way = self.under_way.saturating_sub(1);
        }
        if takes_slot {
            self.slots = self.slots.saturating_sub(1);
        }
        if let Some(state) = self.task_state_mut(scope, task) {
            state.running = state.running.saturating_sub(1);
            if let Some(next) = state.parked.pop_first() {
                self.ready.insert((takes_slot, next));
            }
        }
    }

    fn fail_node(&mut self, index: NodeIndex, failure: &Failure) {
        let status = if failure.class == FailureClass::Cancelled {
            Status::Cancelled
        } else {
            Status::Failure
        };
        let fail_fast = self.info(index).is_some_and(|info| info.fans && info.fail_fast);
        let Some(node) = self.nodes.get_mut(index.0) else {
            return;
        };
        // Others are stopped once: whoever fails after that was stopped, too.
        let first_failure = status == Status::Failure && node.stopped.is_none();
        node.failure = Some(Box::new(failure.clone()));
        node.result = None;
        let (scope, task) = (node.scope, node.task);
        if fail_fast && first_failure {
            let because: Arc<str> = format!("`{}` failed, and `fail_fast` is set", node.id).into();
            let (first, count) = self
                .task_state(scope, task)
                .map_or((0, 0), |state| (state.first, state.count));
            for other in (first..first + count).map(NodeIndex) {
                if other != index {
                    self.stop_node(other, &because);
                }
            }
        }
        self.end_node(index, status);
    }

    /// Asks for the end of a node: one that has not started is cancelled, one under way is killed.
    fn stop_node(&mut self, index: NodeIndex, because: &Arc<str>) {
        let Some(node) = self.nodes.get_mut(index.0) else {
            return;
        };
        if node.stopped.is_some() || matches!(node.phase, NodePhase::Ended(_)) {
            return;
        }
        node.stopped = Some(Arc::clone(because));
        match node.phase {
            NodePhase::Checking | NodePhase::Ready | NodePhase::Waiting(_) | NodePhase::InDoubt => {
                if let NodePhase::Waiting(at) = node.phase {
                    self.timers.remove(&(at, index));
                }
                self.announced.remove(&Subject::Node(index));
                self.unready(index);
                self.todo.push_back(Todo::Cancel(index));
            }
            NodePhase::Running | NodePhase::Asked => self.todo.push_back(Todo::Kill(index)),
            NodePhase::Inside => {
                if let Some(inside) = node.inside {
                    // Recursion is bounded by the depth of `uses`.
                    self.cancel_scope(inside, because);
                }
            }
            // These end by themselves, and at once.
            NodePhase::Answered | NodePhase::Leaving | NodePhase::Ended(_) => {}
        }
    }

    /// Asks for the end of everything in a scope that has begun; what has not will be skipped.
    fn cancel_scope(&mut self, scope: ScopeIndex, because: &Arc<str>) {
        let Some(state) = self.scopes.get_mut(scope.0) else {
            return;
        };
        state.cancelled = Some(Arc::clone(because));
        for task in 0..state.tasks.len() {
            let Some(state) = self.task_state(scope, task) else {
                continue;
            };
            let (phase, first, count) = (state.phase, state.first, state.count);
            if phase == TaskPhase::Expanding {
                self.announced.remove(&Subject::Task(scope, task));
                self.set_task_phase(scope, task, TaskPhase::Skipping);
            }
            for node in first..first + count {
                self.stop_node(NodeIndex(node), because);
            }
        }
    }

    fn cap_reached(&mut self, cap: &str) {
        if self.capped.is_none() {
            self.capped = Some(cap.to_owned());
            self.cancel_scope(ScopeIndex(0), &cap.into());
        }
    }

    /// Takes a node out of those that can start.
    fn unready(&mut self, index: NodeIndex) {
        let takes_slot = self.info(index).is_some_and(TaskInfo::takes_slot);
        self.ready.remove(&(takes_slot, index));
        if let Some((scope, task)) = self.nodes.get(index.0).map(|node| (node.scope, node.task))
            && let Some(state) = self.task_state_mut(scope, task)
        {
            state.parked.remove(&index);
        }
    }

    fn end_node(&mut self, index: NodeIndex, status: Status) {
        self.unready(index);
        let Some(node) = self.nodes.get_mut(index.0) else {
            return;
        };
        if matches!(node.phase, NodePhase::Ended(_)) {
            return;
        }
        if let NodePhase::Waiting(at) = node.phase {
            self.timers.remove(&(at, index));
        }
        node.phase = NodePhase::Ended(status);
        let (scope, task) = (node.scope, node.task);
        let Some(state) = self.task_state_mut(scope, task) else {
            return;
        };
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            let (first, count) = (state.first, state.count);
            let nodes = self.nodes.get(first..first + count).unwrap_or_default();
            let status = joint_status(nodes);
            self.end_task(scope, task, status);
        }
    }

    fn end_task(&mut self, scope: ScopeIndex, task: usize, status: Status) {
        let fans = self.task_info(scope, task).is_some_and(|info| info.fans);
        let (first, count) = self
            .task_state(scope, task)
            .map_or((0, 0), |state| (state.first, state.count));
        // The node keeps no copy: the outcome is what expressions read.
        let nodes = self
            .nodes
            .get_mut(first..first + count)
            .unwrap_or_default()
            .iter_mut()
            .map(|node| NodeOutcome {
                status: if let NodePhase::Ended(status) = node.phase {
                    status
                } else {
                    status
                },
                result: node.result.take(),
                failure: node.failure.clone(),
            })
            .collect();
        self.finish_task(scope, task, TaskOutcome { status, fans, nodes });
    }

    fn finish_task(&mut self, scope: ScopeIndex, task: usize, outcome: TaskOutcome) {
        let program = Arc::clone(&self.program);
        let before = self.needs_status(scope, task);
        let goes_on = self.task_info(scope, task).is_some_and(|info| info.goes_on);
        let Some(state) = self.task_state_mut(scope, task) else {
            return;
        };
        if state.phase == TaskPhase::Ended {
            return;
        }
        state.phase = TaskPhase::Ended;
        state.failure = before.failure || (outcome.status == Status::Failure && !goes_on);
        state.cancelled = before.cancelled || outcome.status == Status::Cancelled;
        state.outcome = Some(Arc::new(outcome));
        let Some(scope_state) = self.scopes.get_mut(scope.0) else {
            return;
        };
        scope_state.open = scope_state.open.saturating_sub(1);
        let (open, parent, module) = (scope_state.open, scope_state.parent, scope_state.module);
        for dependent in program
            .task(module, task)
            .map(|info| info.dependents.as_slice())
            .unwrap_or_default()
        {
            if let Some(state) = self.task_state_mut(scope, *dependent) {
                state.pending = state.pending.saturating_sub(1);
                if state.pending == 0 && state.phase == TaskPhase::Waiting {
                    self.begin_task(scope, *dependent);
                }
            }
        }
        if open == 0
            && let Some(parent) = parent
        {
            self.leave(parent);
        }
    }

    /// All tasks of a used workflow have ended.
    fn leave(&mut self, index: NodeIndex) {
        self.set_phase(index, NodePhase::Leaving);
        self.todo.push_back(Todo::Node(index));
    }

    fn set_phase(&mut self, index: NodeIndex, phase: NodePhase) {
        if let Some(node) = self.nodes.get_mut(index.0) {
            // A gate that asks and a node whose tasks run are not work under way.
            if node.phase == NodePhase::Running && matches!(phase, NodePhase::Asked | NodePhase::Inside) {
                self.under_way = self.under_way.saturating_sub(1);
            }
            node.phase = phase;
        }
    }

    fn make_ready(&mut self, index: NodeIndex) {
        if let Some(node) = self.nodes.get_mut(index.0)
            && self.doubtful.contains(&node.id)
        {
            // As if it had been started: whoever confirms puts the attempt back.
            node.attempts += 1;
            self.set_phase(index, NodePhase::InDoubt);
            return;
        }
        let takes_slot = self.info(index).is_some_and(TaskInfo::takes_slot);
        self.set_phase(index, NodePhase::Ready);
        self.ready.insert((takes_slot, index));
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, index)) = self.timers.first().copied() {
            if at > now || self.stopping > 0 {
                break;
            }
            self.timers.remove(&(at, index));
            if self
                .nodes
                .get(index.0)
                .is_some_and(|node| node.phase == NodePhase::Waiting(at))
            {
                self.make_ready(index);
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is to be done is done once")]
    fn act_on(&mut self, todo: Todo, actions: &mut Vec<Action>) {
        match todo {
            Todo::Task(scope, task) => {
                let Some(info) = self.task_info(scope, task) else {
                    return;
                };
                let cancelled = self
                    .scopes
                    .get(scope.0)
                    .and_then(|scope| scope.cancelled.as_ref());
                let because = match (cancelled, self.blocking_need(scope, info)) {
                    (Some(because), _) => because.to_string(),
                    (None, Some((need, status))) => self.because(scope, need, status),
                    (None, None) => String::new(),
                };
                let action = match self.task_state(scope, task).map(|state| state.phase) {
                    Some(TaskPhase::Skipping) => Action::Skip { scope, task, because },
                    Some(TaskPhase::Expanding) if self.stopping == 0 => Action::Expand { scope, task },
                    Some(
                        TaskPhase::Waiting | TaskPhase::Expanding | TaskPhase::Active | TaskPhase::Ended,
                    )
                    | None => return,
                };
                if self.announced.insert(Subject::Task(scope, task)) {
                    actions.push(action);
                }
            }
            Todo::Node(index) => {
                let Some(node) = self.nodes.get(index.0) else {
                    return;
                };
                let action = match node.phase {
                    NodePhase::Checking if self.stopping == 0 && node.stopped.is_none() => {
                        Action::Check(index)
                    }
                    NodePhase::Leaving => Action::Leave(index),
                    NodePhase::Answered => Action::Settle(index),
                    NodePhase::Checking
                    | NodePhase::Ready
                    | NodePhase::Running
                    | NodePhase::Waiting(_)
                    | NodePhase::Asked
                    | NodePhase::Inside
                    | NodePhase::InDoubt
                    | NodePhase::Ended(_) => return,
                };
                if self.announced.insert(Subject::Node(index)) {
                    actions.push(action);
                }
            }
            Todo::Cancel(index) => {
                if let Some(node) = self.nodes.get(index.0)
                    && let Some(because) = &node.stopped
                    && !under_way(node.phase)
                    && !matches!(node.phase, NodePhase::Ended(_))
                {
                    let because = because.to_string();
                    actions.push(Action::Cancel { node: index, because });
                }
            }
            Todo::Kill(index) => {
                let phase = self.nodes.get(index.0).map(|node| node.phase);
                if matches!(phase, Some(NodePhase::Running | NodePhase::Asked)) {
                    actions.push(Action::Kill(index));
                }
            }
        }
    }

    fn because(&self, scope: ScopeIndex, need: usize, status: Status) -> String {
        let name = self
            .scopes
            .get(scope.0)
            .and_then(|scope| self.program.task(scope.module, need))
            .map_or("a need", |info| &*info.name);
        match status {
            Status::Failure => format!("`{name}` failed"),
            Status::Cancelled => format!("`{name}` was cancelled"),
            Status::Skipped => format!("`{name}` was skipped"),
            Status::Success => format!("`{name}` ended"),
        }
    }

    /// Starts what can start. The caller applies `AttemptStarted` for each before it asks again.
    fn start_ready(&mut self, actions: &mut Vec<Action>) {
        let mut free = self.jobs.saturating_sub(self.slots);
        let mut starting: HashMap<(ScopeIndex, usize), u64> = HashMap::new();
        let mut kept = Vec::new();
        for (takes_slot, index) in &self.ready {
            let (Some(info), Some(node)) = (self.info(*index), self.nodes.get(index.0)) else {
                continue;
            };
            if *takes_slot {
                if free == 0 {
                    break;
                }
                free -= 1;
            }
            if let Some(max) = info.max_parallel {
                let running = self
                    .task_state(node.scope, node.task)
                    .map_or(0, |state| state.running);
                let starting = starting.entry((node.scope, node.task)).or_default();
                if running + *starting >= max {
                    free += usize::from(*takes_slot);
                    kept.push(((*takes_slot, *index), None));
                    continue;
                }
                *starting += 1;
            }
            kept.push(((*takes_slot, *index), Some(node.attempts + 1)));
        }
        for (key, attempt) in kept {
            let (_, index) = key;
            self.ready.remove(&key);
            if let Some(attempt) = attempt {
                actions.push(Action::Start { node: index, attempt });
            } else if let Some((scope, task)) = self.nodes.get(index.0).map(|node| (node.scope, node.task))
                && let Some(state) = self.task_state_mut(scope, task)
            {
                state.parked.insert(index);
            }
        }
    }

    fn is_idle(&self) -> bool {
        let timers = self.stopping == 0 && !self.timers.is_empty();
        !timers && self.under_way == 0 && self.announced.is_empty()
    }

    /// How the session ends, now that nothing in it can go on.
    fn ending(&self) -> Option<Action> {
        let root = self.scopes.first()?;
        if root.open == 0 {
            let status = self.scope_status(ScopeIndex(0));
            let message = match (&self.capped, status) {
                (Some(cap), RunStatus::OverBudget) => cap.clone(),
                _ => String::new(),
            };
            return Some(Action::Finish { status, message });
        }
        if self.stopping > 0 {
            return Some(Action::Finish {
                status: RunStatus::Interrupted,
                message: String::new(),
            });
        }
        let message = self
            .waiting_for_human()
            .map(|node| waits_for(node, self.info_of(node)))
            .collect::<Vec<_>>();
        Some(Action::Finish {
            status: RunStatus::Waiting,
            message: message.join("; "),
        })
    }

    /// How a workflow in the run ended, once all its tasks have.
    pub fn scope_status(&self, scope: ScopeIndex) -> RunStatus {
        let Some(state) = self.scopes.get(scope.0) else {
            return RunStatus::Failure;
        };
        let mut status = RunStatus::Success;
        for (task, entry) in state.tasks.iter().enumerate() {
            let goes_on = self
                .program
                .task(state.module, task)
                .is_some_and(|info| info.goes_on);
            let Some(outcome) = entry.outcome.as_ref().filter(|_| !goes_on) else {
                continue;
            };
            if !matches!(outcome.status, Status::Failure | Status::Cancelled) {
                continue;
            }
            let has = |class| {
                outcome
                    .nodes
                    .iter()
                    .any(|node| node.failure.as_ref().is_some_and(|f| f.class == class))
            };
            status = match status {
                RunStatus::OverBudget => status,
                _ if has(FailureClass::OverBudget) => RunStatus::OverBudget,
                RunStatus::NoModel => status,
                _ if has(FailureClass::NoModel) => RunStatus::NoModel,
                _ => RunStatus::Failure,
            };
        }
        if self.capped.is_some() {
            RunStatus::OverBudget
        } else {
            status
        }
    }

    /// The names of the tasks of a scope that did not end well and were not let pass.
    pub fn failed_tasks(&self, scope: ScopeIndex) -> Vec<String> {
        let Some(state) = self.scopes.get(scope.0) else {
            return Vec::new();
        };
        let failed = state.tasks.iter().enumerate().filter(|(task, entry)| {
            let goes_on = self.task_info(scope, *task).is_some_and(|info| info.goes_on);
            let status = entry.outcome.as_ref().map(|outcome| outcome.status);
            !goes_on && matches!(status, Some(Status::Failure | Status::Cancelled))
        });
        failed
            .filter_map(|(task, _)| self.task_id(scope, task))
            .map(|id| format!("`{id}`"))
            .collect()
    }

    /// The tasks whose items are known.
    pub fn expanded_tasks(&self) -> Vec<(ScopeIndex, usize)> {
        let scopes = self.scopes.iter().enumerate();
        scopes
            .flat_map(|(scope, state)| {
                let tasks = state
                    .tasks
                    .iter()
                    .enumerate()
                    .filter(|(_, task)| task.items.is_some());
                tasks.map(move |(task, _)| (ScopeIndex(scope), task))
            })
            .collect()
    }

    fn info_of(&self, node: &Node) -> Option<&TaskInfo> {
        self.task_info(node.scope, node.task)
    }

    fn task_info(&self, scope: ScopeIndex, task: usize) -> Option<&TaskInfo> {
        self.program.task(self.scopes.get(scope.0)?.module, task)
    }

    fn task_state(&self, scope: ScopeIndex, task: usize) -> Option<&TaskState> {
        self.scopes.get(scope.0)?.tasks.get(task)
    }

    fn task_state_mut(&mut self, scope: ScopeIndex, task: usize) -> Option<&mut TaskState> {
        self.scopes.get_mut(scope.0)?.tasks.get_mut(task)
    }

    fn find(&self, id: &NodeId, event: &'static str) -> Result<NodeIndex, ApplyError> {
        self.by_id
            .get(id)
            .copied()
            .ok_or_else(|| misfit(event, format!("there is no node `{id}`")))
    }

    /// The node of an attempt that is under way and neither asks nor waits.
    fn find_running(
        &self,
        id: &NodeId,
        attempt: Option<u32>,
        event: &'static str,
    ) -> Result<NodeIndex, ApplyError> {
        let index = self.find(id, event)?;
        match self.nodes.get(index.0) {
            Some(node)
                if node.phase == NodePhase::Running
                    && attempt.is_none_or(|attempt| attempt == node.attempts) =>
            {
                Ok(index)
            }
            _ => Err(misfit(event, format!("`{id}` has no such attempt under way"))),
        }
    }

    fn find_task(&self, id: &NodeId, event: &'static str) -> Result<(ScopeIndex, usize), ApplyError> {
        self.tasks_by_id
            .get(id)
            .copied()
            .ok_or_else(|| misfit(event, format!("there is no task `{id}`")))
    }
}

fn waits_for(node: &Node, info: Option<&TaskInfo>) -> String {
    let id = &node.id;
    if node.phase == NodePhase::InDoubt {
        let kind = info.map_or(
            "command",
            |info| if info.repeatable { "attempt" } else { "command" },
        );
        format!("the {kind} of `{id}` was in flight when the run stopped: `--yes` runs it again")
    } else {
        format!("`{id}` waits for an answer: `--approve {id}` or `--reject {id}`")
    }
}

/// Whether an attempt of a node in this phase has started and not finished.
fn under_way(phase: NodePhase) -> bool {
    match phase {
        NodePhase::Running
        | NodePhase::Asked
        | NodePhase::Answered
        | NodePhase::Inside
        | NodePhase::Leaving => true,
        NodePhase::Checking
        | NodePhase::Ready
        | NodePhase::Waiting(_)
        | NodePhase::InDoubt
        | NodePhase::Ended(_) => false,
    }
}

fn joint_status(nodes: &[Node]) -> Status {
    let mut all_skipped = !nodes.is_empty();
    let mut any_cancelled = false;
    for node in nodes {
        match node.phase {
            NodePhase::Ended(Status::Failure) => return Status::Failure,
            NodePhase::Ended(Status::Cancelled) => any_cancelled = true,
            _ => {}
        }
        all_skipped &= node.phase == NodePhase::Ended(Status::Skipped);
    }
    if any_cancelled {
        Status::Cancelled
    } else if all_skipped {
        Status::Skipped
    } else {
        Status::Success
    }
}

fn misfit(event: &'static str, reason: impl Into<String>) -> ApplyError {
    ApplyError {
        event,
        reason: reason.into(),
    }
}
