//! Where settings come from: layers of text in, profiles with the origin of every value out.
//!
//! Weakest first: built in, the user's `config.toml`, the workspace's `smallcode.toml`, its `.env`,
//! the environment, flags. Everything arrives as an argument ([`Sources`]); the environment of the
//! process is neither read nor changed here. A key is sent only to the host it was configured for.
//! Asking a server what it can do is [`crate::model::discover`]'s work.

mod dotenv;
mod duration;
mod escalate;
mod layer;
mod merge;
mod origin;
mod problem;
mod profile;
mod provider;
mod reader;
mod server_url;
mod trust;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

pub use duration::parse_duration;
pub use escalate::Escalation;
pub use origin::{Origin, Place, Sourced};
pub use problem::{LoadError, Note, Problem, ProfileError};
pub use profile::{ApiKey, Profile, Timeouts};
pub use provider::{PRICES_OF, Provider};
pub use server_url::{ServerUrl, ServerUrlError};
pub use trust::{Trust, TrustError, TrustStore};

use layer::{Kind, Layer};

/// The profile that the `SMALLCODE_*` variables define, and that serves a name nobody defined.
pub const DEFAULT_PROFILE: &str = "default";

/// Bytes of a settings file that are read at most; a real one has a few hundred.
const MAX_TOML_BYTES: u64 = 64 * 1024;

/// Bytes of a `.env` that are read at most; some hold certificates.
const MAX_DOTENV_BYTES: u64 = 1024 * 1024;

/// Everything that settings are made from. There is no `Debug`: an environment holds secrets.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The environment of the process.
    pub environment: &'a BTreeMap<String, String>,
    /// The user's home directory, if there is one.
    pub home: Option<&'a Utf8Path>,
    /// The workspace, which may hold `smallcode.toml` and `.env`.
    pub workspace: &'a Utf8Path,
    /// What the command line says.
    pub flags: &'a Flags,
}

/// What the command line says; stronger than everything else.
#[derive(Clone, Default)]
pub struct Flags {
    /// The profile to use, whatever a workflow names.
    pub profile: Option<String>,
    /// Values by the name of the variable that they override, such as `SMALLCODE_WINDOW`.
    pub values: BTreeMap<String, String>,
}

/// The settings of one workspace, all layers read and checked. Its `Debug` shows no secret.
pub struct Settings {
    /// Weakest first.
    layers: Vec<Layer>,
    environment: BTreeMap<String, String>,
    /// The `.env` of the workspace; only the workspace's own files may refer to it.
    dotenv: BTreeMap<String, String>,
    flags: Flags,
    notes: Vec<Note>,
}

/// A profile, and what the user should be told about how it came to be.
#[derive(Debug)]
pub struct Selected {
    /// The profile.
    pub profile: Profile,
    /// Each worth one line on stderr.
    pub notes: Vec<Note>,
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or with every mistake found in all of them.
    pub fn load(sources: &Sources<'_>) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let mut layers = Vec::new();

        if let Some(file) = user_file(sources.environment, sources.home)
            && let Some(text) = read_capped(&file, MAX_TOML_BYTES)?
        {
            let layer = reader::read(Kind::User, &file, &text, &mut problems);
            if layer.holds_key() && readable_by_others(&file) {
                notes.push(Note::KeyReadableByOthers { file });
            }
            layers.push(layer);
        }
        let file = sources.workspace.join("smallcode.toml");
        if let Some(text) = read_capped(&file, MAX_TOML_BYTES)? {
            layers.push(reader::read(Kind::Workspace, &file, &text, &mut problems));
        }
        let file = sources.workspace.join(".env");
        let mut dotenv = BTreeMap::new();
        if let Some(text) = read_capped(&file, MAX_DOTENV_BYTES)? {
            let (values, bad) = dotenv::parse(&text);
            dotenv = values;
            for bad in bad {
                if bad.ours {
                    problems.push(Problem::in_dotenv(&file, bad.line));
                } else {
                    notes.push(Note::LineSkipped {
                        file: file.clone(),
                        line: bad.line,
                    });
                }
            }
            notes.extend(layer::unknown_variables(&file, &dotenv));
        }
        layers.push(layer::from_variables(
            Kind::Dotenv,
            &dotenv,
            |variable| Origin::Dotenv {
                file: file.clone(),
                variable: variable.to_owned(),
            },
            &mut problems,
        ));
        layers.push(layer::from_variables(
            Kind::Environment,
            sources.environment,
            |variable| Origin::Environment {
                variable: variable.to_owned(),
            },
            &mut problems,
        ));
        layers.push(layer::from_variables(
            Kind::Flags,
            &sources.flags.values,
            |variable| Origin::Flag {
                overrides: variable.to_owned(),
            },
            &mut problems,
        ));

        if !problems.is_empty() {
            return Err(LoadError::Problems(problems));
        }
        let environment = sources.environment.clone();
        Ok(Self {
            layers,
            environment,
            dotenv,
            flags: sources.flags.clone(),
            notes,
        })
    }

