//! What the simulator knows by itself, and checks every event by.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Sim;
use crate::glob::overlap;
use crate::run::{Event, Node, NodeId, NodeIndex, ScopeIndex};

/// What the simulator knows by itself.
#[derive(Clone, Default)]
pub(super) struct Books {
    /// Attempts that hold a slot.
    pub(super) slots: HashSet<NodeIndex>,
    /// Attempts under way, by task.
    pub(super) of_task: HashMap<(ScopeIndex, usize), HashSet<NodeIndex>>,
    /// Attempts that have ended.
    pub(super) finished: HashSet<(NodeId, u32)>,
    /// What attempts that have their turn may write.
    pub(super) writing: BTreeMap<NodeIndex, Vec<String>>,
    /// The same of those that wait for it.
    asked: HashMap<NodeIndex, Vec<String>>,
    /// The most that wrote at the same time.
    most_writing: usize,
    /// The most that held a slot at the same time.
    most_slots: usize,
}

/// What a node is one of: its task, or the work that it is a part of.
pub(super) fn place(node: &Node) -> (ScopeIndex, usize) {
    let part = |whole: NodeIndex| (ScopeIndex(usize::MAX), whole.0);
    node.whole.map_or((node.scope, node.task), part)
}

impl Sim {
    pub(super) fn check_before(&mut self, event: &Event) {
        match event {
            Event::NodesClaimed { nodes } => {
                let most = self.world.claims.unwrap();
                assert!(nodes.len() <= most, "{} nodes are claimed at once", nodes.len());
                for node in nodes {
                    assert!(!self.state.is_claimed(node), "{node} is claimed already");
                }
            }
            Event::AttemptStarted { node, attempt } => {
                let index = self.state.node_named(node.as_str()).unwrap();
                let entry = self.state.node(index).unwrap();
                let info = self.state.info(index).unwrap();
                for need in &info.needs {
                    assert!(
                        self.state.task_outcome(entry.scope, *need).is_some(),
                        "{node} starts before its needs have ended"
                    );
                }
                let again = self.books.finished.contains(&(node.clone(), *attempt));
                assert!(!again, "{node} has finished attempt {attempt} already");
                let of_task = self.books.of_task.entry(place(entry)).or_default();
                assert!(of_task.insert(index), "{node} runs already");
                if let Some(max) = info.max_parallel.filter(|_| entry.whole.is_none()) {
                    assert!(
                        u64::try_from(of_task.len()).unwrap() <= max,
                        "{node} is one too many of its task"
                    );
                }
                if self.state.takes_slot(index) {
                    self.books.slots.insert(index);
                    self.books.most_slots = self.books.most_slots.max(self.books.slots.len());
                    assert!(self.books.slots.len() <= self.jobs, "{node} is one too many");
                }
            }
            Event::WritesAsked { node, writes, .. } => {
                let index = self.state.node_named(node.as_str()).unwrap();
                self.books.asked.insert(index, writes.clone());
            }
            Event::WritesKept { node, .. } => {
                let index = self.state.node_named(node.as_str()).unwrap();
                let writes = self.books.asked.remove(&index).unwrap();
                for (other, theirs) in &self.books.writing {
                    if self.state.is_within(index, *other) {
                        continue;
                    }
                    let met = writes
                        .iter()
                        .find(|own| theirs.iter().any(|other| overlap(own, other)));
                    assert_eq!(met, None, "{node} and node {} write it", other.0);
                }
                self.books.writing.insert(index, writes);
                self.books.most_writing = self.books.most_writing.max(self.books.writing.len());
            }
            Event::AttemptFinished { node, attempt, .. } => {
                let index = self.state.node_named(node.as_str()).unwrap();
                let entry = self.state.node(index).unwrap();
                let task = place(entry);
                self.books.slots.remove(&index);
                self.books.asked.remove(&index);
                self.books.writing.remove(&index);
                let ran = self.books.of_task.entry(task).or_default().remove(&index);
                assert!(ran, "{node} did not run");
                let first = self.books.finished.insert((node.clone(), *attempt));
                assert!(first, "{node} finishes attempt {attempt} twice");
            }
            _ => {}
        }
    }

    pub(super) fn check_after(&self, event: &Event) {
        assert_eq!(self.state.running(), self.books.slots.len(), "after {event:?}");
    }

    /// The most attempts that had their turn to write at the same time.
    pub(in crate::run::tests) fn most_writing(&self) -> usize {
        self.books.most_writing
    }

    /// The most attempts that held a slot at the same time.
    pub(in crate::run::tests) fn most_slots(&self) -> usize {
        self.books.most_slots
    }
}
