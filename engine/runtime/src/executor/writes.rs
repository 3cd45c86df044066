//! What an attempt writes stays only if it succeeds.
//!
//! Before anything else the attempt asks for its turn ([`turn`]): those whose writes overlap run one at a time.
//! Before its first effect it keeps what stands there ([`keep`], [`write()`]), which the journal knows of. When it ends
//! otherwise than well, all of it is put back before anybody hears of the end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallcode_core::load::Bundle;
use smallcode_core::run::{Failure, FailureClass, NodeIndex};
use smallcode_core::spec::{Kind, Task};
use smallcode_core::template::Scope;
use smallcode_core::tool::Toolset;
use smallcode_core::{check, glob, path};
use tokio::sync::oneshot;

use super::{Job, Message, Purpose, Shared, permit, text, unkept};
use crate::journal::{BlobHash, Blobs};
use crate::workspace::{Aside, FileError, KeepError, Places};

/// Asks for the turn to write.
pub struct TurnRequest {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// The paths and globs.
    pub writes: Vec<String>,
    /// Answered once it is its turn.
    pub grant: oneshot::Sender<()>,
}

/// Tells what was kept.
pub struct Keeping {
    /// The node.
    pub node: NodeIndex,
    /// Which attempt.
    pub attempt: u32,
    /// The record.
    pub kept: BlobHash,
    /// Answered once it is journaled.
    pub grant: oneshot::Sender<()>,
}

/// What an attempt has kept, and whether it may still write.
#[derive(Debug, Default)]
pub struct Writes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    over: bool,
    kept: Vec<BlobHash>,
    /// Where the attempt may write, and so may its commands.
    places: Places,
}

impl Writes {
    /// Held while something is written, so that nothing is put back meanwhile.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of an attempt that has kept this, in this order, and goes on.
    pub(crate) fn holding(kept: Vec<BlobHash>) -> Self {
        Self {
            state: Mutex::new(State {
                kept,
                ..State::default()
            }),
        }
    }

    /// The paths and globs where the attempt may write, and so may its commands.
    pub(super) fn globs(&self) -> Vec<String> {
        self.lock().places.globs.clone()
    }

    /// Ends the writes of an attempt that succeeded: they stay.
    pub(super) fn stay(&self, keeper: &Keeper) {
        let mut state = self.lock();
        state.over = true;
        keeper.open.fetch_sub(state.kept.len(), Ordering::Relaxed);
        state.kept.clear();
    }

