//! What the engine itself takes for a step of a call, logged where somebody wants to know.
//!
//! Measured is the time that this thread was at work: what other processes take, and waiting, does not count. A step
//! has no `await` inside.

use rustix::time::{ClockId, clock_gettime};

/// One step under way.
#[derive(Debug)]
pub(crate) struct Step {
    /// In microseconds; nothing where nobody wants to know.
    began: Option<u64>,
}

impl Step {
    /// Begins a step.
    pub(crate) fn begin() -> Self {
        Self {
            began: tracing::enabled!(tracing::Level::DEBUG).then(worked),
        }
    }

    /// How many microseconds it has taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.began.map_or(0, |began| worked().saturating_sub(began))
    }

    /// Ends it, and logs what it took.
    pub(crate) fn end(self, name: &str) {
        log(self.taken(), name);
    }
}

/// Logs what a step has taken, in microseconds.
pub(crate) fn log(own_time: u64, step: &str) {
    tracing::debug!(own_time, "{step}");
}

/// The microseconds that this thread has worked.
fn worked() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let micros = time
        .tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(time.tv_nsec / 1_000);
    u64::try_from(micros).unwrap_or(0)
}
