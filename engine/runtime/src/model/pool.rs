//! The servers of a profile: each takes as many calls at a time as it has slots, and one that fails rests for a while,
//! in which the calls go to the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::error::CallError;
use crate::settings::Profile;

/// How long a server rests after its first failure; it doubles with each further one. As long as a call that is made
/// again waits.
const FIRST_REST: Duration = Duration::from_secs(1);

/// The longest rest that we choose: a server that was started again is found within a minute.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The longest rest that a server may ask for: the quotas of providers are of a day at most, and what asks for more is
/// a mistake that must not lose the server for good.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// The servers of a profile.
#[derive(Debug)]
pub struct Pool {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// The profile at this server.
    profile: Profile,
    slots: Arc<Semaphore>,
    health: Mutex<Health>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    /// Failures since the last answer; calls that failed together are one.
    failures: u32,
    /// When the last of them was.
    failed: Option<Instant>,
    /// When it may be asked again.
    rests_until: Option<Instant>,
    /// Whether the call that failed may succeed at this server later.
    passes: bool,
}

/// Leave to make one call.
#[derive(Debug)]
pub struct Turn<'p> {
    place: &'p Place,
    /// Whether there are other servers.
    others: bool,
    began: Instant,
    _slot: OwnedSemaphorePermit,
}

/// The rest of a server that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How long it is from now.
    pub time: Duration,
    /// Whether this failure began it, or another before.
    pub is_new: bool,
}

/// When a pool can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Now: one of its servers is well.
    Now,
    /// All of them rest; this one has rested first.
    In(Duration, String),
    /// All of them rest, and none failed in a way that passes by itself.
    Never,
}

impl Pool {
    /// The servers of a profile, each with as many slots.
    pub fn new(profile: &Profile, slots: u64) -> Self {
        let slots = usize::try_from(slots)
            .unwrap_or(usize::MAX)
            .clamp(1, Semaphore::MAX_PERMITS);
        let place = |profile: Profile| Place {
            profile,
            slots: Arc::new(Semaphore::new(slots)),
            health: Mutex::default(),
        };
        let others = profile.others.iter().map(|server| place(profile.at(server)));
        Self {
            places: std::iter::once(place(profile.at(&profile.base_url)))
                .chain(others)
                .collect(),
        }
    }

    /// How many calls all of them take at the same time.
    pub fn slots(&self) -> usize {
        self.places
            .iter()
            .map(|place| place.slots.available_permits())
            .sum()
    }

    /// How many servers there are beside the one that is asked.
    pub fn others(&self) -> u32 {
        u32::try_from(self.places.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// When a call can be made of a server that is well.
    pub fn ready(&self) -> Ready {
        let now = Instant::now();
        let mut first: Option<(Instant, &Place)> = None;
        for place in &self.places {
            let health = *place.health();
            match health.rests_until.filter(|until| *until > now) {
                None => return Ready::Now,
                Some(until) if health.passes && first.is_none_or(|(first, _)| until < first) => {
                    first = Some((until, place));
                }
                Some(_) => {}
            }
        }
        first.map_or(Ready::Never, |(until, place)| {
            Ready::In(until - now, place.profile.base_url.value.host())
        })
    }

    /// Waits for a free slot of a server that is well; where all rest, of the one that has nearly rested: who would
    /// rather wait asks whether the pool is [ready](Self::ready).
    pub async fn turn(&self) -> Option<Turn<'_>> {
        let now = Instant::now();
        let awake = |place: &&Place| place.rests_until().is_none_or(|until| until <= now);
        let mut places: Vec<&Place> = self.places.iter().filter(awake).collect();
        if places.is_empty() {
            places.extend(self.places.iter().min_by_key(|place| place.rests_until()));
        }
        // The one with most room first: calls that share a server share its speed.
        places.sort_by_key(|place| std::cmp::Reverse(place.slots.available_permits()));
        let waiting = places.iter().map(|place| {
            let (place, slots) = (*place, Arc::clone(&place.slots));
            Box::pin(async move { slots.acquire_owned().await.ok().map(|slot| (place, slot)) })
        });
        let (found, _, _) = select_all(waiting).await;
        found.map(|(place, slot)| Turn {
            place,
            others: self.places.len() > 1,
            began: Instant::now(),
            _slot: slot,
        })
    }
}

impl Place {
    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests_until(&self) -> Option<Instant> {
        self.health().rests_until
    }
}

impl Health {
    /// What follows a failure now of a call that began then.
    fn fail(&mut self, error: &CallError, began: Instant, now: Instant) -> Rest {
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_ASKED);
        // Of calls that fail together, the first has told it.
        let is_known = self.failed.is_some_and(|failed| began <= failed);
        let resting = self.rests_until.filter(|until| *until > now);
        if !is_known {
            self.failures = self.failures.saturating_add(1);
            self.failed = Some(now);
        }
        self.passes = error.retryable();
        let own = rest_after(self.failures.saturating_sub(1));
        let until = match resting {
            Some(until) if is_known => until.max(now + asked),
            _ => now + own.max(asked),
        };
        self.rests_until = Some(until);
        Rest {
            time: until - now,
            is_new: resting.is_none(),
        }
    }

    /// What follows an answer to a call that began then.
    fn answer(&mut self, began: Instant) {
        // One that was under way when another was refused says nothing of what comes next.
        if self.failed.is_none_or(|failed| began > failed) {
            *self = Self::default();
        }
    }
}

