//! What the engine itself takes for a step of a call, logged where somebody wants to know.
//!
//! Measured is the time that this thread was at work: what other processes take, and waiting, does not count. A step
//! has no `await` inside.

use std::sync::LazyLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// One step under way.
#[derive(Debug)]
pub(crate) struct Step {
    /// What this thread had worked before; nothing where nobody wants to know.
    began: Option<Duration>,
}

impl Step {
    /// Begins a step.
    pub(crate) fn begin() -> Self {
        Self {
            began: tracing::enabled!(tracing::Level::DEBUG).then(worked),
        }
    }

    /// How long it has taken so far, without what asking takes.
    pub(crate) fn taken(&self) -> Duration {
        self.began
            .map_or(Duration::ZERO, |began| since(began).saturating_sub(*ASKING))
    }

    /// Ends it, and logs what it took.
    pub(crate) fn end(self, name: &str) {
        log(self.taken(), name);
    }
}

/// Logs what a step has taken, in microseconds.
pub(crate) fn log(own_time: Duration, step: &str) {
    let own_time = u64::try_from(own_time.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(own_time, "{step}");
}

/// What a step seems to take in which nothing happens: asking for this clock is a call of the system, and an answer is
/// taken in with hundreds of steps of a microsecond each. The median of some.
static ASKING: LazyLock<Duration> = LazyLock::new(|| {
    const TRIES: usize = 101;
    let mut asked: Vec<_> = (0..TRIES).map(|_| since(worked())).collect();
    asked.sort_unstable();
    asked.get(TRIES / 2).copied().unwrap_or_default()
});

fn since(began: Duration) -> Duration {
    worked().saturating_sub(began)
}

/// How long this thread has worked.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}
