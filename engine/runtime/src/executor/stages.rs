//! What every kind that a model drives shares: the prompt is built to fit, the call made, its reply judged.
//!
//! A kind says what it sends and makes of the reply what it is for. Verifying is in `verify`, deciding in the core.

mod call;
mod judge;
mod request;

use std::sync::Arc;

use serde_json::Value as Json;
use smallcode_core::context::Section;
use smallcode_core::plan;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::Task;
use smallcode_core::tokens::Tokens;

use super::{Answerer, Job, Shared, timeout};
use crate::model::{self, Constraint, Offered, Reply};
use crate::own_time::Step;

use self::request::Asked;
pub(super) use self::request::wanted;

/// How often a prompt is built anew because the server counts more than we do.
const REBUILT: usize = 3;

/// What a kind sends.
pub(super) struct Ask<'a> {
    /// The chat: what is the same for all first, the instruction last.
    pub(super) messages: Vec<model::Message>,
    /// What the model is shown before the instruction, as whole as the window allows.
    pub(super) sections: Vec<Section>,
    /// A JSON Schema that the server is asked to enforce.
    pub(super) schema: Option<&'a Json>,
}

/// One step of a conversation.
#[derive(Clone)]
pub(super) struct Turn<'a> {
    /// All that is said, made to fit by the caller.
    pub(super) messages: Vec<model::Message>,
    /// A JSON Schema that the server is asked to enforce.
    pub(super) schema: Option<&'a Json>,
    /// The most tokens of the answer, where that is less than usual.
    pub(super) most: Option<u64>,
    /// What ends the answer.
    pub(super) stop: Vec<String>,
    /// The tools that the messages offer.
    pub(super) offered: Offered,
}

/// One attempt's way to its model.
pub(super) struct Asker<'a> {
    shared: &'a Arc<Shared>,
    client: &'a model::Client,
    answerer: &'a Answerer,
    profile: String,
    job: &'a Job,
    /// How many calls the attempt has made, those before a crash included.
    made: usize,
}

impl<'a> Asker<'a> {
    /// The way to the profile of a task.
    pub(super) fn new(shared: &'a Arc<Shared>, task: &Task, job: &'a Job) -> Result<Self, Failure> {
        let profile = match &shared.escalation {
            Some(escalation) if job.manner.escalated => {
                escalation.profile_of(task).unwrap_or_default().to_owned()
            }
            _ => plan::profile_of(&shared.bundle, &task.common),
        };
        let (Some(answerer), Some(client)) = (shared.profiles.get(&profile), shared.client.as_ref()) else {
            return Err(Failure::new(
                FailureClass::Internal,
                format!("the profile `{profile}` was not prepared"),
            ));
        };
        Ok(Self {
            shared,
            client,
            answerer,
            profile,
            job,
            made: 0,
        })
    }

    /// The profile that answers.
    pub(super) fn answerer(&self) -> &'a Answerer {
        self.answerer
    }

    /// Which call of the attempt was made last.
    pub(super) fn call_number(&self) -> u32 {
        u32::try_from(self.made).unwrap_or(u32::MAX)
    }

    /// Asks with the context before the first message of the user and what is told of the attempt before in the
    /// last, and gives the whole answer.
    pub(super) async fn reply(&mut self, mut ask: Ask<'_>) -> Result<Reply, Failure> {
        let step = Step::begin();
        for section in &mut ask.sections {
            self.shared.mask.cover(&mut section.text);
        }
        let messages = self.masked(ask.messages);
        let (answerer, job) = (self.answerer, self.job);
        let build = || request::build(messages.clone(), &ask.sections, answerer, ask.schema, job);
        let asked = build()?;
        step.end("prompt built");
        let (reply, failure) = self.call(asked, build).await?;
        self.job.said.note(&reply);
        failure.map_or(Ok(reply), Err)
    }

    /// What is sent, its prompt counted by the server where it does: then nothing is left to an estimate. Where that was
    /// too low, the prompt is built anew, by what was learned.
    async fn counted(
        &self,
        mut asked: Asked,
        build: &impl Fn() -> Result<Asked, Failure>,
    ) -> Result<Asked, Failure> {
        let Answerer {
            counter,
            profile,
            learned,
            facts,
            ..
        } = self.answerer;
        for _ in 0..REBUILT {
            // What a template makes of a tool is not asked for.
            if asked.request.constraint == Constraint::ToolCall {
                return Ok(asked);
            }
            let Some(exact) = counter.count(self.client, profile, &asked.request.messages).await else {
                return Ok(asked);
            };
            let estimated = asked.estimate.high;
            if let Some(asked) = asked.exactly(exact, self.answerer) {
                return Ok(asked);
            }
            learned.learn_count(estimated, Tokens(learned.exactly(exact)), facts.window);
            asked = build()?;
        }
        let message = format!(
            "the server of `{}` counts more than its window of {}",
            profile.name, facts.window
        );
        Err(Failure::new(FailureClass::TooLarge, message))
    }

    /// What is sent, without secrets: a file that is shown, or a value in a text, may hold one. They are masked before
    /// anything is counted, journaled or told. What a model answers is left as it is: it has seen none.
    fn masked(&self, mut messages: Vec<model::Message>) -> Vec<model::Message> {
        for message in &mut messages {
            self.shared.mask.cover(&mut message.content);
        }
        messages
    }

    /// Asks about the work of the attempt: as surely as the model answers, and with nothing told of the attempts
    /// before, which a judge must not know.
    pub(super) async fn question(
        &mut self,
        messages: Vec<model::Message>,
        schema: &Json,
    ) -> Result<Reply, Failure> {
        let messages = self.masked(messages);
        let (answerer, job) = (self.answerer, self.job);
        let build = || request::question(messages.clone(), answerer, schema, job);
        let (reply, failure) = self.call(build()?, build).await?;
        failure.map_or(Ok(reply), Err)
    }

    /// Asks with messages as they are, and gives the answer, whole or not, and why it is none.
    pub(super) async fn turn(&mut self, mut turn: Turn<'_>) -> Result<(Reply, Option<Failure>), Failure> {
        turn.messages = self.masked(turn.messages);
        let (answerer, job) = (self.answerer, self.job);
        let build = || request::as_it_is(turn.clone(), answerer, job);
        let (reply, failure) = self.call(build()?, build).await?;
        self.job.said.note(&reply);
        Ok((reply, failure))
    }
}

/// Reads what an answer holds, and logs what that took.
pub(super) fn read<T>(read: impl FnOnce() -> T) -> T {
    let step = Step::begin();
    let value = read();
    step.end("answer read");
    value
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
