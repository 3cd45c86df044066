//! Inputs: what a workflow is given, by type.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::choice::choice;
use super::lower::{Context, Fields, Lower, Record, record};
use super::{Data, Plain};
use crate::diagnostic::{Code, Span, listed};
use crate::yaml::{Tree, Value};

choice! {
    /// The type of an input.
    pub enum InputType {
        /// Text.
        String = "string",
        /// A whole number.
        Integer = "integer",
        /// Any number.
        Number = "number",
        /// True or false.
        Boolean = "boolean",
        /// A path inside the workspace.
        Path = "path",
        /// One of the words under `values`.
        Enum = "enum",
        /// A list.
        List = "list",
        /// A mapping.
        Object = "object",
    }
}

record! {
    /// The mapping form of an input.
    pub struct InputKeys {
        /// The type of its value.
        [required "type"] kind: InputType = "string",
        /// What it is for, in a sentence.
        [optional] description: Plain,
        /// Its value where none is given. An input without one must be given.
        [optional] default: Data,
        /// The words that an `enum` may be.
        [optional] values: Vec<Plain> = r#"["patch", "minor", "major"]"#,
        /// The type of the items of a `list`.
        [optional] items: InputType = "string",
    }
}

/// One input of a workflow.
#[derive(Clone, Debug)]
pub struct Input {
    /// The type of its value.
    pub kind: InputType,
    /// What it is for.
    pub description: Option<String>,
    /// Its value where none is given.
    pub default: Option<Json>,
    /// The words of an `enum`.
    pub values: Vec<String>,
    /// The type of the items of a `list`.
    pub items: Option<InputType>,
    /// Where it stands.
    pub span: Span,
}

/// Why a value does not fit an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was wanted, as in "expected …".
    pub wanted: String,
    /// What was there.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.wanted, self.found)
    }
}

impl Input {
    /// Checks a value against the type. An integral number passes as an integer; nothing else is converted.
    ///
    /// # Errors
    /// When the value is of another type, or is no path inside the workspace.
    pub fn check(&self, value: &Json) -> Result<(), Mismatch> {
        fits(self.kind, value, &self.values)?;
        if let (Some(items), Json::Array(list)) = (self.items, value) {
            for item in list {
                fits(items, item, &[])?;
            }
        }
        Ok(())
    }

    /// Reads a value from the command line: text as it is, other types as JSON, a list also as words between commas.
    ///
    /// # Errors
    /// When the text is no value of this type.
    pub fn parse(&self, text: &str) -> Result<Json, Mismatch> {
        let value = match self.kind {
            InputType::String | InputType::Path | InputType::Enum => Json::String(text.to_owned()),
            InputType::List if !text.trim_start().starts_with('[') => {
                let items = if text.is_empty() {
                    Vec::new()
                } else {
                    text.split(',').collect()
                };
                let typed = !matches!(
                    self.items,
                    None | Some(InputType::String | InputType::Path | InputType::Enum)
                );
                let read = |item: &str| {
                    let text = item.trim();
                    if typed {
                        serde_json::from_str(text).unwrap_or_else(|_| text.into())
                    } else {
                        Json::String(text.to_owned())
                    }
                };
                Json::Array(items.into_iter().map(read).collect())
            }
            InputType::Integer
            | InputType::Number
            | InputType::Boolean
            | InputType::List
            | InputType::Object => serde_json::from_str(text).map_err(|_| Mismatch {
                wanted: self.wanted(),
                found: format!("`{text}`"),
            })?,
        };
        self.check(&value)?;
        Ok(value)
    }

    /// Its type in words.
    pub fn wanted(&self) -> String {
        wanted(self.kind, &self.values)
    }
}

fn wanted(kind: InputType, values: &[String]) -> String {
    match kind {
        InputType::String => "text".to_owned(),
        InputType::Integer => "a whole number".to_owned(),
        InputType::Number => "a number".to_owned(),
        InputType::Boolean => "`true` or `false`".to_owned(),
        InputType::Path => "a path inside the workspace".to_owned(),
        InputType::Enum => {
            format!("one of {}", listed(values.iter()))
        }
        InputType::List => "a list".to_owned(),
        InputType::Object => "a mapping".to_owned(),
    }
}

