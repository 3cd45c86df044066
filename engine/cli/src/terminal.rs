//! What is known of the terminal and of what the user wants to see.

use std::io::{IsTerminal as _, Write as _};

use crate::command::Shared;
use crate::render::style::{Size, Style, can_redraw};
use crate::render::text::clean;
use crate::report::Verbosity;

/// The terminal that the command talks to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Colours on standard error.
    pub(crate) style: Style,
    /// Whether lines can be redrawn.
    pub(crate) redraws: bool,
    /// Whether a human can be asked: standard input and standard error are terminals.
    pub(crate) asks: bool,
    /// How much is said.
    pub(crate) verbosity: Verbosity,
}

impl Terminal {
    /// Looks at the terminal and the flags.
    pub(crate) fn new(shared: &Shared) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let verbosity = match (shared.quiet, shared.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Self {
            style: Style::detect(shared.color, is_terminal, variable),
            redraws: can_redraw(is_terminal, variable),
            asks: is_terminal && std::io::stdin().is_terminal(),
            verbosity,
        }
    }

    /// The size of the terminal now.
    pub(crate) fn size() -> Size {
        Size::of_stderr(variable)
    }

    /// A line for the user, unless asked to be quiet.
    pub(crate) fn say(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            let _ = writeln!(std::io::stderr(), "{}", clean(line));
        }
    }
}

/// Asks a yes-or-no question on the terminal; anything but yes is no, and the end of input no answer.
pub(crate) fn confirm(question: &str) -> Option<bool> {
    let answer = ask(&format!("{question} [y/N] "))?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a line on the terminal; the end of input is no answer.
pub(crate) fn ask(question: &str) -> Option<String> {
    // Standard error is not held while the answer is awaited: a signal has things to say meanwhile.
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question}");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer).ok()?;
    (read > 0).then_some(answer)
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
