//! `run`: a command of the author's.

pub(super) mod problems;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use smallcode_core::load::Module;
use smallcode_core::problems::Problem;
use smallcode_core::run::{Failure, FailureClass, Stored, Stream, TaskResult};
use smallcode_core::spec::{Parse, Program, Run, Shell, Task, Text};
use smallcode_core::template::Scope;
use smallcode_core::{expand, shell};

use super::verify::{Subject, Verification};
use super::{Job, Shared, agent, keep, show, text, timeout, unkept};
use crate::host::INLINE;
use crate::journal::BlobError;
use crate::process::{self, Captured, End, Exit, Finished, RunError, Stdin};

/// How many lines of a failed command's output are told: a screen.
const TOLD_LINES: usize = 20;

/// How much of it at most, in bytes: lines can be long.
const TOLD_BYTES: usize = 4 * 1024;

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

/// Where the `cwd` of a task stands.
fn place(module: &Module, cwd: &Text) -> String {
    let start = usize::try_from(cwd.span.start).unwrap_or(usize::MAX);
    match module.loaded.text.get(..start) {
        Some(before) if cwd.source == module.loaded.source => {
            format!("{}:{}: `cwd`: ", module.path, before.matches('\n').count() + 1)
        }
        _ => "`cwd`: ".to_owned(),
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

/// What is started, with the folder and the environment that the task gives its commands.
pub(super) fn spec(
    shared: &Shared,
    module: &Module,
    task: &Task,
    program: &Program,
    shell: Shell,
    scope: &Arc<dyn Scope>,
) -> Result<process::Spec, Failure> {
    let expression = |message: String| Failure::new(FailureClass::Expression, message);
    let mut variables: Vec<(String, String)> = Vec::new();
    for (name, value) in &task.common.env.0 {
        let text = text(value, scope)?;
        if let Some(reason) = no_variable(&text) {
            return Err(expression(format!("`env: {{ {name} }}`: {reason}")));
        }
        variables.push((name.clone(), text));
    }
    let argv: Vec<String> = match program {
        Program::Argv(words) => argv(words, scope)?,
        Program::Line(line) => {
            for (variable, value) in &line.values {
                let json = expand::value(value, scope)?.to_json().map_err(expression)?;
                let value = shell::environment_text(&json)
                    .map_err(|reason| expression(format!("`{}`: {reason}", value.template.source())))?;
                variables.push((variable.clone(), value));
            }
            let words: &[&str] = match shell {
                // Where POSIX systems have it; a look through PATH for every command would cost more than its start.
                Shell::Sh => &["/bin/sh", "-e", "-c"],
                Shell::Bash => &["bash", "-e", "-o", "pipefail", "-c"],
            };
            words
                .iter()
                .map(|word| (*word).to_owned())
                .chain([line.script.clone()])
                .collect()
        }
    };
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\0')) {
        return Err(expression(format!(
            "the value of `{name}` holds a NUL byte, which no environment can; use `stdin`"
        )));
    }
    let cwd = match &task.common.cwd {
        Some(cwd) => {
            let path = text(cwd, scope)?;
            shared
                .workspace
                .folder(&path)
                .map_err(|error| Failure::new(FailureClass::Io, format!("{}{error}", place(module, cwd))))?
        }
        None => shared.workspace.root().to_path_buf(),
    };
    let mut spec = process::Spec::new(argv, cwd.as_std_path(), &shared.spool);
    spec.tag.clone_from(&shared.run);
    let secrets: Vec<&str> = task
        .common
        .secrets
        .iter()
        .map(|secret| secret.text.as_str())
        .collect();
    for secret in &secrets {
        if !shared.environment.all.contains_key(*secret) {
            return Err(expression(format!(
                "the secret `{secret}` is not in the environment; set it before the run"
            )));
        }
    }
    let hidden = |name: &str| {
        shared
            .environment
            .withheld
            .iter()
            .any(|withheld| withheld == name)
            && !secrets.contains(&name)
    };
    if shared.environment.all.keys().any(|name| hidden(name)) {
        spec.clear_env = true;
        let kept = shared.environment.all.iter().filter(|(name, _)| !hidden(name));
        spec.env = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    spec.env.extend(variables);
    Ok(spec)
}

/// Why a text can't be the value of an environment variable.
fn no_variable(text: &str) -> Option<String> {
    if text.contains('\0') {
        return Some("a value with a NUL character can't be an environment variable; use `stdin`".to_owned());
    }
    (text.len() > shell::MAX_VALUE_BYTES).then(|| {
        format!(
            "a value of {} KiB is too long for an environment variable, which takes {}; use `stdin`, or a file",
            text.len().div_ceil(1024),
            shell::MAX_VALUE_BYTES / 1024
        )
    })
}

/// The words of an `argv`; a list spreads into as many words as it has items.
fn argv(words: &[smallcode_core::spec::Text], scope: &Arc<dyn Scope>) -> Result<Vec<String>, Failure> {
    let mut argv = Vec::with_capacity(words.len());
    for word in words {
        if word.template.is_literal() {
            argv.push(word.template.source().to_owned());
            continue;
        }
        let refuse = |reason: String| {
            Failure::new(
                FailureClass::Expression,
                format!("`{}`: {reason}", word.template.source()),
            )
        };
        let values = match expand::value(word, scope)?.to_json().map_err(refuse)? {
            Json::Array(items) => items,
            value => vec![value],
        };
        for value in values {
            argv.push(match value {
                Json::String(text) if text.contains('\0') => {
                    return Err(refuse(
                        "it holds a NUL byte, which no argument can; use `stdin`".to_owned(),
                    ));
                }
                // An argument may be longer than a variable of a shell line; the system says when it is too long.
                Json::String(text) => text,
                Json::Bool(_) | Json::Number(_) => value.to_string(),
                Json::Null => {
                    return Err(refuse(
                        "null can't be an argument: write `|default('…', true)` to put something else in its place"
                            .to_owned(),
                    ));
                }
                Json::Array(_) => {
                    return Err(refuse(
                        "a list within a list can't be an argument: spread its items over a list of their own, or \
                         write `|join(' ')` for one text"
                            .to_owned(),
                    ));
                }
                Json::Object(_) => {
                    return Err(refuse(
                        "a mapping can't be an argument: use `|tojson`, or one of its fields".to_owned(),
                    ));
                }
            });
        }
    }
    if argv.first().is_none_or(String::is_empty) {
        return Err(Failure::new(
            FailureClass::Expression,
            "the first word of `argv` names no program",
        ));
    }
    Ok(argv)
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

fn is_empty(stored: &Stored) -> bool {
    matches!(stored, Stored::Inline(value) if value.as_str() == Some(""))
}

/// Keeps what was written to a stream; `trim` takes the last newline off.
fn stored(shared: &Shared, captured: Captured, trim: bool) -> Result<Stored, BlobError> {
    match captured {
        Captured::Memory(bytes) => {
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            let text = shared.mask.apply(text);
            let text = if trim {
                text.strip_suffix('\n').unwrap_or(&text)
            } else {
                &text
            };
            if text.len() <= INLINE {
                return Ok(Stored::inline(text.into()));
            }
            // Blobs are written on a thread of the runtime that may block: outputs of this size are rare.
            tokio::task::block_in_place(|| shared.host.keep_text(text, false))
        }
        Captured::Spooled {
            path,
            bytes,
            truncated,
        } => tokio::task::block_in_place(|| {
            prepare(shared, &path, trim && !truncated)
                .map_err(|e| BlobError::io("write output to", &path, e))?;
            let hash = shared.host.blobs().put_file(&path)?;
            let kept = shared.host.blobs().size(&hash).unwrap_or(bytes);
            Ok(Stored::Text {
                blob: hash.to_string(),
                bytes: kept,
                cut: truncated,
            })
        }),
    }
}

/// Masks what lies in a file, and takes its last newline off.
fn prepare(shared: &Shared, path: &Path, trim: bool) -> std::io::Result<()> {
    if !shared.mask.is_empty() {
        let mut masked = tempfile::NamedTempFile::new_in(&shared.spool)?;
        shared
            .mask
            .copy(&mut std::fs::File::open(path)?, masked.as_file_mut())?;
        masked.persist(path).map_err(|error| error.error)?;
    }
    if trim {
        drop_last_newline(path)?;
    }
    Ok(())
}

fn drop_last_newline(path: &Path) -> std::io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    if end > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last == *b"\n" {
            file.set_len(end - 1)?;
        }
    }
    Ok(())
}

/// How much is told of what was written.
#[derive(Clone, Copy)]
pub(super) struct Most {
    /// How many of the last lines.
    pub(super) lines: usize,
    /// How many of the last bytes.
    pub(super) bytes: usize,
}

/// As much as a failure tells.
pub(super) const A_SCREEN: Most = Most {
    lines: TOLD_LINES,
    bytes: TOLD_BYTES,
};

/// The last lines of what was written. More than is told is masked first: a cut could split a secret.
pub(super) fn tail(shared: &Shared, captured: &Captured, most: Most) -> String {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let seen = most.bytes.saturating_mul(2);
    let bytes = match captured {
        Captured::Memory(bytes) => bytes
            .get(bytes.len().saturating_sub(seen)..)
            .unwrap_or_default()
            .to_vec(),
        Captured::Spooled { path, .. } => {
            let read = || -> std::io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(path)?;
                let length = file.metadata()?.len();
                file.seek(SeekFrom::Start(
                    length.saturating_sub(u64::try_from(seen).unwrap_or(u64::MAX)),
                ))?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            read().unwrap_or_default()
        }
    };
    let text = shared.mask.apply(String::from_utf8_lossy(&bytes).into_owned());
    let from = text.len().saturating_sub(most.bytes);
    let from = (from..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let lines: Vec<&str> = text.get(from..).unwrap_or_default().lines().collect();
    lines
        .get(lines.len().saturating_sub(most.lines)..)
        .unwrap_or_default()
        .join("\n")
}
