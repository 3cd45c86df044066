//! Capabilities.

use super::{Duration, Expression, Name, Number, TypeExpression};
use crate::text::Span;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Capability {
    pub(crate) name: Name,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) requires: Vec<Expression>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) emits: Vec<Emit>,
    pub(crate) sync: Option<Name>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) idempotent: Option<Name>,
    pub(crate) pipeline: Option<Pipeline>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) returns: Option<TypeExpression>,
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) ty: TypeExpression,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    /// `order.status`; never empty.
    pub(crate) target: Vec<Name>,
    pub(crate) operator: EffectOperator,
    pub(crate) value: Expression,
    pub(crate) span: Span,
}

/// What an effect does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectOperator {
    /// `=`.
    Set,
    /// `+=`: adds a number, or puts an element into a set.
    Add,
    /// `-=`: subtracts a number, or takes an element out of a set.
    Remove,
    /// `<<=`: appends an element to a list.
    Append,
}

impl EffectOperator {
    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Set => "=",
            Self::Add => "+=",
            Self::Remove => "-=",
            Self::Append => "<<=",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Emit {
    pub(crate) event: Name,
    /// Bare where there are no parentheses.
    pub(crate) arguments: Option<Vec<Expression>>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retry {
    pub(crate) max_attempts: Option<Number>,
    pub(crate) backoff: Option<Name>,
    pub(crate) interval: Option<Duration>,
}

/// `f(a, b)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Expression>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    pub(crate) parallel: bool,
    pub(crate) steps: Vec<PipelineStep>,
    pub(crate) on_error: Option<OnError>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PipelineStep {
    pub(crate) call: Call,
    pub(crate) binding: Option<Name>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OnError {
    pub(crate) word: Name,
    pub(crate) call: Option<Call>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Algorithm {
    pub(crate) name: Name,
    pub(crate) inputs: Vec<(Name, Expression)>,
}
