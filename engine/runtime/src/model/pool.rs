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

/// The longest rest: a server that was started again is found within a minute.
const LONGEST_REST: Duration = Duration::from_secs(60);

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
    /// Failures since the last answer.
    failures: u32,
    /// When it may be asked again.
    rests_until: Option<Instant>,
}

/// Leave to make one call.
#[derive(Debug)]
pub struct Turn<'p> {
    place: &'p Place,
    /// Whether there are other servers.
    others: bool,
    _slot: OwnedSemaphorePermit,
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

    /// Waits for a free slot of a server that is well; where all rest, of the one that has nearly rested.
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

impl Turn<'_> {
    /// The profile at the server whose turn it is.
    pub fn profile(&self) -> &Profile {
        &self.place.profile
    }

    /// Says how the call ended. Where the server was at fault and others can take its place, tells for how long it
    /// rests.
    pub fn ended(&self, error: Option<&CallError>) -> Option<Duration> {
        let mut health = self.place.health();
        match error {
            None => *health = Health::default(),
            Some(error) if self.others && error.is_of_the_server() => {
                let rest = rest_after(health.failures);
                health.failures = health.failures.saturating_add(1);
                health.rests_until = Some(Instant::now() + rest);
                return Some(rest);
            }
            Some(_) => {}
        }
        None
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

    #[tokio::test]
    async fn calls_go_to_the_servers_that_are_well() {
        let pool = pool(&[1, 2], 1);
        let first = pool.turn().await.unwrap();
        assert_eq!(host(&first), "127.0.0.1:1");
        assert_eq!(first.ended(Some(&down())), Some(FIRST_REST));
        drop(first);
        for _ in 0..3 {
            let other = pool.turn().await.unwrap();
            assert_eq!(host(&other), "127.0.0.1:2");
            assert_eq!(other.ended(None), None);
        }
        // Both rest: the one that has nearly rested is asked.
        let other = pool.turn().await.unwrap();
        assert_eq!(other.ended(Some(&down())), Some(FIRST_REST));
        drop(other);
        let first = pool.turn().await.unwrap();
        assert_eq!(host(&first), "127.0.0.1:1");
        assert_eq!(first.ended(Some(&down())), Some(FIRST_REST * 2));
        assert_eq!(first.ended(None), None);
        assert_eq!(
            first.ended(Some(&down())),
            Some(FIRST_REST),
            "an answer makes it well"
        );
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
