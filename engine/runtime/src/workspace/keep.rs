//! Keeping what stands where an attempt may write, before it does: contents, modes, links, and what is not there.
//!
//! All of it goes into one file of the run, which is on the disk when the call returns: one wait, however many files
//! there are. Only what matches is read.

use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::MetadataExt as _;
use serde::{Deserialize, Serialize};

use super::survey::{Kind, Locked, Reach, is_gone};
use super::{Workspace, record};
use crate::journal::{BlobError, BlobHash, Blobs};

/// The bytes that are copied at a time: 64 KiB, where larger reads stop being faster.
const CHUNK: usize = 64 * 1024;

/// Where an attempt may write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// Globs over paths of the workspace.
    pub globs: Vec<String>,
    /// Paths of the workspace, no symbolic link on their way.
    pub paths: Vec<String>,
}

/// What stands somewhere could not be kept, or not be put back.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file that holds it.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A bug of the engine.
    #[error("the engine failed while it put back what an attempt had written; this is a bug: {0}")]
    Bug(String),
    /// A glob can't be read.
    #[error("`{pattern}` is no glob: {reason}")]
    Glob {
        /// The glob.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// The system refused.
    #[error("could not {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The path, relative to the workspace.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KeepError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

impl Workspace {
    /// Keeps what stands at these places, durably. `of` says for whom: no two records may have the same.
    ///
    /// # Errors
    /// When something there can't be read, or the record not be written.
    pub fn keep(&self, places: &Places, of: &str, blobs: &Blobs) -> Result<BlobHash, KeepError> {
        let unwritten = |error| KeepError::Blob(BlobError::io("write to", blobs.dir(), error));
        let found = Reach::new(places)?.survey(&self.beneath, Locked::Told)?;
        let mut to = BufWriter::new(blobs.writer()?);
        record::begin(&mut to, of, places).map_err(unwritten)?;
        for (path, kind) in &found {
            match kind {
                Kind::Folder => match self.beneath.stat(path) {
                    Ok(about) => record::folder(&mut to, path, bits(about.mode())).map_err(unwritten)?,
                    Err(error) if is_gone(&error) => {}
                    Err(error) => return Err(KeepError::io("look at", path)(error)),
                },
                Kind::File => self.keep_file(path, &mut to, &unwritten)?,
                Kind::Link => {
                    let (folder, name) = self.beneath.place(path).map_err(KeepError::io("read", path))?;
                    let target = folder
                        .read_link_contents(name)
                        .map_err(KeepError::io("read", path))?;
                    record::link(&mut to, path, target.as_os_str().as_encoded_bytes()).map_err(unwritten)?;
                }
                Kind::Other => record::other(&mut to, path).map_err(unwritten)?,
            }
        }
        record::end(&mut to).map_err(unwritten)?;
        let writer = to.into_inner().map_err(|error| unwritten(error.into_error()))?;
        Ok(writer.finish()?)
    }

    fn keep_file(
        &self,
        path: &Path,
        to: &mut impl Write,
        unwritten: &dyn Fn(io::Error) -> KeepError,
    ) -> Result<(), KeepError> {
        let file = match self.beneath.any(path) {
            Err(error) if is_gone(&error) => return Ok(()),
            opened => opened.map_err(KeepError::io("keep", path))?,
        };
        let about = file.metadata().map_err(KeepError::io("keep", path))?;
        let bytes = about.len();
        record::file(to, path, bits(about.mode()), bytes).map_err(unwritten)?;
        let mut from = file.take(bytes);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match from.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(KeepError::io("keep", path)(error)),
            };
            to.write_all(chunk.get(..read).unwrap_or_default())
                .map_err(unwritten)?;
        }
        if from.limit() == 0 {
            return Ok(());
        }
        let changed = io::Error::other("it became shorter while it was read");
        Err(KeepError::io("keep", path)(changed))
    }
}

/// The part of a mode that can be set.
pub(super) fn bits(mode: u32) -> u64 {
    u64::from(mode & 0o7777)
}
