//! Programs as they are read for a command: with what they import, checked, and their problems told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;

use bonescript::{Analysis, Files, Level, check_with, ir};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use serde_json::json;
use smallcode_core::diagnostic::count;

use super::super::{pretty, print};
use super::{Disk, read, show};
use crate::exit::{Exit, Refusal};
use crate::terminal::Terminal;

/// How strictly a program is read.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Strictness {
    /// Make errors of what is let pass with a warning, as what a model writes is held to: fields of events that nothing
    /// fills, functions that nobody declares
    #[arg(long)]
    pub(super) strict: bool,
}

impl Strictness {
    pub(super) fn level(self) -> Level {
        if self.strict {
            Level::Strict
        } else {
            Level::Lenient
        }
    }
}

/// The texts of a program, by path: what a watcher looks at.
#[derive(Debug, Default)]
pub(super) struct Texts(RefCell<BTreeMap<Utf8PathBuf, Result<String, String>>>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<String, String> {
        let text = Disk.read(path);
        self.0.borrow_mut().insert(path.into(), text.clone());
        text
    }
}

impl Texts {
    /// Whether any of them is another one by now.
    pub(super) fn have_changed(&self) -> bool {
        let texts = self.0.borrow();
        texts.iter().any(|(path, text)| read(path) != *text)
    }

    /// Reads and checks a program.
    pub(super) fn check(&self, path: &Utf8Path, level: Level) -> Result<Checked, Refusal> {
        let text = self
            .read(path.as_str())
            .map_err(|why| Refusal::new(Exit::Wrong, format!("`{path}` can't be read: {why}")))?;
        Ok(Checked::new(path, &text, self, level))
    }
}

/// A program that was checked.
pub(super) struct Checked {
    pub(super) analysis: Analysis,
}

impl Checked {
    pub(super) fn new(path: &Utf8Path, text: &str, files: &dyn Files, level: Level) -> Self {
        let analysis = check_with(path.as_str(), text, files, level);
        Self { analysis }
    }

    /// Shows its problems, and gives what it means where it has no error.
    ///
    /// With `as_json` they are told on standard output, where nothing else is then.
    pub(super) fn right(self, terminal: &Terminal, as_json: bool) -> Result<ir::Program, Refusal> {
        if !as_json {
            self.tell(terminal);
        } else if self.analysis.program.is_none() {
            print(&pretty(&json!({ "diagnostics": show::json(&self.analysis) }))?)?;
        }
        let errors = self.analysis.errors();
        self.analysis.program.ok_or_else(|| {
            Refusal::new(
                Exit::Wrong,
                format!("{}: nothing is written", count(errors, "error")),
            )
        })
    }

    /// Shows its problems to people.
    pub(super) fn tell(&self, terminal: &Terminal) {
        if self.analysis.diagnostics.is_empty() {
            return;
        }
        let text = show::people(&self.analysis, terminal.style.color);
        // Where nobody reads it, nobody misses it.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
