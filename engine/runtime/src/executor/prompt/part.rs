//! A part of a `prompt`: some of the items of its context, or one of the files that it makes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use smallcode_core::context::{PieceKind, Section, pieces};
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, Part, Piece, TaskResult, split};
use smallcode_core::spec::{Output, Prompt, SplitBy, Task};
use smallcode_core::template::Scope;
use smallcode_core::{glob, path};

use super::super::parts::{Made, Measure, Source, outputs, part_of, with_work};
use super::super::verify::{Subject, Verification, conforms};
use super::super::{Job, Shared, edit, keep, text};

/// What a model is told that makes one of several files.
pub(super) fn of_file(file: &str) -> String {
    format!(
        "Of the files that are asked for you make only `{file}`; the others are made elsewhere. Answer with its \
         content in one fenced code block, and nothing else. If it holds fences, use four backticks around it."
    )
}

/// What a model is told that is shown some of the items.
pub(super) fn of_items(part: &Part) -> Option<String> {
    let told =
        "You are shown one part of what there is. Answer for this part only; the answers are put together.";
    part.file.is_none().then(|| told.to_owned())
}

/// Leaves of the context what a part has of it.
pub(super) fn keep_pieces(sections: &mut Vec<Section>, part: &Part) {
    if part.pieces.is_empty() {
        return;
    }
    if let [only] = sections.as_mut_slice()
        && let Some((_, found)) = pieces(only.path.as_deref().unwrap_or_default(), &only.text)
    {
        let kept = found
            .into_iter()
            .filter(|piece| part.pieces.contains(&piece.name));
        only.text = kept.filter_map(|piece| only.text.get(piece.range)).collect();
        return;
    }
    sections.retain(|section| part.pieces.contains(&section.title));
}

/// Whether the task is to be split and its context can be: into parts of which each shows less.
pub(super) fn divides(
    measure: &Measure<'_>,
    prompt: &Prompt,
    sections: &[Section],
    task: &Task,
    module: &Module,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> bool {
    let Some(way) = task.common.on_failure.split.and_then(|split| split.0) else {
        return false;
    };
    // What takes half of the room fits whole beside any usual instruction.
    let shown: u64 = sections.iter().map(|section| measure.tokens(&section.text)).sum();
    if shown <= measure.room() {
        return false;
    }
    let failure = Failure::new(FailureClass::TooLarge, String::new());
    let failure = measured(failure, measure, prompt, sections, module, job, scope);
    let cut = failure
        .work
        .as_deref()
        .and_then(|work| split(way, failure.class, work, job.depth));
    cut.is_some_and(|cut| matches!(cut.by, SplitBy::Item | SplitBy::Section | SplitBy::Symbol))
}

/// Adds to a failure how the work of the attempt can be cut.
pub(super) fn measured(
    failure: Failure,
    measure: &Measure<'_>,
    prompt: &Prompt,
    sections: &[Section],
    module: &Module,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Failure {
    let mut cuts = Vec::new();
    let mut tokens: u64 = sections.iter().map(|section| measure.tokens(&section.text)).sum();
    let of_file = job.part.as_ref().is_some_and(|part| part.file.is_some());
    if let Some(files) = files(prompt, scope).filter(|_| !of_file) {
        // How long each will be is not known: an equal share.
        let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
        tokens = tokens.max(count);
        let parts = files.into_iter().map(|file| Part {
            name: file.clone(),
            file: Some(file),
            pieces: Vec::new(),
            tokens: tokens / count,
            found: String::new(),
        });
        cuts.push((SplitBy::File, parts.collect()));
    }
    if joins(prompt, module, job) {
        cuts.extend(items(measure, sections, job.part.as_deref()));
    }
    with_work(failure, tokens, cuts)
}

/// The files that a prompt makes, where they are more than one and all are known.
fn files(prompt: &Prompt, scope: &Arc<dyn Scope>) -> Option<Vec<String>> {
    let Some(Output::Files(globs)) = &prompt.beside.output else {
        return None;
    };
    let mut files = BTreeSet::new();
    for written in globs.iter() {
        let written = text(written, scope).ok()?;
        if glob::is_pattern(&written) {
            return None;
        }
        files.insert(path::inside(&written).ok()?.to_string());
    }
    (files.len() > 1).then(|| files.into_iter().collect())
}

/// Whether answers for parts of the context make one answer: texts, or lists.
fn joins(prompt: &Prompt, module: &Module, job: &Job) -> bool {
    match &prompt.beside.output {
        None => true,
        Some(Output::Schema(_)) => {
            let schema = module.schemas.get(&job.task).and_then(|schemas| schemas.first());
            schema.is_some_and(|schema| schema.json.get("type") == Some(&json!("array")))
        }
        Some(Output::File(_) | Output::Files(_)) => false,
    }
}

/// The items of the context put together into parts; of one file, its pieces.
fn items(measure: &Measure<'_>, sections: &[Section], part: Option<&Part>) -> Option<(SplitBy, Vec<Part>)> {
    if let [only] = sections {
        if part.is_some_and(|part| part.pieces.contains(&only.title)) {
            // It is one of several, and told from them by its title alone.
            return None;
        }
        let source = Source {
            name: only.path.as_deref()?,
            text: &only.text,
        };
        let (kind, mut parts) = measure.cut(&source, &[])?;
        for part in &mut parts {
            // It is read, and not written.
            part.file = None;
        }
        let by = match kind {
            PieceKind::Symbol => SplitBy::Symbol,
            PieceKind::Section => SplitBy::Section,
        };
        return Some((by, parts));
    }
    let mut titles = BTreeSet::new();
    let pieces = sections.iter().map(|section| Piece {
        name: section.title.clone(),
        tokens: measure.tokens(&section.text),
    });
    let pieces: Vec<Piece> = pieces.collect();
    // Items are told apart by their titles.
    if !pieces.iter().all(|piece| titles.insert(piece.name.as_str())) {
        return None;
    }
    let parts = measure.grouped(&pieces).into_iter().map(|group| part_of(&group));
    Some((SplitBy::Item, parts.collect()))
}

/// What parts answered as one answer, once the verifiers have seen it.
pub(in super::super) async fn join(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    prompt: &Prompt,
    made: &[Made],
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let parts = outputs(shared, made)?;
    let lists = |key: Option<&str>| {
        let list = |part: &Json| key.map_or(Some(part), |key| part.get(key))?.as_array().cloned();
        parts.iter().filter_map(list).flatten().collect::<Vec<Json>>()
    };
    let (value, files) = match &prompt.beside.output {
        Some(Output::Files(_) | Output::File(_)) => {
            let paths = lists(Some("files"));
            let written = paths.iter().filter_map(|path| path.as_str().map(str::to_owned));
            let files = edit::texts(shared, written.collect()).await?;
            (json!({ "files": paths }), files)
        }
        Some(Output::Schema(_)) => {
            let value = Json::Array(lists(None));
            let schema = module.schemas.get(&job.task).and_then(|schemas| schemas.first());
            if let Some(schema) = schema.filter(|_| job.part.is_none()) {
                conforms(&schema.validator.violations(&value))?;
            }
            (value, Vec::new())
        }
        None => {
            let texts: Vec<&str> = parts.iter().filter_map(Json::as_str).map(str::trim).collect();
            (Json::String(texts.join("\n\n")), Vec::new())
        }
    };
    let subject = if files.is_empty() {
        Subject::value(value.clone())
    } else {
        Subject::files(value.clone(), &files)
    };
    verification.all(&subject).await?;
    Ok(TaskResult::of(keep(shared, value)?))
}
