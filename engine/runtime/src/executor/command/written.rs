//! What a command wrote: kept for the journal, and its end told.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use smallcode_core::run::Stored;

use super::super::Shared;
use crate::host::INLINE;
use crate::journal::BlobError;
use crate::process::Captured;

/// How many lines of a failed command's output are told: a screen.
const TOLD_LINES: usize = 20;

/// How much of it at most, in bytes: lines can be long.
const TOLD_BYTES: usize = 4 * 1024;

/// How much is told of what was written.
#[derive(Clone, Copy)]
pub(in super::super) struct Most {
    /// How many of the last lines.
    pub(in super::super) lines: usize,
    /// How many of the last bytes.
    pub(in super::super) bytes: usize,
}

/// As much as a failure tells.
pub(in super::super) const A_SCREEN: Most = Most {
    lines: TOLD_LINES,
    bytes: TOLD_BYTES,
};

/// Keeps what was written to a stream; `trim` takes the last newline off.
pub(super) fn stored(shared: &Shared, captured: Captured, trim: bool) -> Result<Stored, BlobError> {
    match captured {
        Captured::Memory(bytes) => {
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            let text = shared.mask.apply(text);
            let text = if trim {
                text.strip_suffix('\n').unwrap_or(&text)
            } else {
                &text
            };
            if text.len() <= INLINE {
                return Ok(Stored::inline(text.into()));
            }
            // Blobs are written on a thread of the runtime that may block: outputs of this size are rare.
            tokio::task::block_in_place(|| shared.host.keep_text(text, false))
        }
        Captured::Spooled {
            path,
            bytes,
            truncated,
        } => tokio::task::block_in_place(|| {
            prepare(shared, &path, trim && !truncated)
                .map_err(|e| BlobError::io("write output to", &path, e))?;
            let hash = shared.host.blobs().put_file(&path)?;
            let kept = shared.host.blobs().size(&hash).unwrap_or(bytes);
            Ok(Stored::Text {
                blob: hash.to_string(),
                bytes: kept,
                cut: truncated,
            })
        }),
    }
}

/// Whether nothing was written.
pub(super) fn is_empty(stored: &Stored) -> bool {
    matches!(stored, Stored::Inline(value) if value.as_str() == Some(""))
}

/// Masks what lies in a file, and takes its last newline off.
fn prepare(shared: &Shared, path: &Path, trim: bool) -> std::io::Result<()> {
    if !shared.mask.is_empty() {
        let mut masked = tempfile::NamedTempFile::new_in(&shared.spool)?;
        shared
            .mask
            .copy(&mut std::fs::File::open(path)?, masked.as_file_mut())?;
        masked.persist(path).map_err(|error| error.error)?;
    }
    if trim {
        drop_last_newline(path)?;
    }
    Ok(())
}

fn drop_last_newline(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    if end > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last == *b"\n" {
            file.set_len(end - 1)?;
        }
    }
    Ok(())
}

/// The last lines of what was written. More than is told is masked first: a cut could split a secret.
pub(in super::super) fn tail(shared: &Shared, captured: &Captured, most: Most) -> String {
    let seen = most.bytes.saturating_mul(2);
    let bytes = match captured {
        Captured::Memory(bytes) => bytes
            .get(bytes.len().saturating_sub(seen)..)
            .unwrap_or_default()
            .to_vec(),
        Captured::Spooled { path, .. } => {
            let read = || -> std::io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(path)?;
                let length = file.metadata()?.len();
                file.seek(SeekFrom::Start(
                    length.saturating_sub(u64::try_from(seen).unwrap_or(u64::MAX)),
                ))?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            read().unwrap_or_default()
        }
    };
    let text = shared.mask.apply(String::from_utf8_lossy(&bytes).into_owned());
    let from = text.len().saturating_sub(most.bytes);
    let from = (from..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let lines: Vec<&str> = text.get(from..).unwrap_or_default().lines().collect();
    lines
        .get(lines.len().saturating_sub(most.lines)..)
        .unwrap_or_default()
        .join("\n")
}
