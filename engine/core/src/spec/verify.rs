//! Verifiers: what decides that an attempt has succeeded.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::choice::choice;
use super::kind::{Program, SchemaSource};
use super::lower::{Context, Fields, Lower, OneOrMany, Properties, Record, record};
use super::{Expression, Plain, Text};
use crate::diagnostic::{Code, Span, listed};
use crate::yaml::{Tree, Value};

choice! {
    /// The kinds of verifier.
    pub enum VerifierName {
        /// The value follows a JSON Schema.
        Schema = "schema",
        /// The text matches a regular expression.
        Matches = "matches",
        /// The text does not match a regular expression.
        NotMatches = "not_matches",
        /// An expression is true.
        Expr = "expr",
        /// The written files parse.
        Syntax = "syntax",
        /// The BoneScript compiler accepts the file.
        Bone = "bone",
        /// A command exits with 0.
        Run = "run",
        /// The project's tests pass.
        Tests = "tests",
        /// A command reports no diagnostics.
        Diagnostics = "diagnostics",
        /// Files have not been touched.
        Unchanged = "unchanged",
        /// Files exist.
        Files = "files",
        /// A model answers yes.
        Judge = "judge",
    }
}

/// One verifier with its argument.
#[derive(Clone, Debug)]
pub enum VerifierKind {
    /// The value follows a JSON Schema.
    Schema(SchemaSource),
    /// The text matches a regular expression.
    Matches(Plain),
    /// The text does not match a regular expression.
    NotMatches(Plain),
    /// An expression over `output` is true.
    Expr(Expression),
    /// The written files parse; `true`, or globs of the files.
    Syntax(OneOrMany<Text>),
    /// `bone: check`, with the file where it is not the one written.
    Bone(Option<Text>),
    /// A command exits with 0.
    Run(Program),
    /// The project's tests pass: `auto`, or a command.
    Tests(Plain),
    /// `diagnostics: none`.
    Diagnostics,
    /// Files that must be as before.
    Unchanged(OneOrMany<Text>),
    /// Files that must exist.
    Files(OneOrMany<Text>),
    /// A question that a model must answer with yes.
    Judge(Text),
}

/// A verifier as it stands in `verify:`.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// What it checks.
    pub kind: VerifierKind,
    /// Whether a missing tool lets it pass.
    pub optional: bool,
    /// Where it stands.
    pub span: Span,
}

impl VerifierKind {
    /// Its word in the file.
    pub fn name(&self) -> VerifierName {
        match self {
            Self::Schema(_) => VerifierName::Schema,
            Self::Matches(_) => VerifierName::Matches,
            Self::NotMatches(_) => VerifierName::NotMatches,
            Self::Expr(_) => VerifierName::Expr,
            Self::Syntax(_) => VerifierName::Syntax,
            Self::Bone(_) => VerifierName::Bone,
            Self::Run(_) => VerifierName::Run,
            Self::Tests(_) => VerifierName::Tests,
            Self::Diagnostics => VerifierName::Diagnostics,
            Self::Unchanged(_) => VerifierName::Unchanged,
            Self::Files(_) => VerifierName::Files,
            Self::Judge(_) => VerifierName::Judge,
        }
    }

    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Self::Expr(expression) => into.push(&expression.0),
            Self::Syntax(texts) | Self::Unchanged(texts) | Self::Files(texts) => into.extend(texts.iter()),
            Self::Bone(text) => into.extend(text),
            Self::Run(program) => program.texts(into),
            Self::Judge(text) => into.push(text),
            Self::Schema(_) | Self::Matches(_) | Self::NotMatches(_) | Self::Tests(_) | Self::Diagnostics => {
            }
        }
    }
}

record! {
    /// A verifier: one of its keys, and perhaps `optional`.
    pub struct VerifierKeys {
        /// The value follows a JSON Schema: a path, or the schema itself.
        [optional] schema: SchemaSource = "schemas/answer.json",
        /// The text matches a regular expression.
        [optional] matches: Plain = "^# ",
        /// The text does not match a regular expression.
        [optional] not_matches: Plain = "TODO",
        /// An expression is true; `output` is the attempt's result.
        [optional] expr: Expression = "output.items|length > 0",
        /// The written files parse (no toolchain needed): `true`, or globs.
        [optional] syntax: Switch = "true",
        /// The BoneScript compiler accepts the written file: `check`.
        [optional] bone: Plain = "check",
        /// A command exits with 0: a line of shell, or `argv`. Its diagnostics are told to the next attempt.
        [optional] run: Program = "cargo check",
        /// The project's tests pass: `auto` finds the command, or a line of shell.
        [optional] tests: Plain = "auto",
        /// The command of the task reports no error and no warning: `none`.
        [optional] diagnostics: Plain = "none",
        /// Globs of files that must be as they were.
        [optional] unchanged: OneOrMany<Text> = r#"["tests/**"]"#,
        /// Files that must exist; of a glob, at least one.
        [optional] files: OneOrMany<Text> = r#"["README.md"]"#,
        /// A question that a model must answer with yes, for what no command can check.
        [optional] judge: Text = "Does the text keep to the facts?",
        /// Lets the verifier pass when the tool that it needs is not installed; false where this is missing.
        [default] optional: bool,
    }
}

