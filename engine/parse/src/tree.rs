//! What was read of a text, before a schema says what it means: one arena of nodes that point into the text.
//!
//! Every reader (JSON and its broken forms, Python calls, XML, YAML) builds the same tree, so that what follows
//! (alignment, scoring) is written once. Nodes link to their first child and next sibling by index: nothing is
//! boxed, nothing recurses, and a tree of a hundred thousand levels is dropped like a `Vec`.

mod node;

use std::cell::OnceCell;
use std::num::NonZeroU32;
use std::ops::Range;

use crate::next::Next;
use crate::read::Known;

pub(crate) use node::NodeId;
use node::{Inside, Node};

/// A place in the text: byte offsets, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// What a node is, as far as the text alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number; [`Tree::text`] is a literal of JSON's grammar, whatever the source wrote.
    Number,
    /// Text inside quotes: a string, whatever it holds.
    Quoted,
    /// Text without quotes: a bare word, the body of an XML tag, a plain YAML scalar. A schema says what it is;
    /// without one it is what its text says when read as JSON, else a string.
    Bare,
    Array,
    Object,
}

/// Text of a string or key: a part of the source where nothing had to be decoded, else a part of the arena's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    Source(Span),
    Decoded(Span),
}

/// How dense the values of a list of small objects stand: what is reserved for a text's nodes is enough for that at
/// most doubled, and what a text of long strings does not use costs nothing.
const BYTES_A_NODE: usize = 16;

/// An arena of nodes over one text.
#[derive(Clone, Debug)]
pub(crate) struct Tree<'t> {
    source: &'t str,
    nodes: Vec<Node>,
    decoded: String,
    /// Where the last line of the source starts, once somebody has asked.
    last_line: OnceCell<usize>,
    judged: Known,
    /// The next empty line or fence.
    paragraph_end: Next,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// The part of `text` that this names; empty where it names none.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(Range::<usize>::from(self)).unwrap_or_default()
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

impl<'t> Tree<'t> {
    pub(crate) fn new(source: &'t str) -> Self {
        Self {
            source,
            nodes: Vec::new(),
            decoded: String::new(),
            last_line: OnceCell::new(),
            judged: Known::default(),
            paragraph_end: Next::default(),
        }
    }

