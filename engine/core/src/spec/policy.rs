//! Budgets, permissions, and what follows a failed attempt.

use std::time::Duration as StdDuration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::choice::choice;
use super::kind::KindName;
use super::lower::{Context, Lower, OneOrMany, record};
use super::{Duration, Plain, Text};
use crate::diagnostic::Code;
use crate::yaml::{Tree, Value};

/// The most extra attempts that a file may ask for: a task that failed a hundred times will not succeed.
const MAX_RETRIES: u64 = 100;

/// The delay before the first extra attempt where the file says nothing: long enough for a busy port or a file
/// lock to be free again, short enough not to be noticed.
const DEFAULT_BACKOFF: StdDuration = StdDuration::from_millis(500);

/// The extra attempts of a model where the file says nothing. A model that is right in seven of ten attempts does one
/// task of ten in a row wrong in most runs, and the run with it: alone it finishes 3 of 100. With six more attempts
/// for each task it finishes more than 99 of 100, with five just that many; `cargo bench --bench ladder` shows it. What
/// goes well at once costs nothing of it, and one that keeps failing alike is given up long before.
const DEFAULT_RETRIES: u32 = 6;

/// The same of an `agent`, which is told what its verifiers found while its attempt goes on.
const DEFAULT_RETRIES_OF_AGENT: u32 = 2;

record! {
    /// What may be spent. Each cap is checked with the worst case of the next call, before it is made.
    pub struct Budget {
        /// Tokens of prompts and answers together.
        [optional] tokens: u64 = "200000",
        /// Calls of models.
        [optional] calls: u64 = "80",
        /// US dollars.
        [optional] usd: f64 = "0",
        /// Time that a run is active, as on a clock on the wall. For a task it is counted from the start of its first
        /// attempt, and for a used workflow from its start.
        [optional] wall: Duration = "30m",
    }
}

record! {
    /// What a model may read, write and run.
    pub struct Permissions {
        /// Globs of files that may be read although git ignores them. Environment files (`.env*`), `.git` and
        /// `.smallcode` are read only where a glob has a name for them: `config/.env.example`, not `**`.
        [default] read: OneOrMany<Text>,
        /// Globs of files that may be written.
        [default] write: OneOrMany<Text> = r#"["src/**"]"#,
        /// Commands that may be run, word by word; `*` stands for one word.
        [default] run: OneOrMany<Text> = r#"["npm ci", "npm test"]"#,
        /// Whether those commands may use the network, where the system can keep them from it; false where this is
        /// missing.
        [default] network: bool = "true",
    }
}

#[expect(clippy::derivable_impls, reason = "`record!` writes the struct")]
impl Default for Permissions {
    fn default() -> Self {
        Self {
            read: OneOrMany::default(),
            write: OneOrMany::default(),
            run: OneOrMany::default(),
            network: false,
        }
    }
}

record! {
    /// What follows a failed attempt, in this order.
    pub struct OnFailure {
        /// Extra attempts: a number, or a mapping with `max`, `backoff` and `jitter`. Where this is missing, a model
        /// that answered wrongly has 6 more, an `agent` 2; whatever else fails has none.
        [optional] retry: Retry = "3",
        /// Cuts the work into smaller nodes: `true` for the way that suits the failure, or one of the ways.
        [optional] split: Split = "true",
        /// Lets a stronger model try: `true`, or the name of a profile. The run must allow it too.
        [optional] escalate: Escalate = "true",
        /// Goes on as if the task had succeeded: what needs it runs, and the run can still end well.
        [default "continue"] goes_on: bool = "true",
    }
}

#[expect(clippy::derivable_impls, reason = "`record!` writes the struct")]
impl Default for OnFailure {
    fn default() -> Self {
        Self {
            retry: None,
            split: None,
            escalate: None,
            goes_on: false,
        }
    }
}

