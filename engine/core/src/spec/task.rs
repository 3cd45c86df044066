//! One entry under `tasks:`: the keys that every task may have, and its kind.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::kind::{Kind, KindName};
use super::lower::{Context, Fields, Lower, Map, OneOrMany, Record, record};
use super::{Budget, Duration, Expression, Foreach, Matrix, Name, OnFailure, Plain, Retry, Text, Verifier};
use crate::diagnostic::{Code, Span, listed};
use crate::yaml::Tree;

record! {
    /// The keys that every kind of task may have.
    pub struct Common {
        /// What the task is for, in a sentence.
        [optional] description: Plain,
        /// The tasks that must have ended before this one starts.
        [default] needs: OneOrMany<Name> = "design",
        /// Runs the task only where this expression is true. A call of `success()`, `failure()`, `always()` or
        /// `cancelled()` in it replaces the rule that every need must have succeeded.
        [optional "if"] condition: Expression = "inputs.publish and success()",
        /// Makes one node per item of a list, or of an expression that gives one; `item` and `index` are known.
        [optional] foreach: Foreach = "{{ tasks.list.output }}",
        /// Makes one node per combination of values, with `include` and `exclude`; `matrix.NAME` is known.
        [optional] matrix: Matrix = r#"{"os": ["linux", "macos"]}"#,
        /// The most items that `foreach` or `matrix` may have; 1,000 where this is missing.
        [optional] max_items: u64 = "100",
        /// The most nodes of this task that run at the same time.
        [optional] max_parallel: u64 = "4",
        /// Stops the other nodes of this task when one fails; false where this is missing.
        [default] fail_fast: bool = "true",
        /// The longest that one attempt may take.
        [optional] timeout: Duration = "10m",
        /// What happens after a failed attempt.
        [default] on_failure: OnFailure = r#"{"retry": 2}"#,
        /// What decides that an attempt has succeeded, cheapest first.
        [default] verify: OneOrMany<Verifier>,
        /// Whether a verified result may be used again for the same inputs. On for `prompt` and `edit`; off for
        /// `run` unless it declares `reads` and `writes`.
        [optional] cache: bool,
        /// Globs of files that the task depends on.
        [default] reads: OneOrMany<Text> = r#"["src/**/*.rs"]"#,
        /// Globs of files that the task may create or change. They are put back when the attempt fails, all of them
        /// being copied before it: name no more than it needs. `.git` is left out unless a glob begins there.
        [default] writes: OneOrMany<Text> = r#"["docs/**"]"#,
        /// Environment variables for the commands of the task.
        [default] env: TaskEnvironment = r#"{"LANG": "C.UTF-8"}"#,
        /// Names of environment variables whose values reach `run` and are masked everywhere else.
        [default] secrets: OneOrMany<Plain> = r#"["GITHUB_TOKEN"]"#,
        /// The folder that commands run in, relative to the workspace.
        [optional] cwd: Text = "server",
        /// What the nodes of this task may spend together.
        [optional] budget: Budget,
        /// Name of the profile that answers this task's prompts.
        [optional] model: Plain = "local",
    }
}

/// The `env:` of a task.
#[derive(Clone, Debug, Default)]
pub struct TaskEnvironment(pub Vec<(String, Text)>);

impl Lower for TaskEnvironment {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let keys: Vec<_> = fields.keys().collect();
        let mut variables = Vec::new();
        for key in keys {
            let good = super::environment_name(&key.text, key.span, context);
            if let Some(value) = fields.read::<Text>(&key.text, context)
                && good
            {
                variables.push((key.text.clone(), value));
            }
        }
        Some(Self(variables))
    }
}

impl JsonSchema for TaskEnvironment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TaskEnvironment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Map::<Text>::json_schema(generator)
    }
}

/// A task: its kind with what the kind needs, and the keys that every task has.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it does.
    pub kind: Kind,
    /// When, how often and under what rules.
    pub common: Common,
    /// Where the kind's key stands.
    pub kind_span: Span,
}

impl Task {
    /// The extra attempts that it has: those of the file, else the usual ones of its kind.
    pub fn retry(&self) -> Retry {
        let written = self.common.on_failure.retry;
        written.unwrap_or_else(|| Retry::usual(self.kind.name()))
    }
}

impl Lower for Task {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let kinds: Vec<_> = fields
            .keys()
            .filter_map(|key| Some((KindName::from_word(&key.text)?, key.span)))
            .collect();
        let common = Common::take(&mut fields, context);
        let (name, kind_span) = match kinds.as_slice() {
            [one] => *one,
            [] => {
                no_kind(&fields, context);
                return None;
            }
            [(first, first_span), (second, second_span), ..] => {
                let source = context.source;
                context
                    .error(
                        Code::TASK_KIND,
                        *second_span,
                        format!(
                            "a task has one kind, this one has `{}` and `{}`",
                            first.as_str(),
                            second.as_str()
                        ),
                    )
                    .also(source, *first_span, "the first")
                    .help("make two tasks, the second with `needs` on the first");
                return None;
            }
        };
        let kind = Kind::take(name, &mut fields, context);
        finish(name, fields, context);
        Some(Self {
            kind: kind?,
            common: common?,
            kind_span,
        })
    }
}

fn no_kind(fields: &Fields<'_>, context: &mut Context<'_>) {
    let kinds = listed(KindName::WORDS.iter());
    let unknown: Vec<_> = fields
        .keys()
        .filter(|key| !Kind::beside_keys().contains(&key.text.as_str()))
        .collect();
    match unknown.as_slice() {
        [only] => context
            .error(
                Code::TASK_KIND,
                only.span,
                format!("`{}` is no kind of task", only.text),
            )
            .suggest(&only.text, KindName::WORDS.iter().copied())
            .help(format!("the kinds are {kinds}")),
        _ => context
            .error(Code::TASK_KIND, fields.span, "this task has no kind")
            .help(format!("say what it does with one of {kinds}")),
    };
}

/// Reports the keys that are left: known ones that belong to another kind, and unknown ones.
fn finish(kind: KindName, mut fields: Fields<'_>, context: &mut Context<'_>) {
    let left: Vec<_> = fields.keys().collect();
    for key in left {
        let owners: Vec<&str> = KindName::ALL
            .iter()
            .filter(|other| Kind::beside(**other).contains(&key.text.as_str()))
            .map(|other| other.as_str())
            .collect();
        if !owners.is_empty() {
            fields.take(&key.text);
            let owners = listed(owners.iter());
            context
                .error(
                    Code::MISPLACED_KEY,
                    key.span,
                    format!("`{}` has no meaning beside `{}`", key.text, kind.as_str()),
                )
                .help(format!("it goes with {owners}"));
        }
    }
    let known: Vec<&'static str> = Kind::beside(kind).iter().chain(Common::KEYS).copied().collect();
    fields.finish(&known, context);
}

impl JsonSchema for Task {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Task".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Common::properties(generator);
        Kind::properties(generator, &mut properties);
        let mut schema = properties.into_schema("A task: one kind, and how it is done and checked.");
        let one_kind: Vec<_> = KindName::WORDS
            .iter()
            .map(|word| serde_json::json!({ "required": [word] }))
            .collect();
        schema.insert("oneOf".to_owned(), one_kind.into());
        schema
    }
}
