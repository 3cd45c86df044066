//! Verifiers: the verdict decides, not what a model or a command claims of itself. Cheapest first; the first failure
//! ends it.
//!
//! A kind begins a [`Verification`] before it changes anything, shows it what it is about to leave as a [`Subject`],
//! writes, and shows it the workspace. What was written for a failed attempt is taken back by others.

mod bone;
mod command;
mod detect;
mod judge;
mod missing;
mod result;
mod syntax;
mod tree;

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;
use smallcode_core::load::{Module, TaskSchema};
use smallcode_core::problems::{Problem, Severity, count};
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::{Expression, Kind, OneOrMany, Output, Task, Text, Verifier, VerifierKind};
use smallcode_core::template::{Scope, Value};

pub(super) use self::result::conforms;

use self::result::{follows, matches, matches_not};
use self::tree::Tree;
use super::command::problems;
use super::stages::Asker;
use super::{Job, Purpose, Shared, text};

/// How many files are named that must not have changed, or must be there.
const TOLD_FILES: usize = 8;

/// The verifiers of one attempt.
pub(super) struct Verification<'a> {
    shared: &'a Arc<Shared>,
    module: &'a Module,
    task: &'a Task,
    job: &'a Job,
    /// The list, cheapest first.
    steps: Vec<Step<'a>>,
    started: Instant,
}

/// A verifier, and what it compares with.
struct Step<'a> {
    verifier: &'a Verifier,
    schema: Option<Arc<TaskSchema>>,
    /// What must be as it was: each glob with what it matched.
    before: Vec<(String, Tree)>,
}

/// What an attempt brings, as verifiers see it.
pub(super) struct Subject {
    /// What `output` stands for: the output of the task.
    pub(super) output: Json,
    /// The texts that were answered, printed or written, each with its file.
    pub(super) texts: Vec<(Option<String>, String)>,
    /// What the command of the task reported.
    pub(super) problems: Vec<Problem>,
}

impl Subject {
    /// A value that is in no file.
    pub(super) fn value(output: Json) -> Self {
        let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
        Self {
            output,
            texts: vec![(None, text)],
            problems: Vec::new(),
        }
    }

    /// Files with their content.
    pub(super) fn files(output: Json, files: &[(String, String)]) -> Self {
        Self {
            output,
            texts: files
                .iter()
                .map(|(path, text)| (Some(path.clone()), text.clone()))
                .collect(),
            problems: Vec::new(),
        }
    }
}

impl<'a> Verification<'a> {
    /// Looks at what the attempt may not change.
    ///
    /// # Errors
    /// When a glob can't be evaluated, or a file not be read.
    pub(super) async fn begin(
        shared: &'a Arc<Shared>,
        module: &'a Module,
        task: &'a Task,
        job: &'a Job,
        scope: &Arc<dyn Scope>,
    ) -> Result<Self, Failure> {
        let mut verification = Self {
            shared,
            module,
            task,
            job,
            steps: Vec::new(),
            started: Instant::now(),
        };
        if task.common.verify.is_empty() {
            return Ok(verification);
        }
        let mut schemas = schemas(module, task, job).iter();
        for verifier in task.common.verify.iter() {
            let mut step = Step {
                verifier,
                schema: None,
                before: Vec::new(),
            };
            match &verifier.kind {
                VerifierKind::Schema(_) => step.schema = schemas.next().cloned(),
                VerifierKind::Unchanged(globs) => {
                    for glob in texts(globs, scope)? {
                        let tree = verification.look(&glob).await?;
                        step.before.push((glob, tree));
                    }
                }
                _ => {}
            }
            verification.steps.push(step);
        }
        verification
            .steps
            .retain(|step| applies(&step.verifier.kind, job));
        verification.steps.sort_by_key(|step| cost(&step.verifier.kind));
        Ok(verification)
    }

    /// Whether a verifier asks what the command of the task reported.
    pub(super) fn wants_problems(&self) -> bool {
        let asks = |step: &Step<'_>| matches!(step.verifier.kind, VerifierKind::Diagnostics);
        self.steps.iter().any(asks)
    }

    /// Applies every verifier: of a result that needs nothing to be written.
    ///
    /// # Errors
    /// The first failure.
    pub(super) async fn all(&self, subject: &Subject) -> Result<(), Failure> {
        self.result(subject)?;
        self.workspace(subject, None).await
    }

