//! What calls cost: prices of tokens and exact amounts of money.
//!
//! Amounts are whole billionths of a dollar, so that sums are the same in any order and a cap is met to the last
//! one. Where prices come from is the runtime's work.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in billionths of a US dollar.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Usd(pub u64);

/// Billionths of a dollar in a dollar.
const A_DOLLAR: u64 = 1_000_000_000;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in whole US cents.
    pub const fn cents(cents: u64) -> Self {
        Self(cents.saturating_mul(A_DOLLAR / 100))
    }

    /// An amount in US dollars, to the billionth; nothing where it is negative, not finite, or more than there is.
    pub fn dollars(dollars: f64) -> Option<Self> {
        if !dollars.is_finite() || dollars < 0.0 {
            return None;
        }
        // Through text, which rounds to the billionth and takes no cast.
        let text = format!("{dollars:.9}");
        let (whole, parts) = text.split_once('.')?;
        let whole: u64 = whole.parse().ok()?;
        let parts: u64 = parts.parse().ok()?;
        Some(Self(whole.checked_mul(A_DOLLAR)?.checked_add(parts)?))
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The sum, at most [`u64::MAX`].
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times the amount.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl fmt::Display for Usd {
    /// Cents from a dollar on, hundredths of a cent below, and for less than that the first digits that are not 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (self.0 / A_DOLLAR, self.0 % A_DOLLAR);
        let digits = format!("{parts:09}");
        let shown = match parts {
            _ if whole > 0 || parts == 0 => 2,
            100_000.. => 4,
            _ => digits
                .find(|digit| digit != '0')
                .map_or(9, |first| first + 2)
                .min(9),
        };
        write!(f, "${whole}.{}", digits.get(..shown).unwrap_or(&digits))
    }
}

/// What tokens cost, in millionths of a US dollar for a million of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// Tokens of a prompt.
    pub input: u64,
    /// Tokens of a prompt that the server had cached.
    pub cached: u64,
    /// Tokens of an answer, thinking included.
    pub output: u64,
}

impl Price {
    /// What tokens cost, rounded up; `cached` of the prompt's tokens were in the server's cache.
    pub fn cost(self, prompt: u64, cached: u64, completion: u64) -> Usd {
        let cached = cached.min(prompt);
        let parts = [
            (prompt - cached, self.input),
            (cached, self.cached),
            (completion, self.output),
        ];
        // Millionths of a dollar for a million tokens are millionths of a millionth for one.
        let sum: u128 = parts
            .iter()
            .map(|(tokens, price)| u128::from(*tokens) * u128::from(*price))
            .sum();
        Usd(u64::try_from(sum.div_ceil(1000)).unwrap_or(u64::MAX))
    }

    /// The most that a call can cost whose prompt and answer share a window, `answer` of it for the answer.
    pub fn worst(self, window: u64, answer: u64) -> Usd {
        let answer = answer.min(window);
        let dearer = self.input.max(self.cached);
        Self {
            input: dearer,
            ..self
        }
        .cost(window - answer, 0, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_to_the_billionth() {
        assert_eq!(Usd::dollars(1.25), Some(Usd::cents(125)));
        assert_eq!(Usd::dollars(0.000_000_001), Some(Usd(1)));
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1e30] {
            assert_eq!(Usd::dollars(bad), None, "{bad}");
        }
        for (amount, shown) in [
            (Usd::ZERO, "$0.00"),
            (Usd::cents(125), "$1.25"),
            (Usd(1_999_999_999), "$1.99"),
            (Usd(12_345_678), "$0.0123"),
            (Usd(99_999), "$0.000099"),
            (Usd(1), "$0.000000001"),
        ] {
            assert_eq!(amount.to_string(), shown);
        }
    }

    #[test]
    fn a_call_costs_its_tokens_at_their_prices() {
        // Three dollars for a million of prompt, 0.3 where it was cached, 15 of answer.
        let price = Price {
            input: 3_000_000,
            cached: 300_000,
            output: 15_000_000,
        };
        assert_eq!(price.cost(1_000_000, 0, 0), Usd::cents(300));
        assert_eq!(price.cost(1_000_000, 1_000_000, 0), Usd::cents(30));
        assert_eq!(price.cost(0, 0, 1_000_000), Usd::cents(1500));
        assert_eq!(price.cost(1, 9, 0), Usd(300), "more cached than there was");
        assert_eq!(Price { input: 1, ..price }.cost(1, 0, 0), Usd(1), "rounded up");
        assert_eq!(price.worst(1000, 400), price.cost(600, 0, 400));
        assert_eq!(price.cost(u64::MAX, 0, u64::MAX), Usd(u64::MAX));
    }
}
