//! Parts: nodes that a node's work was cut into. They are of its task and its item, and share its budget; the attempt
//! that they are of ends once they have, and what they made together was verified.
//!
//! They run one after the other, in the slot of the whole: each is shown what those before it have made, and where one
//! fails the rest is not begun. So what a part does, does not depend on how many run at the same time.

use std::sync::Arc;

use super::{ApplyError, State, misfit};
use crate::run::{Cut, Failure, FailureClass, Node, NodeId, NodeIndex, NodePhase, Part, Split, Status};
use crate::spec::SplitBy;

impl State {
    /// The nodes of a node's parts that have begun, in their order.
    pub fn parts(&self, index: NodeIndex) -> impl Iterator<Item = &Node> {
        let split = self.nodes.get(index.0).and_then(|node| node.split.as_ref());
        let nodes = split.map(|split| split.nodes.as_slice()).unwrap_or_default();
        nodes.iter().filter_map(|node| self.nodes.get(node.0))
    }

    /// Why the parts of a node that have ended did not all end well.
    pub fn failed_part(&self, index: NodeIndex) -> Option<Failure> {
        let last = self.parts(index).last()?;
        let name = last.part.as_ref().map_or("", |part| &part.name);
        match (last.phase, last.failure.as_deref()) {
            (NodePhase::Ended(Status::Success), _) => None,
            (NodePhase::Ended(Status::Failure), Some(failure)) => Some(Failure {
                message: format!("its part `{}` ({name}) failed: {}", last.id, failure.message),
                work: None,
                ..failure.clone()
            }),
            _ => Some(Failure::new(FailureClass::Cancelled, "it was stopped")),
        }
    }

    pub(super) fn node_split(
        &mut self,
        id: &NodeId,
        attempt: u32,
        by: SplitBy,
        parts: &[Part],
    ) -> Result<(), ApplyError> {
        let index = self.find_running(id, Some(attempt), "node_split")?;
        if parts.is_empty() {
            return Err(misfit("node_split", format!("`{id}` has no parts")));
        }
        self.set_phase(index, NodePhase::Inside);
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.was_split = true;
            node.within = true;
            let cut = Cut {
                by,
                parts: parts.to_vec(),
            };
            node.split = Some(Split {
                cut,
                nodes: Vec::new(),
            });
        }
        self.next_part(index);
        Ok(())
    }

    /// Begins the next part of a node; where there is none, all have ended.
    fn next_part(&mut self, whole: NodeIndex) {
        let made = NodeIndex(self.nodes.len());
        let Some(node) = self.nodes.get_mut(whole.0) else {
            return;
        };
        let stopped = node.stopped.is_some();
        let next = node.split.as_mut().filter(|_| !stopped).and_then(|split| {
            let part = split.cut.parts.get(split.nodes.len())?.clone();
            split.nodes.push(made);
            Some((split.nodes.len(), part))
        });
        let Some((number, part)) = next else {
            self.leave(whole);
            return;
        };
        let id = NodeId::new(format!("{}/{number}", node.id));
        let part = Node {
            whole: Some(whole),
            part: Some(Arc::new(part)),
            depth: node.depth + 1,
            ..Node::new(id.clone(), node.scope, node.task, node.item, NodePhase::Ready)
        };
        self.by_id.insert(id, made);
        self.nodes.push(part);
        self.make_ready(made);
    }

    /// A part has ended: the next begins, unless it failed.
    pub(super) fn end_part(&mut self, whole: NodeIndex, status: Status) {
        if status == Status::Success {
            self.next_part(whole);
        } else {
            self.leave(whole);
        }
    }

    /// Stops the part of a node that is under way.
    pub(super) fn stop_parts(&mut self, index: NodeIndex, because: &Arc<str>) {
        let split = self.nodes.get(index.0).and_then(|node| node.split.as_ref());
        if let Some(last) = split.and_then(|split| split.nodes.last().copied()) {
            // Recursion is bounded by how often work is cut.
            self.stop_node(last, because);
        }
    }

    pub(super) fn parts_refused(
        &mut self,
        id: &NodeId,
        attempt: u32,
        failure: &Failure,
    ) -> Result<(), ApplyError> {
        let index = self.find(id, "parts_refused")?;
        let node = self.nodes.get_mut(index.0);
        let of_attempt = |node: &&mut Node| node.phase == NodePhase::Leaving && node.attempts == attempt;
        let Some(node) = node.filter(|node| node.within && of_attempt(node)) else {
            return Err(misfit(
                "parts_refused",
                format!("`{id}` has no parts that have ended"),
            ));
        };
        node.refused = Some(Box::new(failure.clone()));
        Ok(())
    }

    /// The attempt is over, and with it its parts: what they left is in what it left.
    pub(super) fn forget_parts(&mut self, index: NodeIndex) {
        let Some(node) = self.nodes.get_mut(index.0) else {
            return;
        };
        node.within = false;
        node.refused = None;
        let split = node.split.take();
        for part in split.into_iter().flat_map(|split| split.nodes) {
            if let Some(part) = self.nodes.get_mut(part.0) {
                part.result = None;
            }
        }
    }

    /// Whether the attempt of a node goes on in its parts, which keep what it has kept and its turn.
    pub(super) fn is_within_itself(&self, index: NodeIndex) -> bool {
        self.nodes.get(index.0).is_some_and(|node| {
            node.goes_on_within() && matches!(node.phase, NodePhase::Inside | NodePhase::Leaving)
        })
    }

    /// Whether a node is part of another, directly or through others.
    pub(in crate::run) fn is_within(&self, index: NodeIndex, outer: NodeIndex) -> bool {
        let mut next = self.around(index);
        // Each is made before what is in it, so this ends.
        while let Some(index) = next {
            if index == outer {
                return true;
            }
            next = self.around(index);
        }
        false
    }

    /// The node that a node is a part of, or whose workflow it is in.
    pub(super) fn around(&self, index: NodeIndex) -> Option<NodeIndex> {
        let node = self.nodes.get(index.0)?;
        node.whole.or_else(|| self.scopes.get(node.scope.0)?.parent)
    }
}