    /// Ends the writes of an attempt and puts back what it has kept, the last first.
    pub(super) fn undo(&self, shared: &Shared) -> Result<(), KeepError> {
        let mut state = self.lock();
        state.over = true;
        let mut aside = Aside::new(shared.keeper.aside.clone());
        while let Some(hash) = state.kept.last() {
            let alone = shared.keeper.open.load(Ordering::Relaxed) == 1;
            let blobs = &shared.keeper.blobs;
            shared.workspace.restore(hash, blobs, alone, Some(&mut aside))?;
            state.kept.pop();
            shared.keeper.open.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Ends the writes of an attempt where it has kept nothing and is not about to; whether that is so.
    pub(super) fn end_if_none(&self) -> bool {
        let Ok(mut state) = self.state.try_lock() else {
            return false;
        };
        state.over |= state.kept.is_empty();
        state.over
    }
}

/// Where what attempts keep lies, for a run.
#[derive(Debug)]
pub struct Keeper {
    blobs: Blobs,
    /// Where a copy of what is put back is set aside.
    aside: PathBuf,
    /// Whether any task keeps what it may have to put back. Where none does, nobody needs a turn.
    takes_turns: bool,
    /// How many records of attempts under way there are.
    open: AtomicUsize,
}

impl Keeper {
    /// That of a run of a bundle, of which attempts of earlier sessions hold so many records.
    pub fn new(blobs: Blobs, aside: PathBuf, bundle: &Bundle, open: usize) -> Self {
        let mut tasks = bundle
            .modules
            .iter()
            .flat_map(|module| module.loaded.workflow.tasks.read.values());
        Self {
            blobs,
            aside,
            takes_turns: tasks.any(|task| {
                let plans = matches!(task.kind, Kind::Plan(_));
                plans || (!check::declared_writes(task).is_empty() && !is_one_file(task))
            }),
            open: AtomicUsize::new(open),
        }
    }

    /// Removes a record that nothing will be put back from.
    pub(crate) fn forget(&self, kept: &BlobHash) {
        self.blobs.remove(kept);
    }
}

/// Whether all that a task does is to write one file, whole, as its last step: there is nothing to put back.
fn is_one_file(task: &Task) -> bool {
    matches!(task.kind, Kind::Render(_)) && task.common.verify.is_empty() && task.common.writes.is_empty()
}

/// Waits for the turn of an attempt, where its task declares what it writes, and keeps what stands there.
pub(super) async fn turn(
    shared: &Arc<Shared>,
    task: &Task,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let declared = check::declared_writes(task);
    let plans = matches!(task.kind, Kind::Plan(_));
    if (declared.is_empty() && !plans) || !shared.keeper.takes_turns {
        return Ok(());
    }
    let mut writes = Vec::new();
    match job.part.as_ref().and_then(|part| part.file.as_deref()) {
        Some(file) => real(shared, &literally(file), &mut writes)?,
        // What it will propose to write is not known: any of what it may.
        None if declared.is_empty() => {
            for pattern in &shared.write_permissions {
                real(shared, pattern, &mut writes)?;
            }
        }
        None => {
            for pattern in declared {
                let mut written = text(pattern, scope)?;
                if check::below(task, pattern) {
                    written = check::all_below(&written);
                }
                real(shared, &written, &mut writes)?;
            }
        }
    }
    let (grant, granted) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Turn(TurnRequest {
        node: job.node,
        attempt: job.attempt,
        writes: writes.clone(),
        grant,
    }));
    wait(granted, job).await?;
    // The files of an answer are known once it is there, and kept then. What a command writes is not. Those of parts are
    // put back together.
    let answers = match &task.kind {
        Kind::Prompt(_) | Kind::Edit(_) | Kind::Bone(_) => true,
        Kind::Plan(plan) => !plan.runs(),
        Kind::Agent(agent) => !Toolset::runs(&shared.bundle, task, agent),
        _ => is_one_file(task),
    };
    if matches!(job.purpose, Purpose::Split(_)) || !answers {
        let places = Places {
            globs: writes,
            paths: Vec::new(),
        };
        job.writes.lock().places = places.clone();
        keep(shared, job, places).await?;
    }
    Ok(())
}

/// Keeps what a command of a model has left where its attempt may write, so that it need not be run again. `of` names
/// the command.
pub(super) async fn keep_left(
    shared: &Arc<Shared>,
    job: &Job,
    of: String,
) -> Result<Option<String>, Failure> {
    let (inner, writes) = (Arc::clone(shared), Arc::clone(&job.writes));
    let kept = tokio::task::spawn_blocking(move || {
        let state = writes.lock();
        if state.over || state.places == Places::default() {
            return Ok(None);
        }
        let kept = inner.workspace.keep(&state.places, &of, &inner.keeper.blobs)?;
        Ok(Some(kept.to_string()))
    });
    kept_or(shared, kept.await)
}

/// Puts in place what a command left that ran before a crash.
pub(super) async fn left_again(shared: &Arc<Shared>, job: &Job, kept: &str) -> Result<(), Failure> {
    let kept: BlobHash = kept
        .parse()
        .map_err(|_| Failure::new(FailureClass::Io, format!("`{kept}` is no name of a record")))?;
    let (inner, writes) = (Arc::clone(shared), Arc::clone(&job.writes));
    let done = tokio::task::spawn_blocking(move || {
        let state = writes.lock();
        if !state.over {
            inner.workspace.restore(&kept, &inner.keeper.blobs, false, None)?;
        }
        Ok(())
    });
    kept_or(shared, done.await)
}

/// The files that an attempt may write and that are not what they were when its turn began, whoever wrote them: its
/// commands and its servers do, too. Where it has neither, what is told is what it wrote itself.
pub(super) fn changed(shared: &Shared, job: &Job) -> Result<Vec<String>, Failure> {
    let (kept, places) = {
        let state = job.writes.lock();
        (state.kept.first().copied(), state.places.clone())
    };
    let Some(kept) = kept.filter(|_| !places.globs.is_empty()) else {
        return Ok(Vec::new());
    };
    let found = tokio::task::block_in_place(|| shared.workspace.differing(&kept, &shared.keeper.blobs));
    let found = kept_or(shared, Ok(found))?;
    let mut seen = Vec::new();
    for glob in &places.globs {
        // What git ignores is built, and nobody's work.
        let listed = tokio::task::block_in_place(|| shared.workspace.glob(glob));
        seen.extend(listed.map_err(io)?);
    }
    let seen: HashSet<String> = seen.into_iter().collect();
    let paths = found.iter().filter_map(|path| path.to_str());
    Ok(paths
        .filter(|path| seen.contains(*path))
        .map(str::to_owned)
        .collect())
}

fn kept_or<T>(
    shared: &Shared,
    kept: Result<Result<T, KeepError>, tokio::task::JoinError>,
) -> Result<T, Failure> {
    match kept {
        Ok(Ok(kept)) => Ok(kept),
        Ok(Err(KeepError::Blob(error))) => Err(unkept(shared, error)),
        Ok(Err(error)) => Err(Failure::new(FailureClass::Io, error.to_string())),
        Err(error) => Err(Failure::new(FailureClass::Internal, error.to_string())),
    }
}

/// The paths and globs that a text stands for, the links on the way to them followed.
fn real(shared: &Shared, written: &str, into: &mut Vec<String>) -> Result<(), Failure> {
    let wrong = |reason: String| Failure::new(FailureClass::Expression, format!("`{written}`: {reason}"));
    let clean = path::inside(written).map_err(|error| wrong(error.to_string()))?;
    if let Some(folder) = path::kept(clean.as_str()) {
        return Err(wrong(check::not_to_write(folder)));
    }
    let start = glob::extent(clean.as_str()).start;
    let below = clean
        .components()
        .skip(start.split('/').filter(|name| !name.is_empty()).count());
    let leads = |path: &str| match shared.workspace.destination(path) {
        Ok(real) => Ok(Some(real)),
        Err(error @ FileError::Escapes { .. }) => {
            Err(Failure::new(FailureClass::Expression, error.to_string()))
        }
        // A link that leads nowhere, say: whoever writes there will be told.
        Err(_) => Ok(None),
    };
    match leads(&start)? {
        Some(real) if real != start => {
            let mut path = camino::Utf8PathBuf::from(literally(&real));
            path.extend(below.map(|name| name.as_str()));
            into.push(path.into_string());
        }
        _ => into.push(clean.to_string()),
    }
    if !glob::is_pattern(clean.as_str())
        && let Some(real) = leads(clean.as_str())?
        && real != clean
    {
        into.push(literally(&real));
    }
    Ok(())
}

/// A path as a glob that matches nothing else.
fn literally(path: &str) -> String {
    let mut literal = String::with_capacity(path.len());
    for char in path.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            literal.push('\\');
        }
        literal.push(char);
    }
    literal
}

