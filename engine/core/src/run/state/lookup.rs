//! From the names in events to places in the state, and from places to what stands there.

use super::{ApplyError, State, misfit};
use crate::run::node::TaskState;
use crate::run::{Node, NodeId, NodeIndex, NodePhase, ScopeIndex, TaskInfo};

impl State {
    pub(super) fn find(&self, id: &NodeId, event: &'static str) -> Result<NodeIndex, ApplyError> {
        self.by_id
            .get(id)
            .copied()
            .ok_or_else(|| misfit(event, format!("there is no node `{id}`")))
    }

    /// The node of an attempt that is under way and neither asks nor waits.
    pub(super) fn find_running(
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

    pub(super) fn find_task(
        &self,
        id: &NodeId,
        event: &'static str,
    ) -> Result<(ScopeIndex, usize), ApplyError> {
        self.tasks_by_id
            .get(id)
            .copied()
            .ok_or_else(|| misfit(event, format!("there is no task `{id}`")))
    }

    pub(super) fn info_of(&self, node: &Node) -> Option<&TaskInfo> {
        self.task_info(node.scope, node.task)
    }

    pub(super) fn task_info(&self, scope: ScopeIndex, task: usize) -> Option<&TaskInfo> {
        self.program.task(self.scopes.get(scope.0)?.module, task)
    }

    pub(super) fn task_state(&self, scope: ScopeIndex, task: usize) -> Option<&TaskState> {
        self.scopes.get(scope.0)?.tasks.get(task)
    }

    pub(super) fn task_state_mut(&mut self, scope: ScopeIndex, task: usize) -> Option<&mut TaskState> {
        self.scopes.get_mut(scope.0)?.tasks.get_mut(task)
    }
}
