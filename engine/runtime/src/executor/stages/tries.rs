//! How often one call is made, and how long is waited in between.
//!
//! Pure: what happened goes in, the wait comes out.

use std::time::Duration;

use smallcode_core::plan::CALL_TRIES;

use crate::model::{CallError, Ready, RetryPolicy};

/// The tries of one call.
pub(super) struct Tries {
    policy: RetryPolicy,
    /// How many were made.
    made: u32,
    /// How many other servers of the pool were asked at once, where a single one would have been waited for.
    moved: u32,
}

impl Tries {
    /// Those of a call; the same seed gives the same waits.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            policy: RetryPolicy {
                tries: CALL_TRIES,
                seed,
                ..RetryPolicy::default()
            },
            made: 0,
            moved: 0,
        }
    }

    /// Begins the next.
    pub(super) fn begin(&mut self) {
        self.made += 1;
    }

    /// The one that has begun was made before a crash: whatever came of it, one more is made.
    pub(super) fn was_made(&mut self) {
        self.made = self.made.min(CALL_TRIES - 1);
    }

    /// Whether another may be made.
    pub(super) fn are_left(&self) -> bool {
        self.made < CALL_TRIES
    }

    /// The longest that a server is waited for.
    pub(super) fn longest_wait(&self) -> Duration {
        self.policy.longest_wait
    }

    /// How long is waited after a failure; nothing where there is no other try, or none would help.
    pub(super) fn wait(&self, error: &CallError) -> Option<Duration> {
        self.policy.wait_after(self.made, error)
    }

    /// The same where the server now rests, of a pool that has so many `others` and can be asked then.
    pub(super) fn wait_for_pool(
        &mut self,
        error: &CallError,
        ready: &Ready,
        others: u32,
    ) -> Option<Duration> {
        match ready {
            // Another server need not wait for this one. What this one refused before it did any work is no try: else
            // a pool has used up all of them before it waits.
            Ready::Now if error.is_before_work() && self.moved < others => {
                self.moved += 1;
                self.made = self.made.saturating_sub(1);
                Some(Duration::ZERO)
            }
            Ready::Now => self.are_left().then_some(Duration::ZERO),
            Ready::In(first, _) => {
                self.moved = 0;
                (self.are_left() && *first <= self.longest_wait()).then_some(*first)
            }
            Ready::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> CallError {
        CallError::RateLimited {
            host: String::new(),
            retry_after: Some(Duration::from_secs(2)),
            excerpt: String::new(),
        }
    }

    fn cut() -> CallError {
        CallError::CutStream { host: String::new() }
    }

    fn rests(seconds: u64) -> Ready {
        Ready::In(Duration::from_secs(seconds), String::new())
    }

    /// The waits after failures of servers that are ready like that each time, to the last try.
    fn waits(error: &CallError, others: u32, ready: &[Ready]) -> Vec<Option<u64>> {
        let mut tries = Tries::new(1);
        let mut waits = Vec::new();
        for ready in ready {
            tries.begin();
            let wait = tries.wait_for_pool(error, ready, others);
            waits.push(wait.map(|wait| wait.as_secs()));
        }
        waits
    }

    #[test]
    fn a_pool_is_asked_as_often_as_a_single_server() {
        let round = [Ready::Now, Ready::Now, rests(2)];
        let rounds: Vec<Ready> = round.iter().cycle().take(9).cloned().collect();
        let moved = Some(0);
        assert_eq!(
            waits(&busy(), 2, &rounds),
            [moved, moved, Some(2), moved, moved, Some(2), moved, moved, None]
        );
    }

    #[test]
    fn other_servers_are_no_end_of_tries() {
        // One that comes back at once, and refuses again.
        let ready = vec![Ready::Now; 6];
        let moved = Some(0);
        assert_eq!(waits(&busy(), 1, &ready)[..4], [moved, moved, moved, None]);
        // Those may have worked for each.
        assert_eq!(waits(&cut(), 9, &ready)[..3], [moved, moved, None]);
    }

    #[test]
    fn what_is_too_far_away_or_never_comes_is_not_waited_for() {
        assert_eq!(waits(&busy(), 1, &[rests(60)]), [Some(60)]);
        assert_eq!(waits(&busy(), 1, &[rests(61)]), [None]);
        assert_eq!(waits(&busy(), 1, &[Ready::Never]), [None]);
    }

    #[test]
    fn a_call_of_before_a_crash_leaves_one() {
        let mut tries = Tries::new(1);
        for _ in 0..5 {
            tries.begin();
            tries.was_made();
        }
        assert!(tries.are_left());
        tries.begin();
        assert!(!tries.are_left() && tries.wait(&cut()).is_none());
    }
}
