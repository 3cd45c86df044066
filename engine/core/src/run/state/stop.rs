//! What ends early: a node that is told to stop, a scope whose tasks will not go on, and all of it at a cap.

use std::sync::Arc;

use super::attempt::under_way;
use super::{ApplyError, State, Subject, Todo, misfit};
use crate::run::node::TaskPhase;
use crate::run::{NodeId, NodeIndex, NodePhase, ScopeIndex, Status};

impl State {
    pub(super) fn cancelled(&mut self, id: &NodeId) -> Result<(), ApplyError> {
        let index = self.find(id, "node_cancelled")?;
        let Some(node) = self.nodes.get(index.0) else {
            return Ok(());
        };
        match node.phase {
            NodePhase::Ended(_) => Ok(()),
            phase if under_way(phase) => Err(misfit("node_cancelled", format!("`{id}` is under way"))),
            _ => {
                match self.over_budget(index) {
                    Some(failure) => self.fail_node(index, &failure),
                    None => self.end_node(index, Status::Cancelled),
                }
                Ok(())
            }
        }
    }

    /// Asks for the end of a node: one that has not started is cancelled, one under way is killed.
    pub(super) fn stop_node(&mut self, index: NodeIndex, because: &Arc<str>) {
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
                self.stop_parts(index, because);
            }
            // What parts made together takes a while to verify.
            NodePhase::Leaving if node.goes_on_within() => self.todo.push_back(Todo::Kill(index)),
            // These end by themselves, and at once.
            NodePhase::Answered | NodePhase::Leaving | NodePhase::Ended(_) => {}
        }
    }

    /// Asks for the end of everything in a scope that has begun; what has not will be skipped.
    pub(super) fn cancel_scope(&mut self, scope: ScopeIndex, because: &Arc<str>) {
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
}
