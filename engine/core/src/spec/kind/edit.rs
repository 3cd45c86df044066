//! `edit`: patches of a model to named files.

use schemars::SchemaGenerator;

use super::{ContextItem, TaskKind, add_record};
use crate::spec::Text;
use crate::spec::lower::{Context, Fields, OneOrMany, Properties, Record, record};

record! {
    /// The mapping under `edit`.
    pub struct EditKeys {
        /// What is to change.
        [required] instruction: Text = "Rename `old_name` to `new_name`.",
        /// The files that may change; the model is shown them.
        [required] files: OneOrMany<Text> = r#"["src/main.rs"]"#,
    }
}

record! {
    /// What stands beside `edit` and `plan`.
    pub struct ModelKeys {
        /// What the model is told of its role.
        [optional] system: Text,
        /// What the model is shown beside the instruction.
        [default] context: OneOrMany<ContextItem>,
    }
}

/// Patches of a model to named files.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What is to change, where.
    pub keys: EditKeys,
    /// What stands beside it.
    pub beside: ModelKeys,
}

impl TaskKind for Edit {
    const BESIDE: &'static [&'static str] = ModelKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let keys = fields.read("edit", context);
        let beside = ModelKeys::take(fields, context);
        Some(Self {
            keys: keys?,
            beside: beside?,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<EditKeys>();
        properties.add(
            "edit",
            schema,
            "Kind: patches of a model to named files.",
            None,
            false,
        );
        add_record::<ModelKeys>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.keys.instruction);
        into.extend(self.keys.files.iter());
        self.beside.texts(into);
    }
}

impl ModelKeys {
    /// Every text in it, for the checks of references.
    pub(super) fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.extend(&self.system);
        self.context.iter().for_each(|item| item.texts(into));
    }
}
