//! What a token is inside of, and whether it begins a line.

use super::spacing::Spacing;
use super::{Gap, WIDTH};
use crate::token::{Token, TokenKind as T};

/// What stands between a pair of brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Outside of all.
    File,
    /// Declarations.
    System,
    /// Clauses.
    Body,
    /// Steps.
    Pipeline,
    /// Items, each on a line of its own.
    Broken,
    /// Items on one line.
    Flat,
}

/// The contexts that are open, the outermost first.
#[derive(Default)]
pub(super) struct Contexts {
    open: Vec<Context>,
    /// The context that the last bracket closed.
    closed: Option<Context>,
    /// The word of the declaration that is being written.
    declaration: String,
}

const CLAUSES: &[&str] = &[
    "owns",
    "constraints",
    "states",
    "auth",
    "index",
    "requires",
    "effects",
    "emits",
    "sync",
    "timeout",
    "retry",
    "idempotent",
    "pipeline",
    "parallel",
    "algorithm",
    "returns",
    "payload",
    "delivery",
    "ttl",
    "engine",
    "schema",
    "retention",
    "partition",
    "replicas",
    "transport",
    "ordering",
    "participants",
    "persistence",
    "filter",
    "max_size",
    "rate_limit",
    "access",
    "audit",
    "encryption",
    "compensate",
    "stable",
    "language",
];

/// Lists that are broken from three items on.
const LONG: &[&str] = &["owns", "constraints", "requires", "effects", "payload", "schema"];

impl Contexts {
    pub(super) fn top(&self) -> Context {
        self.open.last().copied().unwrap_or(Context::File)
    }

    pub(super) fn indent(&self) -> usize {
        let levels = self.open.iter().filter(|context| **context != Context::Flat);
        levels.count()
    }

    /// Leaves a context, before its bracket is written.
    pub(super) fn close(&mut self, kind: T) {
        self.closed = if kind.closes() { self.open.pop() } else { None };
    }

    /// Whether the system's current declaration has begun.
    pub(super) fn in_declaration(&self) -> bool {
        !self.declaration.is_empty()
    }

    /// Whether this declaration is a line like the one before.
    pub(super) fn alike(&self, tokens: &[Token], at: usize, text: &str) -> bool {
        let this = word(tokens, at, text);
        this == self.declaration && matches!(this, "constraint" | "import")
    }

    /// What goes before a token; `in_type`: it stands between the arguments of a type.
    pub(super) fn gap(&mut self, tokens: &[Token], at: usize, text: &str, in_type: bool) -> Gap {
        let kind = kind(tokens, at);
        if let Some(closed) = self.closed {
            let empty = at
                .checked_sub(1)
                .is_some_and(|at| self::kind(tokens, at).closing() == Some(kind));
            return if closed == Context::Flat || empty {
                Gap::Inside
            } else {
                Gap::Line
            };
        }
        let begins = match self.top() {
            Context::File => word(tokens, at, text) == "system" && self::kind(tokens, at + 2) == T::OpenBrace,
            Context::System => begins_declaration(tokens, at, text),
            Context::Body => begins_clause(tokens, at, text),
            Context::Pipeline => begins_step(tokens, at, text),
            Context::Broken => {
                !in_type && (matches!(before(tokens, at), T::Comma) || before(tokens, at).closing().is_some())
            }
            Context::Flat => false,
        };
        match word(tokens, at, text) {
            "compensate" if begins && self.top() == Context::Body => Gap::Continued,
            _ if begins => Gap::Line,
            _ => Gap::Inside,
        }
    }

    /// Enters a context, after its bracket is written. Gives whether the token ended a declaration.
    pub(super) fn open(&mut self, tokens: &[Token], at: usize, text: &str) -> bool {
        if self.top() == Context::System && begins_declaration(tokens, at, text) {
            word(tokens, at, text).clone_into(&mut self.declaration);
        }
        let kind = kind(tokens, at);
        if kind.closing().is_none() {
            return kind == T::CloseBrace && matches!(self.top(), Context::System | Context::File);
        }
        let context = match (self.top(), kind) {
            (Context::File, _) => Context::System,
            (Context::System, T::OpenBrace) => Context::Body,
            (Context::Body, T::OpenBrace) if matches!(clause(tokens, at, text), "pipeline" | "parallel") => {
                Context::Pipeline
            }
            (Context::Flat | Context::Broken | Context::Pipeline, _) => Context::Flat,
            _ => list(tokens, at, text, self.indent()),
        };
        self.open.push(context);
        false
    }
}

