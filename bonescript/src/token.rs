//! Tokens: the words and signs of a text, comments among them.
//!
//! There are no keywords: a word means something by where it stands, so that every one of them may be a name.

use crate::text::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word,
    Integer,
    Float,
    Duration,
    String,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    EqualEqual,
    NotEqual,
    Equal,
    PlusEqual,
    MinusEqual,
    Append,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Colon,
    Comma,
    Dot,
    DotDot,
    Arrow,
    Pipe,
    Question,
    At,
    /// `&&`, read as `and`.
    And,
    /// `||`, read as `or`.
    Or,
    /// `!`, read as `not`.
    Not,
    /// `;`, which nothing wants.
    Semicolon,
    /// To the end of its line.
    LineComment,
    /// Between `/*` and `*/`.
    BlockComment,
    /// What was reported already.
    Invalid,
    /// The end of the text.
    End,
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

impl TokenKind {
    /// The closing partner of an opening bracket.
    pub(crate) fn closing(self) -> Option<Self> {
        Some(match self {
            Self::OpenBrace => Self::CloseBrace,
            Self::OpenBracket => Self::CloseBracket,
            Self::OpenParen => Self::CloseParen,
            _ => return None,
        })
    }

    /// Whether it closes a bracket.
    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::CloseBrace | Self::CloseBracket | Self::CloseParen)
    }

    /// Whether it is a comment.
    pub(crate) fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment)
    }

    /// How a sign is written; empty for what has many forms.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::OpenBrace => "{",
            Self::CloseBrace => "}",
            Self::OpenBracket => "[",
            Self::CloseBracket => "]",
            Self::OpenParen => "(",
            Self::CloseParen => ")",
            Self::Less => "<",
            Self::Greater => ">",
            Self::LessEqual => "<=",
            Self::GreaterEqual => ">=",
            Self::EqualEqual => "==",
            Self::NotEqual => "!=",
            Self::Equal => "=",
            Self::PlusEqual => "+=",
            Self::MinusEqual => "-=",
            Self::Append => "<<=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Star => "*",
            Self::Slash => "/",
            Self::Percent => "%",
            Self::Colon => ":",
            Self::Comma => ",",
            Self::Dot => ".",
            Self::DotDot => "..",
            Self::Arrow => "->",
            Self::Pipe => "|",
            Self::Question => "?",
            Self::At => "@",
            Self::And => "&&",
            Self::Or => "||",
            Self::Not => "!",
            Self::Semicolon => ";",
            Self::Word
            | Self::Integer
            | Self::Float
            | Self::Duration
            | Self::String
            | Self::LineComment
            | Self::BlockComment
            | Self::Invalid
            | Self::End => "",
        }
    }
}
