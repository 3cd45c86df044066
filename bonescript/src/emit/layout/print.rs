//! Tree to document: statements and lists. The rules are prettier's, as its third version has them.

mod assign;
mod binary;
mod call;
mod chain;
mod class;
mod expression;
mod function;
mod object;
mod place;
mod statement;
mod text;
mod types;

use std::cell::Cell;
use std::collections::HashMap;

use super::document::{self, Doc, Docs, GroupId};
use super::syntax::{Block, Expression, Item, Items, Note, Statement};

pub(super) struct Printer<'a, 't> {
    pub(super) docs: Docs<'a>,
    /// The expression that needs brackets because a statement or the body of an arrow function begins with it.
    wrapped: Option<&'t Expression<'a>>,
    /// Parameters break in any case, so the function cannot take what is left of a line.
    bailed: bool,
    /// Documents of what stands in several variants of a call, by the address of the node: each is built once, else the
    /// time would double with each function inside of another.
    kept: HashMap<usize, Doc>,
    /// Groups that stay broken once they are, each with where that is remembered.
    watched: Vec<(GroupId, &'t Cell<bool>)>,
}

/// How often a statement is laid out at most. An object that was broken because of its length stays broken, which can
/// change what stands around it; prettier too needs another time then. No text has been seen that needs four.
const PASSES: usize = 4;

/// A file as text: statement by statement, since nothing of one matters to the next.
pub(super) fn file(block: &Block<'_>, size: usize) -> String {
    let mut out = String::with_capacity(size + size / 8);
    let mut printer = Printer {
        docs: Docs::new(),
        wrapped: None,
        bailed: false,
        kept: HashMap::new(),
        watched: Vec::new(),
    };
    let mut blank = None;
    for item in &block.all {
        if matches!(item.node, Statement::Empty) && item.lead.is_empty() {
            continue;
        }
        printer.on_lines_of_its_own(&mut out, blank, |printer| {
            let doc = printer.statement(&item.node);
            printer.noted(item, doc)
        });
        blank = Some(item.blank_after);
    }
    for note in &block.rest {
        printer.on_lines_of_its_own(&mut out, blank.map(|_| note.blank_before), |printer| {
            printer.note(note.text)
        });
        blank = Some(false);
    }
    if !block.all.is_empty() || !block.rest.is_empty() {
        document::end_line(&mut out);
    }
    out
}

impl<'a, 't> Printer<'a, 't> {
    /// Adds what `print` gives, behind a line end and an empty line if there is to be one.
    fn on_lines_of_its_own(
        &mut self,
        out: &mut String,
        blank: Option<bool>,
        print: impl Fn(&mut Self) -> Doc,
    ) {
        if let Some(blank) = blank {
            document::end_line(out);
            if blank {
                out.push('\n');
            }
        }
        let start = out.len();
        for _ in 0..PASSES {
            self.docs.clear();
            self.kept.clear();
            self.watched.clear();
            out.truncate(start);
            let doc = print(self);
            let broken = document::print(&self.docs, doc, out);
            let mut again = false;
            for (group, opened) in &self.watched {
                again |= broken.contains(*group) && !opened.replace(true);
            }
            if !again {
                break;
            }
        }
    }

    /// A group that stays broken once it is.
    fn watched(&mut self, opened: &'t Cell<bool>) -> GroupId {
        let id = self.docs.id();
        self.watched.push((id, opened));
        id
    }

    fn text(&mut self, text: &'a str) -> Doc {
        self.docs.text(text)
    }

    fn all(&mut self, parts: &[Doc]) -> Doc {
        self.docs.concat(parts)
    }

    /// `before`, a document and `after`.
    fn between(&mut self, before: &'a str, inner: Doc, after: &'a str) -> Doc {
        let before = self.text(before);
        let after = self.text(after);
        self.docs.concat(&[before, inner, after])
    }

    /// Statements, each on its line.
    pub(super) fn lines(&mut self, block: &'t Block<'a>) -> Doc {
        let mut parts = Vec::with_capacity(block.all.len() * 3);
        let mut blank = false;
        for item in &block.all {
            if matches!(item.node, Statement::Empty) && item.lead.is_empty() {
                continue;
            }
            if !parts.is_empty() {
                parts.push(Docs::HARD);
                if blank {
                    parts.push(Docs::HARD);
                }
            }
            let doc = self.statement(&item.node);
            parts.push(self.noted(item, doc));
            blank = item.blank_after;
        }
        self.rest_notes(&block.rest, &mut parts);
        self.all(&parts)
    }

