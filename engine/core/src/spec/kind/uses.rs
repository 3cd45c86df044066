//! `uses`: another workflow, with typed inputs and outputs.

use schemars::SchemaGenerator;

use super::{TaskKind, add_record};
use crate::diagnostic::Span;
use crate::spec::lower::{Context, Fields, Map, Properties, Record, record};
use crate::spec::{Data, Plain, Text};

record! {
    /// What stands beside `uses`.
    pub struct UsesKeys {
        /// The inputs of the used workflow.
        [default] with: Map<Data> = r#"{"title": "{{ inputs.title }}"}"#,
    }
}

/// Another workflow.
#[derive(Clone, Debug)]
pub struct Uses {
    /// A path relative to this workflow's file, or `library/name@version`.
    pub reference: Plain,
    /// What stands beside it.
    pub beside: UsesKeys,
    /// Where the reference stands.
    pub span: Span,
}

impl Uses {
    /// Whether the reference names a workflow of a library (`library/name@version`) and not a file.
    pub fn is_library(&self) -> bool {
        let text = &self.reference.text;
        text.contains('@') && !text.starts_with('.') && !text.starts_with('/') && !has_yaml_ending(text)
    }
}

fn has_yaml_ending(path: &str) -> bool {
    let path = std::path::Path::new(path);
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml"))
}

impl TaskKind for Uses {
    const BESIDE: &'static [&'static str] = UsesKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let reference: Option<Plain> = fields.read("uses", context);
        let beside = UsesKeys::take(fields, context);
        let reference = reference?;
        let span = reference.span;
        Some(Self {
            reference,
            beside: beside?,
            span,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<Plain>();
        properties.add(
            "uses",
            schema,
            "Kind: another workflow. A path relative to this file, or `library/name@version`.",
            Some("../notes/workflow.yaml"),
            false,
        );
        add_record::<UsesKeys>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        self.beside.with.values().for_each(|value| value.texts(into));
    }
}
