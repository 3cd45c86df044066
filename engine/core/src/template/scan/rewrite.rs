//! Small changes to a source, and the way back from a place in the result to the source.

use std::borrow::Cow;
use std::ops::Range;

/// Puts `text` in place of the bytes of `span`.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: Cow<'static, str>,
    /// What the text stands for, when an error is about it.
    pub(super) origin: Range<usize>,
}

impl Edit {
    /// Puts a text in place of another.
    pub(super) fn replace(span: Range<usize>, text: impl Into<Cow<'static, str>>) -> Self {
        Edit {
            origin: span.clone(),
            span,
            text: text.into(),
        }
    }

    /// Puts a text in at a place, on behalf of `origin`.
    pub(super) fn insert(at: usize, text: &'static str, origin: Range<usize>) -> Self {
        Edit {
            span: at..at,
            text: Cow::Borrowed(text),
            origin,
        }
    }
}

/// A part of a source with its edits applied.
#[derive(Debug)]
pub(in crate::template) struct Rewritten {
    pub(in crate::template) text: String,
    pub(in crate::template) origin: Origin,
}

/// A stretch of a rewritten source.
#[derive(Debug)]
struct Anchor {
    begin: usize,
    origin: Range<usize>,
    verbatim: bool,
}

impl Rewritten {
    pub(super) fn new(source: &str, range: Range<usize>, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| edit.span.start);
        let mut text = String::with_capacity(range.len() + edits.len() * 4);
        let mut anchors = Vec::new();
        let mut at = range.start;
        let copy = |text: &mut String, anchors: &mut Vec<Anchor>, part: Range<usize>| {
            anchors.push(Anchor {
                begin: text.len(),
                origin: part.clone(),
                verbatim: true,
            });
            text.push_str(source.get(part).unwrap_or(""));
        };
        for edit in edits
            .iter()
            .filter(|edit| range.start <= edit.span.start && edit.span.end <= range.end)
        {
            copy(&mut text, &mut anchors, at..edit.span.start);
            anchors.push(Anchor {
                begin: text.len(),
                origin: edit.origin.clone(),
                verbatim: false,
            });
            text.push_str(&edit.text);
            at = edit.span.end;
        }
        copy(&mut text, &mut anchors, at..range.end);
        Rewritten {
            text,
            origin: Origin { range, anchors },
        }
    }
}

/// Finds the place in a source that a place in its rewritten form came from.
#[derive(Debug)]
pub(in crate::template) struct Origin {
    range: Range<usize>,
    /// In the order of where they begin.
    anchors: Vec<Anchor>,
}

impl Origin {
    /// Returns all of the source that was rewritten.
    pub(in crate::template) fn whole(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Maps a range.
    pub(in crate::template) fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = match self.anchor(range.start) {
            Some(anchor) if anchor.verbatim => {
                (anchor.origin.start + (range.start - anchor.begin)).min(anchor.origin.end)
            }
            Some(anchor) => anchor.origin.start,
            None => self.range.start,
        };
        let end = match self.anchor(range.end.saturating_sub(1)) {
            _ if range.is_empty() => start,
            Some(anchor) if anchor.verbatim => {
                (anchor.origin.start + (range.end - anchor.begin)).min(anchor.origin.end)
            }
            Some(anchor) => anchor.origin.end,
            None => start,
        };
        start..end.max(start)
    }

    fn anchor(&self, at: usize) -> Option<&Anchor> {
        let next = self.anchors.partition_point(|anchor| anchor.begin <= at);
        next.checked_sub(1).and_then(|index| self.anchors.get(index))
    }
}