/// Extra attempts and the time between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many attempts may follow the first.
    pub max: u32,
    /// The delay before the first of them; it doubles with each.
    pub backoff: StdDuration,
    /// Whether each delay is a random part of its length, between half and all of it, so that nodes that
    /// failed together don't come back together.
    pub jitter: bool,
    /// Whether only wrong answers of a model are followed by another attempt, and not what went wrong outside of it.
    pub only_answers: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 0,
            backoff: DEFAULT_BACKOFF,
            jitter: true,
            only_answers: false,
        }
    }
}

impl Retry {
    /// What a task of this kind has where its file says nothing. Something has to find an attempt wrong before there
    /// is another: a verifier, the form that the answer must have, or that there is none at all. A wrong answer gets
    /// no better by waiting; of a server that breaks off, a full disk or a time that is over, only the author
    /// knows whether trying again is worth it.
    pub fn usual(kind: KindName) -> Self {
        Self {
            max: match kind {
                KindName::Prompt | KindName::Edit | KindName::Plan => DEFAULT_RETRIES,
                KindName::Agent => DEFAULT_RETRIES_OF_AGENT,
                KindName::Run | KindName::Render | KindName::Bone | KindName::Uses | KindName::Approve => 0,
            },
            backoff: StdDuration::ZERO,
            only_answers: true,
            ..Self::default()
        }
    }
}

record! {
    /// Extra attempts and the time between them.
    pub struct RetryKeys {
        /// How many attempts may follow the first.
        [required] max: u64 = "3",
        /// The delay before the first extra attempt; it doubles with each.
        [optional] backoff: Duration = "2s",
        /// Whether delays are shortened at random by up to half; true where this is missing.
        [optional] jitter: bool,
    }
}

impl Lower for Retry {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let default = Self::default();
        let (max, retry) = match &tree.value {
            Value::Int(_) => (u64::lower(tree, context)?, default),
            Value::Map(_) => {
                let keys = RetryKeys::lower(tree, context)?;
                let backoff = keys.backoff.map_or(default.backoff, |backoff| backoff.0);
                (
                    keys.max,
                    Self {
                        backoff,
                        jitter: keys.jitter.unwrap_or(default.jitter),
                        ..default
                    },
                )
            }
            _ => return context.wrong_type(tree, "a number of extra attempts, or a mapping with `max`"),
        };
        if max > MAX_RETRIES {
            context.error(
                Code::BAD_VALUE,
                tree.span,
                format!("{max} extra attempts are too many; at most {MAX_RETRIES}"),
            );
            return None;
        }
        Some(Self {
            max: u32::try_from(max).unwrap_or(u32::MAX),
            ..retry
        })
    }
}

impl JsonSchema for Retry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Retry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<RetryKeys>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": MAX_RETRIES }, keys] })
    }
}

choice! {
    /// A way to cut the work of a node into smaller nodes.
    pub enum SplitBy {
        /// The way that suits the failure.
        Auto = "auto",
        /// A node per file.
        File = "file",
        /// A node per symbol of a file.
        Symbol = "symbol",
        /// A node per diagnostic of the verifier.
        Diagnostic = "diagnostic",
        /// A node per item of the input.
        Item = "item",
        /// A node per section of a document.
        Section = "section",
        /// Nodes that the model proposes.
        Plan = "plan",
    }
}

/// The `split:` key: `true`, `false` or a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split(pub Option<SplitBy>);

impl Lower for Split {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match tree.value {
            Value::Bool(split) => Some(Self(split.then_some(SplitBy::Auto))),
            _ => SplitBy::lower(tree, context).map(|way| Self(Some(way))),
        }
    }
}

impl JsonSchema for Split {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Split".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "enum": SplitBy::WORDS }] })
    }
}

/// The `escalate:` key: `true`, `false` or the name of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Escalate {
    /// Not allowed.
    No,
    /// To the profile that the configuration names for it.
    Default,
    /// To this profile.
    To(Plain),
}

impl Lower for Escalate {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match tree.value {
            Value::Bool(false) => Some(Self::No),
            Value::Bool(true) => Some(Self::Default),
            _ => Plain::lower(tree, context).map(Self::To),
        }
    }
}

impl JsonSchema for Escalate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Escalate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"] })
    }
}
