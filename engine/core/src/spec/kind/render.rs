//! `render`: a template to a file.

use schemars::SchemaGenerator;

use super::TaskKind;
use crate::diagnostic::{Code, Span};
use crate::spec::lower::{Context, Fields, Lower, Properties, Record, record};
use crate::spec::{Data, Name, Plain, Text};
use crate::yaml::{Key, Tree, Value};

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
        let values_tree = fields.peek("values").map(|(_, tree)| tree);
        let values_span = values_tree.map(|tree| tree.span);
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
        let names = match values_tree.map(|tree| &tree.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        for (key, _) in names {
            usable(key, context);
        }
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

/// The names that every expression knows: a value of that name would hide them.
const KNOWN_NAMES: [&str; 7] = ["inputs", "tasks", "env", "run", "item", "index", "matrix"];

/// Reports a name of `values` that no expression could say, or that hides another.
fn usable(key: &Key, context: &mut Context<'_>) {
    if Name::checked(&key.text, key.span, context).is_none() {
        return;
    }
    if KNOWN_NAMES.contains(&key.text.as_str()) {
        context
            .error(
                Code::BAD_NAME,
                key.span,
                format!(
                    "the value `{}` would hide what `{}` is elsewhere",
                    key.text, key.text
                ),
            )
            .help("give it another name");
    } else if key.text.contains('-') {
        context
            .error(
                Code::BAD_NAME,
                key.span,
                format!("an expression would read `{}` as a subtraction", key.text),
            )
            .help(format!("write `{}`", key.text.replace('-', "_")));
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
