//! Whether to colour, how to, and how large the terminal is.

use std::fmt::Display;
use std::io;

use clap::ValueEnum;

/// The value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// Colour where a terminal shows it and the environment does not object.
    #[default]
    Auto,
    /// Colour, whatever it is written to.
    Always,
    /// No colour.
    Never,
}

/// What a colour means; the same meaning looks the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Look at it.
    Warn,
    /// A way out, a command to type.
    Hint,
    /// A name that matters.
    Strong,
    /// What may be overlooked.
    Dim,
}

/// How text is coloured, if at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether escape sequences may be written.
    pub(crate) color: bool,
}

impl Style {
    /// No colour.
    pub(crate) const PLAIN: Self = Self { color: false };

    /// Decides from the flag, else from `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`, else from
    /// whether a terminal reads it.
    pub(crate) fn detect(
        choice: ColorChoice,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR").is_some() => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColorChoice::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
            ColorChoice::Auto => is_terminal && set("TERM").is_none_or(|value| value != "dumb"),
        };
        Self { color }
    }

    /// The text in the colour of its meaning, or as it is.
    pub(crate) fn paint(self, paint: Paint, text: impl Display) -> String {
        if !self.color {
            return text.to_string();
        }
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "1;31",
            Paint::Warn => "33",
            Paint::Hint => "36",
            Paint::Strong => "1",
            Paint::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Whether lines of this output can be redrawn.
pub(crate) fn can_redraw(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    is_terminal && variable("TERM").is_none_or(|value| value != "dumb")
}

/// The size of a terminal, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Cells in a line.
    pub(crate) columns: usize,
    /// Lines.
    pub(crate) rows: usize,
}

impl Size {
    /// What every terminal has had since 1978, for when nothing tells.
    pub(crate) const DEFAULT: Self = Self {
        columns: 80,
        rows: 24,
    };

    /// The size of the terminal on standard error, else that of `COLUMNS` and `LINES`, else 80 by 24.
    pub(crate) fn of_stderr(variable: impl Fn(&str) -> Option<String>) -> Self {
        let told = rustix::termios::tcgetwinsize(io::stderr()).ok();
        let known = |cells: Option<u16>, name: &str, otherwise: usize| {
            cells
                .map(usize::from)
                .filter(|cells| *cells > 0)
                .or_else(|| variable(name)?.trim().parse().ok().filter(|cells| *cells > 0))
                .unwrap_or(otherwise)
        };
        Self {
            columns: known(told.map(|size| size.ws_col), "COLUMNS", Self::DEFAULT.columns),
            rows: known(told.map(|size| size.ws_row), "LINES", Self::DEFAULT.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(choice: ColorChoice, is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        Style::detect(choice, is_terminal, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .color
    }

    #[test]
    fn colour_follows_flag_then_environment_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        assert!(color(Auto, true, &[]));
        assert!(!color(Auto, false, &[]));
        assert!(!color(Auto, true, &[("NO_COLOR", "1")]));
        assert!(color(Auto, true, &[("NO_COLOR", "")]));
        assert!(!color(Auto, true, &[("TERM", "dumb")]));
        assert!(!color(Auto, true, &[("CLICOLOR", "0")]));
        assert!(color(Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!color(Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!color(Auto, false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(color(Always, false, &[("NO_COLOR", "1")]));
        assert!(!color(Never, true, &[("CLICOLOR_FORCE", "1")]));
    }

    #[test]
    fn only_a_terminal_that_can_is_redrawn() {
        let term = |value: &'static str| move |_: &str| Some(value.to_owned());
        assert!(can_redraw(true, term("xterm")) && can_redraw(true, |_| None));
        assert!(!can_redraw(true, term("dumb")) && !can_redraw(false, term("xterm")));
    }

    #[test]
    fn every_terminal_has_a_size() {
        let size = Size::of_stderr(|_| Some("0".to_owned()));
        assert!(size.columns > 0 && size.rows > 0);
        if rustix::termios::tcgetwinsize(io::stderr()).is_err() {
            assert_eq!(size, Size::DEFAULT);
            let told = Size::of_stderr(|_| Some("132".to_owned()));
            assert_eq!(
                told,
                Size {
                    columns: 132,
                    rows: 132
                }
            );
        }
    }

    #[test]
    fn paint_is_plain_without_colour() {
        assert_eq!(Style::PLAIN.paint(Paint::Bad, "x"), "x");
        assert_eq!(
            Style { color: true }.paint(Paint::Bad, "x"),
            "\u{1b}[1;31mx\u{1b}[0m"
        );
    }
}
