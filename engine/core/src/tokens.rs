//! Token counts without a download: the only file that names `tiktoken_rs`.
//!
//! Text and the name of a model go in, an upper estimate comes out. One vocabulary (`cl100k_base`)
//! is loaded; [`Family`] says how to get from its count to the model's. What a server reports as
//! `usage` teaches a [`Calibration`], which the caller keeps per server and model. Asking a server
//! for an exact count is the runtime's work.

mod calibration;
mod family;
mod pieces;
mod ruler;

use std::fmt;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

pub use calibration::Calibration;
pub use family::Family;
use pieces::Content;
pub(crate) use ruler::Ruler;

/// Bytes handed to the tokeniser at once. `tiktoken-rs` 0.12.1 panics on a run of about 1,000,000
/// spaces (its regular expression gives up; 900,000 pass), and its merge is worse than linear in
/// the length of one piece; 128 KiB keeps both far away.
const CHUNK_BYTES: usize = 128 * 1024;

/// Tokens that a chat template puts round one message. `ChatML` and Llama 3 spend 5 (two to three
/// markers, the role, a line break); 8 leaves room for templates that spell markers as text.
pub const MESSAGE_OVERHEAD: Tokens = Tokens(8);

/// Tokens that a chat template adds once: the opening marker, the head of the answer with an empty
/// thinking block (up to 8), and a default system text (Llama 3.1 adds 26 tokens of dates, Qwen 2.5
/// a sentence of 21 when there is no system message).
pub const CHAT_OVERHEAD: Tokens = Tokens(48);

/// An amount of tokens.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Tokens(pub u64);

impl Tokens {
    /// No tokens.
    pub const ZERO: Self = Self(0);

    /// Returns the number of tokens.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Returns the sum, or nothing when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Returns the sum, at most [`u64::MAX`].
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns `self * numerator / denominator` rounded up, at most [`u64::MAX`].
    pub(crate) fn scaled_up(self, numerator: u64, denominator: u64) -> Self {
        let product = u128::from(self.0) * u128::from(numerator);
        Self(u64::try_from(product.div_ceil(u128::from(denominator.max(1)))).unwrap_or(u64::MAX))
    }

    /// Returns `self * numerator / denominator` rounded down, at most [`u64::MAX`].
    pub(crate) fn scaled_down(self, numerator: u64, denominator: u64) -> Self {
        let product = u128::from(self.0) * u128::from(numerator);
        Self(u64::try_from(product / u128::from(denominator.max(1))).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u64> for Tokens {
    fn from(count: u64) -> Self {
        Self(count)
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        *self = self.saturating_add(other);
    }
}

impl std::iter::Sum for Tokens {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::saturating_add)
    }
}

/// The range in which the true count lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Fewer than this were not read as sent: something cut the prompt.
    pub low: Tokens,
    /// What a plan counts with: more than this is an estimate that was wrong.
    pub high: Tokens,
}

impl Estimate {
    /// Returns the range of two texts together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
        }
    }
}

/// Returns an upper estimate of the tokens of a text.
///
/// It takes time linear in the text and does not panic. Where the tokeniser gives up on a stretch
/// of text, each of its bytes counts as one token: no vocabulary with byte fallback needs more.
///
/// ```
/// use smallcode_core::tokens::{Family, Tokens, count};
///
/// assert_eq!(count(Family::Llama3, "hello world"), Tokens(2));
/// assert_eq!(count(Family::Qwen, "12345"), Tokens(5));
/// ```
pub fn count(family: Family, text: &str) -> Tokens {
    estimate(family, text).high
}

/// Returns the range in which the count of a text lies; its upper end is [`count`].
pub fn estimate(family: Family, text: &str) -> Estimate {
    let mut content = Content::default();
    for chunk in chunks(text) {
        content += pieces::count(chunk, cl100k_part);
    }
    family.range(content, Tokens(firm(content)))
}

/// Returns the range for a whole chat, with what the template adds.
///
/// ```
/// use smallcode_core::tokens::{CHAT_OVERHEAD, Family, MESSAGE_OVERHEAD, Tokens, estimate_chat};
///
/// let estimate = estimate_chat(Family::Llama3, ["hello world"]);
/// assert_eq!(estimate.high, Tokens(2 + MESSAGE_OVERHEAD.get() + CHAT_OVERHEAD.get()));
/// assert!(estimate.low <= Tokens(2));
/// ```
pub fn estimate_chat<'a>(family: Family, messages: impl IntoIterator<Item = &'a str>) -> Estimate {
    let start = Estimate {
        low: Tokens::ZERO,
        high: CHAT_OVERHEAD,
    };
    messages.into_iter().fold(start, |sum, message| {
        let wrapped = Estimate {
            low: Tokens::ZERO,
            high: MESSAGE_OVERHEAD,
        };
        sum.plus(wrapped).plus(estimate(family, message))
    })
}

fn cl100k_part(part: &str) -> u64 {
    let counted = catch_unwind(AssertUnwindSafe(|| {
        tiktoken_rs::cl100k_base_singleton().encode_ordinary(part).len()
    }));
    let count = counted.unwrap_or(part.len());
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Cuts a text into pieces of at most [`CHUNK_BYTES`] at character boundaries.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let limit = CHUNK_BYTES.min(rest.len());
        // A character has at most four bytes, so this looks at four places.
        let end = (0..=limit)
            .rev()
            .find(|&end| rest.is_char_boundary(end))
            .unwrap_or(rest.len());
        let (chunk, tail) = rest.split_at(end);
        rest = tail;
        Some(chunk)
    })
}

/// Returns the part of a count that holds for other vocabularies, for the lower end of a range.
///
/// `cl100k` is poor at scripts other than Latin, and newer vocabularies are several times better
/// there (OpenAI gives 2.9 for Hindi in o200k); how much is not known for most. So what is not ASCII counts with a
/// token for eight characters, less than any vocabulary needs in practice.
fn firm(content: Content) -> u64 {
    content
        .tokens
        .saturating_sub(content.foreign_bytes)
        .saturating_add(content.foreign / 8)
        .min(content.tokens)
}

#[cfg(test)]
mod tests;
