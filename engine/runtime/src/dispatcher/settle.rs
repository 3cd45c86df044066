//! What the state asks for, turned into events and effects.

use smallcode_core::load::ModuleId;
use smallcode_core::run::{
    Action, ApplyError, Event, Failure, FailureClass, Node, NodeIndex, NodePhase, Outcome, RunStatus,
    ScopeIndex, TaskResult,
};

use super::commit::Effect;
use super::{DispatchError, Dispatcher, Ended, now};
use crate::executor::{self, Job};

/// How many nodes are claimed at once: so many starts share one synchronisation of the disk.
const CLAIM: usize = 32;

/// With so few claims left, the next are made while these are worked off: nobody then waits for the disk. After a
/// power cut, at most this and [`CLAIM`] commands are in doubt.
const FEW_CLAIMS: usize = CLAIM / 2;

impl Dispatcher {
    /// Turns what is to be done into events and effects, until nothing more follows.
    pub(super) fn settle(&mut self) -> Result<(), DispatchError> {
        loop {
            let actions = self.state.next(now());
            if actions.is_empty() {
                break;
            }
            let only_waits = matches!(
                actions.as_slice(),
                [Action::Finish {
                    status: RunStatus::Waiting,
                    ..
                }]
            );
            if only_waits && self.is_asking() {
                // Somebody sits in front of the question.
                break;
            }
            for action in actions {
                self.act(action)?;
            }
            if self.ended.is_some() {
                return Ok(());
            }
        }
        self.interrupted_end()?;
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), DispatchError> {
        match action {
            Action::Expand { scope, task } => {
                let job = self
                    .names
                    .task_job(&self.state, &self.program, scope, task, &self.tell);
                self.effects
                    .extend(job.map(|job| Effect::Expand(scope, task, job)));
            }
            Action::Skip { scope, task, because } => {
                if let Some(task) = self.state.task_id(scope, task) {
                    self.record(Event::TaskSkipped { task, because })?;
                }
            }
            Action::Check(node) => {
                let job = self.job(node, 0);
                self.effects.extend(job.map(Effect::Check));
            }
            Action::Start { node, attempt } => {
                self.claim(node)?;
                let Some(job) = self.job(node, attempt) else {
                    return Ok(());
                };
                self.running.insert(node, (job.cancel.clone(), job.kill.clone()));
                self.record(Event::AttemptStarted {
                    node: job.id.clone(),
                    attempt,
                })?;
                self.claim_ahead(node)?;
                self.effects.push(Effect::Attempt(job));
            }
            Action::Turn(node) => {
                let grant = self.waiting_turns.remove(&node);
                self.effects.extend(grant.map(Effect::Turn));
            }
            Action::Leave(node) => self.leave(node)?,
            Action::Settle(node) => {
                if let Some((approved, comment)) = self.state.node(node).and_then(|node| node.answer.clone())
                {
                    let outcome = if approved {
                        let value = serde_json::json!({ "approved": true, "comment": comment });
                        Outcome::Success(TaskResult::value(value))
                    } else {
                        let said = if comment.is_empty() {
                            String::new()
                        } else {
                            format!(": {comment}")
                        };
                        Outcome::Failure(Failure::new(
                            FailureClass::Rejected,
                            format!("it was rejected{said}"),
                        ))
                    };
                    self.finish_attempt(node, outcome)?;
                }
            }
            Action::Cancel { node, because } => {
                if let Some(node) = self.state.node(node).map(|node| node.id.clone()) {
                    self.record(Event::NodeCancelled { node, because })?;
                }
            }
            Action::Refuse { node, failure } => {
                if let Some(node) = self.state.node(node).map(|node| node.id.clone()) {
                    self.record(Event::NodeRefused { node, failure })?;
                }
            }
            Action::Kill(node) => {
                let asked = self
                    .state
                    .node(node)
                    .is_some_and(|node| node.phase == NodePhase::Asked);
                if asked {
                    let failure = Failure::new(FailureClass::Cancelled, "it was stopped");
                    self.finish_attempt(node, Outcome::Failure(failure))?;
                } else {
                    self.effects.push(Effect::Stop(node));
                }
            }
            Action::Finish { status, message } => self.finish(status, message)?,
        }
        Ok(())
    }