    /// Comments behind the last of a list.
    fn rest_notes(&mut self, rest: &'t [Note<'a>], parts: &mut Vec<Doc>) {
        for note in rest {
            if !parts.is_empty() {
                parts.push(Docs::HARD);
                if note.blank_before {
                    parts.push(Docs::HARD);
                }
            }
            parts.push(self.note(note.text));
        }
        if !rest.is_empty() {
            parts.push(Docs::BREAK_PARENT);
        }
    }

    /// An item between its comments.
    fn noted<T>(&mut self, item: &'t Item<'a, T>, doc: Doc) -> Doc {
        if item.lead.is_empty() && item.trail.is_empty() {
            return doc;
        }
        let mut parts = self.lead_notes(&item.lead);
        parts.push(doc);
        parts.extend(self.trail_notes(&item.trail));
        self.all(&parts)
    }

    fn lead_notes(&mut self, notes: &'t [Note<'a>]) -> Vec<Doc> {
        let mut parts = Vec::new();
        for note in notes {
            parts.push(self.note(note.text));
            if note.ends_line {
                parts.push(Docs::HARD);
                if note.blank_after {
                    parts.push(Docs::HARD);
                }
            } else {
                parts.push(Docs::SPACE);
            }
        }
        parts
    }

    fn trail_notes(&mut self, notes: &'t [Note<'a>]) -> Vec<Doc> {
        let mut parts = Vec::new();
        for note in notes {
            let text = self.note(note.text);
            let spaced = self.docs.concat(&[Docs::SPACE, text]);
            if note.text.starts_with("//") {
                parts.push(self.docs.suffix(spaced));
                parts.push(Docs::BREAK_PARENT);
            } else {
                parts.push(spaced);
            }
        }
        parts
    }

    /// A comment. One whose lines all begin with `*` moves with its indentation, any other stays as it is.
    fn note(&mut self, text: &'a str) -> Doc {
        if !text.contains('\n')
            || !text
                .lines()
                .skip(1)
                .all(|line| line.trim_start().starts_with('*'))
        {
            return self.docs.verbatim(text);
        }
        let mut parts = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                parts.push(Docs::HARD);
                parts.push(Docs::SPACE);
                parts.push(self.text(line.trim()));
            } else {
                parts.push(self.text(line.trim_end()));
            }
        }
        self.all(&parts)
    }

    /// The document that `print` gives, once for each address.
    fn kept(&mut self, address: usize, print: impl FnOnce(&mut Self) -> Doc) -> Doc {
        if let Some(doc) = self.kept.get(&address) {
            return *doc;
        }
        let doc = print(self);
        self.kept.insert(address, doc);
        doc
    }

    /// A block that may stand in several variants.
    fn kept_block(&mut self, block: &'t Block<'a>) -> Doc {
        self.kept(std::ptr::from_ref(block).addr(), |printer| printer.block(block))
    }

    /// `{`, statements and `}`.
    pub(super) fn block(&mut self, block: &'t Block<'a>) -> Doc {
        let body = self.lines(block);
        if block.all.is_empty() && block.rest.is_empty() {
            return self.text("{}");
        }
        let inner = self.docs.indent(&[Docs::HARD, body]);
        let closed = self.all(&[inner, Docs::HARD]);
        self.between("{", closed, "}")
    }

    /// The items of a list with what separates them; a line follows each separator.
    fn separated<T>(
        &mut self,
        list: &'t Items<'a, T>,
        separator: &'a str,
        mut print: impl FnMut(&mut Self, &'t T) -> Doc,
    ) -> Vec<Doc> {
        let mut parts = Vec::with_capacity(list.all.len() * 4);
        let mut blank = false;
        for (index, item) in list.all.iter().enumerate() {
            if index > 0 {
                parts.push(Docs::LINE);
                if blank {
                    parts.push(Docs::HARD);
                }
            }
            let doc = print(self, &item.node);
            parts.extend(self.lead_notes(&item.lead));
            parts.push(doc);
            if index + 1 < list.all.len() {
                parts.push(self.text(separator));
            }
            parts.extend(self.trail_notes(&item.trail));
            blank = item.blank_after;
        }
        parts
    }

    /// Comments behind the last item, below the separator.
    fn dangling<T>(&mut self, list: &'t Items<'a, T>, parts: &mut Vec<Doc>) {
        for note in &list.rest {
            if !list.all.is_empty() || !parts.is_empty() {
                parts.push(Docs::HARD);
                if note.blank_before {
                    parts.push(Docs::HARD);
                }
            }
            parts.push(self.note(note.text));
            parts.push(Docs::BREAK_PARENT);
        }
    }
}
