//! `bone`: BoneScript programs, in process. Nothing is written unless the program is right, and then all of it or nothing.

use std::sync::Arc;

use bonescript::emit::Target;
use bonescript::ir::{Domain, Program};
use bonescript::{Analysis, Files, Level, Sources, check_with};
use camino::Utf8Path;
use serde_json::{Value as Json, json};
use smallcode_core::diagnostic::count;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, Notice, TaskResult};
use smallcode_core::spec::{Bone, BoneAction, BoneTarget, Task};
use smallcode_core::template::Scope;
use smallcode_core::{check, path};

use super::verify::{Subject, Verification};
use super::{Job, Shared, permit, text, writes};
use crate::generated::{Done, GeneratedError, Prepared};
use crate::workspace::Workspace;

/// How many problems, and files that are in the way, are told: more are not mended at a time.
const TOLD: usize = 12;

/// The files that programs import: those of the workspace.
pub(super) enum Imports<'a> {
    /// All of them: for a program that the author has compiled.
    All(&'a Workspace),
    /// Those that a model may be shown, as what is said of a program quotes them.
    Shown(&'a Shared),
}

impl Files for Imports<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        let read = match self {
            Self::All(workspace) => workspace.read(path),
            Self::Shown(shared) => {
                let inside = path::inside(path).map_err(|error| error.to_string())?;
                let real = permit::readable(shared, inside.as_str()).map_err(|failure| failure.message)?;
                shared.workspace.read_real(&real)
            }
        };
        read.map_err(|error| error.to_string())
    }
}

/// Does what the task says with its program.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    bone: &Bone,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let mut file = inside(&text(&bone.file, scope)?)?;
    if job.planned.is_some() {
        // A model has chosen it, and is told what is wrong with it.
        file = permit::readable(shared, &file)?;
    }
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let (output, written) = match bone.action {
        BoneAction::Check => {
            let (analysis, _) = read(shared, job, &file, bone)?;
            (json!({ "diagnostics": told(&analysis) }), Vec::new())
        }
        BoneAction::Fmt => {
            let source = content(shared, &file)?;
            let laid_out = bonescript::format(&file, &source).map_err(|analysis| wrong(&file, &analysis))?;
            let changed = laid_out != source;
            let files: Vec<(String, String)> =
                changed.then(|| (file.clone(), laid_out)).into_iter().collect();
            (done(&file, &files, &[]), files)
        }
        BoneAction::Init => {
            if shared.workspace.exists(&file) {
                let message = format!("`{file}` is there already");
                return Err(Failure::new(FailureClass::Denied, message));
            }
            let files = vec![(file.clone(), first(&file, bone)?)];
            (done(&file, &files, &[]), files)
        }
        BoneAction::Compile | BoneAction::Diff => {
            return project(shared, &file, bone, job, scope, &verification).await;
        }
    };
    let subject = Subject::files(output.clone(), &written);
    verification.result(&subject)?;
    if !written.is_empty() {
        let paths: Vec<String> = written.iter().map(|(path, _)| path.clone()).collect();
        let owner = Arc::clone(shared);
        writes::change(shared, job, &paths, move || {
            let mut files = written.iter();
            files
                .try_for_each(|(path, text)| owner.workspace.write(path, text.as_bytes()))
                .map_err(|error| Failure::new(FailureClass::Io, error.to_string()))
        })
        .await?;
    }
    verification.workspace(&subject, None).await?;
    Ok(TaskResult::value(output))
}

