//! Counts of the tokeniser, put together from parts that were counted before.
//!
//! A prompt is counted several times while it is made to fit, and most of it again with each retry and each task that
//! shows the same file. The tokeniser cuts a text into pieces by a regular expression and looks at each piece alone.
//! [`ends_at`] knows places where a piece ends whatever stands around it: the counts of the parts between such places
//! add up to that of the whole, exactly. Blocks of about a kilobyte are remembered by their hash, words by themselves.
//! What is remembered changes no count, only the time it takes.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The shortest block that is remembered, in bytes.
const BLOCK: usize = 1024;

/// The longest part that is remembered by itself, in bytes: longer ones are no words.
const WORD: usize = 32;

/// How many parts of each kind are remembered: all words of a large project, 64 MiB of text; some megabytes of memory.
const REMEMBERED: usize = 1 << 16;

/// What was counted so far. The keys of the hash are this process's own, so that nobody can make two texts meet.
#[derive(Default)]
struct Memory {
    hasher: RandomState,
    blocks: HashMap<u64, u64>,
    words: HashMap<Box<str>, u64>,
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

/// Counts a text by a function that counts any part of it.
pub(super) fn count(text: &str, tokenise: fn(&str) -> u64) -> u64 {
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    parts(text, BLOCK)
        .map(|block| memory.block(block, tokenise))
        .sum()
}

impl Memory {
    fn block(&mut self, block: &str, tokenise: fn(&str) -> u64) -> u64 {
        // A short one is the end of a text, and cheap.
        let hash = (block.len() >= BLOCK).then(|| self.hasher.hash_one(block));
        if let Some(known) = hash.and_then(|hash| self.blocks.get(&hash)) {
            return *known;
        }
        let count = parts(block, 1).map(|word| self.word(word, tokenise)).sum();
        if let Some(hash) = hash {
            if self.blocks.len() >= REMEMBERED {
                self.blocks.clear();
            }
            self.blocks.insert(hash, count);
        }
        count
    }

    fn word(&mut self, word: &str, tokenise: fn(&str) -> u64) -> u64 {
        if let Some(known) = self.words.get(word) {
            return *known;
        }
        let count = tokenise(word);
        if word.len() <= WORD {
            if self.words.len() >= REMEMBERED {
                self.words.clear();
            }
            self.words.insert(word.into(), count);
        }
        count
    }
}

/// The parts of a text, each of at least so many bytes but for the last.
fn parts(text: &str, least: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (least..rest.len())
            .find(|at| ends_at(rest.as_bytes(), *at))
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Whether a piece of `cl100k_base` ends here for sure: behind a letter before what is none, behind a digit before what
/// is none, and before a space that no space stands before. Its pieces hold letters at their end alone, digits
/// alone, and spaces at their start or alone. Only ASCII is looked at: for the rest there are tables.
fn ends_at(text: &[u8], at: usize) -> bool {
    let (Some(before), Some(after)) = (at.checked_sub(1).and_then(|at| text.get(at)), text.get(at)) else {
        return false;
    };
    if !before.is_ascii() || !after.is_ascii() {
        return false;
    }
    if before.is_ascii_alphabetic() {
        return !after.is_ascii_alphabetic();
    }
    if before.is_ascii_digit() {
        return !after.is_ascii_digit();
    }
    before.is_ascii_graphic() && matches!(after, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokenise(text: &str) -> u64 {
        u64::try_from(tiktoken_rs::cl100k_base_singleton().encode_ordinary(text).len()).unwrap()
    }

    #[test]
    fn the_same_text_counts_the_same_however_it_is_remembered() {
        let source = include_str!("../yaml.rs");
        for text in [
            source,
            include_str!("../../../../README.md"),
            include_str!("../../../../Cargo.lock"),
        ] {
            for _ in 0..3 {
                assert_eq!(count(text, tokenise), tokenise(text));
            }
            assert_eq!(parts(text, BLOCK).collect::<String>(), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn parts_add_up_to_the_whole(
            text in "([a-cS'é ſK0-9]{0,4}|don't|I'LL|'S|[ \\t\\r\\n]{0,4}|[-.(){}:;/]{0,3}|[漢字🙂\u{301}\u{a0}²½]{0,2}){0,24}",
            repeat in 1_usize..60,
        ) {
            let text = text.repeat(repeat);
            prop_assert_eq!(count(&text, tokenise), tokenise(&text), "{:?}", text);
        }
    }
}
