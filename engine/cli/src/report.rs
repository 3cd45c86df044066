//! Readers of a run's events: what people see while it runs, and the files that programs read.
//!
//! A [`Report`] gets every event after it was journaled, and never answers: nothing that a report does or
//! fails to do changes the run. All but the output of commands can be rebuilt from a finished journal.

pub(crate) mod jsonl;
pub(crate) mod junit;
mod output;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod terminal;
mod wording;

use std::io;

use smallcode_core::run::{Event, Notice, Timestamp};

use crate::render::style::Style;

/// A reader of the events of a run.
pub(crate) trait Report: Send {
    /// Something happened, and is in the journal under this number.
    fn event(&mut self, at: Timestamp, seq: u64, event: &Event);

    /// Something that a person watching wants to see.
    fn notice(&mut self, at: Timestamp, notice: &Notice);

    /// Time passed; called about ten times a second.
    fn tick(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// Takes away what is redrawn, so that a question can be asked where it stood. The next event or tick brings
    /// it back: hold both until the answer is there.
    fn pause(&mut self) {}

    /// The session has ended: writes what is left.
    ///
    /// # Errors
    ///
    /// The first failure to write a file that the user asked for, whenever it was met.
    fn finish(&mut self) -> io::Result<()>;
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Failures and the end: `-q`.
    Quiet,
    /// What ended, and how.
    #[default]
    Normal,
    /// Everything, with the output of commands and models: `-v`.
    Verbose,
}

/// What the reports for people are told about how to show a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// Colours.
    pub(crate) style: Style,
    /// How much is said.
    pub(crate) verbosity: Verbosity,
    /// How many nodes the plan has; the items of a `foreach` that is still to be expanded count as one node.
    pub(crate) planned: Option<u64>,
    /// Whether gates are put to a human on the same terminal: then nothing else needs to show their questions.
    pub(crate) asks: bool,
    /// Whether it is shown after the fact: who looks again wants to know how answers were read.
    pub(crate) afterwards: bool,
}

#[cfg(test)]
mod tests;
