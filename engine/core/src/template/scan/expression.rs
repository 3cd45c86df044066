//! Walks the tokens of one expression, left to right with a stack of open brackets.

use std::borrow::Cow;
use std::ops::Range;

use super::rewrite::Edit;
use super::walk::{Bracket, Chain, Frame, Walk};
use super::{Kind, Reference, Scan, TemplateError, Token, names};

impl Scan<'_> {
    /// Scans an expression and gives the levels that it can put around a value.
    pub(super) fn expression(&mut self, tokens: &[Token], tag: Range<usize>) -> Result<usize, TemplateError> {
        let Some(first) = tokens.first() else {
            return Err(TemplateError::new("an expression is missing", tag));
        };
        let mut walk = Walk::new(tokens, first.span.start);
        while let Some(token) = tokens.get(walk.at) {
            if walk.expects {
                self.value(&mut walk, token)?;
            } else {
                self.after_value(&mut walk, token)?;
            }
            walk.at += 1;
        }
        if walk.expects {
            return Err(TemplateError::new(
                "a value is missing at the end",
                walk.end..walk.end,
            ));
        }
        self.end_chain(&mut walk, None);
        self.end_part(&mut walk)?;
        if walk.frame.bracket != Bracket::Whole {
            let start = walk.frame.start;
            return Err(TemplateError::new(
                "this bracket is never closed",
                start..start + 1,
            ));
        }
        Ok(walk.levels + walk.wrappers)
    }

    /// Scans `name(…)|name(…)`, as `{% filter %}` has it.
    pub(super) fn filter_chain(&mut self, tokens: &[Token], tag: Range<usize>) -> Result<(), TemplateError> {
        let Some(first) = tokens.first() else {
            return Err(TemplateError::new("the name of a filter is missing", tag));
        };
        let mut walk = Walk::new(tokens, first.span.start);
        walk.expects = false;
        self.filter(&mut walk)?;
        walk.at += 1;
        while let Some(token) = tokens.get(walk.at) {
            if walk.expects {
                self.value(&mut walk, token)?;
            } else {
                self.after_value(&mut walk, token)?;
            }
            walk.at += 1;
        }
        if walk.expects || !walk.in_bracket(Bracket::Whole) {
            return Err(TemplateError::new("this filter is not complete", tag));
        }
        self.end_part(&mut walk)
    }

    /// Takes a token where a value must come.
    fn value(&mut self, walk: &mut Walk<'_>, token: &Token) -> Result<(), TemplateError> {
        let word = self.word(token);
        let start = token.span.start;
        let next = walk.peek(1).map(|token| self.word(token));
        walk.end = token.span.end;
        match (token.kind, word) {
            (Kind::Name, "not") => {
                walk.mark_operand(token.span.end);
                return Ok(());
            }
            (Kind::Sign, "-") => {
                walk.bare = false;
                return Ok(());
            }
            (Kind::Sign, "(") => return walk.open(Bracket::Group, token),
            (Kind::Sign, "[") => return walk.open(Bracket::List, token),
            (Kind::Sign, "{") => return walk.open(Bracket::Mapping, token),
            // An empty bracket, or one with a comma before its end.
            (Kind::Sign, ")" | "]" | "}") if walk.may_close_empty(self.source) => {
                return self.close_bracket(walk, token);
            }
            // The parts of `[1:2]` may be left out; `*` spreads arguments.
            (Kind::Sign, ":") if walk.in_bracket(Bracket::Subscript) => {
                walk.frame.slice = true;
                walk.mark_operand(token.span.end);
                return Ok(());
            }
            (Kind::Sign, "*" | "**") if walk.in_bracket(Bracket::Arguments) => {
                return Err(
                    TemplateError::new("arguments cannot be spread", token.span.clone())
                        .help("write them one by one"),
                );
            }
            (Kind::Name, "and" | "or" | "in" | "is" | "if" | "else") | (Kind::Sign, _) => {
                return Err(TemplateError::new(
                    format!("a value is missing before `{word}`"),
                    token.span.clone(),
                ));
            }
            (Kind::Name, "true" | "True" | "false" | "False" | "none" | "None")
            | (Kind::Text | Kind::Number, _) => {
                walk.begin(start, token.span.end, None);
            }
            (Kind::Name, "null" | "nil" | "undefined") if !self.is_local(word) => {
                return Err(
                    TemplateError::new(format!("`{word}` is not defined"), token.span.clone())
                        .help("write `none`, or test with `is defined`"),
                );
            }
            (Kind::Name, _) if next == Some("=") && walk.in_bracket(Bracket::Arguments) => {
                walk.at += 1;
                walk.mark_operand(walk.peek(1).map_or(token.span.end, |token| token.span.start));
                return Ok(());
            }
            (Kind::Name, _) if self.is_local(word) => {
                if next == Some("(") {
                    return Err(TemplateError::new(
                        format!("`{word}` is not a function"),
                        token.span.clone(),
                    ));
                }
                walk.begin(start, token.span.end, None);
                if word == "loop"
                    && let Some(chain) = &mut walk.chain
                {
                    chain.loop_method = true;
                }
            }
            (Kind::Name, _) if next == Some("(") => {
                self.function(word, token)?;
                walk.wrappers += usize::from(names::WRAPPERS.contains(&word));
                walk.begin(start, token.span.end, None);
                walk.at += 1;
                let chain = walk.chain.take();
                walk.expects = true;
                if let Some(open) = walk.tokens.get(walk.at) {
                    walk.push(
                        Frame::new(Bracket::Arguments, open.span.start, open.span.end, chain),
                        open,
                    )?;
                }
            }
            (Kind::Name, _) if names::FUNCTIONS.contains(&word) => {
                return Err(
                    TemplateError::new(format!("`{word}` is a function"), token.span.clone())
                        .help(format!("call it: `{word}(…)`")),
                );
            }
            (Kind::Name, _) => {
                self.references.push(Reference {
                    path: vec![word.to_owned()],
                    span: token.span.clone(),
                    guarded: false,
                });
                walk.begin(start, token.span.end, Some(self.references.len() - 1));
            }
        }
        Ok(())
    }

    /// Takes a token after a value: a step of its chain, a filter, a test or a sign.
    fn after_value(&mut self, walk: &mut Walk<'_>, token: &Token) -> Result<(), TemplateError> {
        let word = self.word(token);
        match (token.kind, word) {
            (Kind::Sign, ".") => return self.attribute(walk, token),
            (Kind::Sign, "[") => return self.subscript(walk, token),
            (Kind::Sign, "(") => {
                return match walk.chain.take() {
                    Some(chain) if chain.loop_method => {
                        walk.expects = true;
                        walk.push(
                            Frame::new(Bracket::Arguments, token.span.start, token.span.end, Some(chain)),
                            token,
                        )
                    }
                    _ => Err(
                        TemplateError::new("this is not a function", walk.end..token.span.end).help(
                            "functions are called by name; to change a value, use a filter: `value|upper`",
                        ),
                    ),
                };
            }
            // A text may go on in the next one.
            (Kind::Text, _) => {
                walk.end = token.span.end;
                return Ok(());
            }
            _ => {}
        }
        self.end_chain(walk, Some(token));
        match (token.kind, word) {
            (Kind::Sign, "|") => {
                walk.at += 1;
                self.filter(walk)
            }
            (Kind::Name, "is") => self.test(walk, token),
            (Kind::Sign, ")" | "]" | "}") => self.close_bracket(walk, token),
            (Kind::Sign, "~") => {
                self.wrap(walk.frame.operand..walk.end, crate::template::engine::AS_TEXT);
                let term = walk.frame.term;
                walk.mark_operand(token.span.end);
                walk.frame.term = term;
                walk.frame.joined = true;
                walk.expects = true;
                Ok(())
            }
            (Kind::Sign, "*" | "/" | "//" | "%" | "**") => {
                walk.expects = true;
                walk.end = token.span.end;
                walk.bare = true;
                Ok(())
            }
            (Kind::Sign, "+") => {
                walk.frame.added = true;
                self.next_operand(walk, token);
                walk.frame.added = true;
                Ok(())
            }
            (Kind::Sign, "-" | "==" | "!=" | "<" | ">" | "<=" | ">=") | (Kind::Name, "and" | "or" | "in") => {
                self.next_operand(walk, token);
                Ok(())
            }
            (Kind::Name, "not") if walk.peek(1).is_some_and(|next| self.word(next) == "in") => {
                walk.at += 1;
                let token = walk.tokens.get(walk.at).unwrap_or(token);
                self.next_operand(walk, token);
                Ok(())
            }
            (Kind::Name, "if") => {
                self.next_operand(walk, token);
                walk.frame.waiting.push(token.span.clone());
                Ok(())
            }
            (Kind::Name, "else") => {
                if walk.frame.waiting.pop().is_none() {
                    return Err(TemplateError::new(
                        "this `else` belongs to no `if`",
                        token.span.clone(),
                    ));
                }
                self.next_operand(walk, token);
                Ok(())
            }
            (Kind::Sign, "," | ":") if !walk.in_bracket(Bracket::Whole) => {
                self.end_part(walk)?;
                walk.frame.slice |= word == ":";
                if word == "," && walk.frame.bracket == Bracket::Group {
                    walk.levels = walk.levels.max(walk.outer.len());
                }
                walk.expects = true;
                walk.mark_operand(token.span.end);
                Ok(())
            }
            _ => Err(unexpected(word, token)),
        }
    }

    fn next_operand(&mut self, walk: &mut Walk<'_>, token: &Token) {
        self.end_operand(walk);
        walk.mark_operand(token.span.end);
        walk.expects = true;
    }

    fn attribute(&mut self, walk: &mut Walk<'_>, dot: &Token) -> Result<(), TemplateError> {
        let Some(name) = walk.peek(1) else {
            return Err(TemplateError::new(
                "a name is missing after `.`",
                dot.span.clone(),
            ));
        };
        let word = self.word(name);
        let span = dot.span.start..name.span.end;
        let end = name.span.end;
        let step = match name.kind {
            Kind::Name => Cow::Owned(format!("|{}('{word}')", crate::template::engine::STEP)),
            Kind::Number => Cow::Owned(format!("|{}({word})", crate::template::engine::STEP)),
            Kind::Text | Kind::Sign => {
                return Err(TemplateError::new(
                    "a name is missing after `.`",
                    dot.span.clone(),
                ));
            }
        };
        walk.at += 1;
        walk.end = end;
        let named = name.kind == Kind::Name;
        let chain = walk.chain.get_or_insert_default();
        chain.end = end;
        chain.edits.push(Edit::replace(span, step));
        self.extend(chain, named.then_some(word), end);
        Ok(())
    }

    fn subscript(&mut self, walk: &mut Walk<'_>, token: &Token) -> Result<(), TemplateError> {
        let literal = match (walk.peek(1), walk.peek(2)) {
            (Some(text), Some(close)) if text.kind == Kind::Text && self.word(close) == "]" => {
                let quoted = self.word(text);
                quoted
                    .get(1..quoted.len().saturating_sub(1))
                    .filter(|text| !text.contains('\\'))
                    .map(|t| (t, close.span.end))
            }
            _ => None,
        };
        let mut chain = walk.chain.take().unwrap_or_default();
        match literal {
            Some((text, end)) => self.extend(&mut chain, Some(text), end),
            None => chain.open = false,
        }
        walk.expects = true;
        walk.push(
            Frame::new(Bracket::Subscript, token.span.start, token.span.end, Some(chain)),
            token,
        )
    }

    /// Adds a name to the reference of a chain; without one, the path ends here.
    fn extend(&mut self, chain: &mut Chain, name: Option<&str>, end: usize) {
        let reference = chain
            .reference
            .filter(|_| chain.open)
            .and_then(|index| self.references.get_mut(index));
        match (reference, name) {
            (Some(reference), Some(name)) => {
                reference.path.push(name.to_owned());
                reference.span.end = end;
            }
            _ => chain.open = false,
        }
    }

    /// Ends the chain of the value before `next`, and makes it tolerant where a `default` follows.
    fn end_chain(&mut self, walk: &mut Walk<'_>, next: Option<&Token>) {
        let Some(chain) = walk.chain.take() else { return };
        let word = |scan: &Self, ahead| walk.peek(ahead).map(|token| scan.word(token));
        let guarded = chain.bare
            && match next.map(|token| self.word(token)) {
                Some("|") => matches!(word(self, 1), Some("default" | "d")),
                Some("is") => match word(self, 1) {
                    Some("not") => matches!(word(self, 2), Some("defined" | "undefined")),
                    test => matches!(test, Some("defined" | "undefined")),
                },
                _ => false,
            };
        if !guarded {
            return;
        }
        if let Some(reference) = chain.reference.and_then(|index| self.references.get_mut(index)) {
            reference.guarded = true;
        }
        if !chain.edits.is_empty() {
            self.edits
                .push(Edit::insert(chain.start, "(", chain.start..chain.end));
            self.edits.extend(chain.edits);
            self.edits
                .push(Edit::insert(chain.end, ")", chain.start..chain.end));
        }
    }

    /// Ends the operands of `~` and `+` that go up to here.
    fn end_operand(&mut self, walk: &mut Walk<'_>) {
        if std::mem::take(&mut walk.frame.joined) {
            self.wrap(walk.frame.operand..walk.end, crate::template::engine::AS_TEXT);
        }
        if std::mem::take(&mut walk.frame.added) {
            self.wrap(walk.frame.term..walk.end, crate::template::engine::AS_PART);
        }
    }

    fn wrap(&mut self, operand: Range<usize>, with: &'static str) {
        self.edits.push(Edit::insert(operand.start, "(", operand.clone()));
        self.edits.push(Edit::insert(operand.end, with, operand));
    }

    /// Ends one of the values that a comma, a colon or a bracket separates.
    fn end_part(&mut self, walk: &mut Walk<'_>) -> Result<(), TemplateError> {
        self.end_operand(walk);
        match walk.frame.waiting.pop() {
            None => Ok(()),
            Some(span) => Err(TemplateError::new("this `if` has no `else`", span)
                .help("say what the value is otherwise: `a if condition else b`")),
        }
    }

    fn close_bracket(&mut self, walk: &mut Walk<'_>, token: &Token) -> Result<(), TemplateError> {
        if !walk.expects {
            self.end_part(walk)?;
        }
        let closes = match self.word(token) {
            ")" => [Bracket::Group, Bracket::Arguments],
            "]" => [Bracket::List, Bracket::Subscript],
            _ => [Bracket::Mapping; 2],
        };
        let outer = walk.outer.pop().filter(|_| closes.contains(&walk.frame.bracket));
        let Some(outer) = outer else {
            return Err(TemplateError::new(
                format!("`{}` does not fit the bracket that is open", self.word(token)),
                token.span.clone(),
            ));
        };
        let frame = std::mem::replace(&mut walk.frame, outer);
        walk.expects = false;
        walk.end = token.span.end;
        walk.chain = Some(match (frame.bracket, frame.chain) {
            (Bracket::Subscript, Some(mut chain)) => {
                chain.end = token.span.end;
                if frame.slice {
                    chain.edits.clear();
                    walk.wrappers += 1;
                } else {
                    let text = Cow::Owned(format!("|{}(", crate::template::engine::STEP));
                    chain
                        .edits
                        .push(Edit::replace(frame.start..frame.start + 1, text));
                    chain.edits.push(Edit::replace(token.span.clone(), ")"));
                }
                chain
            }
            (Bracket::Arguments, Some(mut chain)) => {
                chain.end = token.span.end;
                chain.edits.clear();
                chain.open = false;
                chain.loop_method = false;
                chain
            }
            (_, chain) => Chain {
                start: frame.start,
                end: token.span.end,
                bare: chain.is_none_or(|chain| chain.bare),
                ..Chain::default()
            },
        });
        Ok(())
    }
}

fn unexpected(word: &str, token: &Token) -> TemplateError {
    let error = TemplateError::new(format!("`{word}` was not expected here"), token.span.clone());
    match word {
        "=" => error.help("to compare, write `==`"),
        "|" => error.help("write `or`"),
        _ if token.kind == Kind::Name => {
            error.help("a sign such as `==`, `and` or `~` must stand between two values")
        }
        _ => error,
    }
}
