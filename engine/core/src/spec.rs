//! What a workflow file says: typed, with the place of everything, all problems of the file collected.
//!
//! One file per kind of task stands in `spec/kind`. Rules that need more than one task to decide are
//! [`check`](crate::check)'s; what the values come to in a run is [`plan`](crate::plan)'s and the runtime's.

mod choice;
mod fan;
mod input;
mod kind;
pub(crate) mod lower;
mod mcp;
mod policy;
mod scalar;
mod schema;
mod task;
mod text;
mod verify;

use std::sync::Arc;

pub use fan::{DEFAULT_MAX_ITEMS, Foreach, MAX_ITEMS, Matrix};
pub use input::{Input, InputKeys, InputType, Mismatch};
pub use kind::*;
pub use lower::{Context, ErrorBuilder, Fields, Lower, Map, OneOrMany, Properties, Record};
pub use mcp::McpServer;
pub use policy::{Budget, Escalate, OnFailure, Permissions, Retry, RetryKeys, Split, SplitBy};
pub use scalar::{Duration, Name};
pub use schema::workflow_schema;
pub use task::{Common, Task, TaskEnvironment};
pub use text::{Data, Expression, Plain, Text};
pub use verify::{Switch, Verifier, VerifierKeys, VerifierKind, VerifierName, pattern};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceId, Span};
use crate::yaml::{self, Tree, Value};
use choice::unknown_word;
use lower::record;

/// The version of the file format that this engine reads: the `smallcode:` key.
pub const FORMAT: u64 = 1;

record! {
    /// A smallcode workflow: inputs, tasks that need each other, outputs.
    pub struct Workflow {
        /// Version of the file format.
        [required] smallcode: Format = "1",
        /// What the workflow is called; its file's folder or name where this is missing.
        [optional] name: Plain = "release-notes",
        /// What the workflow is for, in a sentence.
        [optional] description: Plain = "Writes release notes from the git history.",
        /// What the workflow is given: each name with its type.
        [default] inputs: Map<Input>,
        /// Names of environment variables that expressions may use as `env.NAME`; as a mapping, with defaults.
        [default] env: Environment = r#"["CI"]"#,
        /// Name of the profile that answers prompts where a task names none.
        [optional] model: Plain = "local",
        /// What one run may spend.
        [optional] budget: Budget,
        /// What a model may read, write and run. Nothing but reading is allowed by default.
        [default] permissions: Permissions,
        /// Servers of tools that an `agent` may name, after the Model Context Protocol (MCP).
        [default] mcp: Map<McpServer> = r#"{"docs": {"command": "docs-server --stdio"}}"#,
        /// Keys that every task has unless it sets them itself.
        [optional] defaults: Defaults,
        /// The tasks by name.
        [required] tasks: Tasks,
        /// The results of the workflow, each an expression over inputs and tasks.
        [default] outputs: Map<Data>,
    }
}

/// A workflow that has been read, with what its checks need.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The workflow.
    pub workflow: Workflow,
    /// The names of inputs that could not be read, so that what uses them doesn't seem wrong as well.
    pub broken_inputs: Vec<String>,
    /// Its source.
    pub source: SourceId,
    /// Its text.
    pub text: Arc<str>,
}

/// Reads a workflow. Problems go to `problems`; `None` where so much is wrong that nothing can be checked further.
pub fn load(text: &Arc<str>, source: SourceId, problems: &mut Diagnostics) -> Option<Loaded> {
    let tree = match yaml::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            let mut diagnostic = Diagnostic::new(error.code, source, error.span, error.message);
            diagnostic.help.extend(error.help);
            problems.push(diagnostic);
            return None;
        }
    };
    let mut context = Context {
        source,
        text,
        problems,
    };
    for (second, first) in yaml::repeated_merges(text) {
        context
            .error(Code::DUPLICATE_KEY, second, "`<<` is here twice")
            .also(source, first, "first here")
            .help("merge several mappings with one `<<: [*one, *other]`");
    }
    if tree.value == Value::Null {
        context
            .error(Code::YAML_SYNTAX, Span::default(), "the file is empty")
            .help("a workflow starts with `smallcode: 1`");
        return None;
    }
    let tree = with_defaults(tree, &mut context);
    let workflow = Workflow::lower(&tree, &mut context)?;
    Some(Loaded {
        broken_inputs: broken_inputs(&tree, &workflow),
        workflow,
        source,
        text: Arc::clone(text),
    })
}

