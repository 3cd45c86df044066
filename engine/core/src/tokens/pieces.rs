//! Counts of the tokeniser, put together from parts that were counted before.
//!
//! A prompt is counted several times while it is made to fit, and most of it again with each retry and each task that
//! shows the same file. The tokeniser cuts a text into pieces by a regular expression and looks at each piece alone.
//! [`ends_at`] knows places where a piece ends whatever stands around it: the counts of the parts between such places
//! add up to that of the whole, exactly. Texts, and blocks of some hundred bytes, are remembered by their hash, words by
//! themselves.
//! Where a block ends follows from what stands there, so that a text which is shown behind another, or without its
//! middle, is for the most part made of the same blocks. What is remembered changes no count, only the time it takes.

use std::collections::HashMap;
use std::ops::{Add, AddAssign};
use std::sync::{LazyLock, Mutex, PoisonError};

use ahash::RandomState;

/// The shortest block that is remembered, in bytes, and how long one may become before it ends anywhere.
const SHORTEST: usize = 256;
const LONGEST: usize = 2048;

/// One of so many lines is where a block ends: with lines of 35 bytes, one in 300 bytes.
const LINES: u64 = 8;

/// In a text without lines it is one of so many places: with words of six bytes, one in 400 bytes. With much fewer, most
/// blocks would become as long as they may, and texts that are shifted would have none in common.
const MARKS: u64 = 64;

/// The longest part that is remembered by itself, in bytes: longer ones are no words.
const WORD: usize = 32;

/// How many parts of each kind are remembered: all words of a large project, 40 MiB of text; some megabytes of memory.
const REMEMBERED: usize = 1 << 16;

/// The shortest text that is remembered as a whole, in bytes: what is shorter has few blocks.
const TEXT: usize = 4096;

/// How many texts are remembered as a whole, with their blocks: what the tasks that run at one time show; a few megabytes
/// of memory.
const TEXTS: usize = 256;

/// What a part of a text has that is counted: the parts of a text add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Tokens of `cl100k_base`.
    pub(super) tokens: u64,
    /// How many more a vocabulary needs that gives each digit its own token: `cl100k` joins up to three, so a run of
    /// `n` costs `n - ceil(n / 3)` more.
    pub(super) digits: u64,
    /// Characters that are not ASCII.
    pub(super) foreign: u64,
    /// Their bytes.
    pub(super) foreign_bytes: u64,
    /// Line breaks, tabs and the like: of `cl100k`, many are one token.
    pub(super) breaks: u64,
    /// Spaces.
    pub(super) spaces: u64,
}

impl Content {
    /// The tokens of its white space where each break is one, and of spaces sixteen are at most: so the vocabulary of
    /// Llama 2 has them.
    pub(super) fn blanks(self) -> u64 {
        self.breaks.saturating_add(self.spaces / 16)
    }
}

impl Add for Content {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            digits: self.digits.saturating_add(other.digits),
            foreign: self.foreign.saturating_add(other.foreign),
            foreign_bytes: self.foreign_bytes.saturating_add(other.foreign_bytes),
            breaks: self.breaks.saturating_add(other.breaks),
            spaces: self.spaces.saturating_add(other.spaces),
        }
    }
}