    /// Sees that the disk knows of a command before it starts, and with it of those that come next.
    fn claim(&mut self, node: NodeIndex) -> Result<(), ApplyError> {
        let repeatable = self.state.info(node).is_none_or(|info| info.repeatable);
        let Some(id) = self
            .state
            .node(node)
            .map(|node| node.id.clone())
            .filter(|_| !repeatable)
        else {
            return Ok(());
        };
        if self.state.is_claimed(&id) {
            self.claims.begin(&id);
            return Ok(());
        }
        let nodes = self.state.claimable(node, CLAIM);
        self.claims.claim();
        self.record(Event::NodesClaimed { nodes })
    }

    /// Claims more where few are left, and goes on: the disk has the time until these start.
    fn claim_ahead(&mut self, node: NodeIndex) -> Result<(), ApplyError> {
        let repeatable = self.state.info(node).is_none_or(|info| info.repeatable);
        if repeatable || !self.claims.may_go_ahead() || self.state.claims() > FEW_CLAIMS {
            return Ok(());
        }
        let nodes = self.state.claimable(node, CLAIM);
        if nodes.is_empty() {
            return Ok(());
        }
        self.claims.go_ahead(&nodes);
        self.record(Event::NodesClaimed { nodes })
    }

    pub(super) fn job(&self, node: NodeIndex, attempt: u32) -> Option<Job> {
        self.names
            .node_job(&self.state, &self.program, node, attempt, &self.tell)
    }

    /// Ends the attempt of a used workflow whose tasks have ended, or of a node whose parts have.
    fn leave(&mut self, node: NodeIndex) -> Result<(), DispatchError> {
        if self.state.node(node).is_some_and(Node::goes_on_within) {
            self.join(node);
            return Ok(());
        }
        let Some(inner) = self.state.node(node).and_then(|node| node.inside) else {
            return Ok(());
        };
        if let Some(failure) = self.state.scope_over_budget(inner) {
            return self.finish_attempt(node, Outcome::Failure(failure));
        }
        let class = match self.state.scope_status(inner) {
            RunStatus::Success => None,
            RunStatus::OverBudget => Some(FailureClass::OverBudget),
            RunStatus::NoModel => Some(FailureClass::NoModel),
            RunStatus::Failure | RunStatus::Waiting | RunStatus::Interrupted => {
                Some(FailureClass::UsedWorkflowFailed)
            }
        };
        if let Some(class) = class {
            let failed = self.state.failed_tasks(inner).join(", ");
            let message = format!("a task of the used workflow did not end well: {failed}");
            return self.finish_attempt(node, Outcome::Failure(Failure::new(class, message)));
        }
        let attempt = self.state.node(node).map_or(1, |node| node.attempts);
        if let (Some(scope), Some(mut job)) = (self.state.scope(inner), self.job(node, attempt)) {
            job.names = self.names.outputs(&self.state, &self.program, inner);
            self.effects.push(Effect::Leave(job, scope.module));
        }
        Ok(())
    }

    /// Ends the session: with the workflow's outputs where it succeeded.
    pub(super) fn finish(&mut self, status: RunStatus, message: String) -> Result<(), DispatchError> {
        let (mut status, mut message) = (status, message);
        let mut outputs = None;
        if status == RunStatus::Success {
            let names = self.names.outputs(&self.state, &self.program, ScopeIndex(0));
            match executor::outputs(&self.shared, ModuleId(0), &names) {
                Ok(value) => outputs = Some(value),
                Err(failure) => {
                    status = RunStatus::Failure;
                    message = format!("the outputs can't be evaluated: {}", failure.message);
                }
            }
        }
        let stored = match &outputs {
            Some(value) => Some(self.shared.host.keep(value.clone())?),
            None => None,
        };
        self.record(Event::RunFinished {
            status,
            outputs: stored,
            message: message.clone(),
        })?;
        let commits = self.journal.stats().commits + 1;
        self.ended = Some(Ended {
            status,
            outputs,
            message,
            commits,
        });
        Ok(())
    }

    /// Whether a human in front of the terminal has a question to answer.
    fn is_asking(&self) -> bool {
        self.questions.is_some()
            && self.stage == 0
            && self
                .state
                .waiting_for_human()
                .any(|node| node.phase == NodePhase::Asked)
    }
}
