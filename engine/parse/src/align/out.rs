//! What alignment adds up on its way: the value, its cost, repairs, diagnostics and the path to where it is.

use std::fmt::Write as _;

use super::Aligned;
use crate::tape::Builder;
use crate::tree::Span;
use crate::{Cut, Diagnostic, DiagnosticKind, Repair, RepairKind};

/// What a diagnostic costs: more than any usual number of repairs, so that what fits wins over what does not.
pub(crate) const DIAGNOSTIC: u32 = 10_000;

#[derive(Debug)]
pub(crate) struct Out {
    /// Only the cost is wanted.
    pub(crate) quiet: bool,
    pub(crate) cost: u32,
    repairs: Vec<Repair>,
    diagnostics: Vec<Diagnostic>,
    /// Where alignment is, as a JSON pointer.
    path: String,
    cut: Option<String>,
    value: Builder,
}

impl Out {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            cost: 0,
            repairs: Vec::new(),
            diagnostics: Vec::new(),
            path: String::new(),
            cut: None,
            value: Builder::default(),
        }
    }

    pub(crate) fn aligned(self) -> Aligned {
        Aligned {
            value: self.value.finish(),
            cost: self.cost,
            repairs: self.repairs,
            diagnostics: self.diagnostics,
            cut: self.cut.map(|path| Cut { path }),
        }
    }

    /// Adds a cost that no repair stands for.
    pub(super) fn add(&mut self, cost: u32) {
        self.cost = self.cost.saturating_add(cost);
    }

    pub(super) fn repair(&mut self, kind: RepairKind, span: Span) {
        self.add(kind.cost());
        if !self.quiet {
            self.repairs.push(Repair { kind, span });
        }
    }

    pub(super) fn diagnostic(&mut self, kind: DiagnosticKind, span: Span, message: impl FnOnce() -> String) {
        self.add(DIAGNOSTIC);
        if !self.quiet {
            let message = message();
            self.diagnostics.push(Diagnostic {
                kind,
                span: Some(span),
                path: Some(self.path.clone()),
                message,
            });
        }
    }

    /// Where the value is written; nothing where only the cost is wanted.
    pub(super) fn writer(&mut self) -> Option<&mut Builder> {
        (!self.quiet).then_some(&mut self.value)
    }

    pub(super) fn null(&mut self) {
        if let Some(writer) = self.writer() {
            writer.null();
        }
    }

    pub(super) fn bool(&mut self, value: bool) {
        if let Some(writer) = self.writer() {
            writer.bool(value);
        }
    }

    /// A number that a double can hold.
    pub(super) fn number(&mut self, literal: &str) {
        if let Some(writer) = self.writer() {
            writer.finite_number(literal);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some(writer) = self.writer() {
            writer.text(text);
        }
    }

    pub(super) fn json(&mut self, value: &serde_json::Value) {
        if let Some(writer) = self.writer() {
            writer.json(value);
        }
    }

    /// Begins an array; give the result to [`Out::close`].
    pub(super) fn open_array(&mut self) -> usize {
        self.writer().map_or(0, Builder::open_array)
    }

    /// Begins an object; give the result to [`Out::close`] or [`Out::close_unique`].
    pub(super) fn open_object(&mut self) -> usize {
        self.writer().map_or(0, Builder::open_object)
    }

    pub(super) fn close(&mut self, start: usize) {
        if let Some(writer) = self.writer() {
            writer.close(start);
        }
    }

    /// Ends an object in which a key may stand twice.
    pub(super) fn close_unique(&mut self, start: usize) {
        if let Some(writer) = self.writer() {
            writer.close_unique(start);
        }
    }

    /// An object without members.
    pub(super) fn empty_object(&mut self) {
        let start = self.open_object();
        self.close(start);
    }

    /// Goes into a member whose value is written next; give the result to [`Out::leave`].
    pub(super) fn member(&mut self, key: &str) -> usize {
        if let Some(writer) = self.writer() {
            writer.key(key);
        }
        self.enter(key)
    }

    /// Goes into a member; give the result to [`Out::leave`].
    pub(super) fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if !self.quiet {
            self.path.push('/');
            if key.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
                self.path.push_str(&key.replace('~', "~0").replace('/', "~1"));
            } else {
                self.path.push_str(key);
            }
        }
        length
    }

    pub(super) fn enter_item(&mut self, index: usize) -> usize {
        let length = self.path.len();
        match u8::try_from(index) {
            _ if self.quiet => {}
            // Most lists are short, and formatting a number takes longer than aligning one.
            Ok(digit @ 0..=9) => self.path.extend(['/', char::from(b'0' + digit)]),
            _ => {
                let _ = write!(self.path, "/{index}");
            }
        }
        length
    }

    /// Where the path stands now; give it to [`Out::leave`].
    pub(super) fn here(&self) -> usize {
        self.path.len()
    }

    pub(super) fn leave(&mut self, length: usize) {
        self.path.truncate(length);
    }

    /// The value at the path is not whole; the innermost one counts.
    pub(super) fn cut_here(&mut self) {
        if !self.quiet && self.cut.as_ref().is_none_or(|cut| cut.len() <= self.path.len()) {
            self.cut = Some(self.path.clone());
        }
    }
}
