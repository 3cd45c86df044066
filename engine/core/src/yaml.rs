//! YAML text to a tree with spans: the only file that names the YAML crate.
//!
//! Anchors and merge keys are resolved, duplicate keys are kept for the caller to report, and hostile text is
//! refused by limits. What the keys mean is [`spec`](crate::spec)'s business.
//!
//! The crate behind it is `serde-saphyr`: of the YAML crates with serde support it was the only one that
//! refused every hostile text of `tests/hostile` in bounded time and memory (`serde_yaml`, archived by its
//! author, and its forks hang on 195 KB of brackets).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Options, Spanned};

use crate::diagnostic::{Code, Span};

/// The largest text that is parsed, in bytes. A workflow of 10,000 tasks is about 1 MB.
pub const MAX_BYTES: usize = 4 << 20;

/// The deepest nesting of lists and mappings. Each level takes stack in the parser: on the 2 MiB stack of a
/// worker thread 48 levels passed in a debug build and 56 did not, so 32 leaves a third of it free.
pub const MAX_DEPTH: usize = 32;

/// The most values of one text, aliases expanded. A workflow of 10,000 tasks has some 90,000.
pub const MAX_NODES: usize = 500_000;

/// The most values that aliases may stand for: a thousand tasks that share a block of a hundred values.
const MAX_REPEATED: usize = 100_000;

/// The most aliases of one text; a human writes tens.
const MAX_ALIASES: usize = 1_000;

/// The most bytes that all strings may have once aliases are expanded: four times the text itself, so that
/// sharing text by aliases stays possible and 20,000 aliases of one long string do not.
pub const MAX_SCALAR_BYTES: usize = 4 * MAX_BYTES;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The value.
    pub value: Value,
    /// Its bytes in the text; of an alias, those of the alias.
    pub span: Span,
    /// Where the value is written, when that is elsewhere: the anchor of an alias.
    pub defined: Option<Span>,
}

impl Tree {
    /// The first key that a mapping in it holds twice: of data, in which one of the two values would be lost.
    // Recursion is bounded by MAX_DEPTH, which the parser has enforced.
    pub fn repeated(&self) -> Option<&Key> {
        match &self.value {
            Value::Seq(items) => items.iter().find_map(Self::repeated),
            Value::Map(entries) => {
                let mut seen = HashSet::new();
                let twice = entries.iter().find(|(key, _)| !seen.insert(key.text.as_str()));
                let twice = twice.map(|(key, _)| key);
                twice.or_else(|| entries.iter().find_map(|(_, value)| value.repeated()))
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => None,
        }
    }

    /// The value as JSON; of a key that is there twice, the last counts.
    pub fn to_json(&self) -> serde_json::Value {
        // Recursion is bounded by MAX_DEPTH.
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Str(value) => value.as_str().into(),
            Value::Seq(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.to_json()))
                .collect(),
        }
    }
}

/// A YAML value. Mappings keep their order and their duplicates.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// A list.
    Seq(Vec<Tree>),
    /// A mapping.
    Map(Vec<(Key, Tree)>),
}

impl Value {
    /// What to call it in an error: `a list`, `text`, ...
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Str(_) => "text",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its text; other scalars than strings are taken as they are written.
    pub text: String,
    /// Its bytes in the text.
    pub span: Span,
}

/// Why a text was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// [`Code::YAML_SYNTAX`] or [`Code::YAML_LIMIT`].
    pub code: Code,
    /// What is wrong, ready to be shown.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The place.
    pub span: Span,
}

/// Reads one YAML document.
///
/// # Errors
/// When the text is not YAML, holds more than one document, or goes over one of the limits of this module.
pub fn parse(text: &str) -> Result<Tree, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error {
            code: Code::YAML_LIMIT,
            message: format!(
                "the file has {} bytes; a workflow may have {MAX_BYTES}",
                text.len()
            ),
            help: Some("split it with `uses`, or keep data in files that `read` takes in".to_owned()),
            span: Span::default(),
        });
    }
    // A byte order mark is no part of the text, but it counts in the offsets.
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options(MergeKeyPolicy::Merge)) {
        Ok(raw) => Ok(Builder { text }.tree(raw)),
        Err(error) => Err(describe(text, &error)),
    }
}

