//! How many lines may scroll by in a second before they are counted.

use smallcode_core::run::Timestamp;

use crate::render::text;

/// Faster than this nobody reads.
const LINES_PER_SECOND: u32 = 20;

/// Counts the lines of the current second.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    second: u64,
    shown: u32,
    hidden: u64,
    hidden_skipped: u64,
}

impl Throttle {
    /// Whether one more line may be shown now; if not, it is counted.
    pub(super) fn admits(&mut self, at: Timestamp, skipped: bool) -> bool {
        self.second = self.second.max(at.0 / 1000);
        if self.shown < LINES_PER_SECOND {
            self.shown += 1;
            return true;
        }
        *(if skipped {
            &mut self.hidden_skipped
        } else {
            &mut self.hidden
        }) += 1;
        false
    }

    /// Once the second has passed: what was not shown in it, in words, if anything.
    pub(super) fn passed(&mut self, now: Timestamp) -> Option<String> {
        if now.0 / 1000 <= self.second {
            return None;
        }
        self.second = now.0 / 1000;
        self.shown = 0;
        let counts = [
            (std::mem::take(&mut self.hidden), "more"),
            (std::mem::take(&mut self.hidden_skipped), "not run"),
        ];
        let parts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", text::number(count)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
