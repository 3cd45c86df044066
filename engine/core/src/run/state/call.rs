//! Calls of models, and the budgets around them: the worst case is set aside first, and replaced by what was used.

use super::{ApplyError, State, misfit};
use crate::run::{
    Affordable, CallRecord, CallUsage, Caps, NodeId, NodeIndex, NodePhase, Reserve, Spend, Stored,
};

impl State {
    /// Whether every budget that a node's calls count for lets it make one: that of its task and of its workflow,
    /// and so on outwards to the run.
    pub fn affords(&self, node: NodeIndex, reserve: Reserve) -> Affordable {
        let mut answer = Affordable::Yes;
        if let Some(escalation) = self.program.escalation.as_ref()
            && self.nodes.get(node.0).is_some_and(|node| node.manner.escalated)
        {
            match self
                .escalated
                .affords(reserve, escalation.caps(), "escalation in this run")
            {
                Affordable::Never(why) => return Affordable::Never(why),
                found => answer = found,
            }
        }
        let mut next = Some(node);
        while let Some(node) = next.and_then(|index| self.nodes.get(index.0)) {
            let Some(scope) = self.scopes.get(node.scope.0) else {
                break;
            };
            next = scope.parent;
            let budget = self.info_of(node).and_then(|info| info.budget.as_ref());
            let task = scope.tasks.get(node.task).zip(budget).map(|(task, budget)| {
                let whose = format!("the budget of `{}`", node.id);
                task.spend.affords(reserve, Caps::of(budget), &whose)
            });
            let budget = self.program.budgets.get(scope.module.0).and_then(Option::as_ref);
            let workflow = budget.map(|budget| {
                let whose = match next.and_then(|parent| self.nodes.get(parent.0)) {
                    Some(parent) => format!("the budget of the workflow of `{}`", parent.id),
                    None => "the budget of the run".to_owned(),
                };
                scope.spend.affords(reserve, Caps::of(budget), &whose)
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

    /// Whether an attempt is under way that may call its model: one at work, or one whose parts have ended and are
    /// verified.
    pub fn may_call(&self, node: NodeIndex, attempt: u32) -> bool {
        self.nodes.get(node.0).is_some_and(|node| {
            let verified = node.phase == NodePhase::Leaving && node.goes_on_within();
            node.attempts == attempt && (node.phase == NodePhase::Running || verified)
        })
    }

    pub(super) fn call_started(
        &mut self,
        id: &NodeId,
        attempt: u32,
        call: u32,
        record: CallRecord,
    ) -> Result<(), ApplyError> {
        let index = self.find(id, "call_started")?;
        if !self.may_call(index, attempt) {
            let reason = format!("`{id}` has no such attempt under way");
            return Err(misfit("call_started", reason));
        }
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        if usize::try_from(call).ok() != Some(node.calls.len() + 1) {
            return Err(misfit(
                "call_started",
                format!("`{id}` is at call {}, not {call}", node.calls.len() + 1),
            ));
        }
        let reserve = record.reserve;
        node.calls.push(record);
        self.charge(index, |spend| spend.reserve(reserve));
        Ok(())
    }

    pub(super) fn call_finished(
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

    /// A call that was in flight when the process died counts as if it had used all that was set aside.
    pub(super) fn forget_open_calls(&mut self, index: NodeIndex) {
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
            self.charge(index, |spend| spend.settle(reserve, reserve.used_up()));
        }
    }

    /// Changes what was spent from every budget that a node's calls count for: that of its task and of its
    /// workflow, and so on outwards to the run; and what its escalation may spend.
    fn charge(&mut self, index: NodeIndex, change: impl Fn(&mut Spend)) {
        if self.nodes.get(index.0).is_some_and(|node| node.manner.escalated) {
            change(&mut self.escalated);
        }
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
}
