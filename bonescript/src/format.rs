//! The layout of a program: the same tokens and comments, other white space.
//!
//! Nothing is added, removed or moved, so a formatted program means what it meant. Two spaces for each level; a blank line
//! between declarations; a clause to a line; a list on one line while it is short, else an item to a line; comments stay
//! beside what they are beside.

mod context;
mod spacing;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Problems;
use crate::text::{MAX_BYTES, SourceId, Sources};
use crate::token::{Token, TokenKind};
use crate::{Analysis, lexer, parser};

use context::{Context, Contexts};
use spacing::Spacing;

/// Lists that would be wider than this are broken.
const WIDTH: usize = 100;

/// The text of a program, laid out.
///
/// # Errors
/// What is wrong with the text: a program that can't be read is left alone.
pub fn format(name: &str, text: &str) -> Result<String, Analysis> {
    let mut problems = Problems::default();
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let refused = |problems: Problems, sources: Sources| Analysis {
        sources,
        program: None,
        diagnostics: problems.into_sorted(),
    };
    if text.len() > MAX_BYTES {
        let code = crate::Code::TOO_LARGE;
        problems.push(Diagnostic::new(
            code,
            SourceId(0),
            crate::Span::default(),
            "the file is too large",
        ));
        return Err(refused(problems, sources));
    }
    let tokens = lexer::tokens(source, text, &mut problems);
    parser::parse(source, text, &tokens, &mut problems);
    let found = problems.into_sorted();
    if found.iter().any(Diagnostic::is_error) {
        return Err(Analysis {
            sources,
            program: None,
            diagnostics: found,
        });
    }
    Ok(Printer::new(text, &tokens).print())
}

struct Printer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    out: String,
    contexts: Contexts,
    spacing: Spacing,
    /// The next declaration has a blank line before it.
    blank: bool,
}

/// What goes before a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Nothing, or a space.
    Inside,
    /// A new line at the level of its context.
    Line,
    /// A new line, one level deeper: a comment broke the line.
    Continued,
}

impl<'a> Printer<'a> {
    fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            text,
            tokens,
            out: String::with_capacity(text.len() + text.len() / 4),
            contexts: Contexts::default(),
            spacing: Spacing::default(),
            blank: false,
        }
    }

    fn print(mut self) -> String {
        // A comment to the end of a line was the last thing written.
        let mut broken = false;
        for at in 0..self.tokens.len() {
            let Some(token) = self.tokens.get(at).copied() else {
                break;
            };
            if token.kind == TokenKind::End {
                break;
            }
            let lines = self.lines_before(at);
            if token.kind.is_comment() {
                self.comment(at, lines);
                let ends_line = token.kind == TokenKind::LineComment || self.lines_before(at + 1) > 0;
                broken = ends_line;
                continue;
            }
            self.contexts.close(token.kind);
            let in_type = self.spacing.in_type();
            let gap = match self.contexts.gap(self.tokens, at, self.text, in_type) {
                Gap::Inside if broken => Gap::Continued,
                gap => gap,
            };
            self.separate(gap, lines, at);
            let text = self.slice(at);
            self.out.push_str(text);
            broken = false;
            self.after(at);
        }
        while self.out.ends_with(['\n', ' ']) {
            self.out.pop();
        }
        self.out.push('\n');
        self.out
    }

    fn slice(&self, at: usize) -> &'a str {
        let span = self.tokens.get(at).map(|token| token.span).unwrap_or_default();
        self.text.get(span.range()).unwrap_or_default()
    }

    /// How many line breaks stand before a token in the source.
    fn lines_before(&self, at: usize) -> usize {
        let start = at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(0, |token| token.span.end);
        let end = self.tokens.get(at).map_or(start, |token| token.span.start);
        let between = self.text.get(start as usize..end as usize).unwrap_or_default();
        between.bytes().filter(|byte| *byte == b'\n').count()
    }

    fn separate(&mut self, gap: Gap, lines: usize, at: usize) {
        match gap {
            Gap::Inside => {
                if self.spacing.space(self.tokens, at, self.text) {
                    self.out.push(' ');
                }
            }
            Gap::Line => {
                let declaration = matches!(self.contexts.top(), Context::System) && self.blank;
                let closes = self.tokens.get(at).is_some_and(|token| token.kind.closes());
                let wanted = declaration && !(self.contexts.alike(self.tokens, at, self.text) && lines < 2);
                self.line(self.contexts.indent(), (wanted || lines > 1) && !closes);
                self.blank = false;
            }
            Gap::Continued => self.line(self.contexts.indent() + 1, false),
        }
        self.spacing.seen(self.tokens, at, self.text);
    }

    fn after(&mut self, at: usize) {
        let closed_body = self.contexts.open(self.tokens, at, self.text);
        if closed_body {
            self.blank = true;
        }
        if matches!(self.contexts.top(), Context::System) && !closed_body {
            // Constraints, imports and the domain end without a bracket.
            self.blank |= self.contexts.in_declaration();
        }
    }

    /// A new line at a level, after a blank one where that is wanted and something stands before it.
    fn line(&mut self, indent: usize, blank: bool) {
        if self.out.is_empty() {
            return;
        }
        let opened = self.out.ends_with(['{', '[', '(']);
        while self.out.ends_with([' ', '\n']) {
            self.out.pop();
        }
        self.out.push('\n');
        if blank && !opened {
            self.out.push('\n');
        }
        self.out.push_str(&"  ".repeat(indent));
    }

    fn comment(&mut self, at: usize, lines: usize) {
        let text = self.slice(at);
        let first = self.out.is_empty();
        if lines > 0 && !first {
            let wanted = self.blank && matches!(self.contexts.top(), Context::System);
            self.line(self.contexts.indent(), wanted || lines > 1);
            self.blank = false;
        } else if !first && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        // `#` is no comment; a text with one is refused before.
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.out.push_str(line.trim_end());
        }
    }
}
