//! What can be wrong with settings, and what is worth a line.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use super::origin::{Origin, Place};

/// A mistake in the settings, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a place in a file, a file, or a variable.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do, where we know it.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn in_dotenv(file: &Utf8Path, line: Option<usize>) -> Self {
        Self {
            place: line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}")),
            message: "this line is not `NAME=value`".to_owned(),
            help: Some("put quotes round a value with spaces".to_owned()),
        }
    }

    pub(super) fn at_place(place: &Place, message: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn at_origin(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            place: origin.to_string(),
            message: message.into(),
            help: None,
        }
    }

    #[must_use]
    pub(super) fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Why settings cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system refused.
    #[error("cannot read `{file}`: {source}")]
    Unreadable {
        /// The file.
        file: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("`{file}` is not a file; remove or rename it")]
    NotAFile {
        /// The path.
        file: Utf8PathBuf,
    },
    /// More than a settings file can reasonably hold.
    #[error("`{file}` is larger than {limit} bytes; make it smaller")]
    TooLarge {
        /// The file.
        file: Utf8PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// Bytes that are not text.
    #[error("`{file}` is not UTF-8; save it as UTF-8")]
    NotUtf8 {
        /// The file.
        file: Utf8PathBuf,
    },
    /// Mistakes in what was read, all of them.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Why there is no profile for a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Neither the profile nor `default` exists: look for local servers.
    #[error("no model is configured; set SMALLCODE_BASE_URL and SMALLCODE_MODEL, or start a local server")]
    NothingConfigured {
        /// The name that was asked for.
        name: String,
    },
    /// The profile exists and has no address.
    #[error("profile `{name}` has no server; set its `base_url`")]
    NoServer {
        /// The profile.
        name: String,
    },
    /// Nobody defined the profile, and no other may stand in for it.
    #[error("there is no profile `{name}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Undefined {
        /// The name.
        name: String,
        /// A name that looks like it.
        near: Option<String>,
    },
    /// A provider has many models, and the profile names none.
    #[error("profile `{name}` of {provider} names no model; set its `model`")]
    NoModel {
        /// The profile.
        name: String,
        /// The provider.
        provider: &'static str,
    },
    /// A workspace asks for the key of a provider, for a server that is not that provider's.
    #[error(
        "{place}: profile `{name}` would send the key in `{variable}`, which is for {belongs_to}, to {server}; name the variable of a key for that server"
    )]
    KeyOfAnother {
        /// The profile.
        name: String,
        /// The variable.
        variable: String,
        /// Whose key it is.
        belongs_to: &'static str,
        /// Where it would go.
        server: String,
        /// Where the settings say so.
        place: Origin,
    },
    /// `api_key_env` names a variable that is not set.
    #[error("{place}: profile `{name}` takes its key from `{variable}`, which is not set; set it")]
    MissingKey {
        /// The profile.
        name: String,
        /// The variable.
        variable: String,
        /// Where the settings name it.
        place: Origin,
    },
    /// The key cannot be sent in a header.
    #[error("{place}: the key of profile `{name}` holds a space, line break or non-ASCII character")]
    BadKey {
        /// The profile.
        name: String,
        /// Where the key came from.
        place: Origin,
    },
}

/// Something to say on stderr that is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A name that nobody defined is served by the default profile.
    ServedByDefault {
        /// The name.
        name: String,
        /// A defined name that looks like it.
        near: Option<String>,
    },
    /// A key was configured for another server and is not sent.
    KeyNotSent {
        /// Where the key came from.
        key: Origin,
        /// The server it belongs to.
        belongs_to: String,
        /// The server that is used.
        server: String,
    },
    /// `OPENAI_API_KEY` is set, but not for this server.
    AmbientKeyNotSent {
        /// The server that is used.
        server: String,
    },
    /// The key travels in plain text over a network.
    KeyInPlainText {
        /// The server.
        server: String,
    },
    /// A variable of ours in `.env` that means nothing.
    UnknownVariable {
        /// The file.
        file: Utf8PathBuf,
        /// The variable.
        variable: String,
        /// A known one that looks like it.
        near: Option<String>,
    },
    /// A line of `.env` that is not `NAME=value`, and none of ours.
    LineSkipped {
        /// The file.
        file: Utf8PathBuf,
        /// The line, from 1.
        line: Option<usize>,
    },
    /// A file with a key in it that others may read.
    KeyReadableByOthers {
        /// The file.
        file: Utf8PathBuf,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServedByDefault { name, near } => {
                write!(f, "nobody defines profile `{name}`; `default` serves it")?;
                did_you_mean(f, near.as_deref())
            }
            Self::KeyNotSent {
                key,
                belongs_to,
                server,
            } => {
                write!(
                    f,
                    "the key from {key} belongs to {belongs_to} and is not sent to {server}"
                )
            }
            Self::AmbientKeyNotSent { server } => write!(
                f,
                "OPENAI_API_KEY is not sent to {server}; set SMALLCODE_API_KEY if it needs a key"
            ),
            Self::KeyInPlainText { server } => {
                write!(
                    f,
                    "the key goes to {server} over plain http and can be read on the way; use https"
                )
            }
            Self::UnknownVariable { file, variable, near } => {
                write!(f, "{file}: `{variable}` means nothing to smallcode")?;
                did_you_mean(f, near.as_deref())
            }
            Self::LineSkipped { file, line } => {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                write!(
                    f,
                    "{file}{line}: this line is not `NAME=value` and is passed over"
                )
            }
            Self::KeyReadableByOthers { file } => {
                write!(
                    f,
                    "`{file}` holds a key and others may read it; run `chmod 600 {file}`"
                )
            }
        }
    }
}

fn did_you_mean(f: &mut fmt::Formatter<'_>, near: Option<&str>) -> fmt::Result {
    match near {
        Some(near) => write!(f, "; did you mean `{near}`?"),
        None => Ok(()),
    }
}

/// Returns the candidate that is most like a word, if one is like it at all.
///
/// 0.8 of Jaro-Winkler: one or two letters wrong, left out or swapped in a name of eight.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}
