//! Nodes whose work is cut: their parts begin, and once they have ended, what they made together is verified.

use std::sync::Arc;

use smallcode_core::run::{Event, Failure, FailureClass, Node, NodeIndex, NodePhase};

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

    /// Has what the parts of a node made together verified, or put back where one of them failed.
    pub(super) fn join(&mut self, index: NodeIndex) {
        let Some(node) = self.state.node(index) else {
            return;
        };
        let refused = node.split.as_ref().and_then(|split| split.refused.as_deref());
        let failed = if node.stopped.is_some() {
            Some(Failure::new(FailureClass::Cancelled, "it was stopped"))
        } else {
            self.state.failed_part(index).or_else(|| refused.cloned())
        };
        let made = |part: &Node| {
            let output = part.result.as_ref()?.output.clone();
            Some(Made {
                part: Arc::clone(part.part.as_ref()?),
                output,
            })
        };
        let made = self.state.parts(index).filter_map(made).collect();
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
