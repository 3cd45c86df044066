//! What is wrong with what the user wrote, where, and what to do about it.
//!
//! A [`Diagnostic`] is plain data: the command renders it for people, reports serialise it. All problems of
//! a file are collected before anything is shown. What goes wrong in the world (a disk, a server, a process)
//! is not a diagnostic but a typed error of the module that met it.

mod codes;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use codes::{Code, explanation};

/// A range of bytes in one source text, `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; offsets past 4 GiB saturate (sources are capped at 4 MiB).
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// The span as a range of `usize`, for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Which of the loaded sources a span belongs to: an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// One source text with the name that it is shown under.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path as the user gave it, or `--input name`.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    /// The place of each [`STRIDE`]th byte, once a position is asked for: most texts have no problem.
    places: OnceLock<Box<[Place]>>,
}

/// Positions are counted from the nearest of these many bytes: a file has as many as it has problems, and counting
/// each of them from the start of the file, or of a line without end, would take the square of its size.
const STRIDE: usize = 1024;

/// Where a byte stands in its text.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// From 1.
    line: usize,
    /// In characters that begin before it, from 1.
    column: usize,
}

impl Place {
    /// The place behind these bytes.
    fn after(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.column = 1;
                }
                // A byte that goes on with a character of UTF-8 begins none.
                0x80..=0xbf => {}
                _ => self.column += 1,
            }
        }
        self
    }

    fn each_stride(text: &str) -> Box<[Self]> {
        let first = Self { line: 1, column: 1 };
        let strides = text.as_bytes().chunks(STRIDE).scan(first, |next, bytes| {
            let place = *next;
            *next = next.after(bytes);
            Some(place)
        });
        strides.collect()
    }
}

/// Every text that diagnostics may point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a text and gives the id that spans into it carry.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source {
            name: name.into(),
            text: text.into(),
            places: OnceLock::new(),
        });
        id
    }

    /// The source behind an id.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The 1-based line and column (in characters) of a byte offset.
    pub fn position(&self, id: SourceId, offset: u32) -> (usize, usize) {
        let Some(source) = self.get(id) else { return (1, 1) };
        let end = floor_char_boundary(&source.text, offset as usize);
        // One stride back where the text ends with one.
        let places = source.places.get_or_init(|| Place::each_stride(&source.text));
        let stride = (end / STRIDE).min(places.len().saturating_sub(1));
        let Some(place) = places.get(stride) else {
            return (1, 1);
        };
        let rest = source
            .text
            .as_bytes()
            .get(stride * STRIDE..end)
            .unwrap_or_default();
        let place = place.after(rest);
        (place.line, place.column)
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// How bad it is: an error stops, a warning is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file can't be run.
    Error,
    /// The file runs, but something in it is probably not meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A place that a diagnostic points at, with a few words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The source text.
    pub source: SourceId,
    /// The bytes to underline.
    pub span: Span,
    /// What to say beside the underline; may be empty.
    pub text: String,
}

/// A replacement of text that would mend the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The source text.
    pub source: SourceId,
    /// The bytes to replace.
    pub span: Span,
    /// What to put there.
    pub replacement: String,
}

/// One problem: a stable code, a sentence, the places and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, explained by `smallcode explain`.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, back-ticks round code.
    pub message: String,
    /// The places, the primary one first.
    pub labels: Vec<Label>,
    /// What to do, one line each.
    pub help: Vec<String>,
    /// A replacement that would mend it, where one is certain enough.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A diagnostic with its primary place. The severity is that of the code's letter.
    pub fn new(code: Code, source: SourceId, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: vec![Label {
                source,
                span,
                text: String::new(),
            }],
            help: Vec::new(),
            fix: None,
        }
    }

    /// Says something beside the primary underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, source: SourceId, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            source,
            span,
            text: text.into(),
        });
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Offers `name` in place of the primary span, when there is a likely one.
    #[must_use]
    pub fn did_you_mean(mut self, name: Option<&str>) -> Self {
        if let (Some(name), Some(label)) = (name, self.labels.first()) {
            self.help.push(format!("did you mean `{name}`?"));
            self.fix = Some(Fix {
                source: label.source,
                span: label.span,
                replacement: name.to_owned(),
            });
        }
        self
    }

    /// Whether it stops the file from being run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Collects the problems of one load.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Whether there is one of this code in a text.
    pub fn has(&self, code: Code, source: SourceId) -> bool {
        let places = self.list.iter().filter(|problem| problem.code == code);
        places
            .filter_map(|problem| problem.labels.first())
            .any(|label| label.source == source)
    }

    /// The problems in the order of the text, each once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        let place =
            |diagnostic: &Diagnostic| diagnostic.labels.first().map(|label| (label.source, label.span));
        self.list.sort_by(|left, right| {
            (place(left), left.code, &left.message).cmp(&(place(right), right.code, &right.message))
        });
        self.list.dedup();
        self.list
    }
}

/// Words in a sentence: "`a`, `b`".
///
/// ```
/// assert_eq!(smallcode_core::diagnostic::listed(["a", "b"]), "`a`, `b`");
/// ```
pub fn listed(words: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The one of `candidates` that `word` was probably meant to be.
///
/// Accepts an edit distance (Damerau-Levenshtein, as rustc does) of at most a third of the word's length, and
/// one in a word of two letters; a difference of case or of `-` and `_` only always matches.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = plain(word);
    let length = word.chars().count();
    let limit = if length < 2 { 0 } else { (length / 3).max(1) };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        // A cheap look first: so many letters have to come or go at least.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `1 task`, `2 tasks`: a count with its noun.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else if noun.ends_with('s') {
        format!("{number} {noun}es")
    } else {
        format!("{number} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_characters() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "é: 1\nxß: 2");
        assert_eq!(sources.position(id, 0), (1, 1));
        assert_eq!(sources.position(id, 2), (1, 2));
        assert_eq!(sources.position(id, 9), (2, 3));
        assert_eq!(sources.position(id, 999), (2, 6));
    }

    #[test]
    fn positions_of_a_long_text() {
        let text = "é: 1\n".repeat(3 * STRIDE) + &"ß".repeat(2 * STRIDE);
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text.as_str());
        for (offset, _) in text.char_indices().step_by(13).chain([(text.len(), ' ')]) {
            let before = &text[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
            let found = sources.position(id, u32::try_from(offset).unwrap());
            assert_eq!(found, (line, column), "at {offset}");
        }
        let empty = sources.add("b.yaml", "");
        assert_eq!(sources.position(empty, 0), (1, 1));
    }

    #[test]
    fn things_are_counted() {
        let said = |number, noun| count(number, noun);
        assert_eq!(
            [said(1, "process"), said(2, "process"), said(0, "edit")],
            ["1 process", "2 processes", "0 edits"]
        );
    }

    #[test]
    fn closest_takes_near_names_only() {
        assert_eq!(closest("plna", ["plan", "build"]), Some("plan"));
        assert_eq!(closest("maxParallel", ["max_parallel"]), Some("max_parallel"));
        assert_eq!(closest("max-parallel", ["max_parallel"]), Some("max_parallel"));
        assert_eq!(closest("zebra", ["plan", "build"]), None);
    }

    #[test]
    fn sorted_by_place() {
        let mut all = Diagnostics::default();
        for start in [9, 3, 3] {
            all.push(Diagnostic::new(
                Code::UNKNOWN_KEY,
                SourceId(0),
                Span::new(start, start + 1),
                "x",
            ));
        }
        let starts: Vec<u32> = all.into_sorted().iter().map(|d| d.labels[0].span.start).collect();
        assert_eq!(starts, [3, 9]);
    }
}
