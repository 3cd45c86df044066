//! Edits of a model put into files: all of them, or none.
//!
//! Files and the edits of a reply go in; the changed files come out, or for each edit that has no place the shortest
//! words that help a model to give a better one. An edit is found exactly, else with other line ends, else with
//! another indentation, else behind the line numbers of [`numbered`], and each time only where it has one place: a
//! guess would change the wrong code. What takes the place is put in as it is, with the file's own line ends. Whether
//! a file may be changed, and reading and writing it, is left to others.

mod draft;
mod find;
mod near;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use smallcode_parse::{Edit, Known};

use crate::diagnostic::listed;

pub use near::Near;
pub use numbers::numbered;

use draft::Draft;

/// The most edits that one reply may have: more come only from a model that repeats itself, and each is one pass
/// over its file.
pub const MAX_EDITS: usize = 1000;

/// The most places that are named where an edit has several, and the most files where it is for none of them.
const NAMED: usize = 5;

/// The files that edits may change, by path; `None` for one that may be made.
pub type Files = BTreeMap<String, Option<String>>;

/// An edit that can't be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which, in the order of the reply: 1 is the first.
    pub edit: usize,
    /// The file, where it is known.
    pub path: Option<String>,
    /// Why not.
    pub reason: Reason,
}

/// Why an edit can't be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It names no file, and there are several.
    NoPath,
    /// It names a file that is none of those that may change: the first of these, and how many more there are.
    OtherFile {
        /// The first few that may.
        may: Vec<String>,
        /// How many more.
        more: usize,
    },
    /// It makes a file that is there and not empty.
    Exists,
    /// It looks for lines in a file that is not there yet.
    NotThere,
    /// The lines that it looks for are not in the file; those that come closest.
    NoMatch(Option<Near>),
    /// They are in it more than once: in these lines, the first of which is 1.
    Ambiguous(Vec<usize>),
    /// There are more edits than [`MAX_EDITS`].
    TooMany,
}

/// Applies `edits` to `files`, each to what the one before it left, and gives the files that changed, whole.
///
/// ```
/// use smallcode_core::patch;
///
/// let files = patch::Files::from([("a.py".to_owned(), Some("def f():\n    return 1\n".to_owned()))]);
/// let reply = "a.py\n<<<<<<< SEARCH\nreturn 1\n=======\nreturn 2\n>>>>>>> REPLACE\n";
/// let changed = patch::apply(&files, &smallcode_parse::edits(reply).edits).unwrap();
/// assert_eq!(changed["a.py"], "def f():\n    return 2\n");
/// ```
///
/// # Errors
/// With every edit that has no place; then nothing is to be changed.
pub fn apply(files: &Files, edits: &[Edit]) -> Result<BTreeMap<String, String>, Vec<Refusal>> {
    let known = Known::new(files.keys());
    let mut drafts = BTreeMap::new();
    let mut refused = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        let mut refuse = |path: Option<&str>, reason| {
            refused.push(Refusal {
                edit: index + 1,
                path: path.map(str::to_owned),
                reason,
            });
        };
        if index == MAX_EDITS {
            refuse(None, Reason::TooMany);
            break;
        }
        let (path, before) = match target(files, &known, edit.path.as_deref()) {
            Ok(target) => target,
            Err(reason) => {
                refuse(edit.path.as_deref(), reason);
                continue;
            }
        };
        let draft = drafts.entry(path).or_insert_with(|| Draft::new(before));
        if let Err(reason) = draft.apply(edit) {
            refuse(Some(path), reason);
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let texts = drafts.into_iter().map(|(path, draft)| (path, draft.text()));
    Ok(texts
        .filter(|(path, text)| {
            files
                .get(*path)
                .is_some_and(|before| before.as_ref() != Some(text))
        })
        .map(|(path, text)| (path.to_owned(), text))
        .collect())
}

/// The file that an edit is for. Models shorten paths: what may stand for one file is that one.
fn target<'f>(
    files: &'f Files,
    known: &Known,
    written: Option<&str>,
) -> Result<(&'f str, Option<&'f str>), Reason> {
    let Some(written) = written else {
        return only(files.iter()).ok_or(Reason::NoPath);
    };
    let other = || Reason::OtherFile {
        may: files.keys().take(NAMED).cloned().collect(),
        more: files.len().saturating_sub(NAMED),
    };
    let inside = || known.find(crate::path::inside(written).ok()?.as_str());
    let path = known.find(written).or_else(inside).ok_or_else(other)?;
    let (path, text) = files.get_key_value(path).ok_or_else(other)?;
    Ok((path, text.as_deref()))
}

fn only<'f>(
    mut files: impl Iterator<Item = (&'f String, &'f Option<String>)>,
) -> Option<(&'f str, Option<&'f str>)> {
    let (path, text) = files.next()?;
    files.next().is_none().then_some((path, text.as_deref()))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or_default();
        match &self.reason {
            Reason::NoPath => write!(
                f,
                "edit {} names no file: put its path in the line before the block",
                self.edit
            ),
            Reason::OtherFile { may, more } => {
                write!(
                    f,
                    "`{path}` is none of the files that may be edited: {}",
                    listed(may)
                )?;
                if *more > 0 {
                    write!(f, " and {more} more")?;
                }
                Ok(())
            }
            Reason::Exists => write!(
                f,
                "`{path}` is not empty: an empty search part is for a new file; search for the lines beside which \
                 the new ones come"
            ),
            Reason::NotThere => write!(
                f,
                "there is no `{path}` yet: leave the search part empty to make it"
            ),
            Reason::NoMatch(None) => {
                write!(f, "`{path}` does not have the search part of edit {}", self.edit)
            }
            Reason::NoMatch(Some(near)) => {
                write!(
                    f,
                    "`{path}` does not have the search part of edit {}: {near}",
                    self.edit
                )
            }
            Reason::Ambiguous(lines) => {
                let named: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
                let more = if lines.len() > NAMED { " and others" } else { "" };
                write!(
                    f,
                    "`{path}` has the search part of edit {} {} times, in lines {}{more}: add lines around it until \
                     it is there once",
                    self.edit,
                    lines.len(),
                    named.join(", ")
                )
            }
            Reason::TooMany => write!(
                f,
                "there are more than {MAX_EDITS} edits: give only those that are needed"
            ),
        }
    }
}
