//! Expressions and types.

use super::Name;
use crate::text::Span;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) kind: ExpressionKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExpressionKind {
    String(String),
    Integer(u64),
    Float(f64),
    Duration(u64),
    Bool(bool),
    None,
    Now,
    List(Vec<Expression>),
    /// `{ key: value }`; a key that is a bare word is a string.
    Map(Vec<(Expression, Expression)>),
    /// `a`, `a.b.c`; never empty.
    Path(Vec<Name>),
    Call(Name, Vec<Expression>),
    Unary(UnaryOperator, Box<Expression>),
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// `low .. high`, both included; only after `in`.
    Range(Box<Expression>, Box<Expression>),
    Ternary(Box<Expression>, Box<Expression>, Box<Expression>),
    Group(Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOperator {
    Not,
    Negate,
}

/// Operators with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessEqual,
    /// `>=`.
    GreaterEqual,
    /// `in`: the left is an element of the right, or inside of its range.
    In,
    /// `contains`: the right is an element of the left.
    Contains,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`.
    Remainder,
}

impl BinaryOperator {
    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::LessEqual => "<=",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Contains => "contains",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// Whether it compares its sides, or looks for one in the other.
    pub(crate) fn compares(self) -> bool {
        self.level() == Self::Equal.level()
    }

    /// How tightly it binds: 1 is loosest.
    pub(crate) fn level(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::Greater
            | Self::LessEqual
            | Self::GreaterEqual
            | Self::In
            | Self::Contains => 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypeExpression {
    pub(crate) kind: TypeKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TypeKind {
    Named(String),
    Generic(Name, Vec<TypeExpression>),
    Tuple(Vec<TypeExpression>),
    Union(Vec<TypeExpression>),
}
