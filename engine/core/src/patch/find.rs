//! Where lines stand in a file, read ever more freely until they are found. Each reading is one pass over the file.

use std::borrow::Cow;

use super::draft::content;

/// Where lines were found.
#[derive(Debug)]
pub(super) struct Found {
    /// The first line, from 0.
    pub(super) start: usize,
    /// Whether every byte is the same, but for the end of a last line.
    pub(super) exact: bool,
    /// What the file has before each line that the search has not, or the other way round.
    pub(super) shift: Shift,
}

/// The difference of two indentations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    None,
    Deeper(String),
    Shallower(String),
}

/// Why lines were not found.
#[derive(Debug)]
pub(super) enum Miss {
    Nowhere,
    /// In these lines, from 1, and nothing says which.
    Several(Vec<usize>),
}

/// How freely lines are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Exact,
    LineEnds,
    Indentation,
}

/// Finds `search` in `file`. Of several equal places it is the one nearest to the line `hint` (from 1).
pub(super) fn find(file: &[Cow<'_, str>], search: &[&str], hint: Option<usize>) -> Result<Found, Miss> {
    for reading in [Reading::Exact, Reading::LineEnds, Reading::Indentation] {
        let mut found = places(file, search, reading);
        if found.len() > 1
            && let Some(nearest) = hint.and_then(|hint| nearest(&found, hint))
        {
            found = vec![found.swap_remove(nearest)];
        }
        if found.len() > 1 {
            return Err(Miss::Several(found.iter().map(|found| found.start + 1).collect()));
        }
        if let Some(found) = found.pop() {
            return Ok(found);
        }
    }
    Err(Miss::Nowhere)
}

/// The one place that is nearest to a line.
fn nearest(found: &[Found], hint: usize) -> Option<usize> {
    let far = |found: &Found| (found.start + 1).abs_diff(hint);
    let (index, best) = found.iter().enumerate().min_by_key(|(_, found)| far(found))?;
    let alone = found.iter().filter(|other| far(other) == far(best)).count() == 1;
    alone.then_some(index)
}

fn places(file: &[Cow<'_, str>], search: &[&str], reading: Reading) -> Vec<Found> {
    let pattern = keys(search.iter().copied(), reading);
    let text = keys(file.iter().map(AsRef::as_ref), reading);
    let first = pattern.iter().position(|key| !key.content.is_empty());
    if reading == Reading::Indentation
        && (first.is_none() || pattern.iter().any(|key| key.step == Step::Other))
    {
        return Vec::new();
    }
    let first = first.unwrap_or(0);
    let found = |start: usize| {
        let shift = match reading {
            Reading::Exact | Reading::LineEnds => Shift::None,
            Reading::Indentation => shift(search.get(first)?, file.get(start + first)?)?,
        };
        let mut lines = search.iter().zip(file.iter().skip(start));
        let exact = reading == Reading::Exact && lines.all(|(search, file)| bare(search) == bare(file));
        Some(Found { start, exact, shift })
    };
    occurrences(&pattern, &text, first)
        .into_iter()
        .filter_map(found)
        .collect()
}

/// A line as it is, but for the end that the last line of a file may lack.
fn bare(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// How the indentation of the file follows from that of the search, where one ends with the other.
fn shift(search: &str, file: &str) -> Option<Shift> {
    let (search, file) = (indentation(search), indentation(file));
    if search == file {
        Some(Shift::None)
    } else if let Some(by) = file.strip_suffix(search) {
        Some(Shift::Deeper(by.to_owned()))
    } else {
        search
            .strip_suffix(file)
            .map(|by| Shift::Shallower(by.to_owned()))
    }
}

fn indentation(line: &str) -> &str {
    let line = content(line);
    line.get(..line.len() - line.trim_start().len())
        .unwrap_or_default()
}

/// What of a line must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key<'a> {
    content: &'a str,
    step: Step<'a>,
}

/// How the indentation of a line follows from that of the line before it which is not blank: shifting all lines
/// alike leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    Unread,
    In(&'a str),
    Out(&'a str),
    /// Tabs against spaces: nothing can be said.
    Other,
}

fn keys<'a>(lines: impl Iterator<Item = &'a str>, reading: Reading) -> Vec<Key<'a>> {
    let mut before: Option<&str> = None;
    let key = |line: &'a str| match reading {
        Reading::Exact => Key {
            // However lines end: else a last line without an end would be nearer than its equals in a file with CRLF.
            content: content(line),
            step: Step::Unread,
        },
        Reading::LineEnds => Key {
            content: line.trim_end(),
            step: Step::Unread,
        },
        Reading::Indentation => {
            let bare = line.trim();
            let mut step = Step::Unread;
            if !bare.is_empty() {
                let here = indentation(line);
                step = match before {
                    None => Step::Unread,
                    Some(before) => match (here.strip_prefix(before), before.strip_prefix(here)) {
                        (Some(by), _) => Step::In(by),
                        (None, Some(by)) => Step::Out(by),
                        (None, None) => Step::Other,
                    },
                };
                before = Some(here);
            }
            Key { content: bare, step }
        }
    };
    lines.map(key).collect()
}

/// Every place of `pattern` in `text`, after Knuth, Morris and Pratt: no text makes it look at a line more than
/// twice. The step of the line `first` of the pattern is not compared: the line before it is not part of it.
fn occurrences(pattern: &[Key<'_>], text: &[Key<'_>], first: usize) -> Vec<usize> {
    let same = |index: usize, other: &Key<'_>| {
        pattern.get(index).is_some_and(|key| {
            key.content == other.content
                && (index == first || key.content.is_empty() || key.step == other.step)
        })
    };
    // How many lines still match where a match of so many lines has failed.
    let mut table: Vec<usize> = Vec::with_capacity(pattern.len());
    let shorter = |table: &[usize], matched: usize| table.get(matched.wrapping_sub(1)).copied().unwrap_or(0);
    let next = |table: &[usize], mut matched: usize, key: &Key<'_>| {
        while matched > 0 && !same(matched, key) {
            matched = shorter(table, matched);
        }
        matched + usize::from(same(matched, key))
    };
    for (index, key) in pattern.iter().enumerate() {
        let matched = if index == 0 {
            0
        } else {
            next(&table, shorter(&table, index), key)
        };
        table.push(matched);
    }
    let mut found = Vec::new();
    let mut matched = 0;
    for (index, key) in text.iter().enumerate() {
        matched = next(&table, matched, key);
        if matched == pattern.len() && matched > 0 {
            found.push(index + 1 - matched);
            matched = shorter(&table, matched);
        }
    }
    found
}
