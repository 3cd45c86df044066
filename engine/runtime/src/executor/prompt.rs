//! `prompt`: one answer of a model, as text, as a value that follows a schema, or as files.

mod judge;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use smallcode_core::check;
use smallcode_core::context::{self as fitting, Form, Section, Shown};
use smallcode_core::load::{Module, TaskSchema};
use smallcode_core::plan::CALL_TRIES;
use smallcode_core::run::{
    CallUsage, FEEDBACK_TOKENS, Failure, FailureClass, Notice, Reserve, Stream, TaskResult, feedback,
};
use smallcode_core::spec::{ContextItem, OneOrMany, Output, Prompt, Task, Text};
use smallcode_core::template::Scope;
use smallcode_core::tokens::{Estimate, Family, Tokens};
use smallcode_core::{glob, path, plan};
use tokio::sync::oneshot;

use super::command::in_words;
use super::context;
use super::verify::{self, Subject, Verification};
use super::{Answerer, CallEnd, CallRequest, Job, Message, Shared, keep, show, text, timeout, writes};
use crate::answer;
use crate::model::{self, CallError, Reply, Request, RetryPolicy, Role, UsageVerdict};
use crate::workspace::Workspace;

/// The fewest tokens that an answer must have room for: fewer hold no useful answer.
const MIN_ANSWER: u64 = 16;

/// Asks the model, and makes of its answer what the task wants.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    prompt: &Prompt,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    in_time(task, ask(shared, module, task, prompt, job, scope)).await
}

/// Ends an attempt when its time is over.
pub(super) async fn in_time<T>(
    task: &Task,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match timeout(task) {
        None => work.await,
        Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Failure::new(
                FailureClass::TimedOut,
                format!("it took longer than its timeout of {limit:?}"),
            ))
        }),
    }
}

async fn ask(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    prompt: &Prompt,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let schema = match &prompt.beside.output {
        Some(Output::Schema(_)) => module.schemas.get(&job.task).and_then(|schemas| schemas.first()),
        _ => None,
    };
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let messages = messages(prompt, schema, scope)?;
    let context = &prompt.beside.context.0;
    let schema_sent = schema.map(|schema| &schema.json);
    let reply = reply(shared, task, messages, context, schema_sent, job, scope).await?;
    let (value, files) = understand(shared, prompt, schema, &reply.text, job, scope)?;
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
        permitted(&shared.workspace, &shared.write_permissions, &files)?;
        writes::write(shared, job, files).await?;
    }
    verification.workspace(&subject).await?;
    Ok(TaskResult {
        output: keep(shared, output)?,
        stdout: None,
        stderr: None,
        exit_code: None,
    })
}