/// Finds where one mapping of a text that [`parse`] has read holds `<<` twice: the second, and the first. Both would
/// be merged, as if they were one with a list; but so a copied line goes unseen, and YAML wants keys to differ.
pub fn repeated_merges(text: &str) -> Vec<(Span, Span)> {
    let mut found = Vec::new();
    // A second reading, which few texts need.
    if text.match_indices("<<").nth(1).is_some()
        && let Ok(raw) =
            serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options(MergeKeyPolicy::AsOrdinary))
    {
        merges(text, &raw.value, &mut found);
    }
    // What has an anchor is read once more at each of its aliases.
    found.sort_unstable_by_key(|(second, _)| second.start);
    found.dedup();
    found
}

// Recursion is bounded by MAX_DEPTH, which the parser has enforced.
fn merges(text: &str, raw: &Raw, found: &mut Vec<(Span, Span)>) {
    match raw {
        Raw::Seq(items) => {
            for item in items {
                merges(text, &item.value, found);
            }
        }
        Raw::Map(entries) => {
            let keys = entries.iter().filter(|(key, _)| key.value == "<<");
            let mut places = keys.map(|(key, _)| span_of(text, &key.defined));
            if let Some(first) = places.next() {
                found.extend(places.map(|place| (place, first)));
            }
            for (_, value) in entries {
                merges(text, &value.value, found);
            }
        }
        Raw::Null | Raw::Bool(_) | Raw::Int(_) | Raw::Float(_) | Raw::Str(_) => {}
    }
}

fn options(merge_keys: MergeKeyPolicy) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_total_scalar_bytes: MAX_SCALAR_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: merge_keys,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPEATED },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// The tree as serde hands it over.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

struct Builder<'a> {
    text: &'a str,
}

impl Builder<'_> {
    // Recursion is bounded by MAX_DEPTH, which the parser has enforced.
    fn tree(&self, raw: Spanned<Raw>) -> Tree {
        let span = span_of(self.text, &raw.referenced);
        let defined = Some(span_of(self.text, &raw.defined)).filter(|defined| *defined != span);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Int(value) => Value::Int(value),
            Raw::Float(value) => Value::Float(value),
            Raw::Str(value) => Value::Str(value),
            Raw::Seq(items) => Value::Seq(items.into_iter().map(|item| self.tree(item)).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let span = span_of(self.text, &key.referenced);
                        (
                            Key {
                                text: key.value,
                                span,
                            },
                            self.tree(value),
                        )
                    })
                    .collect(),
            ),
        };
        Tree { value, span, defined }
    }
}

fn span_of(text: &str, location: &Location) -> Span {
    let span = location.span();
    let start = match span.byte_offset() {
        Some(offset) => usize::try_from(offset).unwrap_or(0).min(text.len()),
        None => offset_of(text, location.line(), location.column()),
    };
    let length = usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0);
    let end = start.saturating_add(length).min(text.len());
    // Block scalars and collections end with the blank space after them; an underline should not.
    let shown = text.get(start..end).unwrap_or_default().trim_end();
    Span::new(start, start + shown.len())
}

