//! The small values of a workflow file: names, durations, choices, texts with expressions in them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::lower::{Context, Lower};
use crate::diagnostic::{Code, SourceId, Span};
use crate::template::{Mode, Template};
use crate::yaml::{Tree, Value};

/// The longest name, in bytes: names become parts of node ids and of file names of run records.
const MAX_NAME: usize = 64;

/// The longest duration that a file may ask for, in seconds: a year. Longer ones are typing errors, and
/// timers must not overflow.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;

/// A name of the user's choosing that expressions can use: a letter or `_`, then letters, digits, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    text: Arc<str>,
    /// Where it stands; not part of what makes names equal.
    span: SpanOnly,
}

/// A span that compares equal to any other, so that it does not take part in derived comparisons.
#[derive(Clone, Copy, Debug, Default)]
struct SpanOnly(Span);

impl PartialEq for SpanOnly {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SpanOnly {}

impl std::hash::Hash for SpanOnly {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl PartialOrd for SpanOnly {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SpanOnly {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Name {
    /// A name with its place, when it follows the rule; else the problem is reported.
    pub fn checked(text: &str, span: Span, context: &mut Context<'_>) -> Option<Self> {
        let mut chars = text.chars();
        let starts = chars
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if starts
            && chars.all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'))
            && text.len() <= MAX_NAME
        {
            return Some(Self {
                text: text.into(),
                span: SpanOnly(span),
            });
        }
        context
            .error(
                Code::BAD_NAME,
                span,
                format!("`{}` can't be a name", shorten(text)),
            )
            .help(format!(
                "a name is a letter, then letters, digits, `_` or `-`; at most {MAX_NAME} characters"
            ));
        None
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span.0
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_NAME {
        text.to_owned()
    } else {
        text.chars().take(MAX_NAME).chain(['…']).collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

// `Borrow<str>` promises equal hashes: only the text is hashed, as `str` hashes it.
impl Lower for Name {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        Self::checked(&text, tree.span, context)
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" })
    }
}

/// A length of time: `500ms`, `10s`, `5m`, `2h`, or several units from large to small (`1h30m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub StdDuration);

impl Duration {
    /// Reads a duration; `None` where the text is none, or is longer than a year.
    pub fn parse(text: &str) -> Option<Self> {
        const UNITS: [(&str, f64); 5] = [
            ("d", 86_400.0),
            ("h", 3_600.0),
            ("m", 60.0),
            ("s", 1.0),
            ("ms", 0.001),
        ];
        let mut rest = text.trim();
        let mut seconds = 0.0;
        let mut next_unit = 0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
            let number: f64 = rest.get(..digits)?.parse().ok()?;
            rest = rest.get(digits..)?;
            let letters = rest
                .find(|char: char| !char.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let unit = rest.get(..letters)?;
            let index = UNITS.iter().position(|(name, _)| *name == unit)?;
            if index < next_unit {
                return None;
            }
            next_unit = index + 1;
            seconds += number * UNITS.get(index)?.1;
            rest = rest.get(letters..)?;
        }
        (seconds <= MAX_SECONDS).then(|| Self(StdDuration::from_secs_f64(seconds)))
    }

    /// Whole milliseconds, at least 1 for anything above zero.
    pub fn millis(self) -> u64 {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if self.0.is_zero() { 0 } else { millis.max(1) }
    }
}

impl Lower for Duration {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = match &tree.value {
            Value::Str(text) => text.clone(),
            Value::Int(_) | Value::Float(_) => context.written(tree),
            _ => return context.wrong_type(tree, "a duration such as `10s` or `5m`"),
        };
        let duration = Self::parse(&text);
        if duration.is_none() {
            let error = context
                .error(
                    Code::BAD_VALUE,
                    tree.span,
                    format!("`{}` is not a duration", shorten(&text)),
                )
                .help(
                    "write a number and a unit: `500ms`, `10s`, `5m`, `2h`, `1d`, or `1h30m`; a year at most",
                );
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                error.help(format!("`{text}s` for seconds"));
            }
        }
        duration
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?([0-9.]+ms)?\\s*$",
            "minLength": 2,
        })
    }
}

/// A text of the file with its place, for values that hold no expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Lower for Plain {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        if text.contains("{{") || text.contains("{%") {
            context
                .error(Code::BAD_VALUE, tree.span, "an expression can't stand here")
                .help("this value must be known when the file is loaded: write it out");
            return None;
        }
        Some(Self {
            text,
            span: tree.span,
        })
    }
}

impl JsonSchema for Plain {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A text that may hold expressions, compiled, with its place in the file.
#[derive(Clone, Debug)]
pub struct Text {
    /// The compiled template.
    pub template: Template,
    /// The whole value.
    pub span: Span,
    /// The file it stands in.
    pub source: SourceId,
}

impl Text {
    /// Compiles the text of a scalar; problems are reported at their place inside it.
    pub fn compile(text: &str, mode: Mode, tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match Template::compile(text, mode) {
            Ok(template) => Some(Self {
                template,
                span: tree.span,
                source: context.source,
            }),
            Err(error) => {
                let span = locate(context.text, tree.defined.unwrap_or(tree.span), text, error.range);
                let builder = context.error(Code::BAD_EXPRESSION, span, error.message);
                if let Some(help) = error.help {
                    builder.help(help);
                }
                None
            }
        }
    }

