//! The forms of a section, from all of it to a word that it was left out.

use super::Section;
use super::outline::{is_outlined, outline_of};
use crate::tokens::{Family, Tokens, count};

/// The whole text under its heading; a file in a fence that nothing in it can close.
pub(super) fn whole(section: &Section) -> String {
    dressed(section, "", &section.text)
}

pub(super) fn has_outline(section: &Section) -> bool {
    section.path.as_deref().is_some_and(is_outlined)
}

/// The signatures of a source file; all of it where nothing could be read.
pub(super) fn outlined(section: &Section) -> String {
    let path = section.path.as_deref();
    match path.and_then(|path| outline_of(path, &section.text)) {
        Some(text) => dressed(section, " (signatures only; the bodies are left out)", &text),
        None => whole(section),
    }
}

/// As many of the first and the last lines as `room` tokens hold, at least `min`; `None` where that is too little.
pub(super) fn head_tail(section: &Section, room: Tokens, min: Tokens, family: Family) -> Option<String> {
    if room < min {
        return None;
    }
    let lines: Vec<&str> = section.text.lines().collect();
    let shown = |kept: usize| {
        // Two lines of three from the head: what a text is, it says at its beginning.
        let tail = kept / 3;
        let head = kept - tail;
        let left_out = lines.len().saturating_sub(kept);
        let mut text = lines.get(..head).unwrap_or_default().join("\n");
        text.push_str(&format_gap(left_out));
        text.push_str(&lines.get(lines.len() - tail..).unwrap_or_default().join("\n"));
        dressed(section, " (the first and the last lines)", &text)
    };
    // The most lines that fit: the count grows with them, so that halving finds it.
    let (mut fits, mut breaks) = (0, lines.len());
    while breaks - fits > 1 {
        let middle = fits + (breaks - fits) / 2;
        if count(family, &shown(middle)) <= room {
            fits = middle;
        } else {
            breaks = middle;
        }
    }
    (fits > 0).then(|| shown(fits))
}

fn format_gap(lines: usize) -> String {
    let (noun, verb) = if lines == 1 {
        ("line", "is")
    } else {
        ("lines", "are")
    };
    format!("\n… {lines} {noun} {verb} left out …\n")
}

/// One line: how long the text is, and how it begins.
pub(super) fn line(section: &Section) -> String {
    /// Enough of a first line to tell what a text is about.
    const SHOWN: usize = 80;
    let lines = section.text.lines().count();
    let first = section
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let first: String = first.chars().take(SHOWN).collect();
    format!(
        "## {} (not shown: {lines} lines, which begin with: {first})",
        section.title
    )
}

/// A word that it was left out.
pub(super) fn omitted(section: &Section) -> String {
    format!("## {} (left out)", section.title)
}

fn dressed(section: &Section, note: &str, text: &str) -> String {
    let title = &section.title;
    if section.path.is_none() {
        return format!("## {title}{note}\n\n{}\n", text.trim_end());
    }
    let fence = "`".repeat(longest_run(text, b'`').max(2) + 1);
    format!(
        "## {title}{note}\n\n{fence}\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    )
}

fn longest_run(text: &str, byte: u8) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for other in text.bytes() {
        run = if other == byte { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
