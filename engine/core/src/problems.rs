//! Problems that compilers, linters and tests report, read from what they print.
//!
//! [`read`] takes the output of any tool and gives every problem that it names, in one pass, whatever the tool:
//! rustc and cargo, tsc, eslint, pytest, go, gcc and clang, node, and whatever writes `file:line:column: message`.
//! [`ranked`] puts the most useful first, and [`feedback`] makes the shortest text from which a model can mend its work. Running tools, and looking at
//! the files that they name, is for others.

mod choose;
mod compiled;
mod json;
mod place;
mod python;
mod rust;
mod script;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;

pub use self::choose::{MAX_TOLD, count, feedback, ranked};

/// The most problems that are read from one output: a compiler that names more has lost its way after the first.
pub const MAX_PROBLEMS: usize = 1000;

/// The longest message that is kept, in bytes: the longest of rustc and tsc with their labels stay below.
const MAX_MESSAGE: usize = 600;

/// The longest source line that is kept, in bytes: minified code has one line.
const MAX_SOURCE: usize = 200;

/// How many lines after the first may belong to one problem: pytest shows a whole function.
const MAX_BLOCK: usize = 300;

/// One problem that a tool reported.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Problem {
    /// The file, as the tool named it.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// The column in that line, as the tool counts.
    pub column: Option<u32>,
    /// How bad it is.
    pub severity: Severity,
    /// The tool's name for this kind of problem: `E0308`, `TS2322`, `no-unused-vars`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The line of the file, where the tool showed it.
    pub source: Option<String>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The tool refuses.
    Error,
    /// The tool has doubts.
    Warning,
    /// It belongs to another problem.
    Note,
}

impl Severity {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Reads every problem that an output names, each once, in its order.
///
/// ```
/// let found = smallcode_core::problems::read("src/a.c:5:3: error: 'x' undeclared\n");
/// assert_eq!(found[0].file.as_deref(), Some("src/a.c"));
/// assert_eq!((found[0].line, found[0].message.as_str()), (Some(5), "'x' undeclared"));
/// ```
pub fn read(output: &str) -> Vec<Problem> {
    read_all(&[output])
}

/// Reads every problem that several streams of one command name.
pub fn read_all(outputs: &[&str]) -> Vec<Problem> {
    let mut found = Found::default();
    for output in outputs {
        let output = plain(output);
        if json::document(&output, &mut found) {
            continue;
        }
        let lines: Vec<&str> = output.lines().collect();
        let mut rest = lines.as_slice();
        while !rest.is_empty() && found.list.len() < MAX_PROBLEMS {
            let taken = READERS.iter().find_map(|reader| reader(rest, &mut found));
            rest = rest.get(taken.unwrap_or(1).max(1)..).unwrap_or_default();
        }
    }
    found.finish()
}

/// Looks at the lines from here on; gives how many of them it has read, where they are for it.
type Reader = fn(&[&str], &mut Found) -> Option<usize>;

/// The readers, what is most sure of itself first.
const READERS: &[Reader] = &[
    json::line,
    rust::panic,
    python::pytest,
    python::summary,
    python::traceback,
    script::eslint,
    script::crash,
    script::thrown,
    compiled::go_test,
    compiled::go_panic,
    compiled::linker,
    place::located,
    rust::message,
];

/// What has been found so far.
#[derive(Debug, Default)]
struct Found {
    list: Vec<Problem>,
    seen: HashSet<Problem>,
    /// Names of the tests whose problem was told, so that a summary tells only the others.
    tests: HashSet<String>,
}

impl Found {
    fn push(&mut self, mut problem: Problem) {
        problem.message = cut(&tidy(&problem.message), MAX_MESSAGE);
        problem.source = problem
            .source
            .map(|source| cut(source.trim(), MAX_SOURCE))
            .filter(|source| !source.is_empty());
        if problem.message.is_empty() {
            return;
        }
        let key = Problem {
            source: None,
            ..problem.clone()
        };
        if self.list.len() < MAX_PROBLEMS && self.seen.insert(key) {
            self.list.push(problem);
        }
    }

    fn finish(mut self) -> Vec<Problem> {
        let located = self.list.iter().any(|problem| problem.file.is_some());
        // What names no place is mostly the sum of what does.
        self.list
            .retain(|problem| !(located && problem.file.is_none() && is_summary(&problem.message)));
        self.list
    }
}

/// Whether a message only counts others.
fn is_summary(message: &str) -> bool {
    let starts = [
        "could not compile",
        "aborting due to",
        "test failed",
        "build failed",
        "ld returned",
        "linker command failed",
        "process didn't exit successfully",
    ];
    starts.iter().any(|start| message.starts_with(start))
        || message.contains(" generated ") && message.contains(" warning")
        || message.ends_with(" emitted")
}

/// The text without colours and other escapes of terminals.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            clean.push(character);
        } else if characters.next_if_eq(&'[').is_some() {
            // Numbers and semicolons, up to the letter that says what they are for.
            while characters
                .next()
                .is_some_and(|character| !('\u{40}'..='\u{7e}').contains(&character))
            {}
        }
    }
    Cow::Owned(clean)
}

/// A message on one line.
fn tidy(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text of at most so many bytes; what is left out is shown by `…`.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes.saturating_sub('…'.len_utf8()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}
