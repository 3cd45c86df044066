//! Places in source texts.

use std::ops::Range;

/// The longest text that is read, in bytes: the cap of the engine's own files, and some hundred thousand lines.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A range of bytes in one source text, `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; texts are capped at [`MAX_BYTES`], so offsets fit.
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// From the start of this to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self {
            start: self.start,
            end: last.end.max(self.start),
        }
    }

    /// The empty place just after it.
    #[must_use]
    pub fn after(self) -> Self {
        Self {
            start: self.end,
            end: self.end,
        }
    }

    /// As a range, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Which of the loaded texts a span belongs to: an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub usize);

/// One text with the name that it is shown under.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the caller gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

/// Every text that problems may point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text and gives the id that its problems carry.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        self.list.push(Source {
            name: name.into(),
            text,
            lines,
        });
        SourceId(self.list.len() - 1)
    }

    /// The text behind an id.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0)
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// The line and column, both from 1, of an offset; the column is in characters.
    pub fn position(&self, id: SourceId, offset: u32) -> (usize, usize) {
        let Some(source) = self.get(id) else { return (1, 1) };
        let offset = (offset as usize).min(source.text.len());
        let line = source.lines.partition_point(|start| *start <= offset);
        let start = source.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = source.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let mut sources = Sources::default();
        let id = sources.add("a.bone", "é: 1\nxß: 2\n");
        assert_eq!(sources.position(id, 0), (1, 1));
        assert_eq!(sources.position(id, 2), (1, 2));
        assert_eq!(sources.position(id, 9), (2, 3));
        assert_eq!(sources.position(id, 12), (2, 6));
        assert_eq!(sources.position(id, 13), (3, 1));
        assert_eq!(sources.position(id, 99), (3, 1));
    }
}
