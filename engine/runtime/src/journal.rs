//! The journal of a run: what happened, written down durably before anyone acts on it.
//!
//! Events go in; after a crash the same events come out, in the same order. It knows nothing of what they mean.
//! `<dir>/journal.jsonl` holds one JSON object a line, `{"v":1,"seq":7,"at":1732350000123,"event":{…},"crc":"…"}`;
//! the end of the line is the commit. Values too large for a line are [`Blobs`], and the folder is locked while a
//! run writes to it. Reading stops at the first line that is not whole, if nothing whole follows it: a write was cut
//! short there, and nothing was done because of it. A bad line before a whole one is damage, and is refused.

use std::fs::OpenOptions;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

mod blobs;
mod disk;
mod error;
mod line;
mod lock;
mod reader;
mod runs;
#[cfg(test)]
mod tests;
mod writer;

pub use self::blobs::{BlobError, BlobHash, BlobReader, BlobWriter, Blobs};
pub use self::error::{Damage, JournalError, Unwritable};
pub use self::lock::in_use;
pub use self::reader::Reader;
pub use self::runs::{RunId, list, remove, run_dir, runs_dir, start};
pub use self::writer::Commit;

use self::lock::Lock;
use self::writer::Writer;

/// The format of the lines that this version writes and reads: the member `v`.
pub const VERSION: u64 = 1;

/// The longest line, in bytes, its end included: 64 MiB, ten times the frozen plan of 5,000 nodes.
pub const MAX_LINE: usize = 64 * 1024 * 1024;

/// How deep an event may be nested: `serde_json` reads 127 levels, and refuses what is deeper.
pub const MAX_DEPTH: usize = 127;

/// The name of the file in the folder of a run.
const FILE: &str = "journal.jsonl";

/// An event as it stands in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<E> {
    /// The number of the record, from 1.
    pub seq: u64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub at: u64,
    /// What happened.
    pub event: E,
}

/// The end of a journal that was never committed: a write that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// The line where it starts, from 1.
    pub line: u64,
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What a journal has written since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits: one write and one synchronisation each.
    pub commits: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// The journal of a run that this process drives.
///
/// Dropping it waits until what was appended is written, and then lets go of the folder.
///
/// ```
/// use smallcode_runtime::journal::Journal;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let dir = folder.path().join("run");
/// let journal = Journal::create(&dir)?;
/// journal.append(&[(1_732_350_000_123, "started".to_owned())])?.wait()?;
/// drop(journal);
///
/// let mut events = Vec::new();
/// let (_journal, torn) = Journal::open(&dir, |record| events.push(record.event))?;
/// assert_eq!((events, torn), (vec!["started".to_owned()], None));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Journal<E> {
    // Before the lock: what is queued is written while the folder is still ours.
    writer: Writer,
    blobs: Blobs,
    dir: PathBuf,
    _lock: Lock,
    event: PhantomData<fn(E)>,
}

impl<E: Serialize> Journal<E> {
    /// Starts a journal in `dir`, which is made if it is not there.
    pub fn create(dir: &Path) -> Result<Self, JournalError> {
        disk::create_dirs(dir).map_err(|e| JournalError::io("create", dir, e))?;
        let lock = Lock::take(dir)?;
        let path = dir.join(FILE);
        let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(JournalError::Exists { path }),
            Err(e) => return Err(JournalError::io("create", &path, e)),
        };
        let blobs = dir.join("blobs");
        disk::create_dirs(&blobs).map_err(|e| JournalError::io("create", &blobs, e))?;
        disk::sync(dir).map_err(|e| JournalError::io("synchronise", dir, e))?;
        Ok(Self::over(dir, lock, Writer::start(&path, Box::new(file), 0, 0)?))
    }

    fn over(dir: &Path, lock: Lock, writer: Writer) -> Self {
        let blobs = Blobs::new(dir.join("blobs"));
        Self {
            writer,
            blobs,
            dir: dir.to_path_buf(),
            _lock: lock,
            event: PhantomData,
        }
    }

    /// Queues events, each with its time in milliseconds since the Unix epoch: all of them, or on failure none.
    ///
    /// They are in the order of the calls. Only after the commit was awaited may anyone act on them. Once a commit
    /// has failed, every further append fails in the same way.
    pub fn append(&self, events: &[(u64, E)]) -> Result<Commit, JournalError> {
        self.writer.append(events)
    }

    /// Appends events and blocks until they are durable. Not for use in async code.
    pub fn append_blocking(&self, events: &[(u64, E)]) -> Result<(), JournalError> {
        self.append(events)?.wait()
    }

    /// Writes what is queued, and lets go of the folder.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.writer.close()
    }
}

impl<E> Journal<E> {
    /// What was written since the journal was opened.
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// The blobs of the run.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The folder of the run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens the journal in `dir` to go on with it, and hands every record to `fold`, in order.
    ///
    /// Everything is verified, and a torn tail is cut off and told of. Nothing may be acted on before this returns:
    /// damage can show as late as the last line.
    pub fn open(
        dir: &Path,
        mut fold: impl FnMut(Record<E>),
    ) -> Result<(Self, Option<TornTail>), JournalError> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Err(JournalError::Missing { path });
        }
        let lock = Lock::take(dir)?;
        let mut reader = Reader::<E>::open(&path)?;
        while let Some(record) = reader.next().transpose()? {
            fold(record);
        }
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(|e| JournalError::io("open", &path, e))?;
        let torn = reader.torn_tail();
        if torn.is_some() {
            file.set_len(reader.whole_bytes())
                .map_err(|e| JournalError::io("cut", &path, e))?;
        }
        // Not only for the cut: a run that was killed may have written records that are not on the disk yet.
        file.sync_data()
            .map_err(|e| JournalError::io("synchronise", &path, e))?;
        let writer = Writer::start(&path, Box::new(file), reader.whole_bytes(), reader.last_seq())?;
        let journal = Self::over(dir, lock, writer);
        if let Err(error) = journal.blobs.sweep() {
            // Leftovers take room and do no harm.
            tracing::warn!(%error, "could not remove unfinished blobs");
        }
        Ok((journal, torn))
    }
}

/// Reads the journal in `dir` without taking its lock, also while a run is still writing to it.
pub fn read<E: DeserializeOwned>(dir: &Path) -> Result<Reader<E>, JournalError> {
    Reader::open(&dir.join(FILE))
}
