//! The lines of a file that come closest to lines that it does not have.
//!
//! Every line and word of the search that the file has, and has seldom, votes for where the search would begin. That
//! is linear in the file, unlike comparing the search with each part of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::draft::content;

/// What the file has more often than this says nothing about a place: closing brackets, blank lines.
const SELDOM: usize = 32;

/// How many lines and words of the search vote: a search that is longer has said enough by then.
const VOTERS: usize = 500;

/// How much a line of the search says against a word of it.
const LINE: u64 = 8;

/// How many of the closest lines are shown: what a small model can compare.
const SHOWN: usize = 12;

/// How much of a line is shown, in characters.
const WIDTH: usize = 160;

/// The lines of a file that come closest to those of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The first of them; the first of a file is 1.
    pub line: usize,
    /// They, as the file has them, and cut where they are many or long.
    pub lines: Vec<String>,
    /// The first difference.
    pub difference: Difference,
}

/// The first line in which a search differs from the lines that come closest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// This line of the file is another.
    Line {
        /// Its number.
        number: usize,
        /// What the file has.
        file: String,
        /// What the search has.
        search: String,
    },
    /// Only blanks and tabs at the start of this line differ.
    Indentation(usize),
    /// The search goes on after the last line of the file.
    End(usize),
}

pub(super) fn near(file: &[Cow<'_, str>], search: &[&str]) -> Option<Near> {
    let mut search: Vec<&str> = search.iter().map(|line| content(line)).collect();
    let blank = search.iter().take_while(|line| line.trim().is_empty()).count();
    search.drain(..blank);
    let start = most_voted(file, &search)?;
    let lines = file.get(start..)?.iter().map(|line| content(line));
    let difference = (start + 1..)
        .zip(search.iter())
        .zip(lines.clone().map(Some).chain(std::iter::repeat(None)))
        .find_map(|((number, search), file)| differ(number, search, file))
        .unwrap_or(Difference::Indentation(start + 1));
    Some(Near {
        line: start + 1,
        lines: lines.take(search.len().min(SHOWN)).map(cut).collect(),
        difference,
    })
}

fn differ(number: usize, search: &str, file: Option<&str>) -> Option<Difference> {
    let Some(file) = file else {
        return Some(Difference::End(number - 1));
    };
    if search.trim_end() == file.trim_end() {
        None
    } else if search.trim() == file.trim() {
        // A difference in words says more, if there is one.
        None
    } else {
        Some(Difference::Line {
            number,
            file: cut(file),
            search: cut(search),
        })
    }
}

/// The line where the search would begin.
fn most_voted(file: &[Cow<'_, str>], search: &[&str]) -> Option<usize> {
    let mut voters: HashMap<&str, (u64, Vec<usize>)> = HashMap::new();
    for line in search.iter().take(VOTERS) {
        voters.entry(line.trim()).or_insert_with(|| (LINE, Vec::new()));
    }
    for word in search.iter().flat_map(|line| words(line)).take(VOTERS) {
        voters.entry(word).or_insert_with(|| (1, Vec::new()));
    }
    voters.remove("");
    for (number, line) in file.iter().enumerate() {
        for text in std::iter::once(line.trim()).chain(words(line)) {
            if let Some((_, places)) = voters.get_mut(text)
                && places.len() <= SELDOM
                && places.last() != Some(&number)
            {
                places.push(number);
            }
        }
    }
    let mut votes: Vec<(usize, u64)> = Vec::new();
    for (index, line) in search.iter().enumerate().take(VOTERS) {
        for text in std::iter::once(line.trim()).chain(words(line)).take(VOTERS) {
            let Some((weight, places)) = voters.get(text).filter(|(_, places)| places.len() <= SELDOM) else {
                continue;
            };
            votes.extend(
                places
                    .iter()
                    .filter_map(|place| Some((place.checked_sub(index)?, *weight))),
            );
        }
    }
    votes.sort_unstable();
    let of =
        |start: usize, votes: &[(usize, u64)]| (votes.iter().map(|(_, weight)| weight).sum::<u64>(), start);
    votes
        .chunk_by(|one, other| one.0 == other.0)
        .filter_map(|votes| Some(of(votes.first()?.0, votes)))
        .max_by_key(|(weight, start)| (*weight, std::cmp::Reverse(*start)))
        .map(|(_, start)| start)
}

/// The words of a line, of three letters and more: shorter ones stand everywhere.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| word.len() >= 3)
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.difference {
            Difference::Line { number, file, search } => {
                write!(f, "line {number} is `{file}` and not `{search}`")
            }
            Difference::Indentation(number) => {
                write!(
                    f,
                    "from line {number} on the indentation is another; copy the lines as they stand"
                )
            }
            Difference::End(number) => write!(f, "the file ends after line {number}"),
        }
    }
}
