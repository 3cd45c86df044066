//! Where a space stands between two tokens of a line.

use crate::token::{Token, TokenKind as T};

/// What has to be remembered from left to right.
#[derive(Default)]
pub(super) struct Spacing {
    before: Option<(T, bool)>,
    /// A `-` that is a sign, and not between two values.
    sign: bool,
    /// `<` of types that are open.
    generics: usize,
    /// `?` whose `:` is still to come.
    questions: usize,
    /// The token before is `<` or `>` of a type, or `->` before a guard.
    tight: bool,
}

impl Spacing {
    /// Whether a space goes before a token.
    pub(super) fn space(&self, tokens: &[Token], at: usize, text: &str) -> bool {
        let Some((before, word_operator)) = self.before else {
            return false;
        };
        let kind = kind(tokens, at);
        match (before, kind) {
            (T::OpenParen | T::OpenBracket | T::Dot | T::DotDot | T::At, _)
            | (_, T::CloseParen | T::CloseBracket | T::Comma | T::Dot | T::DotDot)
            | (T::OpenBrace, T::CloseBrace)
            | (T::Arrow, T::OpenParen) => false,
            (_, T::Colon) => self.questions > 0,
            (T::Word, T::OpenParen) => word_operator,
            (T::Word, T::Less) => !is_generic(tokens, at, text),
            (T::Less, _) | (T::Greater, T::OpenParen) if self.tight => false,
            (_, T::Greater) if self.generics > 0 => false,
            (T::Minus, _) if self.sign => false,
            _ => true,
        }
    }

    /// Whether what comes next stands between the arguments of a type: `map<string, uint>` is one item of a list.
    pub(super) fn in_type(&self) -> bool {
        self.generics > 0
    }

    /// Takes a token in.
    pub(super) fn seen(&mut self, tokens: &[Token], at: usize, text: &str) {
        let kind = kind(tokens, at);
        let word = word(tokens, at, text);
        self.tight = false;
        match kind {
            T::Less if is_generic(tokens, at, text) => {
                self.generics += 1;
                self.tight = true;
            }
            T::Greater if self.generics > 0 => {
                self.generics -= 1;
                self.tight = true;
            }
            T::Question => self.questions += 1,
            T::Colon => self.questions = self.questions.saturating_sub(1),
            T::OpenBrace | T::CloseBrace => (self.generics, self.questions) = (0, 0),
            _ => {}
        }
        let value_before = matches!(
            self.before,
            Some((
                T::Word
                    | T::Integer
                    | T::Float
                    | T::Duration
                    | T::String
                    | T::CloseParen
                    | T::CloseBracket
                    | T::CloseBrace,
                false
            ))
        );
        self.sign = kind == T::Minus && !value_before;
        let operator = matches!(word, "and" | "or" | "not" | "in" | "contains");
        self.before = Some((kind, operator));
    }
}

fn kind(tokens: &[Token], at: usize) -> T {
    tokens.get(at).map_or(T::End, |token| token.kind)
}

fn word<'t>(tokens: &[Token], at: usize, text: &'t str) -> &'t str {
    let token = tokens.get(at).filter(|token| token.kind == T::Word);
    token
        .and_then(|token| text.get(token.span.range()))
        .unwrap_or_default()
}

/// Whether this `<` opens the arguments of a type.
fn is_generic(tokens: &[Token], at: usize, text: &str) -> bool {
    let before = at.checked_sub(1).map_or("", |at| word(tokens, at, text));
    kind(tokens, at) == T::Less && matches!(before, "list" | "set" | "map" | "optional" | "result")
}
