//! What the journal knows of the tools of an agent: each that ran, and before that each that can't be taken back.
//!
//! Who takes an attempt up has its files as they were before it. Tools that look, and those that write files, are run
//! again: the same answers of the model lead to the same files. A command is not: what the model was told of it lies in
//! the journal, and what stood in the files when it had ended beside the run.

use serde_json::Value as Json;
use smallcode_core::run::{Failure, FailureClass, ToolPlace, ToolResult};
use smallcode_core::tool::read::ToolCall;
use tokio::sync::oneshot;

use super::super::{Message, ToolEnd, ToolStart, keep, writes};
use super::toolbox::{Outcome, Toolbox};

/// How much of what a model is told stands in the event, in characters: enough to see what came of it.
const TOLD: usize = 160;

impl Toolbox<'_> {
    /// Has the journal know of a tool that can't be taken back, before it begins.
    pub(super) async fn leave(&self, call: &ToolCall, place: ToolPlace) -> Result<(), Failure> {
        let stopped = || Failure::new(FailureClass::Cancelled, "it was stopped");
        let (grant, granted) = oneshot::channel();
        let start = ToolStart {
            node: self.job.node,
            attempt: self.job.attempt,
            place,
            does: self.masked(call.label()),
            grant,
        };
        let _ = self.job.tell.messages.send(Message::ToolStart(start));
        tokio::select! {
            granted = granted => granted.map_err(|_| stopped()),
            () = self.job.cancel.cancelled() => Err(stopped()),
        }
    }

    /// What the model was told of a tool that ran before a crash, and whether it ended well; what it left is put in
    /// place.
    pub(super) async fn done_before(&self, place: ToolPlace) -> Result<Option<(String, bool)>, Failure> {
        let record = self.job.tools.get(&place);
        let Some((ended, left)) = record.and_then(|record| record.ended.zip(record.left.as_ref())) else {
            return Ok(None);
        };
        let unread = |reason| Failure::new(FailureClass::Io, reason);
        let Json::String(text) = self.shared.host.json(&left.text).map_err(unread)? else {
            let reason = "what a journaled tool has left can't be read";
            return Err(unread(reason.to_owned()));
        };
        if let Some(kept) = &left.kept {
            writes::left_again(self.shared, self.job, kept).await?;
        }
        Ok(Some((text, ended)))
    }

    /// Keeps what a tool has left that can't be taken back.
    pub(super) async fn left(&self, place: ToolPlace, text: &str) -> Result<ToolResult, Failure> {
        let (call, number) = place;
        let of = format!("{} {} after {call}.{number}", self.job.id, self.job.attempt);
        let kept = writes::keep_left(self.shared, self.job, of).await?;
        let text = keep(self.shared, Json::String(self.masked(text.to_owned())))?;
        Ok(ToolResult { text, kept })
    }

    /// Has the journal know what came of a tool, unless it does.
    pub(super) fn ended(
        &self,
        call: &ToolCall,
        place: ToolPlace,
        outcome: &Outcome,
        left: Option<ToolResult>,
    ) {
        if self
            .job
            .tools
            .get(&place)
            .is_some_and(|record| record.ended.is_some())
        {
            return;
        }
        let first = outcome.text.lines().find(|line| !line.trim().is_empty());
        let told: String = first.unwrap_or_default().chars().take(TOLD).collect();
        let end = ToolEnd {
            node: self.job.node,
            attempt: self.job.attempt,
            place,
            does: self.masked(call.label()),
            did: outcome.did,
            told: self.masked(told),
            left,
        };
        // The dispatcher is gone only when the run is.
        let _ = self.job.tell.messages.send(Message::ToolEnd(end));
    }

    fn masked(&self, mut text: String) -> String {
        self.shared.mask.cover(&mut text);
        text
    }
}