/// Keeps what stands at paths of the workspace that others may write for the attempt.
pub(super) async fn keep_files(shared: &Arc<Shared>, job: &Job, files: &[String]) -> Result<(), Failure> {
    let mut paths = Vec::with_capacity(files.len());
    for path in files {
        let real = shared.workspace.destination(path);
        paths.push(real.map_err(|error| Failure::new(FailureClass::Denied, error.to_string()))?);
    }
    let globs = Vec::new();
    keep(shared, job, Places { globs, paths }).await
}

/// Keeps what stands at these places, and has the journal know of it: from then on the attempt may write there.
async fn keep(shared: &Arc<Shared>, job: &Job, places: Places) -> Result<(), Failure> {
    let of = format!("{} {}", job.id, job.attempt);
    let (inner, writes) = (Arc::clone(shared), Arc::clone(&job.writes));
    let kept = tokio::task::spawn_blocking(move || {
        let mut state = writes.lock();
        if state.over {
            return Ok(None);
        }
        let kept = inner.workspace.keep(&places, &of, &inner.keeper.blobs)?;
        inner.keeper.open.fetch_add(1, Ordering::Relaxed);
        state.kept.push(kept);
        Ok(Some(kept))
    });
    let Some(kept) = kept_or(shared, kept.await)? else {
        return Err(stopped());
    };
    let (grant, granted) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Keeping(Keeping {
        node: job.node,
        attempt: job.attempt,
        kept,
        grant,
    }));
    wait(granted, job).await
}

