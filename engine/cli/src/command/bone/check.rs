//! `smallcode bone check`: everything that is wrong with programs.

use std::io::Write as _;

use bonescript::{Analysis, unreadable};
use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use smallcode_core::diagnostic::count;

use super::super::{pretty, print};
use super::source::{Checked, Strictness};
use super::{Disk, read, show};
use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// Check programs: every name, type and word
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The programs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// How problems are told
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    strictness: Strictness,
}

/// How problems are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, on standard error
    Text,
    /// For models: a line each, on standard output
    Compact,
    /// For programs: one JSON array on standard output
    Json,
}

/// Checks the programs; exits with 2 when one has errors.
pub(crate) fn run(check: &Check, terminal: &Terminal) -> Result<Exit, Refusal> {
    let level = check.strictness.level();
    let mut good = 0;
    let mut lines = String::new();
    let mut objects = Vec::new();
    for path in &check.files {
        let text = match read(path) {
            Ok(text) => text,
            Err(why) if check.format == Format::Text => {
                return Err(Refusal::new(
                    Exit::Wrong,
                    format!("`{path}` can't be read: {why}"),
                ));
            }
            // Whoever reads the problems finds this one among them.
            Err(why) => {
                let analysis = unreadable(path.as_str(), &why);
                lines.extend(compact(&analysis));
                objects.extend(show::json(&analysis));
                continue;
            }
        };
        let checked = Checked::new(path, &text, &Disk, level);
        let analysis = &checked.analysis;
        good += usize::from(analysis.program.is_some());
        match check.format {
            Format::Text => checked.tell(terminal),
            Format::Compact => lines.extend(compact(analysis)),
            Format::Json => objects.extend(show::json(analysis)),
        }
    }
    match check.format {
        Format::Text if terminal.verbosity > Verbosity::Quiet && good > 0 => {
            let verb = if good == 1 { "is" } else { "are" };
            let _ = writeln!(std::io::stderr(), "{} {verb} right", count(good, "program"));
        }
        Format::Text => {}
        Format::Compact => print(&lines)?,
        Format::Json => print(&pretty(&objects)?)?,
    }
    Ok(if good == check.files.len() {
        Exit::Done
    } else {
        Exit::Wrong
    })
}

/// The problems, a line each.
fn compact(analysis: &Analysis) -> impl Iterator<Item = String> {
    let problems = analysis.diagnostics.iter();
    problems.map(|problem| format!("{}\n", problem.compact(&analysis.sources)))
}
