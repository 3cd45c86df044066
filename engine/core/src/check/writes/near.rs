//! Which globs are worth comparing: those that begin and end as what they are compared with does.
//!
//! Whatever a glob matches begins with its text before the first wildcard and ends with that after the last one. Two
//! that have a match in common therefore have beginnings of which one begins the other, and ends of which one ends
//! the other. Either is looked up in an order of texts, and the one that leaves fewer is gone through: of thousands
//! of `out/*-7.md` the ends tell which few to compare, of `out/7-*.md` the beginnings.

use std::collections::BTreeSet;
use std::ops::Range;

/// Globs in the order of their beginnings, and in that of their ends.
#[derive(Debug, Default)]
pub(super) struct Near {
    starts: Order,
    ends: Order,
}

impl Near {
    /// Globs by their beginning, their end and a number of the caller's.
    pub(super) fn new(globs: impl IntoIterator<Item = (String, String, usize)>) -> Self {
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for (start, end, number) in globs {
            starts.push((start, number));
            ends.push((backwards(&end), number));
        }
        Self {
            starts: Order::new(starts),
            ends: Order::new(ends),
        }
    }

    /// The numbers of the globs that may match something that begins and ends so, and of more.
    pub(super) fn to(&self, start: &str, end: &str) -> impl Iterator<Item = usize> {
        let starts = self.starts.fitting(start);
        let ends = self.ends.fitting(&backwards(end));
        let count = |ranges: &[Range<usize>]| ranges.iter().map(Range::len).sum::<usize>();
        let (order, ranges) = if count(&starts) <= count(&ends) {
            (&self.starts, starts)
        } else {
            (&self.ends, ends)
        };
        ranges.into_iter().flat_map(|range| {
            let found = order.texts.get(range).unwrap_or_default();
            found.iter().map(|(_, number)| *number)
        })
    }
}

/// Texts in order, so that those that begin alike stand together.
#[derive(Debug, Default)]
struct Order {
    texts: Vec<(String, usize)>,
    /// How long texts are.
    lengths: BTreeSet<usize>,
}

impl Order {
    fn new(mut texts: Vec<(String, usize)>) -> Self {
        texts.sort_unstable();
        Self {
            lengths: texts.iter().map(|(text, _)| text.len()).collect(),
            texts,
        }
    }

    /// Where those stand that begin with a text, or that it begins with.
    fn fitting(&self, text: &str) -> Vec<Range<usize>> {
        let shorter = self.lengths.range(..text.len());
        let mut found: Vec<Range<usize>> = shorter
            .filter_map(|length| text.get(..*length))
            .map(|begin| self.range(|other| other <= begin, begin))
            .collect();
        found.push(self.range(|other| other <= text || other.starts_with(text), text));
        found.retain(|range| !range.is_empty());
        found
    }

    /// From the first text that is not before `from` to the last one that is `within`.
    fn range(&self, within: impl Fn(&str) -> bool, from: &str) -> Range<usize> {
        let start = self.texts.partition_point(|(other, _)| other.as_str() < from);
        let end = self.texts.partition_point(|(other, _)| within(other));
        start..end
    }
}

fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}
