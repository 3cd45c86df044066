//! Tokens to tree: what statements, expressions and types share.
//!
//! Recursive descent to a fixed depth. What is deeper, or not of the subset, or has a comment at a place that the tree has
//! no room for, is [`Unsupported`]; the statement around it then stays as it was written.

mod arrow;
mod class;
mod expression;
mod statement;
mod types;

use std::cell::Cell;

use super::Unsupported;
pub(super) use expression::{is_plain_name, strength};

use super::syntax::{Block, Item, Items, Note};
use super::token::{Comment, Kind, Token, Tokens};

/// How deep brackets and operators may be nested: the stack of a thread of 2 MiB ends at 120 without optimisation.
const MAX_DEPTH: usize = 100;

pub(super) type Parsed<T> = Result<T, Unsupported>;

pub(super) struct Parser<'a, 't> {
    source: &'a str,
    tokens: &'t [Token<'a>],
    comments: &'t [Comment<'a>],
    /// The next token.
    at: usize,
    /// Comments before this one have their place.
    noted: usize,
    /// A comment was passed that has no place.
    lost: bool,
    depth: usize,
    /// Inside of `a ? … : b`: `(b): c => d` is no function there.
    in_consequent: bool,
    /// Inside of the head of a `for`: `in` is no operator.
    no_in: bool,
}

/// Where the parser was.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    noted: usize,
    lost: bool,
    depth: usize,
}

pub(super) fn parse<'a>(source: &'a str, tokens: &Tokens<'a>) -> Block<'a> {
    let mut parser = Parser {
        source,
        tokens: &tokens.tokens,
        comments: &tokens.comments,
        at: 0,
        noted: 0,
        lost: false,
        depth: 0,
        in_consequent: false,
        no_in: false,
    };
    parser.statements()
}

impl<'a, 't> Parser<'a, 't> {
    #[inline]
    fn peek_by(&self, ahead: usize) -> &'t Token<'a> {
        let token = self.tokens.get(self.at + ahead).or(self.tokens.last());
        token.unwrap_or(&Token::END)
    }

    #[inline]
    fn peek(&self) -> &'t Token<'a> {
        self.peek_by(0)
    }

    #[inline]
    fn is(&self, sign: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Sign && token.text == sign
    }

    #[inline]
    fn is_word(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Name && token.text == word
    }

