//! From events to effects: the batch is written, the disk awaited where it must be, and what was announced begins.

use std::sync::Arc;

use smallcode_core::load::ModuleId;
use smallcode_core::run::{Event, Failure, NodeIndex, ScopeIndex, Timestamp};
use tokio::sync::oneshot;

use super::{DispatchError, Dispatcher, Observed, Question, now};
use crate::executor::{self, Job};
use crate::journal::JournalError;

/// How long results that nobody waits for may be in the file without being on the disk, in milliseconds.
const LAZY_SYNC: u64 = 50;

/// What is done once the events that announce it are durable.
pub(super) enum Effect {
    Attempt(Job),
    Expand(ScopeIndex, usize, Job),
    Check(Job),
    Leave(Job, ModuleId),
    Join(Job, Option<Failure>),
    Stop(NodeIndex),
    Grant(oneshot::Sender<Result<(), String>>),
    Refuse(oneshot::Sender<Result<(), String>>, String),
    Done(oneshot::Sender<()>),
    Turn(oneshot::Sender<()>),
    Ask(Question),
}

/// Whether what follows an event can't be repeated, so that the disk must know of it first. The start of a command
/// is not among them, as a claim announces it; whether a claim is waited for depends on what starts.
fn announces(event: &Event) -> bool {
    match event {
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::WritesKept { .. }
        | Event::CallStarted { .. }
        | Event::ToolStarted { .. }
        | Event::ApprovalAnswered { .. }
        | Event::RunFinished { .. } => true,
        Event::NodesClaimed { .. }
        | Event::TaskExpanded { .. }
        | Event::ConditionChecked { .. }
        | Event::NodeRefused { .. }
        | Event::TaskSkipped { .. }
        | Event::NodeCancelled { .. }
        | Event::AttemptStarted { .. }
        | Event::WritesAsked { .. }
        | Event::ScopeEntered { .. }
        | Event::NodeSplit { .. }
        | Event::PlanAccepted { .. }
        | Event::PartsRefused { .. }
        | Event::CallFinished { .. }
        | Event::ReplyRead { .. }
        | Event::ToolFinished { .. }
        | Event::AttemptFinished { .. }
        | Event::ApprovalAsked { .. }
        | Event::CapReached { .. }
        | Event::Interrupted { .. } => false,
    }
}

impl Dispatcher {
    /// Writes the batch, waits for the disk where something follows that can't be repeated, and shows it to the
    /// readers.
    pub(super) async fn commit(&mut self) -> Result<(), DispatchError> {
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
        self.claims.settled().await?;
        let commit = self.journal.append(&self.batch)?;
        let last = commit.last_seq();
        let waits = self.claims.wait()
            || self.batch.iter().any(|(_, event)| announces(event))
            || self
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Ask(_) | Effect::Done(_)));
        if waits {
            commit.await?;
            self.synced_at = now();
            self.unsynced = None;
            self.claims.durable();
            // The disk knows by now that nothing will be put back from these.
            for kept in self.forgotten.drain(..) {
                self.shared.keeper.forget(&kept);
            }
        } else if let Some(commit) = self.claims.appended(commit) {
            if now().since(self.synced_at) >= LAZY_SYNC {
                self.synced_at = now();
                self.unsynced = None;
                commit.request();
            } else {
                self.unsynced = Some(commit);
            }
        } else {
            self.synced_at = now();
            self.unsynced = None;
        }
        let count = u64::try_from(self.batch.len()).unwrap_or(0);
        for (seq, (at, event)) in (last + 1 - count..).zip(self.batch.drain(..)) {
            let _ = self.readers.send(Observed::Event(seq, Timestamp(at), event));
        }
        Ok(())
    }

    /// Starts what the committed events have announced.
    pub(super) fn perform(&mut self) {
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
                Effect::Join(job, failed) => {
                    self.work
                        .spawn(executor::join(Arc::clone(&self.shared), job, failed));
                }
                Effect::Stop(node) => {
                    if let Some((cancel, _)) = self.running.get(&node) {
                        cancel.cancel();
                    }
                }
                // An executor that is gone needs no answer.
                Effect::Grant(answer) => drop(answer.send(Ok(()))),
                Effect::Refuse(answer, cap) => drop(answer.send(Err(cap))),
                Effect::Turn(answer) | Effect::Done(answer) => drop(answer.send(())),
                Effect::Ask(question) => {
                    if let Some(questions) = &self.questions {
                        let _ = questions.send(question);
                    }
                }
            }
        }
        while self.work.try_join_next().is_some() {}
    }

    /// Has what was written some time ago put on the disk, where nobody has asked for that yet.
    pub(super) fn sync_lazily(&mut self, time: Timestamp) {
        if time.since(self.synced_at) >= LAZY_SYNC
            && let Some(commit) = self.unsynced.take()
        {
            commit.request();
            self.synced_at = time;
        }
    }
}