    /// Applies the verifiers that look at the result alone: before anything is written.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn result(&self, subject: &Subject) -> Result<(), Failure> {
        for step in self
            .steps
            .iter()
            .filter(|step| !of_workspace(&step.verifier.kind))
        {
            match &step.verifier.kind {
                VerifierKind::Schema(_) => {
                    if let Some(schema) = &step.schema {
                        follows(schema, subject)?;
                    }
                }
                VerifierKind::Matches(pattern) => matches(pattern, subject)?,
                VerifierKind::NotMatches(pattern) => matches_not(pattern, subject)?,
                VerifierKind::Expr(expression) => self.holds(expression, subject)?,
                VerifierKind::Diagnostics => self.reports_nothing(subject)?,
                VerifierKind::Syntax(_) => self.written_reads(subject, step.verifier.optional)?,
                VerifierKind::Bone(_) => self.programs_are_right(subject)?,
                kind => return Err(unknown(kind)),
            }
        }
        Ok(())
    }

    /// Applies the verifiers that look at the workspace, once everything is written, and those that ask a model:
    /// by the attempt's own way to it, where it has one.
    ///
    /// # Errors
    /// The first failure.
    pub(super) async fn workspace(
        &self,
        subject: &Subject,
        asker: Option<&mut Asker<'a>>,
    ) -> Result<(), Failure> {
        let asks = |step: &Step<'_>| matches!(step.verifier.kind, VerifierKind::Judge(_));
        let mut own = if asker.is_none() && self.steps.iter().any(asks) {
            Some(Asker::new(self.shared, self.task, self.job)?)
        } else {
            None
        };
        let mut asker = asker.or(own.as_mut());
        for step in self.steps.iter().filter(|step| of_workspace(&step.verifier.kind)) {
            match &step.verifier.kind {
                VerifierKind::Expr(expression) => self.holds(expression, subject)?,
                VerifierKind::Files(globs) => self.there(globs, subject).await?,
                VerifierKind::Unchanged(_) => self.unchanged(&step.before).await?,
                VerifierKind::Run(program) => {
                    self.succeeds(program, step.verifier.optional, subject).await?;
                }
                VerifierKind::Tests(command) => {
                    self.tests(command, step.verifier.optional, subject).await?;
                }
                VerifierKind::Syntax(globs) => {
                    self.named_reads(globs, subject, step.verifier.optional).await?;
                }
                VerifierKind::Judge(question) => {
                    let Some(asker) = asker.as_deref_mut() else {
                        return Err(unknown(&step.verifier.kind));
                    };
                    Box::pin(self.says_yes(question, subject, asker)).await?;
                }
                kind => return Err(unknown(kind)),
            }
        }
        Ok(())
    }

    /// What expressions in verifiers may name: what the task's may, and `output`.
    fn scope(&self, subject: &Subject) -> Arc<dyn Scope> {
        let mut names = self.job.names.clone();
        names
            .extra
            .push(("output".to_owned(), Value::from_json(subject.output.clone())));
        names.scope()
    }

    fn holds(&self, expression: &Expression, subject: &Subject) -> Result<(), Failure> {
        let template = &expression.0.template;
        let holds = template
            .truth(&self.scope(subject))
            .map_err(|error| refused(format!("in `expr: {}`: {}", template.source(), error.message)))?;
        if holds {
            return Ok(());
        }
        Err(refused(format!("`{}` is not true", template.source())))
    }

    fn reports_nothing(&self, subject: &Subject) -> Result<(), Failure> {
        let found = subject.problems.iter();
        let found: Vec<Problem> = found
            .filter(|problem| problem.severity != Severity::Note)
            .cloned()
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let mut failure = refused(format!(
            "`diagnostics: none`: the command reports {}",
            count(&found)
        ));
        failure.detail = problems::told(self.shared, found);
        Err(failure)
    }

    async fn there(&self, globs: &OneOrMany<Text>, subject: &Subject) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for glob in texts(globs, &self.scope(subject))? {
            if self.list(&glob).await?.is_empty() {
                missing.push(glob);
            }
        }
        let Some(first) = missing.first() else {
            return Ok(());
        };
        let mut failure = refused(if smallcode_core::glob::is_pattern(first) {
            format!("no file matches `{first}`")
        } else {
            format!("`{first}` is not there")
        });
        if missing.len() > 1 {
            let lines = missing.iter().map(|path| format!("missing: {path}"));
            failure.detail = few(lines.collect());
        }
        Err(failure)
    }

    async fn unchanged(&self, before: &[(String, Tree)]) -> Result<(), Failure> {
        let mut changes = Vec::new();
        for (glob, before) in before {
            changes.extend(before.changes(&self.look(glob).await?));
        }
        let Some(first) = changes.first() else {
            return Ok(());
        };
        let mut failure = refused(format!("{first}, and must stay as it was"));
        if changes.len() > 1 {
            failure.detail = few(changes);
        }
        Err(failure)
    }

    async fn look(&self, glob: &str) -> Result<Tree, Failure> {
        let (root, glob) = (self.shared.workspace.root().to_path_buf(), glob.to_owned());
        tokio::task::spawn_blocking(move || Tree::look(&root, &glob))
            .await
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
    }

    async fn list(&self, glob: &str) -> Result<Vec<String>, Failure> {
        let (root, glob) = (self.shared.workspace.root().to_path_buf(), glob.to_owned());
        tokio::task::spawn_blocking(move || tree::list(&root, &glob))
            .await
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
    }
}

