//! Plans: the tasks that a model proposed and a check found good are a workflow of the run from then on.

use std::sync::Arc;

use super::{ApplyError, State, misfit};
use crate::load::{Module, ModuleId};
use crate::proposal;
use crate::run::{Failure, FailureClass, NodeId, NodeIndex, NodePhase, Program, RunStatus, Stored};

impl State {
    /// What the run needs of its workflows, those that models proposed included.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// A workflow that a model proposed.
    pub fn planned(&self, id: ModuleId) -> Option<&Arc<Module>> {
        let before = self.program.modules.len().checked_sub(self.planned.len())?;
        self.planned.get(id.0.checked_sub(before)?)
    }

    /// Why the tasks of a node's plan that have ended did not all end well.
    pub fn failed_plan(&self, index: NodeIndex) -> Option<Failure> {
        let inside = self.nodes.get(index.0)?.inside?;
        let class = match self.scope_status(inside) {
            RunStatus::Success => return None,
            RunStatus::OverBudget => FailureClass::OverBudget,
            RunStatus::NoModel => FailureClass::NoModel,
            // A plan whose tasks can't be done is a wrong answer: its model is told.
            RunStatus::Failure | RunStatus::Waiting | RunStatus::Interrupted => FailureClass::VerifyFailed,
        };
        let scope = self.scopes.get(inside.0)?;
        let outcomes = scope.tasks.iter().filter_map(|task| task.outcome.as_ref());
        let why = outcomes
            .flat_map(|outcome| &outcome.nodes)
            .find_map(|node| node.failure.as_deref());
        let failed = self.failed_tasks(inside).join(", ");
        let why = why.map_or_else(String::new, |failure| format!(": {}", failure.message));
        Some(Failure::new(class, format!("of the plan, {failed} failed{why}")))
    }

    /// The outputs of the tasks of a node's plan, by name.
    pub fn planned_outputs(&self, index: NodeIndex) -> Vec<(String, Stored)> {
        let scope = self.nodes.get(index.0).and_then(|node| node.inside);
        let Some(scope) = scope.and_then(|scope| self.scopes.get(scope.0)) else {
            return Vec::new();
        };
        let tasks = scope.tasks.iter().enumerate().filter_map(|(task, state)| {
            let info = self.program.task(scope.module, task)?;
            let result = state.outcome.as_ref()?.nodes.first()?.result.as_ref()?;
            Some((info.name.to_string(), result.output.clone()))
        });
        tasks.collect()
    }

    pub(super) fn plan_accepted(
        &mut self,
        id: &NodeId,
        attempt: u32,
        workflow: &str,
    ) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "plan_accepted")?;
        let module = proposal::module(workflow).map_err(|problems| {
            misfit(
                "plan_accepted",
                format!("the plan of `{id}`: {}", problems.join("; ")),
            )
        })?;
        let uses = Arc::make_mut(&mut self.program).add(&module);
        self.planned.push(Arc::new(module));
        self.set_phase(index, NodePhase::Inside);
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        node.within = true;
        node.was_split |= node.split.is_some();
        let prefix = super::attempt::prefix(id, attempt);
        let scope = self.open_scope(uses, prefix, Some(index), None)?;
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.inside = Some(scope);
        }
        Ok(())
    }
}
