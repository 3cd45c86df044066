//! The small values of a workflow file: names and durations.

use std::fmt;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::lower::{Context, Lower};
use crate::diagnostic::{Code, Span};
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

pub(super) fn shorten(text: &str) -> String {
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
}
