//! Tools that attempts run for their models: the disk knows of what can't be taken back before it begins.

use smallcode_core::run::Event;

use super::commit::Effect;
use super::{DispatchError, Dispatcher};
use crate::executor::{ToolEnd, ToolStart};

impl Dispatcher {
    pub(super) fn start_tool(&mut self, start: ToolStart) -> Result<(), DispatchError> {
        if self.stage > 0 || !self.is_under_way(start.node, start.attempt) {
            // The executor sees its answer dropped and ends.
            return Ok(());
        }
        if let Some(node) = self.state.node(start.node).map(|node| node.id.clone()) {
            let (call, place) = start.place;
            self.record(Event::ToolStarted {
                node,
                attempt: start.attempt,
                call,
                place,
                does: start.does,
            })?;
            self.effects.push(Effect::Done(start.grant));
        }
        Ok(())
    }

    pub(super) fn end_tool(&mut self, end: ToolEnd) -> Result<(), DispatchError> {
        if !self.is_under_way(end.node, end.attempt) {
            return Ok(());
        }
        if let Some(node) = self.state.node(end.node).map(|node| node.id.clone()) {
            let (call, place) = end.place;
            self.record(Event::ToolFinished {
                node,
                attempt: end.attempt,
                call,
                place,
                does: end.does,
                did: end.did,
                told: end.told,
                left: end.left,
            })?;
        }
        Ok(())
    }
}
