//! What a reply is cut into.

use crate::Dialect;
use crate::tree::{NodeId, Span};

/// How sure it is that a call was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// Nothing but its form: a name that is not offered means that it is none.
    Form,
    /// The form of a call in every respect, and nothing else in its place.
    Shape,
    /// A marker says so.
    Marker,
}

/// A call before anything is known about its tool.
#[derive(Clone, Debug)]
pub(crate) struct RawCall {
    pub(crate) name: String,
    pub(crate) arguments: Option<NodeId>,
    /// Arguments without names, in order.
    pub(crate) positional: Vec<NodeId>,
    pub(crate) id: Option<String>,
    pub(crate) span: Span,
    pub(crate) dialect: Dialect,
    pub(crate) claim: Claim,
    /// The arguments could not be read.
    pub(crate) unreadable: bool,
    /// What else the same text may say: other calls, of which one at most was meant.
    pub(crate) rivals: Vec<RawCall>,
    /// What this form costs beside what its arguments take.
    pub(crate) cost: u32,
}

impl RawCall {
    /// A call that a marker announces, with arguments that have names and could be read. What differs is said with
    /// `..`.
    pub(crate) fn marked(name: String, arguments: Option<NodeId>, span: Span, dialect: Dialect) -> Self {
        Self {
            name,
            arguments,
            positional: Vec::new(),
            id: None,
            span,
            dialect,
            claim: Claim::Marker,
            unreadable: false,
            rivals: Vec::new(),
            cost: 0,
        }
    }
}

/// A part of the reply.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Span),
    Thinking(Span),
    /// Boxed, since most pieces are spans of a tenth of its size.
    Call(Box<RawCall>),
    /// A marker or fence: neither text nor anything else.
    Mark,
}
