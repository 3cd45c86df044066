//! What follows a failed attempt: a pure function of the task's policy and of what its attempts came to.

mod history;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, FailureClass, NodeId, Timestamp, split};
use crate::spec::{Retry, SplitBy};

pub use history::Symptom;

/// The longest delay before an extra attempt, in milliseconds: five minutes, so that doubling stays useful.
const MAX_BACKOFF: u64 = 5 * 60 * 1000;

/// The temperature after the first wrong answer, the second, and so on: what the model holds most likely once it knows
/// what was wrong, then more and more of what it would not have tried.
const TEMPERATURES: [f64; 4] = [0.0, 0.4, 0.7, 1.0];

/// The same after an answer that went round in circles, which is what low temperatures lead to.
const TEMPERATURES_OUT_OF_A_LOOP: [f64; 2] = [0.7, 1.0];

/// How often a failure may have come before it comes again and the node is stalled: as the model was asked first, and
/// when it was told and asked at its most certain. Then a higher temperature has not changed it either.
///
/// What repeats itself is a model that gives the same answer to the same failure. One that answers something else may
/// still come upon what is right, even where all that it is told is `no`: it uses up its attempts, unless its task has
/// another rung to go to. Of workflows of ten tasks, a model that is right in seven of ten attempts finishes 99.5 % so.
/// It would be 98.4 % if any three failures alike were given up, 94.5 % if the second same answer were, and 87.5 % if
/// the second failure alike were (`tests/benchmarks/ladder.rs`, 1,000 runs each).
const ALIKE: usize = 2;

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing: it succeeded.
    Done,
    /// Another attempt, not before this time.
    Retry {
        /// When.
        at: Timestamp,
        /// How it asks its model.
        #[serde(default, skip_serializing_if = "Manner::is_as_configured")]
        manner: Manner,
    },
    /// Another attempt, by a stronger model: the last that there is. It asks as its own profile says.
    Escalate {
        /// When.
        at: Timestamp,
    },
    /// The work is cut into smaller nodes.
    Split {
        /// In which way.
        by: SplitBy,
    },
    /// Nothing: the node has failed.
    Fail,
    /// Nothing: the node has failed. Attempts were left, but two retries did not change what the model answers, nor would
    /// a third.
    Stalled,
}

impl Decision {
    /// When another attempt follows, and how it asks its model.
    pub fn next_attempt(self) -> Option<(Timestamp, Manner)> {
        match self {
            Self::Retry { at, manner } => Some((at, manner)),
            Self::Escalate { at } => {
                let manner = Manner {
                    escalated: true,
                    ..Manner::default()
                };
                Some((at, manner))
            }
            Self::Split { .. } | Self::Done | Self::Fail | Self::Stalled => None,
        }
    }
}

/// How an attempt asks its model, where that is not as the profile says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manner {
    /// The sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// How many tokens the answer may have, where the window has so much room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<u64>,
    /// Whether it asks the profile that the task escalates to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escalated: bool,
}

impl Manner {
    /// Whether it asks as the profile says.
    pub fn is_as_configured(&self) -> bool {
        *self == Self::default()
    }
}

/// What a task wants to happen after a failure.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Extra attempts, and the time between them.
    pub retry: Retry,
    /// How the work may be cut, if it may be.
    pub split: Option<SplitBy>,
    /// Whether a model makes the attempts: it is told what was wrong and asked in another way. What a command does
    /// again, it does to a world that may have changed; a model that fails alike, however it is asked, is stuck.
    pub asks_model: bool,
    /// Whether a stronger model may try when nothing else helps.
    pub escalate: bool,
}

/// What came of a node so far.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The attempt that failed: 1 is the first.
    pub attempt: u32,
    /// How.
    pub failure: &'a Failure,
    /// How those before it failed.
    pub earlier: &'a [Symptom],
    /// How it asked its model.
    pub manner: Manner,
    /// How often the work of the task was cut to come to this node.
    pub depth: usize,
    /// Whether that of this node was: what its parts could not do together, they can't when they are tried again.
    pub was_split: bool,
}

/// Decides after a failed attempt: the first rung of the ladder that may help. Chance comes from the run's seed and the
/// node.
pub fn decide(policy: Policy, past: Past<'_>, now: Timestamp, seed: u64, node: &NodeId) -> Decision {
    // What a stronger model does not do when it is told what was wrong, it is not paid for again.
    if past.manner.escalated {
        return Decision::Fail;
    }
    // What its parts could not do together, they can't when they are tried again.
    let decision = if past.was_split {
        Decision::Fail
    } else {
        retry(policy, past, now, seed, node)
    };
    if !matches!(decision, Decision::Fail | Decision::Stalled) {
        return decision;
    }
    next_rung(policy, past, now).unwrap_or(decision)
}

/// What may help where the same model at the same work does not.
fn next_rung(policy: Policy, past: Past<'_>, now: Timestamp) -> Option<Decision> {
    if let Some(by) = cut(policy, past) {
        return Some(Decision::Split { by });
    }
    (policy.escalate && past.failure.class.is_a_matter_of_skill()).then_some(Decision::Escalate { at: now })
}

