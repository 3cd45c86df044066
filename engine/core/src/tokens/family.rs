//! How to count for a model, by its name.
//!
//! The numbers come from counting seven corpora (Rust, TypeScript, Python, Markdown, JSON, YAML and
//! Chinese prose, 0.03 to 2 MB each) with the vocabularies of the models themselves:
//!
//! | family | how | measured against the model's own vocabulary |
//! | --- | --- | --- |
//! | Qwen up to 3 | cl100k, each digit a token | 0.0 % on code and data, +17.9 % on Chinese |
//! | Llama 3 | cl100k | +0.03 % at most on code and data, +13.5 % on Chinese |
//! | `SentencePiece`, 32k | (cl100k + digits) × 1.35 + white space | computed through o200k, not counted: the worst corpus needs 1.34, its line breaks and tabs among them |
//! | unknown | (cl100k + digits) × 1.1, or its white space | the larger of the first two, and a tenth for luck |
//!
//! `cl100k` joins white space that the vocabularies of `SentencePiece` have as one token for each line break and tab.

use serde::{Deserialize, Serialize};

use super::pieces::Content;
use super::{Estimate, Tokens};

/// How to count tokens for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Qwen 1 to 3: `cl100k` with each digit a token of its own.
    Qwen,
    /// Llama 3: `cl100k`.
    Llama3,
    /// The older `SentencePiece` vocabularies of about 32,000 tokens: Llama 1 and 2, Mistral 7B,
    /// Mixtral, Phi-3; also Gemma, whose larger vocabulary needs fewer.
    SentencePiece,
    /// Anything else.
    Unknown,
}

/// Names of models that share the vocabulary of Llama 2.
const SENTENCE_PIECE: [&str; 11] = [
    "mixtral",
    "mistral-7b",
    "mistral:7b",
    "vicuna",
    "zephyr",
    "phi-3",
    "phi3",
    "gemma",
    "wizardlm",
    "orca-mini",
    "openchat",
];

impl Family {
    /// Guesses the family from a model's name, however it is spelled (`qwen2.5-coder:7b`,
    /// `Meta-Llama-3-8B-Instruct.Q4_K_M.gguf`).
    ///
    /// ```
    /// use smallcode_core::tokens::Family;
    ///
    /// assert_eq!(Family::of_model("qwen2.5-coder:7b"), Family::Qwen);
    /// assert_eq!(Family::of_model("my-model"), Family::Unknown);
    /// ```
    pub fn of_model(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if let Some(version) = version_after(&name, "qwen") {
            // Qwen 3.5 has a vocabulary of its own.
            return if version < (3, 5) {
                Self::Qwen
            } else {
                Self::Unknown
            };
        }
        if name.contains("qwq") {
            return Self::Qwen;
        }
        if let Some((major, _)) = version_after(&name, "llama") {
            return match major {
                0..=2 => Self::SentencePiece,
                3 => Self::Llama3,
                _ => Self::Unknown,
            };
        }
        if SENTENCE_PIECE.iter().any(|known| name.contains(known)) {
            return Self::SentencePiece;
        }
        Self::Unknown
    }

    /// Returns the range for a text with this content, of whose tokens `firm` hold for other vocabularies too.
    ///
    /// The lower end is where a prompt must have been cut: four fifths of the firm part where the
    /// vocabulary is known to match on ASCII, half where it is not (the least that was measured is
    /// 0.84, and template languages or code in a larger vocabulary may go below).
    pub(super) fn range(self, content: Content, firm: Tokens) -> Estimate {
        let plain = Tokens(content.tokens);
        let spread = plain.saturating_add(Tokens(content.digits));
        let blanks = Tokens(content.blanks());
        let (low, high) = match self {
            Self::Qwen => (firm.scaled_down(4, 5), spread),
            Self::Llama3 => (firm.scaled_down(4, 5), plain),
            Self::SentencePiece => {
                let high = spread.scaled_up(135, 100).saturating_add(blanks);
                (firm.scaled_down(1, 2), high)
            }
            Self::Unknown => (firm.scaled_down(1, 2), spread.scaled_up(110, 100).max(blanks)),
        };
        Estimate { low, high }
    }
}

/// Returns the version that follows the last `word` in a name; `(0, 0)` when there is none, nothing
/// when the word does not occur. A number that is a size (`llama-13b`) is no version.
fn version_after(name: &str, word: &str) -> Option<(u32, u32)> {
    let (_, after) = name.rsplit_once(word)?;
    let after = after.strip_prefix(['-', '_', ' ', ':']).unwrap_or(after);
    let after = after.strip_prefix('v').unwrap_or(after);
    let (major, rest) = leading_number(after);
    let (minor, rest) = match rest.strip_prefix(['.', 'p']) {
        Some(rest) => leading_number(rest),
        None => (None, rest),
    };
    if rest.starts_with('b') {
        return Some((0, 0));
    }
    Some((major.unwrap_or(0), minor.unwrap_or(0)))
}

/// Splits a text into the number it starts with and the rest.
fn leading_number(text: &str) -> (Option<u32>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().ok(), rest)
}
