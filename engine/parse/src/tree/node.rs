//! A node, in as few bytes as it can be: a value of a megabyte has a hundred thousand of them.

use std::num::NonZeroU32;

use super::{Kind, Span, Text};

/// A node of a `Tree`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(super) NonZeroU32);

/// A [`Text`] in a third of the space; see [`Packed`].
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedText {
    start: u32,
    /// Above this, whether the text was decoded.
    length: u32,
}

/// The bit of a length that says that the text was decoded. What is left counts 2 GiB; see [`crate::MAX_BYTES`].
const DECODED: u32 = 1 << 31;

/// A [`Span`] in half the space: offsets fit 32 bits, as no text is longer than [`crate::MAX_BYTES`], and what is
/// decoded is never longer than a few times that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    start: u32,
    end: u32,
}

/// A value of a text has one for every twelve bytes or so, so each of theirs counts.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) cut: bool,
    /// What `key` holds is one.
    pub(super) keyed: bool,
    pub(super) span: Packed,
    pub(super) key: PackedText,
    pub(super) inside: Inside,
    pub(super) next: Option<NodeId>,
}

/// What a node holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside {
    Text(PackedText),
    Children {
        first: Option<NodeId>,
        last: Option<NodeId>,
        count: u32,
    },
}

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl From<Span> for Packed {
    fn from(span: Span) -> Self {
        let half = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: half(span.start),
            end: half(span.end),
        }
    }
}

impl From<Packed> for Span {
    fn from(packed: Packed) -> Self {
        Self::new(packed.start as usize, packed.end as usize)
    }
}

impl From<Text> for PackedText {
    fn from(text: Text) -> Self {
        let (span, decoded) = match text {
            Text::Source(span) => (span, 0),
            Text::Decoded(span) => (span, DECODED),
        };
        let half = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: half(span.start),
            length: half(span.len()).min(DECODED - 1) | decoded,
        }
    }
}

impl From<PackedText> for Text {
    fn from(packed: PackedText) -> Self {
        let start = packed.start as usize;
        let span = Span::new(start, start + (packed.length & !DECODED) as usize);
        if packed.length & DECODED == 0 {
            Self::Source(span)
        } else {
            Self::Decoded(span)
        }
    }
}

impl Node {
    /// The text of a scalar; of a container, what the source wrote.
    pub(super) fn text(&self) -> Text {
        match self.inside {
            Inside::Text(text) => text.into(),
            Inside::Children { .. } => Text::Source(self.span.into()),
        }
    }

    pub(super) fn key(&self) -> Option<Text> {
        self.keyed.then(|| self.key.into())
    }

    pub(super) fn set_key(&mut self, key: Option<Text>) {
        self.keyed = key.is_some();
        self.key = key.unwrap_or(Text::Source(Span::default())).into();
    }

    /// The first and the last child, and how many there are.
    pub(super) fn children(&self) -> (Option<NodeId>, Option<NodeId>, u32) {
        match self.inside {
            Inside::Text(_) => (None, None, 0),
            Inside::Children { first, last, count } => (first, last, count),
        }
    }
}
