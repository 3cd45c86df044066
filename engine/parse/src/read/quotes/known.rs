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
    /// Where the last brackets of the text close, the last one first, and how far back they were looked for.
    pub(super) closers: RefCell<Closers>,
    /// Where the closers and space at the very end of the text begin, and whether a closer is among them.
    pub(super) tail: Option<(usize, bool)>,
    /// From here on no fence has its end.
    pub(super) no_fence: Option<usize>,
}

/// The last closing brackets of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Closers {
    places: Vec<usize>,
    /// All from this byte on are among them; nothing before somebody asked.
    from: Option<usize>,
}

/// Of so many closing brackets it is known where they stand. Deeper than a schema of tools goes, and a text that was cut
/// off lacks them all.
const LAST_CLOSERS: usize = 32;

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

impl Closers {
    /// Whether as many brackets close from `at` on as are open there.
    pub(super) fn close(&mut self, bytes: &[u8], at: usize, depth: usize) -> bool {
        let Some(last) = depth.min(LAST_CLOSERS).checked_sub(1) else {
            return true;
        };
        let looked = self.from.unwrap_or(bytes.len());
        if at < looked && self.places.len() < LAST_CLOSERS {
            let before = bytes.get(at..looked).unwrap_or_default();
            let found = before.iter().enumerate().rev();
            let found = found.filter(|(_, byte)| matches!(byte, b']' | b'}'));
            let places = found.map(|(place, _)| at + place);
            self.places.extend(places.take(LAST_CLOSERS - self.places.len()));
            self.from = Some(at);
        }
        self.places.get(last).is_some_and(|place| *place >= at)
    }
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