/// Sends messages to the profile of a task, with its context before the first of the user and what is told of the
/// attempt before in the last, and gives the whole answer.
pub(super) async fn reply(
    shared: &Arc<Shared>,
    task: &Task,
    messages: Vec<model::Message>,
    context: &[ContextItem],
    schema: Option<&Json>,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<Reply, Failure> {
    let name = plan::profile_of(&shared.bundle, &task.common);
    let (Some(answerer), Some(client)) = (shared.profiles.get(&name), shared.client.as_ref()) else {
        return Err(Failure::new(
            FailureClass::Internal,
            format!("the profile `{name}` was not prepared"),
        ));
    };
    let sections = context::sections(shared, context, scope).await?;
    let asked = request(messages, &sections, answerer, schema, job)?;
    let (request, estimate) = (&asked.request, asked.estimate);
    let reply = call(shared, client, answerer, &name, request, estimate, job).await?;
    judge::whole(&reply, request, asked.room)?;
    Ok(reply)
}

/// Whether each file may be written where it really goes, and nothing is written twice.
pub(super) fn permitted(
    workspace: &Workspace,
    permissions: &[String],
    files: &[(String, String)],
) -> Result<(), Failure> {
    let mut reals = HashSet::new();
    for (path, _) in files {
        let real = workspace
            .destination(path)
            .map_err(|error| Failure::new(FailureClass::Denied, error.to_string()))?;
        if real != *path && !may_write(&real, permissions) {
            let message = format!("`{path}` leads to `{real}`, which a model may not write");
            return Err(Failure::new(FailureClass::Denied, message));
        }
        if !reals.insert(real) {
            // Which of the two is meant can't be known.
            let message =
                format!("the answer gives `{path}` twice; each file must stand in one code block, whole");
            return Err(Failure::new(FailureClass::Unparseable, message));
        }
    }
    Ok(())
}

/// Whether a model may write a path. What git and the engine keep is never its to write.
pub(super) fn may_write(path: &str, permissions: &[String]) -> bool {
    path::kept(path).is_none() && check::uncovered([path], permissions).is_none()
}

fn value_path(value: &Json) -> Json {
    value.get("file").cloned().unwrap_or_default()
}

/// What is asked.
fn messages(
    prompt: &Prompt,
    schema: Option<&Arc<TaskSchema>>,
    scope: &Arc<dyn Scope>,
) -> Result<Vec<model::Message>, Failure> {
    let mut messages = Vec::new();
    let mut system = match &prompt.beside.system {
        Some(system) => vec![text(system, scope)?],
        None => Vec::new(),
    };
    system.extend(form(prompt.beside.output.as_ref(), schema));
    if !system.is_empty() {
        messages.push(model::Message::new(Role::System, system.join("\n\n")));
    }
    messages.push(model::Message::new(Role::User, text(&prompt.text, scope)?));
    Ok(messages)
}

/// What is sent.
struct Asked {
    request: Request,
    /// How many tokens of prompt it is at most.
    estimate: Estimate,
    /// The most tokens of answer that the window has room for.
    room: u64,
}

fn request(
    messages: Vec<model::Message>,
    sections: &[Section],
    answerer: &Answerer,
    schema: Option<&Json>,
    job: &Job,
) -> Result<Asked, Failure> {
    let profile = &answerer.profile;
    let request = Request {
        messages,
        max_tokens: 0,
        temperature: job.manner.temperature.unwrap_or(profile.temperature.value),
        top_p: profile.top_p.value,
        // Another attempt is another throw of the dice, the same one in each run.
        seed: profile
            .seed
            .value
            .saturating_add(u64::from(job.attempt.saturating_sub(1))),
        stop: Vec::new(),
        schema: schema.cloned(),
    };
    let request = with_context(request, sections, answerer, job)?;
    with_feedback(request, answerer, job)
}

/// Puts what the model is shown before its instruction, as whole as the window allows.
///
/// Room for the feedback of a retry is left in any case: what stands before it must stay the same to the byte, so
/// that a server's prefix cache holds.
fn with_context(
    mut request: Request,
    sections: &[Section],
    answerer: &Answerer,
    job: &Job,
) -> Result<Request, Failure> {
    if sections.is_empty() {
        return Ok(request);
    }
    let family = Family::of_model(answerer.profile.model_name());
    let window = answerer.facts.window;
    let kept = answerer
        .facts
        .reserve
        .max(MIN_ANSWER)
        .saturating_add(FEEDBACK_TOKENS.get());
    let instruction = request
        .messages
        .iter()
        .position(|message| message.role == Role::User)
        .unwrap_or(0);
    let counted = |request: &Request| answerer.counted(model::estimate_request(family, request));
    let mut room = window.saturating_sub(counted(&request)).saturating_sub(kept);
    let alone = request.messages.clone();
    loop {
        let fitted = fitting::fit(sections, Tokens(room), family).map_err(|error| {
            Failure::new(
                FailureClass::TooLarge,
                format!("{error}; give `context` fewer items or let them shrink"),
            )
        })?;
        request.messages.clone_from(&alone);
        request
            .messages
            .insert(instruction, model::Message::new(Role::User, fitted.text));
        let over = counted(&request).saturating_add(kept).saturating_sub(window);
        if over == 0 || room == 0 {
            tell(job, &fitted.shown);
            return Ok(request);
        }
        // The server has counted more than we do, or the message around it took some.
        room = room.saturating_sub(over);
    }
}

/// Adds what is told of the attempt before, and sees that prompt and answer fit the window.
fn with_feedback(mut request: Request, answerer: &Answerer, job: &Job) -> Result<Asked, Failure> {
    let family = Family::of_model(answerer.profile.model_name());
    let window = answerer.facts.window;
    let plain = model::estimate_request(family, &request);
    let counted = answerer.counted(plain);
    if counted.saturating_add(MIN_ANSWER) > window {
        let message = format!(
            "the prompt takes up to {counted} tokens, and the window of `{}` is {window}; shorten what goes into it",
            answerer.profile.name
        );
        return Err(Failure::new(FailureClass::TooLarge, message));
    }
    let told = job
        .previous
        .as_deref()
        .and_then(|previous| feedback(previous, family, FEEDBACK_TOKENS));
    let mut asked = (plain, counted);
    if let (Some(told), Some(last)) = (told, request.messages.last_mut()) {
        // Behind all that stays the same, so that a server's prefix cache holds. Not in a message of its own: the
        // templates of many models take no two messages of one speaker in a row.
        let before = last.content.len();
        last.content.push_str("\n\n");
        last.content.push_str(&told);
        let estimate = model::estimate_request(family, &request);
        let counted = answerer.counted(estimate);
        if counted.saturating_add(answerer.facts.reserve.max(MIN_ANSWER)) <= window {
            asked = (estimate, counted);
        } else if let Some(last) = request.messages.last_mut() {
            // The answer needs the room more.
            last.content.truncate(before);
        }
    }
    let (estimate, counted) = asked;
    let room = window - counted;
    let wanted = answerer.facts.reserve.max(job.manner.answer.unwrap_or(0));
    request.max_tokens = wanted.max(MIN_ANSWER).min(room);
    Ok(Asked {
        request,
        estimate,
        room,
    })
}

/// Says what of the context is not shown whole.
fn tell(job: &Job, shown: &[Shown]) {
    let smaller: Vec<String> = shown
        .iter()
        .filter(|shown| shown.form != Form::Whole)
        .map(|shown| format!("`{}` {}", shown.title, shown.form.in_words()))
        .collect();
    if !smaller.is_empty() {
        let message = format!("to fit the window, the model is shown {}", smaller.join(", "));
        job.tell.notices.send(Notice::Warning { message });
    }
}

/// How the answer is to look.
fn form(output: Option<&Output>, schema: Option<&Arc<TaskSchema>>) -> Option<String> {
    match output? {
        Output::Schema(_) => {
            Some(format!("Answer with one JSON value and nothing else. It follows this JSON Schema:\n{}", schema?.json))
        }
        Output::File(_) => {
            Some("Answer with the content of the file in one fenced code block, and nothing else.".to_owned())
        }
        Output::Files(_) => Some(
            "Answer with one fenced code block for each file. Put the path of the file after the opening fence, \
             as in ```src/main.rs"
                .to_owned(),
        ),
    }
}

/// Makes the call, again where the server broke off; a call that was journaled before a crash is not made again.
async fn call(
    shared: &Arc<Shared>,
    client: &model::Client,
    answerer: &Answerer,
    name: &str,
    request: &Request,
    estimate: Estimate,
    job: &Job,
) -> Result<Reply, Failure> {
    // What was asked, not how long the answer may be: that follows from what was learned of the server meanwhile.
    let digest = Request {
        max_tokens: 0,
        ..request.clone()
    }
    .digest(answerer.profile.model_name());
    let policy = RetryPolicy {
        tries: CALL_TRIES,
        seed: u64::from(job.attempt),
        ..RetryPolicy::default()
    };
    let mut made = job.calls.iter();
    let mut number = 0;
    let mut tries = 0;
    loop {
        number += 1;
        tries += 1;
        if let Some(record) = made.next() {
            let reply = record.reply.as_ref().filter(|_| record.digest == digest);
            if let Some(reply) = reply {
                let json = shared
                    .host
                    .json(reply)
                    .map_err(|reason| Failure::new(FailureClass::Io, reason))?;
                return serde_json::from_value(json).map_err(|error| {
                    Failure::new(
                        FailureClass::Io,
                        format!("a journaled reply can't be read: {error}"),
                    )
                });
            }
            tries = tries.min(CALL_TRIES - 1);
            continue;
        }
        let reserve = Reserve {
            prompt: answerer.counted(estimate),
            completion: request.max_tokens,
        };
        let slot = tokio::select! {
            slot = answerer.slots.acquire() => slot,
            () = job.cancel.cancelled() => return Err(stopped()),
        };
        granted(job, name, &digest, reserve, number).await?;
        let mut on_text = |text: &str| {
            if job.tell.notices.wanted() {
                show(job, Stream::Answer, text.to_owned());
            }
        };
        let result = model::call(client, &answerer.profile, request, &job.cancel, &mut on_text).await;
        drop(slot);
        let wait = match &result {
            Ok(_) => None,
            Err(error) => policy.wait_after(tries, error),
        };
        match finish(shared, answerer, request, estimate, result, number, job).await {
            Ok(reply) => return Ok(reply),
            Err((failure, because)) => {
                let Some(wait) = wait else { return Err(failure) };
                let delay = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                job.tell.notices.send(Notice::CallRetried {
                    node: job.id.clone(),
                    because,
                    delay,
                });
                pause(wait, job).await?;
            }
        }
    }
}

async fn pause(wait: Duration, job: &Job) -> Result<(), Failure> {
    tokio::select! {
        () = tokio::time::sleep(wait) => Ok(()),
        () = job.cancel.cancelled() => Err(stopped()),
    }
}

fn stopped() -> Failure {
    Failure::new(FailureClass::Cancelled, "it was stopped")
}

/// Has the call journaled and its worst case set aside.
async fn granted(job: &Job, profile: &str, digest: &str, reserve: Reserve, call: u32) -> Result<(), Failure> {
    let (grant, answer) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Call(CallRequest {
        node: job.node,
        attempt: job.attempt,
        call,
        profile: profile.to_owned(),
        digest: digest.to_owned(),
        reserve,
        grant,
    }));
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cap)) => Err(Failure::new(FailureClass::OverBudget, cap)),
            Err(_) => Err(stopped()),
        },
        () = job.cancel.cancelled() => Err(stopped()),
    }
}

