//! Taking turns: attempts whose writes overlap run one at a time, in the order in which they asked.
//!
//! An attempt asks once, for everything that it may write, and keeps its turn until it ends. So none waits for one
//! that waits for it, and each has only those before it to wait for.

use super::{ApplyError, State, Todo, misfit};
use crate::glob::Shape;
use crate::run::{NodeId, NodeIndex};

/// An attempt that may write, or waits for others to have written.
#[derive(Debug)]
pub(super) struct Turn {
    node: NodeIndex,
    writes: Vec<Shape>,
    held: bool,
}

impl Turn {
    fn overlaps(&self, other: &Self) -> bool {
        let mut pairs = self
            .writes
            .iter()
            .flat_map(|own| other.writes.iter().map(move |other| (own, other)));
        pairs.any(|(own, other)| own.meets(other))
    }
}

impl State {
    /// What is to be put back, the last that was kept first: attempts that have kept something and did not end.
    pub fn kept(&self) -> impl Iterator<Item = (&NodeId, &str)> {
        let kept = self.kept.iter().rev();
        kept.filter_map(|(index, kept)| Some((&self.nodes.get(index.0)?.id, kept.as_str())))
    }

    pub(super) fn writes_asked(
        &mut self,
        id: &NodeId,
        attempt: u32,
        writes: &[String],
    ) -> Result<(), ApplyError> {
        let node = self.find_running(id, Some(attempt), "writes_asked")?;
        if self.turns.iter().any(|turn| turn.node == node) {
            return Err(misfit("writes_asked", format!("`{id}` has asked already")));
        }
        self.turns.push(Turn {
            node,
            writes: writes.iter().map(|write| Shape::new(write)).collect(),
            held: false,
        });
        self.give_turns(self.turns.len() - 1);
        Ok(())
    }

    pub(super) fn writes_kept(&mut self, id: &NodeId, attempt: u32, kept: &str) -> Result<(), ApplyError> {
        let node = self.find_running(id, Some(attempt), "writes_kept")?;
        if !self.has_turn(node) {
            return Err(misfit("writes_kept", format!("it is not the turn of `{id}`")));
        }
        self.kept.push((node, kept.to_owned()));
        Ok(())
    }

    pub(super) fn has_turn(&self, node: NodeIndex) -> bool {
        self.turns.iter().any(|turn| turn.node == node && turn.held)
    }

    /// The attempt is over: what it wrote stays, or was put back.
    pub(super) fn end_turn(&mut self, node: NodeIndex) {
        let Some(place) = self.turns.iter().position(|turn| turn.node == node) else {
            return;
        };
        self.kept.retain(|(other, _)| *other != node);
        self.turns.remove(place);
        self.give_turns(place);
    }

    /// No attempt is under way any more.
    pub(super) fn forget_turns(&mut self) {
        self.turns.clear();
        self.kept.clear();
    }

    /// Gives their turn to those from a place on that overlap with none before them.
    fn give_turns(&mut self, from: usize) {
        for place in from..self.turns.len() {
            let (before, rest) = self.turns.split_at_mut(place);
            if let Some(turn) = rest.first_mut()
                && !turn.held
                && !before.iter().any(|other| other.overlaps(turn))
            {
                turn.held = true;
                self.todo.push_back(Todo::Turn(turn.node));
            }
        }
    }
}
