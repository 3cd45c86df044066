//! Work that is cut: how it could be, for a decision after a failed attempt, and what becomes of parts that have ended.
//!
//! A node that is cut asks for its turn and keeps what its parts may write over, all of it. Its parts are attempts like
//! others. When they have ended, what they made together is shown to the verifiers; where one of them or a verifier
//! says no, everything goes back to how it was before the first.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use smallcode_core::context::{PieceKind, pieces};
use smallcode_core::run::{
    Cut, Failure, FailureClass, NodeIndex, Outcome, Part, Piece, Stored, TaskResult, Work, group,
};
use smallcode_core::spec::{Kind, SplitBy, Task};
use smallcode_core::tokens::{self, Family};
use tokio::sync::oneshot;

use super::{Answering, Job, Message, Shared, edit, end_writes, finished, panic_text, plan, prompt, stages};

/// The longest list of pieces in the name of a part, in characters: a line of a report.
const NAMED: usize = 60;

/// What an attempt does for the work of its node.
#[derive(Debug)]
pub enum Purpose {
    /// All of it.
    Make,
    /// It makes room for the parts that do it, which are found in this way.
    Split(SplitBy),
    /// It puts together what they made.
    Join(Vec<Made>),
}

/// What a part, or a task of a plan, left.
#[derive(Debug)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its output.
    pub output: Stored,
}

/// Tells that what parts made together was refused.
pub struct Refused {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// Why.
    pub failure: Failure,
    /// Answered once it is journaled: from then on it may be put back.
    pub done: oneshot::Sender<()>,
}

/// Ends an attempt whose parts have ended, and tells the dispatcher how: badly where one of them `failed`, else as the
/// verifiers say.
pub async fn join(shared: Arc<Shared>, job: Job, failed: Option<Failure>) {
    let (node, attempt, messages) = (job.node, job.attempt, job.tell.messages.clone());
    let (host, writes) = (Arc::clone(&shared.host), Arc::clone(&job.writes));
    let outcome = match failed {
        Some(failure) => Outcome::Failure(failure),
        None => match AssertUnwindSafe(together(&shared, &job)).catch_unwind().await {
            Ok(Ok(result)) => Outcome::Success(result),
            // It was not found wrong: nothing is put back before that is sure.
            Ok(Err(failure)) if failure.class == FailureClass::Cancelled => {
                let _ = messages.send(Message::Unverified(node, attempt));
                return;
            }
            Ok(Err(failure)) => refused(&job, failure).await,
            Err(panic) => {
                let what = panic_text(panic.as_ref()).unwrap_or_default();
                let message = format!("the engine failed on this attempt; this is a bug: {what}");
                refused(&job, Failure::new(FailureClass::Internal, message)).await
            }
        },
    };
    if let Err(error) = end_writes(shared, writes, &outcome).await {
        let _ = messages.send(Message::NotRestored(error));
        return;
    }
    finished(&host, &messages, node, attempt, outcome);
}

/// What the parts have made, once the verifiers of the whole have seen it.
async fn together(shared: &Arc<Shared>, job: &Job) -> Result<TaskResult, Failure> {
    let bug = || Failure::new(FailureClass::Internal, "this kind of work can't be put together");
    let (module, task) = shared.task(job).ok_or_else(bug)?;
    let Purpose::Join(made) = &job.purpose else {
        return Err(bug());
    };
    let scope = job.names.clone().scope();
    let verified = async {
        match &task.kind {
            Kind::Edit(_) => edit::join(shared, module, task, made, job, &scope).await,
            Kind::Prompt(prompt) => prompt::join(shared, module, task, prompt, made, job, &scope).await,
            Kind::Plan(_) => plan::join(shared, module, task, made, job, &scope).await,
            Kind::Agent(_)
            | Kind::Run(_)
            | Kind::Render(_)
            | Kind::Bone(_)
            | Kind::Uses(_)
            | Kind::Approve(_) => Err(bug()),
        }
    };
    stages::in_time(task, verified).await
}

/// Has the journal know that it is going to be put back: half of it must not be taken for the whole after a crash.
async fn refused(job: &Job, failure: Failure) -> Outcome {
    let (done, journaled) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Refused(Refused {
        node: job.node,
        attempt: job.attempt,
        failure: failure.clone(),
        done,
    }));
    // The dispatcher is gone only when the run is.
    let _ = journaled.await;
    Outcome::Failure(failure)
}

