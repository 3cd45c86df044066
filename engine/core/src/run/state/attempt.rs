//! The life of a node from ready to ended: attempts start, ask, enter a used workflow, finish, and fail.

use std::sync::Arc;

use super::{ApplyError, Place, State, Subject, Todo, misfit};
use crate::run::{
    Decision, Failure, FailureClass, Node, NodeId, NodeIndex, NodePhase, Outcome, Split, Status, Stored,
    Symptom, TaskInfo,
};

impl State {
    pub(super) fn make_ready(&mut self, index: NodeIndex) {
        if self.is_doubtful(index) {
            if let Some(node) = self.nodes.get_mut(index.0) {
                // As if it had been started: whoever confirms puts the attempt back.
                node.attempts += 1;
            }
            self.set_phase(index, NodePhase::InDoubt);
            return;
        }
        let behind = self.first_alike(index);
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.behind = behind;
        }
        self.set_phase(index, NodePhase::Ready);
        let place = self.place(index);
        self.ready.insert(place);
    }

    /// The first nodes of the tasks whose prompts begin as those of its task do, as far as there are any.
    fn first_alike(&self, index: NodeIndex) -> [NodeIndex; 2] {
        let (Some(node), Some(info)) = (self.nodes.get(index.0), self.info(index)) else {
            return [index; 2];
        };
        info.begins_as.map(|task| {
            let state = self.task_state(node.scope, task).filter(|_| task != node.task);
            state
                .filter(|state| state.count > 0)
                .map_or(index, |state| NodeIndex(state.first))
        })
    }

    /// Where a node stands among those that can start.
    fn place(&self, index: NodeIndex) -> Place {
        let behind = self.nodes.get(index.0).map_or([index; 2], |node| node.behind);
        (self.takes_slot(index), behind, index)
    }

    /// Takes a node out of those that can start.
    pub(super) fn unready(&mut self, index: NodeIndex) {
        let place = self.place(index);
        self.ready.remove(&place);
        if let Some((scope, task)) = self.nodes.get(index.0).map(|node| (node.scope, node.task))
            && let Some(state) = self.task_state_mut(scope, task)
        {
            state.parked.remove(&index);
        }
    }

    pub(super) fn attempt_started(&mut self, id: &NodeId, attempt: u32) -> Result<(), ApplyError> {
        let index = self.find(id, "attempt_started")?;
        let takes_slot = self.takes_slot(index);
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
        let (scope, task, part) = (node.scope, node.task, node.whole.is_some());
        self.unready(index);
        self.under_way += 1;
        if takes_slot {
            self.slots += 1;
        }
        if let Some(state) = self.task_state_mut(scope, task).filter(|_| !part) {
            state.running += 1;
        }
        self.start_task_wall(scope, task);
        Ok(())
    }

    pub(super) fn scope_entered(
        &mut self,
        id: &NodeId,
        attempt: u32,
        inputs: &Stored,
    ) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "scope_entered")?;
        let Some(module) = self.info(index).and_then(|info| info.uses) else {
            return Err(misfit("scope_entered", format!("`{id}` uses no workflow")));
        };
        let prefix = prefix(id, attempt);
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

    pub(super) fn asked(&mut self, id: &NodeId) -> Result<(), ApplyError> {
        let index = self.find_running(id, None, "approval_asked")?;
        self.set_phase(index, NodePhase::Asked);
        if self.nodes.get(index.0).is_some_and(|node| node.stopped.is_some()) {
            self.todo.push_back(Todo::Kill(index));
        }
        Ok(())
    }

    pub(super) fn answered(&mut self, id: &NodeId, approved: bool, comment: &str) -> Result<(), ApplyError> {
        let index = self.find(id, "approval_answered")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        match node.phase {
            NodePhase::Asked if node.stopped.is_none() => {
                node.answer = Some((approved, comment.to_owned()));
                node.phase = NodePhase::Answered;
                self.todo.push_back(Todo::Node(index));
                Ok(())
            }
            // A human may answer a question that is being withdrawn, or has just been.
            NodePhase::Asked | NodePhase::Ended(_) => Ok(()),
            _ => Err(misfit("approval_answered", format!("`{id}` asks nothing"))),
        }
    }

    pub(super) fn attempt_finished(
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
        self.end_turn(index);
        self.forget_open_calls(index);
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.calls = Vec::new();
            node.tools.clear();
        }
        self.forget_parts(index);
        let next = decision.next_attempt();
        match (outcome, decision) {
            (Outcome::Success(result), _) => {
                if let Some(node) = self.nodes.get_mut(index.0) {
                    node.result = Some(result.clone());
                    node.failure = None;
                }
                self.end_node(index, Status::Success);
            }
            (Outcome::Failure(failure), Decision::Retry { .. } | Decision::Escalate { .. }) => {
                if let (Some(node), Some((at, manner))) = (self.nodes.get_mut(index.0), next) {
                    // The next attempt is told what was wrong with this one.
                    let stays =
                        |told: &Failure| told.class.is_of_the_answer() && !failure.class.is_of_the_answer();
                    if !node.failure.as_deref().is_some_and(stays) {
                        node.failure = Some(Box::new(failure.clone()));
                    }
                    node.history.push(Symptom::of(failure));
                    node.manner = manner;
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
            (Outcome::Failure(failure), Decision::Split { by }) => {
                let work = failure.work.as_deref();
                let cut = work.and_then(|work| work.cuts.iter().find(|cut| cut.by == by));
                let Some(cut) = cut.cloned() else {
                    return Err(misfit("attempt_finished", format!("`{id}` can't be cut so")));
                };
                if let Some(node) = self.nodes.get_mut(index.0) {
                    node.failure = Some(Box::new(failure.clone()));
                    node.history.push(Symptom::of(failure));
                    node.split = Some(Split {
                        cut,
                        nodes: Vec::new(),
                    });
                    node.phase = NodePhase::Ready;
                    if node.stopped.is_some() {
                        self.todo.push_back(Todo::Cancel(index));
                    } else {
                        self.make_ready(index);
                    }
                }
            }
            (Outcome::Failure(failure), Decision::Fail | Decision::Stalled | Decision::Done) => {
                // Journals of versions that did not ask for it say `cancelled` here.
                let failure = self.cause(index, failure.clone());
                self.fail_node(index, &failure);
            }
        }
        Ok(())
    }

    pub(super) fn fail_node(&mut self, index: NodeIndex, failure: &Failure) {
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
        let whole = node.whole.is_none();
        if fail_fast && first_failure && whole {
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

    pub(super) fn end_node(&mut self, index: NodeIndex, status: Status) {
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
        if let Some(whole) = node.whole {
            self.end_part(whole, status);
            return;
        }
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

    /// All tasks of a used workflow have ended.
    pub(super) fn leave(&mut self, index: NodeIndex) {
        self.set_phase(index, NodePhase::Leaving);
        self.todo.push_back(Todo::Node(index));
    }

    /// Whether the attempts of a node take one of the run's slots. What goes on within an attempt has that of the attempt:
    /// others may hold all the rest while they wait for their turn to write after it.
    pub(in crate::run) fn takes_slot(&self, index: NodeIndex) -> bool {
        let Some(node) = self.nodes.get(index.0) else {
            return false;
        };
        let planned = self.scopes.get(node.scope.0).is_some_and(|scope| scope.planned);
        node.whole.is_none() && !planned && self.info(index).is_some_and(TaskInfo::takes_slot)
    }

    /// Gives back the slot of an attempt that is over.
    pub(super) fn release(&mut self, index: NodeIndex) {
        let takes_slot = self.takes_slot(index);
        let Some(node) = self.nodes.get(index.0).filter(|node| under_way(node.phase)) else {
            return;
        };
        let (scope, task, part) = (node.scope, node.task, node.whole.is_some());
        if node.phase == NodePhase::Running {
            self.under_way = self.under_way.saturating_sub(1);
        }
        if takes_slot {
            self.slots = self.slots.saturating_sub(1);
        }
        if let Some(state) = self.task_state_mut(scope, task).filter(|_| !part) {
            state.running = state.running.saturating_sub(1);
            if let Some(next) = state.parked.pop_first() {
                let place = self.place(next);
                self.ready.insert(place);
            }
        }
    }

    pub(super) fn set_phase(&mut self, index: NodeIndex, phase: NodePhase) {
        if let Some(node) = self.nodes.get_mut(index.0) {
            // A gate that asks and a node whose tasks run are not work under way.
            if node.phase == NodePhase::Running && matches!(phase, NodePhase::Asked | NodePhase::Inside) {
                self.under_way = self.under_way.saturating_sub(1);
            }
            node.phase = phase;
        }
    }
}

/// What the names of the nodes inside of an attempt begin with. Another attempt is another scope: its tasks are new ones.
pub(super) fn prefix(id: &NodeId, attempt: u32) -> String {
    if attempt > 1 {
        format!("{id}#{attempt}/")
    } else {
        format!("{id}/")
    }
}

/// Whether an attempt of a node in this phase has started and not finished.
pub(super) fn under_way(phase: NodePhase) -> bool {
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
