//! `render`: a template to a file.

use schemars::SchemaGenerator;

use super::TaskKind;
use crate::diagnostic::{Code, Span};
use crate::spec::lower::{Context, Fields, Lower, Properties, Record, record};
use crate::spec::{Data, Plain, Text};
use crate::yaml::Tree;

record! {
    /// The mapping under `render`.
    pub struct RenderKeys {
        /// The template's file, relative to the workflow file.
        [optional] template: Plain = "notes.md.j2",
        /// The template itself.
        [optional] text: Text,
        /// The file of the workspace that is written.
        [required] to: Text = "RELEASE_NOTES.md",
        /// Names that the template may use beside `inputs`, `tasks` and the others.
        [optional] values: Data,
    }
}

/// Where the template is.
#[derive(Clone, Debug)]
pub enum RenderSource {
    /// In a file of its own.
    File(Plain),
    /// In the workflow.
    Text(Text),
}

/// A template to a file.
#[derive(Clone, Debug)]
pub struct Render {
    /// The template.
    pub template: RenderSource,
    /// The file that is written.
    pub to: Text,
    /// Names that the template may use beside the known ones.
    pub values: Vec<(String, Data)>,
    /// Where the mapping stands.
    pub span: Span,
}

impl Lower for Render {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let given = ["template", "text"]
            .iter()
            .filter(|key| fields.peek(key).is_some())
            .count();
        let values_span = fields.peek("values").map(|(_, tree)| tree.span);
        // The text is compiled against the names of `values` too; the reference check knows them.
        let keys = RenderKeys::take(&mut fields, context);
        fields.finish(RenderKeys::KEYS, context);
        if given != 1 {
            context.error(
                Code::BAD_VALUE,
                span,
                format!("`render` has one of `template` and `text`; here are {given}"),
            );
            return None;
        }
        let keys = keys?;
        let values = match keys.values {
            None => Vec::new(),
            Some(Data::Map(values)) => values,
            Some(_) => {
                context.error(
                    Code::WRONG_TYPE,
                    values_span.unwrap_or(span),
                    "expected a mapping from names to values",
                );
                return None;
            }
        };
        let template = keys
            .template
            .map(RenderSource::File)
            .or(keys.text.map(RenderSource::Text))?;
        Some(Self {
            template,
            to: keys.to,
            values,
            span,
        })
    }
}

impl TaskKind for Render {
    const BESIDE: &'static [&'static str] = &[];

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        fields.read("render", context)
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<RenderKeys>();
        properties.add("render", schema, "Kind: a template to a file.", None, false);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        if let RenderSource::Text(text) = &self.template {
            into.push(text);
        }
        into.push(&self.to);
        self.values.iter().for_each(|(_, value)| value.texts(into));
    }
}
