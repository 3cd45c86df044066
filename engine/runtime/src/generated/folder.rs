//! The folder that is compiled into. No step below it follows a symbolic link.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use bonescript::changes::Standing;
use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::path;

use super::{GeneratedError, transaction};
use crate::workspace::beneath::Beneath;

/// The largest file that is read whole: 64 MiB, some ten times what the largest program leads to.
const MAX_READ: u64 = 64 << 20;

/// A folder, which need not be there yet.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: Utf8PathBuf,
    /// Nothing where it is not there.
    beneath: Option<Beneath>,
}

/// The hash of a content.
pub(super) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

impl Folder {
    /// Opens it, and finishes what a crash cut short.
    pub(super) fn open(path: &Utf8Path) -> Result<Self, GeneratedError> {
        let beneath = match Beneath::open(path) {
            Ok(beneath) => Some(beneath),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(GeneratedError::io("open", path)(error)),
        };
        if let Some(beneath) = &beneath
            && transaction::is_pending(beneath)
        {
            let _lock = lock(beneath, path)?;
            transaction::recover(beneath)
                .map_err(GeneratedError::io("finish the last compilation in", path))?;
        }
        let path = path.to_path_buf();
        Ok(Self { path, beneath })
    }

    /// The text of a file; nothing where there is none. One behind a link is none.
    pub(super) fn read(&self, path: &str) -> Result<Option<String>, GeneratedError> {
        let Some(beneath) = &self.beneath else {
            return Ok(None);
        };
        let full = self.path.join(path);
        let bytes = match content(beneath, path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) => return Err(GeneratedError::io("read", &full)(error)),
        };
        String::from_utf8(bytes).map(Some).map_err(|_| {
            let source = io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
            GeneratedError::io("read", &full)(source)
        })
    }

    /// What stands at a path.
    pub(super) fn standing(&self, path: &str) -> Standing {
        self.beneath
            .as_ref()
            .map_or(Standing::Nothing, |beneath| standing(beneath, path))
    }

    /// Carries a change out, whole or not at all.
    pub(super) fn commit(&self, change: &transaction::Change<'_>) -> Result<(), GeneratedError> {
        if change.is_nothing() {
            return Ok(());
        }
        let made;
        let beneath = if let Some(beneath) = &self.beneath {
            beneath
        } else {
            std::fs::create_dir_all(&self.path).map_err(GeneratedError::io("make", &self.path))?;
            made = Beneath::open(&self.path).map_err(GeneratedError::io("open", &self.path))?;
            &made
        };
        let _lock = lock(beneath, &self.path)?;
        transaction::commit(beneath, change).map_err(GeneratedError::io("write to", &self.path))
    }
}

/// Holds the folder until it is dropped.
fn lock(beneath: &Beneath, path: &Utf8Path) -> Result<File, GeneratedError> {
    use rustix::fs::{FlockOperation, flock};
    let folder = beneath
        .file(Path::new(""))
        .map_err(GeneratedError::io("open", path))?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(folder),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(GeneratedError::InUse {
            path: path.to_path_buf(),
        }),
        Err(error) => Err(GeneratedError::io("lock", path)(error.into())),
    }
}

/// What stands at a path; what can't be looked at is no plain file.
pub(super) fn standing(beneath: &Beneath, path: &str) -> Standing {
    match content(beneath, path) {
        Ok(Some(bytes)) => Standing::File(hash(&bytes)),
        Ok(None) => Standing::Nothing,
        Err(_) => Standing::Other,
    }
}

/// The content of a plain file, no link on the way to it; nothing where there is nothing.
fn content(beneath: &Beneath, path: &str) -> io::Result<Option<Vec<u8>>> {
    let inside = path::inside(path).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let about = match beneath.stat(inside.as_std_path()) {
        Err(error) if gone(&error) => return Ok(None),
        about => about?,
    };
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
    }
    let file = match beneath.any(inside.as_std_path()) {
        Err(error) if gone(&error) => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_READ + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_READ {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 64 MiB",
        ));
    }
    Ok(Some(bytes))
}
