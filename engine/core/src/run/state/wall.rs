//! Caps on wall time: from when they count, when they are reached, and what ends then.
//!
//! Each is counted in milliseconds that the run was active, so that the time between sessions is nobody's.

use std::sync::Arc;

use super::{State, Wall};
use crate::run::{Failure, FailureClass, NodeIndex, NodePhase, ScopeIndex, Timestamp};
use crate::spec::Budget;

impl State {
    /// When the first cap on wall time is reached: that of the run, of a used workflow or of a task.
    pub fn wall_deadline(&self) -> Option<Timestamp> {
        if self.capped.is_some() || self.finished.is_some() {
            return None;
        }
        self.walls.first().map(|(active, _)| self.at_active(*active))
    }

    /// What is to be told of the caps on wall time that are reached: whose they are. Nothing while none is.
    pub fn caps_reached(&self, at: Timestamp) -> Option<String> {
        self.wall_deadline().filter(|first| *first <= at)?;
        let reached = self
            .walls
            .iter()
            .take_while(|(active, _)| self.at_active(*active) <= at);
        let mut whose = Vec::new();
        for (_, wall) in reached {
            let because = self.used_up(*wall)?;
            if *wall == Wall::Scope(ScopeIndex(0)) {
                // All that is in the run ends with it.
                return Some(because.to_string());
            }
            whose.push(because);
        }
        Some(whose.join("; "))
    }

    /// What a failed attempt has failed with, once it is known why it was stopped: a node whose budget is used up
    /// was not cancelled, it failed.
    pub fn cause(&self, node: NodeIndex, failure: Failure) -> Failure {
        if !matches!(failure.class, FailureClass::Cancelled | FailureClass::OverBudget) {
            return failure;
        }
        let Some(because) = self.nodes.get(node.0).and_then(|node| node.stopped.as_deref()) else {
            return failure;
        };
        self.over_budget(node).unwrap_or_else(|| Failure {
            message: because.to_owned(),
            ..failure
        })
    }

    /// What the node of a used workflow has failed with whose own budget is used up.
    pub fn scope_over_budget(&self, scope: ScopeIndex) -> Option<Failure> {
        let scope = self.scopes.get(scope.0).filter(|scope| scope.over)?;
        let because = scope.cancelled.as_deref().unwrap_or_default();
        Some(Failure::new(FailureClass::OverBudget, because))
    }

    /// Begins to count the wall time of a workflow in the run.
    pub(super) fn start_scope_wall(&mut self, scope: ScopeIndex) {
        let module = self.scopes.get(scope.0).map(|scope| scope.module);
        let budget = module.and_then(|module| self.program.budgets.get(module.0)?.as_ref());
        if let Some(deadline) = self.deadline(budget)
            && let Some(state) = self.scopes.get_mut(scope.0)
        {
            state.wall = Some(deadline);
            self.walls.insert((deadline, Wall::Scope(scope)));
        }
    }

    /// Begins to count the wall time of a task, at the first of its attempts.
    pub(super) fn start_task_wall(&mut self, scope: ScopeIndex, task: usize) {
        let budget = self.task_info(scope, task).and_then(|info| info.budget.as_ref());
        if let Some(deadline) = self.deadline(budget)
            && let Some(state) = self.task_state_mut(scope, task)
            && state.wall.is_none()
        {
            state.wall = Some(deadline);
            self.walls.insert((deadline, Wall::Task(scope, task)));
        }
    }

    /// A cap was reached: those of tasks and used workflows whose time is over, else that of the run.
    pub(super) fn cap_reached(&mut self, at: Timestamp, cap: &str) {
        if self.capped.is_some() {
            return;
        }
        // The clock may have been set back since whoever said so looked at it.
        let until = self.wall_deadline().map_or(at, |first| at.max(first));
        let mut reached = Vec::new();
        while let Some((active, wall)) = self.walls.first().copied() {
            if self.at_active(active) > until {
                break;
            }
            self.walls.pop_first();
            reached.push(wall);
        }
        if reached.is_empty() || reached.contains(&Wall::Scope(ScopeIndex(0))) {
            self.capped = Some(cap.to_owned());
            self.cancel_scope(ScopeIndex(0), &cap.into());
            return;
        }
        for wall in reached {
            match wall {
                Wall::Scope(scope) => self.scope_over(scope),
                Wall::Task(scope, task) => self.task_over(scope, task),
            }
        }
    }

    /// What a node that was stopped because its budget is used up has failed with.
    pub(super) fn over_budget(&self, index: NodeIndex) -> Option<Failure> {
        let node = self.nodes.get(index.0).filter(|node| node.over)?;
        let because = node.stopped.as_deref().unwrap_or_default();
        Some(Failure::new(FailureClass::OverBudget, because))
    }

    fn scope_over(&mut self, scope: ScopeIndex) {
        let Some(because) = self.used_up(Wall::Scope(scope)) else {
            return;
        };
        if let Some(state) = self.scopes.get_mut(scope.0) {
            state.over = true;
        }
        self.cancel_scope(scope, &because);
    }

    fn task_over(&mut self, scope: ScopeIndex, task: usize) {
        let Some(because) = self.used_up(Wall::Task(scope, task)) else {
            return;
        };
        let (first, count) = self
            .task_state(scope, task)
            .map_or((0, 0), |state| (state.first, state.count));
        for index in (first..first + count).map(NodeIndex) {
            let Some(node) = self.nodes.get_mut(index.0) else {
                continue;
            };
            if node.stopped.is_some() || matches!(node.phase, NodePhase::Ended(_)) {
                continue;
            }
            node.over = true;
            if node.phase == NodePhase::Inside
                && let Some(inside) = node.inside
                && let Some(inside) = self.scopes.get_mut(inside.0)
            {
                inside.over = true;
            }
            self.stop_node(index, &because);
        }
    }

    /// Whose wall time is used up, and how much of it there was.
    fn used_up(&self, wall: Wall) -> Option<Arc<str>> {
        let (whose, budget) = match wall {
            Wall::Scope(scope) => {
                let scope = self.scopes.get(scope.0)?;
                let parent = scope.parent.and_then(|parent| self.nodes.get(parent.0));
                let whose = match parent {
                    Some(node) => format!("the workflow of `{}`", node.id),
                    None => "the run".to_owned(),
                };
                (whose, self.program.budgets.get(scope.module.0)?.as_ref())
            }
            Wall::Task(scope, task) => {
                let id = self.task_id(scope, task)?;
                let info = self.task_info(scope, task)?;
                (format!("`{id}`"), info.budget.as_ref())
            }
        };
        let wall = budget.and_then(|budget| budget.wall)?.0;
        Some(format!("the budget of {whose} allows {wall:?} of wall time, which is used up").into())
    }

    fn deadline(&self, budget: Option<&Budget>) -> Option<u64> {
        let active = self.active_before + self.last_seen.since(self.session_started);
        Some(active.saturating_add(budget?.wall?.millis()))
    }

    fn at_active(&self, active: u64) -> Timestamp {
        self.session_started
            .after(active.saturating_sub(self.active_before))
    }
}
