//! Line numbers as we show them, and without them what a model copied along with them.

use std::fmt::Write as _;

use super::draft::content;

/// A search and its replacement without line numbers.
pub(super) struct Unnumbered<'a> {
    /// The number of the first line.
    pub(super) first: usize,
    pub(super) search: Vec<&'a str>,
    pub(super) replace: Vec<&'a str>,
}

/// Lines with their numbers before them, as a model is shown them: `12 | text`.
pub fn numbered<'a>(lines: impl IntoIterator<Item = &'a str>, first: usize) -> String {
    let mut text = String::new();
    for (number, line) in (first..).zip(lines) {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{number} | {line}");
    }
    text
}

/// Takes the line numbers off, where every line of the search has one and each is one more than that before it.
pub(super) fn unnumbered<'a>(search: &[&'a str], replace: &[&'a str]) -> Option<Unnumbered<'a>> {
    let read: Vec<(usize, &str)> = search.iter().map(|line| number(line)).collect::<Option<_>>()?;
    let first = read.first()?.0;
    if !(first..)
        .zip(&read)
        .all(|(expected, (number, _))| expected == *number)
    {
        return None;
    }
    Some(Unnumbered {
        first,
        search: read.into_iter().map(|(_, line)| line).collect(),
        replace: replace
            .iter()
            .map(|line| number(line).map_or(*line, |(_, line)| line))
            .collect(),
    })
}

/// The number of a line, and the line.
fn number(line: &str) -> Option<(usize, &str)> {
    let start = line.trim_start_matches(' ');
    let digits = start.bytes().take_while(u8::is_ascii_digit).count();
    let number = start.get(..digits)?.parse().ok()?;
    let rest = start.get(digits..)?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest).strip_prefix('|')?;
    // An empty line may have lost the blank after the bar.
    Some((
        number,
        if content(rest).is_empty() {
            rest
        } else {
            rest.strip_prefix(' ').unwrap_or(rest)
        },
    ))
}
