//! A file while edits are put into it: its lines, and what of its form must stay.

use std::borrow::Cow;

use smallcode_parse::Edit;

use super::Reason;
use super::find::{Found, Miss, Shift, find};
use super::near::near;
use super::numbers::{Unnumbered, unnumbered};

const BOM: char = '\u{feff}';

/// A file while edits are put into it.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    exists: bool,
    bom: bool,
    /// With their line ends; only the last may have none.
    lines: Vec<Cow<'a, str>>,
    ends: Ends,
    /// Where lines were added or taken away: the line that the edit named, and by how many.
    moved: Vec<(usize, i64)>,
}

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// None does.
    Unknown,
    /// All alike.
    All(&'static str),
    /// Most like this.
    Most(&'static str),
}

impl<'a> Draft<'a> {
    pub(super) fn new(before: Option<&'a str>) -> Self {
        let mut draft = Self {
            exists: before.is_some(),
            bom: false,
            lines: Vec::new(),
            ends: Ends::Unknown,
            moved: Vec::new(),
        };
        draft.fill(before.unwrap_or_default());
        draft
    }

    fn fill(&mut self, text: &'a str) {
        let bare = text.strip_prefix(BOM);
        self.bom |= bare.is_some();
        let text = bare.unwrap_or(text);
        self.lines = text.split_inclusive('\n').map(Cow::Borrowed).collect();
        self.ends = Ends::of(text);
    }

    /// The file as it is now.
    pub(super) fn text(&self) -> String {
        let bom = if self.bom && !self.lines.is_empty() {
            "\u{feff}"
        } else {
            ""
        };
        std::iter::once(bom)
            .chain(self.lines.iter().map(AsRef::as_ref))
            .collect()
    }

    pub(super) fn apply(&mut self, edit: &'a Edit) -> Result<(), Reason> {
        let (search, replace) = self.divided(edit);
        if search.is_empty() {
            if self.lines.iter().any(|line| !line.trim().is_empty()) {
                return Err(Reason::Exists);
            }
            self.exists = true;
            self.fill(replace);
            return Ok(());
        }
        if !self.exists {
            return Err(Reason::NotThere);
        }
        let search = split(search.strip_prefix(BOM).unwrap_or(search));
        let replace = split(replace.strip_prefix(BOM).unwrap_or(replace));
        match find(&self.lines, &search, self.hint(edit.line)) {
            Ok(found) => self.put(&found, edit.line, &search, &replace),
            Err(Miss::Several(places)) => return Err(Reason::Ambiguous(places)),
            Err(Miss::Nowhere) => {
                let nowhere = || Reason::NoMatch(near(&self.lines, &search));
                let Unnumbered {
                    first,
                    search,
                    replace,
                } = unnumbered(&search, &replace).ok_or_else(nowhere)?;
                let line = edit.line.or(Some(first));
                match find(&self.lines, &search, self.hint(line)) {
                    Ok(found) => self.put(&found, line, &search, &replace),
                    Err(Miss::Several(places)) => return Err(Reason::Ambiguous(places)),
                    Err(Miss::Nowhere) => return Err(Reason::NoMatch(near(&self.lines, &search))),
                }
            }
        }
        Ok(())
    }

    /// The two parts of an edit. Where several lines may divide it, the search part is the longest that the file has:
    /// that it has a shorter one as well says nothing, since every longer one begins with it.
    fn divided(&self, edit: &'a Edit) -> (&'a str, &'a str) {
        let is_there = |(search, _): &&(String, String)| {
            let found = find(&self.lines, &split(search), None);
            !matches!(found, Err(Miss::Nowhere))
        };
        edit.divided.iter().rev().find(is_there).map_or_else(
            || (edit.search.as_str(), edit.replace.as_str()),
            |(search, replace)| (search.as_str(), replace.as_str()),
        )
    }

    /// Where a line of the file as it was is now, as far as the edits before tell.
    fn hint(&self, line: Option<usize>) -> Option<usize> {
        let line = line?;
        let moved = self
            .moved
            .iter()
            .filter(|(at, _)| *at <= line)
            .map(|(_, by)| by)
            .sum::<i64>();
        let now = i64::try_from(line).unwrap_or(i64::MAX).saturating_add(moved);
        Some(usize::try_from(now).unwrap_or(0))
    }

    /// Puts the replacement in the place of what was found. Lines that it has in common with the search stay as the
    /// file has them.
    fn put(&mut self, found: &Found, line: Option<usize>, search: &[&'a str], replace: &[&'a str]) {
        let same = |(one, other): &(&&str, &&str)| content(one) == content(other);
        let head = search.iter().zip(replace).take_while(same).count();
        let tail = search
            .iter()
            .rev()
            .zip(replace.iter().rev())
            .take_while(same)
            .count();
        let tail = tail.min(search.len().min(replace.len()) - head);
        let ends = self.ends;
        let end = move |line: &str| match ends {
            // A file of both kinds, or of neither, says nothing about new lines.
            Ends::Most(_) if found.exact => ending(line).unwrap_or("\n").to_owned(),
            Ends::Unknown => ending(line).unwrap_or("\n").to_owned(),
            Ends::All(end) | Ends::Most(end) => end.to_owned(),
        };
        let middle = replace.get(head..replace.len() - tail).unwrap_or_default();
        let middle: Vec<Cow<'a, str>> = middle
            .iter()
            .map(|line| Cow::Owned(shifted(content(line), &found.shift) + &end(line)))
            .collect();
        let at_end = found.start + search.len() >= self.lines.len();
        let had_end = self.lines.last().is_none_or(|line| ending(line).is_some());
        let from = found.start + head;
        let to = found.start + search.len() - tail;
        let added = i64::try_from(middle.len()).unwrap_or(0) - i64::try_from(to - from).unwrap_or(0);
        self.moved.push((line.unwrap_or(found.start + 1), added));
        let from = from.min(self.lines.len());
        let to = to.clamp(from, self.lines.len());
        drop(self.lines.splice(from..to, middle));
        if at_end {
            let wanted = match (last_ends(search), last_ends(replace)) {
                (Some(true), Some(false)) => false,
                (Some(false), Some(true)) => true,
                _ => had_end,
            };
            self.close(wanted, &end("\n"));
        }
    }

    /// Gives every line its end, and the last one only where it is wanted.
    fn close(&mut self, wanted: bool, end: &str) {
        // Only the line that was last can lack its end, and after it at most the replacement came.
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter_mut().enumerate() {
            if ending(line).is_none() && (index < last || wanted) {
                *line = Cow::Owned(format!("{line}{end}"));
            }
        }
        if !wanted && let Some(line) = self.lines.last_mut() {
            *line = Cow::Owned(content(line).to_owned());
            if line.is_empty() {
                self.lines.pop();
            }
        }
    }
}

impl Ends {
    fn of(text: &str) -> Self {
        let all = text.bytes().filter(|byte| *byte == b'\n').count();
        let long = text.matches("\r\n").count();
        match (long, all - long) {
            (0, 0) => Self::Unknown,
            (0, _) => Self::All("\n"),
            (_, 0) => Self::All("\r\n"),
            (long, short) if long > short => Self::Most("\r\n"),
            _ => Self::Most("\n"),
        }
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A line without its end.
pub(super) fn content(line: &str) -> &str {
    line.strip_suffix('\n')
        .map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
}

fn ending(line: &str) -> Option<&str> {
    line.get(content(line).len()..).filter(|end| !end.is_empty())
}

/// Whether the last of some lines has an end; nothing where there is no line.
fn last_ends(lines: &[&str]) -> Option<bool> {
    lines.last().map(|line| ending(line).is_some())
}

/// A line of the replacement with the indentation that the file has.
fn shifted(line: &str, shift: &Shift) -> String {
    match shift {
        Shift::Deeper(by) if !line.trim().is_empty() => format!("{by}{line}"),
        Shift::Shallower(by) => {
            let same = line
                .bytes()
                .zip(by.bytes())
                .take_while(|(one, other)| one == other)
                .count();
            line.get(same..).unwrap_or(line).to_owned()
        }
        Shift::Deeper(_) | Shift::None => line.to_owned(),
    }
}
