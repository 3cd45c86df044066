//! `smallcode runs`: list, show and remove runs.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use smallcode_core::run::{Event, RunStatus, Timestamp};
use smallcode_core::spec::Duration;
use smallcode_runtime::dispatcher::now;
use smallcode_runtime::journal::{self, RunId};
use smallcode_runtime::runs::{self, Keep, Summary};
use smallcode_runtime::workspace::Workspace;

use super::{Shared, pretty, print};
use crate::exit::{Exit, Refusal};
use crate::render::style::Style;
use crate::render::text::duration;
use crate::report::plain::Plain;
use crate::report::{Report as _, Verbosity, View};
use crate::terminal::Terminal;

/// List, show or remove runs
#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: RunsCommand,
}

/// What to do with them.
#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// List the runs of the workspace, newest first
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what happened in a run
    Show {
        /// The run; the newest where it is left out
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Print its events as JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Remove old runs that have ended
    Gc {
        /// How many of the newest runs to keep
        #[arg(long, default_value_t = 20, value_name = "N")]
        keep: usize,
        /// Keep runs younger than this
        #[arg(long, default_value = "7d", value_parser = parse_age, value_name = "DURATION")]
        younger: std::time::Duration,
        /// Remove unfinished runs as well
        #[arg(long)]
        unfinished: bool,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
    },
}

fn parse_age(text: &str) -> Result<std::time::Duration, String> {
    if text == "0" {
        return Ok(std::time::Duration::ZERO);
    }
    Duration::parse(text)
        .map(|age| age.0)
        .ok_or_else(|| "write a number and a unit, such as `12h` or `7d`".to_owned())
}

/// Does it.
pub(crate) fn run(command: &Runs, shared: &Shared, terminal: &Terminal) -> Result<Exit, Refusal> {
    let workspace =
        Workspace::open(&shared.workspace).map_err(|error| Refusal::new(Exit::Wrong, error.to_string()))?;
    let root = workspace.root().as_std_path();
    let io = |error: journal::JournalError| Refusal::of(Exit::Io)(&error);
    match &command.command {
        RunsCommand::List { json } => {
            let list = runs::list(root).map_err(io)?;
            print(&if *json { pretty(&list)? } else { table(&list) })?;
        }
        RunsCommand::Show { run, json } => {
            let run = match run {
                Some(_) => super::resume::find(run.as_deref(), root)?,
                None => journal::list(root)
                    .map_err(io)?
                    .into_iter()
                    .next()
                    .ok_or_else(|| {
                        Refusal::new(Exit::Wrong, "this workspace has no runs")
                            .hint("start one with `smallcode exec`")
                    })?,
            };
            show(root, &run, *json, terminal)?;
        }
        RunsCommand::Gc {
            keep,
            younger,
            unfinished,
            dry_run,
        } => {
            let keep = Keep {
                newest: *keep,
                younger: *younger,
                unfinished_too: *unfinished,
            };
            let removed = runs::collect(root, keep, now(), *dry_run).map_err(io)?;
            let mut text = String::new();
            for summary in &removed {
                let _ = writeln!(text, "{}", summary.run);
            }
            print(&text)?;
            if removed.is_empty() {
                let why = "nothing to remove: the newest runs, young ones and unfinished ones are kept; `--keep`, \
                           `--younger` and `--unfinished` say otherwise";
                terminal.say(why);
            }
        }
    }
    Ok(Exit::Done)
}

fn table(list: &[Summary]) -> String {
    let mut text = String::new();
    for summary in list {
        let state = match (&summary.problem, summary.in_use, summary.status) {
            (Some(_), ..) => "damaged",
            (None, true, _) => "running",
            (None, false, None) => "died",
            (None, false, Some(RunStatus::Success)) => "success",
            (None, false, Some(RunStatus::Failure)) => "failure",
            (None, false, Some(RunStatus::OverBudget)) => "over budget",
            (None, false, Some(RunStatus::NoModel)) => "no model",
            (None, false, Some(RunStatus::Waiting)) => "waiting",
            (None, false, Some(RunStatus::Interrupted)) => "interrupted",
        };
        let took = duration(summary.last.since(summary.started));
        let resume = if summary.can_resume() {
            "  (can be resumed)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "{}  {state:11}  {took:>7}  {}{resume}",
            summary.run, summary.workflow
        );
        if let Some(problem) = &summary.problem {
            let _ = writeln!(text, "    {problem}");
        }
    }
    text
}

/// Shows a run from its journal alone, as it would have been shown live.
fn show(root: &std::path::Path, run: &RunId, json: bool, terminal: &Terminal) -> Result<(), Refusal> {
    let io = |error: journal::JournalError| Refusal::of(Exit::Io)(&error);
    let folder = journal::run_dir(root, run);
    if !folder.is_dir() {
        return Err(Refusal::new(Exit::Wrong, format!("there is no run {run}"))
            .hint("`smallcode runs list` shows them"));
    }
    let reader = journal::read::<Event>(&folder).map_err(io)?;
    let mut text = Vec::new();
    let verbosity = terminal.verbosity.max(Verbosity::Normal);
    let mut plain = Plain::new(
        &mut text,
        View {
            style: Style::PLAIN,
            verbosity,
            planned: None,
            asks: false,
            afterwards: true,
        },
    );
    for record in reader {
        let record = record.map_err(io)?;
        if json {
            let line = serde_json::json!({ "seq": record.seq, "at": record.at, "event": record.event });
            print(&format!("{line}\n"))?;
        } else {
            plain.event(Timestamp(record.at), record.seq, &record.event);
        }
    }
    if !json {
        plain
            .finish()
            .map_err(|error| Refusal::new(Exit::Io, error.to_string()))?;
        drop(plain);
        print(&String::from_utf8_lossy(&text))?;
    }
    Ok(())
}
