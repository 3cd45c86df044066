//! Calls of models: what each may take at most is set aside before it is made.

use smallcode_core::run::{Affordable, Event, NodeIndex, Repaired};

use super::commit::Effect;
use super::{DispatchError, Dispatcher};
use crate::executor::{CallEnd, CallRequest};

impl Dispatcher {
    pub(super) fn request_call(&mut self, request: CallRequest) -> Result<(), DispatchError> {
        let current = self.state.may_call(request.node, request.attempt);
        if !current || self.stage > 0 || request.grant.is_closed() {
            // The executor sees its answer dropped and ends. One that timed out has ended already: its request
            // must not be taken for one of the attempt that follows.
            return Ok(());
        }
        match self.state.affords(request.node, request.reserve) {
            Affordable::Later => self.waiting_calls.push_back(request),
            Affordable::Never(cap) => self.effects.push(Effect::Refuse(request.grant, cap)),
            Affordable::Yes => {
                if let Some(node) = self.state.node(request.node).map(|node| node.id.clone()) {
                    self.record(Event::CallStarted {
                        node,
                        attempt: request.attempt,
                        call: request.call,
                        profile: request.profile,
                        digest: request.digest,
                        reserve: request.reserve,
                        counting: request.counting,
                        sent: request.sent,
                    })?;
                    self.effects.push(Effect::Grant(request.grant));
                }
            }
        }
        Ok(())
    }

    pub(super) fn end_call(&mut self, end: CallEnd) -> Result<(), DispatchError> {
        let current = self
            .state
            .node(end.node)
            .filter(|_| self.state.may_call(end.node, end.attempt));
        if let Some(node) = current.map(|node| node.id.clone()) {
            self.record(Event::CallFinished {
                node,
                attempt: end.attempt,
                call: end.call,
                reply: end.reply,
                usage: end.usage,
                failure: end.failure,
            })?;
            self.effects.push(Effect::Done(end.done));
        }
        self.retry_waiting_calls()
    }

    /// Records how the answer of the last call was read.
    pub(super) fn answer_read(
        &mut self,
        node: NodeIndex,
        attempt: u32,
        repairs: Vec<Repaired>,
    ) -> Result<(), DispatchError> {
        let current = self
            .state
            .node(node)
            .filter(|_| self.state.may_call(node, attempt));
        if let Some((node, calls)) = current.map(|node| (node.id.clone(), node.calls.len())) {
            self.record(Event::ReplyRead {
                node,
                attempt,
                call: u32::try_from(calls).unwrap_or(u32::MAX),
                repairs,
            })?;
        }
        Ok(())
    }

    pub(super) fn retry_waiting_calls(&mut self) -> Result<(), DispatchError> {
        for request in std::mem::take(&mut self.waiting_calls) {
            self.request_call(request)?;
        }
        Ok(())
    }
}