/// `compile`, and `diff`, which is that without the last step.
async fn project(
    shared: &Arc<Shared>,
    file: &str,
    bone: &Bone,
    job: &Job,
    scope: &Arc<dyn Scope>,
    verification: &Verification<'_>,
) -> Result<TaskResult, Failure> {
    let out = bone
        .out
        .as_ref()
        .map(|out| text(out, scope))
        .transpose()?
        .unwrap_or_default();
    let out = inside(&out)?;
    let target = bone
        .target
        .as_ref()
        .map(|target| text(target, scope))
        .transpose()?;
    let target = target_of(target.as_deref())?;
    let (analysis, program) = read(shared, job, file, bone)?;
    let real = shared
        .workspace
        .destination(&out)
        .map_err(|error| Failure::new(FailureClass::Denied, error.to_string()))?;
    let folder = shared.workspace.root().join(&real);
    let prepared = prepare(program, target, folder).await?;
    let below = |path: &str| Utf8Path::new(&out).join(path).to_string();
    let outcomes = prepared.outcomes();
    let changed = outcomes
        .iter()
        .filter(|outcome| bone.action == BoneAction::Compile || outcome.done != Done::Unchanged);
    let files: Vec<String> = changed
        .filter(|outcome| bone.action == BoneAction::Diff || outcome.done != Done::Removed)
        .map(|outcome| below(&outcome.path))
        .collect();
    let output = json!({ "dir": out, "files": files, "diagnostics": told(&analysis) });
    if bone.action == BoneAction::Diff {
        verification.all(&Subject::value(output.clone())).await?;
        return Ok(TaskResult::value(output));
    }
    if job.planned.is_some() {
        let paths = prepared.touched();
        let mut paths = paths
            .iter()
            .map(|path| Utf8Path::new(&real).join(path).to_string());
        if let Some(path) = paths.find(|path| !permit::may_write(path, &shared.write_permissions)) {
            let message = format!("`{out}` leads to `{path}`, which a model may not write");
            return Err(Failure::new(FailureClass::Denied, message));
        }
    }
    let texts: Vec<(String, String)> = prepared
        .texts()
        .into_iter()
        .map(|(path, text)| (below(&path), text))
        .collect();
    let subject = Subject::files(output.clone(), &texts);
    verification.result(&subject)?;
    write(shared, job, Utf8Path::new(&real), prepared).await?;
    verification.workspace(&subject, None).await?;
    Ok(TaskResult::value(output))
}

/// Emits a program for a folder. What is in the way is a failure.
pub(super) async fn prepare(
    program: Program,
    target: Target,
    folder: camino::Utf8PathBuf,
) -> Result<Prepared, Failure> {
    let prepared = tokio::task::spawn_blocking(move || Prepared::new(&program, target, &folder, false))
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
        .map_err(|error| failed(&error))?;
    let refused = prepared.refused();
    if refused.is_empty() {
        return Ok(prepared);
    }
    let mut failure = failed(&GeneratedError::Refused { count: refused.len() });
    let lines = refused
        .iter()
        .take(TOLD)
        .map(|file| format!("`{}` {}", file.path, file.why.in_words()));
    failure.detail = lines.collect::<Vec<_>>().join("\n");
    Err(failure)
}

/// Writes a project into a folder of the workspace, whose way holds no links.
pub(super) async fn write(
    shared: &Arc<Shared>,
    job: &Job,
    real: &Utf8Path,
    prepared: Prepared,
) -> Result<(), Failure> {
    let paths: Vec<String> = prepared
        .touched()
        .iter()
        .map(|path| real.join(path).to_string())
        .collect();
    writes::change(shared, job, &paths, move || {
        prepared.apply().map_err(|error| failed(&error))
    })
    .await
}

/// Reads and checks a program; what it means, where it is right.
fn read(shared: &Shared, job: &Job, file: &str, bone: &Bone) -> Result<(Analysis, Program), Failure> {
    // What a model plans is what a model writes.
    let level = if bone.strict || job.planned.is_some() {
        Level::Strict
    } else {
        Level::Lenient
    };
    let source = content(shared, file)?;
    let imports = match &job.planned {
        Some(_) => Imports::Shown(shared),
        None => Imports::All(&shared.workspace),
    };
    let mut analysis = check_with(file, &source, &imports, level);
    match analysis.program.take() {
        Some(program) => {
            warn(job, file, &analysis);
            Ok((analysis, program))
        }
        None => Err(wrong(file, &analysis)),
    }
}

/// Tells whoever watches what was let pass, and what was made of it.
fn warn(job: &Job, file: &str, analysis: &Analysis) {
    for problem in analysis.diagnostics.iter().take(TOLD) {
        let message = format!("{}: {}", job.id, problem.compact(&analysis.sources));
        job.tell.notices.send(Notice::Warning { message });
    }
    let more = analysis.diagnostics.len().saturating_sub(TOLD);
    if more > 0 {
        let message = format!(
            "{}: {more} more of `{file}`, which `smallcode bone check {file}` tells",
            job.id
        );
        job.tell.notices.send(Notice::Warning { message });
    }
}

