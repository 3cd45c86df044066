//! Finds the place of each value: what quotes, substitutions and here-documents are open there.
//!
//! One pass with a stack of what is open. Shells differ in corners, and a line that enters one before
//! a value is refused rather than guessed at: the value would be quoted for the wrong place.

use std::collections::VecDeque;
use std::ops::Range;

use super::command::Command;
use super::heredoc::{self, Document};
use super::{Line, Problem, Severity, Slot};

/// Why no value can stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Single,
    DollarSingle,
    Comment,
    QuotedDocument,
    Arithmetic,
    Backticks,
    Parameter,
}

/// Something that is open.
#[derive(Debug)]
pub(super) enum Open {
    /// The line itself, `(…)` or `$(…)`: words.
    Words(Command),
    Double,
    /// `${…}`; whether it stands in double quotes or a here-document.
    Parameter {
        quoted: bool,
    },
    /// `$((…))` or `((…))`, with the brackets inside it.
    Arithmetic {
        brackets: usize,
    },
    Document(Document),
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) open: Open,
    pub(super) start: usize,
    /// Why no value can stand inside, if so.
    pub(super) closed: Option<Closed>,
    /// Substitutions around it, itself included.
    pub(super) level: usize,
    /// Whether this is a `$(…)`, which a `)` ends.
    substitution: bool,
}

pub(super) struct Scanner<'l> {
    pub(super) line: &'l str,
    pub(super) at: usize,
    pub(super) script: String,
    pub(super) slots: Vec<Slot>,
    pub(super) problems: Vec<Problem>,
    pub(super) frame: Frame,
    pub(super) outer: Vec<Frame>,
    /// Here-documents whose text begins after the line, and the level of each.
    pub(super) awaited: VecDeque<(Document, usize)>,
    /// Where shells began to differ on what is open.
    pub(super) unsure: Option<usize>,
    /// How many here-documents are open around.
    pub(super) documents: usize,
}

pub(super) fn analyse(line: &str) -> (Line, Vec<Problem>) {
    let mut scanner = Scanner {
        line,
        at: 0,
        script: String::with_capacity(line.len() + 16),
        slots: Vec::new(),
        problems: Vec::new(),
        frame: Frame {
            open: Open::Words(Command::default()),
            start: 0,
            closed: None,
            level: 0,
            substitution: false,
        },
        outer: Vec::new(),
        awaited: VecDeque::new(),
        unsure: None,
        documents: 0,
    };
    while scanner.at < line.len() {
        scanner.step();
    }
    scanner.finish();
    (
        Line {
            script: scanner.script,
            slots: scanner.slots,
        },
        scanner.problems,
    )
}

