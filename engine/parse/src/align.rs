//! Brings what was read into the shape that a schema asks for.
//!
//! A node and a type go in; out come a value, what had to be done to it, and what does not fit. Nothing is invented:
//! what is missing or of another kind is a [`Diagnostic`], and the value keeps what was written. Where a type leaves a
//! choice, each alternative is tried *quietly* (it adds up a cost and builds nothing) and the cheapest is taken.
//! The cost of a container as a type is kept, so that unions within unions take linear time.

mod arguments;
mod array;
mod choice;
mod keys;
mod object;
mod out;
mod plain;
mod scalar;

use std::collections::BTreeMap;

use crate::schema::{Schema, Type, TypeId};
use crate::tape::Value;
use crate::tools::Tool;
use crate::tree::{Kind, NodeId, Span, Tree};
use crate::{Cut, Diagnostic, DiagnosticKind, MAX_DEPTH, Repair, RepairKind, read};

pub(crate) use object::STRANGER;
pub(crate) use out::{DIAGNOSTIC, Out};
pub(crate) use plain::plain;

/// Types and nodes one inside the other: a union may stand at each level of a value.
const MAX_STEPS: usize = 2 * MAX_DEPTH;

/// How often a string may hold JSON that holds a string that holds JSON; models encode arguments twice, not thrice.
const MAX_ENCODED: usize = 3;

/// A value in the shape of its schema.
#[derive(Debug)]
pub(crate) struct Aligned {
    pub(crate) value: Value,
    /// What it took; of two readings the cheaper is the likelier.
    pub(crate) cost: u32,
    pub(crate) repairs: Vec<Repair>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) cut: Option<Cut>,
}

/// What the value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Something will be done with it: what the schema does not name is kept, text is not searched for a number.
    Arguments,
    /// An answer of a named shape: what the schema does not name is left out, and prose may hold the answer.
    Value,
}

pub(crate) struct Aligner<'a, 't> {
    tree: &'a Tree<'t>,
    schema: &'a Schema,
    mode: Mode,
    /// What is known of a node as a type.
    known: BTreeMap<(NodeId, TypeId), Known>,
    /// In a tree of decoded text: where that text stands in the reply.
    within: Option<Span>,
    encoded: usize,
    /// A text that is not read as JSON: somebody else has done so.
    left: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    /// Being worked out: a union that contains itself comes by here again.
    Open,
    Cost(u32),
    /// The best alternative of a union.
    Best(u32, TypeId),
}

/// Aligns the arguments of a call. Without a tool every argument is kept as it was read.
pub(crate) fn arguments(tree: &Tree<'_>, node: NodeId, tool: Option<&Tool>) -> Aligned {
    let any = Schema::any();
    let schema = tool.map_or(&any, |tool| &tool.parameters);
    let mut aligner = Aligner::new(tree, schema, Mode::Arguments);
    let mut out = Out::new(false);
    aligner.arguments(node, &mut out);
    out.aligned()
}

/// Aligns a value.
pub(crate) fn value(tree: &Tree<'_>, node: NodeId, schema: &Schema) -> Aligned {
    Aligner::new(tree, schema, Mode::Value).finish(node)
}

impl<'a, 't> Aligner<'a, 't> {
    pub(crate) fn new(tree: &'a Tree<'t>, schema: &'a Schema, mode: Mode) -> Self {
        Self {
            tree,
            schema,
            mode,
            known: BTreeMap::new(),
            within: None,
            encoded: 0,
            left: None,
        }
    }

    /// Leaves `text` a text, although it begins like JSON.
    pub(crate) fn leave_encoded(&mut self, text: Option<NodeId>) {
        self.left = text;
    }

    /// What `node` costs as the whole value.
    pub(crate) fn cost_of(&mut self, node: NodeId) -> u32 {
        self.cost(node, self.schema.root(), 0)
    }

    pub(crate) fn finish(&mut self, node: NodeId) -> Aligned {
        let mut out = Out::new(false);
        self.align(node, self.schema.root(), 0, &mut out);
        out.aligned()
    }

    fn span(&self, node: NodeId) -> Span {
        self.within.unwrap_or_else(|| self.tree.span(node))
    }

    fn align(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        if self.tree.is_cut(node) {
            out.cut_here();
        }
        if depth > MAX_STEPS {
            return self.mismatch(node, ty, out);
        }
        if !out.quiet || !self.is_kept(node, ty) {
            return self.align_as(node, ty, depth, out);
        }
        let cost = if let Some(Known::Cost(cost)) = self.known.get(&(node, ty)) {
            *cost
        } else {
            let mut alone = Out::new(true);
            self.align_as(node, ty, depth, &mut alone);
            self.known.insert((node, ty), Known::Cost(alone.cost));
            alone.cost
        };
        out.add(cost);
    }

    fn align_as(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        match self.schema.ty(ty) {
            Type::Any => self.plain(node, out),
            Type::Null => self.null(node, ty, out),
            Type::Boolean => self.boolean(node, ty, depth, out),
            Type::Integer | Type::Number => self.number(node, ty, depth, out),
            Type::String => self.string(node, ty, depth, out),
            Type::Literal(literals) => self.literal(node, ty, literals, depth, out),
            Type::Array(items) => self.array(node, ty, items, depth, out),
            Type::Object(members) => self.object(node, ty, members, depth, out),
            Type::Union(members) => self.union(node, ty, members, depth, out),
        }
    }

    /// Whether the cost of a node as a type is worth keeping. Unions keep their own; short scalars cost less than
    /// looking them up.
    fn is_kept(&self, node: NodeId, ty: TypeId) -> bool {
        const SHORT: usize = 32;
        match self.schema.ty(ty) {
            Type::Any | Type::Union(_) => false,
            _ => self.text(node).is_none_or(|text| text.len() > SHORT) && !self.is_word(node),
        }
    }

