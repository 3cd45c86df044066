//! `run`: a command of the author's.

pub(super) mod problems;
mod spec;
mod written;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use smallcode_core::load::Module;
use smallcode_core::problems::Problem;
use smallcode_core::run::{Failure, FailureClass, Stream, TaskResult};
use smallcode_core::spec::{Parse, Program, Run, Task};
use smallcode_core::template::Scope;

use super::verify::{Subject, Verification};
use super::{Job, Shared, agent, keep, show, text, timeout, unkept};
use crate::journal::BlobError;
use crate::process::{self, End, Exit, Finished, RunError, Stdin};

use spec::argv;
use written::{is_empty, stored};

pub(super) use spec::spec;
pub(super) use written::{A_SCREEN, Most, tail};

/// The longest piece of a line that is held back until the line is whole: 64 KiB, a full pipe. What may be the
/// beginning of a secret is held back beyond that.
const HELD_BYTES: usize = 64 * 1024;

/// What a command writes, shown by whole lines: a secret or a character may arrive in two pieces.
#[derive(Default)]
struct Lines {
    held: Vec<u8>,
}

impl Lines {
    fn take(&mut self, shared: &Shared, job: &Job, stream: Stream, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let whole = match self.held.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if self.held.len() > HELD_BYTES => shared.mask.safe_end(&self.held),
            None => return,
        };
        if whole == 0 {
            return;
        }
        let text = String::from_utf8_lossy(self.held.get(..whole).unwrap_or_default()).into_owned();
        self.held.drain(..whole);
        show(job, stream, shared.mask.apply(text));
    }

    fn finish(self, shared: &Shared, job: &Job, stream: Stream) {
        if !self.held.is_empty() {
            let text = String::from_utf8_lossy(&self.held).into_owned();
            show(job, stream, shared.mask.apply(text));
        }
    }
}

/// Runs the command.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    command: &Run,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let (mut spec, limit) = match &command.program {
        // A model has chosen it: it has the limits of what an agent runs.
        Program::Argv(words) if job.planned.is_some() => {
            let (spec, limit) = agent::of_plan(shared, module, task, job, scope, argv(words, scope)?)?;
            (spec, Some(limit))
        }
        program => (
            spec(shared, module, task, program, command.shell(), scope)?,
            timeout(task),
        ),
    };
    if let Some(stdin) = &command.beside.stdin {
        spec.stdin = Stdin::Bytes(text(stdin, scope)?.into_bytes());
    }
    let finished = execute(shared, job, &spec, limit)
        .await
        .map_err(|error| not_run(shared, error))?;
    let wants_problems = verification.wants_problems();
    let problems = (command.beside.parse == Some(Parse::Diagnostics) || wants_problems)
        .then(|| problems::of(shared, &finished, &spec));
    if let Some(reason) = unsuccessful(&finished, limit) {
        return Err(failed(shared, finished, reason, problems));
    }
    let (result, value) = result(shared, command, finished, problems.as_deref())?;
    if !task.common.verify.is_empty() {
        let value = match value {
            Some(value) => value,
            None => shared
                .host
                .json(&result.output)
                .map_err(|error| Failure::new(FailureClass::Expression, error))?,
        };
        let mut subject = Subject::value(value);
        subject.problems = problems.unwrap_or_default();
        verification.all(&subject).await?;
    }
    Ok(result)
}

/// Runs a command to its end and shows what it writes.
pub(super) async fn execute(
    shared: &Shared,
    job: &Job,
    spec: &process::Spec,
    timeout: Option<Duration>,
) -> Result<Finished, RunError> {
    let mut lines = (Lines::default(), Lines::default());
    let finished = process::run(spec, &job.cancel, &job.kill, timeout, |stream, bytes| {
        if job.tell.notices.wanted() {
            match stream {
                process::Stream::Stdout => lines.0.take(shared, job, Stream::Stdout, bytes),
                process::Stream::Stderr => lines.1.take(shared, job, Stream::Stderr, bytes),
            }
        }
    })
    .await?;
    lines.0.finish(shared, job, Stream::Stdout);
    lines.1.finish(shared, job, Stream::Stderr);
    Ok(finished)
}

