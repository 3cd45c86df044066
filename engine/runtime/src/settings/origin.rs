//! Where a value came from.

use std::fmt;

use camino::Utf8PathBuf;

/// A place in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Where a value came from; its text is what `doctor` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    BuiltIn,
    /// The user's `config.toml`.
    UserFile(Place),
    /// The workspace's `smallcode.toml`.
    WorkspaceFile(Place),
    /// The workspace's `.env`.
    Dotenv {
        /// The file.
        file: Utf8PathBuf,
        /// The variable.
        variable: String,
    },
    /// The environment.
    Environment {
        /// The variable.
        variable: String,
    },
    /// The command line.
    Flag {
        /// The variable that the flag stands for.
        overrides: String,
    },
    /// A server told it.
    Server {
        /// What was asked, such as `/props`.
        question: String,
    },
    /// Nobody told; a safe guess.
    Assumed,
}

impl Origin {
    /// Returns the file of the workspace that the value came from, if it came from one: whoever
    /// wrote the workspace chose the value, not the user.
    pub fn workspace_file(&self) -> Option<&Utf8PathBuf> {
        match self {
            Self::WorkspaceFile(place) => Some(&place.file),
            Self::Dotenv { file, .. } => Some(file),
            Self::BuiltIn
            | Self::UserFile(_)
            | Self::Environment { .. }
            | Self::Flag { .. }
            | Self::Server { .. }
            | Self::Assumed => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::UserFile(place) | Self::WorkspaceFile(place) => place.fmt(f),
            Self::Dotenv { file, variable } => write!(f, "{file} ({variable})"),
            Self::Environment { variable } => write!(f, "environment ({variable})"),
            Self::Flag { overrides } => write!(f, "command line (for {overrides})"),
            Self::Server { question } => write!(f, "the server ({question})"),
            Self::Assumed => f.write_str("assumed"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// Joins a value and its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// A value that nobody set.
    pub fn built_in(value: T) -> Self {
        Self::new(value, Origin::BuiltIn)
    }
}
