//! Verifiers that ask a command: `run` and `tests`.

use std::sync::Arc;

use smallcode_core::check;
use smallcode_core::glob::Glob;
use smallcode_core::problems::{Severity, count};
use smallcode_core::run::{Failure, FailureClass, Notice};
use smallcode_core::spec::{Kind, Line, Plain, Program, Shell};
use smallcode_core::template::Scope;

use super::super::command::{A_SCREEN, execute, not_run, problems, spec, tail};
use super::super::text;
use super::missing::{self, NOT_FOUND};
use super::{Subject, Verification, detect, refused};
use crate::process::{self, End, Exit, RunError, SpawnError};

/// How much of a command is told, in characters: a line of a screen.
const TOLD_CHARS: usize = 60;

impl Verification<'_> {
    /// A command of the author's ends with 0.
    pub(super) async fn succeeds(
        &self,
        program: &Program,
        optional: bool,
        subject: &Subject,
    ) -> Result<(), Failure> {
        let shell = match &self.task.kind {
            Kind::Run(run) => run.shell(),
            _ => Shell::Sh,
        };
        let scope = self.scope(subject);
        let spec = spec(self.shared, self.module, self.task, program, shell, &scope)?;
        let script = match program {
            Program::Line(line) => Some(line.script.as_str()),
            Program::Argv(_) => None,
        };
        self.command(&spec, script, &program.written(), optional).await
    }

    /// The project's tests pass.
    pub(super) async fn tests(
        &self,
        command: &Plain,
        optional: bool,
        subject: &Subject,
    ) -> Result<(), Failure> {
        let line = |script: &str| {
            Program::Line(Line {
                script: script.to_owned(),
                values: Vec::new(),
                written: script.to_owned(),
            })
        };
        if command.text != "auto" {
            return self.succeeds(&line(&command.text), optional, subject).await;
        }
        let scope = self.scope(subject);
        let folder = match &self.task.common.cwd {
            Some(cwd) => text(cwd, &scope)?,
            None => ".".to_owned(),
        };
        let Some(words) = detect::tests(&self.shared.workspace, &folder) else {
            let mut failure = refused(format!(
                "`tests: auto` knows no way to test `{folder}`: it looks for {}; write `tests: COMMAND`",
                detect::LOOKED_FOR
            ));
            if self.task.kind.name().model_driven() && !self.may_write_tests(&folder, &scope)? {
                // No other answer makes any.
                failure.class = FailureClass::ToolMissing;
            }
            return Err(failure);
        };
        self.succeeds(&line(&words.join(" ")), optional, subject).await
    }

    /// Whether the task may write a file by which the tests of a folder would be found.
    fn may_write_tests(&self, folder: &str, scope: &Arc<dyn Scope>) -> Result<bool, Failure> {
        let mut globs = Vec::new();
        for written in check::declared_writes(self.task) {
            globs.extend(Glob::new(&text(written, scope)?));
        }
        let paths = detect::MARKS.map(|name| detect::in_folder(folder, name));
        Ok(paths
            .iter()
            .any(|path| globs.iter().any(|glob| glob.matches(path))))
    }

    async fn command(
        &self,
        spec: &process::Spec,
        script: Option<&str>,
        written: &str,
        optional: bool,
    ) -> Result<(), Failure> {
        let written = brief(written);
        let limit = self.task.common.timeout.map(|timeout| timeout.0);
        // The time limit is that of the whole attempt.
        let left = limit.map(|limit| limit.saturating_sub(self.started.elapsed()));
        let finished = match execute(self.shared, self.job, spec, left).await {
            Ok(finished) => finished,
            Err(RunError::Spawn(SpawnError::NotFound { program, path })) => {
                // One of the workspace may have been the attempt's to write.
                return if path.is_some() || program.starts_with('/') {
                    self.not_installed(&program, &written, optional)
                } else {
                    Err(refused(format!("`{written}`: there is no program `{program}`")))
                };
            }
            Err(error) => return Err(not_run(self.shared, error)),
        };
        let how = match (finished.end, finished.exit) {
            (End::TimedOut, _) => {
                let message = format!(
                    "`{written}` did not end before the attempt's timeout of {:?}",
                    limit.unwrap_or_default()
                );
                return Err(Failure::new(FailureClass::TimedOut, message));
            }
            (End::Cancelled | End::Killed, _) => {
                return Err(Failure::new(FailureClass::Cancelled, "it was stopped"));
            }
            (End::Exited, Exit::Code(code)) => {
                // A shell goes on behind what it has not found: in a pipe, behind `!`, as a condition. What `||` follows
                // may be missing.
                let passes = |script: &&str| {
                    let said = || tail(self.shared, &finished.stderr, A_SCREEN).contains("not found");
                    code == 0 && !script.contains("||") && said()
                };
                let missing = script.filter(|script| code == NOT_FOUND || passes(script));
                let missing = missing.and_then(|script| missing::tool(script, &self.path(spec), &spec.cwd));
                match missing {
                    Some(tool) => return self.not_installed(tool, &written, optional),
                    None if code == 0 => return Ok(()),
                    None => format!("ended with exit code {code}"),
                }
            }
            (End::Exited, Exit::Signal(signal)) => format!("was ended by signal {signal}"),
        };
        let found = problems::of(self.shared, &finished, spec);
        let told: Vec<_> = found
            .iter()
            .filter(|problem| problem.severity != Severity::Note)
            .cloned()
            .collect();
        let mut failure = if told.is_empty() {
            refused(format!("`{written}` {how}"))
        } else {
            refused(format!("`{written}` {how}: {}", count(&told)))
        };
        failure.detail = if found.is_empty() {
            let stderr = tail(self.shared, &finished.stderr, A_SCREEN);
            if stderr.trim().is_empty() {
                tail(self.shared, &finished.stdout, A_SCREEN)
            } else {
                stderr
            }
        } else {
            problems::told(self.shared, found)
        };
        Err(failure)
    }

    /// A tool that is missing is a failure, which no other attempt mends; an optional verifier is left out, and that
    /// is said.
    fn not_installed(&self, tool: &str, written: &str, optional: bool) -> Result<(), Failure> {
        if optional {
            let message = format!(
                "{}: the verifier `{written}` was left out: `{tool}` is not installed",
                self.job.id
            );
            self.job.tell.notices.send(Notice::Warning { message });
            return Ok(());
        }
        Err(Failure::new(
            FailureClass::ToolMissing,
            format!(
                "the verifier `{written}` could not be asked: `{tool}` is not installed; install it, or write \
                 `optional: true` beside the verifier"
            ),
        ))
    }

    /// Where the programs of a command are looked for.
    fn path(&self, spec: &process::Spec) -> String {
        let set = spec.env.iter().rev().find(|(name, _)| name == "PATH");
        let inherited = || self.shared.environment.all.get("PATH");
        set.map(|(_, value)| value)
            .or_else(inherited)
            .cloned()
            .unwrap_or_default()
    }
}

/// The first line of a command, cut.
fn brief(written: &str) -> String {
    let line = written.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= TOLD_CHARS && line.len() == written.trim().len() {
        return line.to_owned();
    }
    line.chars().take(TOLD_CHARS).chain(['…']).collect()
}
