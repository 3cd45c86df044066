//! Statements that give names: `for`, `set` and `with`.

use super::{Kind, Scan, Tag, TemplateError, Token, limits, names};

/// Names that a template cannot give.
const RESERVED: [&str; 8] = ["true", "True", "false", "False", "none", "None", "loop", "self"];

impl<'s> Scan<'s> {
    pub(super) fn for_loop(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        let Some(position) = self.top_level(tokens, "in") else {
            return Err(TemplateError::new("this `for` has no `in`", tag.span.clone())
                .help("write `{% for item in items %}`"));
        };
        let (targets, rest) = tokens.split_at(position);
        let rest = rest.get(1..).unwrap_or_default();
        let targets = self.targets(targets, tag)?;
        if let Some(last) = rest.last()
            && self.word(last) == "recursive"
        {
            return Err(TemplateError::new(
                "`recursive` is not available in templates",
                last.span.clone(),
            ));
        }
        let condition = self.top_level(rest, "if");
        let (items, condition) = match condition {
            Some(position) => {
                let (items, rest) = rest.split_at(position);
                (items, Some(rest.get(1..).unwrap_or_default()))
            }
            None => (rest, None),
        };
        self.assigned(items, tag)?;
        self.open("for", tag, None)?;
        self.give("loop");
        for name in targets {
            self.give(name);
        }
        condition.map_or(Ok(()), |tokens| {
            self.expression(tokens, tag.span.clone()).map(drop)
        })
    }

    pub(super) fn set(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        if let Some(position) = self.top_level(tokens, "=") {
            let (targets, value) = tokens.split_at(position);
            let targets = self.targets(targets, tag)?;
            let values = self.split(value.get(1..).unwrap_or_default(), ",");
            let several = usize::from(values.len() > 1);
            self.build(several, tag)?;
            for value in values.into_iter().filter(|value| !value.is_empty()) {
                self.assigned(value, tag)?;
            }
            for name in targets {
                self.give(name);
            }
            return Ok(());
        }
        let (targets, filters) = match self.top_level(tokens, "|") {
            Some(position) => tokens.split_at(position),
            None => (tokens, [].as_slice()),
        };
        let targets = self.targets(targets, tag)?;
        let [target] = targets.as_slice() else {
            return Err(TemplateError::new(
                "a `set` block gives one name",
                tag.span.clone(),
            ));
        };
        if let Some((_, filters)) = filters.split_first() {
            self.filter_chain(filters, tag.span.clone())?;
        }
        self.open("set", tag, Some(*target))
    }

    pub(super) fn with(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        self.open("with", tag, None)?;
        if tokens.is_empty() {
            return Ok(());
        }
        for assignment in self.split(tokens, ",") {
            let Some(position) = self.top_level(assignment, "=") else {
                return Err(
                    TemplateError::new("`with` needs a name and a value", tag.span.clone())
                        .help("write `{% with name = value %}`"),
                );
            };
            let (targets, value) = assignment.split_at(position);
            let targets = self.targets(targets, tag)?;
            self.assigned(value.get(1..).unwrap_or_default(), tag)?;
            for name in targets {
                self.give(name);
            }
        }
        Ok(())
    }

    /// Scans the value of an assignment, and counts the levels that it can put around another.
    pub(super) fn assigned(&mut self, tokens: &[Token], tag: &Tag) -> Result<(), TemplateError> {
        let levels = self.expression(tokens, tag.span.clone())?;
        self.build(levels, tag)
    }

    pub(super) fn build(&mut self, levels: usize, tag: &Tag) -> Result<(), TemplateError> {
        self.built += levels;
        if self.built > limits::BUILT_DEPTH {
            return Err(TemplateError::new(
                format!(
                    "the assignments so far could build a value {} levels deep",
                    limits::BUILT_DEPTH
                ),
                tag.span.clone(),
            )
            .help("build fewer lists and mappings with `set`, or split the template"));
        }
        Ok(())
    }

    /// Reads the names that a `for`, `set` or `with` gives.
    pub(super) fn targets(&self, tokens: &[Token], tag: &Tag) -> Result<Vec<&'s str>, TemplateError> {
        let mut names = Vec::new();
        for token in tokens {
            let word = self.word(token);
            match token.kind {
                Kind::Name if RESERVED.contains(&word) || names::FUNCTIONS.contains(&word) => {
                    return Err(TemplateError::new(
                        format!("`{word}` cannot be given a value"),
                        token.span.clone(),
                    ));
                }
                Kind::Name => names.push(word),
                Kind::Sign if matches!(word, "," | "(" | ")") => {}
                Kind::Sign if word == "." => {
                    return Err(
                        TemplateError::new("only a name can be given a value", token.span.clone())
                            .help("`namespace` is not available; write `{% set name = … %}`"),
                    );
                }
                Kind::Sign | Kind::Text | Kind::Number => {
                    return Err(TemplateError::new(
                        format!("`{word}` is not a name"),
                        token.span.clone(),
                    ));
                }
            }
        }
        if names.is_empty() {
            return Err(TemplateError::new("a name is missing", tag.span.clone()));
        }
        Ok(names)
    }
}
