//! The runs of a workspace: what they were, how they ended, and making room.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use smallcode_core::run::{Event, NodeId, RunStatus, Timestamp};

use crate::journal::{self, JournalError, RunId};
use crate::session::KEPT;

/// One run, as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Its id.
    pub run: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// When it began.
    pub started: Timestamp,
    /// When something last happened in it.
    pub last: Timestamp,
    /// How it ended; nothing while it runs or after it died.
    pub status: Option<RunStatus>,
    /// Whether a process has it open.
    pub in_use: bool,
    /// Why its journal can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Summary {
    /// Whether it can be taken up again.
    pub fn can_resume(&self) -> bool {
        self.problem.is_none()
            && !self.in_use
            // What died before its first event was written has nothing to go on from.
            && self.started != Timestamp(0)
            && matches!(
                self.status,
                None | Some(RunStatus::Waiting | RunStatus::Interrupted)
            )
    }
}

/// The runs of a workspace, newest first. A run whose journal is damaged is among them, with the reason.
///
/// # Errors
/// When the folder of runs can't be read.
pub fn list(workspace: &Path) -> Result<Vec<Summary>, JournalError> {
    Ok(journal::list(workspace)?
        .into_iter()
        .map(|run| summary(workspace, run))
        .collect())
}

fn summary(workspace: &Path, run: RunId) -> Summary {
    let folder = journal::run_dir(workspace, &run);
    let mut summary = Summary {
        workflow: String::new(),
        started: Timestamp(0),
        last: Timestamp(0),
        status: None,
        in_use: journal::in_use(&folder),
        problem: None,
        run,
    };
    let reader = match journal::read::<Event>(&folder) {
        Ok(reader) => reader,
        Err(error) => {
            summary.problem = Some(error.to_string());
            return summary;
        }
    };
    for record in reader {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                summary.problem = Some(error.to_string());
                break;
            }
        };
        summary.last = Timestamp(record.at);
        match record.event {
            Event::RunStarted { workflow, .. } => {
                summary.workflow = workflow;
                summary.started = Timestamp(record.at);
            }
            Event::RunResumed { .. } => summary.status = None,
            Event::RunFinished { status, .. } => summary.status = Some(status),
            _ => {}
        }
    }
    summary
}

/// The run that `resume` without an id means: the newest that can be taken up again.
///
/// # Errors
/// When the folder of runs can't be read.
pub fn newest_unfinished(workspace: &Path) -> Result<Option<RunId>, JournalError> {
    // Newest first, so that the journals of old runs are not read.
    for run in journal::list(workspace)? {
        let summary = summary(workspace, run);
        if summary.can_resume() || summary.in_use {
            return Ok(Some(summary.run));
        }
    }
    Ok(None)
}

/// The newest run of a workspace that died before what its attempts had begun to write was put back, and their nodes:
/// nothing has verified what they left.
///
/// # Errors
/// When the folder of runs can't be read.
pub fn died_writing(workspace: &Path) -> Result<Option<(RunId, Vec<NodeId>)>, JournalError> {
    let mut runs = journal::list(workspace)?.into_iter();
    Ok(runs.find_map(|run| {
        let writing = left_writing(&journal::run_dir(workspace, &run));
        (!writing.is_empty()).then_some((run, writing))
    }))
}

/// The nodes of a run that was left while they wrote.
fn left_writing(folder: &Path) -> Vec<NodeId> {
    let mut writing: Vec<NodeId> = Vec::new();
    // What is kept to be put back goes with its attempt: most journals need not be read.
    let kept = std::fs::read_dir(folder.join(KEPT)).is_ok_and(|mut kept| kept.next().is_some());
    if !kept || journal::in_use(folder) {
        return writing;
    }
    // That a journal is damaged is told where its run is taken up.
    let records = journal::read::<Event>(folder).into_iter().flatten();
    for record in records.map_while(Result::ok) {
        match record.event {
            Event::WritesKept { node, .. } if !writing.contains(&node) => writing.push(node),
            Event::AttemptFinished { node, .. } => writing.retain(|other| *other != node),
            Event::RunResumed { .. } | Event::RunFinished { .. } => writing.clear(),
            _ => {}
        }
    }
    writing
}

/// What is kept when room is made.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// How many of the newest runs.
    pub newest: usize,
    /// Runs younger than this.
    pub younger: Duration,
    /// Whether unfinished runs go as well.
    pub unfinished_too: bool,
}

/// Removes old runs; those that a process has open are never removed. Gives those that went.
///
/// # Errors
/// When the folder of runs can't be read or a run not be removed.
pub fn collect(
    workspace: &Path,
    keep: Keep,
    now: Timestamp,
    dry: bool,
) -> Result<Vec<Summary>, JournalError> {
    let younger = u64::try_from(keep.younger.as_millis()).unwrap_or(u64::MAX);
    let mut removed = Vec::new();
    for summary in list(workspace)?.into_iter().skip(keep.newest) {
        let unfinished = summary.can_resume() && !keep.unfinished_too;
        if summary.in_use || unfinished || now.since(summary.last) < younger {
            continue;
        }
        if !dry {
            journal::remove(workspace, &summary.run)?;
        }
        removed.push(summary);
    }
    Ok(removed)
}
