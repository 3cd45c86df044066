//! Nodes whose work goes on in nodes of its own: parts, or the tasks of a plan. They begin, and once they have ended,
//! what they made together is verified.

use std::sync::Arc;

use smallcode_core::run::{Event, Failure, FailureClass, NodeIndex, NodePhase};

use super::commit::Effect;
use super::{DispatchError, Dispatcher};
use crate::executor::{Made, Purpose, Refused, Writes};
use crate::journal::BlobHash;

impl Dispatcher {
    /// An attempt has kept what its parts may write over: they begin. One that was told to stop meanwhile goes this
    /// way, too, for what it kept has to go.
    pub(super) fn split(&mut self, node: NodeIndex, attempt: u32) -> Result<(), DispatchError> {
        self.running.remove(&node);
        let current = self.state.node(node).filter(|node| node.attempts == attempt);
        let split = current.and_then(|node| Some((node.id.clone(), node.split.clone()?.cut)));
        if let Some((node, cut)) = split {
            self.record(Event::NodeSplit {
                node,
                attempt,
                by: cut.by,
                parts: cut.parts,
            })?;
        }
        Ok(())
    }

    /// The plan of a model was found good: its tasks begin.
    pub(super) fn planned(
        &mut self,
        node: NodeIndex,
        attempt: u32,
        tasks: Vec<String>,
        workflow: String,
    ) -> Result<(), DispatchError> {
        self.running.remove(&node);
        let current = self.state.node(node).filter(|node| node.attempts == attempt);
        if let Some(node) = current.map(|node| node.id.clone()) {
            self.record(Event::PlanAccepted {
                node,
                attempt,
                tasks,
                workflow,
            })?;
            self.program = Arc::clone(self.state.program());
        }
        Ok(())
    }

    /// Has what the parts of a node made together verified, or put back where one of them failed.
    pub(super) fn join(&mut self, index: NodeIndex) {
        let Some(node) = self.state.node(index) else {
            return;
        };
        let failed = if node.stopped.is_some() {
            Some(Failure::new(FailureClass::Cancelled, "it was stopped"))
        } else if node.inside.is_some() {
            self.state.failed_plan(index)
        } else {
            self.state.failed_part(index)
        };
        let failed = failed.or_else(|| node.refused.as_deref().cloned());
        if failed.is_none() && self.stage > 0 {
            // Nothing is begun any more: the session that takes the run up verifies it.
            self.abandoned = true;
            return;
        }
        let parts = self.state.parts(index).filter_map(|part| {
            let output = part.result.as_ref()?.output.clone();
            let name = part.id.to_string();
            Some(Made { name, output })
        });
        let tasks = self.state.planned_outputs(index).into_iter();
        let made = parts
            .chain(tasks.map(|(name, output)| Made { name, output }))
            .collect();
        let kept = self.state.kept_of(index).into_iter();
        let kept: Vec<BlobHash> = kept.filter_map(|kept| kept.parse().ok()).collect();
        let Some(mut job) = self.job(index, node.attempts) else {
            return;
        };
        job.purpose = Purpose::Join(made);
        job.writes = Arc::new(Writes::holding(kept));
        self.running.insert(index, (job.cancel.clone(), job.kill.clone()));
        self.effects.push(Effect::Join(job, failed));
    }

    /// Its verifiers were stopped: with the node, then all of it is put back; with the run, then it waits for the next
    /// session as it is.
    pub(super) fn unverified(&mut self, index: NodeIndex, attempt: u32) {
        self.running.remove(&index);
        let current = self.state.node(index).filter(|node| node.attempts == attempt);
        if current.is_some_and(|node| node.stopped.is_some()) {
            self.join(index);
        } else {
            self.abandoned = true;
        }
    }

    pub(super) fn refused(&mut self, refused: Refused) -> Result<(), DispatchError> {
        let current = self
            .state
            .node(refused.node)
            .filter(|node| node.phase == NodePhase::Leaving && node.attempts == refused.attempt);
        if let Some(node) = current.map(|node| node.id.clone()) {
            self.record(Event::PartsRefused {
                node,
                attempt: refused.attempt,
                failure: refused.failure,
            })?;
            self.effects.push(Effect::Done(refused.done));
        }
        Ok(())
    }
}
