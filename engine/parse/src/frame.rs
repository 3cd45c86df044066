//! Cuts a reply into text, thinking and raw calls: one pass, from left to right, with a table of markers.
//!
//! What a call names and whether its arguments fit is not decided here ([`crate::calls`]); but what has no marker is a
//! call only where its name is offered and it stands where a call would stand, so the tools are known here too.
//! Each reader eats what it has looked at. Where one has to look at text in vain it pays from a purse of a few times
//! the text's length; once that is empty, what was looked at is text.

mod body;
mod harmony;
mod line;
mod marker;
mod piece;
mod quoting;
mod shape;
mod shown;
mod size;
mod tag;
mod thinking;

use std::cell::RefCell;

use crate::next::Next;
use crate::read;
use crate::tools::{Resolved, Tools};
use crate::tree::{NodeId, Span, Tree};
use crate::{Repair, RepairKind};

pub(crate) use marker::Role;
pub(crate) use piece::{Claim, Piece, RawCall};
pub(crate) use shape::calls_of;
pub(crate) use tag::Tag;
use tag::Tags;
pub(crate) use thinking::{never_ends, split};

/// What a reply consists of.
pub(crate) struct Framed<'t> {
    pub(crate) tree: Tree<'t>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) repairs: Vec<Repair>,
}

/// Where the reader of the reply stands.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing about what stood before"
)]
pub(crate) struct Framer<'t, 'a> {
    text: &'t str,
    tools: &'a Tools,
    tree: Tree<'t>,
    pieces: Vec<Piece>,
    repairs: Vec<Repair>,
    at: usize,
    /// Where the text begins that has not become a piece yet.
    kept: usize,
    /// Bytes that may still be looked at in vain.
    purse: usize,
    /// Inside a fence that holds data: its closing line ends what stands in it.
    fenced: bool,
    fence_start: usize,
    /// A call was taken out of that fence: then its lines are no text.
    fence_taken: bool,
    /// The header of a message began here.
    header: Option<usize>,
    /// An unended thinking began here, and this many pieces were there before.
    unended: Option<(usize, usize)>,
    /// A thinking was ended.
    thought: bool,
    /// A call was taken since the reply or its last thinking began.
    called: bool,
    tags: RefCell<Tags<'t>>,
    /// No marker that ends thinking stands at or after this place; for thinking that is a message, none that ends it.
    no_thought_end: [usize; 2],
    /// No closing marker stands at or after this place.
    no_closer: usize,
    /// The next end of what a tool is given in words.
    input_end: Next,
    /// The end of a call that was only shown.
    shown: Option<usize>,
    /// What was taken last is a call: nothing was said or thought since.
    made: bool,
}

/// Cuts `text`.
pub(crate) fn frame<'t>(text: &'t str, tools: &Tools) -> Framed<'t> {
    let mut framer = Framer {
        text,
        tools,
        tree: Tree::new(text),
        pieces: Vec::new(),
        repairs: Vec::new(),
        at: 0,
        kept: 0,
        // A few times the text: enough for every text that a model writes, and still linear.
        purse: text.len() * 3 + 4096,
        fenced: false,
        fence_start: 0,
        fence_taken: false,
        header: None,
        unended: None,
        thought: false,
        called: false,
        tags: RefCell::new(Tags::new(text)),
        no_thought_end: [usize::MAX; 2],
        no_closer: usize::MAX,
        input_end: Next::default(),
        shown: None,
        made: false,
    };
    framer.run();
    Framed {
        tree: framer.tree,
        pieces: framer.pieces,
        repairs: framer.repairs,
    }
}

