//! Calls made again when the transport failed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::call;
use super::error::{CallError, LONGEST_WAIT};
use super::http::Client;
use super::message::{Reply, Request};
use crate::settings::Profile;

/// When a call is made again. Waits double from `first_wait`, each cut by up to half at random, so
/// that callers that failed together don't come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries at most, the first included.
    pub tries: u32,
    /// The longest first wait.
    pub first_wait: Duration,
    /// The longest wait of all: a server whose `Retry-After` is longer is not asked again.
    pub longest_wait: Duration,
    /// Where the random part comes from: the same seed gives the same waits.
    pub seed: u64,
}

impl Default for RetryPolicy {
    /// Three tries: a server that restarts is back within the waits (at most 1 s and 2 s), and more
    /// would hide one that is broken.
    fn default() -> Self {
        Self {
            tries: 3,
            first_wait: Duration::from_secs(1),
            longest_wait: LONGEST_WAIT,
            seed: 0,
        }
    }
}

/// A try that failed and will be made again.
#[derive(Debug)]
pub struct Retry<'a> {
    /// The try that failed, from 1.
    pub attempt: u32,
    /// Why.
    pub error: &'a CallError,
    /// How long until the next.
    pub wait: Duration,
}

impl RetryPolicy {
    /// Returns the wait after a failed try (from 1), or nothing when it was the last or another
    /// would not help.
    pub fn wait_after(&self, attempt: u32, error: &CallError) -> Option<Duration> {
        if attempt >= self.tries || !error.retryable() {
            return None;
        }
        let doubled = self
            .first_wait
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let full = doubled.min(self.longest_wait);
        let part = u32::try_from(mix(self.seed, attempt) % 1_000).unwrap_or(0);
        let jittered = full / 2 + (full / 2 / 1_000).saturating_mul(part);
        let asked = error.retry_after().unwrap_or_default();
        (asked <= self.longest_wait).then_some(jittered.max(asked))
    }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014) of a seed and a number.
fn mix(seed: u64, number: u32) -> u64 {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(number) + 1));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Makes a call, and makes it again as the policy says.
///
/// `on_retry` hears of each failed try before the wait; what `on_text` saw until then is void.
///
/// # Errors
///
/// The error of the last try, or [`CallError::Cancelled`], also while waiting.
pub async fn call_with_retries(
    client: &Client,
    profile: &Profile,
    request: &Request,
    cancel: &CancellationToken,
    on_text: &mut (dyn FnMut(&str) + Send),
    policy: &RetryPolicy,
    on_retry: &mut (dyn FnMut(Retry<'_>) + Send),
) -> Result<Reply, CallError> {
    let mut attempt = 1;
    loop {
        let error = match call(client, profile, request, cancel, on_text).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let Some(wait) = policy.wait_after(attempt, &error) else {
            return Err(error);
        };
        on_retry(Retry {
            attempt,
            error: &error,
            wait,
        });
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(CallError::Cancelled),
            () = tokio::time::sleep(wait) => {}
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_bounds_and_repeat_with_the_seed() {
        let policy = RetryPolicy {
            tries: 100,
            ..RetryPolicy::default()
        };
        let cut = CallError::CutStream { host: String::new() };
        for attempt in 1..99 {
            let full = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(attempt - 1));
            let full = full.min(policy.longest_wait);
            let wait = policy.wait_after(attempt, &cut).unwrap();
            assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
            assert_eq!(policy.wait_after(attempt, &cut), Some(wait));
        }
        let other = RetryPolicy { seed: 1, ..policy };
        assert_ne!(other.wait_after(1, &cut), policy.wait_after(1, &cut));
    }

    #[test]
    fn the_server_is_heard_up_to_a_limit() {
        let policy = RetryPolicy::default();
        assert_eq!(
            policy.wait_after(1, &CallError::limited(7)),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            policy.wait_after(1, &CallError::limited(60)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(policy.wait_after(1, &CallError::limited(61)), None);
        assert_eq!(policy.wait_after(3, &CallError::limited(7)), None);
        assert_eq!(policy.wait_after(1, &CallError::Cancelled), None);
    }
}
