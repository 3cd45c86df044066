//! `render`: a template to a file.

use std::sync::Arc;

use serde_json::json;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, TaskResult};
use smallcode_core::spec::{Render, RenderSource, Task};
use smallcode_core::template::{Scope, Value};
use smallcode_core::{check, expand, path};

use super::verify::{Subject, Verification};
use super::{Job, Shared, text};
use crate::workspace::FileError;

/// The longest text that is written without another thread: 64 KiB, which takes some tens of microseconds.
const SHORT: usize = 64 * 1024;

/// Renders the template and writes the file.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    render: &Render,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let to = text(&render.to, scope)?;
    let denied = |reason: String| Failure::new(FailureClass::Denied, format!("`{to}`: {reason}"));
    let inside = path::inside(&to).map_err(|error| denied(error.to_string()))?;
    if let Some(folder) = path::kept(inside.as_str()) {
        return Err(denied(check::not_to_write(folder)));
    }
    let to = inside.into_string();
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let mut names = job.names.clone();
    for (name, value) in &render.values {
        names
            .extra
            .push((name.clone(), Value::from_json(expand::data(value, scope)?)));
    }
    let scope = if render.values.is_empty() {
        Arc::clone(scope)
    } else {
        names.scope()
    };
    let written = match &render.template {
        RenderSource::Text(source) => text(source, &scope)?,
        RenderSource::File(file) => {
            let (_, template) = module
                .templates
                .get(&job.task)
                .ok_or_else(|| Failure::new(FailureClass::Internal, "the plan lacks the template"))?;
            template.text(&scope).map_err(|error| {
                let before = template.source().get(..error.range.start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let mut failure = Failure::new(
                    FailureClass::Expression,
                    format!("{}:{line}: {}", file.text, error.message),
                );
                failure.detail = error.help.map(|help| format!("help: {help}")).unwrap_or_default();
                failure
            })?
        }
    };
    let output = json!({ "file": to });
    let subject = (!task.common.verify.is_empty())
        .then(|| Subject::files(output.clone(), &[(to.clone(), written.clone())]));
    if let Some(subject) = &subject {
        verification.result(subject)?;
    }
    write(shared, &to, written)
        .await?
        .map_err(|error| Failure::new(FailureClass::Io, error.to_string()))?;
    if let Some(subject) = &subject {
        verification.workspace(subject, None).await?;
    }
    Ok(TaskResult::value(output))
}

/// Writes the file: a short one from here, as it goes to the page cache, and handing it to another thread costs more
/// than that does.
async fn write(shared: &Shared, to: &str, text: String) -> Result<Result<(), FileError>, Failure> {
    if text.len() <= SHORT {
        return Ok(shared.workspace.write(to, text.as_bytes()));
    }
    let (workspace, to) = (Arc::clone(&shared.workspace), to.to_owned());
    tokio::task::spawn_blocking(move || workspace.write(&to, text.as_bytes()))
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))
}
