//! Group commit: an append is in the file when it returns, and one synchronisation serves everyone who waits.
//!
//! Events are serialised and written by whoever appends them: a few microseconds into the page cache, which
//! survives the death of the process. A thread synchronises the file when somebody wants what was written to
//! survive a power cut too; all that was written until then becomes durable at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use serde::Serialize;

use super::disk::Storage;
use super::{JournalError, Stats, line};

/// A buffer that grew past this many bytes is given back after its append.
const KEPT_CAPACITY: usize = 1024 * 1024;

/// Writes events, and has them made durable by a thread of its own.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    storage: Box<dyn Storage>,
    state: Mutex<State>,
    /// Somebody waits for the disk, or the writer is closing.
    work: Condvar,
    /// A synchronisation ended, well or badly.
    done: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    /// Where the lines of an append are put together.
    buffer: Vec<u8>,
    /// The length of the file.
    length: u64,
    /// The number of the last record in the file.
    written: u64,
    /// The number of the last record that is durable.
    durable: u64,
    /// The number of the last record that somebody wants to be durable.
    wanted: u64,
    /// Why nothing can be written any more.
    failed: Option<JournalError>,
    closing: bool,
    /// Who waits for which record.
    wakers: BTreeMap<u64, Waker>,
    stats: Stats,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Starts the thread that writes to `storage`, which holds `length` bytes and the records up to `last_seq`.
    pub(super) fn start(
        path: &Path,
        storage: Box<dyn Storage>,
        length: u64,
        last_seq: u64,
    ) -> Result<Self, JournalError> {
        let state = State {
            buffer: Vec::new(),
            length,
            written: last_seq,
            durable: last_seq,
            wanted: last_seq,
            failed: None,
            closing: false,
            wakers: BTreeMap::new(),
            stats: Stats::default(),
        };
        let shared = Arc::new(Shared {
            path: path.to_path_buf(),
            storage,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || synchronise(&theirs))
            .map_err(|e| JournalError::io("start the thread that synchronises", path, e))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Writes `events`, all or none of them.
    pub(super) fn append<E: Serialize>(&self, events: &[(u64, E)]) -> Result<Commit, JournalError> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        if let Some(failed) = &state.failed {
            return Err(failed.clone());
        }
        // What a serialiser that panicked has left.
        state.buffer.clear();
        let mut seq = state.written;
        for (at, event) in events {
            seq += 1;
            line::encode(&mut state.buffer, seq, *at, event)
                .map_err(|problem| JournalError::Unwritable { problem })?;
        }
        if let Err(e) = self.shared.storage.write_at(&state.buffer, state.length) {
            // A part of a line must not stay; should this fail as well, the next open cuts it.
            let _ = self.shared.storage.truncate(state.length);
            let failed = JournalError::io("write", &self.shared.path, e);
            state.failed = Some(failed.clone());
            let waiting = std::mem::take(&mut state.wakers);
            drop(guard);
            self.shared.done.notify_all();
            waiting.into_values().for_each(Waker::wake);
            return Err(failed);
        }
        let bytes = u64::try_from(state.buffer.len()).unwrap_or(u64::MAX);
        state.length += bytes;
        state.stats.records += seq - state.written;
        state.stats.bytes += bytes;
        state.written = seq;
        state.buffer.clear();
        state.buffer.shrink_to(KEPT_CAPACITY);
        Ok(Commit {
            shared: Arc::clone(&self.shared),
            seq: if events.is_empty() { 0 } else { seq },
        })
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.lock().stats
    }

    /// Waits until everything written is durable, and ends the thread.
    pub(super) fn close(&mut self) -> Result<(), JournalError> {
        {
            let mut state = self.shared.lock();
            state.closing = true;
            state.wanted = state.written;
        }
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread would leave records that are not durable: `failed` or the next open tells.
            let _ = thread.join();
        }
        self.shared.lock().failed.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// An append that is in the file: await it, or [`wait`](Self::wait) for it, to have it on the disk.
///
/// Nobody has to: what is dropped becomes durable with the next append that somebody waits for, or on closing.
#[derive(Debug)]
#[must_use = "an event that announces what can't be repeated may be acted on only after its commit"]
pub struct Commit {
    shared: Arc<Shared>,
    seq: u64,
}

impl Commit {
    /// The number of the last record of the append; 0 when it was empty.
    pub fn last_seq(&self) -> u64 {
        self.seq
    }

    /// Asks for the events to become durable, without waiting for it.
    pub fn request(&self) {
        let mut state = self.shared.lock();
        if state.wanted < self.seq {
            state.wanted = self.seq;
            drop(state);
            self.shared.work.notify_one();
        }
    }

    /// Blocks until the events are durable. Not for use in async code: await the commit there.
    pub fn wait(self) -> Result<(), JournalError> {
        let mut state = self.shared.lock();
        state.wanted = state.wanted.max(self.seq);
        self.shared.work.notify_one();
        loop {
            if let Some(outcome) = state.outcome(self.seq) {
                return outcome;
            }
            state = self
                .shared
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Commit {
    type Output = Result<(), JournalError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        if let Some(outcome) = state.outcome(self.seq) {
            return Poll::Ready(outcome);
        }
        // No two commits wait for the same record: an append ends with one of its own, and an empty one doesn't wait.
        state.wakers.insert(self.seq, cx.waker().clone());
        if state.wanted < self.seq {
            state.wanted = self.seq;
            drop(state);
            self.shared.work.notify_one();
        }
        Poll::Pending
    }
}

impl State {
    /// What became of record `seq`, once that is known.
    fn outcome(&self, seq: u64) -> Option<Result<(), JournalError>> {
        if seq <= self.durable {
            Some(Ok(()))
        } else {
            self.failed.clone().map(Err)
        }
    }
}

/// The thread: synchronises while somebody waits, and tells who did; until closed or failed.
fn synchronise(shared: &Shared) {
    loop {
        let mut state = shared.lock();
        while state.wanted <= state.durable && !state.closing {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.wanted <= state.durable || state.failed.is_some() {
            return;
        }
        let target = state.written;
        drop(state);
        let synced = shared.storage.sync();
        let mut state = shared.lock();
        let failed = synced.is_err();
        match synced {
            Ok(()) => {
                state.durable = target;
                state.stats.commits += 1;
            }
            // What was written stays: some of it was acted on, and the next open sees what of it is there.
            Err(e) => state.failed = Some(JournalError::io("synchronise", &shared.path, e)),
        }
        let later = if failed {
            BTreeMap::new()
        } else {
            state.wakers.split_off(&(target + 1))
        };
        let waiting = std::mem::replace(&mut state.wakers, later);
        drop(state);
        shared.done.notify_all();
        waiting.into_values().for_each(Waker::wake);
        if failed {
            return;
        }
    }
}
