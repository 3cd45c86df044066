//! `plan`: a model proposes tasks, which are checked as a file is and then run.
//!
//! The attempt asks for a list, makes a workflow of it, and hands that over once what its tasks may write is kept. A
//! list that does not pass is refused with everything that is wrong with it. When all tasks have ended, what they made
//! together is verified; unless it is good, all of it is put back.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use smallcode_core::context::Section;
use smallcode_core::instruction;
use smallcode_core::load::Module;
use smallcode_core::proposal::{self, DEFAULT_MAX_TASKS, Rules, USUAL};
use smallcode_core::run::{Failure, FailureClass, TaskResult};
use smallcode_core::spec::{
    Edit, Kind, KindName, ModelKeys, OneOrMany, Output, Plan, Task, Text, VerifierKind,
};
use smallcode_core::template::Scope;

use super::parts::{Made, outputs};
use super::stages::{self, Ask, Asker};
use super::verify::{Subject, Verification};
use super::{Job, Message, Shared, agent, context, edit, keep, text, writes};
use crate::answer;
use crate::model::{self, Role};

/// The most files that a model is told of: a small window holds no more names beside the goal.
const LISTED: usize = 100;

/// Asks for a plan, and hands over what was found good.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    plan: &Plan,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let propose = async {
        let own = texts(&task.common.writes, scope)?;
        let write = if own.is_empty() {
            shared.write_permissions.clone()
        } else {
            own
        };
        let kinds: Vec<KindName> = plan.keys.kinds.iter().copied().collect();
        let wanted = Wanted {
            goal: &plan.keys.goal,
            beside: &plan.beside,
            there: there(shared, &write).await?,
            outlines: Vec::new(),
            rules: Rules {
                kinds: if kinds.is_empty() { USUAL.to_vec() } else { kinds },
                max_tasks: plan.keys.max_tasks.unwrap_or(DEFAULT_MAX_TASKS),
                write,
                run: agent::may_propose(shared, module),
                ..rules(module, task, scope)?
            },
        };
        propose(shared, task, wanted, job, scope).await
    };
    stages::in_time(task, propose).await
}

/// Asks for a plan of an edit that is to be cut: its files and nothing else are the tasks'.
pub(super) async fn of_edit(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    edit: &Edit,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let propose = async {
        let files = edit::read(shared, edit, scope).await?;
        let outlines = files
            .iter()
            .filter_map(|(path, text)| edit::outlined(path, text.as_deref()?));
        let write: Vec<String> = files.keys().cloned().collect();
        let wanted = Wanted {
            goal: &edit.keys.instruction,
            beside: &edit.beside,
            there: write.clone(),
            outlines: outlines.collect(),
            rules: Rules {
                kinds: vec![KindName::Edit],
                max_tasks: DEFAULT_MAX_TASKS,
                write,
                ..rules(module, task, scope)?
            },
        };
        propose(shared, task, wanted, job, scope).await
    };
    stages::in_time(task, propose).await
}

/// What a plan is wanted for.
struct Wanted<'a> {
    goal: &'a Text,
    beside: &'a ModelKeys,
    /// The files that may be changed and are there.
    there: Vec<String>,
    /// What is in them, where that is shown.
    outlines: Vec<Section>,
    rules: Rules,
}

async fn propose(
    shared: &Arc<Shared>,
    task: &Task,
    wanted: Wanted<'_>,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let messages = messages(&wanted, scope)?;
    let rules = wanted.rules;
    let schema = proposal::schema(&rules);
    let mut asker = Asker::new(shared, task, job)?;
    let mut sections = context::sections(shared, &wanted.beside.context.0, wanted.goal, scope).await?;
    sections.extend(wanted.outlines);
    let asked = Ask {
        messages,
        sections,
        divides: false,
        schema: Some(&schema),
    };
    let reply = asker.reply(asked).await?;
    let (value, repairs) = answer::value(&reply.text, &schema);
    if !repairs.is_empty() {
        // The dispatcher is gone only when the run is.
        let read = Message::Read(job.node, job.attempt, repairs);
        let _ = job.tell.messages.send(read);
    }
    let workflow = proposal::workflow(&value?, &rules).map_err(|problems| refused(&problems))?;
    let planned = proposal::module(&workflow).map_err(|problems| refused(&problems))?;
    let tasks = &planned.loaded.workflow.tasks.read;
    let files: BTreeSet<String> = tasks.values().flat_map(files).collect();
    let files: Vec<String> = files.into_iter().collect();
    writes::keep_files(shared, job, &files).await?;
    let names = tasks.keys().map(|name| name.as_str().to_owned()).collect();
    let accepted = Message::Planned(job.node, job.attempt, names, workflow);
    let _ = job.tell.messages.send(accepted);
    Ok(())
}

