//! What can go wrong with a journal, in words that say what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure to create, open, read or write a journal.
///
/// It can be cloned, because one failed commit is the failure of every append that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process holds the lock on the folder of the run.
    #[error("the run in `{}` is in use{}; wait until that ends, or stop it", dir.display(), Holder(*pid))]
    InUse {
        /// The folder of the run.
        dir: PathBuf,
        /// The process that holds it, where it could still be read.
        pid: Option<u32>,
    },

    /// A journal is there already, and a new one was asked for.
    #[error("`{}` is there already; resume that run, or start one with another id", path.display())]
    Exists {
        /// The file that is in the way.
        path: PathBuf,
    },

    /// There is no journal to open.
    #[error("there is no journal at `{}`; `smallcode runs list` shows the runs of a workspace", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },

    /// A line that was once committed no longer reads as it was written.
    #[error(
        "`{}` is damaged at line {line} (byte {offset}): {damage}; restore the file from a copy, or start a new \
         run; the lines before this one are whole: `truncate -s {offset}` on a copy keeps them",
        path.display()
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Where the line starts, in bytes from the start of the file.
        offset: u64,
        /// What is wrong with it.
        damage: Damage,
    },

    /// A line is whole, but of a format that this version does not know.
    #[error(
        "`{}`, line {line} (byte {offset}): written in journal format {version}, and this version of smallcode \
         reads format {}; open it with the version that wrote it",
        path.display(), super::VERSION
    )]
    UnknownVersion {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Where the line starts, in bytes from the start of the file.
        offset: u64,
        /// The format that the line names.
        version: u64,
    },

    /// A line is whole, but its event is not one that this version knows.
    #[error(
        "`{}`, line {line} (byte {offset}): this version of smallcode cannot read this event; \
         open it with the version that wrote it",
        path.display()
    )]
    UnknownEvent {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Where the line starts, in bytes from the start of the file.
        offset: u64,
        /// What the event's reader said.
        #[source]
        source: Arc<serde_json::Error>,
    },

    /// An event cannot be written so that it can be read again. Nothing of its append was written.
    #[error("an event cannot be journaled: {problem}")]
    Unwritable {
        /// Why not.
        problem: Unwritable,
    },

    /// The disk, or the quota, is full. What was not committed was taken back.
    #[error(
        "no space left to write `{}`; make room on that disk and resume the run, nothing that was committed is lost",
        path.display()
    )]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },

    /// Any other failure of the system.
    #[error("could not {doing} `{}`; see to that and resume the run", path.display())]
    Io {
        /// What was tried, such as `open`.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },

    /// The text is not the id of a run.
    #[error(
        "`{text}` is not the id of a run; ids look like `20261123-084501-7f3a`, `smallcode runs list` shows them"
    )]
    NotARunId {
        /// What was given.
        text: String,
    },
}

impl JournalError {
    /// The error for `source`, met while `doing` something with `path`.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let source = Arc::new(source);
        if full {
            Self::DiskFull { path, source }
        } else {
            Self::Io { doing, path, source }
        }
    }
}

/// What is wrong with a line of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The line does not end with a checksum.
    NoChecksum,
    /// The checksum is not that of the bytes before it.
    Checksum,
    /// The checksum is right, but what it covers is not a record.
    NotARecord,
    /// A whole record is followed by something other than the end of its line.
    NoLineEnd,
    /// The line is longer than any that is written.
    TooLong,
    /// The number of the record is not the one that comes next.
    Gap {
        /// The number that comes next.
        expected: u64,
        /// The number that is there.
        found: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChecksum => write!(f, "it does not end with a checksum"),
            Self::Checksum => write!(f, "its checksum does not match"),
            Self::NotARecord => write!(f, "it is not a record, although its checksum matches"),
            Self::NoLineEnd => write!(f, "its record is not followed by the end of the line"),
            Self::TooLong => write!(f, "it is longer than {} bytes", super::MAX_LINE),
            Self::Gap { expected, found } => {
                write!(f, "record {expected} should be here, and this is record {found}")
            }
        }
    }
}

/// Why an event cannot be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unwritable {
    /// Its serialiser failed.
    #[error("{0}")]
    Serialize(Arc<serde_json::Error>),
    /// Its line would be longer than [`MAX_LINE`](super::MAX_LINE).
    #[error(
        "its line takes {bytes} bytes and a line holds {}; keep large values as blobs",
        super::MAX_LINE
    )]
    TooLong {
        /// The length of its line, in bytes.
        bytes: usize,
    },
    /// It is nested deeper than it could be read again.
    #[error(
        "it is nested deeper than {} levels; keep such a value as text or as a blob",
        super::MAX_DEPTH
    )]
    TooDeep,
    /// It serialises to more than one line.
    #[error("it holds a line end outside a string")]
    LineEnd,
}

/// Says who holds a run, when that is known.
struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " by process {pid}"),
            None => Ok(()),
        }
    }
}
