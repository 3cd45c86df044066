//! Walks the tags of a template once: what it refers to, whether its blocks fit together, and the
//! small rewritings that make MiniJinja mean what a workflow promises.
//!
//! Two things are rewritten. A chain under `default` or `is defined`, such as
//! `tasks.x.output.y|default('z')`, may end early wherever a name is missing, so its steps become
//! tolerant; all others stay strict. The sides of `~` become text by the same rules as `{{ }}`.

use std::collections::HashMap;
use std::ops::Range;

use super::lex::{Kind, Lexer, Tag, TagKind, Token};
use super::{Call, Reference, TemplateError, limits, names};

mod assign;
mod expression;
mod rewrite;
mod uses;
mod walk;

pub(super) use rewrite::{Origin, Rewritten};

/// Statements that MiniJinja or Jinja know and a workflow does not.
const REFUSED: [&str; 13] = [
    "autoescape",
    "block",
    "break",
    "call",
    "continue",
    "do",
    "extends",
    "from",
    "import",
    "include",
    "macro",
    "namespace",
    "trans",
];

/// What was found in a template.
#[derive(Debug, Default)]
pub(super) struct Scan<'s> {
    source: &'s str,
    pub(super) references: Vec<Reference>,
    pub(super) calls: Vec<Call>,
    pub(super) filters: Vec<Call>,
    /// Whether there is any tag, comment or raw block.
    pub(super) marked: bool,
    /// The content of the one `{{ }}` that is the whole source.
    pub(super) single: Option<Range<usize>>,
    edits: Vec<rewrite::Edit>,
    blocks: Vec<Block<'s>>,
    /// How many open scopes know a name.
    locals: HashMap<&'s str, usize>,
    /// Levels that the assignments so far can have put around one value.
    built: usize,
}

#[derive(Debug)]
struct Block<'s> {
    name: &'s str,
    span: Range<usize>,
    branches: usize,
    otherwise: bool,
    /// Names that end with this block; `if` has no scope of its own.
    names: Vec<&'s str>,
    /// Name that a `{% set %}` block gives when it ends.
    gives: Option<&'s str>,
}

impl Block<'_> {
    /// Whether names given inside end with it: not for an `if`, nor for the `else` of a `for`.
    fn has_scope(&self) -> bool {
        self.name == "with" || (self.name == "for" && !self.otherwise)
    }
}

impl<'s> Scan<'s> {
    /// Scans a text with tags in it.
    pub(super) fn text(source: &'s str) -> Result<Self, TemplateError> {
        let mut scan = Scan {
            source,
            ..Scan::default()
        };
        let mut lexer = Lexer::new(source);
        while let Some(tag) = lexer.next_tag()? {
            match tag.kind {
                TagKind::Output => {
                    if tag.span == (0..source.len()) {
                        scan.single = Some(tag.inner.clone());
                    }
                    scan.expression(&tag.tokens, tag.span)?;
                }
                TagKind::Statement => scan.statement(&tag)?,
            }
        }
        scan.marked = lexer.marked;
        match scan.blocks.last() {
            None => Ok(scan),
            Some(block) => Err(TemplateError::new(
                format!("this `{}` is never closed", block.name),
                block.span.clone(),
            )
            .help(format!("end it with `{{% end{} %}}`", block.name))),
        }
    }

    /// Scans a source that should be one `{{ }}` with nothing but space around it.
    pub(super) fn tagged(source: &'s str) -> Result<Option<Self>, TemplateError> {
        let Some(tag) = Lexer::new(source).next_tag()? else {
            return Ok(None);
        };
        let blank = |range: Range<usize>| source.get(range).is_some_and(|text| text.trim().is_empty());
        if tag.kind != TagKind::Output || !blank(0..tag.span.start) || !blank(tag.span.end..source.len()) {
            return Ok(None);
        }
        let mut scan = Scan {
            source,
            marked: true,
            single: Some(tag.inner),
            ..Scan::default()
        };
        scan.expression(&tag.tokens, tag.span)?;
        Ok(Some(scan))
    }

    /// Scans a source that is one expression without `{{ }}`.
    pub(super) fn bare(source: &'s str) -> Result<Self, TemplateError> {
        let mut scan = Scan {
            source,
            marked: true,
            single: Some(0..source.len()),
            ..Scan::default()
        };
        let tokens = super::lex::expression(source)?;
        scan.expression(&tokens, 0..source.len())?;
        Ok(scan)
    }

    /// Returns the source with the rewritings of a range put in.
    pub(super) fn rewritten(&mut self, range: Range<usize>) -> Rewritten {
        Rewritten::new(self.source, range, std::mem::take(&mut self.edits))
    }

    fn statement(&mut self, tag: &Tag) -> Result<(), TemplateError> {
        let Some((first, tokens)) = tag.tokens.split_first() else {
            return Err(TemplateError::new("this tag is empty", tag.span.clone()));
        };
        let name = self.word(first);
        match name {
            "if" => {
                self.expression(tokens, tag.span.clone())?;
                self.open(name, tag, None)
            }
            "elif" => self.branch(tokens, tag),
            "else" => self.otherwise(tokens, tag),
            "for" => self.for_loop(tokens, tag),
            "set" => self.set(tokens, tag),
            "with" => self.with(tokens, tag),
            "filter" => {
                self.filter_chain(tokens, tag.span.clone())?;
                self.open(name, tag, None)
            }
            "endif" | "endfor" | "endset" | "endwith" | "endfilter" => self.close(name, tokens, tag),
            _ => Err(unknown_statement(name, first)),
        }
    }

