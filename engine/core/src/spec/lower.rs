//! From the YAML tree to typed values, collecting every problem on the way.
//!
//! [`record!`](crate::spec::lower::record) writes a struct once and derives from it both how it is read and
//! its JSON Schema, so that the two can't drift apart.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceId, Span, closest, listed};
use crate::yaml::{Key, Tree, Value};

/// What lowering needs beside the tree: the text, for spans, and a place for problems.
pub struct Context<'a> {
    /// The source that is being lowered.
    pub source: SourceId,
    /// Its text.
    pub text: &'a str,
    /// Where problems go.
    pub problems: &'a mut Diagnostics,
}

impl Context<'_> {
    /// Reports an error at a place of this source.
    pub fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> ErrorBuilder<'_> {
        ErrorBuilder {
            diagnostic: Some(Diagnostic::new(code, self.source, span, message)),
            problems: self.problems,
        }
    }

    /// The source text of a scalar, without its quotes: what was written where YAML read a number.
    pub fn written(&self, tree: &Tree) -> String {
        let span = tree.defined.unwrap_or(tree.span);
        self.text
            .get(span.range())
            .unwrap_or_default()
            .trim()
            .trim_matches(['"', '\''])
            .to_owned()
    }

    /// Reports that `wanted` should have stood here; gives `None` for the caller to return.
    pub fn wrong_type<T>(&mut self, tree: &Tree, wanted: &str) -> Option<T> {
        let found = tree.value.describe();
        self.error(
            Code::WRONG_TYPE,
            shown_span(tree, self.text),
            format!("expected {wanted}, found {found}"),
        );
        None
    }
}

/// A block mapping or list has no text of its own to underline: its first line stands for it.
fn shown_span(tree: &Tree, text: &str) -> Span {
    if tree.span.start != tree.span.end {
        return tree.span;
    }
    let start = tree.span.range().start;
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    Span::new(start, start + line.trim_end().len())
}

/// Adds to an error before it is recorded, which happens when this is dropped.
pub struct ErrorBuilder<'a> {
    diagnostic: Option<Diagnostic>,
    problems: &'a mut Diagnostics,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "an error is recorded when it is dropped, and meant to be"
)]
impl ErrorBuilder<'_> {
    fn change(mut self, change: impl FnOnce(Diagnostic) -> Diagnostic) -> Self {
        self.diagnostic = self.diagnostic.take().map(change);
        self
    }

    /// Adds a line of help.
    pub fn help(self, text: impl Into<String>) -> Self {
        self.change(|diagnostic| diagnostic.help(text))
    }

    /// Says something beside the underline.
    pub fn label(self, text: impl Into<String>) -> Self {
        self.change(|diagnostic| diagnostic.label(text))
    }

    /// Adds a second place.
    pub fn also(self, source: SourceId, span: Span, text: impl Into<String>) -> Self {
        self.change(|diagnostic| diagnostic.also(source, span, text))
    }

    /// Offers the nearest of `names`.
    pub fn suggest<'n>(self, word: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        let name = closest(word, names);
        self.change(|diagnostic| diagnostic.did_you_mean(name))
    }
}

impl Drop for ErrorBuilder<'_> {
    fn drop(&mut self) {
        if let Some(diagnostic) = self.diagnostic.take() {
            self.problems.push(diagnostic);
        }
    }
}

/// A type that can be read from YAML.
///
/// `None` means that it could not be, and that a problem has been reported.
pub trait Lower: Sized {
    /// Reads the value.
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self>;
}

/// A struct read from a mapping with fixed keys.
pub trait Record: Sized {
    /// The keys that it knows, in order.
    const KEYS: &'static [&'static str];

    /// Reads the fields that are its own out of `fields`; the caller reports what is left over.
    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self>;

    /// The schemas of its keys with their descriptions, and which are required.
    fn properties(generator: &mut SchemaGenerator) -> Properties;
}

/// The properties of a [`Record`] for its JSON Schema.
#[derive(Default)]
pub struct Properties {
    /// Each key with its schema.
    pub properties: serde_json::Map<String, serde_json::Value>,
    /// The keys that must be there.
    pub required: Vec<&'static str>,
}

impl Properties {
    /// Adds one key.
    pub fn add(
        &mut self,
        key: &'static str,
        schema: Schema,
        description: &str,
        example: Option<&str>,
        required: bool,
    ) {
        let mut schema = schema.to_value();
        if let Some(object) = schema.as_object_mut() {
            let description = description.trim().replace("\n ", "\n");
            object.insert("description".to_owned(), description.into());
            if let Some(example) = example {
                let example = serde_json::from_str(example).unwrap_or_else(|_| example.into());
                object.insert("examples".to_owned(), serde_json::Value::Array(vec![example]));
            }
        }
        self.properties.insert(key.to_owned(), schema);
        if required {
            self.required.push(key);
        }
    }