    fn is_word(&self, node: NodeId) -> bool {
        matches!(self.tree.kind(node), Kind::Null | Kind::Bool(_) | Kind::Number)
    }

    /// What `node` costs as `ty`.
    fn cost(&mut self, node: NodeId, ty: TypeId, depth: usize) -> u32 {
        let mut out = Out::new(true);
        self.align(node, ty, depth + 1, &mut out);
        out.cost
    }

    fn union(&mut self, node: NodeId, ty: TypeId, members: &'a [TypeId], depth: usize, out: &mut Out) {
        let known = if let Some(known) = self.known.get(&(node, ty)) {
            *known
        } else {
            self.best(node, ty, members, depth)
        };
        match known {
            Known::Best(cost, _) if out.quiet => {
                out.add(cost);
            }
            // What fits none of them is reported as such, not as what the nearest of them lacks, unless that is told
            // apart by more than its kind.
            Known::Best(cost, member) if cost < DIAGNOSTIC || !self.is_scalar(node) => {
                self.align(node, member, depth + 1, out);
            }
            Known::Best(..) | Known::Cost(_) => self.mismatch(node, ty, out),
            Known::Open => {
                out.add(u32::MAX);
                self.plain(node, out);
            }
        }
    }

    /// The alternative that costs least; of equals the first.
    fn best(&mut self, node: NodeId, ty: TypeId, members: &[TypeId], depth: usize) -> Known {
        self.known.insert((node, ty), Known::Open);
        let mut best = Known::Open;
        let mut least = u32::MAX;
        for member in members {
            let cost = self.cost(node, *member, depth);
            if cost < least {
                least = cost;
                best = Known::Best(cost, *member);
            }
            if cost == 0 {
                break;
            }
        }
        self.known.insert((node, ty), best);
        best
    }

    fn is_scalar(&self, node: NodeId) -> bool {
        !matches!(self.tree.kind(node), Kind::Array | Kind::Object)
    }

    /// The text of a string or of what had no quotes.
    fn text(&self, node: NodeId) -> Option<&'a str> {
        matches!(self.tree.kind(node), Kind::Quoted | Kind::Bare).then(|| self.tree.text(node))
    }

    /// The node as it was read.
    fn plain(&self, node: NodeId, out: &mut Out) {
        if !out.quiet {
            self.find_cut(node, out);
        }
        if let Some(writer) = out.writer() {
            plain(self.tree, node, writer);
        }
    }

    /// What was cut is the last of what was read, so only the last child of each container can hold it.
    fn find_cut(&self, node: NodeId, out: &mut Out) {
        let start = out.here();
        let mut parent = node;
        while let Some(child) = self.tree.last_child(parent) {
            match self.tree.key(child) {
                Some(key) => out.enter(key),
                None => out.enter_item(self.tree.count(parent).saturating_sub(1)),
            };
            if self.tree.is_cut(child) {
                out.cut_here();
            }
            parent = child;
        }
        out.leave(start);
    }

    fn mismatch(&self, node: NodeId, ty: TypeId, out: &mut Out) {
        let (tree, schema) = (self.tree, self.schema);
        out.diagnostic(DiagnosticKind::Mismatch, self.span(node), || {
            format!("expected {}, found {}", schema.expected(ty), found(tree, node))
        });
        self.plain(node, out);
    }

    /// Aligns the JSON inside a text, if it begins like a value of `kind`, or like a string that holds one; tells
    /// whether it does.
    fn decoded(&self, node: NodeId, ty: TypeId, kind: Kind, depth: usize, out: &mut Out) -> bool {
        let opener = if kind == Kind::Object { b'{' } else { b'[' };
        let Some(text) = self.text(node) else {
            return false;
        };
        let Some(first) = text.bytes().find(|byte| !byte.is_ascii_whitespace()) else {
            return false;
        };
        // Two bytes are the least that could hold anything.
        if (first != opener && first != b'"')
            || text.len() < 2
            || self.left == Some(node)
            || self.encoded >= MAX_ENCODED
            // What is too deep was left as text, and stays it.
            || depth >= MAX_DEPTH
        {
            return false;
        }
        let mut inner = Tree::new(text);
        let read = read::json(&mut inner, Span::new(0, text.len()));
        let Some(root) = read.node else { return false };
        let rest = text.get(read.end..).unwrap_or_default();
        if (inner.kind(root) != kind && inner.kind(root) != Kind::Quoted) || !rest.trim().is_empty() {
            return false;
        }
        let place = self.span(node);
        let mut aligner = Aligner {
            tree: &inner,
            schema: self.schema,
            mode: self.mode,
            known: BTreeMap::new(),
            within: Some(place),
            encoded: self.encoded + 1,
            left: None,
        };
        if inner.kind(root) == Kind::Quoted && aligner.cost(root, ty, depth) >= DIAGNOSTIC {
            return false;
        }
        for repair in read.repairs {
            out.repair(repair.kind, place);
        }
        out.repair(RepairKind::Type, place);
        aligner.align(root, ty, depth + 1, out);
        true
    }
}

/// What a node is, in the words of a message.
fn found(tree: &Tree<'_>, node: NodeId) -> String {
    const SHOWN: usize = 40;
    let quoted = |text: &str| {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        format!("{shown:?}")
    };
    match tree.kind(node) {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number => tree.text(node).to_owned(),
        Kind::Quoted | Kind::Bare => quoted(tree.text(node)),
        Kind::Array => "an array".to_owned(),
        Kind::Object => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests;
