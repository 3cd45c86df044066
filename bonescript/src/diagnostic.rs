//! What is wrong with a program, where, and what to write instead.
//!
//! Plain data: whoever shows it to people or to a model does so from here. [`Diagnostic::compact`] is the form for
//! models: one line with code, place, what was expected and the way out.

mod codes;

use std::fmt;
use std::fmt::Write as _;

use crate::text::{SourceId, Sources, Span};

pub use codes::{Code, explanation};

/// More problems than this are not kept: nobody reads them, and garbage would fill the memory with them.
pub const MAX_PROBLEMS: usize = 1000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The program can't be compiled.
    Error,
    /// It can, but something in it is probably not meant.
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

/// A place with a few words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The text.
    pub source: SourceId,
    /// The bytes.
    pub span: Span,
    /// What to say beside them; may be empty.
    pub text: String,
}

/// A replacement that would mend the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The text.
    pub source: SourceId,
    /// The bytes to replace.
    pub span: Span,
    /// What to put there.
    pub replacement: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, which [`explanation`] explains.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, back-ticks round code.
    pub message: String,
    /// The places, the primary one first; never empty.
    pub labels: Vec<Label>,
    /// What would have been right here, where that can be listed.
    pub expected: Option<String>,
    /// What to do, in one line.
    pub help: Option<String>,
    /// A replacement, where one is certain enough.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A problem at its place, with the severity of its code.
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
            expected: None,
            help: None,
            fix: None,
        }
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

    /// Says what would have been right.
    #[must_use]
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = Some(text.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Offers a replacement of `span`.
    #[must_use]
    pub fn replace(mut self, span: Span, replacement: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first() {
            self.fix = Some(Fix {
                source: label.source,
                span,
                replacement: replacement.into(),
            });
        }
        self
    }

    /// Offers a name that is nearly what stands at `span` in its place.
    #[must_use]
    pub(crate) fn meant(self, span: Span, near: &str) -> Self {
        self.help(format!("did you mean `{near}`?")).replace(span, near)
    }

    /// Offers the nearest of `known` in place of the primary span, and lists a few of them.
    #[must_use]
    pub fn one_of<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        // Without a place it is not kept.
        if self.labels.is_empty() {
            return self;
        }
        let known: Vec<&str> = known.into_iter().take(MAX_CANDIDATES).collect();
        let near = closest(word, known.iter().copied());
        let place = self.labels.first().map(|label| label.span);
        let this = if known.is_empty() {
            self
        } else {
            let list = some_of(&known);
            self.expected(list)
        };
        match (near, place) {
            (Some(near), Some(span)) => this.meant(span, near),
            _ => this,
        }
    }

    /// Whether it stops the program from being compiled.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where it is, for sorting.
    pub fn place(&self) -> (SourceId, Span) {
        self.labels
            .first()
            .map_or((SourceId::default(), Span::default()), |label| {
                (label.source, label.span)
            })
    }

    /// The problem in one line, for models: `shop.bone:3:9: error[B0204]: …; expected …; fix: …`.
    pub fn compact(&self, sources: &Sources) -> String {
        let (source, span) = self.place();
        let (line, column) = sources.position(source, span.start);
        let name = sources.get(source).map_or("", |source| source.name.as_str());
        let mut out = format!(
            "{name}:{line}:{column}: {}[{}]: {}",
            self.severity, self.code, self.message
        );
        if let Some(expected) = &self.expected {
            let _ = write!(out, "; expected {expected}");
        }
        if let Some(way) = self.way_out(sources) {
            let _ = write!(out, "; fix: {way}");
        }
        out.replace(['\n', '\r'], " ")
    }

    /// What to do, in one line: the help, or what the replacement does.
    pub fn way_out(&self, sources: &Sources) -> Option<String> {
        let Some(fix) = &self.fix else {
            return self.help.clone();
        };
        let text = sources
            .get(fix.source)?
            .text
            .get(fix.span.range())
            .unwrap_or_default();
        Some(match (text.is_empty(), fix.replacement.is_empty()) {
            (true, _) => format!("insert `{}`", fix.replacement.trim()),
            (false, true) => format!("remove `{text}`"),
            (false, false) => format!("write `{}` instead of `{text}`", fix.replacement),
        })
    }
}

