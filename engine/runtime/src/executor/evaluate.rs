//! What is evaluated beside the attempts of tasks: the items of a loop, a condition, what a used workflow gives back.
//!
//! Templates are a user's programs: each is evaluated where it may take its time, not on the threads that wait for many.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use smallcode_core::expand;
use smallcode_core::load::ModuleId;
use smallcode_core::run::{Failure, FailureClass, Outcome, ScopeIndex, TaskResult};
use smallcode_core::scope::Names;

use super::{Job, Message, Shared, explain, finished, keep};

/// Finds the items of a task.
pub async fn expand(shared: Arc<Shared>, scope: ScopeIndex, task: usize, job: Job) {
    let messages = job.tell.messages.clone();
    let found = tokio::task::spawn_blocking(move || {
        let (_, spec) = shared.task(&job)?;
        Some(
            expand::items(&spec.common, &job.names.clone().scope())
                .map_err(|failure| explain(failure, &job.names)),
        )
    })
    .await;
    let _ = messages.send(Message::Expanded(scope, task, settled(found)));
}

/// Evaluates a node's `if`.
pub async fn check(shared: Arc<Shared>, job: Job) {
    let (node, messages) = (job.node, job.tell.messages.clone());
    let found = tokio::task::spawn_blocking(move || {
        let (_, spec) = shared.task(&job)?;
        let condition = &spec.common.condition.as_ref()?.0;
        let truth = condition
            .template
            .truth(&job.names.clone().scope())
            .map_err(|error| {
                let message = format!("in `if: {}`: {}", condition.template.source(), error.message);
                explain(Failure::new(FailureClass::Expression, message), &job.names)
            });
        Some(truth)
    })
    .await;
    let _ = messages.send(Message::Checked(node, settled(found)));
}

/// Evaluates the outputs of a used workflow whose tasks have ended well.
pub async fn leave(shared: Arc<Shared>, job: Job, inner: ModuleId) {
    let (node, attempt, messages) = (job.node, job.attempt, job.tell.messages.clone());
    let host = Arc::clone(&shared.host);
    let found = tokio::task::spawn_blocking(move || {
        let outputs = outputs(&shared, inner, &job.names);
        Some(outputs.and_then(|outputs| keep(&shared, outputs)))
    })
    .await;
    let outcome = match settled(found) {
        Ok(output) => Outcome::Success(TaskResult::of(output)),
        Err(failure) => Outcome::Failure(failure),
    };
    finished(&host, &messages, node, attempt, outcome);
}

/// The outputs of a workflow.
///
/// # Errors
/// When one can't be evaluated.
pub fn outputs(shared: &Shared, module: ModuleId, names: &Names) -> Result<Json, Failure> {
    let scope = names.clone().scope();
    let outputs = &shared.bundle.module(module).loaded.workflow.outputs;
    let mut values = Map::new();
    for (name, output) in outputs {
        let value = expand::data(output, &scope).map_err(|failure| explain(failure, names))?;
        values.insert(name.as_str().to_owned(), value);
    }
    Ok(Json::Object(values))
}

fn settled<T>(found: Result<Option<Result<T, Failure>>, tokio::task::JoinError>) -> Result<T, Failure> {
    match found {
        Ok(Some(result)) => result,
        Ok(None) => Err(Failure::new(FailureClass::Internal, "the plan has no such task")),
        Err(error) => Err(Failure::new(
            FailureClass::Internal,
            format!("the engine failed here; this is a bug: {error}"),
        )),
    }
}
