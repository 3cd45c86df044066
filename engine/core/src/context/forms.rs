//! The forms of a section, from all of it to a word that it was left out.

use super::Section;
use super::outline::{is_outlined, outline_of};
use crate::tokens::{Family, Ruler, Tokens, count};

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
    let text = section.text.as_str();
    // Where each line ends.
    let breaks = memchr::memchr_iter(b'\n', text.as_bytes());
    let mut ends: Vec<usize> = breaks.map(|at| at + 1).collect();
    if !text.is_empty() && !text.ends_with('\n') {
        ends.push(text.len());
    }
    let lines = ends.len();
    let end_of = |line: usize| {
        line.checked_sub(1)
            .and_then(|line| ends.get(line).copied())
            .unwrap_or(0)
    };
    // Two lines of three from the head: what a text is, it says at its beginning.
    let cut = |kept: usize| (end_of(kept - kept / 3), end_of(lines - kept / 3));
    let shown = |kept: usize| {
        let (head, tail) = cut(kept);
        let head = text.get(..head).unwrap_or_default();
        let mut shown = head.strip_suffix('\n').unwrap_or(head).to_owned();
        shown.push_str(&format_gap(lines - kept));
        shown.push_str(text.get(tail..).unwrap_or_default());
        dressed(section, " (the first and the last lines)", &shown)
    };
    let ruler = Ruler::new(family, text);
    let whole = ruler.up_to(text.len());
    let around = count(family, &shown(0));
    let measured = |kept: usize| {
        let (head, tail) = cut(kept);
        let behind = whole.saturating_sub(ruler.up_to(tail));
        ruler.up_to(head).saturating_add(behind).saturating_add(around)
    };
    // The most lines that fit: the measure grows with them, so that halving finds it.
    let (mut fits, mut breaks) = (0, lines);
    while breaks.saturating_sub(fits) > 1 {
        let middle = fits + (breaks - fits) / 2;
        if measured(middle) <= room {
            fits = middle;
        } else {
            breaks = middle;
        }
    }
    // What is measured in parts may be a little less than the whole.
    while fits > 0 {
        let shown = shown(fits);
        if count(family, &shown) <= room {
            return Some(shown);
        }
        fits -= 1 + fits / 64;
    }
    None
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
    // Most texts have none, which is seen at a glance.
    let longest = if memchr::memchr(b'`', text.as_bytes()).is_some() {
        longest_run(text, b'`')
    } else {
        0
    };
    let fence = "`".repeat(longest.max(2) + 1);
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
