//! Servers on other machines that a workspace chose and the user confirmed.
//!
//! The list is a file of the user, not of the workspace: `trusted.json` in the state directory. Two
//! commands that confirm at the same instant may lose one entry, and the user is asked again.

use std::collections::BTreeMap;
use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// What the user must confirm: a workspace's choice of a server on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The file of the workspace that chose it.
    pub file: Utf8PathBuf,
    /// The server's host and port.
    pub host: String,
    /// The variable whose value would be sent as a key, or where the key came from.
    pub key: Option<String>,
}

/// Why the list of trusted servers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The system refused.
    #[error("cannot use the list of trusted servers `{file}`: {source}")]
    Io {
        /// The list.
        file: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The list is not what we wrote.
    #[error("`{file}` is damaged: {source}; remove it, and confirm again when asked")]
    Damaged {
        /// The list.
        file: Utf8PathBuf,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// The list of what the user confirmed.
#[derive(Debug, Clone)]
pub struct TrustStore {
    file: Utf8PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Listed {
    #[serde(default)]
    trusted: BTreeMap<String, Entry>,
}

/// For people who read the file; only the name of the entry decides.
#[derive(Serialize, Deserialize)]
struct Entry {
    workspace: String,
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl TrustStore {
    /// The list in a state directory (see [`super::state_directory`]); it need not exist.
    pub fn in_directory(state: &Utf8Path) -> Self {
        Self {
            file: state.join("trusted.json"),
        }
    }

    /// Tells whether the user confirmed this for this workspace.
    ///
    /// # Errors
    ///
    /// When the list exists and cannot be read.
    pub fn is_trusted(&self, workspace: &Utf8Path, trust: &Trust) -> Result<bool, TrustError> {
        Ok(self.read()?.trusted.contains_key(&name(workspace, trust)))
    }

    /// Remembers that the user confirmed this for this workspace.
    ///
    /// # Errors
    ///
    /// When the list cannot be read or written.
    pub fn remember(&self, workspace: &Utf8Path, trust: &Trust) -> Result<(), TrustError> {
        let mut listed = self.read()?;
        let entry = Entry {
            workspace: resolved(workspace).into_string(),
            host: trust.host.clone(),
            key: trust.key.clone(),
        };
        listed.trusted.insert(name(workspace, trust), entry);
        self.write(&listed).map_err(|source| TrustError::Io {
            file: self.file.clone(),
            source,
        })
    }

    fn read(&self) -> Result<Listed, TrustError> {
        match std::fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| TrustError::Damaged {
                file: self.file.clone(),
                source,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Listed::default()),
            Err(source) => Err(TrustError::Io {
                file: self.file.clone(),
                source,
            }),
        }
    }

    /// Replaces the list in one step; the temporary file is readable by its owner only.
    fn write(&self, listed: &Listed) -> std::io::Result<()> {
        let directory = self.file.parent().unwrap_or_else(|| Utf8Path::new("."));
        std::fs::create_dir_all(directory)?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut temporary, listed)?;
        temporary.write_all(b"\n")?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Names an entry. The key's variable is part of it: a workspace that was trusted with one key may
/// not ask for another in silence.
fn name(workspace: &Utf8Path, trust: &Trust) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [
        resolved(workspace).as_str(),
        &trust.host,
        trust.key.as_deref().unwrap_or_default(),
    ] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}

/// The same workspace by whatever link or relative path it was reached.
fn resolved(workspace: &Utf8Path) -> Utf8PathBuf {
    workspace
        .canonicalize_utf8()
        .unwrap_or_else(|_| workspace.to_owned())
}
