//! Which of several calls is meant that the same text may say.
//!
//! Each is aligned to the tool that it names. The one that took the least wins; where two of different meaning took as
//! little, neither is made: something would be done that may not have been meant.

use super::Gate;
use crate::align::{self, DIAGNOSTIC, STRANGER};
use crate::frame::{self, Claim, RawCall};
use crate::tape::Value;
use crate::tools::Resolved;
use crate::tree::{Kind, Span};
use crate::{DiagnosticKind, Dialect, Repair, RepairKind, RunnerUp};

/// A call with what it takes to make it.
struct Scored {
    raw: RawCall,
    cost: u32,
    /// The tool that would be called.
    name: String,
    arguments: Value,
}

impl Gate<'_, '_> {
    /// The best of a call and its rivals; nothing where that is no one's.
    pub(super) fn best(&mut self, mut raw: RawCall) -> Option<RawCall> {
        let mut rivals = std::mem::take(&mut raw.rivals);
        rivals.extend(self.inner(&raw));
        if rivals.is_empty() {
            return Some(raw);
        }
        let span = raw.span;
        rivals.insert(0, raw);
        let mut scored: Vec<_> = rivals.into_iter().map(|raw| self.score(raw)).collect();
        scored.sort_by_key(|scored| scored.cost);
        let mut scored = scored.into_iter();
        let best = scored.next()?;
        let mut others: Vec<Scored> = Vec::new();
        for other in scored {
            if !other.means(&best) && others.iter().all(|known| !known.means(&other)) {
                others.push(other);
            }
        }
        // What does not fit at all is no reading that could be meant as well.
        let tie = others
            .iter()
            .find(|other| other.cost == best.cost && best.cost < DIAGNOSTIC)
            .map(|other| other.raw.name.clone());
        if tie.is_some() {
            self.runner_up(&best, span);
        }
        for other in others {
            self.runner_up(&other, span);
        }
        let Some(other) = tie else {
            let mut raw = best.raw;
            if raw.cost > 0 {
                self.reading.repairs.push(Repair {
                    kind: RepairKind::Nesting,
                    span,
                });
            }
            raw.span = span;
            return Some(raw);
        };
        let message = if other == best.raw.name {
            format!("`{other}` is given two sets of arguments that fit equally well; give one")
        } else {
            format!(
                "`{}` and `{other}` may both be meant here; call one of them",
                best.raw.name
            )
        };
        self.diagnostic(DiagnosticKind::Ambiguous, span, message);
        None
    }

    /// The call that stands where the arguments of another one should: `<function=f>{"name": "f", "arguments": {…}}`.
    fn inner(&mut self, raw: &RawCall) -> Option<RawCall> {
        let outside = matches!(
            raw.dialect,
            Dialect::NameThenJson | Dialect::React | Dialect::Xml | Dialect::Json | Dialect::Native
        );
        let node = raw
            .arguments
            .filter(|node| outside && raw.positional.is_empty() && self.tree.kind(*node) == Kind::Object)?;
        // Nothing but a name and arguments, and perhaps an id.
        if !(2..=4).contains(&self.tree.count(node)) {
            return None;
        }
        let mut calls = frame::calls_of(&mut self.tree, node, self.tools, Claim::Form, raw.dialect);
        let one = calls
            .pop()
            .filter(|call| calls.is_empty() && call.claim == Claim::Shape)?;
        let (Resolved::Exact(meant) | Resolved::Near(meant)) = self.tools.resolve(&one.name) else {
            return None;
        };
        // The server's own word for what is called stands: what a file is to hold may well look like a call.
        let told = match self.tools.resolve(&raw.name) {
            Resolved::Exact(tool) if raw.dialect == Dialect::Native => Some(tool),
            _ => None,
        };
        let same = told.is_none_or(|told| told.name == meant.name);
        same.then(|| RawCall {
            claim: raw.claim,
            id: raw.id.clone(),
            cost: RepairKind::Nesting.cost(),
            ..one
        })
    }

    fn score(&mut self, raw: RawCall) -> Scored {
        let (tool, cost) = match self.tools.resolve(&raw.name) {
            Resolved::Exact(tool) => (Some(tool), 0),
            Resolved::Near(tool) => (Some(tool), RepairKind::ToolName.cost()),
            Resolved::Anything => (None, 0),
            Resolved::Ambiguous(_) | Resolved::Unknown => (None, DIAGNOSTIC),
        };
        let unreadable = if raw.unreadable { DIAGNOSTIC } else { 0 };
        let node = raw.arguments.unwrap_or_else(|| {
            self.tree
                .push(Kind::Object, Span::new(raw.span.end, raw.span.end))
        });
        let aligned = align::arguments(&self.tree, node, tool);
        // A tool that says nothing of its parameters takes them all, and fits less than one that names them.
        let named = tool.and_then(|tool| tool.parameters.members());
        let unnamed = aligned
            .value
            .view()
            .members()
            .filter(|(key, _)| !named.is_some_and(|members| members.by_name.contains_key(*key)))
            .count();
        let name = tool.map_or(raw.name.as_str(), |tool| tool.name.as_str());
        Scored {
            name: name.to_owned(),
            arguments: aligned.value,
            cost: [
                raw.cost,
                cost,
                unreadable,
                aligned.cost,
                u32::try_from(unnamed)
                    .unwrap_or(u32::MAX)
                    .saturating_mul(STRANGER),
            ]
            .into_iter()
            .fold(0, u32::saturating_add),
            raw,
        }
    }

    fn runner_up(&mut self, other: &Scored, span: Span) {
        if self.reading.runners_up.len() < super::RUNNERS_UP {
            self.reading.runners_up.push(RunnerUp {
                value: super::named(&other.name, |out| out.value(other.arguments.view())),
                span,
                cost: other.cost,
            });
        }
    }
}

impl Scored {
    /// Whether the same would be done.
    fn means(&self, other: &Self) -> bool {
        self.name == other.name && self.arguments == other.arguments
    }
}
