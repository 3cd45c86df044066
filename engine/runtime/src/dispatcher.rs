//! The one place that changes a run: it journals, then acts.
//!
//! A loop of four steps: ask the state what is to be done and turn that into events; commit them; start what
//! they announced; wait for something to happen. Everything that happens meanwhile is taken in at once, so that
//! one commit serves many events.

mod calls;
mod claims;
mod commit;
mod gates;
mod messages;
mod names;
mod notices;
mod parts;
mod settle;
mod stop;
mod tools;
mod turns;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use smallcode_core::run::{ApplyError, Event, NodeId, NodeIndex, Program, RunStatus, State, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::executor::{CallRequest, Message, Shared, Tell};
use crate::journal::{BlobError, BlobHash, Commit, Journal, JournalError};
use crate::workspace::KeepError;

pub use self::notices::{Notices, Observed, Taken};

use self::claims::Claims;
use self::commit::Effect;
use self::gates::Asked;
use self::names::NameSource;

/// A question to a human.
#[derive(Debug)]
pub struct Question {
    /// The gate.
    pub node: NodeId,
    /// What is asked.
    pub message: String,
    /// What is shown with it.
    pub diff: Option<String>,
}

/// The run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The journal could not be written: nothing more was started.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal and the workflow don't fit; a bug, or a changed journal.
    #[error(transparent)]
    Misfit(#[from] ApplyError),
    /// A blob could not be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// What a failed attempt wrote could not be put back.
    #[error("what an attempt wrote could not be put back: {0}")]
    NotRestored(#[from] KeepError),
}

/// How a session of a run ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: RunStatus,
    /// The outputs of the workflow, where it succeeded.
    pub outputs: Option<Json>,
    /// What there is to say about it.
    pub message: String,
    /// How often was written to the disk.
    pub commits: u64,
}

/// Runs the nodes of one run in this process.
pub struct Dispatcher {
    shared: Arc<Shared>,
    program: Arc<Program>,
    state: State,
    journal: Journal<Event>,
    names: NameSource,
    batch: Vec<(u64, Event)>,
    effects: Vec<Effect>,
    tell: Tell,
    messages: mpsc::UnboundedReceiver<Message>,
    readers: std::sync::mpsc::Sender<Observed>,
    questions: Option<mpsc::UnboundedSender<Question>>,
    asked: Asked,
    running: HashMap<NodeIndex, (CancellationToken, CancellationToken)>,
    work: JoinSet<()>,
    /// Calls that wait for others to give back what they don't use.
    waiting_calls: VecDeque<CallRequest>,
    /// Attempts that wait for their turn to write.
    waiting_turns: HashMap<NodeIndex, oneshot::Sender<()>>,
    /// What attempts had kept that have ended; it goes once the disk knows of that.
    forgotten: Vec<BlobHash>,
    /// When the disk was last asked to keep what is written, and whether something was written since.
    synced_at: Timestamp,
    unsynced: Option<Commit>,
    claims: Claims,
    stage: u32,
    /// Attempts that were stopped by a signal and left no event: they are in flight for good.
    abandoned: bool,
    stop_at: Option<Timestamp>,
    /// Why what an attempt left could not be kept, or what it wrote not be put back.
    broken: Option<DispatchError>,
    ended: Option<Ended>,
}

/// The wall clock, in milliseconds since the Unix epoch.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Dispatcher {
    /// A dispatcher over a journal whose events have made `state`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a run, put together in one place"
    )]
    pub fn new(
        shared: Arc<Shared>,
        state: State,
        journal: Journal<Event>,
        inputs: &serde_json::Map<String, Json>,
        env: &serde_json::Map<String, Json>,
        readers: std::sync::mpsc::Sender<Observed>,
        notices: Notices,
        questions: Option<mpsc::UnboundedSender<Question>>,
    ) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let names = NameSource::new(&shared, inputs, env);
        let program = Arc::clone(state.program());
        Self {
            shared,
            program,
            state,
            journal,
            names,
            batch: Vec::new(),
            effects: Vec::new(),
            tell: Tell {
                messages: sender,
                notices,
            },
            messages,
            readers,
            questions,
            asked: Asked::new(),
            running: HashMap::new(),
            work: JoinSet::new(),
            waiting_calls: VecDeque::new(),
            waiting_turns: HashMap::new(),
            forgotten: Vec::new(),
            synced_at: Timestamp(0),
            unsynced: None,
            claims: Claims::default(),
            stage: 0,
            abandoned: false,
            stop_at: None,
            broken: None,
            ended: None,
        }
    }

    /// Where signals and answers of humans are sent.
    pub fn inbox(&self) -> mpsc::UnboundedSender<Message> {
        self.tell.messages.clone()
    }

    /// Runs until nothing is left that can go on in this session. `first` begins or resumes the run.
    ///
    /// # Errors
    /// When the journal can't be written; what was running is killed then.
    pub async fn run(mut self, first: Vec<Event>) -> Result<Ended, DispatchError> {
        for event in first {
            self.record(event)?;
        }
        self.names.expect_items(self.state.expanded_tasks());
        // Gates that an earlier session asked about are asked again here.
        self.ask_again();
        // Earlier sessions may have used all the time up.
        self.deadlines()?;
        loop {
            if let Some(error) = self.broken.take() {
                // What ended meanwhile is written down where that is possible; nothing more is started.
                let written = self.commit().await;
                self.kill_all();
                self.work.shutdown().await;
                return written.and(Err(error));
            }
            self.settle()?;
            self.commit().await?;
            if let Some(mut ended) = self.ended.take() {
                self.work.shutdown().await;
                let stats = self.journal.stats();
                tracing::info!(
                    commits = stats.commits,
                    records = stats.records,
                    bytes = stats.bytes,
                    "journal"
                );
                ended.commits = stats.commits;
                return Ok(ended);
            }
            self.perform();
            self.receive().await?;
        }
    }

    /// Applies an event and puts it into the next commit.
    fn record(&mut self, event: Event) -> Result<(), ApplyError> {
        let at = now();
        self.forget_kept(&event);
        self.state.apply(at, &event)?;
        self.batch.push((at.0, event));
        Ok(())
    }

    /// Waits until something happens, and takes in everything that has.
    async fn receive(&mut self) -> Result<(), DispatchError> {
        let wake = [self.state.wakes_at(), self.state.wall_deadline(), self.stop_at]
            .into_iter()
            .flatten()
            .min();
        let first = match wake {
            Some(at) => {
                let wait = Duration::from_millis(at.since(now()).saturating_add(1));
                tokio::time::timeout(wait, self.messages.recv())
                    .await
                    .ok()
                    .flatten()
            }
            None => self.messages.recv().await,
        };
        let mut message = first;
        while let Some(next) = message {
            self.take(next)?;
            message = self.messages.try_recv().ok();
        }
        self.deadlines()
    }

    fn deadlines(&mut self) -> Result<(), DispatchError> {
        let time = now();
        self.sync_lazily(time);
        if self.stop_at.is_some_and(|at| at <= time) {
            self.stop_at = None;
            self.signal(2)?;
        }
        if let Some(cap) = self.state.caps_reached(time) {
            self.record(Event::CapReached { cap })?;
        }
        Ok(())
    }
}