impl Turn<'_> {
    /// The profile at the server whose turn it is.
    pub fn profile(&self) -> &Profile {
        &self.place.profile
    }

    /// Says how the call ended. Where the server was at fault and others can take its place, tells how it rests.
    pub fn ended(&self, error: Option<&CallError>) -> Option<Rest> {
        let mut health = self.place.health();
        match error {
            None => {
                health.answer(self.began);
                None
            }
            Some(error) if self.others && error.is_of_the_server() => {
                Some(health.fail(error, self.began, Instant::now()))
            }
            Some(_) => None,
        }
    }
}

/// How long a server rests that has failed so often before.
fn rest_after(failures: u32) -> Duration {
    FIRST_REST
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::settings::{ServerUrl, Sourced};

    fn pool(ports: &[u16], slots: u64) -> Pool {
        let url =
            |port: &u16| Sourced::built_in(ServerUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap());
        let mut profile = Profile::new("p", url(&ports[0]), None);
        profile.others = ports[1..].iter().map(url).collect();
        Pool::new(&profile, slots)
    }

    fn down() -> CallError {
        CallError::CutStream { host: String::new() }
    }

    fn host(turn: &Turn<'_>) -> String {
        turn.profile().base_url.value.host()
    }

    #[test]
    fn rests_double_up_to_a_minute() {
        let seconds: Vec<u64> = (0..9).map(|failures| rest_after(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(rest_after(u32::MAX), LONGEST_REST);
    }

    #[test]
    fn calls_that_fail_together_count_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let rest = |seconds, is_new| Rest {
            time: Duration::from_secs(seconds),
            is_new,
        };
        let mut health = Health::default();
        assert_eq!(health.fail(&down(), at(0), at(10)), rest(1, true));
        assert_eq!(health.fail(&down(), at(1), at(10)), rest(1, false));
        // What it asks for is heard all the same, and an answer from before does not wake it.
        assert_eq!(
            health.fail(&CallError::limited(20), at(2), at(10)),
            rest(20, false)
        );
        health.answer(at(3));
        assert_eq!(health.rests_until, Some(at(30)));
        assert_eq!(
            health.fail(&down(), at(4), at(40)),
            rest(1, true),
            "still the first"
        );
        assert_eq!(health.fail(&down(), at(41), at(42)), rest(2, true));
        assert_eq!(
            health.fail(&CallError::limited(20), at(50), at(50)),
            rest(20, true)
        );
        health.answer(at(51));
        assert_eq!(health.fail(&down(), at(52), at(53)), rest(1, true), "it was well");
    }

    #[test]
    fn a_server_rests_for_as_long_as_it_asks() {
        let now = Instant::now();
        let rest = |error| Health::default().fail(&error, now, now).time;
        assert_eq!(rest(CallError::limited(20)), Duration::from_secs(20));
        assert_eq!(rest(CallError::limited(0)), FIRST_REST);
        assert_eq!(
            rest(CallError::limited(u64::MAX)),
            LONGEST_ASKED,
            "no time that no clock can hold"
        );
    }

    #[tokio::test]
    async fn calls_go_to_the_servers_that_are_well() {
        let pool = pool(&[1, 2], 1);
        let first = pool.turn().await.unwrap();
        assert_eq!(host(&first), "127.0.0.1:1");
        let rest = first.ended(Some(&CallError::limited(20))).unwrap();
        assert_eq!((rest.time, rest.is_new), (Duration::from_secs(20), true));
        drop(first);
        for _ in 0..3 {
            assert_eq!(pool.ready(), Ready::Now);
            let other = pool.turn().await.unwrap();
            assert_eq!(host(&other), "127.0.0.1:2");
            assert_eq!(other.ended(None), None);
        }
        let other = pool.turn().await.unwrap();
        other.ended(Some(&CallError::limited(40)));
        let Ready::In(wait, first) = pool.ready() else {
            panic!("both rest");
        };
        assert_eq!(first, "127.0.0.1:1");
        assert!(
            wait > Duration::from_secs(10) && wait <= Duration::from_secs(20),
            "{wait:?}"
        );
        drop(other);
        assert_eq!(
            host(&pool.turn().await.unwrap()),
            "127.0.0.1:1",
            "it has nearly rested"
        );
    }

    #[tokio::test]
    async fn what_does_not_pass_is_not_waited_for() {
        let pool = pool(&[1, 2], 1);
        let gone = CallError::Unreachable {
            host: String::new(),
            reason: String::new(),
        };
        for _ in 0..2 {
            assert_eq!(pool.ready(), Ready::Now);
            pool.turn().await.unwrap().ended(Some(&gone));
        }
        assert_eq!(pool.ready(), Ready::Never);
        assert!(pool.turn().await.is_some(), "it is asked nevertheless");
    }

    #[tokio::test]
    async fn calls_spread_and_wait_for_a_slot_of_any() {
        let pool = pool(&[1, 2], 2);
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(pool.turn().await.unwrap());
        }
        assert_eq!(turns.iter().filter(|turn| host(turn) == "127.0.0.1:1").count(), 2);
        assert!(pool.turn().now_or_never().is_none());
        turns.pop();
        assert!(pool.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_only_server_is_asked_whatever_it_did() {
        let pool = pool(&[1], 1);
        assert_eq!(pool.turn().await.unwrap().ended(Some(&down())), None);
        assert!(pool.turn().await.is_some());
    }
}
