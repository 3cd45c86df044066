//! `prompt`: one answer of a model, as text, as a value that follows a schema, or as files.

mod part;

use std::sync::Arc;

use serde_json::{Value as Json, json};
use smallcode_core::context::Section;
use smallcode_core::instruction;
use smallcode_core::load::{Module, TaskSchema};
use smallcode_core::run::{Failure, FailureClass, Part, TaskResult};
use smallcode_core::spec::{Output, Prompt, Task};
use smallcode_core::template::Scope;
use smallcode_core::{glob, path};
use smallcode_parse::Known;

use super::parts::{Measure, wanted};
use super::stages::{self, Ask, Asker};
use super::verify::{self, Subject, Verification};
use super::{Job, Message, Shared, context, keep, permit, text, writes};
use crate::answer;
use crate::model::{self, Role};

pub(super) use self::part::join;

/// Asks the model, and makes of its answer what the task wants.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    prompt: &Prompt,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let asker = Asker::new(shared, task, job)?;
    let measure = Measure::new(asker.answerer(), job);
    let mut read = Vec::new();
    let asked = ask(shared, module, task, prompt, job, scope, asker, &mut read);
    let result = stages::in_time(task, asked).await;
    match result {
        Err(failure) if wanted(task) => {
            let all = read.as_slice();
            Err(part::measured(failure, &measure, prompt, all, module, job, scope))
        }
        result => result,
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one attempt, in one place")]
async fn ask(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    prompt: &Prompt,
    job: &Job,
    scope: &Arc<dyn Scope>,
    mut asker: Asker<'_>,
    read: &mut Vec<Section>,
) -> Result<TaskResult, Failure> {
    let schema = match &prompt.beside.output {
        Some(Output::Schema(_)) => module.schemas.get(&job.task).and_then(|schemas| schemas.first()),
        _ => None,
    };
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    destined(shared, prompt.beside.output.as_ref(), scope)?;
    let messages = messages(prompt, schema, job.part.as_deref(), scope)?;
    let mut sections = context::sections(shared, &prompt.beside.context.0, &prompt.text, scope).await?;
    if let Some(part) = job.part.as_deref() {
        part::keep_pieces(&mut sections, part);
    }
    read.clone_from(&sections);
    let asked = Ask {
        messages,
        divides: part::divides(
            &Measure::new(asker.answerer(), job),
            prompt,
            &sections,
            task,
            module,
            job,
            scope,
        ),
        sections,
        schema: schema.map(|schema| &schema.json),
    };
    let reply = asker.reply(asked).await?;
    let (value, files) = stages::read(|| understand(shared, prompt, schema, &reply.text, job, scope))?;
    let output = match &prompt.beside.output {
        Some(Output::File(_)) => json!({ "file": value_path(&value) }),
        Some(Output::Files(_)) => json!({ "files": value }),
        Some(Output::Schema(_)) | None => value,
    };
    let subject = match &prompt.beside.output {
        Some(Output::File(_) | Output::Files(_)) => Subject::files(output.clone(), &files),
        Some(Output::Schema(_)) | None => Subject::value(output.clone()),
    };
    // What can be seen without the files is found good before they are written. Other verifiers find them in their
    // place; where one refuses them, what stood there comes back.
    verification.result(&subject)?;
    if !files.is_empty() {
        permit::permitted(&shared.workspace, &shared.write_permissions, &files)?;
        writes::write(shared, job, files).await?;
    }
    verification.workspace(&subject, Some(&mut asker)).await?;
    Ok(TaskResult::of(keep(shared, output)?))
}

fn value_path(value: &Json) -> Json {
    value.get("file").cloned().unwrap_or_default()
}

/// Sees that what the task is to write, as far as it says so, can be written: no answer is worth asking for else.
fn destined(shared: &Shared, output: Option<&Output>, scope: &Arc<dyn Scope>) -> Result<(), Failure> {
    let named: Vec<String> = match output {
        Some(Output::File(to)) => vec![text(to, scope)?],
        Some(Output::Files(globs)) => {
            let globs = globs.iter().map(|pattern| text(pattern, scope));
            let globs = globs.collect::<Result<Vec<_>, _>>()?;
            exact(&globs).cloned().collect()
        }
        Some(Output::Schema(_)) | None => Vec::new(),
    };
    named
        .iter()
        .try_for_each(|path| permit::to_write(shared, path).map(drop))
}

/// What is asked.
fn messages(
    prompt: &Prompt,
    schema: Option<&Arc<TaskSchema>>,
    part: Option<&Part>,
    scope: &Arc<dyn Scope>,
) -> Result<Vec<model::Message>, Failure> {
    let mut messages = Vec::new();
    let mut system = match &prompt.beside.system {
        Some(system) => vec![text(system, scope)?],
        None => Vec::new(),
    };
    let schema = schema.map(|schema| &schema.json);
    system.extend(match part.and_then(|part| part.file.as_deref()) {
        Some(file) => Some(part::of_file(file)),
        None => instruction::of_answer(prompt.beside.output.as_ref(), schema),
    });
    system.extend(part.and_then(part::of_items));
    if !system.is_empty() {
        messages.push(model::Message::new(Role::System, system.join("\n\n")));
    }
    messages.push(model::Message::new(Role::User, text(&prompt.text, scope)?));
    Ok(messages)
}

/// The value of an answer, and the files that it writes.
fn understand(
    shared: &Shared,
    prompt: &Prompt,
    schema: Option<&Arc<TaskSchema>>,
    answer: &str,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(Json, Vec<(String, String)>), Failure> {
    match &prompt.beside.output {
        None => Ok((Json::String(answer::said(answer)?.to_owned()), Vec::new())),
        Some(Output::Schema(_)) => {
            let Some(schema) = schema else {
                return Ok((Json::String(answer::said(answer)?.to_owned()), Vec::new()));
            };
            let (value, repairs) = answer::value(answer, &schema.json);
            if !repairs.is_empty() {
                // The dispatcher is gone only when the run is.
                let _ = job
                    .tell
                    .messages
                    .send(Message::Read(job.node, job.attempt, repairs));
            }
            let value = value?;
            verify::conforms(&schema.validator.violations(&value))?;
            Ok((value, Vec::new()))
        }
        Some(Output::File(to)) => {
            let to = permit::allowed(shared, &text(to, scope)?)?;
            let content = answer::file(answer, &to)?;
            Ok((json!({ "file": to, "text": content }), vec![(to, content)]))
        }
        Some(Output::Files(globs)) => {
            let texts = globs.iter().map(|glob| text(glob, scope));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            let globs = patterns(&texts)?;
            let names: Vec<String> = named(&texts).collect();
            let known = Known::new(&names);
            let asked_for = |path: &str| globs.iter().any(|glob| glob.matches(path));
            let part = job.part.as_ref().and_then(|part| part.file.clone());
            let is_part = part.is_some();
            let files = match part {
                Some(file) => vec![(file.clone(), answer::file(answer, &file)?)],
                None => answer::files(answer, &known)?,
            };
            let mut written = Vec::with_capacity(files.len());
            for (path, content) in files {
                let is_asked_for = path::inside(&path).is_ok_and(|path| asked_for(path.as_str()));
                let path = match known.find(&path).filter(|_| !is_asked_for) {
                    Some(path) => path.to_owned(),
                    None => path,
                };
                let path = permit::allowed(shared, &path)?;
                if !asked_for(&path) {
                    let message = format!("`{path}` is none of the files that this task may write");
                    return Err(Failure::new(FailureClass::Denied, message));
                }
                written.push((path, content));
            }
            if !is_part {
                answer::has_all(&written, &names)?;
            }
            Ok((
                written
                    .iter()
                    .map(|(path, _)| Json::from(path.as_str()))
                    .collect(),
                written,
            ))
        }
    }
}

/// Those of paths and globs that name one file.
fn exact(texts: &[String]) -> impl Iterator<Item = &String> {
    texts.iter().filter(|text| !glob::is_pattern(text))
}

/// The files that a prompt asks for by their names.
fn named(texts: &[String]) -> impl Iterator<Item = String> {
    exact(texts).filter_map(|name| Some(path::inside(name).ok()?.into_string()))
}

fn patterns(texts: &[String]) -> Result<Vec<glob::Glob>, Failure> {
    let glob = |pattern: &String| {
        glob::Glob::new(pattern).map_err(|reason| {
            Failure::new(
                FailureClass::Expression,
                format!("`{pattern}` is no glob: {reason}"),
            )
        })
    };
    texts.iter().map(glob).collect()
}
