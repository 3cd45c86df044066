//! What others may ask of a run: the dispatcher for its jobs, expressions for their values, reports for the end.

use std::sync::Arc;

use super::State;
use crate::run::{
    Failure, FailureClass, Node, NodeId, NodeIndex, NodePhase, Past, RunStatus, Scope, ScopeIndex, Spend,
    Status, Stored, TaskInfo, TaskOutcome,
};
use crate::scope::NeedsStatus;

impl State {
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

    /// What came of a node whose attempt under way has failed.
    pub fn past<'a>(&'a self, node: NodeIndex, failure: &'a Failure) -> Option<Past<'a>> {
        let node = self.nodes.get(node.0)?;
        Some(Past {
            attempt: node.attempts,
            failure,
            earlier: &node.history,
            manner: node.manner,
            depth: node.depth,
            was_split: node.was_split,
        })
    }

    /// What decides about a node's task.
    pub fn info(&self, node: NodeIndex) -> Option<&TaskInfo> {
        self.info_of(self.nodes.get(node.0)?)
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

    /// A need that did not end well.
    pub(super) fn blocking_need(&self, scope: ScopeIndex, info: &TaskInfo) -> Option<(usize, Status)> {
        let module = self.scopes.get(scope.0)?.module;
        info.needs.iter().find_map(|need| {
            let status = self.task_state(scope, *need)?.outcome.as_ref()?.status;
            let goes_on = self.program.task(module, *need).is_some_and(|info| info.goes_on);
            let well = status == Status::Success || (status == Status::Failure && goes_on);
            (!well).then_some((*need, status))
        })
    }

    /// The items of a task with `foreach` or `matrix`, once they are known.
    pub fn items(&self, scope: ScopeIndex, task: usize) -> Option<&Stored> {
        self.task_state(scope, task)?.items.as_ref()
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

    /// What chance in this run derives from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What was spent.
    pub fn spend(&self) -> Spend {
        self.scopes.first().map(|root| root.spend).unwrap_or_default()
    }

    /// What attempts by a stronger model have spent.
    pub fn escalated(&self) -> Spend {
        self.escalated
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

    /// How the last session ended, unless one is under way.
    pub fn finished(&self) -> Option<RunStatus> {
        self.finished
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
        if self.capped.is_some() || state.over {
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
}