    /// Returns what is worth saying about the files themselves, whatever profile is used.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns the names of all profiles that some layer says something about.
    pub fn profile_names(&self) -> BTreeSet<&str> {
        self.layers
            .iter()
            .flat_map(|layer| layer.profiles.keys().map(String::as_str))
            .collect()
    }

    /// Returns the profile for a name that a workflow uses, or for none.
    ///
    /// The flag goes before the name. A name that nobody defined is served by [`DEFAULT_PROFILE`],
    /// and a note says so.
    ///
    /// # Errors
    ///
    /// [`ProfileError::NothingConfigured`] is the cue to look for local servers; the others are
    /// mistakes of the settings.
    pub fn profile(&self, wanted: Option<&str>) -> Result<Selected, ProfileError> {
        let wanted = self
            .flags
            .profile
            .as_deref()
            .or(wanted)
            .unwrap_or(DEFAULT_PROFILE);
        merge::profile(self, wanted)
    }

    /// Returns the profile of exactly this name: neither the flag nor [`DEFAULT_PROFILE`] stands in for it.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Undefined`] when nobody defined it; the others are mistakes of the settings.
    pub fn profile_named(&self, name: &str) -> Result<Selected, ProfileError> {
        let names = self.profile_names();
        if !names.contains(name) {
            return Err(ProfileError::Undefined {
                name: name.to_owned(),
                near: problem::nearest(name, names),
            });
        }
        merge::profile(self, name)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("layers", &self.layers)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Returns the user's settings file: `$XDG_CONFIG_HOME/smallcode/config.toml`, else under
/// `~/.config`. A relative `XDG_CONFIG_HOME` is ignored, as its specification asks.
pub fn user_file(environment: &BTreeMap<String, String>, home: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    let directory = xdg(environment, "XDG_CONFIG_HOME").or_else(|| home.map(|home| home.join(".config")))?;
    Some(directory.join("smallcode").join("config.toml"))
}

/// Returns the directory of what smallcode remembers for this user:
/// `$XDG_STATE_HOME/smallcode`, else `~/.local/state/smallcode`.
pub fn state_directory(
    environment: &BTreeMap<String, String>,
    home: Option<&Utf8Path>,
) -> Option<Utf8PathBuf> {
    let directory =
        xdg(environment, "XDG_STATE_HOME").or_else(|| home.map(|home| home.join(".local").join("state")))?;
    Some(directory.join("smallcode"))
}

fn xdg(environment: &BTreeMap<String, String>, name: &str) -> Option<Utf8PathBuf> {
    environment
        .get(name)
        .map(Utf8PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// Reads a file that may be absent. Something else of that name (a pipe, a directory) is an error
/// rather than a wait.
fn read_capped(file: &Utf8Path, limit: u64) -> Result<Option<String>, LoadError> {
    let unreadable = |source| LoadError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let metadata = match std::fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    if !metadata.is_file() {
        return Err(LoadError::NotAFile {
            file: file.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(limit + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(LoadError::TooLarge {
            file: file.to_owned(),
            limit,
        });
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| LoadError::NotUtf8 {
            file: file.to_owned(),
        })
}

/// Tells whether others than the owner may read a file; not on systems that don't say.
fn readable_by_others(file: &Utf8Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}
