//! `approve`: a human gate.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::TaskKind;
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
        match &tree.value {
            Value::Map(_) => {
                let keys = ApproveKeys::lower(tree, context)?;
                Some(Self {
                    message: keys.message,
                    diff: keys.diff,
                })
            }
            _ => Text::lower(tree, context).map(|message| Self { message, diff: None }),
        }
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