/// What every plan of a task has: nothing beyond what the task may do itself.
fn rules(module: &Module, task: &Task, scope: &Arc<dyn Scope>) -> Result<Rules, Failure> {
    let common = &task.common;
    let mut unchanged = Vec::new();
    for verifier in common.verify.iter() {
        if let VerifierKind::Unchanged(globs) = &verifier.kind {
            unchanged.extend(texts(globs, scope)?);
        }
    }
    let model = common.model.as_ref().or(module.loaded.workflow.model.as_ref());
    Ok(Rules {
        kinds: Vec::new(),
        max_tasks: 0,
        write: Vec::new(),
        run: Vec::new(),
        unchanged,
        model: model.map(|model| model.text.clone()),
        retry: common.on_failure.retry.map(|retry| retry.max),
    })
}

fn texts(texts: &OneOrMany<Text>, scope: &Arc<dyn Scope>) -> Result<Vec<String>, Failure> {
    texts.iter().map(|one| text(one, scope)).collect()
}

fn messages(wanted: &Wanted<'_>, scope: &Arc<dyn Scope>) -> Result<Vec<model::Message>, Failure> {
    let mut system = match &wanted.beside.system {
        Some(system) => vec![text(system, scope)?],
        None => Vec::new(),
    };
    system.push(instruction::of_plan(&wanted.rules));
    let mut user = Vec::new();
    if !wanted.there.is_empty() {
        user.push(format!("Files that may be changed:\n{}", wanted.there.join("\n")));
    }
    user.push(text(wanted.goal, scope)?);
    Ok(vec![
        model::Message::new(Role::System, system.join("\n\n")),
        model::Message::new(Role::User, user.join("\n\n")),
    ])
}

/// The files that may be changed and are there.
async fn there(shared: &Arc<Shared>, globs: &[String]) -> Result<Vec<String>, Failure> {
    let (shared, globs) = (Arc::clone(shared), globs.to_vec());
    let list = move || {
        let mut found = BTreeSet::new();
        for glob in &globs {
            let private = |path: &String| path.split('/').any(|name| name.starts_with(".env"));
            found.extend(
                shared
                    .workspace
                    .glob(glob)?
                    .into_iter()
                    .filter(|path| !private(path)),
            );
        }
        Ok(found)
    };
    let found: Result<BTreeSet<String>, crate::workspace::FileError> = tokio::task::spawn_blocking(list)
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    let found = found.map_err(|error| Failure::new(FailureClass::Io, error.to_string()))?;
    let more = found.len().saturating_sub(LISTED);
    let mut listed: Vec<String> = found.into_iter().take(LISTED).collect();
    if more > 0 {
        listed.push(format!("… and {more} more"));
    }
    Ok(listed)
}

/// A proposal that is none: its model is told all that is wrong with it.
fn refused(problems: &[String]) -> Failure {
    let first = problems.first().map_or("it can't be read", String::as_str);
    let mut failure = Failure::new(
        FailureClass::VerifyFailed,
        format!("the plan can't be run: {first}"),
    );
    failure.detail = problems.get(1..).unwrap_or_default().join("\n");
    failure
}

/// The files that a planned task names.
fn files(task: &Task) -> Vec<String> {
    let texts = match &task.kind {
        Kind::Edit(edit) => edit.keys.files.iter().collect(),
        Kind::Prompt(prompt) => match &prompt.beside.output {
            Some(Output::File(file)) => vec![file],
            Some(Output::Files(files)) => files.iter().collect(),
            Some(Output::Schema(_)) | None => Vec::new(),
        },
        _ => Vec::new(),
    };
    let paths = texts.into_iter().map(|text| text.template.source().to_owned());
    paths.collect()
}

/// What the tasks of a plan left, once the verifiers have seen it.
pub(super) async fn join(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    made: &[Made],
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let outputs = outputs(shared, made)?;
    let names = made.iter().map(|made| made.name.clone());
    let mut changed = BTreeSet::new();
    for output in &outputs {
        let file = output.get("file").into_iter();
        // What was generated is many files, and checked by who generates it.
        if output.get("dir").is_some() {
            continue;
        }
        let files = output.get("files").and_then(Json::as_array).into_iter().flatten();
        changed.extend(file.chain(files).filter_map(Json::as_str).map(str::to_owned));
    }
    let tasks: Map<String, Json> = names.zip(outputs).collect();
    let value = json!({ "tasks": tasks });
    let files = edit::texts(shared, changed).await?;
    let subject = Subject::files(value.clone(), &files);
    verification.all(&subject).await?;
    Ok(TaskResult::of(keep(shared, value)?))
}
