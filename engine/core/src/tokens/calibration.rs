//! What a model's own counts taught us about our estimates.

use serde::{Deserialize, Serialize};

use super::Tokens;

/// Estimates below this teach the fixed part, others the factor. A short prompt is mostly template:
/// a hidden system text of 30 tokens on a prompt of 30 says nothing of how text is counted.
const FACTOR_FROM: Tokens = Tokens(512);

/// The largest factor, in thousandths. Estimates count with cl100k; no vocabulary in use needs four tokens for one of its
/// own, as it knows single bytes and most of what follows them.
const MAX_FACTOR: u64 = 4_000;

/// The factor up to which text that is counted otherwise explains a count, in thousandths; over it, an unseen text that is
/// put before each prompt does so better. Upper estimates allow for what vocabularies differ by, so that little is left.
const LIKELY_FACTOR: u64 = 1_500;

/// The largest fixed part, as a part of the window: a template of a few hundred tokens, or a system text that a gateway or
/// a Modelfile brings along. Were it larger, a server that makes its counts up could take the window away.
const EXTRA_OF_WINDOW: u64 = 4;

/// What is added to what was learned, as a part of the surplus. An upper estimate of a text hides some of what is put before
/// it unseen: the next prompt, which is shorter, would be over by that again.
const SLACK_OF_SURPLUS: u64 = 2;

/// How far a model's counts exceed our estimates; it only ever grows, up to what vocabularies and templates explain.
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
        self.factor_milli() as f64 / 1_000.0
    }

    /// The factor within its bounds, whatever a file says that it was read from.
    fn factor_milli(&self) -> u64 {
        self.factor_milli.clamp(1_000, MAX_FACTOR)
    }

    /// Returns the fixed part.
    pub fn extra(&self) -> Tokens {
        self.extra
    }

    /// Learns from one call: what we had estimated before calibration, and what the server counted, of a prompt for a model
    /// with this window.
    ///
    /// Afterwards [`apply`](Self::apply) gives at least `counted` for this estimate, unless nothing explains so many: of a
    /// server that makes its counts up nothing is learned, or no prompt would fit ever after.
    /// Says whether it does.
    pub fn learn(&mut self, estimated: Tokens, counted: Tokens, window: Tokens) -> bool {
        if counted <= self.apply(estimated) {
            return true;
        }
        let most_extra = window.get() / EXTRA_OF_WINDOW;
        let with_slack = |extra: Tokens, over: Tokens| {
            let slack = Tokens(over.get() / SLACK_OF_SURPLUS);
            extra.saturating_add(slack).min(Tokens(most_extra).max(extra))
        };
        let over = counted.saturating_sub(self.apply(estimated));
        let text = counted.saturating_sub(self.extra);
        let factor = (estimated >= FACTOR_FROM).then(|| text.scaled_up(1_000, estimated.get()).get());
        let extra = self.extra.saturating_add(over);
        let is_likely = |factor: &u64| *factor <= self.factor_milli().max(LIKELY_FACTOR);
        if let Some(factor) = factor.filter(is_likely) {
            self.factor_milli = factor;
            self.extra = with_slack(self.extra, over);
        } else if extra.get() <= most_extra {
            self.extra = with_slack(extra, over);
        } else if let Some(factor) = factor.filter(|factor| *factor <= MAX_FACTOR) {
            self.factor_milli = factor;
        }
        counted <= self.apply(estimated)
    }

    /// Returns the calibrated estimate, never lower than the estimate.
    #[must_use]
    pub fn apply(&self, estimated: Tokens) -> Tokens {
        estimated
            .scaled_up(self.factor_milli(), 1_000)
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
