//! What quotes the text that follows it, and what `$` begins.

use super::command::Command;
use super::place::{Closed, Open, Scanner};

impl Scanner<'_> {
    /// Takes a backslash with what it stands before.
    pub(super) fn escape(&mut self) {
        let start = self.at;
        self.copy(1);
        if self.rest().starts_with("{{") {
            self.refuse_tag(
                "a value cannot follow a backslash",
                "leave the backslash out",
                start,
            );
        } else if matches!(self.frame.open, Open::Words(_))
            && self.rest().starts_with('\n')
            && self.documents == 0
        {
            self.copy(1);
        } else if let Some(character) = self.rest().chars().next() {
            if let Open::Words(command) = &mut self.frame.open {
                command.push(character);
            }
            self.copy_character();
        }
    }

    /// Takes what begins with `$` or a backtick.
    pub(super) fn dollar(&mut self, rest: &str) {
        let start = self.at;
        let quoted = !matches!(
            self.frame.open,
            Open::Words(_) | Open::Parameter { quoted: false }
        );
        if rest.starts_with('`') {
            self.copy(1);
            return self.backticks(start);
        }
        if rest.starts_with("${{") {
            self.copy(1);
            return self.refuse_tag("a value cannot follow `$`", "write `{{ … }}` without `$`", start);
        }
        if rest.starts_with("$((") {
            self.copy(3);
            self.push(
                Open::Arithmetic { brackets: 0 },
                start,
                Some(Closed::Arithmetic),
                false,
            );
        } else if rest.starts_with("$(") {
            self.copy(2);
            self.push(Open::Words(Command::default()), start, None, true);
        } else if rest.starts_with("${") {
            self.copy(2);
            self.push(Open::Parameter { quoted }, start, Some(Closed::Parameter), false);
        } else if rest.starts_with("$'") && !quoted {
            self.copy(2);
            self.single(start, Closed::DollarSingle);
        } else {
            if rest.starts_with("$[") || rest.starts_with("$\\\n") {
                // Arithmetic to some shells; a name that goes on in the next line.
                self.is_unsure();
            }
            self.copy(1);
            // `$$`, `$#` and the like are one thing.
            if self.rest().starts_with(['$', '#', '!', '?', '@', '*', '-']) {
                self.copy(1);
            }
        }
    }

    pub(super) fn backticks(&mut self, start: usize) {
        while let Some(character) = self.rest().chars().next() {
            match character {
                '`' => return self.copy(1),
                '\\' => {
                    self.copy(1);
                    if !self.rest().starts_with("{{") {
                        self.copy_character();
                    }
                }
                '{' if self.at_tag() => self.tag(Some(Closed::Backticks)),
                _ => self.copy_character(),
            }
        }
        self.error(
            "this backtick is never closed",
            start..start + 1,
            "close it, or write `$(…)`",
        );
    }

    /// Takes what single quotes hold; the opening one is taken.
    pub(super) fn single(&mut self, start: usize, closed: Closed) {
        while let Some(character) = self.rest().chars().next() {
            match character {
                '\'' => return self.copy(1),
                '\\' if closed == Closed::DollarSingle => {
                    self.copy(1);
                    if self.rest().starts_with('\'') {
                        // The end, to a shell that does not know `$'…'`.
                        self.is_unsure();
                    }
                    if !self.at_tag() {
                        self.copy_character();
                    }
                }
                '{' if self.at_tag() => self.tag(Some(closed)),
                _ => {
                    if let Open::Words(command) = &mut self.frame.open {
                        command.push(character);
                    }
                    self.copy_character();
                }
            }
        }
        self.error(
            "this quote is never closed",
            start..start + 1,
            "close it with `'`",
        );
    }

    /// Takes what stands before a character, in which no value can stand.
    pub(super) fn closed_until(&mut self, end: char, closed: Closed) {
        while let Some(character) = self.rest().chars().next().filter(|character| *character != end) {
            if self.at_tag() {
                self.tag(Some(closed));
            } else {
                self.copy(character.len_utf8());
            }
        }
    }
}
