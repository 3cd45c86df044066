//! Attempts that write: they wait for their turn, and the disk knows what they keep before they begin.

use smallcode_core::run::{Event, NodeIndex, NodePhase};

use super::commit::Effect;
use super::{DispatchError, Dispatcher};
use crate::executor::{Keeping, TurnRequest};
use crate::journal::BlobHash;

impl Dispatcher {
    pub(super) fn request_turn(&mut self, request: TurnRequest) -> Result<(), DispatchError> {
        if self.stage > 0 || !self.is_under_way(request.node, request.attempt) {
            // The executor sees its answer dropped and ends.
            return Ok(());
        }
        if let Some(node) = self.state.node(request.node).map(|node| node.id.clone()) {
            self.waiting_turns.insert(request.node, request.grant);
            self.record(Event::WritesAsked {
                node,
                attempt: request.attempt,
                writes: request.writes,
            })?;
        }
        Ok(())
    }

    pub(super) fn keeping(&mut self, keeping: Keeping) -> Result<(), DispatchError> {
        if !self.is_under_way(keeping.node, keeping.attempt) {
            return Ok(());
        }
        if let Some(node) = self.state.node(keeping.node).map(|node| node.id.clone()) {
            self.record(Event::WritesKept {
                node,
                attempt: keeping.attempt,
                kept: keeping.kept.to_string(),
            })?;
            self.effects.push(Effect::Done(keeping.grant));
        }
        Ok(())
    }

    /// Notes what is no longer needed once an event is on the disk.
    pub(super) fn forget_kept(&mut self, event: &Event) {
        let kept: Vec<&str> = match event {
            Event::AttemptFinished { node, .. } => {
                let node = self.state.node_named(node.as_str());
                let kept = |node| {
                    let after_tools = self.state.kept_after_tools(node);
                    self.state.kept_of(node).into_iter().chain(after_tools).collect()
                };
                node.map(kept).unwrap_or_default()
            }
            Event::RunResumed { .. } | Event::RunFinished { .. } => {
                self.state.in_flight().map(|(_, kept)| kept).collect()
            }
            _ => return,
        };
        let kept = kept.into_iter().filter_map(|kept| kept.parse::<BlobHash>().ok());
        self.forgotten.extend(kept);
    }

    pub(super) fn is_under_way(&self, node: NodeIndex, attempt: u32) -> bool {
        let node = self.state.node(node);
        node.is_some_and(|node| node.phase == NodePhase::Running && node.attempts == attempt)
    }
}