/// `true`, or globs.
#[derive(Clone, Debug)]
pub struct Switch(pub OneOrMany<Text>);

impl Lower for Switch {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match tree.value {
            Value::Bool(true) => Some(Self(OneOrMany::default())),
            Value::Bool(false) => {
                context
                    .error(Code::BAD_VALUE, tree.span, "`syntax: false` checks nothing")
                    .help("remove it, or write `syntax: true` or globs of the files");
                None
            }
            _ => OneOrMany::lower(tree, context).map(Self),
        }
    }
}

impl JsonSchema for Switch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "const": true }, { "type": "string" }, { "type": "array", "items": { "type": "string" } },
        ] })
    }
}

/// The regular expression of a `matches` or `not_matches`: linear in time, `^` and `$` at each line.
///
/// # Errors
/// When it is none; the text says why.
pub fn pattern(text: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(text)
        .multi_line(true)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            // The crate draws the place in several lines; the last says what is wrong.
            let last = text.lines().last().unwrap_or_default();
            last.trim().trim_start_matches("error: ").to_owned()
        })
}

/// Reports a pattern that is none when the file is read, not after the work is done.
fn compiles(text: Plain, context: &mut Context<'_>) -> Option<Plain> {
    match pattern(&text.text) {
        Ok(_) => Some(text),
        Err(reason) => {
            context
                .error(
                    Code::BAD_VALUE,
                    text.span,
                    format!("not a regular expression: {reason}"),
                )
                .help("the dialect is that of the `regex` crate: no look-around, no back-references");
            None
        }
    }
}

impl Lower for Verifier {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let named: Vec<_> = fields
            .keys()
            .filter_map(|key| Some((VerifierName::from_word(&key.text)?, key)))
            .collect();
        let keys = VerifierKeys::take(&mut fields, context);
        let misspelt = fields.keys().next().is_some();
        fields.finish(VerifierKeys::KEYS, context);
        let keys = keys?;
        if named.is_empty() && misspelt {
            // What the unknown key was meant to be is said of it.
            return None;
        }
        let [(name, key)] = named.as_slice() else {
            let list = listed(VerifierName::WORDS.iter());
            context
                .error(
                    Code::BAD_VALUE,
                    span,
                    format!("a verifier has one of {list}; this one has {}", named.len()),
                )
                .help("write each as an item of its own: `- schema: answer.json`");
            return None;
        };
        let only = |value: &Plain, word: &str, context: &mut Context<'_>| {
            let right = value.text == word;
            if !right {
                context
                    .error(
                        Code::BAD_VALUE,
                        value.span,
                        format!("`{}` takes `{word}`", key.text),
                    )
                    .help(format!("write `{}: {word}`", key.text));
            }
            right
        };
        let kind = match name {
            VerifierName::Schema => VerifierKind::Schema(keys.schema?),
            VerifierName::Matches => VerifierKind::Matches(compiles(keys.matches?, context)?),
            VerifierName::NotMatches => VerifierKind::NotMatches(compiles(keys.not_matches?, context)?),
            VerifierName::Expr => VerifierKind::Expr(keys.expr?),
            VerifierName::Syntax => VerifierKind::Syntax(keys.syntax?.0),
            VerifierName::Bone => only(&keys.bone?, "check", context).then_some(VerifierKind::Bone(None))?,
            VerifierName::Run => VerifierKind::Run(keys.run?),
            VerifierName::Tests => VerifierKind::Tests(keys.tests?),
            VerifierName::Diagnostics => {
                only(&keys.diagnostics?, "none", context).then_some(VerifierKind::Diagnostics)?
            }
            VerifierName::Unchanged => VerifierKind::Unchanged(keys.unchanged?),
            VerifierName::Files => VerifierKind::Files(keys.files?),
            VerifierName::Judge => {
                let question = keys.judge?;
                if question.template.source().trim().is_empty() {
                    context
                        .error(Code::BAD_VALUE, question.span, "the question is empty")
                        .help("ask something that is answered by yes or no");
                    return None;
                }
                VerifierKind::Judge(question)
            }
        };
        Some(Self {
            kind,
            optional: keys.optional,
            span: key.span,
        })
    }
}

impl JsonSchema for Verifier {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Verifier".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties: Properties = VerifierKeys::properties(generator);
        let mut schema = properties.into_schema("One verifier, and perhaps `optional`.");
        let one: Vec<_> = VerifierName::WORDS
            .iter()
            .map(|word| serde_json::json!({ "required": [word] }))
            .collect();
        schema.insert("oneOf".to_owned(), one.into());
        schema
    }
}