/// Has the end of a call journaled before anything follows from it.
async fn finish(
    shared: &Shared,
    answerer: &Answerer,
    request: &Request,
    estimate: Estimate,
    result: Result<Reply, CallError>,
    call: u32,
    job: &Job,
) -> Result<Reply, (Failure, String)> {
    let (reply, mut failure, usage) = match result {
        Ok(reply) => {
            let usage = CallUsage {
                prompt: reply.usage.prompt,
                completion: reply.usage.completion,
                cached: reply.usage.cached,
                estimated: reply.usage.estimated,
            };
            (Some(reply), None, usage)
        }
        Err(CallError::Cancelled) => return Err((stopped(), String::new())),
        Err(error) => {
            let class = match &error {
                error if error.is_unreachable() => FailureClass::NoModel,
                CallError::TooLong { .. } => FailureClass::TooLarge,
                CallError::Unauthorized { .. } | CallError::Rejected { .. } => FailureClass::Refused,
                _ => FailureClass::Transport,
            };
            // What a broken call used is unknown; a server that refused one used nothing.
            let refused = matches!(
                class,
                FailureClass::NoModel | FailureClass::Refused | FailureClass::TooLarge
            );
            let usage = if refused {
                CallUsage::default()
            } else {
                CallUsage {
                    prompt: estimate.high.0,
                    estimated: true,
                    ..CallUsage::default()
                }
            };
            (None, Some(Failure::new(class, in_words(&error))), usage)
        }
    };
    if let Some(reply) = &reply {
        failure = judge_usage(answerer, request, estimate, reply, job);
    }
    let stored = match (&reply, &failure) {
        (Some(reply), None) => {
            let json = serde_json::to_value(reply).unwrap_or_default();
            Some(keep(shared, json).map_err(|failure| (failure, String::new()))?)
        }
        _ => None,
    };
    let (done, journaled) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Called(CallEnd {
        node: job.node,
        attempt: job.attempt,
        call,
        reply: stored,
        usage,
        failure: failure.clone(),
        done,
    }));
    if journaled.await.is_err() {
        return Err((stopped(), String::new()));
    }
    match (reply, failure) {
        (Some(reply), None) => Ok(reply),
        (_, failure) => {
            let failure = failure.unwrap_or_else(stopped);
            let because = failure.message.clone();
            Err((failure, because))
        }
    }
}

