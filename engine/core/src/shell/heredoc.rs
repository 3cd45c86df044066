//! Here-documents: `<<END`, `<<-END`, `<<'END'`, and their text in the lines that follow.

use super::place::{Closed, Open, Scanner};

/// Here-documents that one line may open.
const MOST: usize = 16;

/// A here-document.
#[derive(Debug, Clone)]
pub(super) struct Document {
    end: String,
    /// Whether leading tabs do not count: `<<-`.
    tabs: bool,
    /// Whether the end word is quoted, so that the text is taken as it is.
    quoted: bool,
}

/// Reads the end word after `<<`.
pub(super) fn open(scanner: &mut Scanner<'_>) {
    let start = scanner.at;
    let tabs = scanner.rest().starts_with('-');
    if tabs {
        scanner.copy(1);
    }
    let blanks = scanner.rest().len() - scanner.rest().trim_start_matches([' ', '\t']).len();
    scanner.copy(blanks);
    let mut document = Document {
        end: String::new(),
        tabs,
        quoted: false,
    };
    let mut quote = None;
    while let Some(character) = scanner.rest().chars().next() {
        if scanner.at_tag() {
            scanner.error(
                "the end word of a here-document cannot be a value",
                start..scanner.at + 2,
                "write a fixed word: `<<END`",
            );
            return scanner.copy(2);
        }
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                document.quoted = true;
            }
            (Some(open), close) if open == close => quote = None,
            (None, '\\') => {
                document.quoted = true;
                scanner.copy(1);
                let Some(escaped) = scanner.rest().chars().next() else {
                    break;
                };
                document.end.push(escaped);
                scanner.copy(escaped.len_utf8());
                continue;
            }
            (None, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => break,
            (None, '$' | '`') | (Some(_), '\\' | '\n') => {
                // Taken as it is by some shells, expanded or joined by others.
                scanner.is_unsure();
                document.end.push(character);
            }
            _ => document.end.push(character),
        }
        scanner.copy(character.len_utf8());
    }
    if quote.is_some() {
        scanner.error(
            "this quote is never closed",
            start..scanner.at,
            "close it after the end word",
        );
    }
    if scanner.awaited.len() >= MOST {
        // Nobody writes so many; looking through them at each bracket would take long.
        scanner.is_unsure();
        return;
    }
    let level = scanner.frame.level;
    scanner.awaited.push_back((document, level));
}

/// At the start of a line: ends the here-document whose end word the line is, and begins the next.
pub(super) fn go_on(scanner: &mut Scanner<'_>) {
    loop {
        let Open::Document(document) = &scanner.frame.open else {
            let Some((document, _)) = scanner.awaited.pop_front() else {
                return;
            };
            let closed = document.quoted.then_some(Closed::QuotedDocument);
            let start = scanner.at;
            scanner.push(Open::Document(document), start, closed, false);
            continue;
        };
        let rest = scanner.rest();
        let line = rest.split('\n').next().unwrap_or("");
        let word = if document.tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        if word != document.end || rest.is_empty() {
            return;
        }
        let length = (line.len() + 1).min(rest.len());
        scanner.copy(length);
        scanner.pop();
    }
}

impl Scanner<'_> {
    /// Takes the next of a here-document's text.
    pub(super) fn document(&mut self, rest: &str) {
        let quoted = matches!(&self.frame.open, Open::Document(document) if document.quoted);
        match rest.as_bytes().first() {
            Some(b'\n') => {
                self.copy(1);
                go_on(self);
            }
            Some(_) if quoted => self.closed_until('\n', Closed::QuotedDocument),
            Some(b'\\') if rest.starts_with("\\\n") => {
                // Shells differ on whether the next line can still be the end word.
                self.is_unsure();
                self.copy(2);
                go_on(self);
            }
            Some(b'\\') => self.escape(),
            Some(b'$' | b'`') => self.dollar(rest),
            _ => self.copy(rest.chars().next().map_or(1, char::len_utf8)),
        }
    }
}
