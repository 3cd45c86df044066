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
        let Some(state) = self.scopes.get_mut(scope.0) else {
            return;
        };
        state.over = true;
        let (parent, module) = (state.parent, state.module);
        let parent = parent.and_then(|parent| self.nodes.get(parent.0));
        let whose = parent.map_or_else(String::new, |parent| parent.id.to_string());
        let budget = self.program.budgets.get(module.0).and_then(Option::as_ref);
        let because = used_up(&format!("the workflow of `{whose}`"), budget);
        self.cancel_scope(scope, &because);
    }

    fn task_over(&mut self, scope: ScopeIndex, task: usize) {
        let Some(id) = self.task_id(scope, task) else {
            return;
        };
        let budget = self.task_info(scope, task).and_then(|info| info.budget.as_ref());
        let because = used_up(&format!("`{id}`"), budget);
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

    fn deadline(&self, budget: Option<&Budget>) -> Option<u64> {
        let active = self.active_before + self.last_seen.since(self.session_started);
        Some(active.saturating_add(budget?.wall?.millis()))
    }

    fn at_active(&self, active: u64) -> Timestamp {
        self.session_started
            .after(active.saturating_sub(self.active_before))
    }
}

fn used_up(whose: &str, budget: Option<&Budget>) -> Arc<str> {
    let wall = budget.and_then(|budget| budget.wall).map(|wall| wall.0);
    let wall = wall.unwrap_or_default();
    format!("the budget of {whose} allows {wall:?} of wall time, which is used up").into()
}