impl<'l> Scanner<'l> {
    pub(super) fn rest(&self) -> &'l str {
        self.line.get(self.at..).unwrap_or("")
    }

    /// Takes over some bytes of the line as they are.
    pub(super) fn copy(&mut self, bytes: usize) {
        let text = self.line.get(self.at..self.at + bytes).unwrap_or("");
        self.script.push_str(text);
        self.at = (self.at + bytes).min(self.line.len());
    }

    /// Takes over one character inside something that is open. A line break there is none between
    /// commands, and shells differ on where a here-document begins or ends with it.
    pub(super) fn copy_character(&mut self) {
        let character = self.rest().chars().next().unwrap_or(' ');
        if character == '\n' && (self.documents > 0 || !self.awaited.is_empty()) {
            self.is_unsure();
        }
        self.copy(character.len_utf8());
    }

    pub(super) fn error(&mut self, message: impl Into<String>, span: Range<usize>, help: impl Into<String>) {
        self.problems.push(Problem {
            severity: Severity::Error,
            message: message.into(),
            span,
            help: Some(help.into()),
        });
    }

    pub(super) fn is_unsure(&mut self) {
        self.unsure.get_or_insert(self.at);
    }

    pub(super) fn push(&mut self, open: Open, start: usize, closed: Option<Closed>, substitution: bool) {
        let closed = if substitution {
            closed
        } else {
            closed.or(self.frame.closed)
        };
        let level = self.frame.level + usize::from(substitution);
        self.documents += usize::from(matches!(open, Open::Document(_)));
        let frame = Frame {
            open,
            start,
            closed,
            level,
            substitution,
        };
        self.outer.push(std::mem::replace(&mut self.frame, frame));
    }

    pub(super) fn pop(&mut self) {
        if let Some(frame) = self.outer.pop() {
            self.documents -= usize::from(matches!(self.frame.open, Open::Document(_)));
            self.frame = frame;
        }
    }

    fn step(&mut self) {
        let rest = self.rest();
        if rest.starts_with("{{") || rest.starts_with("{%") {
            return self.tag(self.frame.closed);
        }
        match self.frame.open {
            Open::Words(_) => self.words(rest),
            Open::Double => self.double(rest),
            Open::Parameter { quoted } => self.parameter(rest, quoted),
            Open::Arithmetic { brackets } => self.arithmetic(rest, brackets),
            Open::Document(_) => self.document(rest),
        }
    }

    fn words(&mut self, rest: &str) {
        let Open::Words(command) = &mut self.frame.open else {
            return;
        };
        let start = self.at;
        match rest.as_bytes().first() {
            Some(b'\n') => {
                command.end_command();
                self.newline();
            }
            Some(b'#') if !command.in_word() => self.closed_until('\n', Closed::Comment),
            Some(b'\'') => {
                command.continue_word();
                self.copy(1);
                self.single(start, Closed::Single);
            }
            Some(b'"') => {
                command.continue_word();
                self.copy(1);
                self.push(Open::Double, start, None, false);
            }
            Some(b'\\') => {
                if !rest.starts_with("\\\n") {
                    command.continue_word();
                }
                self.escape();
            }
            Some(b'$' | b'`') => {
                command.continue_word();
                self.dollar(rest);
            }
            Some(b'<') if rest.starts_with("<<<") => {
                command.end_word();
                self.copy(3);
            }
            Some(b'<') if rest.starts_with("<<") => {
                command.end_word();
                self.copy(2);
                heredoc::open(self);
            }
            Some(b'(') => {
                let begins = !command.in_word();
                command.end_command();
                if begins && rest.starts_with("((") {
                    self.copy(2);
                    self.push(
                        Open::Arithmetic { brackets: 0 },
                        start,
                        Some(Closed::Arithmetic),
                        false,
                    );
                } else {
                    self.copy(1);
                    self.push(Open::Words(Command::default()), start, None, false);
                }
            }
            Some(b')') => self.close_bracket(),
            Some(b';' | b'&' | b'|') => {
                command.end_command();
                self.copy(1);
            }
            Some(b' ' | b'\t' | b'<' | b'>') => {
                command.end_word();
                self.copy(1);
            }
            _ => {
                let character = rest.chars().next().unwrap_or(' ');
                command.push(character);
                self.copy(character.len_utf8());
            }
        }
    }

    /// Takes a `)` among words.
    fn close_bracket(&mut self) {
        let level = self.frame.level;
        if let Open::Words(command) = &mut self.frame.open {
            command.end_command();
            if command.had_case && level > 0 {
                // `case x in a)` has a bracket that nothing opened.
                self.is_unsure();
            }
        }
        self.copy(1);
        if self.frame.substitution && self.awaited.iter().any(|(_, awaited)| *awaited == level) {
            self.is_unsure();
            self.awaited.retain(|(_, awaited)| *awaited != level);
        }
        // Without an open bracket, it ends a pattern of `case`.
        if !self.outer.is_empty() {
            self.pop();
        }
    }

    /// Takes a line break among words, after which the here-documents come.
    fn newline(&mut self) {
        self.copy(1);
        if self.documents > 0 {
            self.is_unsure();
        }
        if self.awaited.is_empty() {
            return;
        }
        let level = self.frame.level;
        if self.awaited.iter().any(|(_, awaited)| *awaited != level) {
            self.is_unsure();
        }
        heredoc::go_on(self);
    }

    fn double(&mut self, rest: &str) {
        match rest.as_bytes().first() {
            Some(b'"') => {
                self.copy(1);
                self.pop();
            }
            Some(b'\\') => self.escape(),
            Some(b'$' | b'`') => self.dollar(rest),
            _ => {
                let character = rest.chars().next().unwrap_or(' ');
                if let Some(Open::Words(command)) = self.outer.last_mut().map(|frame| &mut frame.open) {
                    command.push(character);
                }
                self.copy_character();
            }
        }
    }

    fn parameter(&mut self, rest: &str, quoted: bool) {
        let start = self.at;
        match rest.as_bytes().first() {
            Some(b'}') => {
                self.copy(1);
                self.pop();
            }
            Some(b'\\') => self.escape(),
            Some(b'$' | b'`') => self.dollar(rest),
            Some(b'\'') if quoted => {
                // A quote to some shells and some operators, a character to others.
                self.is_unsure();
                self.copy(1);
            }
            Some(b'\'') => {
                self.copy(1);
                self.single(start, Closed::Parameter);
            }
            Some(b'"') => {
                if quoted {
                    self.is_unsure();
                }
                self.copy(1);
                self.push(Open::Double, start, Some(Closed::Parameter), false);
            }
            _ => self.copy_character(),
        }
    }

    fn arithmetic(&mut self, rest: &str, inner: usize) {
        match rest.as_bytes().first() {
            Some(b')') if inner == 0 => {
                if rest.starts_with("))") {
                    self.copy(2);
                } else {
                    // It was a command in brackets.
                    self.is_unsure();
                    self.copy(1);
                }
                self.pop();
                return;
            }
            Some(b'\\') => self.escape(),
            Some(b'$' | b'`') => self.dollar(rest),
            Some(b'\'' | b'"' | b'#') => {
                self.is_unsure();
                self.copy(1);
            }
            _ => self.copy_character(),
        }
        if let Open::Arithmetic { brackets } = &mut self.frame.open {
            match rest.as_bytes().first() {
                Some(b'(') => *brackets += 1,
                Some(b')') => *brackets -= 1,
                _ => {}
            }
        }
    }

    pub(super) fn at_tag(&self) -> bool {
        self.rest().starts_with("{{") || self.rest().starts_with("{%")
    }

    fn finish(&mut self) {
        let mut frames = std::mem::take(&mut self.outer);
        let top = Frame {
            open: Open::Double,
            start: 0,
            closed: None,
            level: 0,
            substitution: false,
        };
        frames.push(std::mem::replace(&mut self.frame, top));
        for frame in frames {
            let start = frame.start;
            let (length, message, help) = match frame.open {
                Open::Double => (1, "this quote is never closed", "close it with `\"`"),
                Open::Parameter { .. } => (2, "this `${` is never closed", "close it with `}`"),
                Open::Arithmetic { .. } => (2, "this `((` is never closed", "close it with `))`"),
                Open::Words(_) if frame.substitution => (2, "this `$(` is never closed", "close it with `)`"),
                Open::Words(_) | Open::Document(_) => continue,
            };
            self.error(message, start..(start + length).min(self.line.len()), help);
        }
    }
}