/// The failure of an attempt whose command did not start, or could not be followed.
pub(super) fn not_run(shared: &Shared, error: RunError) -> Failure {
    match error {
        RunError::Spool { path, source } => unkept(shared, BlobError::io("write output to", &path, source)),
        error => Failure::new(FailureClass::Io, in_words(&error)),
    }
}

/// The words of an error and of what caused it.
pub(super) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}

/// Why a command that has ended did not succeed.
fn unsuccessful(finished: &Finished, limit: Option<Duration>) -> Option<(FailureClass, String)> {
    match (finished.end, finished.exit) {
        (End::TimedOut, _) => {
            let after = limit.unwrap_or_default();
            Some((
                FailureClass::TimedOut,
                format!("it took longer than its timeout of {after:?}"),
            ))
        }
        (End::Cancelled | End::Killed, _) => Some((FailureClass::Cancelled, "it was stopped".to_owned())),
        (End::Exited, Exit::Code(0)) => None,
        (End::Exited, Exit::Code(code)) => Some((FailureClass::CommandFailed, format!("exit code {code}"))),
        (End::Exited, Exit::Signal(signal)) => Some((
            FailureClass::CommandFailed,
            format!("it was ended by signal {signal}"),
        )),
    }
}

fn failed(
    shared: &Shared,
    finished: Finished,
    (class, message): (FailureClass, String),
    problems: Option<Vec<Problem>>,
) -> Failure {
    let mut failure = Failure::new(class, message);
    failure.exit_code = match finished.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(_) => None,
    };
    let stderr_tail = tail(shared, &finished.stderr, A_SCREEN);
    failure.detail = match problems {
        Some(problems) if !problems.is_empty() => problems::told(shared, problems),
        _ if stderr_tail.trim().is_empty() => tail(shared, &finished.stdout, A_SCREEN),
        _ => stderr_tail,
    };
    // What can't be kept is told by the class all the same.
    failure.stdout = stored(shared, finished.stdout, false)
        .ok()
        .filter(|stored| !is_empty(stored));
    failure.stderr = stored(shared, finished.stderr, false)
        .ok()
        .filter(|stored| !is_empty(stored));
    failure
}

/// What a successful command leaves, and its value where that was made for `parse`.
fn result(
    shared: &Shared,
    command: &Run,
    finished: Finished,
    problems: Option<&[Problem]>,
) -> Result<(TaskResult, Option<Json>), Failure> {
    let io = |error: BlobError| unkept(shared, error);
    let stderr = stored(shared, finished.stderr, false).map_err(io)?;
    let stderr = Some(stderr).filter(|stored| !is_empty(stored));
    let Some(parse) = command.beside.parse else {
        let output = stored(shared, finished.stdout, true).map_err(io)?;
        return Ok((
            TaskResult {
                output,
                stdout: None,
                stderr,
                exit_code: None,
            },
            None,
        ));
    };
    let stdout = stored(shared, finished.stdout, false).map_err(io)?;
    let written = || match shared.host.json(&stdout) {
        Ok(Json::String(text)) => Ok(text),
        Ok(_) => Ok(String::new()),
        Err(reason) => Err(Failure::new(FailureClass::Unparseable, reason)),
    };
    let value = match parse {
        Parse::Lines => written()?.lines().map(Json::from).collect(),
        Parse::Diagnostics => serde_json::to_value(problems.unwrap_or_default())
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?,
        Parse::Json => json(&written()?)?,
    };
    let output = keep(shared, Json::clone(&value))?;
    Ok((
        TaskResult {
            output,
            stdout: Some(stdout),
            stderr,
            exit_code: None,
        },
        Some(value),
    ))
}

fn json(written: &str) -> Result<Json, Failure> {
    serde_json::from_str(written).map_err(|error| {
        let mut failure = Failure::new(
            FailureClass::Unparseable,
            format!(
                "`parse: json`: standard output is not JSON at line {}, column {}",
                error.line(),
                error.column()
            ),
        );
        failure.detail = written.chars().take(200).collect();
        failure
    })
}
