//! The reports of a session, and the one question at a time that may stand on the same terminal.
//!
//! Two threads use it: that of the reports shows what comes, ten times a second; that of the questions has
//! everything shown that came before a question, and holds back what comes until the answer is there.

use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smallcode_core::run::Event;
use smallcode_runtime::dispatcher::{Observed, Taken, now};

use crate::report::Report;

/// How often what is redrawn is redrawn: often enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// The reports, and what they are fed from.
pub(super) struct Screen(Mutex<Shown>);

struct Shown {
    receiver: Receiver<Observed>,
    taken: Taken,
    reports: Vec<Box<dyn Report>>,
    /// Whether a human is asked just now: nothing is shown over the question.
    asking: bool,
    /// What came meanwhile.
    held: Vec<Observed>,
    over: bool,
    failures: Vec<io::Error>,
}

impl Screen {
    /// Reports that are fed what `receiver` gives; notices among it are counted by `taken`.
    pub(super) fn new(receiver: Receiver<Observed>, taken: Taken, reports: Vec<Box<dyn Report>>) -> Self {
        Self(Mutex::new(Shown {
            receiver,
            taken,
            reports,
            asking: false,
            held: Vec::new(),
            over: false,
            failures: Vec::new(),
        }))
    }

    /// Feeds the reports until the session is over. Gives what could not be written.
    pub(super) fn run(&self) -> Vec<io::Error> {
        loop {
            // Not woken for every event: what waits is shown ten times a second, and at the end at once.
            std::thread::park_timeout(TICK);
            let mut shown = self.lock();
            shown.advance();
            if shown.over {
                return std::mem::take(&mut shown.failures);
            }
            if !shown.asking {
                shown.reports.iter_mut().for_each(|report| report.tick(now()));
            }
        }
    }

    /// Shows all that came before a question, and makes room for it. Whether there still is a run to ask for.
    pub(super) fn make_room(&self) -> bool {
        let mut shown = self.lock();
        shown.advance();
        if shown.over {
            return false;
        }
        shown.reports.iter_mut().for_each(|report| report.pause());
        shown.asking = true;
        true
    }

    /// The question has its answer: what came meanwhile may be shown.
    pub(super) fn answered(&self) {
        self.lock().asking = false;
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// Shows everything that waits, unless a human is asked.
    fn advance(&mut self) {
        let mut gone = false;
        while !self.over && !gone {
            match self.receiver.try_recv() {
                Ok(observed) => self.held.push(observed),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => gone = true,
            }
        }
        if self.asking && !gone {
            if !self.held.iter().any(voids_questions) {
                return;
            }
            self.asking = false;
            let _ = writeln!(io::stderr());
        }
        for observed in std::mem::take(&mut self.held) {
            self.show(&observed);
        }
        if gone {
            self.finish();
        }
    }

    fn show(&mut self, observed: &Observed) {
        for report in &mut self.reports {
            match observed {
                Observed::Event(seq, at, event) => report.event(*at, *seq, event),
                Observed::Notice(at, notice) => report.notice(*at, notice),
            }
        }
        match observed {
            Observed::Notice(..) => self.taken.one(),
            Observed::Event(_, _, Event::RunFinished { .. }) => self.finish(),
            Observed::Event(..) => {}
        }
    }

    fn finish(&mut self) {
        self.over = true;
        let written = self.reports.drain(..).map(|mut report| report.finish());
        self.failures.extend(written.filter_map(Result::err));
    }
}

/// What makes a question void: nobody waits for its answer any more.
fn voids_questions(observed: &Observed) -> bool {
    matches!(
        observed,
        Observed::Event(_, _, Event::Interrupted { .. } | Event::RunFinished { .. })
    )
}
