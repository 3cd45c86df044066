//! Claims: the disk knows of a command before it may start, and one wait for the disk serves many of them. After a
//! loss of power, a claim is all that is known of a command that may have been started.

use std::collections::{HashSet, VecDeque};

use super::State;
use crate::run::node::{NodePhase, TaskPhase};
use crate::run::{NodeId, NodeIndex};

impl State {
    /// Whether the disk knows that a node may start.
    pub fn is_claimed(&self, node: &NodeId) -> bool {
        self.claims.contains(node)
    }

    /// How many nodes are claimed and have not started.
    pub fn claims(&self) -> usize {
        self.claims.len()
    }

    /// Nodes that start next and may not be repeated unasked, so that one claim serves them all: `node` itself
    /// where it is not claimed, those that are ready, then those that wait for these or for what is claimed; at
    /// most so many.
    pub fn claimable(&self, node: NodeIndex, most: usize) -> Vec<NodeId> {
        let ready = self
            .ready
            .iter()
            .map(|(_, _, index)| *index)
            .filter(|index| *index != node);
        let mut found: Vec<NodeId> = Vec::new();
        let mut seen = HashSet::new();
        let mut tasks = VecDeque::new();
        for index in std::iter::once(node).chain(ready) {
            let (Some(node), Some(info)) = (self.nodes.get(index.0), self.info(index)) else {
                continue;
            };
            if info.repeatable {
                continue;
            }
            if !self.claims.contains(&node.id) {
                if found.len() >= most {
                    break;
                }
                // What runs already is only where the search begins.
                if matches!(node.phase, NodePhase::Ready | NodePhase::Waiting(_)) {
                    found.push(node.id.clone());
                }
            }
            tasks.push_back((node.scope, node.task));
        }
        while let Some((scope, task)) = tasks.pop_front() {
            let dependents = self
                .task_info(scope, task)
                .map(|info| info.dependents.as_slice())
                .unwrap_or_default();
            for dependent in dependents {
                let waits = self
                    .task_state(scope, *dependent)
                    .is_some_and(|state| state.phase == TaskPhase::Waiting);
                let plain = self
                    .task_info(scope, *dependent)
                    .is_some_and(|info| !info.repeatable && !info.fans && !info.conditional);
                if !waits || !plain || !seen.insert((scope, *dependent)) {
                    continue;
                }
                let Some(id) = self.task_id(scope, *dependent) else {
                    continue;
                };
                if !self.claims.contains(&id) {
                    if found.len() >= most {
                        return found;
                    }
                    found.push(id);
                }
                tasks.push_back((scope, *dependent));
            }
        }
        found
    }

    /// Whether a node may have been started before the machine lost its power.
    pub(super) fn is_doubtful(&self, index: NodeIndex) -> bool {
        let node = self.nodes.get(index.0);
        node.is_some_and(|node| self.doubtful.contains(&node.id))
    }

    /// What was written survives the death of the process, and not that of the machine: there, what was claimed may
    /// have been started without a trace. Gives whether the machine has not been started since.
    pub(super) fn doubt_claims(&mut self, boot: Option<&String>, confirmed: bool) -> bool {
        let same_boot = boot.is_some() && boot == self.boot.as_ref();
        self.boot = boot.cloned();
        if confirmed {
            self.doubtful.clear();
        } else if !same_boot {
            self.doubtful.extend(self.claims.drain());
        }
        same_boot
    }
}
