//! What of a profile was told to the user once, so that it is not told of each call.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// How many messages are remembered: what a server makes up anew for each call is not told for ever.
const REMEMBERED: usize = 64;

/// The messages that were told.
#[derive(Debug, Default)]
pub struct Told(Mutex<BTreeSet<String>>);

impl Told {
    /// Whether this is the first time, and so to be told.
    pub(super) fn is_first(&self, what: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < REMEMBERED && told.insert(what.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_and_not_without_end() {
        let told = Told::default();
        assert!(told.is_first("one") && told.is_first("other"));
        assert!(!told.is_first("one"));
        let new = (0..1000).filter(|number| told.is_first(&number.to_string()));
        assert_eq!(new.count(), REMEMBERED - 2);
    }
}