    /// The schema of an object that has these keys and no others.
    pub fn into_schema(self, description: &str) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "description": description.trim(),
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        schema
    }
}

/// The entries of a mapping that have not been read yet.
pub struct Fields<'a> {
    /// Where the mapping stands.
    pub span: Span,
    /// What was taken leaves nothing behind: moving the rest up would make a large mapping quadratic.
    entries: IndexMap<&'a str, Option<(&'a Key, &'a Tree)>>,
}

impl<'a> Fields<'a> {
    /// Opens a mapping. Duplicate keys are reported; the first of them counts.
    pub fn open(tree: &'a Tree, context: &mut Context<'_>) -> Option<Self> {
        let Value::Map(entries) = &tree.value else {
            return context.wrong_type(tree, "a mapping");
        };
        let mut fields = Self {
            span: shown_span(tree, context.text),
            entries: IndexMap::new(),
        };
        for (key, value) in entries {
            if let Some(Some((first, _))) = fields.entries.get(key.text.as_str()) {
                let (first, source) = (first.span, context.source);
                context
                    .error(
                        Code::DUPLICATE_KEY,
                        key.span,
                        format!("`{}` is here twice", key.text),
                    )
                    .also(source, first, "first here")
                    .help("remove one of them");
            } else {
                fields.entries.insert(&key.text, Some((key, value)));
            }
        }
        Some(fields)
    }

    /// Takes the entry of a key out.
    pub fn take(&mut self, key: &str) -> Option<(&'a Key, &'a Tree)> {
        self.entries.get_mut(key)?.take()
    }

    /// Looks at the entry of a key.
    pub fn peek(&self, key: &str) -> Option<(&'a Key, &'a Tree)> {
        self.entries.get(key).copied().flatten()
    }

    /// The keys that are left.
    pub fn keys(&self) -> impl Iterator<Item = &'a Key> {
        self.entries.values().flatten().map(|(key, _)| *key)
    }

    /// Reads one key by its type.
    pub fn read<T: Lower>(&mut self, key: &str, context: &mut Context<'_>) -> Option<T> {
        let (_, tree) = self.take(key)?;
        T::lower(tree, context)
    }

    /// Reads one key that must be there.
    pub fn require<T: Lower>(&mut self, key: &str, context: &mut Context<'_>) -> Option<T> {
        if self.peek(key).is_none() {
            // Where it is only written otherwise, the unknown key beside it says so.
            context.error(Code::MISSING_KEY, self.span, format!("`{key}` is missing"));
            return None;
        }
        self.read(key, context)
    }

    /// Reports every key that is left as unknown.
    pub fn finish(self, known: &[&'static str], context: &mut Context<'_>) {
        for (key, _) in self.entries.values().flatten() {
            let unknown = context.error(Code::UNKNOWN_KEY, key.span, format!("unknown key `{}`", key.text));
            if closest(&key.text, known.iter().copied()).is_some() {
                unknown.suggest(&key.text, known.iter().copied());
            } else {
                let list = listed(known.iter());
                unknown.help(format!("known here: {list}"));
            }
        }
    }
}

/// Writes a struct with documented fields, and from it [`Record`], [`Lower`] and `JsonSchema`.
///
/// A field is `[required]`, `[optional]` (an `Option`) or `[default]` (its type's `Default`); a string after
/// the word is the key where it differs from the field's name, and `= "…"` gives an example for editors.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])+
                [$mode:ident $($key:literal)?] $field:ident: $type:ty $(= $example:literal)?,
            )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])+
                pub $field: $crate::spec::lower::field_type!($mode $type),
            )*
        }

        impl $crate::spec::lower::Record for $name {
            const KEYS: &'static [&'static str] =
                &[$($crate::spec::lower::field_key!($field $($key)?)),*];

            fn take(
                fields: &mut $crate::spec::lower::Fields<'_>,
                context: &mut $crate::spec::lower::Context<'_>,
            ) -> Option<Self> {
                $(
                    let $field = $crate::spec::lower::field_read!(
                        $mode $type, fields, $crate::spec::lower::field_key!($field $($key)?), context
                    );
                )*
                Some(Self { $($field: $crate::spec::lower::field_done!($mode $field)),* })
            }

            fn properties(
                generator: &mut schemars::SchemaGenerator,
            ) -> $crate::spec::lower::Properties {
                let mut properties = $crate::spec::lower::Properties::default();
                $(
                    let schema = generator.subschema_for::<$type>();
                    let example: Option<&str> = None $(.or(Some($example)))?;
                    let required = stringify!($mode) == "required";
                    properties.add(
                        $crate::spec::lower::field_key!($field $($key)?),
                        schema,
                        concat!($($field_doc, "\n"),+),
                        example,
                        required,
                    );
                )*
                properties
            }
        }

        impl $crate::spec::lower::Lower for $name {
            fn lower(
                tree: &$crate::yaml::Tree,
                context: &mut $crate::spec::lower::Context<'_>,
            ) -> Option<Self> {
                let mut fields = $crate::spec::lower::Fields::open(tree, context)?;
                let record = <Self as $crate::spec::lower::Record>::take(&mut fields, context);
                fields.finish(<Self as $crate::spec::lower::Record>::KEYS, context);
                record
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <Self as $crate::spec::lower::Record>::properties(generator)
                    .into_schema(concat!($($doc, "\n"),+))
            }
        }
    };
}

