//! What alignment adds up on its way: cost, repairs, diagnostics and the path to where it is.

use std::fmt::Write as _;

use serde_json::Value;

use super::Aligned;
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
        }
    }

    pub(crate) fn aligned(self, value: Value) -> Aligned {
        Aligned {
            value,
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

    /// Goes into a member; give the result to [`Out::leave`].
    pub(super) fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if !self.quiet {
            self.path.push('/');
            if key.contains(['~', '/']) {
                self.path.push_str(&key.replace('~', "~0").replace('/', "~1"));
            } else {
                self.path.push_str(key);
            }
        }
        length
    }

    pub(super) fn enter_item(&mut self, index: usize) -> usize {
        if self.quiet {
            self.path.len()
        } else {
            let length = self.path.len();
            let _ = write!(self.path, "/{index}");
            length
        }
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
