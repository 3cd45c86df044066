//! The commands, one file each.

pub(crate) mod bone;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod graph;
pub(crate) mod parse;
pub(crate) mod plan;
pub(crate) mod resume;
pub(crate) mod runs;
pub(crate) mod schema;

use std::io::Write as _;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};
use smallcode_core::diagnostic::Diagnostic;
use smallcode_core::load::{self, Bundle, Load};
use smallcode_runtime::workspace::Disk;

use crate::exit::{Exit, Refusal};
use crate::render;
use crate::render::style::ColorChoice;
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// A workflow engine that makes small language models useful
#[derive(Debug, Parser)]
#[command(
    name = "smallcode",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Say less: failures and the end
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: the output of commands and models; twice: the engine's own log
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The folder that the run works in
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) workspace: Utf8PathBuf,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workflow
    Exec(exec::Exec),
    /// Check workflows without running them
    Check(check::Check),
    /// Show what a run will do: its nodes, calls and tokens at worst
    Plan(plan::PlanCommand),
    /// Draw the tasks of a workflow
    Graph(graph::GraphCommand),
    /// Take a run up where it stopped
    Resume(resume::Resume),
    /// List, show or remove runs
    Runs(runs::Runs),
    /// Show how a reply of a model is read
    Parse(parse::Parse),
    /// Check, compile and lay out BoneScript programs
    Bone(bone::Bone),
    /// Explain a code such as E0201
    Explain(explain::Explain),
    /// Print the JSON Schema of workflow files, or of another format
    Schema(schema::SchemaCommand),
    /// Print the completions of a shell
    Completions(completions::Completions),
}

/// The inputs of a workflow.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Give an input a value; may be repeated
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// Read inputs from a JSON or YAML file; `--input` goes before it
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<Utf8PathBuf>,
}

/// Whether tasks that let a stronger model try may do so in this run, and how much that may cost.
#[derive(Debug, Args)]
pub(crate) struct EscalateFlags {
    /// Let tasks with `on_failure: { escalate }` ask a stronger model, after all else has failed
    #[arg(long, value_name = "PROFILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap's form of a flag that may have a value")]
    pub(crate) escalate: Option<Option<String>>,
    /// The most calls of the stronger model
    #[arg(long, value_name = "N")]
    pub(crate) escalate_calls: Option<u64>,
    /// The most that these may cost together, in US dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) escalate_usd: Option<f64>,
}

/// Loads a workflow, shows its warnings, and refuses it where there are errors.
pub(crate) fn load(path: &Utf8PathBuf, terminal: &Terminal) -> Result<(Bundle, Load), Refusal> {
    let mut load = load::load(path, &Disk);
    match load.bundle.take() {
        Some(bundle) => {
            if !load.problems.is_empty() && terminal.verbosity > Verbosity::Quiet {
                let text = render::diagnostics::render(&load.problems, &load.sources, terminal.style.color);
                let _ = write!(std::io::stderr(), "{text}");
            }
            Ok((bundle, load))
        }
        None => Err(refuse(&load.problems, &load, terminal)),
    }
}

/// Problems as a refusal.
pub(crate) fn refuse(problems: &[Diagnostic], load: &Load, terminal: &Terminal) -> Refusal {
    let text = render::diagnostics::render(problems, &load.sources, terminal.style.color);
    Refusal::rendered(Exit::Wrong, text)
}

/// Writes data to standard output; a reader that went away is no error.
pub(crate) fn print(text: &str) -> Result<(), Refusal> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Refusal::new(
            Exit::Io,
            format!("could not write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A value as JSON on lines of its own.
pub(crate) fn pretty(value: &impl serde::Serialize) -> Result<String, Refusal> {
    serde_json::to_string_pretty(value)
        .map(|mut text| {
            text.push('\n');
            text
        })
        .map_err(|error| Refusal::new(Exit::Bug, error.to_string()))
}
