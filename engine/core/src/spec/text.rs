//! Texts of a workflow file, with and without expressions in them, and values that hold such texts.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::lower::{Context, Lower};
use crate::diagnostic::{Code, SourceId, Span};
use crate::template::{Mode, Template};
use crate::yaml::{Tree, Value};

/// A text of the file with its place, for values that hold no expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Lower for Plain {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        if text.contains("{{") || text.contains("{%") {
            context
                .error(Code::BAD_VALUE, tree.span, "an expression can't stand here")
                .help("this value must be known when the file is loaded: write it out");
            return None;
        }
        Some(Self {
            text,
            span: tree.span,
        })
    }
}

impl JsonSchema for Plain {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A text that may hold expressions, compiled, with its place in the file.
#[derive(Clone, Debug)]
pub struct Text {
    /// The compiled template.
    pub template: Template,
    /// The whole value.
    pub span: Span,
    /// The file it stands in.
    pub source: SourceId,
}

impl Text {
    /// Compiles the text of a scalar; problems are reported at their place inside it.
    pub fn compile(text: &str, mode: Mode, tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match Template::compile(text, mode) {
            Ok(template) => Some(Self {
                template,
                span: tree.span,
                source: context.source,
            }),
            Err(error) => {
                let span = locate(context.text, tree.defined.unwrap_or(tree.span), text, error.range);
                let builder = context.error(Code::BAD_EXPRESSION, span, error.message);
                if let Some(help) = error.help {
                    builder.help(help);
                }
                None
            }
        }
    }

    /// The place in the file of a range of the template's source.
    pub fn place(&self, file: &str, range: std::ops::Range<usize>) -> Span {
        locate(file, self.span, self.template.source(), range)
    }
}

/// Finds a range of a scalar's value in the file: quotes, escapes and indentation make the two differ.
fn locate(file: &str, scalar: Span, value: &str, range: std::ops::Range<usize>) -> Span {
    let written = file.get(scalar.range()).unwrap_or_default();
    if let Some(offset) = written.find(value.trim_end()) {
        let start = scalar.range().start + offset;
        return Span::new(start + range.start, (start + range.end).min(scalar.range().end));
    }
    // The first line of the range is there word for word, save in text with escapes; take the one with as many
    // of its like before it.
    let piece = value
        .get(range.clone())
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    if !piece.is_empty() {
        let earlier = value
            .get(..range.start)
            .unwrap_or_default()
            .matches(piece)
            .count();
        if let Some((offset, _)) = written.match_indices(piece).nth(earlier) {
            let start = scalar.range().start + offset;
            return Span::new(start, start + piece.len());
        }
    }
    scalar
}

impl Lower for Text {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        Self::compile(&text, Mode::Text, tree, context)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// An expression, with or without `{{ }}`.
#[derive(Clone, Debug)]
pub struct Expression(pub Text);

impl Lower for Expression {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        Text::compile(&text, Mode::Expression, tree, context).map(Self)
    }
}

impl JsonSchema for Expression {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"] })
    }
}

/// Any value in whose texts expressions may stand: what `with`, `values`, `foreach` and `matrix` take.
#[derive(Clone, Debug)]
pub enum Data {
    /// A number, a boolean or nothing.
    Literal(serde_json::Value),
    /// A text; when it is one `{{ }}`, the value keeps its type.
    Text(Text),
    /// A list.
    List(Vec<Data>),
    /// A mapping.
    Map(Vec<(String, Data)>),
}

impl Data {
    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Self::Literal(_) => {}
            Self::Text(text) => into.push(text),
            Self::List(items) => items.iter().for_each(|item| item.texts(into)),
            Self::Map(entries) => entries.iter().for_each(|(_, value)| value.texts(into)),
        }
    }

    /// The value, when it holds no expression.
    pub fn constant(&self) -> Option<serde_json::Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Text(text) => text
                .template
                .is_literal()
                .then(|| serde_json::Value::String(text.template.source().to_owned())),
            Self::List(items) => items
                .iter()
                .map(Self::constant)
                .collect::<Option<Vec<_>>>()
                .map(serde_json::Value::Array),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| Some((key.clone(), value.constant()?)))
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(serde_json::Value::Object),
        }
    }
}

impl Lower for Data {
    // Recursion is bounded by yaml::MAX_DEPTH.
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        Some(match &tree.value {
            Value::Null => Self::Literal(serde_json::Value::Null),
            Value::Bool(value) => Self::Literal((*value).into()),
            Value::Int(value) => Self::Literal((*value).into()),
            Value::Float(value) => Self::Literal((*value).into()),
            Value::Str(_) => Self::Text(Text::lower(tree, context)?),
            Value::Seq(items) => Self::List(
                items
                    .iter()
                    .filter_map(|item| Self::lower(item, context))
                    .collect(),
            ),
            Value::Map(_) => {
                let mut fields = super::lower::Fields::open(tree, context)?;
                let keys: Vec<String> = fields.keys().map(|key| key.text.clone()).collect();
                Self::Map(
                    keys.into_iter()
                        .filter_map(|key| fields.read::<Self>(&key, context).map(|value| (key, value)))
                        .collect(),
                )
            }
        })
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_a_block_scalar_is_found_in_the_file() {
        let file = "run: |\n    one {{ a }}\n    two {{ a }}\n";
        let span = locate(
            file,
            Span::new(5, file.len()),
            "one {{ a }}\ntwo {{ a }}\n",
            19..20,
        );
        assert_eq!(span.start as usize, file.rfind("a }}").unwrap());
    }
}
