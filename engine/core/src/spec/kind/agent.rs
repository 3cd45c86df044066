//! `agent`: a tool loop of a model towards a goal.

use schemars::SchemaGenerator;

use super::edit::ModelKeys;
use super::{TaskKind, add_record};
use crate::spec::lower::{Context, Fields, OneOrMany, Properties, Record, record};
use crate::spec::{Plain, Text};

record! {
    /// The mapping under `agent`.
    pub struct AgentKeys {
        /// What is to be reached; `verify` decides when it is.
        [required] goal: Text = "Make the tests pass.",
        /// The tools that may be used; those that the permissions allow where this is missing.
        [default] tools: OneOrMany<Plain> = r#"["read_file", "search", "patch"]"#,
        /// The most calls of the model in one attempt.
        [optional] max_calls: u64 = "20",
    }
}

/// A tool loop of a model towards a goal.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The goal and its bounds.
    pub keys: AgentKeys,
    /// What stands beside it.
    pub beside: ModelKeys,
}

impl TaskKind for Agent {
    const BESIDE: &'static [&'static str] = ModelKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let keys = fields.read("agent", context);
        let beside = ModelKeys::take(fields, context);
        Some(Self {
            keys: keys?,
            beside: beside?,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<AgentKeys>();
        properties.add(
            "agent",
            schema,
            "Kind: a tool loop of a model towards a goal.",
            None,
            false,
        );
        add_record::<ModelKeys>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.keys.goal);
        self.beside.texts(into);
    }
}
