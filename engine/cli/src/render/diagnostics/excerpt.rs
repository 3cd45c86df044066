//! The lines of a source that a diagnostic points into, cut to what can be read.
//!
//! A source may have a line of many thousand characters, and a span may lie at its end, behind the last
//! line or inside a character. An excerpt holds few short lines, and marks that lie inside of them.

use std::ops::Range;

use smallcode_core::diagnostic::{Diagnostic, Fix, Label, SourceId, Sources, Span};

use crate::render::text;

/// When a line is too long to be shown whole, and what then stays of it, in bytes.
struct Limits {
    /// Lines up to this stay as they are.
    long: usize,
    /// This much stays before the first mark …
    before: usize,
    /// … and this much after its start.
    after: usize,
}

/// For what is marked: the renderer trims to the width itself, well, but not lines of any length.
const MARKED: Limits = Limits {
    long: 400,
    before: 100,
    after: 120,
};
/// For what is replaced: those lines it does not trim.
const REPLACED: Limits = Limits {
    long: 74,
    before: 24,
    after: 48,
};
/// Marks further apart than this many bytes are shown in excerpts of their own, so that two places at both
/// ends of a large file don't drag all of it along.
const APART: usize = 16 * 1024;

/// A few whole lines of a source, with what to mark in them.
pub(super) struct Excerpt {
    /// The name of the source.
    pub(super) name: String,
    /// Where the first mark begins in the source: line and column in characters, from 1.
    place: (usize, usize),
    /// The number of the first line of `text`.
    pub(super) first_line: usize,
    /// The lines.
    pub(super) text: String,
    /// What to mark.
    pub(super) marks: Vec<Mark>,
}

/// A range of an excerpt's text.
pub(super) struct Mark {
    /// The bytes.
    pub(super) range: Range<usize>,
    /// What to say beside it; may be empty.
    pub(super) label: String,
    /// Whether it is the place of the diagnostic.
    pub(super) primary: bool,
}

/// A mark in the coordinates of the source.
struct Place {
    range: Range<usize>,
    label: String,
    primary: bool,
}

impl Excerpt {
    /// What to show for the labels of a diagnostic, the primary place first.
    pub(super) fn around(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Self> {
        let mut groups: Vec<(SourceId, Vec<Place>)> = Vec::new();
        for (index, label) in diagnostic.labels.iter().enumerate() {
            let Some(source) = sources.get(label.source) else {
                continue;
            };
            let place = Place::new(&source.text, label, index == 0);
            let near = groups.iter_mut().find(|(id, places)| {
                *id == label.source
                    && places
                        .iter()
                        .all(|other| other.range.start.abs_diff(place.range.start) < APART)
            });
            match near {
                Some((_, places)) => places.push(place),
                None => groups.push((label.source, vec![place])),
            }
        }
        groups
            .into_iter()
            .filter_map(|(id, places)| Self::new(id, &places, sources, &MARKED))
            .collect()
    }

    /// The lines that a fix changes, with the one mark to replace. None where the text to replace is not in
    /// one line that can be shown whole.
    pub(super) fn of_fix(fix: &Fix, sources: &Sources) -> Option<Self> {
        let source = sources.get(fix.source)?;
        let range = within(&source.text, fix.span);
        let whole = source.text.get(range.clone())?;
        if whole.contains('\n') || whole.len() > REPLACED.after {
            return None;
        }
        Self::new(
            fix.source,
            &[Place {
                range,
                label: String::new(),
                primary: true,
            }],
            sources,
            &REPLACED,
        )
    }

    fn new(id: SourceId, places: &[Place], sources: &Sources, limits: &Limits) -> Option<Self> {
        let source = sources.get(id)?;
        let first = places.iter().map(|place| place.range.start).min()?;
        let last = places.iter().map(|place| place.range.end).max()?;
        let start = source
            .text
            .get(..first)?
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let rest = source.text.get(last..)?;
        let end = last + rest.find('\n').unwrap_or(rest.len());
        let shown = places.first()?.range.start;
        let place = sources.position(id, u32::try_from(shown).ok()?);
        let (first_line, _) = sources.position(id, u32::try_from(start).ok()?);
        let mut excerpt = Self {
            name: text::one_line(&source.name),
            place,
            first_line,
            text: String::new(),
            marks: Vec::new(),
        };
        let mut offset = start;
        for line in source.text.get(start..end)?.split('\n') {
            if offset > start {
                excerpt.text.push('\n');
            }
            excerpt.push_line(line, offset, places, limits);
            offset += line.len() + 1;
        }
        Some(excerpt)
    }

    /// Adds a line that begins at `offset` of the source, and the marks that begin in it.
    fn push_line(&mut self, line: &str, offset: usize, places: &[Place], limits: &Limits) {
        let bounds = offset..=offset + line.len();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let here = |place: &&Place| bounds.contains(&place.range.start);
        let mut kept = 0..line.len();
        if line.len() > limits.long {
            let first = places
                .iter()
                .filter(here)
                .map(|place| place.range.start - offset)
                .min()
                .unwrap_or(0);
            kept = floor(line, first.saturating_sub(limits.before))..floor(line, first + limits.after);
        }
        if kept.start > 0 {
            self.text.push('…');
        }
        let base = self.text.len();
        self.text
            .extend(line.get(kept.clone()).unwrap_or_default().chars().map(visible));
        for place in places.iter().filter(here) {
            let inside = |at: usize| base + (at - offset).clamp(kept.start, kept.end) - kept.start;
            self.marks.push(Mark {
                range: inside(place.range.start)..inside(place.range.end),
                label: place.label.clone(),
                primary: place.primary,
            });
        }
        if kept.end < line.len() {
            self.text.push('…');
        }
    }
}

impl Excerpt {
    /// How the renderer names the place of the first mark, and its name in the source, where they differ.
    pub(super) fn moved(&self) -> Option<(String, String)> {
        let mark = self
            .marks
            .iter()
            .find(|mark| mark.primary)
            .or(self.marks.first())?;
        let before = self.text.get(..mark.range.start)?;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        let (line, real) = self.place;
        (column != real).then(|| {
            (
                format!("{}:{line}:{column}", self.name),
                format!("{}:{line}:{real}", self.name),
            )
        })
    }
}

impl Place {
    fn new(source: &str, label: &Label, primary: bool) -> Self {
        let mut range = within(source, label.span);
        // Of a place that spans lines, the first says where it is; the rest would only fill the screen.
        let first_line = source.get(range.clone()).and_then(|marked| marked.find('\n'));
        if let Some(length) = first_line {
            range.end = range.start + length;
        }
        Self {
            range,
            label: text::one_line(&label.text),
            primary,
        }
    }
}

/// The span as a range that lies in the text and on its characters' bounds. The end of a text that ends
/// with a line break is shown at the end of its last line.
fn within(source: &str, span: Span) -> Range<usize> {
    let range = span.range();
    let last = source
        .strip_suffix('\n')
        .map_or(source.len(), |text| text.strip_suffix('\r').unwrap_or(text).len());
    let start = floor(
        source,
        if range.start >= source.len() {
            last
        } else {
            range.start
        },
    );
    let mut end = range.end.clamp(start, source.len());
    while !source.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// A character that is as long and can be seen, for those that the renderer lets through.
fn visible(c: char) -> char {
    match c {
        '\u{80}'..='\u{9f}' => '·',
        '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// The nearest bound of a character at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