macro_rules! field_type {
    (required $type:ty) => { $type };
    (default $type:ty) => { $type };
    (optional $type:ty) => { Option<$type> };
}

macro_rules! field_key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

macro_rules! field_read {
    (required $type:ty, $fields:expr, $key:expr, $context:expr) => {
        $fields.require::<$type>($key, $context)
    };
    (default $type:ty, $fields:expr, $key:expr, $context:expr) => {
        $fields.read::<$type>($key, $context).unwrap_or_default()
    };
    (optional $type:ty, $fields:expr, $key:expr, $context:expr) => {
        $fields.read::<$type>($key, $context)
    };
}

// All fields are read before a missing required one gives up on the record, so that every problem shows.
macro_rules! field_done {
    (required $field:ident) => {
        $field?
    };
    (default $field:ident) => {
        $field
    };
    (optional $field:ident) => {
        $field
    };
}

pub(crate) use {field_done, field_key, field_read, field_type, record};

/// A mapping from names of the user's choosing.
pub type Map<T> = IndexMap<super::Name, T>;

impl<T: Lower> Lower for IndexMap<super::Name, T> {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let keys: Vec<&Key> = fields.keys().collect();
        let mut map = IndexMap::with_capacity(keys.len());
        for key in keys {
            let name = super::Name::checked(&key.text, key.span, context);
            let value = fields.read::<T>(&key.text, context);
            if let (Some(name), Some(value)) = (name, value) {
                map.insert(name, value);
            }
        }
        Some(map)
    }
}

/// A list, or one item without the brackets.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::ops::Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Lower> Lower for OneOrMany<T> {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match &tree.value {
            Value::Seq(_) => Vec::lower(tree, context).map(Self),
            _ => T::lower(tree, context).map(|item| Self(vec![item])),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

impl<T: Lower> Lower for Vec<T> {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let Value::Seq(items) = &tree.value else {
            return context.wrong_type(tree, "a list");
        };
        Some(items.iter().filter_map(|item| T::lower(item, context)).collect())
    }
}

impl Lower for bool {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match tree.value {
            Value::Bool(value) => Some(value),
            _ => context.wrong_type(tree, "`true` or `false`"),
        }
    }
}

impl Lower for u64 {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        // Other notations (0x10, 0o17, 1_000) read as numbers in some YAML libraries and as text in others.
        let plain = context.written(tree).bytes().all(|byte| byte.is_ascii_digit());
        match &tree.value {
            Value::Int(value) if *value < 0 => negative(tree, "a whole number of at least 0", context),
            Value::Int(value) if plain => Self::try_from(*value).ok(),
            Value::Int(value) => {
                context
                    .error(
                        Code::BAD_VALUE,
                        tree.span,
                        "whole numbers are written in plain decimal digits",
                    )
                    .help(format!("write `{value}`"));
                None
            }
            _ => context.wrong_type(tree, "a whole number"),
        }
    }
}

/// Reports a number below zero: what was found is the number, not its type.
fn negative<T>(tree: &Tree, wanted: &str, context: &mut Context<'_>) -> Option<T> {
    let written = context.written(tree);
    context.error(
        Code::WRONG_TYPE,
        tree.span,
        format!("expected {wanted}, found `{written}`"),
    );
    None
}

impl Lower for f64 {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match tree.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "amounts of money and temperatures are small"
            )]
            Value::Int(value) if value >= 0 => Some(value as Self),
            Value::Float(value) if value >= 0.0 && value.is_finite() => Some(value),
            Value::Int(_) | Value::Float(_) => negative(tree, "a number of at least 0", context),
            _ => context.wrong_type(tree, "a number of at least 0"),
        }
    }
}

impl Lower for String {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match &tree.value {
            Value::Str(value) => Some(value.clone()),
            // `version: 1.10` is text where text is wanted; what was written counts, not the number.
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => Some(context.written(tree)),
            Value::Null | Value::Seq(_) | Value::Map(_) => context.wrong_type(tree, "text"),
        }
    }
}
