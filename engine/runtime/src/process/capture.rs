//! Keeps what a stream brings: in memory while it is short, then in a file, then only its length.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use tempfile::NamedTempFile;
use tokio::net::unix::pipe::Receiver;

use super::{Captured, RunError, Spec, Stream};

/// What is read at a time at first: enough for most commands, which print little.
const FIRST_CHUNK: usize = 1024;
/// What is read at a time from a command that prints much: 64 KiB, a full pipe on Linux.
const LARGEST_CHUNK: usize = 64 * 1024;
/// What is still read when the time for reading is over: 1 MiB, the most that a pipe holds on Linux by default.
const REMAINDER: u64 = 1024 * 1024;

/// One stream of a running command, and what was kept of it.
pub(super) struct Capture<'a> {
    spec: &'a Spec,
    stream: Stream,
    pipe: Option<Receiver>,
    kept: Vec<u8>,
    file: Option<NamedTempFile>,
    /// What came, kept or not, in bytes.
    total: u64,
}

impl<'a> Capture<'a> {
    /// Captures what comes out of `pipe`; nothing when there is none.
    pub(super) fn new(
        spec: &'a Spec,
        stream: Stream,
        pipe: Option<impl Into<OwnedFd>>,
    ) -> Result<Self, RunError> {
        let pipe = pipe.map(|pipe| receiver(pipe.into())).transpose();
        let pipe = pipe.map_err(RunError::io("read the output of a command"))?;
        Ok(Self {
            spec,
            stream,
            pipe,
            kept: Vec::new(),
            file: None,
            total: 0,
        })
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Waits until there is something to [`pump`](Self::pump). Never ends on a closed stream.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match &self.pipe {
            Some(pipe) => pipe.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what has arrived by now, though not for ever: others may still be writing.
    pub(super) fn drain(
        &mut self,
        chunk: &mut Vec<u8>,
        on_output: &mut impl FnMut(Stream, &[u8]),
    ) -> Result<(), RunError> {
        let limit = self.total.saturating_add(REMAINDER);
        while self.total < limit && self.pump(chunk, on_output)? {}
        Ok(())
    }

    /// Takes one chunk, and gives whether there was one. `chunk` is grown to what the commands before it needed.
    pub(super) fn pump(
        &mut self,
        chunk: &mut Vec<u8>,
        on_output: &mut impl FnMut(Stream, &[u8]),
    ) -> Result<bool, RunError> {
        let Some(pipe) = &self.pipe else { return Ok(false) };
        if chunk.is_empty() {
            chunk.resize(FIRST_CHUNK, 0);
        }
        match pipe.try_read(chunk) {
            Ok(0) => self.pipe = None,
            Ok(read) => {
                let bytes = chunk.get(..read).unwrap_or_default();
                on_output(self.stream, bytes);
                self.keep(bytes).map_err(|source| RunError::Spool {
                    path: self.spec.spool_dir.clone(),
                    source,
                })?;
                if read == chunk.len() && read < LARGEST_CHUNK {
                    chunk.resize(read * 2, 0);
                }
                return Ok(true);
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(e) => return Err(RunError::io("read the output of a command")(e)),
        }
        Ok(false)
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.spec.max_output.saturating_sub(self.total)).unwrap_or(usize::MAX);
        self.total += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let kept = bytes.get(..room).unwrap_or(bytes);
        if let Some(file) = &mut self.file {
            return file.write_all(kept);
        }
        if kept.len() == bytes.len() && self.kept.len() + kept.len() <= self.spec.keep_in_memory {
            self.kept.extend_from_slice(kept);
            return Ok(());
        }
        // Written from the async thread on purpose: these writes go to the page cache, and handing each to another
        // thread costs more than they do.
        let mut file = self.create()?;
        file.write_all(&std::mem::take(&mut self.kept))?;
        file.write_all(kept)?;
        self.file = Some(file);
        Ok(())
    }

    fn create(&self) -> io::Result<NamedTempFile> {
        let create = || {
            tempfile::Builder::new()
                .prefix("output-")
                .tempfile_in(&self.spec.spool_dir)
        };
        match create() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.spec.spool_dir)?;
                create()
            }
            created => created,
        }
    }

    /// Stops reading, and gives what was kept.
    pub(super) fn finish(self) -> Result<Captured, RunError> {
        let Some(file) = self.file else {
            return Ok(Captured::Memory(self.kept));
        };
        let (_, path) = file.keep().map_err(|e| RunError::Spool {
            path: self.spec.spool_dir.clone(),
            source: e.error,
        })?;
        Ok(Captured::Spooled {
            path,
            bytes: self.total,
            truncated: self.total > self.spec.max_output,
        })
    }
}

/// The end of a pipe that was made for a command. That it is one needs no look, of which there are thousands in a run.
pub(super) fn receiver(pipe: OwnedFd) -> io::Result<Receiver> {
    rustix::io::ioctl_fionbio(&pipe, true)?;
    Receiver::from_owned_fd_unchecked(pipe)
}
