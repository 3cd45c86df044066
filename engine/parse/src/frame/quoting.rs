//! What is no part of the model's own answer although it wrote it: elements that quote, comments, others' turns.

use super::{Framer, Role, Tag, shown};

/// Two calls that belong together have no more than a few markers between them.
const GAP: usize = 64;

/// How far an element may be indented.
const LEAD: usize = 8;

impl Framer<'_, '_> {
    /// Whether what begins at `start` is shown, or follows at once what is. What follows a call at once is made as that is:
    /// what the call holds is not looked at, it leads over to nothing.
    pub(super) fn is_shown(&self, start: usize) -> bool {
        let between = self.text.get(self.kept..start).unwrap_or_default();
        if self.made && between.trim_ascii().is_empty() {
            return false;
        }
        let gap = self.shown.and_then(|end| self.text.get(end..start));
        let follows = gap.filter(|gap| gap.len() < GAP).is_some_and(|gap| {
            let gap = gap.trim_matches([' ', '\t', '\r', '\n', '`', ',', ';', '}', ']', ')', '-', '*']);
            gap.is_empty() || gap.starts_with('<') && gap.ends_with('>')
        });
        follows || shown::shown(self.text, start) || !self.fenced && shown::indented(self.text, start)
    }

    /// An element that holds something to look at: nothing in it is called.
    pub(super) fn quoting(&mut self, tag: &Tag<'_>) -> bool {
        const QUOTING: &[&str] = &[
            "example",
            "examples",
            "documentation",
            "document",
            "documents",
            "quote",
            "blockquote",
            "pre",
            "file",
            "file_content",
            "stdout",
            "stderr",
            "log",
            "transcript",
            "details",
        ];
        if !QUOTING.contains(&tag.name) || tag.empty || !self.begins_line() || self.offered(tag.name) {
            return false;
        }
        self.at = tag.span.end;
        self.skip_to(&format!("</{}>", tag.name));
        true
    }

    /// Whether nothing but space stands before the framer's place in its line.
    pub(super) fn begins_line(&self) -> bool {
        let before = self.text.get(self.at.saturating_sub(LEAD)..self.at);
        before.is_some_and(|before| {
            let before = before.trim_end_matches([' ', '\t']);
            before.is_empty() || before.ends_with('\n')
        })
    }

    /// Where the next turn begins, or the text ends.
    pub(super) fn next_turn(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(next) = self.next_tag(at) {
            if next.role == Role::End || next.name.contains("start") && next.piped && !next.close {
                return next.span.start;
            }
            at = next.span.end;
        }
        self.text.len()
    }

    /// Goes behind the next `closer`, or to the end: it may still be written, and what was called could not be undone.
    pub(super) fn skip_to(&mut self, closer: &str) {
        let rest = self.rest();
        let found = memchr::memmem::find(rest.as_bytes(), closer.as_bytes());
        self.at += found.map_or(rest.len(), |found| found + closer.len());
    }
}

/// Whether a turn begins that is not the model's: what it holds is quoted or made up.
pub(super) fn others_speak(tag: &str, after: &str) -> bool {
    const TURNS: &[&str] = &["im_start", "start_header_id", "start_of_role", "start_of_turn"];
    const OTHERS: &[&str] = &[
        "tool",
        "user",
        "system",
        "ipython",
        "function",
        "environment",
        "available_tools",
    ];
    let word = after.trim_start();
    let len = word
        .find(|ch: char| !(ch.is_ascii_alphabetic() || ch == '_'))
        .unwrap_or(word.len());
    TURNS.contains(&tag) && word.get(..len).is_some_and(|word| OTHERS.contains(&word))
}