fn fits(kind: InputType, value: &Json, values: &[String]) -> Result<(), Mismatch> {
    let good = match (kind, value) {
        (InputType::String, Json::String(_))
        | (InputType::Number, Json::Number(_))
        | (InputType::Boolean, Json::Bool(_))
        | (InputType::List, Json::Array(_))
        | (InputType::Object, Json::Object(_)) => true,
        (InputType::Integer, Json::Number(number)) => number.is_i64() || number.is_u64(),
        (InputType::Path, Json::String(path)) => crate::path::inside(path).is_ok(),
        (InputType::Enum, Json::String(word)) => values.contains(word),
        _ => false,
    };
    if good {
        return Ok(());
    }
    let found = match value {
        Json::Null => "nothing".to_owned(),
        Json::Bool(_) => "a boolean".to_owned(),
        Json::Number(number) => format!("`{number}`"),
        Json::String(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a mapping".to_owned(),
    };
    Err(Mismatch {
        wanted: wanted(kind, values),
        found,
    })
}

impl Lower for Input {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        if matches!(tree.value, Value::Str(_)) {
            let kind = InputType::lower(tree, context)?;
            if kind == InputType::Enum {
                context
                    .error(Code::MISSING_KEY, tree.span, "an `enum` needs its `values`")
                    .help("write `{ type: enum, values: [one, two] }`");
                return None;
            }
            return Some(Self {
                kind,
                description: None,
                default: None,
                values: Vec::new(),
                items: None,
                span: tree.span,
            });
        }
        let mut fields = Fields::open(tree, context)?;
        let default_span = fields.peek("default").map(|(_, tree)| tree.span);
        let items_span = fields.peek("items").map(|(_, tree)| tree.span);
        let span = fields.peek("type").map_or(fields.span, |(_, tree)| tree.span);
        let keys = InputKeys::take(&mut fields, context);
        fields.finish(InputKeys::KEYS, context);
        let keys = keys?;
        let values: Vec<String> = keys
            .values
            .iter()
            .flatten()
            .map(|word| word.text.clone())
            .collect();
        if keys.kind == InputType::Enum && values.is_empty() {
            context
                .error(Code::MISSING_KEY, span, "an `enum` needs its `values`")
                .help("add `values: [one, two]`");
            return None;
        }
        for (key, there, owner) in [
            ("values", keys.values.is_some(), InputType::Enum),
            ("items", keys.items.is_some(), InputType::List),
        ] {
            if there && keys.kind != owner {
                context.error(
                    Code::MISPLACED_KEY,
                    span,
                    format!(
                        "`{key}` goes with `type: {}`, not with `{}`",
                        owner.as_str(),
                        keys.kind.as_str()
                    ),
                );
            }
        }
        if keys.items == Some(InputType::Enum) {
            context
                .error(
                    Code::BAD_VALUE,
                    items_span.unwrap_or(span),
                    "the items of a list can't be an `enum`: there is no place for its `values`",
                )
                .help("write `items: string`");
        }
        let mut input = Self {
            kind: keys.kind,
            description: keys.description.map(|text| text.text),
            default: None,
            values,
            items: keys.items,
            span,
        };
        if let Some(default) = &keys.default {
            let span = default_span.unwrap_or(span);
            match default.constant() {
                None => {
                    context
                        .error(
                            Code::BAD_VALUE,
                            span,
                            "the default of an input can't be an expression",
                        )
                        .help("inputs are known before anything is evaluated: write the value out");
                }
                Some(value) => match input.check(&value) {
                    Ok(()) => input.default = Some(value),
                    Err(mismatch) => {
                        context
                            .error(Code::WRONG_TYPE, span, mismatch.to_string())
                            .label("as the default");
                    }
                },
            }
        }
        Some(input)
    }
}

impl JsonSchema for Input {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Input".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<InputKeys>();
        let words: Vec<_> = InputType::WORDS.iter().filter(|word| **word != "enum").collect();
        json_schema!({ "anyOf": [{ "enum": words }, keys], "description": "A type, or a mapping with `type`." })
    }
}