impl AddAssign for Content {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// What was counted so far. The keys of the hash are this process's own, so that nobody can make two texts meet.
#[derive(Default)]
struct Memory {
    hasher: RandomState,
    /// Texts by their blocks: where each ends, and what it has.
    texts: HashMap<u64, Vec<(usize, Content)>>,
    blocks: HashMap<u64, Content>,
    words: HashMap<Box<str>, u64, RandomState>,
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

/// Counts a text by a function that counts the tokens of any part of it, and tells after each block where it ends and
/// what it has.
pub(super) fn measure(text: &str, tokenise: fn(&str) -> u64, mut tell: impl FnMut(usize, Content)) {
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let hash = (text.len() >= TEXT).then(|| memory.hasher.hash_one(text));
    if let Some(known) = hash.and_then(|hash| memory.texts.get(&hash)) {
        for (end, block) in known {
            tell(*end, *block);
        }
        return;
    }
    let mut blocks = Vec::new();
    let mut end = 0;
    for block in parts(text, block_end) {
        end += block.len();
        blocks.push((end, memory.block(block, tokenise)));
    }
    for (end, block) in &blocks {
        tell(*end, *block);
    }
    if let Some(hash) = hash {
        if memory.texts.len() >= TEXTS {
            memory.texts.clear();
        }
        memory.texts.insert(hash, blocks);
    }
}

/// Counts a text by a function that counts the tokens of any part of it.
pub(super) fn count(text: &str, tokenise: fn(&str) -> u64) -> Content {
    let mut sum = Content::default();
    measure(text, tokenise, |_, block| sum += block);
    sum
}

impl Memory {
    fn block(&mut self, block: &str, tokenise: fn(&str) -> u64) -> Content {
        // A short one is the end of a text, and cheap.
        let hash = (block.len() >= SHORTEST).then(|| self.hasher.hash_one(block));
        if let Some(known) = hash.and_then(|hash| self.blocks.get(&hash)) {
            return *known;
        }
        let content = Content {
            tokens: parts(block, word_end).map(|word| self.word(word, tokenise)).sum(),
            ..characters(block)
        };
        if let Some(hash) = hash {
            if self.blocks.len() >= REMEMBERED {
                self.blocks.clear();
            }
            self.blocks.insert(hash, content);
        }
        content
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

/// What can be seen of a text without the tokeniser.
fn characters(text: &str) -> Content {
    let mut content = Content::default();
    let mut run: u64 = 0;
    for byte in text.bytes().chain([0]) {
        if byte.is_ascii_digit() {
            run += 1;
            continue;
        }
        content.digits += run - run.div_ceil(3);
        run = 0;
        content.breaks += u64::from(matches!(byte, b'\t'..=b'\r'));
        content.spaces += u64::from(byte == b' ');
        content.foreign_bytes += u64::from(!byte.is_ascii());
        // The first byte of a character: those that follow begin with `10`.
        content.foreign += u64::from(byte >= 0xc0);
    }
    content
}

/// The parts of a text, each up to where `end` says.
fn parts(text: &str, end: fn(&[u8]) -> Option<usize>) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = end(rest.as_bytes()).unwrap_or(rest.len());
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Where the first word of a text ends, if that is not at its end.
fn word_end(text: &[u8]) -> Option<usize> {
    (1..text.len()).find(|at| ends_at(text, *at))
}

/// Where the first block of a text ends, if that is not at its end.
fn block_end(text: &[u8]) -> Option<usize> {
    let within = text.get(..LONGEST.min(text.len())).unwrap_or_default();
    let first = SHORTEST - 1;
    let breaks = memchr::memchr_iter(b'\n', within.get(first..).unwrap_or_default());
    let mut lines = breaks.map(|from| first + from + 1);
    lines
        .find(|at| is_mark(text, *at, LINES) && line_begins_at(text, *at))
        .or_else(|| (SHORTEST..within.len()).find(|at| is_mark(text, *at, MARKS) && ends_at(text, *at)))
        .or_else(|| (LONGEST..text.len()).find(|at| ends_at(text, *at)))
}

/// Whether what stands before a place is of those behind which a block ends: one in so many.
fn is_mark(text: &[u8], at: usize, one_in: u64) -> bool {
    /// How many bytes are looked at.
    const BYTES: usize = 8;
    let before = at
        .checked_sub(BYTES)
        .and_then(|from| text.get(from..at)?.first_chunk::<BYTES>());
    // Knuth's multiplicative hash: its upper bits depend on all of the bytes.
    before.is_some_and(|before| {
        let hash = u64::from_le_bytes(*before).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash < u64::MAX / one_in
    })
}

/// Whether a piece of `cl100k_base` ends for sure at this place, which stands behind a line break: where its line holds
/// something. A piece that holds a line break ends with the last one before something else than white space.
fn line_begins_at(text: &[u8], at: usize) -> bool {
    let line = text.get(at..).unwrap_or_default();
    let first = line.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    first.is_some_and(u8::is_ascii_graphic)
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
                let whole = Content {
                    tokens: tokenise(text),
                    ..characters(text)
                };
                assert_eq!(count(text, tokenise), whole);
            }
            assert_eq!(parts(text, block_end).collect::<String>(), text);
        }
    }

    #[test]
    fn a_text_that_is_shifted_is_made_of_the_same_blocks() {
        let text = include_str!("../yaml.rs");
        let blocks = |text: &'static str| parts(text, block_end).collect::<std::collections::BTreeSet<_>>();
        let whole = blocks(text);
        let mean = text.len() / whole.len();
        assert!(mean > SHORTEST && mean < LONGEST / 2, "{mean}");
        for shift in [1, 100, 333, 1000] {
            let shifted = blocks(text.get(shift..).unwrap());
            let new = shifted.difference(&whole).count();
            assert!(new <= 6, "{shift}: {new} of {}", shifted.len());
        }
    }

    #[test]
    fn characters_are_looked_at_once() {
        let content = characters("a1234567é漢🙂 12\u{300}");
        assert_eq!(
            (content.digits, content.foreign, content.foreign_bytes),
            (5, 4, 11)
        );
        let content = characters("a\n\n\t b  \r\n");
        assert_eq!((content.breaks, content.spaces, content.blanks()), (5, 3, 5));
        assert_eq!(characters(&" ".repeat(40)).blanks(), 2);
    }

    #[test]
    fn a_text_without_lines_is_cut_as_well() {
        let text = include_str!("../yaml.rs").replace('\n', " ");
        let blocks: Vec<_> = parts(&text, block_end).collect();
        let mean = text.len() / blocks.len();
        assert!(mean > SHORTEST && mean < LONGEST / 2, "{mean}");
        assert_eq!(count(&text, tokenise).tokens, tokenise(&text));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn parts_add_up_to_the_whole(
            text in "([a-cS'é ſK0-9]{0,4}|don't|I'LL|'S|[ \\t\\r\\n]{0,4}|[-.(){}:;/]{0,3}|[漢字🙂\u{301}\u{a0}²½]{0,2}){0,24}",
            repeat in 1_usize..60,
        ) {
            let text = text.repeat(repeat);
            let whole = Content { tokens: tokenise(&text), ..characters(&text) };
            prop_assert_eq!(count(&text, tokenise), whole, "{:?}", text);
        }
    }
}
