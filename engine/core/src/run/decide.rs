//! What follows a failed attempt: a pure function of the task's policy and what happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, FailureClass, NodeId, Timestamp};
use crate::spec::Retry;

/// The longest delay before an extra attempt, in milliseconds: five minutes, so that doubling stays useful.
const MAX_BACKOFF: u64 = 5 * 60 * 1000;

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing: it succeeded.
    Done,
    /// Another attempt, not before this time.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// Nothing: the node has failed.
    Fail,
}

/// Decides after a failed attempt (1 is the first).
pub fn decide(
    retry: Retry,
    attempt: u32,
    failure: &Failure,
    now: Timestamp,
    seed: u64,
    node: &NodeId,
) -> Decision {
    if attempt > retry.max || !another_attempt_can_help(failure.class) {
        return Decision::Fail;
    }
    Decision::Retry {
        at: now.after(delay(retry, attempt, seed, node)),
    }
}

/// Whether doing the same again may end otherwise. What the workflow or its values determine ends the same.
fn another_attempt_can_help(class: FailureClass) -> bool {
    match class {
        FailureClass::Transport
        | FailureClass::Truncated
        | FailureClass::Empty
        | FailureClass::Unparseable
        | FailureClass::SchemaMismatch
        | FailureClass::VerifyFailed
        | FailureClass::CommandFailed
        | FailureClass::TimedOut
        | FailureClass::Io
        | FailureClass::UsedWorkflowFailed
        | FailureClass::NoModel
        | FailureClass::Lost
        | FailureClass::Internal => true,
        FailureClass::Denied
        | FailureClass::OverBudget
        | FailureClass::TooLarge
        | FailureClass::Expression
        | FailureClass::Rejected
        | FailureClass::Cancelled => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn decide_for(class: FailureClass, attempt: u32, retry: Retry) -> Decision {
        let failure = Failure::new(class, "x");
        decide(retry, attempt, &failure, Timestamp(1000), 7, &NodeId::new("a"))
    }

    #[test]
    fn the_ladder_over_all_classes() {
        use FailureClass as C;
        let retry = Retry {
            max: 2,
            backoff: Duration::from_millis(100),
            jitter: false,
        };
        for class in [
            C::Transport,
            C::Truncated,
            C::Empty,
            C::Unparseable,
            C::SchemaMismatch,
            C::VerifyFailed,
            C::CommandFailed,
            C::TimedOut,
            C::Io,
            C::UsedWorkflowFailed,
            C::NoModel,
            C::Lost,
            C::Internal,
        ] {
            assert_eq!(
                decide_for(class, 1, retry),
                Decision::Retry { at: Timestamp(1100) },
                "{class:?}"
            );
            assert_eq!(
                decide_for(class, 2, retry),
                Decision::Retry { at: Timestamp(1200) },
                "{class:?}"
            );
            assert_eq!(decide_for(class, 3, retry), Decision::Fail, "{class:?}");
        }
        for class in [
            C::Denied,
            C::OverBudget,
            C::TooLarge,
            C::Expression,
            C::Rejected,
            C::Cancelled,
        ] {
            assert_eq!(decide_for(class, 1, retry), Decision::Fail, "{class:?}");
        }
    }

    #[test]
    fn jitter_keeps_at_least_half_and_never_adds() {
        for attempt in 1..=60 {
            let retry = Retry {
                max: 100,
                backoff: Duration::from_secs(1),
                jitter: true,
            };
            let full = 1000_u64
                .saturating_mul(1 << (attempt - 1).min(30))
                .min(MAX_BACKOFF);
            let delay = delay(retry, attempt, 3, &NodeId::new("n"));
            assert!((full / 2..=full).contains(&delay), "{attempt}: {delay}");
        }
    }
}