    fn open(&mut self, name: &'s str, tag: &Tag, gives: Option<&'s str>) -> Result<(), TemplateError> {
        self.blocks.push(Block {
            name,
            span: tag.span.clone(),
            branches: 0,
            otherwise: false,
            names: Vec::new(),
            gives,
        });
        self.check_depth(tag)
    }

    fn check_depth(&self, tag: &Tag) -> Result<(), TemplateError> {
        let branches: usize = self.blocks.iter().map(|block| block.branches).sum();
        if self.blocks.len() > limits::BLOCKS {
            return Err(TemplateError::new(
                format!(
                    "blocks may stand {} deep in each other, this is deeper",
                    limits::BLOCKS
                ),
                tag.span.clone(),
            ));
        }
        if self.blocks.len() + branches > limits::BLOCKS_AND_BRANCHES {
            return Err(TemplateError::new(
                format!(
                    "{} blocks and `elif` branches may stand in each other, these are more",
                    limits::BLOCKS_AND_BRANCHES
                ),
                tag.span.clone(),
            ));
        }
        Ok(())
    }

    fn branch(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        match self.blocks.last_mut() {
            Some(block) if block.name == "if" && !block.otherwise => {
                block.branches += 1;
                if block.branches > limits::BRANCHES {
                    return Err(TemplateError::new(
                        format!(
                            "one `if` may have {} `elif` branches, this has more",
                            limits::BRANCHES
                        ),
                        tag.span.clone(),
                    )
                    .help("look the value up in a mapping"));
                }
            }
            _ => {
                return Err(TemplateError::new(
                    "this `elif` belongs to no `if`",
                    tag.span.clone(),
                ));
            }
        }
        self.check_depth(tag)?;
        self.expression(tokens, tag.span.clone()).map(drop)
    }

    fn otherwise(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        no_more(tokens)?;
        match self.blocks.last_mut() {
            Some(block) if matches!(block.name, "if" | "for") && !block.otherwise => {
                block.otherwise = true;
                let ended = std::mem::take(&mut block.names);
                if block.name == "for" {
                    self.forget(&ended);
                }
                Ok(())
            }
            _ => Err(TemplateError::new(
                "this `else` belongs to no `if` or `for`",
                tag.span.clone(),
            )),
        }
    }

    fn close(&mut self, name: &str, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        no_more(tokens)?;
        let Some(block) = self
            .blocks
            .pop_if(|block| name.strip_prefix("end") == Some(block.name))
        else {
            let error = TemplateError::new(format!("this `{name}` closes nothing"), tag.span.clone());
            return Err(match self.blocks.last() {
                Some(block) => error.help(format!(
                    "the open block is closed with `{{% end{} %}}`",
                    block.name
                )),
                None => error,
            });
        };
        self.forget(&block.names);
        if let Some(given) = block.gives {
            self.give(given);
        }
        Ok(())
    }

    /// Makes a name local, until the innermost block with a scope of its own ends.
    fn give(&mut self, name: &'s str) {
        *self.locals.entry(name).or_default() += 1;
        if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.has_scope()) {
            block.names.push(name);
        }
    }

    fn forget(&mut self, names: &[&'s str]) {
        for name in names {
            if let Some(count) = self.locals.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.get(name).is_some_and(|count| *count > 0)
    }

    fn word(&self, token: &Token) -> &'s str {
        self.source.get(token.span.clone()).unwrap_or("")
    }

    /// Finds a word or sign that stands outside all brackets.
    fn top_level(&self, tokens: &[Token], wanted: &str) -> Option<usize> {
        let mut depth = 0_usize;
        for (position, token) in tokens.iter().enumerate() {
            match (token.kind, self.word(token)) {
                (Kind::Sign, "(" | "[" | "{") => depth += 1,
                (Kind::Sign, ")" | "]" | "}") => depth = depth.saturating_sub(1),
                (Kind::Name | Kind::Sign, word) if depth == 0 && word == wanted => return Some(position),
                _ => {}
            }
        }
        None
    }

    /// Splits at a sign that stands outside all brackets.
    fn split<'t>(&self, mut tokens: &'t [Token], sign: &str) -> Vec<&'t [Token]> {
        let mut parts = Vec::new();
        while let Some(position) = self.top_level(tokens, sign) {
            let (part, rest) = tokens.split_at(position);
            parts.push(part);
            tokens = rest.get(1..).unwrap_or_default();
        }
        parts.push(tokens);
        parts
    }
}

fn no_more(tokens: &[Token]) -> Result<(), TemplateError> {
    match tokens.first() {
        None => Ok(()),
        Some(token) => Err(TemplateError::new("nothing may follow here", token.span.clone())),
    }
}

fn unknown_statement(name: &str, token: &Token) -> TemplateError {
    if REFUSED.contains(&name) {
        return TemplateError::new(
            format!("`{name}` is not available in templates"),
            token.span.clone(),
        )
        .help("there are `if`, `for`, `set`, `with`, `filter` and `raw`");
    }
    let known = [
        "if",
        "elif",
        "else",
        "endif",
        "for",
        "endfor",
        "set",
        "endset",
        "with",
        "endwith",
        "filter",
        "endfilter",
        "raw",
        "endraw",
    ];
    let error = TemplateError::new(format!("`{name}` is not a statement"), token.span.clone());
    match names::closest(name, known) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error.help("to put in a value, write `{{ … }}`"),
    }
}