impl<'t> Framer<'t, '_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
            self.mark_repair(RepairKind::OddSpace, Span::new(0, self.at));
            self.kept = self.at;
        }
        self.line();
        while let Some(found) = self.rest().bytes().position(is_mark) {
            let at = self.at + found;
            self.at = at;
            match self.byte(at) {
                b'\n' => {
                    self.at = at + 1;
                    self.line();
                }
                b'`' => self.quoted(),
                b'>' => self.functionary(),
                b':' => self.after_colon(),
                b'=' => self.recipient(),
                b'[' if tag::at(self.text, at).is_none() => self.list_within_line(),
                _ => self.tag_or_text(),
            }
            if self.at <= at {
                self.at = at + 1;
            }
        }
        self.flush(self.text.len());
        self.settle_unended();
    }

    fn rest(&self) -> &'t str {
        self.from(self.at)
    }

    fn from(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// The text up to `end` becomes a piece.
    fn flush(&mut self, end: usize) {
        if end > self.kept {
            let text = Span::new(self.kept, end);
            self.made &= text.of(self.text).trim_ascii().is_empty();
            self.pieces.push(Piece::Text(text));
        }
        self.kept = self.kept.max(end);
    }

    /// A part of the text was thought.
    fn think(&mut self, span: Span) {
        self.pieces.push(Piece::Thinking(span));
        self.made = false;
    }

    /// `start..end` is a marker: dropped from the text.
    fn drop(&mut self, start: usize, end: usize) {
        self.flush(start);
        self.pieces.push(Piece::Mark);
        self.kept = self.kept.max(end);
        self.at = end;
    }

    fn mark_repair(&mut self, kind: RepairKind, span: Span) {
        self.repairs.push(Repair { kind, span });
    }

    /// Takes what was read in vain out of the purse; false where there is nothing left in it. Nothing is free.
    fn pay(&mut self, bytes: usize) -> bool {
        let bytes = bytes.max(1);
        let enough = self.purse >= bytes;
        self.purse = self.purse.saturating_sub(bytes);
        enough
    }

    fn broke(&self) -> bool {
        self.purse == 0
    }

    /// Takes calls that begin at `start`; what stood before is text, and so are they where they are only shown.
    fn take(&mut self, start: usize, end: usize, calls: Vec<RawCall>) {
        if !calls.is_empty() && self.is_shown(start) {
            self.shown = Some(end);
            self.at = end;
            return;
        }
        if self.fenced && !self.fence_taken && !calls.is_empty() && self.kept <= self.fence_start {
            self.fence_taken = true;
            self.flush(self.fence_start);
            self.kept = self.kept.max(start);
        }
        self.flush(start);
        self.called |= !calls.is_empty();
        self.made |= !calls.is_empty();
        self.pieces
            .extend(calls.into_iter().map(|call| Piece::Call(Box::new(call))));
        self.kept = self.kept.max(end);
        self.at = end;
    }

    /// The next tag at or after `from`.
    fn next_tag(&self, from: usize) -> Option<Tag<'t>> {
        self.next_tag_within(from, self.text.len())
    }

    /// The next tag at or after `from` that ends at `end` or before it.
    fn next_tag_within(&self, from: usize, end: usize) -> Option<Tag<'t>> {
        self.tags.borrow_mut().next(from, end)
    }

    /// Whether the name is offered, as written or nearly.
    fn offered(&self, name: &str) -> bool {
        matches!(self.tools.resolve(name), Resolved::Exact(_) | Resolved::Near(_))
    }

    fn offered_exactly(&self, name: &str) -> bool {
        matches!(self.tools.resolve(name), Resolved::Exact(_))
    }

    /// Whether a tool has parameters, as far as is known.
    fn takes_something(&self, name: &str) -> bool {
        match self.tools.resolve(name) {
            Resolved::Exact(tool) | Resolved::Near(tool) => tool
                .parameters
                .members()
                .is_none_or(|members| !members.properties.is_empty()),
            Resolved::Anything | Resolved::Ambiguous(_) | Resolved::Unknown => true,
        }
    }

    fn any(&self) -> bool {
        self.tools.is_any()
    }

    /// A place after a line break or a marker: where a call without marker may begin.
    fn line(&mut self) {
        line::read(self);
    }

    /// `code` within a line is quoted, whatever it holds.
    fn quoted(&mut self) {
        let start = self.at;
        let line = window(self.rest(), QUOTED);
        let line = line
            .get(..memchr::memchr(b'\n', line.as_bytes()).unwrap_or(line.len()))
            .unwrap_or_default();
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        let body = line.get(ticks..).unwrap_or_default();
        match body.find(line.get(..ticks).unwrap_or("`")) {
            Some(len) => self.at = start + ticks + len + ticks,
            None => self.at = start + ticks,
        }
    }

    fn tag_or_text(&mut self) {
        let Some(tag) = tag::at(self.text, self.at) else {
            if self.rest().starts_with("<!--") && self.begins_line() {
                self.skip_to("-->");
            } else {
                self.at += 1;
            }
            return;
        };
        let start = tag.span.start;
        let after = tag.span.end;
        if self.unended.is_some() && matches!(tag.role, Role::Think) && !tag.close {
            self.at = after;
            return;
        }
        match tag.role {
            Role::Think if tag.close => self.thinking_ends(&tag),
            Role::Think => self.thinking_begins(&tag),
            Role::Answer => self.thinking_ends(&tag),
            Role::Call | Role::Calls if !tag.close => {
                self.drop(start, after);
                body::read(self, start);
                self.line();
            }
            Role::Function if !tag.close => body::function(self, &tag),
            Role::Header | Role::Message => harmony::read(self, &tag),
            Role::Result if !tag.close && !tag.piped => {
                let mut closer = self.next_tag(after);
                while let Some(next) = closer.filter(|next| !(next.close && next.role == Role::Result)) {
                    closer = self.next_tag(next.span.end);
                }
                // Kept as text: a model that makes up results should be seen to.
                self.at = closer.map_or(self.text.len(), |closer| closer.span.end);
            }
            Role::Speaker if !tag.close => {
                if body::speaker(self, &tag) {
                    self.line();
                } else {
                    self.at = after;
                }
            }
            Role::Speaker | Role::Parameter | Role::Key | Role::Value => self.at = after,
            Role::Noise if !tag.close && quoting::others_speak(tag.name, self.from(after)) => {
                // Kept as text, as results are.
                self.at = self.next_turn(after);
            }
            Role::Other if !tag.close && self.quoting(&tag) => {}
            Role::Other => {
                if !(body::pair(self, &tag) || body::element(self, &tag)) {
                    self.at = start + 1;
                }
            }
            _ => {
                self.drop(start, after);
                self.line();
            }
        }
    }

    /// Reads JSON at `at`; `size` says how far it may reach.
    fn json(&mut self, at: usize, marked: bool) -> Option<(NodeId, usize)> {
        let extent = size::json(self, at, marked);
        let read = read::json(&mut self.tree, Span::new(at, extent));
        let node = read.node?;
        self.repairs.extend(read.repairs);
        Some((node, read.end.max(at + 1)))
    }
}

/// Quoted code is a part of a line; what is longer is none.
const QUOTED: usize = 2000;

/// The beginning of `text`, at most about `len` bytes of it.
fn window(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Bytes at which something other than text may begin.
fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'\n' | b'<' | b'[' | b']' | b'`' | b'>' | b':' | b'=' | 0xe2
    )
}

/// A node as JSON, to compare with in tests.
#[cfg(test)]
pub(crate) fn shown(tree: &Tree<'_>, node: NodeId) -> String {
    value(tree, node).to_string()
}

#[cfg(test)]
fn value(tree: &Tree<'_>, node: NodeId) -> serde_json::Value {
    use serde_json::Value;

    use crate::tree::Kind;
    match tree.kind(node) {
        Kind::Null => Value::Null,
        Kind::Bool(value) => value.into(),
        Kind::Number => serde_json::from_str(tree.text(node)).unwrap(),
        Kind::Quoted | Kind::Bare => tree.text(node).into(),
        Kind::Array => tree.children(node).map(|id| value(tree, id)).collect(),
        Kind::Object => tree
            .children(node)
            .map(|id| (tree.key(id).unwrap().to_owned(), value(tree, id)))
            .collect(),
    }
}
