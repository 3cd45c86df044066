//! Entities.

use super::{Expression, Name, Number, TypeExpression};
use crate::text::Span;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity {
    pub(crate) name: Name,
    pub(crate) fields: Vec<Field>,
    pub(crate) constraints: Vec<Expression>,
    pub(crate) states: Option<StateGraph>,
    pub(crate) auth: Option<Name>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) derived: Vec<Derived>,
    /// A part could not be read: what seems to be missing may stand there.
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) ty: TypeExpression,
    pub(crate) default: Option<Expression>,
    pub(crate) annotations: Vec<Annotation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Annotation {
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Name>,
}

/// `a -> b | c`: the first state, then the links in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateGraph {
    pub(crate) first: Name,
    pub(crate) links: Vec<Link>,
    pub(crate) span: Span,
}

/// `-> state`, or `| state` where it is an alternative to the one before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) alternative: bool,
    pub(crate) guard: Option<Expression>,
    pub(crate) state: Name,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) fields: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    pub(crate) name: Name,
    pub(crate) kind: Name,
    pub(crate) target: Name,
    pub(crate) bounds: Option<(Number, UpperBound)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum UpperBound {
    Many,
    Number(Number),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Derived {
    pub(crate) name: Name,
    pub(crate) value: Expression,
}
