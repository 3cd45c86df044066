//! Where a walk over an expression stands: its tokens, its open brackets and the value before it.

use std::ops::Range;

use super::rewrite::Edit;
use super::{TemplateError, Token, limits};

/// A value with the `.name`, `[…]` and `(…)` that follow it.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The reference that its names belong to, while they do.
    pub(super) reference: Option<usize>,
    /// Whether the names that follow still belong to the reference.
    pub(super) open: bool,
    /// Whether a `default` behind it would be applied to it alone.
    pub(super) bare: bool,
    /// What makes its steps tolerant, should a `default` follow.
    pub(super) edits: Vec<Edit>,
    /// The last step, when it can be called: a local `loop.cycle`.
    pub(super) loop_method: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    /// The expression itself.
    Whole,
    Group,
    List,
    Mapping,
    Subscript,
    Arguments,
}

/// An open bracket, and what to go on with when it closes.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bracket: Bracket,
    pub(super) start: usize,
    pub(super) chain: Option<Chain>,
    /// `if` words that wait for their `else`.
    pub(super) waiting: Vec<Range<usize>>,
    pub(super) slice: bool,
    /// Where the operand of a `~` would begin, and whether one stands before it.
    pub(super) operand: usize,
    pub(super) joined: bool,
    /// The same for `+`, which binds less.
    pub(super) term: usize,
    pub(super) added: bool,
}

impl Frame {
    pub(super) fn new(bracket: Bracket, start: usize, operand: usize, chain: Option<Chain>) -> Self {
        Frame {
            bracket,
            start,
            chain,
            waiting: Vec::new(),
            slice: false,
            operand,
            joined: false,
            term: operand,
            added: false,
        }
    }
}

/// The state of the walk.
pub(super) struct Walk<'t> {
    pub(super) tokens: &'t [Token],
    pub(super) at: usize,
    /// Whether a value must come next.
    pub(super) expects: bool,
    /// The innermost open bracket, and those around it.
    pub(super) frame: Frame,
    pub(super) outer: Vec<Frame>,
    pub(super) chain: Option<Chain>,
    /// Whether the value that comes next stands alone: no `-` before it, not after a test.
    pub(super) bare: bool,
    pub(super) end: usize,
    pub(super) levels: usize,
    pub(super) wrappers: usize,
}

impl<'t> Walk<'t> {
    pub(super) fn new(tokens: &'t [Token], start: usize) -> Self {
        Walk {
            tokens,
            at: 0,
            expects: true,
            frame: Frame::new(Bracket::Whole, start, start, None),
            outer: Vec::new(),
            chain: None,
            bare: true,
            end: start,
            levels: 0,
            wrappers: 0,
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<&'t Token> {
        self.tokens.get(self.at + ahead)
    }

    pub(super) fn in_bracket(&self, bracket: Bracket) -> bool {
        self.frame.bracket == bracket
    }

    /// Whether the value that is due may be left out: `()`, `[1, ]`, `x[1:]`.
    pub(super) fn may_close_empty(&self, source: &str) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let word = before
            .and_then(|token| source.get(token.span.clone()))
            .unwrap_or("");
        match word {
            "(" | "[" | "{" | "," => self.frame.bracket != Bracket::Whole,
            ":" => self.frame.bracket == Bracket::Subscript,
            _ => false,
        }
    }

    /// Begins the chain of a value.
    pub(super) fn begin(&mut self, start: usize, end: usize, reference: Option<usize>) {
        let open = reference.is_some();
        self.chain = Some(Chain {
            start,
            end,
            reference,
            open,
            bare: self.bare,
            ..Chain::default()
        });
        self.expects = false;
        self.bare = true;
        self.end = end;
    }

    /// Says where the next operand of a `~` would begin.
    pub(super) fn mark_operand(&mut self, at: usize) {
        self.frame.operand = at;
        self.frame.term = at;
        self.bare = true;
        self.end = at;
    }

    /// Opens a bracket that is a value.
    pub(super) fn open(&mut self, bracket: Bracket, token: &Token) -> Result<(), TemplateError> {
        let chain = Chain {
            bare: self.bare,
            ..Chain::default()
        };
        self.push(
            Frame::new(bracket, token.span.start, token.span.end, Some(chain)),
            token,
        )?;
        if matches!(bracket, Bracket::List | Bracket::Mapping) {
            self.levels = self.levels.max(self.outer.len());
        }
        Ok(())
    }

    pub(super) fn push(&mut self, frame: Frame, token: &Token) -> Result<(), TemplateError> {
        if self.outer.len() >= limits::BRACKETS {
            return Err(TemplateError::new(
                format!(
                    "brackets may stand {} deep in each other, this is deeper",
                    limits::BRACKETS
                ),
                token.span.clone(),
            )
            .help("split the expression with `{% set name = … %}`"));
        }
        self.bare = true;
        self.end = token.span.end;
        self.outer.push(std::mem::replace(&mut self.frame, frame));
        Ok(())
    }
}
