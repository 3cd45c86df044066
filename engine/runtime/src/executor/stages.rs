//! What every kind that a model drives shares: the prompt is built to fit, the call made, its reply judged.
//!
//! A kind says what it sends and makes of the reply what it is for. Verifying is in `verify`, deciding in the core.

mod call;
mod judge;
mod request;
mod thoughts;
mod tries;
mod usage;

use std::sync::Arc;

use serde_json::Value as Json;
use smallcode_core::context::Section;
use smallcode_core::plan;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::Task;
use smallcode_core::tokens::Tokens;

use super::{Answerer, Answering, Job, Shared, timeout};
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
    /// Whether it can be cut into parts that fit: then a prompt that can't show it whole is too large.
    pub(super) divides: bool,
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
    answerer: Answering<'a>,
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
            answerer: Answering::at(answerer, job, 0),
            profile,
            job,
            made: 0,
        })
    }

    /// The profile that answers.
    pub(super) fn answerer(&self) -> Answering<'a> {
        self.answerer
    }

    /// Counts as the next call of the attempt does.
    fn recount(&mut self) {
        self.answerer = Answering::at(self.answerer.answerer, self.job, self.made);
    }

    /// Which call of the attempt was made last.
    pub(super) fn call_number(&self) -> u32 {
        u32::try_from(self.made).unwrap_or(u32::MAX)
    }

    /// Asks with the context before the first message of the user and what is told of the attempt before in the
    /// last, and gives the whole answer.
    pub(super) async fn reply(&mut self, mut ask: Ask<'_>) -> Result<Reply, Failure> {
        for section in &mut ask.sections {
            self.shared.mask.cover(&mut section.text);
        }
        let mut messages = ask.messages;
        cover(self.shared, &mut messages);
        let (job, schema) = (self.job, ask.schema);
        let build = |answerer| {
            request::build(
                messages.clone(),
                &ask.sections,
                ask.divides,
                answerer,
                schema,
                job,
            )
        };
        let (reply, failure) = self.call(build).await?;
        self.job.said.note(&reply);
        failure.map_or(Ok(reply), Err)
    }

    /// What is sent, its prompt counted by the server where it does: then nothing is left to an estimate. Where that was
    /// too low, the prompt is built anew, by what was learned.
    async fn built(
        &mut self,
        build: &mut impl FnMut(Answering<'a>) -> Result<Asked, Failure>,
    ) -> Result<Asked, Failure> {
        for _ in 0..REBUILT {
            self.recount();
            let step = Step::begin();
            let asked = build(self.answerer)?;
            step.end("prompt built");
            // What a template makes of a tool is not asked for.
            if asked.request.constraint == Constraint::ToolCall {
                return Ok(asked);
            }
            let Answerer {
                counter,
                profile,
                learned,
                ..
            } = self.answerer.answerer;
            let Some(exact) = counter.count(self.client, profile, &asked.request.messages).await else {
                return Ok(asked);
            };
            let estimated = asked.estimate.high;
            if let Some(asked) = asked.exactly(exact, self.answerer) {
                return Ok(asked);
            }
            let counted = Tokens(self.answerer.exactly(exact));
            learned.learn_count(|count| count.learn(estimated, counted, self.answerer.window()));
        }
        let Answerer { profile, facts, .. } = self.answerer.answerer;
        let message = format!(
            "the server of `{}` counts more than its window of {}",
            profile.name, facts.window
        );
        Err(Failure::new(FailureClass::TooLarge, message))
    }

    /// Asks about the work of the attempt: as surely as the model answers, and with nothing told of the attempts
    /// before, which a judge must not know.
    pub(super) async fn question(
        &mut self,
        mut messages: Vec<model::Message>,
        schema: &Json,
    ) -> Result<Reply, Failure> {
        cover(self.shared, &mut messages);
        let job = self.job;
        let build = |answerer| request::question(messages.clone(), answerer, schema, job);
        let (reply, failure) = self.call(build).await?;
        failure.map_or(Ok(reply), Err)
    }

    /// Asks with messages as they are made to fit, and gives the answer, whole or not, and why it is none.
    pub(super) async fn turn<'t>(
        &mut self,
        mut turn: impl FnMut(Answering<'a>) -> Result<Turn<'t>, Failure>,
    ) -> Result<(Reply, Option<Failure>), Failure> {
        let (shared, job) = (self.shared, self.job);
        let build = |answerer| {
            let mut turn = turn(answerer)?;
            cover(shared, &mut turn.messages);
            request::as_it_is(turn, answerer, job)
        };
        let (reply, failure) = self.call(build).await?;
        self.job.said.note(&reply);
        Ok((reply, failure))
    }
}

/// Takes secrets out of what is sent: a file that is shown, or a value in a text, may hold one. They are masked before
/// anything is counted, journaled or told. What a model answers is left as it is: it has seen none.
fn cover(shared: &Shared, messages: &mut [model::Message]) {
    for message in messages {
        shared.mask.cover(&mut message.content);
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
