//! `plan`: child tasks that a model proposes, checked as a file is, then run.

use schemars::SchemaGenerator;

use super::edit::ModelKeys;
use super::{KindName, TaskKind, add_record};
use crate::spec::Text;
use crate::spec::lower::{Context, Fields, OneOrMany, Properties, Record, record};

record! {
    /// The mapping under `plan`.
    pub struct PlanKeys {
        /// What the tasks are to reach together.
        [required] goal: Text = "Add a `--json` flag to every command.",
        /// The kinds that the tasks may be of: `edit` and `prompt`, both where this is missing; `agent`; `run`, for the
        /// commands that `permissions.run` allows; `bone`, which checks and compiles BoneScript programs.
        [default] kinds: OneOrMany<KindName> = r#"["edit", "run"]"#,
        /// The most tasks that may be proposed, 32 at most; 8 where this is missing.
        [optional] max_tasks: u64 = "8",
    }
}

/// Child tasks that a model proposes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The goal and its bounds.
    pub keys: PlanKeys,
    /// What stands beside it.
    pub beside: ModelKeys,
}

impl Plan {
    /// Whether its tasks may write what no answer announces: commands, and what an agent makes on its way.
    pub fn runs(&self) -> bool {
        let beyond = |kind: &KindName| !matches!(kind, KindName::Edit | KindName::Prompt);
        self.keys.kinds.iter().any(beyond)
    }
}

impl TaskKind for Plan {
    const BESIDE: &'static [&'static str] = ModelKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let keys = fields.read("plan", context);
        let beside = ModelKeys::take(fields, context);
        Some(Self {
            keys: keys?,
            beside: beside?,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<PlanKeys>();
        properties.add(
            "plan",
            schema,
            "Kind: child tasks that a model proposes.",
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