    pub(crate) fn source(&self) -> &'t str {
        self.source
    }

    /// What was found out of the quotes of the source.
    pub(crate) fn judged(&mut self) -> &mut Known {
        &mut self.judged
    }

    /// Where the next empty line or fence begins, at `end` at the latest. Looked for once in each paragraph: many
    /// values may be read of one.
    pub(crate) fn paragraph_end(&mut self, start: usize, end: usize) -> usize {
        let source = self.source;
        let next = self.paragraph_end.after(start, |start| {
            let rest = source.get(start..).unwrap_or_default();
            let ends = |at: &usize| {
                let line = rest.get(at + 1..);
                line.is_some_and(|line| line.starts_with('\n') || line.starts_with("```"))
            };
            let mut breaks = memchr::memchr_iter(b'\n', rest.as_bytes());
            start + breaks.find(ends).unwrap_or(rest.len())
        });
        next.min(end)
    }

    /// Where the last line of the source starts. Looked for once: many values may be read of one text.
    pub(crate) fn last_line(&self) -> usize {
        *self
            .last_line
            .get_or_init(|| memchr::memrchr(b'\n', self.source.as_bytes()).map_or(0, |at| at + 1))
    }

    /// Adds a node that has no text of its own.
    pub(crate) fn push(&mut self, kind: Kind, span: Span) -> NodeId {
        let inside = match kind {
            Kind::Array | Kind::Object => Inside::Children {
                first: None,
                last: None,
                count: 0,
            },
            Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Quoted | Kind::Bare => {
                Inside::Text(Text::Source(span).into())
            }
        };
        self.push_node(kind, span, inside)
    }

    /// Adds a scalar with its text.
    pub(crate) fn push_text(&mut self, kind: Kind, span: Span, text: Text) -> NodeId {
        self.push_node(kind, span, Inside::Text(text.into()))
    }

    fn push_node(&mut self, kind: Kind, span: Span, inside: Inside) -> NodeId {
        if self.nodes.capacity() == 0 {
            self.nodes.reserve(self.source.len() / BYTES_A_NODE + 1);
        }
        // A text of 4 GiB is refused long before: `crate::MAX_BYTES`.
        let number = u32::try_from(self.nodes.len() + 1).unwrap_or(u32::MAX);
        let id = NodeId(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX));
        self.nodes.push(Node {
            kind,
            cut: false,
            keyed: false,
            span: span.into(),
            key: Text::Source(Span::default()).into(),
            inside,
            next: None,
        });
        id
    }

    /// Keeps decoded text; give the result to [`Tree::push_text`] or [`Tree::append`].
    pub(crate) fn keep(&mut self, text: &str) -> Text {
        let start = self.decoded.len();
        self.decoded.push_str(text);
        Text::Decoded(Span::new(start, self.decoded.len()))
    }

    /// Where decoded text is written piece by piece: its end before the first piece goes to [`Tree::kept_since`].
    pub(crate) fn buffer(&mut self) -> &mut String {
        &mut self.decoded
    }

    pub(crate) fn kept_since(&self, start: usize) -> Text {
        Text::Decoded(Span::new(start, self.decoded.len()))
    }

    /// The text of a node, to be used as a key or in another node.
    pub(crate) fn keep_text_of(&self, id: NodeId) -> Text {
        self.nodes
            .get(id.index())
            .map_or(Text::Source(Span::default()), Node::text)
    }

    /// The key of a member, to be used in another object.
    pub(crate) fn keep_key_of(&self, id: NodeId) -> Option<Text> {
        self.nodes.get(id.index())?.key()
    }

    /// Two texts as one.
    pub(crate) fn join(&mut self, first: Text, second: Text) -> Text {
        let end = self.decoded.len();
        let start = match (first, second) {
            // What was decoded last stands there already: a chain of joins copies nothing twice.
            (Text::Decoded(first), Text::Decoded(second))
                if first.end == second.start && second.end == end =>
            {
                return Text::Decoded(Span::new(first.start, end));
            }
            (Text::Decoded(first), _) if first.end == end => first.start,
            _ => {
                let copy = self.resolve(first).to_owned();
                self.decoded.push_str(&copy);
                end
            }
        };
        match second {
            Text::Source(span) => self.decoded.push_str(span.of(self.source)),
            Text::Decoded(span) => self.decoded.extend_from_within(Range::from(span)),
        }
        self.kept_since(start)
    }

    /// The last child of a container.
    pub(crate) fn last_child(&self, id: NodeId) -> Option<NodeId> {
        self.nodes.get(id.index())?.children().1
    }

    /// Makes `child` the last child of `parent`, under `key` where `parent` is an object.
    pub(crate) fn append(&mut self, parent: NodeId, key: Option<Text>, child: NodeId) {
        if let Some(node) = self.nodes.get_mut(child.index()) {
            node.set_key(key);
            // A member that is moved out of another object leaves its siblings behind.
            node.next = None;
        }
        let last = self.nodes.get_mut(parent.index()).and_then(|node| {
            let (head, tail, number) = node.children();
            node.inside = Inside::Children {
                first: head.or(Some(child)),
                last: Some(child),
                count: number + 1,
            };
            tail
        });
        if let Some(previous) = last.and_then(|id| self.nodes.get_mut(id.index())) {
            previous.next = Some(child);
        }
    }

    /// A copy of a node, with its children, to be put elsewhere.
    pub(crate) fn copy(&mut self, id: NodeId) -> NodeId {
        let Some(node) = self.nodes.get(id.index()).cloned() else {
            return id;
        };
        let copy = self.push(node.kind, node.span.into());
        if let Some(slot) = self.nodes.get_mut(copy.index()) {
            *slot = Node { next: None, ..node };
        }
        copy
    }

    /// Ends a node at `end`, once its closer has been read.
    pub(crate) fn close(&mut self, id: NodeId, end: usize) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.span = Span::new(Span::from(node.span).start, end).into();
        }
    }

    /// Marks a node whose text ended before it did.
    pub(crate) fn mark_cut(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.cut = true;
        }
    }

    /// Turns a node into another kind, as when `["a": 1]` turns out to hold members.
    pub(crate) fn set_kind(&mut self, id: NodeId, kind: Kind) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.kind = kind;
        }
    }

    /// Puts `child` in the place of `node`, which held only it: `("x")` is `"x"`.
    pub(crate) fn unwrap_single(&mut self, node: NodeId) {
        let inner = self.nodes.get(node.index()).and_then(|outer| outer.children().0);
        let Some(inner) = inner.and_then(|id| self.nodes.get(id.index())).cloned() else {
            return;
        };
        if let Some(outer) = self.nodes.get_mut(node.index()) {
            *outer = Node {
                span: outer.span,
                key: outer.key,
                keyed: outer.keyed,
                next: outer.next,
                cut: outer.cut || inner.cut,
                ..inner
            };
        }
    }

    /// Puts what `with` holds in the place of `node`, under its key.
    pub(crate) fn replace(&mut self, node: NodeId, with: NodeId) {
        let Some(with) = self.nodes.get(with.index()).cloned() else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(node.index()) {
            *node = Node {
                key: node.key,
                keyed: node.keyed,
                next: node.next,
                ..with
            };
        }
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.nodes.get(id.index()).map_or(Kind::Null, |node| node.kind)
    }

    pub(crate) fn span(&self, id: NodeId) -> Span {
        self.nodes
            .get(id.index())
            .map_or(Span::default(), |node| node.span.into())
    }

    pub(crate) fn is_cut(&self, id: NodeId) -> bool {
        self.nodes.get(id.index()).is_some_and(|node| node.cut)
    }

    /// The text of a scalar: decoded for strings, JSON's literal for numbers, the source for containers.
    pub(crate) fn text(&self, id: NodeId) -> &str {
        self.nodes
            .get(id.index())
            .map_or("", |node| self.resolve(node.text()))
    }

    /// What the source wrote for this node, quotes and brackets included.
    pub(crate) fn raw(&self, id: NodeId) -> &'t str {
        self.span(id).of(self.source)
    }

    pub(crate) fn key(&self, id: NodeId) -> Option<&str> {
        self.nodes.get(id.index())?.key().map(|key| self.resolve(key))
    }

    /// How many children a container has.
    pub(crate) fn count(&self, id: NodeId) -> usize {
        self.nodes
            .get(id.index())
            .map_or(0, |node| node.children().2 as usize)
    }

    /// The children in order.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let first = self.nodes.get(id.index()).and_then(|node| node.children().0);
        std::iter::successors(first, |id| self.nodes.get(id.index()).and_then(|node| node.next))
    }

    /// The last member of `object` that is called `name`.
    pub(crate) fn member(&self, object: NodeId, name: &str) -> Option<NodeId> {
        self.children(object)
            .filter(|id| self.key(*id) == Some(name))
            .last()
    }

    fn resolve(&self, text: Text) -> &str {
        match text {
            Text::Source(span) => span.of(self.source),
            Text::Decoded(span) => span.of(&self.decoded),
        }
    }
}
