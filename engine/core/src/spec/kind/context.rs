//! `context:`: what a model is shown beside its instruction, each item with a priority and a bound.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diagnostic::{Code, Span};
use crate::spec::choice::choice;
use crate::spec::lower::{Context, Fields, Lower, OneOrMany, Record, record};
use crate::spec::{Plain, Text};
use crate::yaml::Tree;

choice! {
    /// A smaller form of an item that does not fit.
    pub enum Shrink {
        /// Signatures only.
        Outline = "outline",
        /// The first and the last lines.
        HeadTail = "head_tail",
        /// One line that says what it is.
        Line = "line",
        /// Left out; the model is told.
        Omit = "omit",
    }
}

record! {
    /// One item of `context:`: one source, and how it may shrink.
    pub struct ContextKeys {
        /// A guide that ships with smallcode, such as `bonescript`.
        [optional] guide: Plain = "bonescript",
        /// A file of the workspace.
        [optional] file: Text = "src/main.rs",
        /// Globs of files of the workspace.
        [optional] files: OneOrMany<Text> = r#"["src/**/*.rs"]"#,
        /// A text.
        [optional] text: Text,
        /// The heading that the model sees above it.
        [optional] title: Text,
        /// Which item shrinks first: the lowest. 50 where this is missing.
        [optional] priority: u64 = "80",
        /// The fewest tokens that it is worth showing with.
        [optional] min: u64 = "100",
        /// The most tokens that it may take.
        [optional] max: u64 = "2000",
        /// The smaller forms that it may take, in order.
        [optional] shrink: OneOrMany<Shrink> = r#"["outline", "omit"]"#,
    }
}

/// Where the text of an item comes from.
#[derive(Clone, Debug)]
pub enum ContextSource {
    /// A guide that ships with smallcode.
    Guide(Plain),
    /// A file of the workspace.
    File(Text),
    /// Files of the workspace.
    Files(OneOrMany<Text>),
    /// A text.
    Text(Text),
}

/// One item of `context:`.
#[derive(Clone, Debug)]
pub struct ContextItem {
    /// Where its text comes from.
    pub source: ContextSource,
    /// The heading above it.
    pub title: Option<Text>,
    /// Which item shrinks first: the lowest.
    pub priority: u64,
    /// The fewest tokens that it is worth showing with.
    pub min: Option<u64>,
    /// The most tokens that it may take.
    pub max: Option<u64>,
    /// The smaller forms that it may take, in order; those of its kind where empty.
    pub shrink: Vec<Shrink>,
    /// Where it stands.
    pub span: Span,
}

/// The guide that ships with smallcode.
const GUIDE: &str = "bonescript";

/// The priority of an item that names none: the middle of 0 to 100.
const DEFAULT_PRIORITY: u64 = 50;

impl ContextItem {
    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match &self.source {
            ContextSource::Guide(_) => {}
            ContextSource::File(text) | ContextSource::Text(text) => into.push(text),
            ContextSource::Files(texts) => into.extend(texts.iter()),
        }
        into.extend(&self.title);
    }
}

impl Lower for ContextItem {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let keys = ContextKeys::take(&mut fields, context);
        fields.finish(ContextKeys::KEYS, context);
        let keys = keys?;
        let mut sources: Vec<ContextSource> = Vec::new();
        sources.extend(keys.guide.map(ContextSource::Guide));
        sources.extend(keys.file.map(ContextSource::File));
        sources.extend(keys.files.map(ContextSource::Files));
        sources.extend(keys.text.map(ContextSource::Text));
        let [_] = sources.as_slice() else {
            context
                .error(
                    Code::BAD_VALUE,
                    span,
                    format!(
                        "an item has one of `guide`, `file`, `files`, `text`; this one has {}",
                        sources.len()
                    ),
                )
                .help("write each as an item of its own: `- file: src/main.rs`");
            return None;
        };
        if let Some(ContextSource::Guide(guide)) = sources.first()
            && guide.text != GUIDE
        {
            context
                .error(
                    Code::BAD_VALUE,
                    guide.span,
                    format!("there is no guide `{}`", guide.text),
                )
                .help(format!("there is one: `{GUIDE}`"));
            return None;
        }
        if let (Some(min), Some(max)) = (keys.min, keys.max)
            && min > max
        {
            context
                .error(
                    Code::BAD_VALUE,
                    span,
                    format!(
                        "it may take {max} tokens at most, and is not worth showing with fewer than {min}"
                    ),
                )
                .help("`min` is at most as large as `max`");
            return None;
        }
        Some(Self {
            source: sources.pop()?,
            title: keys.title,
            priority: keys.priority.unwrap_or(DEFAULT_PRIORITY),
            min: keys.min,
            max: keys.max,
            shrink: keys.shrink.unwrap_or_default().0,
            span,
        })
    }
}

impl JsonSchema for ContextItem {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContextItem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ContextKeys::properties(generator)
            .into_schema("One item that a model is shown, and how it may shrink.");
        let one: Vec<_> = ["guide", "file", "files", "text"]
            .iter()
            .map(|key| serde_json::json!({ "required": [key] }))
            .collect();
        schema.insert("oneOf".to_owned(), one.into());
        schema
    }
}