fn content(shared: &Shared, file: &str) -> Result<String, Failure> {
    let read = shared.workspace.read(file);
    read.map_err(|error| Failure::new(FailureClass::Io, error.to_string()))
}

/// A program with errors, each told in a line.
fn wrong(file: &str, analysis: &Analysis) -> Failure {
    let errors = analysis.diagnostics.iter().filter(|problem| problem.is_error());
    let lines: Vec<String> = errors.map(|problem| problem.compact(&analysis.sources)).collect();
    let message = if lines.is_empty() {
        format!("`{file}` holds no `system`")
    } else {
        format!("`{file}` has {}", count(lines.len(), "error"))
    };
    let mut failure = Failure::new(FailureClass::VerifyFailed, message);
    failure.detail = lines.iter().take(TOLD).cloned().collect::<Vec<_>>().join("\n");
    failure
}

/// The problems that are no errors, as values.
fn told(analysis: &Analysis) -> Vec<Json> {
    let one = |problem: &bonescript::Diagnostic, sources: &Sources| {
        let (source, span) = problem.place();
        let (line, column) = sources.position(source, span.start);
        json!({
            "file": sources.get(source).map(|source| source.name.as_str()),
            "line": line,
            "column": column,
            "code": problem.code.as_str(),
            "severity": problem.severity.to_string(),
            "message": problem.message,
            "way_out": problem.way_out(sources),
        })
    };
    analysis
        .diagnostics
        .iter()
        .map(|problem| one(problem, &analysis.sources))
        .collect()
}

/// What `fmt` and `init` leave.
fn done(file: &str, files: &[(String, String)], diagnostics: &[Json]) -> Json {
    let folder = Utf8Path::new(file)
        .parent()
        .filter(|folder| !folder.as_str().is_empty());
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    json!({ "dir": folder.map_or(".", Utf8Path::as_str), "files": paths, "diagnostics": diagnostics })
}

/// A first program, called as its file is.
fn first(file: &str, bone: &Bone) -> Result<String, Failure> {
    let word = bone.domain.as_str();
    let domain = Domain::ALL.iter().find(|domain| domain.as_str() == word);
    let name = Utf8Path::new(file).file_stem().unwrap_or_default();
    let start = domain.and_then(|domain| bonescript::start(*domain, name));
    start.map(|start| start.text).ok_or_else(|| {
        let message = format!("`{file}` has no letter that a system's name could begin with");
        Failure::new(FailureClass::Expression, message)
    })
}

/// The target of a word.
pub(super) fn target_of(word: Option<&str>) -> Result<Target, Failure> {
    match word.map(|word| (word, BoneTarget::from_word(word))) {
        None | Some((_, Some(BoneTarget::Sqlite))) => Ok(Target::Sqlite),
        Some((_, Some(BoneTarget::Postgres | BoneTarget::Express))) => Ok(Target::Postgres),
        Some((word, None)) => {
            let message = format!("there is no target `{word}`: the targets are `sqlite` and `postgres`");
            Err(Failure::new(FailureClass::Expression, message))
        }
    }
}

/// A path that a task may write.
fn inside(written: &str) -> Result<String, Failure> {
    let denied = |reason: String| Failure::new(FailureClass::Denied, format!("`{written}`: {reason}"));
    let clean = path::inside(written).map_err(|error| denied(error.to_string()))?;
    match path::kept(clean.as_str()) {
        Some(folder) => Err(denied(check::not_to_write(folder))),
        None => Ok(clean.into_string()),
    }
}

/// Why a project could not be written.
fn failed(error: &GeneratedError) -> Failure {
    let class = match error {
        GeneratedError::Refused { .. } | GeneratedError::Another { .. } => FailureClass::Denied,
        GeneratedError::SameFolder { .. } => FailureClass::VerifyFailed,
        GeneratedError::Emit(
            bonescript::emit::EmitError::Template { .. } | bonescript::emit::EmitError::DuplicatePath { .. },
        ) => FailureClass::Internal,
        GeneratedError::Emit(_)
        | GeneratedError::Manifest { .. }
        | GeneratedError::NoSchema { .. }
        | GeneratedError::InUse { .. }
        | GeneratedError::Io { .. } => FailureClass::Io,
    };
    Failure::new(class, error.to_string())
}
