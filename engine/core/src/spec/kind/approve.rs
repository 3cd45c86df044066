//! `approve`: a human gate.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::TaskKind;
use crate::diagnostic::Code;
use crate::spec::Text;
use crate::spec::lower::{Context, Fields, Lower, Properties, record};
use crate::yaml::{Tree, Value};

record! {
    /// The mapping form of `approve`.
    pub struct ApproveKeys {
        /// What the human is asked.
        [required] message: Text = "Publish {{ inputs.version }}?",
        /// A text that is shown with the question, such as a diff.
        [optional] diff: Text,
    }
}

/// A human gate.
#[derive(Clone, Debug)]
pub struct Approve {
    /// What the human is asked.
    pub message: Text,
    /// A text that is shown with the question.
    pub diff: Option<Text>,
}

impl Lower for Approve {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let keys = if matches!(tree.value, Value::Map(_)) {
            ApproveKeys::lower(tree, context)?
        } else {
            let message = Text::lower(tree, context)?;
            ApproveKeys { message, diff: None }
        };
        if keys.message.template.source().trim().is_empty() {
            context
                .error(Code::BAD_VALUE, keys.message.span, "the question is empty")
                .help("say what the human is asked: `approve: Publish the release?`");
            return None;
        }
        Some(Self {
            message: keys.message,
            diff: keys.diff,
        })
    }
}

impl JsonSchema for Approve {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Approve".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<ApproveKeys>();
        json_schema!({ "anyOf": [{ "type": "string" }, keys] })
    }
}

impl TaskKind for Approve {
    const BESIDE: &'static [&'static str] = &[];

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        fields.read("approve", context)
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<Self>();
        properties.add(
            "approve",
            schema,
            "Kind: a human gate. Without a terminal the run stops and waits for `resume --approve`.",
            Some("Publish the release?"),
            false,
        );
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.message);
        into.extend(&self.diff);
    }
}
