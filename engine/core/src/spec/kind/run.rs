//! `run`: a command of the author's, as a shell line or as words.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{TaskKind, add_record};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::shell;
use crate::spec::Text;
use crate::spec::choice::choice;
use crate::spec::lower::{Context, Fields, Lower, Properties, Record, record};
use crate::template::Mode;
use crate::yaml::{Tree, Value};

choice! {
    /// How the standard output of a command becomes the task's output.
    pub enum Parse {
        /// One JSON value.
        Json = "json",
        /// A list of lines.
        Lines = "lines",
        /// Diagnostics of compilers and linters, from both streams: file, line, column, severity, code, message, source.
        Diagnostics = "diagnostics",
    }
}

record! {
    /// What stands beside `run`.
    pub struct RunKeys {
        /// What the command reads from its standard input; nothing where this is missing.
        [optional] stdin: Text = "{{ tasks.list.output|tojson }}",
        /// The shell for a line: `sh` where this is missing, or `bash`.
        [optional] shell: Shell = "bash",
        /// How standard output becomes the task's output; text without its last newline where this is missing.
        [optional] parse: Parse = "json",
        /// Whether the command may be run again without asking when a crash leaves open if it finished.
        [default] idempotent: bool = "true",
    }
}

choice! {
    /// The shells that a line may be written for.
    pub enum Shell {
        /// POSIX `sh`, stopping at the first failing command.
        Sh = "sh",
        /// `bash`, with `pipefail` as well.
        Bash = "bash",
    }
}

/// A line of shell with the values in it taken out: each becomes an environment variable.
#[derive(Clone, Debug)]
pub struct Line {
    /// The script that the shell gets.
    pub script: String,
    /// The variables and what they hold.
    pub values: Vec<(String, Text)>,
    /// The line as it was written.
    pub written: String,
}

/// What a `run` starts.
#[derive(Clone, Debug)]
pub enum Program {
    /// A line for a shell.
    Line(Line),
    /// A program and its arguments; a list spreads.
    Argv(Vec<Text>),
}

/// A command of the author's.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is started.
    pub program: Program,
    /// What stands beside it.
    pub beside: RunKeys,
    /// Where the command stands.
    pub span: Span,
}

record! {
    /// The mapping form of `run`.
    pub struct ArgvKeys {
        /// The program and its arguments, each a word of its own; no shell reads them.
        [required] argv: Vec<Text> = r#"["git", "log", "--oneline"]"#,
    }
}

impl TaskKind for Run {
    const BESIDE: &'static [&'static str] = RunKeys::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let (_, tree) = fields.take("run")?;
        let program = Program::lower(tree, context);
        let shell_span = fields.peek("shell").map(|(key, _)| key.span);
        let beside = RunKeys::take(fields, context);
        if let (Some(Program::Argv(_)), Some(span)) = (&program, shell_span) {
            context
                .error(Code::MISPLACED_KEY, span, "`shell` has no meaning with `argv`")
                .help("no shell reads an `argv`: remove one of the two");
        }
        Some(Self {
            program: program?,
            beside: beside?,
            span: tree.span,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<Program>();
        properties.add(
            "run",
            schema,
            "Kind: a command of the author's. A line of shell, or `argv`. A value in a line arrives as one word.",
            Some("cargo test --package {{ inputs.package }}"),
            false,
        );
        add_record::<RunKeys>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        self.program.texts(into);
        into.extend(&self.beside.stdin);
    }
}

impl Lower for Program {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        match &tree.value {
            Value::Map(_) => argv(tree, context).map(Self::Argv),
            _ => line(tree, context).map(Self::Line),
        }
    }
}

impl Program {
    /// Every text in it.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Self::Line(line) => into.extend(line.values.iter().map(|(_, text)| text)),
            Self::Argv(words) => into.extend(words),
        }
    }

    /// The command as it was written, for plans and reports.
    pub fn written(&self) -> String {
        match self {
            Self::Line(line) => line.written.clone(),
            Self::Argv(words) => words
                .iter()
                .map(|word| word.template.source())
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}

fn argv(tree: &Tree, context: &mut Context<'_>) -> Option<Vec<Text>> {
    let words = ArgvKeys::lower(tree, context)?.argv;
    if words.is_empty() {
        let span = Fields::open(tree, context)?.span;
        context
            .error(Code::BAD_VALUE, span, "`argv` is empty")
            .help("its first word is the program");
        return None;
    }
    Some(words)
}

fn line(tree: &Tree, context: &mut Context<'_>) -> Option<Line> {
    let written = String::lower(tree, context)?;
    if written.trim().is_empty() {
        context
            .error(Code::BAD_VALUE, tree.span, "the command is empty")
            .help("write a line of shell, or `argv`");
        return None;
    }
    // The whole line is compiled once for its problems; its values then one by one.
    let whole = Text::compile(&written, Mode::Text, tree, context)?;
    let (line, problems) = shell::analyse(&written);
    let mut good = true;
    for problem in problems {
        let error = matches!(problem.severity, crate::diagnostic::Severity::Error);
        let code = if error {
            Code::SHELL_VALUE
        } else {
            Code::REPARSED_VALUE
        };
        let span = whole.place(context.text, problem.span);
        let mut diagnostic = Diagnostic::new(code, context.source, span, problem.message);
        diagnostic.help.extend(problem.help);
        context.problems.push(diagnostic);
        good &= !error;
    }
    if !good {
        return None;
    }
    let mut values = Vec::with_capacity(line.slots.len());
    for slot in line.slots {
        let span = whole.place(context.text, slot.span);
        let mut text = Text::compile(&slot.template, Mode::Text, tree, context)?;
        text.span = span;
        values.push((slot.variable, text));
    }
    Some(Line {
        script: line.script,
        values,
        written,
    })
}

impl JsonSchema for Program {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Program".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let keys = generator.subschema_for::<ArgvKeys>();
        json_schema!({ "anyOf": [{ "type": "string" }, keys] })
    }
}

impl Run {
    /// The command as it was written, for plans and reports.
    pub fn written(&self) -> String {
        self.program.written()
    }

    /// The name of the shell's program, for a line.
    pub fn shell(&self) -> Shell {
        self.beside.shell.unwrap_or(Shell::Sh)
    }
}
