//! Reads a journal from start to end, one record at a time, in memory bounded by the longest line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::line::{self, Decoded};
use super::{Damage, JournalError, MAX_LINE, Record, TornTail};

/// The records of a journal, in order.
///
/// It ends after the last whole record: what was being written when a run died, or is being written just now, is
/// not a record yet; [`torn_tail`](Self::torn_tail) tells of it. It yields an error, and then ends, at a line that
/// was once whole and is not any more.
#[derive(Debug)]
pub struct Reader<E, R = BufReader<File>> {
    source: R,
    path: PathBuf,
    /// Reused for every line.
    text: Vec<u8>,
    /// The lines that were read, and so the number of the last record too: records count from 1.
    lines: u64,
    /// Where the next line starts, in bytes.
    offset: u64,
    ended: bool,
    torn: Option<TornTail>,
    event: PhantomData<fn() -> E>,
}

impl<E: DeserializeOwned> Reader<E> {
    /// Opens the file of a journal.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        match File::open(path) {
            Ok(file) => Ok(Self::new(BufReader::new(file), path)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(JournalError::Missing {
                path: path.to_path_buf(),
            }),
            Err(e) => Err(JournalError::io("open", path, e)),
        }
    }
}

impl<E, R> Reader<E, R> {
    /// The part at the end that is not a whole record, once the reader has ended.
    pub fn torn_tail(&self) -> Option<TornTail> {
        self.torn
    }

    /// The number of the last record that was read; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.lines
    }

    /// The length of the whole records that were read, in bytes.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.offset
    }
}

impl<E: DeserializeOwned, R: BufRead> Reader<E, R> {
    /// Reads from `source`; `path` is for messages.
    pub(super) fn new(source: R, path: &Path) -> Self {
        Self {
            source,
            path: path.to_path_buf(),
            text: Vec::new(),
            lines: 0,
            offset: 0,
            ended: false,
            torn: None,
            event: PhantomData,
        }
    }

    fn read(&mut self) -> Result<Option<Record<E>>, JournalError> {
        let length = self.read_line()?;
        if length == 0 {
            return Ok(None);
        }
        let Some(text) = self.text.strip_suffix(b"\n") else {
            return self.judge_tail(length);
        };
        let parts = match line::decode(text) {
            Ok(Decoded::Record(parts)) => parts,
            Ok(Decoded::Version(version)) => {
                let (path, line, offset) = self.place();
                return Err(JournalError::UnknownVersion {
                    path,
                    line,
                    offset,
                    version,
                });
            }
            Err(Damage::NotARecord) => return Err(self.damaged(Damage::NotARecord)),
            Err(damage) => return self.judge_line(length, damage),
        };
        let expected = self.lines + 1;
        if parts.seq != expected {
            let damage = Damage::Gap {
                expected,
                found: parts.seq,
            };
            return Err(self.damaged(damage));
        }
        let event = serde_json::from_slice(parts.event).map_err(|e| {
            let (path, line, offset) = self.place();
            JournalError::UnknownEvent {
                path,
                line,
                offset,
                source: Arc::new(e),
            }
        })?;
        let record = Record {
            seq: parts.seq,
            at: parts.at,
            event,
        };
        self.lines += 1;
        self.offset += length;
        Ok(Some(record))
    }

    /// Reads one line into `text` and gives its length; 0 at the end.
    fn read_line(&mut self) -> Result<u64, JournalError> {
        self.text.clear();
        // One byte more than the longest line, to tell it from one that is too long.
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.source).take(limit).read_until(b'\n', &mut self.text);
        let length = read.map_err(|e| JournalError::io("read", &self.path, e))?;
        if length > MAX_LINE {
            return Err(self.damaged(Damage::TooLong));
        }
        Ok(u64::try_from(length).unwrap_or(u64::MAX))
    }

    /// The last line, which has no end: cut short, unless it holds a record that must have had one.
    fn judge_tail(&mut self, length: u64) -> Result<Option<Record<E>>, JournalError> {
        if lost_its_end(&self.text) {
            return Err(self.damaged(Damage::NoLineEnd));
        }
        self.torn = Some(TornTail {
            line: self.lines + 1,
            offset: self.offset,
            bytes: length,
        });
        Ok(None)
    }

    /// A bad line: damage when something whole stands in it or after it, else the tail of a cut write.
    fn judge_line(&mut self, length: u64, damage: Damage) -> Result<Option<Record<E>>, JournalError> {
        if lost_its_end(&self.text) {
            return Err(self.damaged(Damage::NoLineEnd));
        }
        let mut bytes = length;
        loop {
            let more = self.read_line()?;
            if more == 0 {
                break;
            }
            if line::after_record(&self.text).is_some() {
                return Err(self.damaged(damage));
            }
            bytes += more;
        }
        self.torn = Some(TornTail {
            line: self.lines + 1,
            offset: self.offset,
            bytes,
        });
        Ok(None)
    }

    fn damaged(&self, damage: Damage) -> JournalError {
        let (path, line, offset) = self.place();
        JournalError::Damaged {
            path,
            line,
            offset,
            damage,
        }
    }

    /// The file, the line and the byte where the current line starts.
    fn place(&self) -> (PathBuf, u64, u64) {
        (self.path.clone(), self.lines + 1, self.offset)
    }
}

impl<E: DeserializeOwned, R: BufRead> Iterator for Reader<E, R> {
    type Item = Result<Record<E>, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Whether a whole record is followed by something that a cut write does not leave. A power cut may leave zeros.
fn lost_its_end(text: &[u8]) -> bool {
    line::after_record(text)
        .and_then(<[u8]>::first)
        .is_some_and(|next| *next != 0)
}