/// Whether a list of a clause, or the parameters of a capability, are broken.
fn list(tokens: &[Token], at: usize, text: &str, indent: usize) -> Context {
    let mut depth = 0usize;
    let mut items = 1;
    let mut spacing = Spacing::default();
    let mut width = indent * 2;
    let start = line_start(tokens, at, text);
    let mut end = at;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        if token.kind.is_comment() && index > at {
            return Context::Broken;
        }
        width += usize::from(spacing.space(tokens, index, text))
            + text
                .get(token.span.range())
                .map_or(0, |text| text.chars().count());
        spacing.seen(tokens, index, text);
        if index < at {
            continue;
        }
        if token.kind.closing().is_some() {
            depth += 1;
        } else if token.kind.closes() {
            depth = depth.saturating_sub(1);
        } else if token.kind == T::Comma
            && depth == 1
            && !spacing.in_type()
            && !kind(tokens, index + 1).closes()
        {
            items += 1;
        }
        end = index;
        if depth == 0 || token.kind == T::End || width > WIDTH {
            break;
        }
    }
    // What stands behind the bracket on the same line: `{` of a capability.
    let behind = if kind(tokens, end + 1) == T::OpenBrace {
        2
    } else {
        0
    };
    let long = items > 2 && LONG.contains(&clause(tokens, at, text));
    if width + behind > WIDTH || long {
        Context::Broken
    } else {
        Context::Flat
    }
}

/// Where the line begins that a bracket of a clause is on.
fn line_start(tokens: &[Token], at: usize, text: &str) -> usize {
    // `derived`, `capability NAME (` and `algorithm: NAME using {` are the longest before a bracket.
    const MOST: usize = 6;
    for back in 0..MOST {
        let Some(index) = at.checked_sub(back) else { break };
        if back > 0 && (begins_clause(tokens, index, text) || begins_declaration(tokens, index, text)) {
            return index;
        }
    }
    at
}

/// The word of the clause whose value a bracket begins.
fn clause<'t>(tokens: &[Token], at: usize, text: &'t str) -> &'t str {
    match at.checked_sub(2) {
        Some(name) if kind(tokens, at - 1) == T::Colon => word(tokens, name, text),
        _ => "",
    }
}

fn begins_declaration(tokens: &[Token], at: usize, text: &str) -> bool {
    let (first, second) = (kind(tokens, at + 1), kind(tokens, at + 2));
    match word(tokens, at, text) {
        "entity" | "event" | "store" | "channel" | "policy" | "flow" => {
            first == T::Word && second == T::OpenBrace
        }
        "capability" | "extension_point" => first == T::Word && second == T::OpenParen,
        "constraint" => first == T::Word && second == T::Colon,
        "import" => word(tokens, at + 2, text) == "from",
        "domain" => first == T::Colon,
        _ => false,
    }
}

fn begins_clause(tokens: &[Token], at: usize, text: &str) -> bool {
    // Behind these a name is wanted, whatever it is.
    if matches!(before(tokens, at), T::Arrow | T::Pipe | T::Dot | T::Question) {
        return false;
    }
    // The name of a relation, a derived field or a step may be the word of a clause.
    if let Some(earlier) = at.checked_sub(1)
        && matches!(word(tokens, earlier, text), "relation" | "derived" | "step")
        && !matches!(before(tokens, earlier), T::Arrow | T::Pipe | T::Colon)
    {
        return false;
    }
    let word = word(tokens, at, text);
    match word {
        "relation" | "derived" | "step" => {
            kind(tokens, at + 1) == T::Word && kind(tokens, at + 2) == T::Colon
        }
        _ => CLAUSES.contains(&word) && kind(tokens, at + 1) == T::Colon,
    }
}

fn begins_step(tokens: &[Token], at: usize, text: &str) -> bool {
    let called = kind(tokens, at) == T::Word && kind(tokens, at + 1) == T::OpenParen;
    let compensates = at
        .checked_sub(1)
        .is_some_and(|at| word(tokens, at, text) == "compensate" && before(tokens, at) == T::Colon);
    (called && !compensates) || (word(tokens, at, text) == "on_error" && kind(tokens, at + 1) == T::Colon)
}

fn kind(tokens: &[Token], at: usize) -> T {
    tokens.get(at).map_or(T::End, |token| token.kind)
}

/// The kind of the token before that is no comment.
fn before(tokens: &[Token], at: usize) -> T {
    let earlier = tokens.get(..at).unwrap_or_default();
    let token = earlier.iter().rev().find(|token| !token.kind.is_comment());
    token.map_or(T::End, |token| token.kind)
}

fn word<'t>(tokens: &[Token], at: usize, text: &'t str) -> &'t str {
    let token = tokens.get(at).filter(|token| token.kind == T::Word);
    token
        .and_then(|token| text.get(token.span.range()))
        .unwrap_or_default()
}
