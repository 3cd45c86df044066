//! Group commit: a thread owns the file, and everything queued while it waited for the disk goes out in one write.
//!
//! Events are serialised by whoever appends them, straight into the buffer that is written next, so an event costs
//! no allocation and no copy of its own. The thread swaps that buffer for an empty one, writes it with one call,
//! synchronises once, and only then wakes everyone whose events were in it.

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

/// A buffer that grew past this many bytes is given back after its commit.
const KEPT_CAPACITY: usize = 1024 * 1024;

/// Queues events and has them committed by a thread of its own.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    /// There is something to write, or the writer is closing.
    work: Condvar,
    /// A commit ended, well or badly.
    done: Condvar,
}

#[derive(Debug)]
struct State {
    /// The lines that are written next.
    pending: Vec<u8>,
    /// How much of `pending` is whole appends: less than its length only when a serialiser panicked.
    whole: usize,
    /// The number of the last record that was queued.
    queued: u64,
    /// The number of the last record that is durable.
    durable: u64,
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
            pending: Vec::new(),
            whole: 0,
            queued: last_seq,
            durable: last_seq,
            failed: None,
            closing: false,
            wakers: BTreeMap::new(),
            stats: Stats::default(),
        };
        let shared = Arc::new(Shared {
            path: path.to_path_buf(),
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(&theirs, storage, length))
            .map_err(|e| JournalError::io("start the thread that writes", path, e))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Queues `events`, all or none of them.
    pub(super) fn append<E: Serialize>(&self, events: &[(u64, E)]) -> Result<Commit, JournalError> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        if let Some(failed) = &state.failed {
            return Err(failed.clone());
        }
        if events.is_empty() {
            return Ok(Commit {
                shared: Arc::clone(&self.shared),
                seq: 0,
            });
        }
        let whole = state.whole;
        state.pending.truncate(whole);
        let mut seq = state.queued;
        for (at, event) in events {
            seq += 1;
            if let Err(problem) = line::encode(&mut state.pending, seq, *at, event) {
                state.pending.truncate(whole);
                return Err(JournalError::Unwritable { problem });
            }
        }
        let idle = whole == 0;
        state.whole = state.pending.len();
        state.queued = seq;
        drop(guard);
        if idle {
            self.shared.work.notify_one();
        }
        Ok(Commit {
            shared: Arc::clone(&self.shared),
            seq,
        })
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.lock().stats
    }

    /// Waits until everything queued is committed, and ends the thread.
    pub(super) fn close(&mut self) -> Result<(), JournalError> {
        self.shared.lock().closing = true;
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

/// An append on its way to the disk: await it, or [`wait`](Self::wait) for it, before acting on its events.
///
/// Dropping it forgets the answer; the events are written all the same.
#[derive(Debug)]
#[must_use = "an event may be acted on only after its commit"]
pub struct Commit {
    shared: Arc<Shared>,
    seq: u64,
}

impl Commit {
    /// The number of the last record of the append; 0 when it was empty.
    pub fn last_seq(&self) -> u64 {
        self.seq
    }

    /// Blocks until the events are durable. Not for use in async code: await the commit there.
    pub fn wait(self) -> Result<(), JournalError> {
        let mut state = self.shared.lock();
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

/// The thread: takes what is queued, commits it, tells who waited; until closed or failed.
fn write_all(shared: &Shared, mut storage: Box<dyn Storage>, mut length: u64) {
    let mut batch = Vec::new();
    loop {
        let mut state = shared.lock();
        while state.whole == 0 && !state.closing {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.whole == 0 {
            return;
        }
        std::mem::swap(&mut state.pending, &mut batch);
        batch.truncate(std::mem::take(&mut state.whole));
        let last = state.queued;
        let records = last - state.durable;
        drop(state);

        let bytes = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let written = storage.write_at(&batch, length).and_then(|()| storage.sync());
        let mut state = shared.lock();
        let failed = written.is_err();
        match written {
            Ok(()) => {
                length += bytes;
                state.durable = last;
                state.stats.commits += 1;
                state.stats.records += records;
                state.stats.bytes += bytes;
            }
            Err(e) => {
                // What is there of the batch must not be taken for committed later. Should this fail as well, the
                // next open cuts a torn record, and records that are whole were at least never acted on.
                let _ = storage.truncate(length).and_then(|()| storage.sync());
                state.failed = Some(JournalError::io("write", &shared.path, e));
                state.pending = Vec::new();
                state.whole = 0;
            }
        }
        let later = if failed {
            BTreeMap::new()
        } else {
            state.wakers.split_off(&(last + 1))
        };
        let waiting = std::mem::replace(&mut state.wakers, later);
        drop(state);
        shared.done.notify_all();
        waiting.into_values().for_each(Waker::wake);
        if failed {
            return;
        }
        batch.clear();
        batch.shrink_to(KEPT_CAPACITY);
    }
}
