//! What a model's own counts taught us about our estimates.

use serde::{Deserialize, Serialize};

use super::Tokens;

/// Estimates below this teach the fixed part, others the factor. A short prompt is mostly template:
/// a hidden system text of 30 tokens on a prompt of 30 says nothing of how text is counted.
const FACTOR_FROM: Tokens = Tokens(512);

/// How far a model's counts exceed our estimates; it only ever grows.
///
/// The largest ratio is kept, not the mean: the engine proves that a prompt fits, so the estimate
/// must hold for the worst text that was seen. It never lowers an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What an estimate is multiplied with, in thousandths; at least 1,000.
    factor_milli: u64,
    /// What is added afterwards.
    extra: Tokens,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            factor_milli: 1_000,
            extra: Tokens::ZERO,
        }
    }
}

impl Calibration {
    /// Returns the factor; 1.0 when nothing was learned.
    #[expect(
        clippy::cast_precision_loss,
        reason = "thousandths of a ratio are far below 2^53"
    )]
    pub fn factor(&self) -> f64 {
        self.factor_milli.max(1_000) as f64 / 1_000.0
    }

    /// Returns the fixed part.
    pub fn extra(&self) -> Tokens {
        self.extra
    }

    /// Learns from one call: what we had estimated before calibration, and what the server counted.
    ///
    /// Afterwards [`apply`](Self::apply) gives at least `counted` for this estimate.
    pub fn learn(&mut self, estimated: Tokens, counted: Tokens) {
        if counted <= self.apply(estimated) {
            return;
        }
        if estimated < FACTOR_FROM {
            let scaled = estimated.scaled_up(self.factor_milli.max(1_000), 1_000);
            self.extra = self.extra.max(counted.saturating_sub(scaled));
        } else {
            let text = counted.saturating_sub(self.extra);
            self.factor_milli = self
                .factor_milli
                .max(text.scaled_up(1_000, estimated.get()).get());
        }
    }

    /// Returns the calibrated estimate, never lower than the estimate.
    #[must_use]
    pub fn apply(&self, estimated: Tokens) -> Tokens {
        estimated
            .scaled_up(self.factor_milli.max(1_000), 1_000)
            .saturating_add(self.extra)
    }

    /// Returns what covers both, for two runs that learned apart.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            factor_milli: self.factor_milli.max(other.factor_milli),
            extra: self.extra.max(other.extra),
        }
    }
}
