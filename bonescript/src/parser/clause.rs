//! What all bodies and lists have in common: clauses in any order, items between commas, and going on after an error.

use super::{Parse, Parser, Reported};
use crate::ast::Name;
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::text::Span;
use crate::token::TokenKind;

/// The names of clauses that were read, for saying that one is there twice.
#[derive(Default)]
pub(super) struct Seen(Vec<(&'static str, Span)>);

impl Parser<'_> {
    /// `{ clause … }`. `clause` is called behind the word of each; what it does not read is stepped over. Gives whether all
    /// of the body could be read.
    pub(super) fn body(
        &mut self,
        owner: &str,
        words: &'static [&'static str],
        clause: &mut dyn FnMut(&mut Self, &'static str, &mut Seen) -> Parse<()>,
    ) -> Parse<bool> {
        let open = self.want(TokenKind::OpenBrace)?;
        let outer = std::mem::replace(&mut self.words, words);
        let mut seen = Seen::default();
        let mut whole = true;
        loop {
            if self.eat(TokenKind::CloseBrace) {
                break;
            }
            if self.peek() == TokenKind::End || self.at_declaration() {
                self.unclosed(open, owner);
                whole = false;
                break;
            }
            // A comma between clauses is a habit from elsewhere and harms nobody.
            if self.peek() == TokenKind::Comma && self.kind_at(self.at + 1) == TokenKind::Word {
                self.step();
                continue;
            }
            let read = match self.clause_word(owner, words) {
                Ok(word) => clause(self, word, &mut seen),
                Err(reported) => Err(reported),
            };
            if read.is_err() {
                whole = false;
                self.recover();
            }
        }
        self.words = outer;
        Ok(whole)
    }

    /// The word that a clause begins with; one that is nearly right is taken for it, so that nothing follows from it.
    fn clause_word(&mut self, owner: &str, words: &'static [&'static str]) -> Parse<&'static str> {
        if self.peek() != TokenKind::Word {
            let reported = self.expected(&format!("a clause of {owner} ({}) or `}}`", Self::listed(words)));
            self.skip();
            return Err(reported);
        }
        let word = self.word().to_owned();
        if let Some(known) = words.iter().copied().find(|known| *known == word) {
            self.step();
            return Ok(known);
        }
        let span = self.span();
        let near = closest(&word, words.iter().copied());
        let message = format!("{owner} has no clause `{word}`");
        let mut problem =
            Diagnostic::new(Code::UNKNOWN_CLAUSE, self.source, span, message).expected(Self::listed(words));
        if let Some(near) = near {
            problem = problem.meant(span, near);
        }
        self.report(problem);
        self.step();
        words
            .iter()
            .copied()
            .find(|known| Some(*known) == near)
            .ok_or(Reported)
    }

    fn unclosed(&mut self, open: Span, owner: &str) {
        let end = self.before().after();
        let message = format!("the `{{` of {owner} is never closed");
        let problem = Diagnostic::new(Code::UNCLOSED, self.source, open, message)
            .also(self.source, self.span(), "expected `}` before this")
            .expected("`}`")
            .help("close it with `}`")
            .replace(end, "\n}");
        if self.reported_at != Some(self.at) {
            self.reported_at = Some(self.at);
            self.report(problem);
        }
    }

    /// `:`, and that the clause is there for the first time.
    pub(super) fn once(&mut self, word: &'static str, seen: &mut Seen) -> Parse<()> {
        let span = self.before();
        if let Some((_, first)) = seen.0.iter().find(|(known, _)| *known == word) {
            let problem = Diagnostic::new(
                Code::REPEATED_CLAUSE,
                self.source,
                span,
                format!("`{word}` is there twice"),
            )
            .also(self.source, *first, "first here")
            .help("put both into one");
            self.report(problem);
        }
        seen.0.push((word, span));
        self.want(TokenKind::Colon).map(|_| ())
    }

    /// Items between brackets and commas; a comma at the end is allowed. An item that can't be read is left out.
    pub(super) fn list<T>(
        &mut self,
        open: TokenKind,
        item: &mut dyn FnMut(&mut Self) -> Parse<T>,
    ) -> Parse<(Vec<T>, bool)> {
        let opened = self.at;
        self.want(open)?;
        let close = open.closing().unwrap_or(TokenKind::CloseBracket);
        let closed = self
            .partners
            .get(opened)
            .map(|at| *at as usize)
            .filter(|at| *at != opened);
        let mut items = Vec::new();
        let mut whole = true;
        loop {
            if self.eat(close) {
                // Most lists are short, and there may be many.
                items.shrink_to_fit();
                return Ok((items, whole));
            }
            let start = self.at;
            let read = item(self);
            let failed = read.is_err();
            match read {
                Ok(item) => items.push(item),
                Err(Reported) => self.skip_item(closed),
            }
            if self.eat(TokenKind::Comma) || self.peek() == close {
                whole &= !failed;
                continue;
            }
            if self.peek() == TokenKind::End
                || self.peek().closes()
                || self.at_declaration()
                || (closed.is_none() && (self.at_clause() || self.peek() == TokenKind::OpenBrace))
            {
                // The bracket was forgotten: what follows is outside of it.
                if !failed {
                    self.expected(&format!("`{}`", close.sign()));
                }
                items.shrink_to_fit();
                return Ok((items, false));
            }
            if !failed {
                self.expected(&format!("`,` or `{}`", close.sign()));
            }
            // A word begins the next item, and only the comma was forgotten.
            if failed || self.peek() != TokenKind::Word || self.at == start {
                whole = false;
                self.skip_item(closed);
                self.eat(TokenKind::Comma);
            }
        }
    }

    /// Goes to the comma or the bracket that ends an item.
    fn skip_item(&mut self, closed: Option<usize>) {
        loop {
            match self.peek() {
                TokenKind::Comma | TokenKind::End => return,
                kind if kind.closes() => return,
                _ => {}
            }
            if closed.is_none() && (self.at_clause() || self.at_declaration()) {
                return;
            }
            self.skip();
            if closed.is_some_and(|closed| self.at > closed) {
                self.at = closed.unwrap_or(self.at);
                return;
            }
        }
    }

    /// `name (name % ",")` and the like: names between brackets.
    pub(super) fn names(&mut self, open: TokenKind, what: &str) -> Parse<Vec<Name>> {
        let (names, whole) = self.list(open, &mut |parser| parser.name(what))?;
        if whole { Ok(names) } else { Err(Reported) }
    }
}