fn broken_inputs(tree: &Tree, workflow: &Workflow) -> Vec<String> {
    let inputs = |tree: &Tree| match &tree.value {
        Value::Map(entries) => entries.iter().map(|(name, _)| name.text.clone()).collect(),
        _ => Vec::new(),
    };
    let Value::Map(entries) = &tree.value else {
        return Vec::new();
    };
    let given = entries.iter().find(|(key, _)| key.text == "inputs");
    let mut names = given.map(|(_, tree)| inputs(tree)).unwrap_or_default();
    names.retain(|name| !workflow.inputs.contains_key(name.as_str()));
    names
}

/// The `smallcode:` key: the version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format;

impl Lower for Format {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        if tree.value == Value::Int(1) {
            return Some(Self);
        }
        let written = context.written(tree);
        context
            .error(
                Code::BAD_VALUE,
                tree.span,
                format!("`{written}` is no format version that this engine knows"),
            )
            .help(format!("write `smallcode: {FORMAT}`"));
        // The rest of the file is worth checking all the same.
        Some(Self)
    }
}

impl schemars::JsonSchema for Format {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "const": FORMAT })
    }
}

/// The environment variables that expressions may use, each with its default.
#[derive(Clone, Debug, Default)]
pub struct Environment(pub Vec<(String, Option<String>)>);

impl Lower for Environment {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut names = Vec::new();
        match &tree.value {
            Value::Seq(items) => {
                for item in items {
                    if let Some(name) = String::lower(item, context)
                        && environment_name(&name, item.span, context)
                    {
                        names.push((name, None));
                    }
                }
            }
            Value::Map(_) => {
                let mut fields = Fields::open(tree, context)?;
                let keys: Vec<_> = fields.keys().collect();
                for key in keys {
                    let Some((_, value)) = fields.take(&key.text) else {
                        continue;
                    };
                    let default = if value.value == Value::Null {
                        None
                    } else {
                        String::lower(value, context)
                    };
                    if environment_name(&key.text, key.span, context) {
                        names.push((key.text.clone(), default));
                    }
                }
            }
            _ => return context.wrong_type(tree, "a list of names, or a mapping from names to defaults"),
        }
        Some(Self(names))
    }
}

/// Whether a text can name an environment variable (POSIX: letters, digits and `_`, no digit first).
pub(crate) fn environment_name(name: &str, span: Span, context: &mut Context<'_>) -> bool {
    let mut chars = name.chars();
    let good = chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_');
    if !good {
        context
            .error(
                Code::BAD_NAME,
                span,
                format!("`{name}` can't name an environment variable"),
            )
            .help("use letters, digits and `_`, with no digit first");
    }
    good
}

impl schemars::JsonSchema for Environment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Environment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "additionalProperties": { "type": ["string", "null", "number", "boolean"] } },
        ] })
    }
}

/// The `defaults:` mapping. Its keys are put into the tasks before these are read, so nothing is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct Defaults;

impl Lower for Defaults {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let fields = Fields::open(tree, context)?;
        for key in fields.keys() {
            if !Common::KEYS.contains(&key.text.as_str()) {
                unknown_word(&key.text, Common::KEYS, key.span, context);
            }
        }
        Some(Self)
    }
}

impl schemars::JsonSchema for Defaults {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Defaults".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Common::properties(generator).into_schema("Keys that every task has unless it sets them itself.")
    }
}