/// How the work is cut, where that may help.
fn cut(policy: Policy, past: Past<'_>) -> Option<SplitBy> {
    let work = past.failure.work.as_deref().filter(|_| !past.was_split)?;
    let cut = split::split(policy.split?, past.failure.class, work, past.depth)?;
    Some(cut.by)
}

/// Whether there is another attempt.
fn retry(policy: Policy, past: Past<'_>, now: Timestamp, seed: u64, node: &NodeId) -> Decision {
    let class = past.failure.class;
    let not_asked_for = policy.retry.only_answers && !class.is_of_the_answer();
    if past.attempt > policy.retry.max || not_asked_for || !another_attempt_can_help(class, policy.asks_model)
    {
        return Decision::Fail;
    }
    let mut manner = past.manner;
    // A server that broke off says nothing about how to ask.
    if policy.asks_model && class.is_of_the_answer() {
        let answers = past
            .earlier
            .iter()
            .filter(|symptom| symptom.class.is_of_the_answer());
        if class == FailureClass::Truncated {
            // The same again is cut again. More room helps once: an answer that outgrows it wants smaller work.
            let Some(room) = past
                .failure
                .room
                .filter(|_| !answers.clone().any(Symptom::is_cut))
            else {
                return Decision::Fail;
            };
            manner.answer = Some(room);
        } else {
            let this = Symptom::of(past.failure);
            let like = past.earlier.iter().filter(|symptom| symptom.is_like(&this));
            let same = like.clone().filter(|symptom| **symptom == this).count();
            if same >= ALIKE || like.count() >= ALIKE && next_rung(policy, past, now).is_some() {
                return Decision::Stalled;
            }
        }
        manner.temperature = Some(temperature(answers.count(), class));
    }
    let delay = delay(policy.retry, past.attempt, seed, node);
    Decision::Retry {
        at: now.after(delay),
        manner,
    }
}

impl FailureClass {
    /// Whether a stronger model, or one with a larger window, may do what failed. A server that is down does not become
    /// a reason to send the work elsewhere.
    pub fn is_a_matter_of_skill(self) -> bool {
        self.is_of_the_answer() || matches!(self, Self::TooLarge | Self::TimedOut)
    }

    /// Whether the answer of a model was wrong: what it can be told, and what asking otherwise may cure.
    pub fn is_of_the_answer(self) -> bool {
        match self {
            Self::Truncated
            | Self::Looping
            | Self::Overthinking
            | Self::Empty
            | Self::Unparseable
            | Self::SchemaMismatch
            | Self::PatchWithoutMatch
            | Self::UnknownTool
            | Self::ToolFailed
            | Self::Unfinished
            | Self::VerifyFailed
            | Self::Denied => true,
            Self::Transport
            | Self::NoModel
            | Self::Refused
            | Self::OverBudget
            | Self::TooLarge
            | Self::CommandFailed
            | Self::TimedOut
            | Self::Expression
            | Self::ToolMissing
            | Self::Io
            | Self::Rejected
            | Self::UsedWorkflowFailed
            | Self::Cancelled
            | Self::Lost
            | Self::Internal => false,
        }
    }
}

/// Whether doing the same again may end otherwise. What the workflow or its values determine ends the same.
fn another_attempt_can_help(class: FailureClass, asks_model: bool) -> bool {
    match class {
        FailureClass::Transport
        | FailureClass::Truncated
        | FailureClass::Looping
        | FailureClass::Overthinking
        | FailureClass::Empty
        | FailureClass::Unparseable
        | FailureClass::SchemaMismatch
        | FailureClass::PatchWithoutMatch
        | FailureClass::UnknownTool
        | FailureClass::ToolFailed
        | FailureClass::Unfinished
        | FailureClass::VerifyFailed
        | FailureClass::CommandFailed
        | FailureClass::TimedOut
        | FailureClass::Io
        | FailureClass::UsedWorkflowFailed
        | FailureClass::NoModel
        | FailureClass::Lost
        | FailureClass::Internal => true,
        // A model may name another path when it is told which it may write; a template has but one.
        FailureClass::Denied => asks_model,
        FailureClass::Refused
        | FailureClass::OverBudget
        | FailureClass::TooLarge
        | FailureClass::Expression
        | FailureClass::ToolMissing
        | FailureClass::Rejected
        | FailureClass::Cancelled => false,
    }
}

/// The temperature after a wrong answer that so many others came before.
fn temperature(before: usize, last: FailureClass) -> f64 {
    let steps: &[f64] = if last == FailureClass::Looping {
        &TEMPERATURES_OUT_OF_A_LOOP
    } else {
        &TEMPERATURES
    };
    steps.get(before).or(steps.last()).copied().unwrap_or_default()
}

/// The delay before the attempt that follows `attempt`, in milliseconds: it doubles, and jitter takes up to half.
fn delay(retry: Retry, attempt: u32, seed: u64, node: &NodeId) -> u64 {
    let base = u64::try_from(retry.backoff.as_millis()).unwrap_or(MAX_BACKOFF);
    let doubled = base.saturating_mul(1 << (attempt - 1).min(30)).min(MAX_BACKOFF);
    if !retry.jitter {
        return doubled;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(node.as_str().as_bytes());
    hasher.update(&attempt.to_le_bytes());
    let byte = u64::from(hasher.finalize().as_bytes().first().copied().unwrap_or(0));
    doubled / 2 + (doubled / 2) * byte / 255
}
