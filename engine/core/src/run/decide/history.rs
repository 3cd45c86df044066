//! How attempts failed, reduced to what tells whether two of them failed alike.

use crate::run::{Failure, FailureClass};

/// How much of a failure's detail is compared, in characters: the first diagnostics, which is what a model works on.
const COMPARED: usize = 2000;

/// How an attempt failed: two that failed alike are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// The class.
    pub(super) class: FailureClass,
    /// A digest of what was wrong and where.
    told: [u8; 16],
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
        let mut told = [0; 16];
        for (byte, of_hash) in told.iter_mut().zip(hasher.finalize().as_bytes()) {
            *byte = *of_hash;
        }
        Self {
            class: failure.class,
            told,
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.class == FailureClass::Truncated
    }
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
    fn an_excerpt_of_the_answer_makes_no_difference() {
        let symptom = |detail: &str| {
            let mut failure = Failure::new(FailureClass::Unparseable, "no value");
            detail.clone_into(&mut failure.detail);
            Symptom::of(&failure)
        };
        assert_eq!(symptom("I think"), symptom("I guess"));
    }
}