    fn advance(&mut self) -> &'t Token<'a> {
        let token = self.peek();
        if token.comments > self.noted {
            self.noted = token.comments;
            self.lost = true;
        }
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    #[inline]
    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.advance();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.eat(sign) { Ok(()) } else { Err(Unsupported) }
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) {
            Ok(())
        } else {
            Err(Unsupported)
        }
    }

    fn name(&mut self) -> Parsed<&'a str> {
        if self.peek().kind == Kind::Name {
            Ok(self.advance().text)
        } else {
            Err(Unsupported)
        }
    }

    fn string(&mut self) -> Parsed<&'a str> {
        if self.peek().kind == Kind::String {
            Ok(self.advance().text)
        } else {
            Err(Unsupported)
        }
    }

    /// `;`, or where a line end or a `}` stands for it.
    fn semicolon(&mut self) -> Parsed<()> {
        if self.eat(";") || self.is("}") || self.peek().kind == Kind::End || self.peek().lines > 0 {
            return Ok(());
        }
        let with_comment = self
            .comments
            .get(self.noted..self.peek().comments)
            .is_some_and(|notes| notes.iter().any(|note| note.ends_line));
        if with_comment { Ok(()) } else { Err(Unsupported) }
    }

    /// The text from the start of one token up to the end of the one before the next.
    fn text_since(&self, from: usize) -> Parsed<&'a str> {
        let start = self.tokens.get(from).ok_or(Unsupported)?.start;
        let last = self.at.checked_sub(1).and_then(|index| self.tokens.get(index));
        let last = last.ok_or(Unsupported)?;
        self.source
            .get(start..last.start + last.text.len())
            .ok_or(Unsupported)
    }

    /// Runs `inside` a level deeper.
    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Unsupported);
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// Runs `inside` brackets, where nothing of what is around matters.
    fn bracketed<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let (in_consequent, no_in) = (self.in_consequent, self.no_in);
        self.in_consequent = false;
        self.no_in = false;
        let result = self.deeper(inside);
        self.in_consequent = in_consequent;
        self.no_in = no_in;
        result
    }

    fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            noted: self.noted,
            lost: self.lost,
            depth: self.depth,
        }
    }

    fn back_to(&mut self, mark: Mark) {
        self.at = mark.at;
        self.noted = mark.noted;
        self.lost = mark.lost;
        self.depth = mark.depth;
    }

    fn note(&self, index: usize) -> Option<Note<'a>> {
        let comment = self.comments.get(index)?;
        let next_lines = if index + 1 < self.peek().comments {
            self.comments.get(index + 1).map_or(0, |next| next.lines)
        } else {
            self.peek().lines
        };
        Some(Note {
            text: comment.text,
            ends_line: comment.ends_line,
            blank_before: comment.lines > 1,
            blank_after: next_lines > 1,
        })
    }

    /// The comments before the next token that have no place yet.
    fn lead(&mut self) -> Vec<Note<'a>> {
        let to = self.peek().comments;
        if to <= self.noted {
            return Vec::new();
        }
        let notes = (self.noted..to).filter_map(|index| self.note(index)).collect();
        self.noted = to;
        notes
    }

    /// The comments behind the last token, up to the end of its line.
    fn trail(&mut self) -> Vec<Note<'a>> {
        let to = self.peek().comments;
        let mut notes = Vec::new();
        while self.noted < to {
            let Some(comment) = self.comments.get(self.noted) else {
                break;
            };
            let on_the_line = comment.lines == 0
                && self
                    .comments
                    .get(self.noted..to)
                    .is_some_and(|rest| rest.iter().any(|note| note.ends_line));
            if !on_the_line {
                break;
            }
            notes.extend(self.note(self.noted));
            self.noted += 1;
        }
        notes
    }

    /// Whether an empty line comes next.
    fn blank_follows(&self) -> bool {
        let lines = if self.noted < self.peek().comments {
            self.comments.get(self.noted).map_or(0, |comment| comment.lines)
        } else {
            self.peek().lines
        };
        lines > 1
    }

    /// Items up to `closing`, which is taken, each but the last followed by `separator`.
    fn list<T>(
        &mut self,
        separator: &str,
        closing: &str,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Items<'a, T>> {
        let list = self.items(separator, closing, item)?;
        self.expect(closing)?;
        Ok(list)
    }

    fn items<T>(
        &mut self,
        separator: &str,
        closing: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Items<'a, T>> {
        let opened = self.peek().lines > 0
            || self
                .comments
                .get(self.noted..self.peek().comments)
                .is_some_and(|notes| notes.iter().any(|note| note.ends_line));
        let mut items = Vec::new();
        loop {
            let lead = self.lead();
            if self.is(closing) || self.peek().kind == Kind::End {
                return Ok(Items {
                    all: items,
                    rest: lead,
                    opened: Cell::new(opened),
                });
            }
            let node = item(self)?;
            let mut trail = self.trail();
            let separated = self.eat(separator) || (separator == ";" && self.eat(","));
            trail.extend(self.trail());
            let blank_after = self.blank_follows();
            items.push(Item {
                lead,
                node,
                trail,
                blank_after,
            });
            if !separated && separator != ";" && !self.is(closing) {
                // A comment may stand between the last item and the bracket.
                let rest = self.lead();
                return Ok(Items {
                    all: items,
                    rest,
                    opened: Cell::new(opened),
                });
            }
        }
    }
}