/// Collects the problems of one program: so many errors, and so many warnings beside, that none hides the others.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// How many were not kept.
    dropped: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        let list = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if list.len() < MAX_PROBLEMS {
            list.push(problem);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether no more errors are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_PROBLEMS
    }

    /// Whether there are errors.
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The problems in the order of the text, each once.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        if let (1.., Some(last)) = (self.dropped, self.errors.last().or(self.warnings.last())) {
            let (source, span) = last.place();
            let message = format!("{} further problems are not shown", self.dropped);
            let mut more = Diagnostic::new(Code::TOO_MANY, source, span, message).help("mend the first ones");
            more.severity = last.severity;
            self.errors.push(more);
        }
        self.errors.append(&mut self.warnings);
        self.errors
            .sort_by(|a, b| (a.place(), a.code, &a.message).cmp(&(b.place(), b.code, &b.message)));
        self.errors.dedup();
        self.errors
    }
}

/// Of more names than this none is looked for: each unknown name would be compared with each of them.
const MAX_CANDIDATES: usize = 1000;

/// The one of `candidates` that `word` was probably meant to be: within a third of its length, and one in a word of two
/// letters; a difference of case or of `-` and `_` only always matches.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(word, candidates, 3, usize::MAX)
}

/// The one of `candidates` that `word` misspells: within a quarter of its length, and two letters at most. Where an
/// unknown word has a meaning of its own, `closest` would take `validate_parcel` for a slip of `create_parcel`.
pub(crate) fn misspelt<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(word, candidates, 4, 2)
}

/// The nearest of `candidates` that changes of a letter make of `word`: one for every `letters_per_change` of its letters,
/// at least one in a word of two letters, and no more than `most`.
fn within<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    letters_per_change: usize,
    most: usize,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    let length = word.chars().count();
    // Words that long are no misspelling, and comparing them costs the product of their lengths.
    if length > 64 {
        return None;
    }
    let limit = if length < 2 {
        0
    } else {
        (length / letters_per_change).clamp(1, most)
    };
    // Comparing costs the product of the lengths, counting letters only their sum: what differs in too many is left out.
    let mut letters = [0_i32; 256];
    count_letters(&wanted, 1, &mut letters);
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter(|candidate| *candidate != word && candidate.len() <= 96)
        .filter_map(|candidate| {
            let plain = plain(candidate);
            let mut other = letters;
            count_letters(&plain, -1, &mut other);
            // A change takes one character away and puts one in, each of so many bytes.
            let bytes = if wanted.is_ascii() && plain.is_ascii() {
                1
            } else {
                4
            };
            let differ: usize = other
                .iter()
                .filter_map(|count| usize::try_from(count.abs()).ok())
                .sum();
            let near = differ <= limit * 2 * bytes;
            near.then(|| (strsim::damerau_levenshtein(&wanted, &plain), candidate))
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Adds `by` for each byte of the text.
fn count_letters(text: &str, by: i32, letters: &mut [i32; 256]) {
    for byte in text.bytes() {
        if let Some(count) = letters.get_mut(usize::from(byte)) {
            *count += by;
        }
    }
}

/// `` `a`, `b` or `c` ``, and no more than twelve of them.
pub(crate) fn some_of(words: &[&str]) -> String {
    const MOST: usize = 12;
    let quoted: Vec<String> = words.iter().take(MOST).map(|word| format!("`{word}`")).collect();
    if words.len() > MOST {
        return format!("{} and {} more", quoted.join(", "), words.len() - MOST);
    }
    match quoted.split_last() {
        Some((last, before @ [_, ..])) => format!("{} or {last}", before.join(", ")),
        Some((only, [])) => only.clone(),
        None => String::new(),
    }
}

/// `1 argument`, `2 arguments`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