/// Writes files of a model, as path and content. What they replace comes back unless the attempt succeeds.
///
/// # Errors
/// When one of them leads outside or can't be written.
pub(super) async fn write(
    shared: &Arc<Shared>,
    job: &Job,
    files: Vec<(String, String)>,
) -> Result<(), Failure> {
    let mut reals = Vec::with_capacity(files.len());
    for (path, _) in &files {
        let real = shared.workspace.destination(path).map_err(io)?;
        // A link may have been put there since its way was last looked at.
        if real != *path && !permit::may_write(&real, &shared.write_permissions) {
            let message = format!("`{path}` leads to `{real}`, which a model may not write");
            return Err(Failure::new(FailureClass::Denied, message));
        }
        if let Some(why) = shared.workspace.not_for_a_file(&real) {
            let message = format!("`{path}` can't be written: {why}");
            return Err(Failure::new(FailureClass::Denied, message));
        }
        reals.push(real);
    }
    let places = Places {
        globs: Vec::new(),
        paths: reals.clone(),
    };
    keep(shared, job, places).await?;
    let (inner, writes) = (Arc::clone(shared), Arc::clone(&job.writes));
    let written = tokio::task::spawn_blocking(move || {
        let state = writes.lock();
        if state.over {
            return Err(stopped());
        }
        let mut files = reals.iter().zip(&files);
        files
            .try_for_each(|(real, (_, text))| inner.workspace.write_real(real, text.as_bytes()))
            .map_err(io)
    });
    written
        .await
        .unwrap_or_else(|error| Err(Failure::new(FailureClass::Internal, error.to_string())))
}

/// Has something else write or remove files at these paths of the workspace, in one go. What stood there comes back
/// unless the attempt succeeds.
///
/// # Errors
/// When a path leads outside, or what was to be done fails.
pub(super) async fn change(
    shared: &Arc<Shared>,
    job: &Job,
    files: &[String],
    work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    keep_files(shared, job, files).await?;
    let writes = Arc::clone(&job.writes);
    let done = tokio::task::spawn_blocking(move || {
        let state = writes.lock();
        if state.over { Err(stopped()) } else { work() }
    });
    done.await
        .unwrap_or_else(|error| Err(Failure::new(FailureClass::Internal, error.to_string())))
}

/// The failure of an attempt whose files can't be read or written.
#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(super) fn io(error: FileError) -> Failure {
    Failure::new(FailureClass::Io, error.to_string())
}

async fn wait(granted: oneshot::Receiver<()>, job: &Job) -> Result<(), Failure> {
    tokio::select! {
        granted = granted => granted.map_err(|_| stopped()),
        () = job.cancel.cancelled() => Err(stopped()),
    }
}

fn stopped() -> Failure {
    Failure::new(FailureClass::Cancelled, "it was stopped")
}
