//! Tools that were run for a model: what one that can't be taken back has left is kept, so that it is not run again.

use super::{ApplyError, State, misfit};
use crate::run::{Event, NodeId, NodeIndex, ToolPlace, ToolRecord, ToolResult};

impl State {
    /// What the events of tools change.
    pub(super) fn tool(&mut self, event: &Event) -> Result<(), ApplyError> {
        match event {
            Event::ToolStarted {
                node,
                attempt,
                call,
                place,
                ..
            } => self.tool_started(node, *attempt, (*call, *place)),
            Event::ToolFinished {
                node,
                attempt,
                call,
                place,
                did,
                left,
                ..
            } => self.tool_finished(node, *attempt, (*call, *place), *did, left.as_ref()),
            _ => Ok(()),
        }
    }

    fn tool_started(&mut self, id: &NodeId, attempt: u32, place: ToolPlace) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "tool_started")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        let (ended, left) = (None, None);
        match node.tools.insert(place, ToolRecord { ended, left }) {
            None => Ok(()),
            Some(_) => Err(misfit("tool_started", format!("`{id}` has run that tool"))),
        }
    }

    fn tool_finished(
        &mut self,
        id: &NodeId,
        attempt: u32,
        place: ToolPlace,
        did: bool,
        left: Option<&ToolResult>,
    ) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "tool_finished")?;
        let Some(node) = self.nodes.get_mut(index.0) else {
            return Ok(());
        };
        let ended = Some(did);
        let left = left.cloned();
        let before = node.tools.insert(place, ToolRecord { ended, left });
        if before.is_some_and(|before| before.ended.is_some()) {
            return Err(misfit("tool_finished", format!("`{id}` has run that tool")));
        }
        Ok(())
    }

    /// Whether a tool was at work that can't be taken back.
    pub(super) fn has_open_tool(&self, index: NodeIndex) -> bool {
        let node = self.nodes.get(index.0);
        node.is_some_and(|node| node.tools.values().any(|tool| tool.ended.is_none()))
    }

    /// A tool that was at work may be run again.
    pub(super) fn forget_open_tools(&mut self, index: NodeIndex) {
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.tools.retain(|_, tool| tool.ended.is_some());
        }
    }

    /// What the tools of the attempt under way have kept of what stood when they had ended.
    pub fn kept_after_tools(&self, index: NodeIndex) -> impl Iterator<Item = &str> {
        let node = self.nodes.get(index.0);
        let tools = node.into_iter().flat_map(|node| node.tools.values());
        tools.filter_map(|tool| tool.left.as_ref()?.kept.as_deref())
    }
}
