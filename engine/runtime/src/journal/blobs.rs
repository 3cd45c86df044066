//! Values too large for a line of the journal: files named by the BLAKE3 hash of what they hold.
//!
//! A blob is durable when the call that stored it returns: written to a temporary file in the same folder,
//! synchronised, renamed, and the folder synchronised. Store first, then journal the event that names it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::disk;

/// What the names of files that are still being written start with.
const TEMPORARY: &str = ".tmp-";
/// The bytes that are copied at a time: 64 KiB, where larger reads stop being faster.
const CHUNK: usize = 64 * 1024;

/// The name of a blob: the BLAKE3 hash of its bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobHash(blake3::Hash);

impl BlobHash {
    /// The name that `bytes` have as a blob.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_hex().as_str())
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

impl From<BlobHash> for String {
    fn from(hash: BlobHash) -> Self {
        hash.to_string()
    }
}

impl FromStr for BlobHash {
    type Err = BlobError;

    fn from_str(text: &str) -> Result<Self, BlobError> {
        let bad = || BlobError::NotAHash {
            text: text.to_owned(),
        };
        // Upper case would be a second name for the same blob.
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(bad());
        }
        blake3::Hash::from_hex(text).map(Self).map_err(|_| bad())
    }
}

impl TryFrom<String> for BlobHash {
    type Error = BlobError;

    fn try_from(text: String) -> Result<Self, BlobError> {
        text.parse()
    }
}

/// A failure to store or fetch a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The blob is not there.
    #[error("blob {hash} is not in `{}`; restore it from a copy of the run, or start a new run", dir.display())]
    Missing {
        /// The blob.
        hash: BlobHash,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The file holds something else than what its name says.
    #[error(
        "blob {hash} in `{}` is damaged: what it holds has another hash; restore it from a copy of the run, or \
         start a new run",
        dir.display()
    )]
    Damaged {
        /// The blob.
        hash: BlobHash,
        /// Where it is.
        dir: PathBuf,
    },
    /// The disk, or the quota, is full.
    #[error("no space left to store a blob in `{}`; make room on that disk and resume the run", path.display())]
    DiskFull {
        /// The folder of the blobs.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Any other failure of the system.
    #[error("could not {doing} `{}`", path.display())]
    Io {
        /// What was tried, such as `read`.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The text is not the name of a blob.
    #[error("`{text}` is not the hash of a blob; a hash is 64 lower-case hexadecimal digits")]
    NotAHash {
        /// What was given.
        text: String,
    },
}

impl BlobError {
    /// A failure of the system; a full disk is told apart.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        if full {
            Self::DiskFull { path, source }
        } else {
            Self::Io { doing, path, source }
        }
    }
}