/// The byte offset of a 1-based line and column; errors of the scanner come without offsets.
fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start
        + rest
            .chars()
            .take_while(|char| *char != '\n')
            .take(column - 1)
            .map(char::len_utf8)
            .sum::<usize>()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;

        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a YAML value")
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Int(value))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "no key of a workflow takes a number this large"
            )]
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "no key of a workflow takes a number this large"
            )]
            fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "no key of a workflow takes a number this large"
            )]
            fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Str(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Str(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Raw::Seq(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(RawVisitor)
    }
}

/// What to do about a file that is too large.
const SPLIT: &str = "split the workflow with `uses`, or keep data in files that `read` takes in";

/// Our words for the crate's error: its own name its API and its options.
fn describe(text: &str, error: &serde_saphyr::Error) -> Error {
    use serde_saphyr::Error as E;

    let location = error.location().unwrap_or(Location::UNKNOWN);
    let mut span = span_of(text, &location);
    if span.start == span.end && (span.end as usize) < text.len() {
        // A caret wants a character to stand under.
        let rest = text.get(span.range().start..).unwrap_or_default();
        span.end += rest
            .chars()
            .next()
            .map_or(0, |first| u32::try_from(first.len_utf8()).unwrap_or(1));
    }
    let limit = |message: String, help: &str| Error {
        code: Code::YAML_LIMIT,
        message,
        help: Some(help.to_owned()),
        span,
    };
    let syntax = |message: String, help: Option<&str>| Error {
        code: Code::YAML_SYNTAX,
        message,
        help: help.map(str::to_owned),
        span,
    };
    match error {
        E::AliasError { error, .. } => describe(text, error),
        E::Budget { breach, .. } => limit(
            format!("the file goes over a limit of YAML texts: {}", words(breach)),
            SPLIT,
        ),
        E::AliasReplayLimitExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. }
        | E::AliasReplayCounterOverflow { .. } => limit(
            "the aliases of this file expand to too much".to_owned(),
            "repeat less, or keep the text in a file",
        ),
        E::MultipleDocuments { .. } => syntax(
            "the file holds more than one YAML document".to_owned(),
            Some("keep one workflow per file: remove the `---` and what follows it"),
        ),
        E::UnknownAnchor { .. } => syntax(
            "this alias has no anchor".to_owned(),
            Some("an anchor `&name` must stand before its `*name`; text that begins with `*` needs quotes"),
        ),
        E::MergeValueNotMapOrSeqOfMaps { .. } => {
            syntax("`<<` takes a mapping, or a list of mappings".to_owned(), None)
        }
        E::RecursiveReferencesRequireWeakTypes { .. } => syntax(
            "this alias stands inside its own anchor".to_owned(),
            Some("an anchored value can't hold itself"),
        ),
        E::InvalidBooleanStrict { .. } => syntax(
            "only `true` and `false` are booleans".to_owned(),
            Some("quote the word to have it as text"),
        ),
        E::Eof { .. } => syntax(
            "the file is empty".to_owned(),
            Some("a workflow starts with `smallcode: 1`"),
        ),
        other => {
            let text = other.to_string();
            let first = text.lines().next().unwrap_or_default();
            // JSON, which every value becomes, has no such numbers.
            if let Some((_, rest)) = first.split_once("non-finite float `") {
                let written = rest.split('`').next().unwrap_or_default();
                return syntax(
                    format!("`{written}` is no number that a value can hold"),
                    Some("quote it to have it as text"),
                );
            }
            // The scanner's own limits of nesting have no variant of their own.
            if first.contains("recursion limit") {
                return limit(
                    format!(
                        "the file goes over a limit of YAML texts: it nests deeper than {MAX_DEPTH} levels"
                    ),
                    SPLIT,
                );
            }
            // The position is told by the label; drop the crate's own.
            let message = first.split(" at line ").next().unwrap_or(first);
            let message = message.rsplit_once("error: ").map_or(message, |(_, rest)| rest);
            syntax(format!("not valid YAML: {message}"), hint(message))
        }
    }
}

fn words(breach: &BudgetBreach) -> String {
    use BudgetBreach as B;
    match breach {
        B::Depth { .. } => format!("it nests deeper than {MAX_DEPTH} levels"),
        B::Aliases { .. } | B::Anchors { .. } | B::AliasAnchorRatio { .. } => {
            format!("it has more than {MAX_ALIASES} anchors or aliases")
        }
        B::ScalarBytes { .. } => {
            format!("its strings, aliases expanded, take more than {MAX_SCALAR_BYTES} bytes")
        }
        _ => format!("it has more than {MAX_NODES} values, aliases expanded"),
    }
}

fn hint(message: &str) -> Option<&'static str> {
    if message.contains("tab") {
        Some("indent with spaces")
    } else if message.contains("mapping values are not allowed") || message.contains("simple key") {
        Some("text that holds `: ` needs quotes, or a block (`|`) below its key")
    } else if message.contains("tag") {
        Some("remove the tag (`!…`): every value has the type that its key wants")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
