//! How often one call is made, and how long is waited in between.
//!
//! Pure: what happened goes in, the wait comes out.

use std::time::{Duration, Instant};

use smallcode_core::plan::CALL_TRIES;

use crate::model::{CallError, Ready, RetryPolicy};

/// The tries of one call.
pub(super) struct Tries {
    policy: RetryPolicy,
    /// How many were made.
    made: u32,
    /// How many other servers of the pool were asked in its place since the last of them.
    moved: u32,
    /// How long a server may load its model, and since when one is waited for.
    load_time: Duration,
    loading_since: Option<Instant>,
}

/// The longest pause before a server that loads its model is called again, where it tells only calls that it does: each is
/// journaled as one, and some thirty fit the five minutes that are usual.
const LOADING_PAUSE: Duration = Duration::from_secs(10);

impl Tries {
    /// Those of a call, to a server that may load its model for so long; the same seed gives the same waits.
    pub(super) fn new(seed: u64, load_time: Duration) -> Self {
        Self {
            policy: RetryPolicy {
                tries: CALL_TRIES,
                seed,
                ..RetryPolicy::default()
            },
            made: 0,
            moved: 0,
            load_time,
            loading_since: None,
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

    /// How long is waited where the server says that it loads its model: until its time for that is over, which is told
    /// with it. It has done nothing, so this was no try.
    pub(super) fn wait_for_load(&mut self, now: Instant) -> Option<(Duration, Duration)> {
        let loading = now.duration_since(*self.loading_since.get_or_insert(now));
        let left = self
            .load_time
            .checked_sub(loading)
            .filter(|left| !left.is_zero())?;
        self.made = self.made.saturating_sub(1);
        // As long again as it was waited for already.
        let pause = loading.clamp(self.policy.first_wait, LOADING_PAUSE);
        Some((pause.min(left), left))
    }

    /// The same where the server now rests, of a pool that has so many `others` and can be asked then.
    pub(super) fn wait_for_pool(
        &mut self,
        error: &CallError,
        ready: &Ready,
        others: u32,
        now: Instant,
    ) -> Option<Duration> {
        let pause = match ready {
            Ready::Now => Duration::ZERO,
            Ready::In(first, _) if error.is_loading() => {
                self.moved = 0;
                let (_, left) = self.wait_for_load(now)?;
                return Some((*first).min(left));
            }
            Ready::In(first, _) => *first,
            Ready::Never => return None,
        };
        // What a server refused before it did any work is a try only once all of them have: else a pool has used up all
        // of its tries before it waits.
        if error.is_before_work() && self.moved < others {
            self.moved += 1;
            self.made = self.made.saturating_sub(1);
        } else {
            self.moved = 0;
        }
        (self.are_left() && pause <= self.longest_wait()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> CallError {
        CallError::limited(2)
    }

    fn cut() -> CallError {
        CallError::CutStream { host: String::new() }
    }

    fn rests(seconds: u64) -> Ready {
        Ready::In(Duration::from_secs(seconds), String::new())
    }

    /// The waits after failures of servers that are ready like that each time, to the last try.
    fn waits(error: &CallError, others: u32, ready: &[Ready]) -> Vec<Option<u64>> {
        let mut tries = Tries::new(1, Duration::from_secs(30));
        let mut waits = Vec::new();
        for ready in ready {
            tries.begin();
            let wait = tries.wait_for_pool(error, ready, others, Instant::now());
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
        // Whether one is awake, or nearly so, each is asked as often as a single one.
        let moved = Some(0);
        for ready in [Ready::Now, rests(0)] {
            let ready = vec![ready; 7];
            assert_eq!(
                waits(&busy(), 1, &ready)[..6],
                [moved, moved, moved, moved, moved, None]
            );
            // Those may have worked for each.
            assert_eq!(waits(&cut(), 9, &ready)[..3], [moved, moved, None]);
        }
    }

    #[test]
    fn what_is_too_far_away_or_never_comes_is_not_waited_for() {
        assert_eq!(waits(&busy(), 1, &[rests(60)]), [Some(60)]);
        assert_eq!(waits(&busy(), 1, &[rests(61)]), [None]);
        assert_eq!(waits(&busy(), 1, &[Ready::Never]), [None]);
    }

    #[test]
    fn a_server_that_loads_is_waited_for_within_its_time() {
        let start = Instant::now();
        let mut tries = Tries::new(1, Duration::from_secs(30));
        let mut waits = Vec::new();
        let mut now = start;
        loop {
            tries.begin();
            let Some((pause, left)) = tries.wait_for_load(now) else {
                break;
            };
            waits.push(pause.as_secs());
            assert_eq!(now + left, start + Duration::from_secs(30));
            now += pause;
        }
        assert_eq!(waits, [1, 1, 2, 4, 8, 10, 4]);
        // The same of a pool; another server that is well is asked.
        let loading = CallError::Loading {
            host: String::new(),
            excerpt: String::new(),
        };
        let mut tries = Tries::new(1, Duration::from_secs(30));
        let mut at = |seconds: u64, ready: &Ready| {
            tries.begin();
            let now = start + Duration::from_secs(seconds);
            let wait = tries.wait_for_pool(&loading, ready, 1, now);
            wait.map(|wait| wait.as_secs())
        };
        for seconds in 0..10 {
            assert_eq!(at(seconds, &Ready::Now), Some(0));
            assert_eq!(at(seconds, &rests(4)), Some(4));
        }
        assert_eq!(at(27, &rests(4)), Some(3));
        assert_eq!(at(30, &rests(4)), None);
    }

    #[test]
    fn a_call_of_before_a_crash_leaves_one() {
        let mut tries = Tries::new(1, Duration::from_secs(30));
        for _ in 0..5 {
            tries.begin();
            tries.was_made();
        }
        assert!(tries.are_left());
        tries.begin();
        assert!(!tries.are_left() && tries.wait(&cut()).is_none());
    }
}