/// The blobs of a run.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// The blobs in the folder `dir`, which need not exist as long as nothing is stored.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where a blob is, or would be.
    pub fn path(&self, hash: &BlobHash) -> PathBuf {
        self.dir.join(hash.to_string())
    }

    /// The folder of the blobs.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes a blob that nothing names any more.
    pub(crate) fn remove(&self, hash: &BlobHash) {
        let path = self.path(hash);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // Leftovers take room and do no harm.
                tracing::warn!(%error, path = %path.display(), "could not remove a blob");
            }
            _ => {}
        }
    }

    /// Removes all blobs but these. Only for who holds the lock of the run.
    pub(crate) fn retain(&self, kept: &[BlobHash]) {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if !kept.iter().any(|hash| self.path(hash) == path) {
                // Leftovers take room and do no harm.
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Stores `bytes`, durably, unless they are there already.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobHash, BlobError> {
        let hash = BlobHash::of(bytes);
        if self.holds(&hash, u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
            self.sync_dir()?;
            return Ok(hash);
        }
        let mut writer = self.writer()?;
        writer
            .write_all(bytes)
            .map_err(|e| BlobError::io("write to", &self.dir, e))?;
        writer.finish()
    }

    /// Stores a copy of the file `path`, durably, in bounded memory.
    pub fn put_file(&self, path: &Path) -> Result<BlobHash, BlobError> {
        let mut file = File::open(path).map_err(|e| BlobError::io("open", path, e))?;
        let mut writer = self.writer()?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match file.read(&mut chunk) {
                Ok(0) => return writer.finish(),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(BlobError::io("read", path, e)),
            };
            let bytes = chunk.get(..read).unwrap_or_default();
            writer
                .write_all(bytes)
                .map_err(|e| BlobError::io("write to", &self.dir, e))?;
        }
    }

    /// Starts a blob whose bytes come piece by piece.
    pub fn writer(&self) -> Result<BlobWriter, BlobError> {
        let temporary = || tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir);
        let file = match temporary() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                disk::create_dirs(&self.dir).map_err(|e| BlobError::io("create", &self.dir, e))?;
                temporary()
            }
            opened => opened,
        };
        let file = file.map_err(|e| BlobError::io("create a file in", &self.dir, e))?;
        Ok(BlobWriter {
            blobs: self.clone(),
            file,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        })
    }

    /// Reads a blob whole, and checks it.
    pub fn get(&self, hash: &BlobHash) -> Result<Vec<u8>, BlobError> {
        let bytes = fs::read(self.path(hash)).map_err(|e| self.unreadable(hash, e))?;
        if BlobHash::of(&bytes) != *hash {
            return Err(BlobError::Damaged {
                hash: *hash,
                dir: self.dir.clone(),
            });
        }
        Ok(bytes)
    }

    /// Opens a blob to be read piece by piece; it is checked when the reader reaches the end.
    pub fn open(&self, hash: &BlobHash) -> Result<BlobReader, BlobError> {
        let file = File::open(self.path(hash)).map_err(|e| self.unreadable(hash, e))?;
        Ok(BlobReader {
            blobs: self.clone(),
            hash: *hash,
            file,
            hasher: blake3::Hasher::new(),
        })
    }

    /// The size of a blob in bytes. What it holds is not checked.
    pub fn size(&self, hash: &BlobHash) -> Result<u64, BlobError> {
        fs::metadata(self.path(hash))
            .map(|m| m.len())
            .map_err(|e| self.unreadable(hash, e))
    }

    /// Removes what a run that died was still writing. Only for who holds the lock of the run.
    pub(super) fn sweep(&self) -> Result<(), BlobError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(BlobError::io("list", &self.dir, e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| BlobError::io("list", &self.dir, e))?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(TEMPORARY.as_bytes())
            {
                fs::remove_file(entry.path()).map_err(|e| BlobError::io("remove", &entry.path(), e))?;
            }
        }
        Ok(())
    }

    /// Whether the blob is there with its full size. A file of another size is replaced when it is stored again.
    fn holds(&self, hash: &BlobHash, bytes: u64) -> bool {
        self.size(hash).is_ok_and(|size| size == bytes)
    }

    fn sync_dir(&self) -> Result<(), BlobError> {
        disk::sync(&self.dir).map_err(|e| BlobError::io("synchronise", &self.dir, e))
    }

    fn unreadable(&self, hash: &BlobHash, source: io::Error) -> BlobError {
        if source.kind() == io::ErrorKind::NotFound {
            return BlobError::Missing {
                hash: *hash,
                dir: self.dir.clone(),
            };
        }
        BlobError::io("read", &self.path(hash), source)
    }
}

/// A blob that is being written. Dropped before [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: NamedTempFile,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl BlobWriter {
    /// Makes the blob durable and gives its name.
    pub fn finish(self) -> Result<BlobHash, BlobError> {
        let hash = BlobHash(self.hasher.finalize());
        // Where the blob is there already, the temporary file goes; its folder is synchronised all the same, as
        // whoever renamed it may not have come to that.
        if !self.blobs.holds(&hash, self.bytes) {
            let path = self.blobs.path(&hash);
            self.file
                .as_file()
                .sync_data()
                .map_err(|e| BlobError::io("synchronise", &path, e))?;
            self.file
                .persist(&path)
                .map_err(|e| BlobError::io("rename to", &path, e.error))?;
        }
        self.blobs.sync_dir()?;
        Ok(hash)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file_mut().write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A blob that is being read.
///
/// The read that reaches the end of a damaged blob fails with [`io::ErrorKind::InvalidData`] around a
/// [`BlobError::Damaged`]: nothing may be made of what came before until the end was reached.
#[derive(Debug)]
pub struct BlobReader {
    blobs: Blobs,
    hash: BlobHash,
    file: File,
    hasher: blake3::Hasher,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        if read == 0 && !buffer.is_empty() && self.hasher.finalize() != self.hash.0 {
            let damaged = BlobError::Damaged {
                hash: self.hash,
                dir: self.blobs.dir.clone(),
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, damaged));
        }
        Ok(read)
    }
}