/// Whether a verifier has its say about this attempt. A part is not the whole: it need only leave alone what the whole
/// must. When all parts have ended, the others look at what they made together.
fn applies(kind: &VerifierKind, job: &Job) -> bool {
    let unchanged = matches!(kind, VerifierKind::Unchanged(_));
    // Whether what it writes can be read as its language is a matter of each part.
    let written = matches!(kind, VerifierKind::Syntax(globs) if globs.is_empty());
    match job.purpose {
        Purpose::Join(_) => job.part.is_none() && !unchanged,
        Purpose::Make | Purpose::Split(_) => job.part.is_none() || unchanged || written,
    }
}

/// The schemas of `verify`: they follow that of `output`.
fn schemas<'a>(module: &'a Module, task: &Task, job: &Job) -> &'a [Arc<TaskSchema>] {
    let all = module.schemas.get(&job.task);
    let all = all.map(Vec::as_slice).unwrap_or_default();
    let of_output =
        matches!(&task.kind, Kind::Prompt(prompt) if matches!(prompt.beside.output, Some(Output::Schema(_))));
    all.get(usize::from(of_output)..).unwrap_or_default()
}

/// What a verifier costs, compared with others.
fn cost(kind: &VerifierKind) -> u8 {
    match kind {
        VerifierKind::Schema(_) => 0,
        VerifierKind::Matches(_) | VerifierKind::NotMatches(_) => 1,
        VerifierKind::Expr(_) => 2,
        VerifierKind::Diagnostics => 3,
        VerifierKind::Files(_) => 4,
        VerifierKind::Unchanged(_) => 5,
        VerifierKind::Syntax(_) => 6,
        VerifierKind::Bone(_) => 7,
        VerifierKind::Run(_) => 8,
        VerifierKind::Tests(_) => 9,
        VerifierKind::Judge(_) => 10,
    }
}

/// Whether a verifier looks at the workspace, or asks a model, and does not only look at the result.
fn of_workspace(kind: &VerifierKind) -> bool {
    match kind {
        VerifierKind::Expr(expression) => {
            let calls = expression.0.template.calls().iter();
            calls.chain(expression.0.template.filters()).any(|call| {
                // What else a function may look at is fixed while the attempt lasts.
                matches!(call.name.as_str(), "read" | "glob")
            })
        }
        VerifierKind::Schema(_)
        | VerifierKind::Matches(_)
        | VerifierKind::NotMatches(_)
        // What it writes, read where it is about to stand; what that imports stands there already.
        | VerifierKind::Bone(_)
        | VerifierKind::Diagnostics => false,
        // Without globs it looks at what the attempt is about to write.
        VerifierKind::Syntax(globs) => !globs.is_empty(),
        VerifierKind::Files(_)
        | VerifierKind::Unchanged(_)
        | VerifierKind::Run(_)
        | VerifierKind::Tests(_)
        | VerifierKind::Judge(_) => true,
    }
}

/// `exec` refuses workflows with others before anything starts.
fn unknown(kind: &VerifierKind) -> Failure {
    let message = format!(
        "the verifier `{}` can't be run by this version",
        kind.name().as_str()
    );
    Failure::new(FailureClass::Internal, message)
}

fn refused(message: String) -> Failure {
    Failure::new(FailureClass::VerifyFailed, message)
}

fn texts(texts: &OneOrMany<Text>, scope: &Arc<dyn Scope>) -> Result<Vec<String>, Failure> {
    texts.iter().map(|one| text(one, scope)).collect()
}

/// The first lines, and how many more there are.
fn few(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(TOLD_FILES);
    lines.truncate(TOLD_FILES);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines.join("\n")
}