    /// The place in the file of a range of the template's source.
    pub fn place(&self, file: &str, range: std::ops::Range<usize>) -> Span {
        locate(file, self.span, self.template.source(), range)
    }
}

/// Finds a range of a scalar's value in the file: quotes, escapes and indentation make the two differ.
fn locate(file: &str, scalar: Span, value: &str, range: std::ops::Range<usize>) -> Span {
    let written = file.get(scalar.range()).unwrap_or_default();
    if let Some(offset) = written.find(value.trim_end()) {
        let start = scalar.range().start + offset;
        return Span::new(start + range.start, (start + range.end).min(scalar.range().end));
    }
    // The first line of the range is there word for word, save in text with escapes; take the one with as many
    // of its like before it.
    let piece = value
        .get(range.clone())
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    if !piece.is_empty() {
        let earlier = value
            .get(..range.start)
            .unwrap_or_default()
            .matches(piece)
            .count();
        if let Some((offset, _)) = written.match_indices(piece).nth(earlier) {
            let start = scalar.range().start + offset;
            return Span::new(start, start + piece.len());
        }
    }
    scalar
}

impl Lower for Text {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        Self::compile(&text, Mode::Text, tree, context)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// An expression, with or without `{{ }}`.
#[derive(Clone, Debug)]
pub struct Expression(pub Text);

impl Lower for Expression {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let text = String::lower(tree, context)?;
        Text::compile(&text, Mode::Expression, tree, context).map(Self)
    }
}

impl JsonSchema for Expression {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"] })
    }
}

/// Any value in whose texts expressions may stand: what `with`, `values`, `foreach` and `matrix` take.
#[derive(Clone, Debug)]
pub enum Data {
    /// A number, a boolean or nothing.
    Literal(serde_json::Value),
    /// A text; when it is one `{{ }}`, the value keeps its type.
    Text(Text),
    /// A list.
    List(Vec<Data>),
    /// A mapping.
    Map(Vec<(String, Data)>),
}

impl Data {
    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Self::Literal(_) => {}
            Self::Text(text) => into.push(text),
            Self::List(items) => items.iter().for_each(|item| item.texts(into)),
            Self::Map(entries) => entries.iter().for_each(|(_, value)| value.texts(into)),
        }
    }

    /// The value, when it holds no expression.
    pub fn constant(&self) -> Option<serde_json::Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Text(text) => text
                .template
                .is_literal()
                .then(|| serde_json::Value::String(text.template.source().to_owned())),
            Self::List(items) => items
                .iter()
                .map(Self::constant)
                .collect::<Option<Vec<_>>>()
                .map(serde_json::Value::Array),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| Some((key.clone(), value.constant()?)))
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(serde_json::Value::Object),
        }
    }
}

impl Lower for Data {
    // Recursion is bounded by yaml::MAX_DEPTH.
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        Some(match &tree.value {
            Value::Null => Self::Literal(serde_json::Value::Null),
            Value::Bool(value) => Self::Literal((*value).into()),
            Value::Int(value) => Self::Literal((*value).into()),
            Value::Float(value) => Self::Literal((*value).into()),
            Value::Str(_) => Self::Text(Text::lower(tree, context)?),
            Value::Seq(items) => Self::List(
                items
                    .iter()
                    .filter_map(|item| Self::lower(item, context))
                    .collect(),
            ),
            Value::Map(_) => {
                let mut fields = super::lower::Fields::open(tree, context)?;
                let keys: Vec<String> = fields.keys().map(|key| key.text.clone()).collect();
                Self::Map(
                    keys.into_iter()
                        .filter_map(|key| fields.read::<Self>(&key, context).map(|value| (key, value)))
                        .collect(),
                )
            }
        })
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// Writes an enum whose variants are words of the file, with [`Lower`] and `JsonSchema`.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[doc = $variant_doc])+ #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// Its words, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word in the file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl $crate::spec::lower::Lower for $name {
            fn lower(
                tree: &$crate::yaml::Tree,
                context: &mut $crate::spec::lower::Context<'_>,
            ) -> Option<Self> {
                let text = String::lower(tree, context)?;
                let found = Self::from_word(&text);
                if found.is_none() {
                    $crate::spec::scalar::unknown_word(&text, Self::WORDS, tree.span, context);
                }
                found
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool { true }

            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": Self::WORDS })
            }
        }
    };
}

pub(crate) use choice;

/// Reports a word that is none of the choices.
pub(crate) fn unknown_word(word: &str, words: &[&'static str], span: Span, context: &mut Context<'_>) {
    let list = words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ");
    context
        .error(
            Code::BAD_VALUE,
            span,
            format!("`{}` is not one of {list}", shorten(word)),
        )
        .suggest(word, words.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let millis = |text: &str| Duration::parse(text).map(Duration::millis);
        assert_eq!(millis("10s"), Some(10_000));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("1.5s"), Some(1500));
        for bad in [
            "", "10", "s", "10x", "5m1h", "1..2s", "-3s", "400d", "1e9s", "10 s",
        ] {
            assert_eq!(millis(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_of_a_block_scalar_is_found_in_the_file() {
        let file = "run: |\n    one {{ a }}\n    two {{ a }}\n";
        let span = locate(
            file,
            Span::new(5, file.len()),
            "one {{ a }}\ntwo {{ a }}\n",
            19..20,
        );
        assert_eq!(span.start as usize, file.rfind("a }}").unwrap());
    }
}
