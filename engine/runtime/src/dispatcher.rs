//! The one place that changes a run: it journals, then acts.
//!
//! A loop of four steps: ask the state what is to be done and turn that into events; commit them; start what
//! they announced; wait for something to happen. Everything that happens meanwhile is taken in at once, so that
//! one commit serves many events.

mod names;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use smallcode_core::load::ModuleId;
use smallcode_core::run::{
    Action, Affordable, ApplyError, Decision, Event, Failure, FailureClass, NodeId, NodeIndex, NodePhase,
    Notice, Outcome, Program, RunStatus, ScopeIndex, State, Stored, TaskResult, Timestamp, decide,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::executor::{self, CallEnd, CallRequest, Job, Message, Shared, Tell};
use crate::journal::{Commit, Journal, JournalError};

use names::NameSource;

/// How long attempts may go on after the first request to stop, before they are asked to end: long enough for
/// a short command or the rest of an answer.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// How many nodes are claimed at once: so many starts share one synchronisation of the disk, and so many commands
/// at most are in doubt after a power cut.
const CLAIM: usize = 32;

/// How long results that nobody waits for may be in the file without being on the disk, in milliseconds.
const LAZY_SYNC: u64 = 50;

/// How many notices may wait to be seen. A command that writes faster than they are shown loses lines on the
/// screen, never in its recorded output.
const MAX_NOTICES: usize = 4096;

/// What readers of a run are sent: events that are durable, and notices.
#[derive(Debug)]
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
    Blob(#[from] crate::journal::BlobError),
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
    running: HashMap<NodeIndex, (CancellationToken, CancellationToken)>,
    work: JoinSet<()>,
    /// Calls that wait for others to give back what they don't use.
    waiting_calls: VecDeque<CallRequest>,
    /// When the disk was last asked to keep what is written, and whether something was written since.
    synced_at: Timestamp,
    unsynced: Option<Commit>,
    stage: u32,
    /// Attempts that were stopped by a signal and left no event: they are in flight for good.
    abandoned: bool,
    stop_at: Option<Timestamp>,
    ended: Option<Ended>,
}

/// What is done once the events that announce it are durable.
enum Effect {
    Attempt(Job),
    Expand(ScopeIndex, usize, Job),
    Check(Job),
    Leave(Job, ModuleId),
    Stop(NodeIndex),
    Grant(oneshot::Sender<Result<(), String>>),
    Refuse(oneshot::Sender<Result<(), String>>, String),
    Done(oneshot::Sender<()>),
    Ask(Question),
}

/// Whether what follows an event can't be repeated, so that the disk must know of it first. The start of a command
/// is not among them: a claim announces it.
fn announces(event: &Event) -> bool {
    match event {
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::NodesClaimed { .. }
        | Event::CallStarted { .. }
        | Event::ApprovalAnswered { .. }
        | Event::RunFinished { .. } => true,
        Event::TaskExpanded { .. }
        | Event::ConditionChecked { .. }
        | Event::NodeRefused { .. }
        | Event::TaskSkipped { .. }
        | Event::NodeCancelled { .. }
        | Event::AttemptStarted { .. }
        | Event::ScopeEntered { .. }
        | Event::CallFinished { .. }
        | Event::AttemptFinished { .. }
        | Event::ApprovalAsked { .. }
        | Event::CapReached { .. }
        | Event::Interrupted { .. } => false,
    }
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
        program: Arc<Program>,
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
            running: HashMap::new(),
            work: JoinSet::new(),
            waiting_calls: VecDeque::new(),
            synced_at: Timestamp(0),
            unsynced: None,
            stage: 0,
            abandoned: false,
            stop_at: None,
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
        self.state.apply(at, &event)?;
        self.batch.push((at.0, event));
        Ok(())
    }

    /// Turns what is to be done into events and effects, until nothing more follows.
    fn settle(&mut self) -> Result<(), DispatchError> {
        loop {
            let actions = self.state.next(now());
            if actions.is_empty() {
                break;
            }
            let only_waits = matches!(
                actions.as_slice(),
                [Action::Finish {
                    status: RunStatus::Waiting,
                    ..
                }]
            );
            if only_waits && self.is_asking() {
                // Somebody sits in front of the question.
                break;
            }
            for action in actions {
                self.act(action)?;
            }
            if self.ended.is_some() {
                return Ok(());
            }
        }
        self.interrupted_end()?;
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), DispatchError> {
        match action {
            Action::Expand { scope, task } => {
                let job = self
                    .names
                    .task_job(&self.state, &self.program, scope, task, &self.tell);
                self.effects
                    .extend(job.map(|job| Effect::Expand(scope, task, job)));
            }
            Action::Skip { scope, task, because } => {
                if let Some(task) = self.state.task_id(scope, task) {
                    self.record(Event::TaskSkipped { task, because })?;
                }
            }
            Action::Check(node) => {
                let job = self.job(node, 0);
                self.effects.extend(job.map(Effect::Check));
            }
            Action::Start { node, attempt } => {
                self.claim(node)?;
                let Some(job) = self.job(node, attempt) else {
                    return Ok(());
                };
                self.running.insert(node, (job.cancel.clone(), job.kill.clone()));
                self.record(Event::AttemptStarted {
                    node: job.id.clone(),
                    attempt,
                })?;
                self.effects.push(Effect::Attempt(job));
            }
            Action::Leave(node) => self.leave(node)?,
            Action::Settle(node) => {
                if let Some((approved, comment)) = self.state.node(node).and_then(|node| node.answer.clone())
                {
                    let outcome = if approved {
                        let value = serde_json::json!({ "approved": true, "comment": comment });
                        Outcome::Success(TaskResult::value(value))
                    } else {
                        let said = if comment.is_empty() {
                            String::new()
                        } else {
                            format!(": {comment}")
                        };
                        Outcome::Failure(Failure::new(
                            FailureClass::Rejected,
                            format!("it was rejected{said}"),
                        ))
                    };
                    self.finish_attempt(node, outcome)?;
                }
            }
            Action::Cancel { node, because } => {
                if let Some(node) = self.state.node(node).map(|node| node.id.clone()) {
                    self.record(Event::NodeCancelled { node, because })?;
                }
            }
            Action::Kill(node) => {
                let asked = self
                    .state
                    .node(node)
                    .is_some_and(|node| node.phase == NodePhase::Asked);
                if asked {
                    let failure = Failure::new(FailureClass::Cancelled, "it was stopped");
                    self.finish_attempt(node, Outcome::Failure(failure))?;
                } else {
                    self.effects.push(Effect::Stop(node));
                }
            }
            Action::Finish { status, message } => self.finish(status, message)?,
        }
        Ok(())
    }

    /// Tells the disk that a command may start, and with it those that come next: one wait serves them all.
    fn claim(&mut self, node: NodeIndex) -> Result<(), ApplyError> {
        let repeatable = self.state.info(node).is_none_or(|info| info.repeatable);
        let claimed = self
            .state
            .node(node)
            .is_none_or(|node| self.state.is_claimed(&node.id));
        if repeatable || claimed {
            return Ok(());
        }
        let nodes = self.state.claimable(node, CLAIM);
        self.record(Event::NodesClaimed { nodes })
    }

    fn job(&self, node: NodeIndex, attempt: u32) -> Option<Job> {
        self.names
            .node_job(&self.state, &self.program, node, attempt, &self.tell)
    }

    /// Ends the attempt of a used workflow whose tasks have ended.
    fn leave(&mut self, node: NodeIndex) -> Result<(), DispatchError> {
        let Some(inner) = self.state.node(node).and_then(|node| node.inside) else {
            return Ok(());
        };
        let class = match self.state.scope_status(inner) {
            RunStatus::Success => None,
            RunStatus::OverBudget => Some(FailureClass::OverBudget),
            RunStatus::NoModel => Some(FailureClass::NoModel),
            RunStatus::Failure | RunStatus::Waiting | RunStatus::Interrupted => {
                Some(FailureClass::UsedWorkflowFailed)
            }
        };
        if let Some(class) = class {
            let failed = self.state.failed_tasks(inner).join(", ");
            let message = format!("a task of the used workflow did not end well: {failed}");
            return self.finish_attempt(node, Outcome::Failure(Failure::new(class, message)));
        }
        let attempt = self.state.node(node).map_or(1, |node| node.attempts);
        if let (Some(scope), Some(mut job)) = (self.state.scope(inner), self.job(node, attempt)) {
            job.names = self.names.outputs(&self.state, &self.program, inner);
            self.effects.push(Effect::Leave(job, scope.module));
        }
        Ok(())
    }

    /// Ends the session: with the workflow's outputs where it succeeded.
    fn finish(&mut self, status: RunStatus, message: String) -> Result<(), DispatchError> {
        let (mut status, mut message) = (status, message);
        let mut outputs = None;
        if status == RunStatus::Success {
            let names = self.names.outputs(&self.state, &self.program, ScopeIndex(0));
            match executor::outputs(&self.shared, ModuleId(0), &names) {
                Ok(value) => outputs = Some(value),
                Err(failure) => {
                    status = RunStatus::Failure;
                    message = format!("the outputs can't be evaluated: {}", failure.message);
                }
            }
        }
        let stored = match &outputs {
            Some(value) => Some(self.shared.host.keep(value.clone())?),
            None => None,
        };
        self.record(Event::RunFinished {
            status,
            outputs: stored,
            message: message.clone(),
        })?;
        let commits = self.journal.stats().commits + 1;
        self.ended = Some(Ended {
            status,
            outputs,
            message,
            commits,
        });
        Ok(())
    }

    /// Whether a human in front of the terminal has a question to answer.
    fn is_asking(&self) -> bool {
        self.questions.is_some()
            && self.stage == 0
            && self
                .state
                .waiting_for_human()
                .any(|node| node.phase == NodePhase::Asked)
    }

    /// Attempts that a signal stopped leave no event: they are in flight for good, and nothing more is awaited.
    fn interrupted_end(&mut self) -> Result<(), DispatchError> {
        let over = self.stage >= 2 || (self.stage == 1 && self.abandoned);
        if over && self.running.is_empty() && self.ended.is_none() {
            self.finish(RunStatus::Interrupted, String::new())?;
        }
        Ok(())
    }

    /// Writes the batch, waits for the disk where something follows that can't be repeated, and shows it to the
    /// readers.
    async fn commit(&mut self) -> Result<(), DispatchError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let result = self.write().await;
        if let Err(error) = result {
            self.kill_all();
            self.work.shutdown().await;
            return Err(error.into());
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), JournalError> {
        let commit = self.journal.append(&self.batch)?;
        let last = commit.last_seq();
        let waits = self.batch.iter().any(|(_, event)| announces(event))
            || self
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Ask(_) | Effect::Done(_)));
        if waits {
            commit.await?;
            self.synced_at = now();
            self.unsynced = None;
        } else if now().since(self.synced_at) >= LAZY_SYNC {
            self.synced_at = now();
            self.unsynced = None;
            commit.request();
        } else {
            self.unsynced = Some(commit);
        }
        let count = u64::try_from(self.batch.len()).unwrap_or(0);
        for (seq, (at, event)) in (last + 1 - count..).zip(self.batch.drain(..)) {
            let _ = self.readers.send(Observed::Event(seq, Timestamp(at), event));
        }
        Ok(())
    }

    /// Starts what the committed events have announced.
    fn perform(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Attempt(job) => {
                    self.work.spawn(executor::attempt(Arc::clone(&self.shared), job));
                }
                Effect::Expand(scope, task, job) => {
                    self.work
                        .spawn(executor::expand(Arc::clone(&self.shared), scope, task, job));
                }
                Effect::Check(job) => {
                    self.work.spawn(executor::check(Arc::clone(&self.shared), job));
                }
                Effect::Leave(job, inner) => {
                    self.work
                        .spawn(executor::leave(Arc::clone(&self.shared), job, inner));
                }
                Effect::Stop(node) => {
                    if let Some((cancel, _)) = self.running.get(&node) {
                        cancel.cancel();
                    }
                }
                // An executor that is gone needs no answer.
                Effect::Grant(answer) => drop(answer.send(Ok(()))),
                Effect::Refuse(answer, cap) => drop(answer.send(Err(cap))),
                Effect::Done(answer) => drop(answer.send(())),
                Effect::Ask(question) => {
                    if let Some(questions) = &self.questions {
                        let _ = questions.send(question);
                    }
                }
            }
        }
        while self.work.try_join_next().is_some() {}
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
        if time.since(self.synced_at) >= LAZY_SYNC
            && let Some(commit) = self.unsynced.take()
        {
            commit.request();
            self.synced_at = time;
        }
        if self.stop_at.is_some_and(|at| at <= time) {
            self.stop_at = None;
            self.signal(2)?;
        }
        if self.state.wall_deadline().is_some_and(|at| at <= time) {
            self.record(Event::CapReached {
                cap: "the wall time of the budget is used up".to_owned(),
            })?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), DispatchError> {
        match message {
            Message::Expanded(scope, task, items) => {
                let Some(id) = self.state.task_id(scope, task) else {
                    return Ok(());
                };
                match items {
                    Ok(items) => {
                        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                        let value = Json::Array(items);
                        let stored = self.shared.host.keep(value.clone())?;
                        self.names.set_items(scope, task, value);
                        self.record(Event::TaskExpanded {
                            task: id,
                            items: stored,
                            count,
                        })?;
                    }
                    Err(failure) => self.record(Event::NodeRefused { node: id, failure })?,
                }
            }
            Message::Checked(node, holds) => {
                let Some(id) = self.state.node(node).map(|node| node.id.clone()) else {
                    return Ok(());
                };
                if self.is_over(node) {
                    return Ok(());
                }
                match holds {
                    Ok(holds) => self.record(Event::ConditionChecked { node: id, holds })?,
                    Err(failure) => self.record(Event::NodeRefused { node: id, failure })?,
                }
            }
            Message::Entered(node, inputs) => {
                self.running.remove(&node);
                if self.was_killed(node)? {
                    return Ok(());
                }
                if let Some((id, attempt)) =
                    self.state.node(node).map(|node| (node.id.clone(), node.attempts))
                {
                    let inputs = self.shared.host.keep(Json::Object(inputs))?;
                    self.record(Event::ScopeEntered {
                        node: id,
                        attempt,
                        inputs,
                    })?;
                }
            }
            Message::Ask(node, message, diff) => {
                self.running.remove(&node);
                if self.was_killed(node)? {
                    return Ok(());
                }
                if let Some(id) = self.state.node(node).map(|node| node.id.clone()) {
                    self.record(Event::ApprovalAsked {
                        node: id.clone(),
                        message: message.clone(),
                        diff: diff.clone(),
                    })?;
                    self.question(id, message, diff.as_ref());
                }
            }
            Message::Answer(node, approved, comment) => {
                let waits = self
                    .state
                    .node_named(node.as_str())
                    .and_then(|index| self.state.node(index));
                if waits.is_some_and(|node| node.phase == NodePhase::Asked) {
                    self.record(Event::ApprovalAnswered {
                        node,
                        approved,
                        comment,
                    })?;
                }
            }
            Message::Unanswered => self.questions = None,
            Message::Call(request) => self.request_call(request)?,
            Message::Called(end) => self.end_call(end)?,
            Message::Finished(node, attempt, outcome) => self.finished(node, attempt, outcome)?,
            Message::Signal(stage) => self.signal(stage)?,
        }
        Ok(())
    }

    /// Ends a node that was told to stop before it began to wait for something.
    fn was_killed(&mut self, node: NodeIndex) -> Result<bool, DispatchError> {
        let killed = self.state.node(node).is_some_and(|node| node.stopped.is_some());
        if killed && !self.is_over(node) {
            let failure = Failure::new(FailureClass::Cancelled, "it was stopped");
            self.finish_attempt(node, Outcome::Failure(failure))?;
        }
        Ok(killed)
    }

    fn is_over(&self, node: NodeIndex) -> bool {
        self.state
            .node(node)
            .is_none_or(|node| matches!(node.phase, NodePhase::Ended(_)))
    }

    fn question(&mut self, node: NodeId, message: String, diff: Option<&Stored>) {
        if self.questions.is_some() {
            let diff = diff.and_then(|diff| self.shared.host.json(diff).ok());
            let diff = diff.and_then(|diff| diff.as_str().map(str::to_owned));
            self.effects.push(Effect::Ask(Question { node, message, diff }));
        }
    }

    fn ask_again(&mut self) {
        let asked: Vec<NodeIndex> = self
            .state
            .nodes()
            .iter()
            .enumerate()
            .filter(|(_, node)| node.phase == NodePhase::Asked)
            .map(|(index, _)| NodeIndex(index))
            .collect();
        for node in asked {
            // The question is evaluated anew from the same values: the journal keeps it for readers only.
            if let Some(job) = self.job(node, 1)
                && let Some(message) = self.names.question(&job)
            {
                self.question(job.id, message, None);
            }
        }
    }

    fn request_call(&mut self, request: CallRequest) -> Result<(), DispatchError> {
        let current = self
            .state
            .node(request.node)
            .is_some_and(|node| node.phase == NodePhase::Running && node.attempts == request.attempt);
        if !current || self.stage > 0 || request.grant.is_closed() {
            // The executor sees its answer dropped and ends. One that timed out has ended already: its request
            // must not be taken for one of the attempt that follows.
            return Ok(());
        }
        match self.state.affords(request.node, request.reserve) {
            Affordable::Later => self.waiting_calls.push_back(request),
            Affordable::Never(cap) => self.effects.push(Effect::Refuse(request.grant, cap)),
            Affordable::Yes => {
                if let Some(node) = self.state.node(request.node).map(|node| node.id.clone()) {
                    self.record(Event::CallStarted {
                        node,
                        attempt: request.attempt,
                        call: request.call,
                        profile: request.profile,
                        digest: request.digest,
                        reserve: request.reserve,
                    })?;
                    self.effects.push(Effect::Grant(request.grant));
                }
            }
        }
        Ok(())
    }

    fn end_call(&mut self, end: CallEnd) -> Result<(), DispatchError> {
        let current = self
            .state
            .node(end.node)
            .filter(|node| node.phase == NodePhase::Running && node.attempts == end.attempt);
        if let Some(node) = current.map(|node| node.id.clone()) {
            self.record(Event::CallFinished {
                node,
                attempt: end.attempt,
                call: end.call,
                reply: end.reply,
                usage: end.usage,
                failure: end.failure,
            })?;
            self.effects.push(Effect::Done(end.done));
        }
        self.retry_waiting_calls()
    }

    fn retry_waiting_calls(&mut self) -> Result<(), DispatchError> {
        for request in std::mem::take(&mut self.waiting_calls) {
            self.request_call(request)?;
        }
        Ok(())
    }

    fn finished(&mut self, node: NodeIndex, attempt: u32, outcome: Outcome) -> Result<(), DispatchError> {
        self.running.remove(&node);
        let Some(current) = self.state.node(node) else {
            return Ok(());
        };
        if matches!(current.phase, NodePhase::Ended(_)) || current.attempts != attempt {
            return Ok(());
        }
        let cancelled =
            matches!(&outcome, Outcome::Failure(failure) if failure.class == FailureClass::Cancelled);
        if cancelled && self.stage >= 1 && current.stopped.is_none() {
            // It was not over: the journal says that it was in flight, and resume decides.
            self.abandoned = true;
            return Ok(());
        }
        self.finish_attempt(node, outcome)?;
        self.retry_waiting_calls()
    }

    fn finish_attempt(&mut self, node: NodeIndex, outcome: Outcome) -> Result<(), DispatchError> {
        let Some((id, attempt)) = self.state.node(node).map(|node| (node.id.clone(), node.attempts)) else {
            return Ok(());
        };
        let decision = match &outcome {
            Outcome::Success(_) => Decision::Done,
            Outcome::Failure(failure) => {
                let retry = self.state.info(node).map(|info| info.retry).unwrap_or_default();
                decide(retry, attempt, failure, now(), self.state.seed(), &id)
            }
        };
        self.record(Event::AttemptFinished {
            node: id,
            attempt,
            outcome,
            decision,
        })?;
        Ok(())
    }

    /// The first signal stops starting, the second kills; the third is not ours: the process leaves at once.
    fn signal(&mut self, stage: u32) -> Result<(), DispatchError> {
        if stage <= self.stage {
            return Ok(());
        }
        self.stage = stage;
        self.record(Event::Interrupted { stage })?;
        self.waiting_calls.clear();
        if stage == 1 {
            self.stop_at = Some(now().after(u64::try_from(STOP_GRACE.as_millis()).unwrap_or(u64::MAX)));
        } else {
            self.kill_all();
        }
        Ok(())
    }

    fn kill_all(&self) {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "all are killed; the order is of no consequence"
        )]
        for (cancel, kill) in self.running.values() {
            cancel.cancel();
            kill.cancel();
        }
    }
}
