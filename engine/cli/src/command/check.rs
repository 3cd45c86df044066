//! `smallcode check`: everything that can be known of workflows without running them.

use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use indexmap::IndexMap;
use smallcode_core::diagnostic::{Diagnostic, count};
use smallcode_core::load::{self, Bundle};
use smallcode_core::plan::{self, Bound, Given, ProfileFacts};
use smallcode_runtime::workspace::Disk;

use super::plan::{ENGINE, bounds};
use super::{Shared, pretty, print};
use crate::exit::{Exit, Refusal};
use crate::render;
use crate::report::Verbosity;
use crate::setting::{Outside, asks};
use crate::terminal::Terminal;

/// Check workflows without running them
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The workflow files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// How problems are told
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How problems are told.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people, on standard error
    Text,
    /// For programs: one JSON array on standard output
    Json,
}

/// Checks the files; exits with 2 when one has errors.
pub(crate) fn run(check: &Check, shared: &Shared, terminal: &Terminal) -> Result<Exit, Refusal> {
    let mut good = 0;
    let mut bounds = Vec::new();
    let mut found = Vec::new();
    // What is asked of no model has no window to fit.
    let mut outside: Option<Outside> = None;
    let mut refused = None;
    for file in &check.files {
        let mut load = load::load(file, &Disk);
        if let Some(bundle) = load.bundle.take() {
            let mut profiles = IndexMap::new();
            if refused.is_none() && asks(&bundle) {
                match stated(&mut outside, &bundle, shared, terminal) {
                    Ok(stated) => profiles = stated,
                    // What is wrong with the files is told in any case.
                    Err(refusal) => refused = Some(refusal),
                }
            }
            load.problems
                .extend(plan::oversized(&bundle, &profiles, None, Bound::Most));
            if !load.problems.iter().any(Diagnostic::is_error) {
                good += 1;
                bounds.push(bounds_of(file, &bundle, profiles));
            }
        }
        match check.format {
            Format::Json => {
                if let serde_json::Value::Array(list) =
                    render::diagnostics::json(&load.problems, &load.sources)
                {
                    found.extend(list);
                }
            }
            Format::Text if load.problems.is_empty() => {}
            Format::Text => {
                let text = render::diagnostics::render(&load.problems, &load.sources, terminal.style.color);
                let _ = write!(std::io::stderr(), "{text}");
            }
        }
    }
    match check.format {
        Format::Json => print(&pretty(&found)?)?,
        Format::Text if terminal.verbosity > Verbosity::Quiet && good > 0 => {
            let _ = writeln!(
                std::io::stderr(),
                "{}{} can be run",
                bounds.concat(),
                count(good, "workflow")
            );
        }
        Format::Text => {}
    }
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    Ok(if good == check.files.len() {
        Exit::Done
    } else {
        Exit::Wrong
    })
}

/// What the settings, which are read once, say of the profiles that a workflow uses.
fn stated(
    outside: &mut Option<Outside>,
    bundle: &Bundle,
    shared: &Shared,
    terminal: &Terminal,
) -> Result<IndexMap<String, ProfileFacts>, Refusal> {
    let outside = match outside {
        Some(outside) => outside,
        none => none.insert(Outside::open(&shared.workspace, None, terminal)?),
    };
    outside.stated(bundle)
}

/// What a run takes at most, as far as that is known without its inputs and its servers.
fn bounds_of(file: &Utf8Path, bundle: &Bundle, profiles: IndexMap<String, ProfileFacts>) -> String {
    let given = Given {
        profiles,
        ..Given::default()
    };
    match plan::plan(bundle, &given, ENGINE) {
        Ok(plan) => bounds(&plan, bundle),
        Err(_) => format!("{file}: what it takes at most depends on its inputs: `smallcode plan` tells\n"),
    }
}
