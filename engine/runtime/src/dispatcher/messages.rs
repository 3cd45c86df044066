//! What executors, humans and signals tell, turned into events.

use serde_json::Value as Json;
use smallcode_core::run::{
    Decision, Escalates, Event, Failure, FailureClass, NodeIndex, NodePhase, Outcome, TaskInfo, decide,
};

use super::{DispatchError, Dispatcher, now};
use crate::executor::Message;

/// What is said where a workflow would let a stronger model try.
const NOT_ESCALATED: &str = "a stronger model was not asked: this run does not allow it; `--escalate` does";

impl Dispatcher {
    pub(super) fn take(&mut self, message: Message) -> Result<(), DispatchError> {
        match message {
            Message::Expanded(scope, task, items) => {
                let Some(id) = self.state.task_id(scope, task) else {
                    return Ok(());
                };
                match items {
                    Ok(items) => {
                        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                        let value = Json::Array(items);
                        let stored = self.shared.host.keep(value.clone())?;
                        self.names.set_items(scope, task, value);
                        self.record(Event::TaskExpanded {
                            task: id,
                            items: stored,
                            count,
                        })?;
                    }
                    Err(failure) => self.record(Event::NodeRefused { node: id, failure })?,
                }
            }
            Message::Checked(node, holds) => {
                let Some(id) = self.state.node(node).map(|node| node.id.clone()) else {
                    return Ok(());
                };
                if self.is_over(node) {
                    return Ok(());
                }
                match holds {
                    Ok(holds) => self.record(Event::ConditionChecked { node: id, holds })?,
                    Err(failure) => self.record(Event::NodeRefused { node: id, failure })?,
                }
            }
            Message::Entered(node, inputs) => {
                self.running.remove(&node);
                if self.was_killed(node)? {
                    return Ok(());
                }
                if let Some((id, attempt)) =
                    self.state.node(node).map(|node| (node.id.clone(), node.attempts))
                {
                    let inputs = self.shared.host.keep(Json::Object(inputs))?;
                    self.record(Event::ScopeEntered {
                        node: id,
                        attempt,
                        inputs,
                    })?;
                }
            }
            Message::Split(node, attempt) => self.split(node, attempt)?,
            Message::Planned(node, attempt, tasks, workflow) => {
                self.planned(node, attempt, tasks, workflow)?;
            }
            Message::Unverified(node, attempt) => self.unverified(node, attempt),
            Message::Refused(refused) => self.refused(refused)?,
            Message::Ask(node, message, diff) => {
                self.running.remove(&node);
                if self.was_killed(node)? {
                    return Ok(());
                }
                if let Some(id) = self.state.node(node).map(|node| node.id.clone()) {
                    self.record(Event::ApprovalAsked {
                        node: id.clone(),
                        message: message.clone(),
                        diff: diff.clone(),
                    })?;
                    self.question(id, message, diff.as_ref());
                }
            }
            Message::Answer(node, approved, comment) => {
                let waits = self
                    .state
                    .node_named(node.as_str())
                    .and_then(|index| self.state.node(index));
                if waits.is_some_and(|node| node.phase == NodePhase::Asked) {
                    self.record(Event::ApprovalAnswered {
                        node,
                        approved,
                        comment,
                    })?;
                }
            }
            Message::Unanswered => self.questions = None,
            Message::Call(request) => self.request_call(request)?,
            Message::Called(end) => self.end_call(end)?,
            Message::Read(node, attempt, repairs) => self.answer_read(node, attempt, repairs)?,
            Message::ToolStart(start) => self.start_tool(start)?,
            Message::ToolEnd(end) => self.end_tool(end)?,
            Message::Finished(node, attempt, outcome) => self.finished(node, attempt, outcome)?,
            Message::Turn(request) => self.request_turn(request)?,
            Message::Keeping(keeping) => self.keeping(keeping)?,
            Message::Broken(error) => self.broken = Some(error.into()),
            Message::NotRestored(error) => self.broken = Some(error.into()),
            Message::Signal(stage) => self.signal(stage)?,
        }
        Ok(())
    }

    fn finished(&mut self, node: NodeIndex, attempt: u32, outcome: Outcome) -> Result<(), DispatchError> {
        self.running.remove(&node);
        let Some(current) = self.state.node(node) else {
            return Ok(());
        };
        if matches!(current.phase, NodePhase::Ended(_)) || current.attempts != attempt {
            return Ok(());
        }
        let cancelled =
            matches!(&outcome, Outcome::Failure(failure) if failure.class == FailureClass::Cancelled);
        if cancelled && self.stage >= 1 && current.stopped.is_none() {
            // It was not over: the journal says that it was in flight, and resume decides.
            self.abandoned = true;
            return Ok(());
        }
        self.finish_attempt(node, outcome)?;
        self.retry_waiting_calls()
    }

    pub(super) fn finish_attempt(&mut self, node: NodeIndex, outcome: Outcome) -> Result<(), DispatchError> {
        let Some((id, attempt)) = self.state.node(node).map(|node| (node.id.clone(), node.attempts)) else {
            return Ok(());
        };
        let mut outcome = match outcome {
            Outcome::Failure(failure) => Outcome::Failure(self.state.cause(node, failure)),
            Outcome::Success(result) => Outcome::Success(result),
        };
        let decision = match &mut outcome {
            Outcome::Success(_) => Decision::Done,
            Outcome::Failure(failure) => {
                let info = self.state.info(node);
                let decision = match info.map(TaskInfo::policy).zip(self.state.past(node, failure)) {
                    Some((policy, past)) => decide(policy, past, now(), self.state.seed(), &id),
                    None => Decision::Fail,
                };
                let forbidden = info.is_some_and(|info| info.escalates == Escalates::NotInThisRun);
                let is_last = matches!(decision, Decision::Fail | Decision::Stalled);
                if forbidden && is_last && failure.class.is_a_matter_of_skill() {
                    if !failure.detail.is_empty() {
                        failure.detail.push('\n');
                    }
                    failure.detail.push_str(NOT_ESCALATED);
                }
                decision
            }
        };
        self.record(Event::AttemptFinished {
            node: id,
            attempt,
            outcome,
            decision,
        })?;
        Ok(())
    }

    /// Ends a node that was told to stop before it began to wait for something.
    fn was_killed(&mut self, node: NodeIndex) -> Result<bool, DispatchError> {
        let killed = self.state.node(node).is_some_and(|node| node.stopped.is_some());
        if killed && !self.is_over(node) {
            let failure = Failure::new(FailureClass::Cancelled, "it was stopped");
            self.finish_attempt(node, Outcome::Failure(failure))?;
        }
        Ok(killed)
    }

    fn is_over(&self, node: NodeIndex) -> bool {
        self.state
            .node(node)
            .is_none_or(|node| matches!(node.phase, NodePhase::Ended(_)))
    }
}
