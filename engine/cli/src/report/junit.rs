//! A run as `JUnit` XML, for continuous integration: `--report junit=FILE`.
//!
//! The run is a suite and each node a case of it. Attempts that failed before one that went well make the
//! case flaky; those before the last failure are reruns. Built from events only, so a finished journal gives
//! the same file as the run itself did.

mod case;

use std::io::{self, Write};

use chrono::{DateTime, FixedOffset};
use indexmap::IndexMap;
use quick_junit::{Report as Document, TestSuite};
use smallcode_core::run::{Event, NodeId, Notice, Outcome, RunStatus, Timestamp};

use super::Report;
use super::progress::{Change, Progress};
use crate::render::text;

use case::{Attempt, Case};

/// Gives the text of a blob of the run, if it is there and text.
pub(crate) type ReadBlob = Box<dyn Fn(&str) -> Option<String> + Send>;

/// Collects the run, and writes it at the end.
pub(crate) struct Junit<W> {
    out: W,
    read_blob: ReadBlob,
    progress: Progress,
    cases: IndexMap<NodeId, Case>,
    first: Option<Timestamp>,
    last: Timestamp,
    finished: bool,
}

impl<W: Write + Send> Junit<W> {
    /// A report that writes to `out` when the run is over.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            read_blob: Box::new(|_| None),
            progress: Progress::new(None),
            cases: IndexMap::new(),
            first: None,
            last: Timestamp::default(),
            finished: false,
        }
    }

    /// Also shows the end of outputs that are kept in blobs.
    #[must_use]
    pub(crate) fn with_blobs(mut self, read: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        self.read_blob = Box::new(read);
        self
    }

    /// The document, as far as the events have come.
    pub(crate) fn xml(&self) -> io::Result<String> {
        let workflow = self
            .progress
            .workflow
            .as_deref()
            .map_or_else(|| "smallcode".to_owned(), xml_text);
        let time = std::time::Duration::from_millis(self.first.map_or(0, |first| self.last.since(first)));
        let mut suite = TestSuite::new(&workflow);
        suite.set_time(time);
        let mut document = Document::new(&workflow);
        document.set_time(time);
        if let Some(start) = self.first.and_then(date_time) {
            suite.set_timestamp(start);
            document.set_timestamp(start);
        }
        if let Some(run) = &self.progress.run {
            suite.add_property(("run", xml_text(run).as_str()));
        }
        for (node, case) in &self.cases {
            suite.add_test_case(case.render(node, &workflow, self.unfinished(node)));
        }
        if let Some((_, message)) = self
            .progress
            .ended
            .as_ref()
            .filter(|(_, message)| !message.is_empty())
        {
            suite.set_system_err(xml_text(message));
        }
        document.add_test_suite(suite);
        document.to_string().map_err(io::Error::other)
    }

    /// Why a case without an end has none.
    fn unfinished(&self, node: &NodeId) -> &'static str {
        if self.progress.asked.contains(node) {
            return "waits for an answer";
        }
        match self.progress.ended.as_ref().map(|(status, _)| *status) {
            Some(RunStatus::Interrupted) => "the run was interrupted",
            Some(RunStatus::Waiting) => "the run is waiting",
            Some(RunStatus::OverBudget) => "the run reached a cap",
            Some(RunStatus::NoModel) => "no model could be reached",
            Some(RunStatus::Success | RunStatus::Failure) | None => "the run ended before it",
        }
    }

    fn note(&mut self, at: Timestamp, change: &Change<'_>) {
        match change {
            Change::Started { node, .. } => {
                let case = self.cases.entry((*node).clone()).or_default();
                if case.end.is_some() {
                    *case = Case::default();
                }
                case.attempts.push(Attempt::started(at));
            }
            Change::Retrying { node, failure, .. } => {
                let case = self.cases.entry((*node).clone()).or_default();
                case.attempt_failed(at, failure, &self.read_blob);
            }
            Change::Ended { node, end, .. } => {
                let case = self.cases.entry((*node).clone()).or_default();
                case.ended(at, *end, &self.read_blob);
            }
        }
    }
}

/// Text as XML may hold it: no control characters, no escape sequences.
fn xml_text(raw: &str) -> String {
    text::clean(raw).into_owned()
}

fn date_time(at: Timestamp) -> Option<DateTime<FixedOffset>> {
    DateTime::from_timestamp_millis(i64::try_from(at.0).ok()?).map(|time| time.fixed_offset())
}

impl<W: Write + Send> Report for Junit<W> {
    fn event(&mut self, at: Timestamp, _seq: u64, event: &Event) {
        self.first.get_or_insert(at);
        self.last = self.last.max(at);
        let change = self.progress.apply(at, event);
        if let Some(change) = change {
            self.note(at, &change);
        }
        match event {
            Event::CallStarted { node, .. } => {
                if let Some(case) = self.cases.get_mut(node) {
                    case.called = true;
                }
            }
            Event::AttemptFinished {
                node,
                outcome: Outcome::Success(result),
                ..
            } => {
                if let Some(case) = self.cases.get_mut(node) {
                    case.wrote(result, &self.read_blob);
                }
            }
            _ => {}
        }
    }

    fn notice(&mut self, _at: Timestamp, _notice: &Notice) {}

    fn finish(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        let xml = self.xml()?;
        self.out.write_all(xml.as_bytes())?;
        self.out.flush()
    }
}
