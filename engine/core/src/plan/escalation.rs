//! What a run allows of escalation, and what calls may cost at worst.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CALL_TRIES, ProfileFacts};
use crate::price::Usd;
use crate::run::Caps;
use crate::spec::{Escalate, Task};

/// What a run allows of escalation: without this, nothing. It is part of the plan, so that it is approved with it
/// and holds when the run is taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalation {
    /// The profile for tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The most calls in the run.
    pub calls: u64,
    /// The most that they may cost together, in billionths of a US dollar.
    pub usd: Usd,
}

impl Escalation {
    /// The most that may be spent.
    pub fn caps(&self) -> Caps {
        Caps {
            tokens: None,
            calls: Some(self.calls),
            usd: Some(self.usd),
        }
    }

    /// The profile that a task escalates to in this run, if it does.
    pub fn profile_of<'a>(&'a self, task: &'a Task) -> Option<&'a str> {
        if !wants_escalation(task) {
            return None;
        }
        match task.common.on_failure.escalate.as_ref()? {
            Escalate::No => None,
            Escalate::Default => self.profile.as_deref(),
            Escalate::To(name) => Some(&name.text),
        }
    }
}

/// Whether the workflow lets a stronger model try a task.
pub fn wants_escalation(task: &Task) -> bool {
    let escalate = task.common.on_failure.escalate.as_ref();
    task.kind.name().model_driven() && escalate.is_some_and(|escalate| *escalate != Escalate::No)
}

/// The worst case of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worst {
    pub(super) calls: u64,
    pub(super) tokens: u64,
    pub(super) usd: Usd,
}

impl Worst {
    /// That of so many calls of a profile.
    pub(super) fn of(calls: u64, facts: &ProfileFacts) -> Self {
        let each = facts
            .price
            .map_or(Usd::ZERO, |price| price.worst(facts.window, facts.reserve));
        Self {
            calls,
            tokens: calls.saturating_mul(facts.window),
            usd: each.times(calls),
        }
    }

    /// That of so many calls of escalated attempts, within what the run allows.
    pub(super) fn escalated(calls: u64, facts: &ProfileFacts, escalation: &Escalation) -> Self {
        let calls = calls.saturating_mul(u64::from(CALL_TRIES)).min(escalation.calls);
        let worst = Self::of(calls, facts);
        Self {
            usd: worst.usd.min(escalation.usd),
            ..worst
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            tokens: self.tokens.saturating_add(other.tokens),
            usd: self.usd.plus(other.usd),
        }
    }

    /// At most what the run allows, of the calls of all escalated attempts together.
    pub(super) fn within(self, escalation: Option<&Escalation>) -> Self {
        let Some(escalation) = escalation.filter(|_| self.calls > 0) else {
            return self;
        };
        let calls = self.calls.min(escalation.calls);
        Self {
            calls,
            // The dearest of the calls would be too much: tokens fall with the calls, rounded up.
            tokens: self
                .tokens
                .min(self.tokens.div_ceil(self.calls).saturating_mul(calls)),
            usd: self.usd.min(escalation.usd),
        }
    }
}
