//! A run as text: what happened, how it ended, and everything that can be seen of its state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Sim;
use crate::run::{Decision, Event, NodeId, NodePhase, Outcome, ScopeIndex, State, Status, Timestamp};

impl Sim {
    /// How every node and every task ended.
    pub(in crate::run::tests) fn finals(&self) -> BTreeMap<String, Option<Status>> {
        let mut found = BTreeMap::new();
        for node in self.state.nodes() {
            let status = match node.phase {
                NodePhase::Ended(status) => Some(status),
                _ => None,
            };
            found.insert(node.id.to_string(), status);
        }
        let mut scope = ScopeIndex(0);
        while let Some(state) = self.state.scope(scope) {
            for task in 0..self.state.program().modules[state.module.0].len() {
                let id = self.state.task_id(scope, task).unwrap();
                let status = self.state.task_outcome(scope, task).map(|outcome| outcome.status);
                let name = if found.contains_key(id.as_str()) {
                    continue;
                } else {
                    id.to_string()
                };
                found.insert(name, status);
            }
            scope = ScopeIndex(scope.0 + 1);
        }
        found
    }

    /// How every node and every task ended, as a table.
    pub(in crate::run::tests) fn statuses(&self) -> String {
        let mut text = String::new();
        for (id, status) in self.finals() {
            writeln!(text, "{id}: {}", status.map_or("open", Status::as_str)).unwrap();
        }
        text
    }

    /// The journal, a line an event.
    pub(in crate::run::tests) fn story(&self) -> String {
        let mut text = String::new();
        for (at, event) in &self.journal {
            writeln!(text, "{} {}", at.0, line(event)).unwrap();
        }
        text
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::RunStarted { .. } => "run".to_owned(),
        Event::RunResumed { confirmed, .. } => {
            format!("resume{}", if *confirmed { " confirmed" } else { "" })
        }
        Event::NodesClaimed { nodes } => {
            let names: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
            format!("claim {}", names.join(" "))
        }
        Event::TaskExpanded { task, count, .. } => format!("{task}: {count} items"),
        Event::ConditionChecked { node, holds } => format!("{node}: if {holds}"),
        Event::NodeRefused { node, failure } => format!("{node}: refused, {:?}", failure.class),
        Event::TaskSkipped { task, because } => format!("{task}: skipped, {because}"),
        Event::NodeCancelled { node, because } => format!("{node}: cancelled, {because}"),
        Event::AttemptStarted { node, attempt } => format!("{node}: attempt {attempt}"),
        Event::WritesAsked { node, writes, .. } => format!("{node}: wants {}", writes.join(" ")),
        Event::WritesKept { node, .. } => format!("{node}: kept"),
        Event::ScopeEntered { node, .. } => format!("{node}: entered"),
        Event::NodeSplit { node, by, parts, .. } => {
            format!("{node}: by {}, {} parts", by.as_str(), parts.len())
        }
        Event::PlanAccepted { node, tasks, .. } => format!("{node}: plans {}", tasks.join(" ")),
        Event::PartsRefused { node, failure, .. } => format!("{node}: parts refused, {:?}", failure.class),
        Event::CallStarted { node, call, .. } => format!("{node}: call {call}"),
        Event::CallFinished { node, call, .. } => format!("{node}: call {call} ends"),
        Event::ReplyRead { node, call, .. } => format!("{node}: call {call} read"),
        Event::ToolStarted { node, does, .. } => format!("{node}: runs {does}"),
        Event::ToolFinished { node, does, .. } => format!("{node}: ran {does}"),
        Event::AttemptFinished {
            node,
            outcome,
            decision,
            ..
        } => {
            let how = match outcome {
                Outcome::Success(_) => "success".to_owned(),
                Outcome::Failure(failure) => format!("{:?}", failure.class),
            };
            match decision {
                Decision::Retry { at, .. } => format!("{node}: {how}, again at {}", at.0),
                Decision::Escalate { at } => format!("{node}: {how}, escalated at {}", at.0),
                Decision::Split { .. } => format!("{node}: {how}, split"),
                _ => format!("{node}: {how}"),
            }
        }
        Event::ApprovalAsked { node, .. } => format!("{node}: asked"),
        Event::ApprovalAnswered { node, approved, .. } => format!("{node}: answered {approved}"),
        Event::CapReached { cap } => format!("cap: {cap}"),
        Event::Interrupted { stage } => format!("interrupted {stage}"),
        Event::RunFinished { status, message, .. } if message.is_empty() => format!("{status:?}"),
        Event::RunFinished { status, message, .. } => format!("{status:?}: {message}"),
    }
}

/// Everything that can be seen of a state. A timer that has run out may or may not have been noticed.
pub(super) fn observe(state: &State, now: Timestamp) -> String {
    let mut text = String::new();
    for node in state.nodes() {
        let phase = match node.phase {
            NodePhase::Waiting(at) if at <= now => NodePhase::Ready,
            phase => phase,
        };
        writeln!(
            text,
            "{} {phase:?} {:?} {} {} {:?} {:?} {} {:?} {:?} {:?}",
            node.id,
            node.split,
            state.is_claimed(&node.id),
            node.attempts,
            node.stopped,
            node.answer,
            node.calls.len(),
            node.inside,
            node.result.is_some(),
            node.failure
        )
        .unwrap();
    }
    let mut scope = ScopeIndex(0);
    while state.scope(scope).is_some() {
        let mut task = 0;
        while let Some(id) = state.task_id(scope, task) {
            let status = state.task_outcome(scope, task).map(|outcome| outcome.status);
            let needs = state.needs_status(scope, task);
            writeln!(text, "{id} {status:?} {needs:?} {:?}", state.items(scope, task)).unwrap();
            task += 1;
        }
        writeln!(text, "{:?}", state.scope_status(scope)).unwrap();
        scope = ScopeIndex(scope.0 + 1);
    }
    writeln!(
        text,
        "{:?} {:?} {} {:?} {:?} {}",
        state.kept().collect::<Vec<_>>(),
        state.spend(),
        state.running(),
        state.finished(),
        state.wall_deadline(),
        state.waiting_for_human().count()
    )
    .unwrap();
    text
}
