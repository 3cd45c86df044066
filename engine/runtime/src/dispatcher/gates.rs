//! Gates: what a human in front of the terminal is asked.

use std::collections::HashMap;

use smallcode_core::run::{Event, NodeId, NodeIndex, NodePhase, Stored, Timestamp};

use super::commit::Effect;
use super::{Dispatcher, Question};

/// What earlier sessions asked, by gate.
pub(super) type Asked = HashMap<NodeId, (String, Option<Stored>)>;

impl Dispatcher {
    /// Takes over what was asked in the past of the run.
    pub(crate) fn remember(&mut self, past: Vec<(Timestamp, Event)>) {
        for (_, event) in past {
            if let Event::ApprovalAsked { node, message, diff } = event {
                self.asked.insert(node, (message, diff));
            }
        }
    }

    pub(super) fn question(&mut self, node: NodeId, message: String, diff: Option<&Stored>) {
        if self.questions.is_some() {
            let diff = diff.and_then(|diff| self.shared.host.json(diff).ok());
            let diff = diff.and_then(|diff| diff.as_str().map(str::to_owned));
            self.effects.push(Effect::Ask(Question { node, message, diff }));
        }
    }

    pub(super) fn ask_again(&mut self) {
        let asked: Vec<NodeIndex> = self
            .state
            .nodes()
            .iter()
            .enumerate()
            .filter(|(_, node)| node.phase == NodePhase::Asked)
            .map(|(index, _)| NodeIndex(index))
            .collect();
        for node in asked {
            let Some(id) = self.state.node(node).map(|node| node.id.clone()) else {
                continue;
            };
            // As it was asked then: the files that a diff was made of may have changed.
            if let Some((message, diff)) = self.asked.remove(&id) {
                self.question(id, message, diff.as_ref());
            }
        }
        self.asked.clear();
    }
}
