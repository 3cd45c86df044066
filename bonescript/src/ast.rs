//! What was written, with the place of each part: no name is looked up yet, no type known.

mod capability;
mod entity;
mod expression;
mod system;

pub(crate) use capability::{
    Algorithm, Call, Capability, Effect, Emit, OnError, Parameter, Pipeline, PipelineStep, Retry,
};
pub(crate) use entity::{Annotation, Derived, Entity, Field, Index, Link, Relation, StateGraph, UpperBound};
pub(crate) use expression::{Expression, ExpressionKind, TypeExpression, TypeKind, UnaryOperator};
pub(crate) use system::{
    Channel, Constraint, Declaration, Event, ExtensionPoint, File, Flow, FlowStep, Import, Policy, RateLimit,
    Store, System,
};

pub use capability::EffectOperator;
pub use expression::BinaryOperator;

use crate::text::Span;

/// A name, or another word that is looked up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A whole number as written; a number that 64 bits don't hold was reported and is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: u64,
    pub(crate) span: Span,
}

/// A time span in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Duration {
    pub(crate) milliseconds: u64,
    pub(crate) span: Span,
}
