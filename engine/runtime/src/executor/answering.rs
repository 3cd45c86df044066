//! How an attempt counts the tokens of what it asks the profile that answers it.

use smallcode_core::tokens::{Calibration, Estimate, Tokens};

use super::{Answerer, Job};

/// A profile that answers an attempt, and how that counts its tokens: what others learn meanwhile changes nothing of what
/// it was told, nor does a crash.
#[derive(Clone, Copy)]
pub(crate) struct Answering<'a> {
    pub(super) answerer: &'a Answerer,
    pub(super) counting: Calibration,
}

impl<'a> Answering<'a> {
    /// How a call of an attempt counts: as it did before a crash, else by what is known now. 0 is the first call.
    pub(super) fn at(answerer: &'a Answerer, job: &Job, call: usize) -> Self {
        let counting = job
            .calls
            .get(call)
            .map_or_else(|| answerer.learned.calibration(), |record| record.counting);
        Self { answerer, counting }
    }

    pub(super) fn window(&self) -> Tokens {
        Tokens(self.answerer.facts.window)
    }

    /// How many tokens a prompt has at most, by what was learned of this server.
    pub(super) fn counted(&self, estimate: Estimate) -> u64 {
        self.counting.apply(estimate.high, self.window()).get()
    }

    /// What was learned that makes a prompt larger than we would count it, and where that is kept.
    pub(super) fn in_words(&self, estimate: Estimate) -> Option<String> {
        let more = self.counted(estimate).saturating_sub(estimate.high.get());
        let file = self.answerer.learned.file().filter(|_| more > 0)?;
        Some(format!(
            "{more} of them by what its server has counted before, see {file}"
        ))
    }

    /// How many tokens a text has at most that is a part of a prompt.
    pub(super) fn text(&self, estimate: Estimate) -> u64 {
        self.counting.text(estimate.high).get()
    }

    /// How many tokens a prompt has at most of which the server has counted so many.
    pub(super) fn exactly(&self, count: u64) -> u64 {
        self.counting.exactly(Tokens(count), self.window()).get()
    }
}

impl std::ops::Deref for Answering<'_> {
    type Target = Answerer;

    fn deref(&self) -> &Answerer {
        self.answerer
    }
}