/// The values that parts left, in their order.
pub(super) fn outputs(shared: &Shared, made: &[Made]) -> Result<Vec<serde_json::Value>, Failure> {
    let lost = |reason: String| Failure::new(FailureClass::Io, reason);
    let outputs = made
        .iter()
        .map(|made| shared.host.json(&made.output).map_err(lost));
    outputs.collect()
}

/// Whether the task of an attempt wants to know how its work can be cut.
pub(super) fn wanted(task: &Task) -> bool {
    task.common
        .on_failure
        .split
        .is_some_and(|split| split.0.is_some())
}

/// A text that may be cut.
pub(super) struct Source<'a> {
    /// Its path or title.
    pub(super) name: &'a str,
    /// All of it.
    pub(super) text: &'a str,
}

/// Counts what it takes to show things, as the model of an attempt counts.
pub(super) struct Measure<'a> {
    answerer: Answering<'a>,
    family: Family,
    /// How much a part may take: half of what prompts have room for. The other half is for what stands around it.
    room: u64,
    depth: usize,
}

impl<'a> Measure<'a> {
    pub(super) fn new(answerer: Answering<'a>, job: &Job) -> Self {
        let around = answerer.counted(tokens::Estimate::default());
        let facts = &answerer.facts;
        Self {
            answerer,
            family: Family::of_model(answerer.profile.model_name()),
            room: facts.window.saturating_sub(facts.reserve).saturating_sub(around) / 2,
            depth: job.depth,
        }
    }

    /// How many tokens a part may take.
    pub(super) fn room(&self) -> u64 {
        self.room
    }

    pub(super) fn tokens(&self, text: &str) -> u64 {
        self.answerer.text(tokens::estimate(self.family, text))
    }

    /// The pieces of a text that `only` names, or all of them, put together into parts of its file; nothing where that
    /// is not at least two.
    pub(super) fn cut(&self, source: &Source<'_>, only: &[String]) -> Option<(PieceKind, Vec<Part>)> {
        let (kind, mut found) = pieces(source.name, source.text)?;
        found.retain(|piece| only.is_empty() || only.contains(&piece.name));
        let measured = found.into_iter().map(|piece| Piece {
            tokens: self.tokens(source.text.get(piece.range).unwrap_or_default()),
            name: piece.name,
        });
        let measured: Vec<Piece> = measured.collect();
        let groups = self.grouped(&measured);
        let part = |group: Vec<&Piece>| Part {
            name: format!("{}: {}", source.name, listed(&group)),
            file: Some(source.name.to_owned()),
            ..part_of(&group)
        };
        (groups.len() > 1).then(|| (kind, groups.into_iter().map(part).collect()))
    }

    /// Pieces put together into parts that fit, at least two.
    pub(super) fn grouped<'p>(&self, pieces: &'p [Piece]) -> Vec<Vec<&'p Piece>> {
        let all: u64 = pieces.iter().map(|piece| piece.tokens).sum();
        group(pieces, self.room.min(all.div_ceil(2)), self.depth)
    }
}

/// A part that has these pieces.
pub(super) fn part_of(group: &[&Piece]) -> Part {
    Part {
        name: listed(group),
        file: None,
        pieces: group.iter().map(|piece| piece.name.clone()).collect(),
        tokens: group.iter().map(|piece| piece.tokens).sum(),
        found: String::new(),
    }
}

fn listed(group: &[&Piece]) -> String {
    let names: Vec<&str> = group.iter().map(|piece| piece.name.as_str()).collect();
    let all = names.join(", ");
    if all.chars().count() <= NAMED {
        return all;
    }
    match names.as_slice() {
        [first, .., last] => format!("{first} … {last}"),
        _ => all,
    }
}

/// Adds to a failure how the work can be cut.
pub(super) fn with_work(mut failure: Failure, tokens: u64, cuts: Vec<(SplitBy, Vec<Part>)>) -> Failure {
    let cuts = cuts
        .into_iter()
        .filter(|(by, parts)| parts.len() > 1 || *by == SplitBy::Plan);
    let cuts: Vec<Cut> = cuts.map(|(by, parts)| Cut { by, parts }).collect();
    if !cuts.is_empty() {
        failure.work = Some(Box::new(Work { tokens, cuts }));
    }
    failure
}
