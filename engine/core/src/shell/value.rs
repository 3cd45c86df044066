//! Puts a variable in the place of a value, or says why none can stand there.

use std::ops::Range;

use super::place::{Closed, Open, Scanner};
use super::{PREFIX, Problem, Severity, Slot};

/// What to do about a value where none can stand.
fn closed_help(closed: Closed) -> (&'static str, &'static str) {
    match closed {
        Closed::Single => (
            "a value cannot stand inside single quotes",
            "end the quotes before it: `'…'{{ … }}'…'`; for the two braces themselves, write `{{ '{{' }}` outside \
             quotes",
        ),
        Closed::DollarSingle => (
            "a value cannot stand inside `$'…'`",
            "end the quotes before it: `$'…'{{ … }}$'…'`",
        ),
        Closed::Comment => ("a value cannot stand in a comment", "leave it out"),
        Closed::QuotedDocument => (
            "a value cannot stand in a here-document whose end word is quoted",
            "leave the quotes out: `<<END`, and put `\\` before each `$` that is meant as it is",
        ),
        Closed::Arithmetic => (
            "a value cannot stand in arithmetic",
            "give it to a variable first: `n={{ … }}`, then `$((n + 1))`",
        ),
        Closed::Backticks => ("a value cannot stand between backticks", "write `$(…)`"),
        Closed::Parameter => (
            "a value cannot stand inside `${…}`",
            "give it to a variable first: `value={{ … }}`",
        ),
    }
}

impl Scanner<'_> {
    /// Takes a tag; `closed` says why no value can stand here, if so.
    pub(super) fn tag(&mut self, closed: Option<Closed>) {
        let start = self.at;
        let Some(span) = self.tag_span() else { return };
        if let Some(closed) = closed {
            let (message, help) = closed_help(closed);
            self.error(message, span.clone(), help);
            return self.copy(span.len());
        }
        if let Some(unsure) = self.unsure {
            let before = self
                .line
                .get(unsure..start)
                .and_then(|text| text.lines().next())
                .unwrap_or("");
            let before: String = before.chars().take(20).collect();
            self.error(
                "shells differ on how the text before this value is quoted",
                span.clone(),
                format!("the doubt begins at `{before}`; give the value to a variable first, at the start of the line"),
            );
            return self.copy(span.len());
        }
        let variable = format!("{PREFIX}{}", self.slots.len() + 1);
        let bare = matches!(self.frame.open, Open::Words(_));
        self.warn_of_reader(&span);
        let quote = if bare { "\"" } else { "" };
        self.script.extend([quote, "${", &variable, "}", quote]);
        let template = self.line.get(span.clone()).unwrap_or("").to_owned();
        self.at = span.end;
        self.slots.push(Slot {
            variable,
            template,
            span,
        });
    }

    /// Warns when a command parses its words again.
    fn warn_of_reader(&mut self, span: &Range<usize>) {
        let command = match &mut self.frame.open {
            Open::Words(command) => Some(command),
            Open::Double => self.outer.last_mut().and_then(|frame| match &mut frame.open {
                Open::Words(command) => Some(command),
                Open::Double | Open::Parameter { .. } | Open::Arithmetic { .. } | Open::Document(_) => None,
            }),
            Open::Parameter { .. } | Open::Arithmetic { .. } | Open::Document(_) => None,
        };
        let Some(command) = command else { return };
        command.continue_word();
        if let Some((reader, help)) = command.reads_again() {
            self.problems.push(Problem {
                severity: Severity::Warning,
                message: format!("`{reader}` parses this value again, as code"),
                span: span.clone(),
                help: Some(help.to_owned()),
            });
        }
    }

    /// Refuses the tag that begins here.
    pub(super) fn refuse_tag(&mut self, message: &str, help: &str, from: usize) {
        if let Some(span) = self.tag_span() {
            self.error(message, from..span.end, help);
            self.copy(span.len());
        }
    }

    /// Returns the bytes of the tag that begins here. One that is no tag ends the line, since
    /// nothing behind it can be placed.
    fn tag_span(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.rest().starts_with("{%") {
            self.error(
                "a shell line takes `{{ … }}` and no `{% … %}`",
                start..start + 2,
                "write the condition in the shell, or in an expression: `{{ a if b else c }}`",
            );
            self.copy(2);
            return None;
        }
        match crate::template::tag_end(self.line, start) {
            Ok(end) => Some(start..end),
            Err(error) => {
                self.problems.push(Problem {
                    severity: Severity::Error,
                    message: error.message,
                    span: error.range,
                    help: error.help,
                });
                self.copy(self.line.len() - start);
                None
            }
        }
    }
}
