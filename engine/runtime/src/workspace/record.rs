//! The form of what is kept: a head in JSON, then an entry for each folder, file and link, contents included.
//!
//! Paths are bytes, as names of files need not be text. Numbers are little-endian.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::keep::Places;

const MAGIC: &[u8] = b"smallcode kept 1\n";

/// The longest path or target that is read, in bytes: many times what systems take.
const MAX_NAME: u64 = 1 << 20;

const FOLDER: u8 = b'd';
const FILE: u8 = b'f';
const LINK: u8 = b'l';
const OTHER: u8 = b'o';
const END: u8 = b'.';

/// What stood at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder {
        mode: u64,
    },
    File {
        mode: u64,
        /// Where in the record its content begins.
        offset: u64,
        bytes: u64,
    },
    Link {
        target: OsString,
    },
    Other,
}

#[derive(Serialize, Deserialize)]
struct Head {
    /// Whose it is, so that no two records are the same.
    of: String,
    places: Places,
}

/// Writes the head.
pub(super) fn begin(to: &mut impl Write, of: &str, places: &Places) -> io::Result<()> {
    to.write_all(MAGIC)?;
    let head = Head {
        of: of.to_owned(),
        places: places.clone(),
    };
    serde_json::to_writer(&mut *to, &head)?;
    to.write_all(b"\n")
}

/// Writes a folder.
pub(super) fn folder(to: &mut impl Write, path: &Path, mode: u64) -> io::Result<()> {
    start(to, FOLDER, path)?;
    to.write_all(&mode.to_le_bytes())
}

/// Writes a file; so many bytes of content follow.
pub(super) fn file(to: &mut impl Write, path: &Path, mode: u64, bytes: u64) -> io::Result<()> {
    start(to, FILE, path)?;
    to.write_all(&mode.to_le_bytes())?;
    to.write_all(&bytes.to_le_bytes())
}

/// Writes a link.
pub(super) fn link(to: &mut impl Write, path: &Path, target: &[u8]) -> io::Result<()> {
    start(to, LINK, path)?;
    name(to, target)
}

/// Writes what is only known to be there.
pub(super) fn other(to: &mut impl Write, path: &Path) -> io::Result<()> {
    start(to, OTHER, path)
}

/// Ends the record.
pub(super) fn end(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&[END])
}

fn start(to: &mut impl Write, tag: u8, path: &Path) -> io::Result<()> {
    to.write_all(&[tag])?;
    name(to, path.as_os_str().as_bytes())
}

fn name(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes())?;
    to.write_all(bytes)
}

/// Reads a record to its end, the contents passed over.
pub(super) fn read(from: impl Read) -> io::Result<(Places, BTreeMap<PathBuf, Entry>)> {
    let mut from = Counted {
        inner: BufReader::new(from),
        at: 0,
    };
    if from.bytes(MAGIC.len())? != MAGIC {
        return Err(damaged());
    }
    let head = from.line()?;
    let head: Head = serde_json::from_slice(&head)?;
    let mut entries = BTreeMap::new();
    loop {
        let [tag] = from.array()?;
        if tag == END {
            break;
        }
        let path = PathBuf::from(from.name()?);
        let entry = match tag {
            FOLDER => Entry::Folder {
                mode: u64::from_le_bytes(from.array()?),
            },
            FILE => {
                let mode = u64::from_le_bytes(from.array()?);
                let bytes = u64::from_le_bytes(from.array()?);
                let offset = from.at;
                from.skip(bytes)?;
                Entry::File { mode, offset, bytes }
            }
            LINK => Entry::Link { target: from.name()? },
            OTHER => Entry::Other,
            _ => return Err(damaged()),
        };
        entries.insert(path, entry);
    }
    // To its very end, where it is checked.
    io::copy(&mut from.inner, &mut io::sink())?;
    Ok((head.places, entries))
}

struct Counted<R> {
    inner: BufReader<R>,
    at: u64,
}

impl<R: Read> Counted<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(buffer)?;
        self.at += u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut buffer = [0; N];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let read = self.inner.read_until(b'\n', &mut line)?;
        self.at += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(line)
    }

    fn name(&mut self) -> io::Result<OsString> {
        let length = u64::from_le_bytes(self.array()?);
        if length > MAX_NAME {
            return Err(damaged());
        }
        let length = usize::try_from(length).map_err(|_| damaged())?;
        Ok(OsString::from_vec(self.bytes(length)?))
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.inner).take(bytes), &mut io::sink())?;
        self.at += skipped;
        if skipped == bytes { Ok(()) } else { Err(damaged()) }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no record of what was kept")
}
