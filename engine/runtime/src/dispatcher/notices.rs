//! The way to the readers of a run: durable events, and notices that may be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use smallcode_core::run::{Event, Notice, Timestamp};

use super::now;

/// How many notices may wait to be seen. A command that writes faster than they are shown loses lines on the
/// screen, never in its recorded output.
const MAX_NOTICES: usize = 4096;

/// What readers of a run are sent: events that are durable, and notices.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are events: a box for each would cost more"
)]
pub enum Observed {
    /// A durable event with its number in the journal.
    Event(u64, Timestamp, Event),
    /// Something worth seeing.
    Notice(Timestamp, Notice),
}

/// The way of notices to the readers.
#[derive(Clone)]
pub struct Notices {
    readers: std::sync::mpsc::Sender<Observed>,
    waiting: Arc<AtomicUsize>,
    wanted: Arc<AtomicBool>,
}

impl Notices {
    /// A way to `readers`. Without `wanted`, output of commands is not even looked at.
    pub fn new(readers: std::sync::mpsc::Sender<Observed>, wanted: bool) -> Self {
        Self {
            readers,
            waiting: Arc::default(),
            wanted: Arc::new(AtomicBool::new(wanted)),
        }
    }

    /// Whether anybody looks at output as it is written.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Sends a notice, unless too many wait already.
    pub fn send(&self, notice: Notice) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_NOTICES {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let _ = self.readers.send(Observed::Notice(now(), notice));
    }

    /// What a reader tells when it has taken notices. It does not keep the way to the readers open.
    pub fn taken(&self) -> Taken {
        Taken(Arc::clone(&self.waiting))
    }
}

/// Counts the notices that a reader has taken.
#[derive(Debug)]
pub struct Taken(Arc<AtomicUsize>);

impl Taken {
    /// One more was taken.
    pub fn one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
