//! How long an agent is let go on while it gets nowhere: what bounds its loop besides the calls that it may make.

use std::collections::HashMap;

/// How many answers in a row may hold no call that can be carried out: each is told what was expected. A model that
/// does not understand it the second time has not been seen to understand it the tenth.
const MISSES: u32 = 2;

/// How often the same call may come to nothing before the attempt is stuck: once, then knowing that it did, then no
/// more.
pub const ALIKE: u32 = 3;

/// What an attempt has done to no effect so far.
#[derive(Debug, Default)]
pub struct Patience {
    misses: u32,
    /// What each call that came to nothing was told last, and how often in a row.
    futile: HashMap<String, (String, u32)>,
}

impl Patience {
    /// An answer held no call that can be carried out. Whether the model is told so and may try again.
    pub fn missed(&mut self) -> bool {
        self.misses += 1;
        self.misses <= MISSES
    }

    /// An answer held one.
    pub fn understood(&mut self) {
        self.misses = 0;
    }

    /// A call did nothing, and this is what the model is told. Whether it may go on.
    ///
    /// `key` is the same for calls that would do the same: where the world has changed between two, it has to differ.
    pub fn futile(&mut self, key: String, told: &str) -> bool {
        let (text, times) = self.futile.entry(key).or_default();
        if text == told {
            *times += 1;
        } else {
            told.clone_into(text);
            *times = 1;
        }
        *times < ALIKE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_without_a_call_are_borne_twice_in_a_row() {
        let mut patience = Patience::default();
        assert!(patience.missed() && patience.missed());
        patience.understood();
        assert!(patience.missed() && patience.missed() && !patience.missed());
    }

    #[test]
    fn the_same_call_with_the_same_end_is_borne_twice() {
        let mut patience = Patience::default();
        let mut again = |key: &str, told: &str| patience.futile(key.to_owned(), told);
        assert!(again("a", "no") && again("b", "no") && again("a", "no") && again("b", "no"));
        assert!(!again("a", "no"));
        // What it is told has changed: something did happen.
        assert!(again("b", "another reason") && again("b", "another reason"));
        assert!(!again("b", "another reason"));
    }
}
