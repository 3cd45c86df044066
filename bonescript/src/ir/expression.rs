//! Types and typed expressions.

use super::{BinaryOperator, EntityId, ExtensionPointId};

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Text.
    String,
    /// A whole number from 0; 63 bits.
    Uint,
    /// A whole number; 64 bits.
    Int,
    /// IEEE double.
    Float,
    /// True or false.
    Bool,
    /// An instant.
    Timestamp,
    /// A span of time, in milliseconds; in expressions only.
    Duration,
    /// A UUID.
    Uuid,
    /// Bytes; base64 in JSON.
    Bytes,
    /// Any JSON.
    Json,
    /// A list.
    List(Box<Type>),
    /// A list without order and without the same element twice.
    Set(Box<Type>),
    /// A value or nothing.
    Optional(Box<Type>),
    /// Values by key; keys are `string`, `uuid`, `int` or `uint`.
    Map(Box<Type>, Box<Type>),
    /// What went well, or what went wrong; an answer only.
    Result(Box<Type>, Box<Type>),
    /// So many values of these types.
    Tuple(Vec<Type>),
    /// A value of one of these types.
    Union(Vec<Type>),
    /// A row of an entity.
    Entity(EntityId),
    /// A state of an entity's machine; text in the database and in JSON.
    State(EntityId),
    /// Who calls: compares with rows and ids.
    Caller,
    /// The type of `none`.
    None,
    /// Reported already; fits everywhere.
    Unknown,
}

impl Type {
    /// The type without `optional`.
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner.required(),
            other => other,
        }
    }

    /// Whether it is a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Uint | Self::Int | Self::Float)
    }

    /// The type of the elements of a list or set.
    pub fn element(&self) -> Option<&Self> {
        match self {
            Self::List(element) | Self::Set(element) => Some(element),
            _ => None,
        }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text, escapes resolved.
    String(String),
    /// A whole number; negative where a `-` stood before it.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Nothing.
    None,
    /// Milliseconds.
    Duration(u64),
    /// The time at which it is evaluated.
    Now,
    /// A list.
    List(Vec<Literal>),
    /// Values by key.
    Map(Vec<(Literal, Literal)>),
}

/// An expression with its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Its type.
    pub ty: Type,
}

/// Operators with one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `not`.
    Not,
    /// `-`.
    Negate,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// A constant.
    Literal(Literal),
    /// A parameter, an input of a flow or the result of an earlier step of a pipeline, by name.
    Parameter(String),
    /// A column of the row that the expression is about: in constraints, guards and derived fields.
    Own(String),
    /// A column of a row; a list of values where `row` is a list of rows.
    Column {
        /// The row.
        row: Box<Expression>,
        /// The column.
        column: String,
    },
    /// The row or rows that a relation leads to.
    Related {
        /// The row.
        row: Box<Expression>,
        /// The name of the relation.
        relation: String,
    },
    /// A key inside of json or of a map.
    Key {
        /// The json or map.
        value: Box<Expression>,
        /// The key.
        key: String,
    },
    /// How many characters or elements.
    Length(Box<Expression>),
    /// The id of the caller, from the verified token.
    CallerId,
    /// The role of the caller, from the verified token.
    CallerRole,
    /// The id of a row.
    IdOf(Box<Expression>),
    /// Who would get a message: in filters of channels; a row of the participants' entity.
    Participant,
    /// The payload of a message: in filters of channels; json.
    Message,
    /// The time now, the same throughout a capability.
    Now,
    /// A list.
    List(Vec<Expression>),
    /// Values by key.
    Map(Vec<(Expression, Expression)>),
    /// One side.
    Unary(UnaryOperator, Box<Expression>),
    /// Two sides. Of `in`, the right is a list, set, map, string or [`ExpressionKind::Range`].
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// Both included; only on the right of `in`.
    Range(Box<Expression>, Box<Expression>),
    /// Condition, then, otherwise.
    Ternary(Box<Expression>, Box<Expression>, Box<Expression>),
    /// How many elements.
    Count(Box<Expression>),
    /// The sum of a list of numbers.
    Sum(Box<Expression>),
    /// A call of a function that the user writes.
    Call(ExtensionPointId, Vec<Expression>),
}

impl Expression {
    pub(crate) fn new(kind: ExpressionKind, ty: Type) -> Self {
        Self { kind, ty }
    }

    pub(crate) fn unknown() -> Self {
        Self::new(ExpressionKind::Literal(Literal::None), Type::Unknown)
    }

    /// The constant, where it is one.
    pub fn literal(&self) -> Option<&Literal> {
        match &self.kind {
            ExpressionKind::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// Whether it may be nothing, over a row of which `own` says the same of each column. In texts, nothing counts as
    /// empty; comparisons are true or false; what is divided by zero is nothing.
    pub fn may_be_none(&self, own: &dyn Fn(&str) -> bool) -> bool {
        use ExpressionKind as K;
        match &self.kind {
            K::Literal(literal) => *literal == Literal::None,
            K::Own(name) => own(name),
            K::Key { .. } => true,
            K::Binary(BinaryOperator::Divide | BinaryOperator::Remainder, left, right) => {
                !right.is_nonzero() || left.may_be_none(own) || right.may_be_none(own)
            }
            K::Binary(BinaryOperator::Add, ..) if *self.ty.required() == Type::String => false,
            K::Binary(
                BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply,
                left,
                right,
            ) => left.may_be_none(own) || right.may_be_none(own),
            K::Ternary(_, then, otherwise) => then.may_be_none(own) || otherwise.may_be_none(own),
            K::Unary(UnaryOperator::Negate, inner) | K::Length(inner) => inner.may_be_none(own),
            _ => false,
        }
    }

    /// Whether it is a number other than zero at any time.
    pub fn is_nonzero(&self) -> bool {
        match self.literal() {
            Some(Literal::Integer(value)) => *value != 0,
            Some(Literal::Float(value)) => *value != 0.0,
            _ => false,
        }
    }

    /// Calls `visit` on it and on every expression inside of it, from the outside in.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        self.walk_into(&mut |part| {
            visit(part);
            true
        });
    }

    /// The same, but not inside of those of which `visit` says no.
    pub fn walk_into<'a>(&'a self, visit: &mut dyn FnMut(&'a Self) -> bool) {
        use ExpressionKind as K;
        if !visit(self) {
            return;
        }
        match &self.kind {
            K::Literal(_)
            | K::Parameter(_)
            | K::Own(_)
            | K::CallerId
            | K::CallerRole
            | K::Participant
            | K::Message
            | K::Now => {}
            K::Column { row: inner, .. }
            | K::Related { row: inner, .. }
            | K::Key { value: inner, .. }
            | K::Length(inner)
            | K::IdOf(inner)
            | K::Unary(_, inner)
            | K::Count(inner)
            | K::Sum(inner) => inner.walk_into(visit),
            K::List(items) | K::Call(_, items) => items.iter().for_each(|item| item.walk_into(visit)),
            K::Map(entries) => {
                for (key, value) in entries {
                    key.walk_into(visit);
                    value.walk_into(visit);
                }
            }
            K::Binary(_, left, right) | K::Range(left, right) => {
                left.walk_into(visit);
                right.walk_into(visit);
            }
            K::Ternary(condition, then, otherwise) => {
                condition.walk_into(visit);
                then.walk_into(visit);
                otherwise.walk_into(visit);
            }
        }
    }
}
