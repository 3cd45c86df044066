//! A value without a schema.

use crate::align::plain;
use crate::tree::{Span, Tree};
use crate::{Reading, read as reader};

/// Reads `text` as the value that it most likely holds.
pub(super) fn read(text: &str, _partial: bool) -> Reading {
    let mut tree = Tree::new(text);
    let read = reader::json(&mut tree, Span::new(0, text.len()));
    let value = read.node.map(|node| plain(&tree, node));
    Reading {
        value,
        repairs: read.repairs,
        ..Reading::default()
    }
}
