//! `judge`: a yes-or-no question to a model, for what no command can check.
//!
//! The question is a call of the attempt like any other: journaled, counted, and of its budget. It never passes by
//! default: an answer that is neither yes nor no is no.

use std::time::Duration;

use serde_json::{Value as Json, json};
use smallcode_core::instruction;
use smallcode_core::run::{Failure, FailureClass, Notice};
use smallcode_core::spec::Text;

use super::super::edit::section;
use super::super::stages::Asker;
use super::super::{Message, text};
use super::{Subject, Verification, refused};
use crate::answer;
use crate::model::{self, Role};

/// How much of the question is told, in characters: a line of a screen.
const TOLD_CHARS: usize = 80;

/// How much of a reason is told, in characters: the one sentence that was asked for.
const REASON_CHARS: usize = 300;

impl Verification<'_> {
    /// A model answers a question about the work with yes.
    pub(super) async fn says_yes(
        &self,
        question: &Text,
        subject: &Subject,
        asker: &mut Asker<'_>,
    ) -> Result<(), Failure> {
        let question = text(question, &self.scope(subject))?;
        let work: Vec<String> = subject
            .texts
            .iter()
            .map(|(file, text)| section(file.as_deref().unwrap_or("the result"), Some(text)))
            .collect();
        let messages = vec![
            model::Message::new(Role::System, instruction::JUDGE),
            model::Message::new(
                Role::User,
                format!("{}\n\nQuestion: {question}", work.join("\n\n")),
            ),
        ];
        let schema = schema();
        let asked = asker.question(messages, &schema);
        let reply = match self.left() {
            None => asked.await,
            Some(left) => tokio::time::timeout(left, asked).await.unwrap_or_else(|_| {
                let message = "the attempt's timeout was over before the judge had answered";
                Err(Failure::new(FailureClass::TimedOut, message))
            }),
        };
        let question: String = question.chars().take(TOLD_CHARS).collect();
        let reply = reply.map_err(|failure| {
            if failure.class.is_of_the_answer() {
                // It was not the answer of the attempt that was empty, or cut.
                self.unclear(&question, &failure.message)
            } else {
                failure
            }
        })?;
        let (value, repairs) = answer::value(&reply.text, &schema);
        if !repairs.is_empty() {
            let job = self.job;
            // The dispatcher is gone only when the run is.
            let _ = job
                .tell
                .messages
                .send(Message::Read(job.node, job.attempt, repairs));
        }
        let value = match value {
            Ok(value) => value,
            Err(failure) => bare(&reply.text).ok_or_else(|| self.unclear(&question, &failure.message))?,
        };
        match value.get("answer").and_then(Json::as_str) {
            Some("yes") => Ok(()),
            Some("no") => {
                let mut failure = refused(format!("the answer to `{question}` is no"));
                let reason = value.get("reason").and_then(Json::as_str).unwrap_or_default();
                failure.detail = reason.chars().take(REASON_CHARS).collect();
                Err(failure)
            }
            _ => Err(self.unclear(&question, "it is neither yes nor no")),
        }
    }

    /// An answer that decides nothing. What was wrong with it is told to the user: the model whose work was judged would
    /// take it for what its own answer should have been.
    fn unclear(&self, question: &str, why: &str) -> Failure {
        let message = format!("{}: the judge was to answer yes or no: {why}", self.job.id);
        self.job.tell.notices.send(Notice::Warning { message });
        refused(format!("the judge gave no clear answer to `{question}`"))
    }

    /// What is left of the attempt's time, where it is limited.
    fn left(&self) -> Option<Duration> {
        let limit = self.task.common.timeout.map(|timeout| timeout.0)?;
        Some(limit.saturating_sub(self.started.elapsed()))
    }
}

/// What the server is asked to enforce.
fn schema() -> Json {
    json!({
        "type": "object",
        "properties": { "reason": { "type": "string" }, "answer": { "enum": ["yes", "no"] } },
        "required": ["reason", "answer"],
        "additionalProperties": false,
    })
}

/// The answer of one that says nothing but the word.
fn bare(reply: &str) -> Option<Json> {
    let word = answer::text(reply).trim_end_matches(['.', '!']).to_lowercase();
    matches!(word.as_str(), "yes" | "no").then(|| json!({ "answer": word }))
}
