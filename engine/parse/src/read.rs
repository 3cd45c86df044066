//! Reads one value out of text, whatever became of it, into a [`Tree`].
//!
//! Strict JSON first: what is right is read as it stands, fast, and nothing about it is guessed. Only what is not
//! goes through the forgiving reader, from its start again, so that a text is looked at twice at most.
//! Neither recurses; both take time linear in the text.

mod bare;
pub(crate) mod gemma;
mod lenient;
pub(crate) mod python;
mod quotes;
mod space;
mod strict;
mod string;
pub(crate) mod yaml;

use crate::Repair;
use crate::tree::{NodeId, Span, Tree};

pub(crate) use bare::{Scalar, is_finite, scalar};
pub(crate) use quotes::Known;
pub(crate) use space::skip_space;

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The value; `None` where the span holds nothing but space and comments.
    pub(crate) node: Option<NodeId>,
    /// The byte after the value.
    pub(crate) end: usize,
    /// What had to be repaired, in the order of the text.
    pub(crate) repairs: Vec<Repair>,
}

/// Reads the first value of `span` as JSON, broken JSON or a literal of Python or JavaScript.
///
/// What stands after the value is left to the caller: `end` says where.
pub(crate) fn json(tree: &mut Tree<'_>, span: Span) -> Read {
    let source = tree.source();
    if let Some((node, end)) = strict::value(tree, source, span, None) {
        return Read {
            node: Some(node),
            end,
            repairs: Vec::new(),
        };
    }
    lenient::value(tree, source, span, None)
}

/// Reads the first value of `span`, of which is known that it is no strict JSON.
pub(crate) fn broken(tree: &mut Tree<'_>, span: Span) -> Read {
    let source = tree.source();
    lenient::value(tree, source, span, None)
}

/// Reads `text`, which is not part of the tree's source (a string that holds JSON, say): every node that comes of
/// it is given the place `whole`, and `end` counts in `text`.
pub(crate) fn json_of(tree: &mut Tree<'_>, text: &str, whole: Span) -> Read {
    let span = Span::new(0, text.len());
    if let Some((node, end)) = strict::value(tree, text, span, Some(whole)) {
        return Read {
            node: Some(node),
            end,
            repairs: Vec::new(),
        };
    }
    lenient::value(tree, text, span, Some(whole))
}

/// Reads the first value of `span` as strict JSON and nothing else, and the byte after it.
pub(crate) fn strict(tree: &mut Tree<'_>, span: Span) -> Option<(NodeId, usize)> {
    let source = tree.source();
    strict::value(tree, source, span, None)
}

#[cfg(test)]
mod tests;
