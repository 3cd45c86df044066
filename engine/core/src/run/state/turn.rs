//! Taking turns: attempts whose writes overlap run one at a time, in the order in which they asked.
//!
//! An attempt asks once, for everything that it may write, and keeps its turn until it ends. So none waits for one
//! that waits for it, and each has only those before it to wait for.

use std::collections::HashSet;

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
    /// What attempts have kept that did not end, the last that was kept first.
    pub fn kept(&self) -> impl Iterator<Item = (&NodeId, &str)> {
        self.kept_by(|_| true)
    }

    /// What is to be put back when a session is gone: what attempts had kept that went with it. Where an attempt goes
    /// on in its parts, what those have done stays.
    pub fn in_flight(&self) -> impl Iterator<Item = (&NodeId, &str)> {
        self.kept_by(|index| !self.is_within_itself(index))
    }

    /// What one node has kept, in the order in which it was kept.
    pub fn kept_of(&self, node: NodeIndex) -> Vec<&str> {
        let of_node = self.kept.iter().filter(|(index, _)| *index == node);
        of_node.map(|(_, kept)| kept.as_str()).collect()
    }

    fn kept_by(&self, which: impl Fn(NodeIndex) -> bool) -> impl Iterator<Item = (&NodeId, &str)> {
        let kept = self.kept.iter().rev().filter(move |(index, _)| which(*index));
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
        let turn = Turn {
            node,
            writes: writes.iter().map(|write| Shape::new(write)).collect(),
            held: false,
        };
        let place = self.place_of_turn(node);
        self.turns.insert(place, turn);
        self.give_turns(place);
        Ok(())
    }

    /// The last place, but for what is part of an attempt that has its turn: that goes before those which wait for the
    /// whole of it.
    fn place_of_turn(&self, node: NodeIndex) -> usize {
        if self.around(node).is_none() {
            return self.turns.len();
        }
        let whole = self
            .turns
            .iter()
            .rposition(|turn| self.is_within(node, turn.node));
        let Some(whole) = whole else {
            return self.turns.len();
        };
        let outer = self.turns.get(whole).map_or(node, |turn| turn.node);
        let behind = self.turns.get(whole + 1..).unwrap_or_default();
        let parts = behind.iter().take_while(|turn| self.is_within(turn.node, outer));
        whole + 1 + parts.count()
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

    /// No attempt is under way any more, but for those that go on in their parts. `all_known`: nothing has happened that
    /// the journal does not tell of.
    pub(super) fn forget_turns(&mut self, all_known: bool) {
        if all_known {
            let kept: HashSet<NodeIndex> = self.kept.iter().map(|(node, _)| *node).collect();
            let nodes = self.turns.iter().map(|turn| turn.node);
            let untouched = nodes.filter(|node| !kept.contains(node) && !self.has_open_tool(*node));
            let untouched: Vec<_> = untouched.collect();
            self.untouched.extend(untouched);
        }
        let mut turns = std::mem::take(&mut self.turns);
        turns.retain(|turn| self.is_within_itself(turn.node));
        self.turns = turns;
        let mut kept = std::mem::take(&mut self.kept);
        kept.retain(|(node, _)| self.is_within_itself(*node));
        self.kept = kept;
    }

    /// Gives their turn to those from a place on that overlap with none before them.
    fn give_turns(&mut self, from: usize) {
        for place in from..self.turns.len() {
            let (before, rest) = self.turns.split_at(place);
            // What an attempt may write, its parts may.
            let blocks =
                |other: &Turn, turn: &Turn| other.overlaps(turn) && !self.is_within(turn.node, other.node);
            let free = |turn: &&Turn| !turn.held && !before.iter().any(|other| blocks(other, turn));
            let Some(node) = rest.first().filter(free).map(|turn| turn.node) else {
                continue;
            };
            if let Some(turn) = self.turns.get_mut(place) {
                turn.held = true;
            }
            self.todo.push_back(Todo::Turn(node));
        }
    }
}
