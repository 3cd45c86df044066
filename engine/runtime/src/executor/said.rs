//! What a model answered last, so that one that repeats itself is told from one that tries something else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use smallcode_core::run::{Failure, FailureClass};

use crate::answer;
use crate::model::Reply;

/// How much of a digest tells a few answers apart, in hexadecimal digits.
const DIGEST: usize = 16;

/// How much of an answer that went round in circles is compared, in characters: it is longer than that, by how much depends
/// on when it was noticed.
const BEGINNING: usize = 1024;

/// Digests of what a model answered last: the same for answers that say the same.
#[derive(Debug, Default)]
pub struct Said(Mutex<Option<Digests>>);

#[derive(Clone, Debug)]
struct Digests {
    whole: String,
    beginning: String,
}

impl Said {
    /// Notes an answer. What was thought aloud makes no difference, nor do spaces.
    pub(super) fn note(&self, reply: &Reply) {
        let mut said = words(answer::text(&reply.text));
        let beginning = digest(&said.chars().take(BEGINNING).collect::<String>());
        for call in &reply.tool_calls {
            said.extend(["\n", &call.name, "\n", &words(&call.arguments)]);
        }
        *self.digests() = Some(Digests {
            whole: digest(&said),
            beginning,
        });
    }

    /// Adds to a failure which answer was wrong.
    pub(super) fn blamed(&self, mut failure: Failure) -> Failure {
        if failure.class.is_of_the_answer() {
            let digests = self.digests().clone();
            failure.answer = digests.map(|digests| match failure.class {
                FailureClass::Looping => digests.beginning,
                _ => digests.whole,
            });
        }
        failure
    }

    fn digests(&self) -> MutexGuard<'_, Option<Digests>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digest(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes());
    hash.to_hex().chars().take(DIGEST).collect()
}
