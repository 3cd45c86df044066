//! What a model's own counts taught us about our estimates.

use schemars::JsonSchema;
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

/// The most that may be put into a prompt unseen, as a part of the window: a template of a few hundred tokens, or a system
/// text that a gateway or a Modelfile brings along. Were it more, a server that makes its counts up could take the window
/// away.
const UNSEEN_OF_WINDOW: u64 = 2;

/// What is added to what was learned, as a part of the surplus. An upper estimate of a text hides some of what is put before
/// it unseen: the next prompt, which is shorter, would be over by that again.
const SLACK_OF_SURPLUS: u64 = 2;

/// How often as many tokens as were counted a factor must make of a prompt for that to speak against the factor. Texts of one
/// model differ by less.
const FAR_OFF: u64 = 2;

/// The part of its excess that a factor loses with each count that speaks against it.
const WEAR: u64 = 8;

/// How far a model's counts exceed our estimates, up to what vocabularies and templates explain.
///
/// The largest ratio is kept, not the mean: the engine proves that a prompt fits, so the estimate must hold for the worst text
/// that was seen. Only what later counts disprove, or speak against by far, wears off. It never lowers an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// What an estimate is multiplied with, in thousandths; at least 1,000.
    factor_milli: u64,
    /// How many tokens are added to the estimate of a prompt: what is put into it unseen.
    extra: Tokens,
    /// How many tokens the server counts of a prompt that it answers beyond what it counts of the same one when asked.
    #[serde(default, skip_serializing_if = "Tokens::is_zero")]
    unseen: Tokens,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            factor_milli: 1_000,
            extra: Tokens::ZERO,
            unseen: Tokens::ZERO,
        }
    }
}

impl Calibration {
    /// Whether nothing was learned.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

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

    /// Returns what is added to a prompt for a model with this window. The bound is that of the window in use, which may be
    /// smaller than the one that it was learned with.
    pub fn extra(&self, window: Tokens) -> Tokens {
        self.extra.min(most_unseen(window))
    }

    /// Returns the calibrated estimate of a whole prompt, never lower than the estimate.
    #[must_use]
    pub fn apply(&self, estimated: Tokens, window: Tokens) -> Tokens {
        self.text(estimated).saturating_add(self.extra(window))
    }

    /// Returns the calibrated estimate of a text that is a part of a prompt.
    #[must_use]
    pub fn text(&self, estimated: Tokens) -> Tokens {
        estimated.scaled_up(self.factor_milli(), 1_000)
    }

    /// Returns what a prompt has at most of which the server has counted so many tokens.
    #[must_use]
    pub fn exactly(&self, count: Tokens, window: Tokens) -> Tokens {
        count.saturating_add(self.unseen.min(most_unseen(window)))
    }

    /// Learns from one call: what we had estimated before calibration, and what the server counted.
    ///
    /// Afterwards [`apply`](Self::apply) gives at least `counted` for this estimate, unless nothing explains so many: of a
    /// server that makes its counts up nothing is learned, or no prompt would fit ever after.
    /// Says whether it does.
    pub fn learn(&mut self, estimated: Tokens, counted: Tokens, window: Tokens) -> bool {
        if counted <= self.apply(estimated, window) {
            return true;
        }
        let most = most_unseen(window);
        let now = self.extra(window);
        let over = counted.saturating_sub(self.apply(estimated, window));
        let slack = Tokens(over.get() / SLACK_OF_SURPLUS);
        let text = counted.saturating_sub(now);
        let factor = (estimated >= FACTOR_FROM).then(|| text.scaled_up(1_000, estimated.get()).get());
        let extra = now.saturating_add(over);
        let is_likely = |factor: &u64| *factor <= self.factor_milli().max(LIKELY_FACTOR);
        if let Some(factor) = factor.filter(is_likely) {
            self.factor_milli = factor;
            self.extra = now.saturating_add(slack).min(most);
        } else if extra <= most {
            self.extra = extra.saturating_add(slack).min(most);
        } else if let Some(factor) = factor.filter(|factor| *factor <= MAX_FACTOR) {
            self.factor_milli = factor;
        }
        counted <= self.apply(estimated, window)
    }

    /// Learns that the server counts so many tokens more where it answers than where it was asked; whether
    /// [`exactly`](Self::exactly) allows for it, which it does up to a part of the window.
    pub fn learn_unseen(&mut self, more: Tokens, window: Tokens) -> bool {
        let allowed = more <= most_unseen(window);
        if allowed {
            self.unseen = self.unseen.max(more);
        }
        allowed
    }

    /// Lets what is put into a prompt unseen be what was seen of it, by a prompt of which the server counted `exact` before.
    pub fn bear_out_exactly(&mut self, exact: Tokens, counted: Tokens) {
        self.unseen = self.unseen.min(counted.saturating_sub(exact));
    }

    /// Lets what was learned wear off, by a count that it allowed for; `least` is what the text has at least, `estimated` what
    /// it had at most before calibration.
    ///
    /// What is put into a prompt unseen can't be more than what was counted beyond the least that its text has: so much is
    /// proof. Of a factor, one text says little about others, and it loses a part of what is far off.
    pub fn bear_out(&mut self, least: Tokens, estimated: Tokens, counted: Tokens) {
        self.extra = self.extra.min(counted.saturating_sub(least));
        if estimated < FACTOR_FROM {
            return;
        }
        let seen = counted.scaled_up(1_000, estimated.get()).get().max(1_000);
        let factor = self.factor_milli();
        if seen.saturating_mul(FAR_OFF) < factor {
            self.factor_milli = factor - (factor - seen).div_ceil(WEAR);
        }
    }
}

fn most_unseen(window: Tokens) -> Tokens {
    Tokens(window.get() / UNSEEN_OF_WINDOW)
}
