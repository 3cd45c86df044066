//! Uses of functions, filters and tests by name.

use std::ops::Range;

use super::walk::{Bracket, Chain, Frame, Walk};
use super::{Call, Kind, Scan, TemplateError, Token, names};

impl Scan<'_> {
    /// Takes the name of a filter, and its opening bracket.
    pub(super) fn filter(&mut self, walk: &mut Walk<'_>) -> Result<(), TemplateError> {
        let Some(token) = walk.tokens.get(walk.at).filter(|token| token.kind == Kind::Name) else {
            return Err(TemplateError::new(
                "the name of a filter is missing",
                walk.end..walk.end,
            ));
        };
        let word = self.word(token);
        self.use_filter(word, token.span.clone())?;
        walk.wrappers += usize::from(names::WRAPPERS.contains(&word));
        walk.end = token.span.end;
        self.no_dot(walk)?;
        let Some(open) = walk.peek(1).filter(|open| self.word(open) == "(") else {
            return Ok(());
        };
        if word == "map" {
            match walk.peek(2) {
                Some(name) if name.kind == Kind::Text => {
                    let quoted = self.word(name);
                    let filter = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or("");
                    self.use_filter(filter, name.span.start + 1..name.span.end - 1)?;
                }
                Some(name) if self.word(name) == "attribute" => {}
                _ => {
                    return Err(
                        TemplateError::new("`map` needs the name of a filter", token.span.clone())
                            .help("write `map('upper')` or `map(attribute='name')`"),
                    );
                }
            }
        }
        walk.at += 1;
        walk.expects = true;
        let chain = Chain {
            start: token.span.start,
            ..Chain::default()
        };
        walk.push(
            Frame::new(Bracket::Arguments, open.span.start, open.span.end, Some(chain)),
            open,
        )
    }

    /// Refuses a dot after the name of a filter or test, which MiniJinja takes for part of the name.
    pub(super) fn no_dot(&self, walk: &Walk<'_>) -> Result<(), TemplateError> {
        match walk.peek(1).filter(|next| self.word(next) == ".") {
            None => Ok(()),
            Some(dot) => Err(TemplateError::new("a `.` cannot follow here", dot.span.clone())
                .help("put brackets round what stands before it")),
        }
    }

    pub(super) fn use_filter(&mut self, name: &str, span: Range<usize>) -> Result<(), TemplateError> {
        if names::OWN_FILTERS.contains(&name) {
            self.filters.push(Call {
                name: name.to_owned(),
                span,
            });
            return Ok(());
        }
        if names::BUILTIN_FILTERS.contains(&name) {
            return Ok(());
        }
        let known = names::OWN_FILTERS.into_iter().chain(names::BUILTIN_FILTERS);
        Err(TemplateError::new(format!("there is no filter `{name}`"), span)
            .meant(names::closest(name, known)))
    }

    pub(super) fn function(&mut self, name: &str, token: &Token) -> Result<(), TemplateError> {
        if names::FUNCTIONS.contains(&name) {
            self.calls.push(Call {
                name: name.to_owned(),
                span: token.span.clone(),
            });
            return Ok(());
        }
        let error = TemplateError::new(format!("there is no function `{name}`"), token.span.clone());
        let filters = names::OWN_FILTERS.into_iter().chain(names::BUILTIN_FILTERS);
        Err(match name {
            "namespace" | "super" | "self" | "caller" => {
                error.help(format!("`{name}` is not available in templates"))
            }
            _ if filters.into_iter().any(|filter| filter == name) => {
                error.help(format!("it is a filter: `value|{name}`"))
            }
            _ => error.meant(names::closest(name, names::FUNCTIONS)),
        })
    }

    /// Takes a test after `is`; its argument may stand without brackets.
    pub(super) fn test(&mut self, walk: &mut Walk<'_>, token: &Token) -> Result<(), TemplateError> {
        if walk.peek(1).is_some_and(|next| self.word(next) == "not") {
            walk.at += 1;
        }
        walk.at += 1;
        let Some(name) = walk.tokens.get(walk.at).filter(|name| name.kind == Kind::Name) else {
            return Err(TemplateError::new(
                "the name of a test is missing",
                token.span.clone(),
            ));
        };
        let word = self.word(name);
        if !names::TESTS.contains(&word) {
            return Err(
                TemplateError::new(format!("there is no test `{word}`"), name.span.clone())
                    .meant(names::closest(word, names::TESTS)),
            );
        }
        walk.end = name.span.end;
        self.no_dot(walk)?;
        match walk.peek(1).map(|next| (next.kind, self.word(next), next)) {
            Some((Kind::Sign, "(", open)) => {
                walk.at += 1;
                walk.expects = true;
                let chain = Chain {
                    start: name.span.start,
                    ..Chain::default()
                };
                walk.push(
                    Frame::new(Bracket::Arguments, open.span.start, open.span.end, Some(chain)),
                    open,
                )
            }
            Some((Kind::Name, "and" | "or" | "else" | "is" | "if" | "in" | "not", _)) => Ok(()),
            Some((Kind::Name | Kind::Text | Kind::Number, ..) | (Kind::Sign, "[" | "{", _)) => {
                walk.expects = true;
                walk.bare = false;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
