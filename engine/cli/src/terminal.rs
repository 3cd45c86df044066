//! What is known of the terminal and of what the user wants to see.

use std::io::IsTerminal as _;

use crate::command::Shared;
use crate::render::style::{Size, Style, can_redraw};
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
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
