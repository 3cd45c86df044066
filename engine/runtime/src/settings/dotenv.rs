//! The `.env` of a workspace, read into a map.

use std::collections::BTreeMap;

/// Stands for `$` while `dotenvy` reads: a character of the last private plane, in no real file.
///
/// `dotenvy` puts `$NAME` in from the environment of the process, also when it only reads. A
/// workspace could so write `https://its.host/$SOME_SECRET` as an address and be sent the secret.
const DOLLAR: char = '\u{10fffd}';

/// What our variables begin with.
const OURS: &str = "SMALLCODE_";

/// Bad lines after which a file is no `.env`; each costs a search.
const MOST_BAD_LINES: usize = 20;

/// A line that is not `NAME=value`. Its text is not kept: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadLine {
    /// From 1, where it could be found again.
    pub(super) line: Option<usize>,
    /// It may set a variable of ours, so it cannot be passed over.
    pub(super) ours: bool,
}

/// Reads a `.env`; where a name is given twice, the first counts, as in `dotenvy`. `$NAME` stays as
/// it is. Lines that cannot be read are told and passed over: the file also serves other programs,
/// which may read it in other ways.
pub(super) fn parse(text: &str) -> (BTreeMap<String, String>, Vec<BadLine>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let guarded = text
        .replace("\\$", "$")
        .replace('$', DOLLAR.encode_utf8(&mut [0; 4]));
    let mut values = BTreeMap::new();
    let mut bad = Vec::new();
    for item in dotenvy::from_read_iter(guarded.as_bytes()) {
        match item {
            Ok((name, value)) => {
                values.entry(name).or_insert_with(|| value.replace(DOLLAR, "$"));
            }
            Err(dotenvy::Error::LineParse(rest, _)) if bad.len() < MOST_BAD_LINES => {
                bad.push(find(&guarded, &rest));
            }
            // Too many: this is another kind of file. Reading from memory does not fail otherwise.
            Err(_) => {
                bad.push(BadLine {
                    line: None,
                    ours: true,
                });
                break;
            }
        }
    }
    (values, bad)
}

/// Finds a bad line by its end: `dotenvy` gives the line, or only what stands after `=`.
fn find(text: &str, rest: &str) -> BadLine {
    let end = rest.trim().lines().next().unwrap_or_default().trim_end();
    let mut candidates = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_end().ends_with(end))
        .peekable();
    let line = candidates.peek().map(|(index, _)| index + 1);
    let ours = rest.contains(OURS) || line.is_none() || candidates.any(|(_, line)| line.contains(OURS));
    BadLine { line, ours }
}
