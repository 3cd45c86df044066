//! `approve`: what a human is asked.

use std::sync::Arc;

use smallcode_core::run::Failure;
use smallcode_core::spec::Approve;
use smallcode_core::template::Scope;

use super::{Job, Message, Shared, text, unkept};

/// Evaluates the question and has it asked.
pub(super) fn ask(
    shared: &Shared,
    approve: &Approve,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<(), Failure> {
    let message = text(&approve.message, scope)?;
    let diff = match &approve.diff {
        Some(diff) => {
            let diff = text(diff, scope)?;
            let stored = tokio::task::block_in_place(|| shared.host.keep_text(&diff, false));
            Some(stored.map_err(|error| unkept(shared, error))?)
        }
        None => None,
    };
    let _ = job.tell.messages.send(Message::Ask(job.node, message, diff));
    Ok(())
}
