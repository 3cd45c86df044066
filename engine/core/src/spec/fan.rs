//! `foreach` and `matrix`: one task, several nodes.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::lower::{Context, Fields, Lower, OneOrMany};
use super::{Data, Expression, Text};
use crate::diagnostic::Code;
use crate::yaml::{Tree, Value};

/// How many items `foreach` and `matrix` may have where `max_items` says nothing: enough for every file of a
/// project, and a bound that budgets can be proven with.
pub const DEFAULT_MAX_ITEMS: u64 = 1_000;

/// The most that `max_items` may ask for: ten times the largest graph of the benchmarks.
pub const MAX_ITEMS: u64 = 1_000_000;

/// What `foreach` goes over.
#[derive(Clone, Debug)]
pub enum Foreach {
    /// A list in the file.
    List(Vec<Data>),
    /// An expression that gives a list.
    Expression(Expression),
}

impl Foreach {
    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Self::List(items) => items.iter().for_each(|item| item.texts(into)),
            Self::Expression(expression) => into.push(&expression.0),
        }
    }
}

impl Lower for Foreach {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match &tree.value {
            Value::Seq(_) => Vec::lower(tree, context).map(Self::List),
            Value::Str(_) => Expression::lower(tree, context).map(Self::Expression),
            _ => context.wrong_type(tree, "a list, or an expression that gives one"),
        }
    }
}

impl JsonSchema for Foreach {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Foreach".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["array", "string"] })
    }
}

/// The axes of a matrix, with what is added to and left out of their combinations.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Each axis with its values.
    pub axes: Vec<(String, Foreach)>,
    /// Combinations to add or to extend, as in GitHub Actions.
    pub include: Vec<Data>,
    /// Combinations to leave out; each matches where all its keys do.
    pub exclude: Vec<Data>,
}

impl Matrix {
    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        self.axes.iter().for_each(|(_, values)| values.texts(into));
        self.include
            .iter()
            .chain(&self.exclude)
            .for_each(|entry| entry.texts(into));
    }

    /// The names that `matrix.NAME` may use: the axes, and what `include` adds.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.axes.iter().map(|(name, _)| name.as_str()).collect();
        for entry in &self.include {
            if let Data::Map(entries) = entry {
                names.extend(entries.iter().map(|(name, _)| name.as_str()));
            }
        }
        names
    }
}

impl Lower for Matrix {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let include = entries("include", &mut fields, context);
        let written = fields.peek("exclude");
        let exclude = entries("exclude", &mut fields, context);
        let keys: Vec<_> = fields.keys().collect();
        let mut axes = Vec::new();
        for key in keys {
            if super::Name::checked(&key.text, key.span, context).is_none() {
                continue;
            }
            let values = fields.read::<Foreach>(&key.text, context);
            if matches!(&values, Some(Foreach::List(values)) if values.is_empty()) {
                context
                    .error(
                        Code::BAD_VALUE,
                        key.span,
                        format!(
                            "the axis `{}` has no values, so there is nothing to combine",
                            key.text
                        ),
                    )
                    .suggest(&key.text, ["exclude", "include"])
                    .help("give it values, or remove it");
            }
            // One that could not be read keeps its name, so that what uses it doesn't seem wrong as well.
            axes.push((key.text.clone(), values.unwrap_or(Foreach::List(Vec::new()))));
        }
        if let Some((_, excluded)) = written {
            unknown_axes(excluded, &axes, context);
        }
        if axes.is_empty() && include.is_empty() {
            context
                .error(Code::MISSING_KEY, fields.span, "a matrix needs at least one axis")
                .help("name one with its values: `os: [linux, macos]`");
            return None;
        }
        Some(Self {
            axes,
            include,
            exclude,
        })
    }
}

/// The combinations under `include` or `exclude`, each of which must be a mapping.
fn entries(key: &str, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Vec<Data> {
    let Some((_, tree)) = fields.take(key) else {
        return Vec::new();
    };
    let Value::Seq(items) = &tree.value else {
        let _: Option<()> = context.wrong_type(tree, "a list of mappings");
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        if matches!(item.value, Value::Map(_)) {
            found.extend(Data::lower(item, context));
        } else {
            let _: Option<()> = context.wrong_type(item, "a mapping");
        }
    }
    found
}

/// Reports what `exclude` names and no axis is: it would leave nothing out.
fn unknown_axes(excluded: &Tree, axes: &[(String, Foreach)], context: &mut Context<'_>) {
    let Value::Seq(entries) = &excluded.value else {
        return;
    };
    for entry in entries {
        let Value::Map(keys) = &entry.value else { continue };
        for (key, _) in keys {
            if !axes.iter().any(|(axis, _)| *axis == key.text) {
                context
                    .error(
                        Code::BAD_VALUE,
                        key.span,
                        format!(
                            "the matrix has no axis `{}`, so this leaves nothing out",
                            key.text
                        ),
                    )
                    .suggest(&key.text, axes.iter().map(|(axis, _)| axis.as_str()));
            }
        }
    }
}

impl JsonSchema for Matrix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let axis = generator.subschema_for::<Foreach>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "properties": {
                "include": {
                    "type": "array", "items": { "type": "object" },
                    "description": "Combinations to add, or to extend where they fit one, as in GitHub Actions.",
                },
                "exclude": {
                    "type": "array", "items": { "type": "object" },
                    "description": "Combinations to leave out; each matches where all its keys do.",
                },
            },
            "additionalProperties": axis,
        })
    }
}

impl<T> From<Vec<T>> for OneOrMany<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}
