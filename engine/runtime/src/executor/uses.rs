//! `uses`: the inputs of another workflow. Its tasks are the run's own from then on.

use std::sync::Arc;

use serde_json::Map;
use smallcode_core::expand;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::Uses;
use smallcode_core::template::Scope;

use super::{Job, Message, Shared};

/// Evaluates the inputs and enters the workflow.
pub(super) fn enter(
    shared: &Shared,
    module: &Module,
    uses: &Uses,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let used = module
        .uses
        .get(&job.task)
        .ok_or_else(|| Failure::new(FailureClass::Internal, "the plan lacks the used workflow"))?;
    let wanted = &shared.bundle.module(*used).loaded.workflow.inputs;
    let mut inputs = Map::new();
    for (name, input) in wanted {
        let value = match uses.beside.with.get(name) {
            Some(value) => expand::data(value, scope)?,
            None => input.default.clone().unwrap_or_default(),
        };
        input.check(&value).map_err(|mismatch| {
            Failure::new(
                FailureClass::Expression,
                format!("the input `{name}` of `{}`: {mismatch}", uses.reference.text),
            )
        })?;
        inputs.insert(name.as_str().to_owned(), value);
    }
    let _ = job.tell.messages.send(Message::Entered(job.node, inputs));
    Ok(())
}