/// Compares our count with the server's: a prompt that it cut, or one that went over the window, is no success.
fn judge_usage(
    answerer: &Answerer,
    request: &Request,
    estimate: Estimate,
    reply: &Reply,
    job: &Job,
) -> Option<Failure> {
    match model::compare_usage(estimate, &reply.usage) {
        UsageVerdict::Consistent => None,
        UsageVerdict::Cut(cut) => Some(Failure::new(FailureClass::TooLarge, in_words(&cut))),
        UsageVerdict::Underestimated { estimated, counted } => {
            answerer
                .calibration
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .learn(estimated, counted);
            if counted.0.saturating_add(request.max_tokens) > answerer.facts.window {
                let message = format!(
                    "the server counted {counted} tokens of prompt where {estimated} were expected, which leaves too little of the window"
                );
                return Some(Failure::new(FailureClass::TooLarge, message));
            }
            let message = format!(
                "the server counted {counted} tokens of prompt where {estimated} were expected; later counts allow for it"
            );
            job.tell.notices.send(Notice::Warning { message });
            None
        }
    }
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
        None => Ok((Json::String(answer::text(answer).to_owned()), Vec::new())),
        Some(Output::Schema(_)) => {
            let Some(schema) = schema else {
                return Ok((Json::String(answer::text(answer).to_owned()), Vec::new()));
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
            let to = allowed(shared, &text(to, scope)?)?;
            let content = answer::file(answer, &to)?;
            Ok((json!({ "file": to, "text": content }), vec![(to, content)]))
        }
        Some(Output::Files(globs)) => {
            let files = answer::files(answer)?;
            let globs = patterns(globs, scope)?;
            let mut written = Vec::with_capacity(files.len());
            for (path, content) in files {
                let path = allowed(shared, &path)?;
                if !globs.iter().any(|glob| glob.matches(&path)) {
                    let message = format!("`{path}` is none of the files that this task may write");
                    return Err(Failure::new(FailureClass::Denied, message));
                }
                written.push((path, content));
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

fn patterns(globs: &OneOrMany<Text>, scope: &Arc<dyn Scope>) -> Result<Vec<glob::Glob>, Failure> {
    globs
        .iter()
        .map(|pattern| {
            let pattern = text(pattern, scope)?;
            glob::Glob::new(&pattern).map_err(|reason| {
                Failure::new(
                    FailureClass::Expression,
                    format!("`{pattern}` is no glob: {reason}"),
                )
            })
        })
        .collect()
}

/// The path inside the workspace, when a model may write it.
pub(super) fn allowed(shared: &Shared, written: &str) -> Result<String, Failure> {
    let denied = |reason: String| Failure::new(FailureClass::Denied, format!("`{written}`: {reason}"));
    let path = path::inside(written)
        .map_err(|error| denied(error.to_string()))?
        .to_string();
    if !may_write(&path, &shared.write_permissions) {
        return Err(denied(
            "the workflow's `permissions: { write }` do not allow a model to write it".to_owned(),
        ));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_given_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(root.join("src")).unwrap();
        std::os::unix::fs::symlink("src", root.join("link")).unwrap();
        let workspace = Workspace::open(root).unwrap();
        let permissions = ["**".to_owned()];
        let given = |paths: &[&str]| -> Vec<(String, String)> {
            let file = |path: &&str| ((*path).to_owned(), "text".to_owned());
            paths.iter().map(file).collect()
        };
        for paths in [["src/a.rs", "src/a.rs"], ["src/a.rs", "link/a.rs"]] {
            let failure = permitted(&workspace, &permissions, &given(&paths)).unwrap_err();
            assert_eq!(failure.class, FailureClass::Unparseable, "{failure:?}");
            assert!(failure.message.contains("twice"), "{failure:?}");
        }
        permitted(&workspace, &permissions, &given(&["src/a.rs", "link/b.rs"])).unwrap();
    }
}
