//! The life of a task: its scope opens, its needs end, it is skipped or expanded into nodes, and its end begins
//! what waited for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ApplyError, State, Subject, Todo, Wall, misfit};
use crate::load::ModuleId;
use crate::run::node::{TaskPhase, TaskState};
use crate::run::{
    Failure, Node, NodeId, NodeIndex, NodeOutcome, NodePhase, Scope, ScopeIndex, Spend, Status, Stored,
    TaskInfo, TaskOutcome,
};

impl State {
    pub(super) fn open_scope(
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
                wall: None,
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
            wall: None,
            over: false,
            planned: self.planned(module).is_some(),
            cancelled: parent
                .and_then(|parent| self.nodes.get(parent.0))
                .and_then(|parent| parent.stopped.clone()),
        });
        self.start_scope_wall(index);
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

    pub(super) fn expanded(&mut self, id: &NodeId, items: &Stored, count: u64) -> Result<(), ApplyError> {
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
            self.nodes.push(Node::new(id, scope, task, item, phase));
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

    pub(super) fn condition_checked(&mut self, id: &NodeId, holds: bool) -> Result<(), ApplyError> {
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

    pub(super) fn refused(&mut self, id: &NodeId, failure: &Failure) -> Result<(), ApplyError> {
        if let Some(node) = self.by_id.get(id).copied() {
            if self.over_budget(node).is_some() {
                return self.cancelled(id);
            }
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

    pub(super) fn skipped(&mut self, id: &NodeId) -> Result<(), ApplyError> {
        let (scope, task) = self.find_task(id, "task_skipped")?;
        self.announced.remove(&Subject::Task(scope, task));
        if self.task_state(scope, task).map(|state| state.phase) != Some(TaskPhase::Skipping) {
            return Err(misfit("task_skipped", format!("`{id}` is not to be skipped")));
        }
        self.end_task(scope, task, Status::Skipped);
        Ok(())
    }

    pub(super) fn end_task(&mut self, scope: ScopeIndex, task: usize, status: Status) {
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
        if let Some(wall) = state.wall {
            self.walls.remove(&(wall, Wall::Task(scope, task)));
        }
        let Some(scope_state) = self.scopes.get_mut(scope.0) else {
            return;
        };
        scope_state.open = scope_state.open.saturating_sub(1);
        let (open, parent, module) = (scope_state.open, scope_state.parent, scope_state.module);
        let wall = scope_state.wall.filter(|_| open == 0);
        if let Some(wall) = wall {
            self.walls.remove(&(wall, Wall::Scope(scope)));
        }
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

    pub(super) fn set_task_phase(&mut self, scope: ScopeIndex, task: usize, phase: TaskPhase) {
        if let Some(state) = self.task_state_mut(scope, task) {
            state.phase = phase;
        }
        self.todo.push_back(Todo::Task(scope, task));
    }
}
