//! Signals: the first stops starting, the second kills.

use std::time::Duration;

use smallcode_core::run::{Event, RunStatus};

use super::{DispatchError, Dispatcher, now};

/// How long attempts may go on after the first request to stop, before they are asked to end: long enough for
/// a short command or the rest of an answer.
const STOP_GRACE: Duration = Duration::from_secs(30);

impl Dispatcher {
    /// The first signal stops starting, the second kills; the third is not ours: the process leaves at once.
    pub(super) fn signal(&mut self, stage: u32) -> Result<(), DispatchError> {
        if stage <= self.stage {
            return Ok(());
        }
        self.stage = stage;
        self.record(Event::Interrupted { stage })?;
        self.waiting_calls.clear();
        self.waiting_turns.clear();
        if stage == 1 {
            self.stop_at = Some(now().after(u64::try_from(STOP_GRACE.as_millis()).unwrap_or(u64::MAX)));
        } else {
            self.kill_all();
        }
        Ok(())
    }

    /// Attempts that a signal stopped leave no event: they are in flight for good, and nothing more is awaited.
    pub(super) fn interrupted_end(&mut self) -> Result<(), DispatchError> {
        let over = self.stage >= 2 || (self.stage == 1 && self.abandoned);
        if over && self.running.is_empty() && self.ended.is_none() {
            self.finish(RunStatus::Interrupted, String::new())?;
        }
        Ok(())
    }

    pub(super) fn kill_all(&self) {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "all are killed; the order is of no consequence"
        )]
        for (cancel, kill) in self.running.values() {
            cancel.cancel();
            kill.cancel();
        }
    }
}
