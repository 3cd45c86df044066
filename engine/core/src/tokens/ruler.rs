//! How many tokens there are up to each place of a text: what is cut to measure is counted once, not for each cut.

use super::pieces::{self, Content};
use super::{Family, Tokens, chunks, cl100k_part};

/// A text that is measured.
#[derive(Debug)]
pub(crate) struct Ruler<'a> {
    family: Family,
    text: &'a str,
    /// Where its blocks end, with what the text has up to there.
    marks: Vec<(usize, Content)>,
}

impl<'a> Ruler<'a> {
    pub(crate) fn new(family: Family, text: &'a str) -> Self {
        let mut marks = Vec::new();
        let (mut start, mut sum) = (0, Content::default());
        for chunk in chunks(text) {
            pieces::measure(chunk, cl100k_part, |end, block| {
                sum += block;
                marks.push((start + end, sum));
            });
            start += chunk.len();
        }
        Self { family, text, marks }
    }

    /// The tokens of the text before a place; exact where the tokeniser cuts there, and nearly so elsewhere.
    pub(crate) fn up_to(&self, at: usize) -> Tokens {
        let after = self.marks.partition_point(|(end, _)| *end <= at);
        let (start, before) = after
            .checked_sub(1)
            .and_then(|last| self.marks.get(last).copied())
            .unwrap_or_default();
        let rest = self.text.get(start..at).unwrap_or_default();
        let content = before + pieces::count(rest, cl100k_part);
        self.family.range(content, Tokens::ZERO).high
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CHUNK_BYTES, count};
    use super::*;

    #[test]
    fn what_is_measured_is_what_is_counted() {
        let source = include_str!("../yaml.rs").repeat(1 + CHUNK_BYTES / 8192);
        let text = source.as_str();
        for family in [Family::Qwen, Family::Unknown] {
            let ruler = Ruler::new(family, text);
            assert_eq!(ruler.up_to(0), Tokens::ZERO);
            assert_eq!(ruler.up_to(text.len()), count(family, text));
            let ends = text.match_indices('\n').map(|(at, _)| at + 1);
            for at in ends.step_by(97) {
                let (measured, counted) = (ruler.up_to(at).get(), count(family, &text[..at]).get());
                assert!(measured.abs_diff(counted) <= 2, "{at}: {measured} {counted}");
            }
        }
    }
}
