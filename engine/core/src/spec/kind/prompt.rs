//! `prompt`: one structured answer of a model.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{ContextItem, TaskKind, add_record};
use crate::diagnostic::{Code, Span};
use crate::spec::lower::{Context, Fields, Lower, OneOrMany, Properties, Record, record};
use crate::spec::{Data, Plain, Text};
use crate::yaml::{Tree, Value};

/// One structured answer of a model.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What the model is asked.
    pub text: Text,
    /// What stands beside it.
    pub beside: PromptKeys,
}

record! {
    /// What stands beside `prompt`.
    pub struct PromptKeys {
        /// What the model is told of its role.
        [optional] system: Text = "You write terse release notes.",
        /// What the model is shown beside the instruction.
        [default] context: OneOrMany<ContextItem>,
        /// What the answer becomes: a value that follows a schema, or files. Text where this is missing.
        [optional] output: Output = r#"{"file": "docs/summary.md"}"#,
    }
}

impl TaskKind for Prompt {
    const BESIDE: &'static [&'static str] = PromptKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let text = fields.read("prompt", context);
        let beside = PromptKeys::take(fields, context);
        Some(Self {
            text: text?,
            beside: beside?,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<Text>();
        properties.add(
            "prompt",
            schema,
            "Kind: one structured answer of a model. The text is what it is asked.",
            Some("Summarise {{ inputs.text }} in one sentence."),
            false,
        );
        add_record::<PromptKeys>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.text);
        into.extend(&self.beside.system);
        self.beside.context.iter().for_each(|item| item.texts(into));
        match &self.beside.output {
            Some(Output::File(text)) => into.push(text),
            Some(Output::Files(texts)) => into.extend(texts.iter()),
            Some(Output::Schema(_)) | None => {}
        }
    }
}

/// A JSON Schema: in the file, or in a file of its own.
#[derive(Clone, Debug)]
pub enum SchemaSource {
    /// A path, relative to the workflow file.
    Path(Plain),
    /// The schema itself.
    Inline(serde_json::Value, Span),
}

impl SchemaSource {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Path(path) => path.span,
            Self::Inline(_, span) => *span,
        }
    }
}

impl Lower for SchemaSource {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match &tree.value {
            Value::Map(_) => {
                let span = Fields::open(tree, context)?.span;
                let Some(schema) = Data::lower(tree, context)?.constant() else {
                    context.error(Code::BAD_VALUE, span, "a schema can't hold expressions");
                    return None;
                };
                if let Err(problem) = crate::schema::compile(&schema) {
                    context.error(
                        Code::BAD_VALUE,
                        span,
                        format!("not a valid JSON Schema: {problem}"),
                    );
                    return None;
                }
                Some(Self::Inline(schema, span))
            }
            _ => Plain::lower(tree, context).map(Self::Path),
        }
    }
}

impl JsonSchema for SchemaSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"] })
    }
}

/// What the answer of a prompt becomes.
#[derive(Clone, Debug)]
pub enum Output {
    /// A value that follows a schema.
    Schema(SchemaSource),
    /// One file.
    File(Text),
    /// Files that match these globs; the answer names them.
    Files(OneOrMany<Text>),
}

record! {
    /// The keys of `output`, of which one is given.
    pub struct OutputKeys {
        /// The answer is a value that follows this JSON Schema: a path beside the workflow, or the schema itself.
        [optional] schema: SchemaSource = r#"{"type": "object", "required": ["title"]}"#,
        /// The answer is written to this file of the workspace.
        [optional] file: Text = "docs/summary.md",
        /// The answer names the files that it writes; they must match these globs.
        [optional] files: OneOrMany<Text> = r#"["src/**"]"#,
    }
}

impl Lower for Output {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let given = fields
            .keys()
            .filter(|key| OutputKeys::KEYS.contains(&key.text.as_str()))
            .count();
        let keys = OutputKeys::take(&mut fields, context);
        let misspelt = fields.keys().next().is_some();
        fields.finish(OutputKeys::KEYS, context);
        if given == 0 && misspelt {
            // What the unknown key was meant to be is said of it.
            return None;
        }
        if given != 1 {
            context.error(
                Code::BAD_VALUE,
                span,
                format!("`output` has one of `schema`, `file`, `files`; here are {given}"),
            );
            return None;
        }
        let keys = keys?;
        keys.schema
            .map(Self::Schema)
            .or(keys.file.map(Self::File))
            .or(keys.files.map(Self::Files))
    }
}

impl JsonSchema for Output {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Output".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = OutputKeys::properties(generator).into_schema("What the answer becomes.");
        let one: Vec<_> = OutputKeys::KEYS
            .iter()
            .map(|key| serde_json::json!({ "required": [key] }))
            .collect();
        schema.insert("oneOf".to_owned(), one.into());
        schema
    }
}
