//! Gates: what a human in front of the terminal is asked.

use smallcode_core::run::{NodeId, NodeIndex, NodePhase, Stored};

use super::commit::Effect;
use super::{Dispatcher, Question};

impl Dispatcher {
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
            // The question is evaluated anew from the same values: the journal keeps it for readers only.
            if let Some(job) = self.job(node, 1)
                && let Some(message) = self.names.question(&job)
            {
                self.question(job.id, message, None);
            }
        }
    }
}
