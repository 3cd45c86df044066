//! What is known of the quotes of a text.

use std::cell::RefCell;

use super::{Place, Quote};

/// What searches found out that went far, so that nobody makes them twice: not in this value, and not in the next one
/// of the same text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Up to where was searched.
    pub(super) end: usize,
    pub(super) dead: Vec<Dead>,
    /// Far ends of quotes: from where, of which kind, and the byte after it. Escaped quotes are none, so a text of
    /// nothing else would be searched to its end from each of them.
    pub(super) far: RefCell<Vec<(Quote, usize, Option<usize>)>>,
    /// Where the last brackets of the text close, the last one first; nothing before somebody asked.
    pub(super) closers: RefCell<Option<Vec<usize>>>,
}

/// From a byte on no quote ends a string of this place and kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dead {
    pub(super) place: Place,
    pub(super) quote: Quote,
    pub(super) from: usize,
    /// So many containers were open; what holds among these need not hold elsewhere.
    pub(super) depth: usize,
    /// Found in the value that is being read.
    pub(super) own: bool,
    /// No escaped one would, either.
    pub(super) escaped: bool,
}

impl Known {
    /// What of this holds for the next value of a text that ends at `end`.
    pub(super) fn up_to(mut self, end: usize) -> Self {
        if self.end != end {
            return Self {
                end,
                ..Self::default()
            };
        }
        for dead in &mut self.dead {
            dead.own = false;
        }
        self
    }
}