/// Puts the keys of `defaults:` into every task that does not set them; `env` is merged name by name.
fn with_defaults(mut tree: Tree, context: &mut Context<'_>) -> Tree {
    let Value::Map(entries) = &mut tree.value else {
        return tree;
    };
    let Some((key, defaults)) = entries.iter().find_map(|(key, value)| match &value.value {
        Value::Map(defaults) if key.text == "defaults" => Some((key.clone(), defaults)),
        _ => None,
    }) else {
        return tree;
    };
    // Unknown and repeated keys are reported where `defaults:` itself is read.
    let mut known: Vec<(yaml::Key, Tree)> = Vec::new();
    for (key, value) in defaults {
        if Common::KEYS.contains(&key.text.as_str()) && !known.iter().any(|(other, _)| other.text == key.text)
        {
            known.push((key.clone(), value.clone()));
        }
    }
    let Some((
        _,
        Tree {
            value: Value::Map(tasks),
            ..
        },
    )) = entries.iter_mut().find(|(key, _)| key.text == "tasks")
    else {
        return tree;
    };
    let (values, bytes) = known.iter().fold((0, 0), |(values, bytes), (_, value)| {
        let (more, length) = size(value);
        (values + more, bytes + length)
    });
    if tasks.len().saturating_mul(values) > yaml::MAX_NODES
        || tasks.len().saturating_mul(bytes) > yaml::MAX_SCALAR_BYTES
    {
        context
            .error(
                Code::YAML_LIMIT,
                key.span,
                format!("`defaults` is too large to be given to {} tasks", tasks.len()),
            )
            .help("keep large values in the tasks that use them");
        return tree;
    }
    for (_, task) in tasks {
        let Value::Map(keys) = &mut task.value else {
            continue;
        };
        for (key, value) in &known {
            match keys.iter_mut().find(|(own, _)| own.text == key.text) {
                None => keys.push((key.clone(), value.clone())),
                Some((_, own)) if key.text == "env" => merge(own, value),
                Some(_) => {}
            }
        }
    }
    tree
}

/// Adds the entries of a mapping that another lacks.
fn merge(own: &mut Tree, shared: &Tree) {
    let (Value::Map(own), Value::Map(shared)) = (&mut own.value, &shared.value) else {
        return;
    };
    let named: std::collections::HashSet<String> = own.iter().map(|(name, _)| name.text.clone()).collect();
    let missing = shared.iter().filter(|(name, _)| !named.contains(&name.text));
    own.extend(missing.cloned());
}

/// How many values a tree has, and the bytes of their texts.
fn size(tree: &Tree) -> (usize, usize) {
    // Recursion is bounded by yaml::MAX_DEPTH.
    let inner = |values: &mut dyn Iterator<Item = &Tree>| {
        values.map(size).fold((1, 0), |(values, bytes), (more, length)| {
            (values + more, bytes + length)
        })
    };
    match &tree.value {
        Value::Str(text) => (1, text.len()),
        Value::Seq(items) => inner(&mut items.iter()),
        Value::Map(entries) => inner(&mut entries.iter().map(|(_, value)| value)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => (1, 0),
    }
}

/// The tasks, in the order of the file. A task that could not be read keeps its name, so that others which
/// need it don't seem wrong as well, and its needs, which are checked all the same.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    /// The tasks that could be read.
    pub read: Map<Task>,
    /// The names of those that could not, and what they need.
    pub broken: Map<Vec<Name>>,
}

impl Lower for Tasks {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let keys: Vec<_> = fields.keys().collect();
        if keys.is_empty() {
            context
                .error(
                    Code::MISSING_KEY,
                    fields.span,
                    "a workflow needs at least one task",
                )
                .help("add one, such as `hello: { run: echo hello }`");
            return None;
        }
        let mut tasks = Self::default();
        for key in keys {
            let name = Name::checked(&key.text, key.span, context);
            let tree = fields.peek(&key.text).map(|(_, tree)| tree);
            match (name, fields.read::<Task>(&key.text, context)) {
                (Some(name), Some(task)) => {
                    tasks.read.insert(name, task);
                }
                (Some(name), None) => {
                    let needs = tree
                        .map(|tree| needs_of_broken(tree, context))
                        .unwrap_or_default();
                    tasks.broken.insert(name, needs);
                }
                // What is wrong in it has been told all the same.
                (None, _) => {}
            }
        }
        Some(tasks)
    }
}

/// What a task needs whose problems have been told.
fn needs_of_broken(tree: &Tree, context: &Context<'_>) -> Vec<Name> {
    let Value::Map(entries) = &tree.value else {
        return Vec::new();
    };
    let mut told = Diagnostics::default();
    let mut context = Context {
        source: context.source,
        text: context.text,
        problems: &mut told,
    };
    let needs = entries.iter().find(|(key, _)| key.text == "needs");
    needs
        .and_then(|(_, needs)| OneOrMany::lower(needs, &mut context))
        .unwrap_or_default()
        .0
}

impl schemars::JsonSchema for Tasks {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tasks".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let task = generator.subschema_for::<Task>();
        schemars::json_schema!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" },
            "additionalProperties": task,
        })
    }
}
