//! How attempts failed, reduced to what tells whether two of them failed alike.

use crate::run::{Failure, FailureClass};

/// How much of a failure's detail is compared, in characters: the first diagnostics, which is what a model works on.
const COMPARED: usize = 2000;

/// The first bytes of a hash.
type Digest = [u8; 16];

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// The class.
    pub(super) class: FailureClass,
    /// What was wrong and where.
    told: Digest,
    /// What the model had answered, where that is known.
    answer: Option<Digest>,
}

impl Symptom {
    /// Reduces a failure. Case, spaces and the numbers of lines make no difference: a file that grew by a line has its
    /// errors elsewhere.
    pub fn of(failure: &Failure) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(normalised(&failure.message, Numbers::OfPlaces).as_bytes());
        // What a verifier or a tool wrote; of other classes it is an excerpt of the answer.
        if failure.class == FailureClass::VerifyFailed {
            let detail: String = failure.detail.chars().take(COMPARED).collect();
            // The times and counts that tools write are numbers, too.
            hasher.update(normalised(&detail, Numbers::All).as_bytes());
        }
        Self {
            class: failure.class,
            told: digest(&hasher),
            answer: failure
                .answer
                .as_ref()
                .map(|answer| digest(blake3::Hasher::new().update(answer.as_bytes()))),
        }
    }

    /// Whether both attempts failed alike, whatever was answered.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.class == other.class && self.told == other.told
    }

    pub(super) fn is_cut(&self) -> bool {
        self.class == FailureClass::Truncated
    }
}

fn digest(hasher: &blake3::Hasher) -> Digest {
    let mut digest = Digest::default();
    for (byte, of_hash) in digest.iter_mut().zip(hasher.finalize().as_bytes()) {
        *byte = *of_hash;
    }
    digest
}

/// Which numbers make no difference.
#[derive(Clone, Copy, PartialEq)]
enum Numbers {
    /// Those after a colon or the word `line` or `column`.
    OfPlaces,
    All,
}

fn normalised(text: &str, numbers: Numbers) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if c.is_ascii_digit() {
            let place = [":", "line ", "column ", "#"]
                .iter()
                .any(|before| out.ends_with(before));
            if !place && numbers == Numbers::OfPlaces {
                out.push(c);
            } else if !out.ends_with('#') {
                out.push('#');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_its_place_only_is_the_same() {
        let symptom = |message: &str, detail: &str| {
            let mut failure = Failure::new(FailureClass::VerifyFailed, message);
            detail.clone_into(&mut failure.detail);
            Symptom::of(&failure)
        };
        let first = symptom("src/a.rs:12:5: Expected  `;`", "exit 1 in 0.31s\n a.rs:7");
        assert_eq!(
            first,
            symptom("src/a.rs:140:1: expected `;`\n", "exit 1 in 11.2s a.rs:99")
        );
        assert_ne!(
            first,
            symptom("src/b.rs:12:5: expected `;`", "exit 1 in 0.31s\n a.rs:7")
        );
        assert_ne!(first, symptom("src/a.rs:12:5: expected `;`", "other"));
        assert_ne!(
            symptom("`/items/3`: no number", ""),
            symptom("`/items/4`: no number", "")
        );
        assert_eq!(symptom("at line 3", ""), symptom("at line 40", ""));
    }

    #[test]
    fn another_answer_may_fail_alike() {
        let symptom = |answer: Option<&str>| {
            let mut failure = Failure::new(FailureClass::VerifyFailed, "no");
            failure.answer = answer.map(str::to_owned);
            Symptom::of(&failure)
        };
        assert_eq!(symptom(Some("a")), symptom(Some("a")));
        for (one, other) in [(Some("a"), Some("b")), (Some("a"), None)] {
            assert_ne!(symptom(one), symptom(other));
            assert!(symptom(one).is_like(&symptom(other)));
        }
    }

    #[test]
    fn an_excerpt_of_the_answer_makes_no_difference() {
        let symptom = |detail: &str| {
            let mut failure = Failure::new(FailureClass::Unparseable, "no value");
            detail.clone_into(&mut failure.detail);
            Symptom::of(&failure)
        };
        assert_eq!(symptom("I think"), symptom("I guess"));
    }
}
