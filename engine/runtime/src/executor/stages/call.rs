//! One call: leave is asked for, the answer streamed, its end journaled; again where the server broke off.

use std::time::{Duration, Instant};

use smallcode_core::run::{Failure, FailureClass, Notice, Reserve, Sent, Stored, Stream};
use tokio::sync::oneshot;

use super::super::command::in_words;
use super::super::{Answerer, Answering, CallEnd, CallRequest, Job, Message, Shared, keep, show, unkept};
use super::request::{Asked, SHORT};
use super::tries::Tries;
use super::usage::{Expected, charged, judge_usage, unanswered, worst_case};
use super::{Asker, judge, thoughts};
use crate::model::{self, CallError, Constraint, Ready, Reply, Request, Turn as PoolTurn};
use crate::own_time::Step;
use crate::settings::Profile;

impl<'a> Asker<'a> {
    /// Makes the call, again where the server broke off, and with the prompt built anew where the server has counted more
    /// of it than was proven to fit; a call that was journaled before a crash is not made again. Gives the answer, and why
    /// it is no whole one.
    pub(super) async fn call(
        &mut self,
        mut build: impl FnMut(Answering<'a>) -> Result<Asked, Failure>,
    ) -> Result<(Reply, Option<Failure>), Failure> {
        let mut asked = self.built(&mut build).await?;
        let Self {
            shared, client, job, ..
        } = *self;
        let answerer = self.answerer.answerer;
        let mut digest = named(&asked.request, answerer)?;
        let mut tries = Tries::new(u64::from(job.attempt), answerer.profile.timeouts.first_byte);
        let mut refused = Vec::new();
        let unread = job.previous.as_deref().is_some_and(is_unreadable);
        loop {
            let mut request = asked.request.clone();
            let needed = unread || request.max_tokens <= SHORT;
            let constraint = answerer.learned.constraint(&request, needed, &refused);
            let (constraint, (estimate, prompt)) = match asked.kept_by(constraint, self.answerer) {
                Some(taken) => (constraint, taken),
                None => (Constraint::Nothing, (asked.estimate, asked.prompt)),
            };
            request.constraint = constraint;
            let request = &request;
            let record = job.calls.get(self.made);
            self.made += 1;
            let number = u32::try_from(self.made).unwrap_or(u32::MAX);
            tries.begin();
            if let Some(record) = record {
                let reply = record.reply.as_ref().filter(|_| record.digest == digest);
                if let Some(reply) = reply {
                    return Ok(judged(journaled(shared, reply)?, &asked, answerer, job));
                }
                tries.was_made();
                // As it was then: its prompt may have been built anew.
                asked = self.built(&mut build).await?;
                digest = named(&asked.request, answerer)?;
                continue;
            }
            let reserve = worst_case(prompt, request, answerer);
            let turn = self.server(tries.longest_wait()).await?;
            let sent = sent(shared, turn.profile(), request)?;
            self.granted(&digest, reserve, sent, number)
                .await
                .map_err(|failure| asked.counted_by(turn.profile(), failure))?;
            let mut on_text = |text: &str| {
                if job.tell.notices.wanted() {
                    show(job, Stream::Answer, text.to_owned());
                }
            };
            let result = model::call(client, turn.profile(), request, &job.cancel, &mut on_text).await;
            let rests = turn.ended(result.as_ref().err());
            let host = turn.profile().base_url.value.host();
            drop(turn);
            if let Ok(reply) = &result {
                answerer.learned.learn_from(request, reply, &refused);
            }
            let wait = match result.as_ref().err() {
                // It may not know these words. What it refuses otherwise, too, is none of their fault.
                Some(CallError::Rejected { .. })
                    if request.constraint != Constraint::Nothing && tries.are_left() =>
                {
                    refused.push(request.constraint);
                    Some(Wait::default())
                }
                error => error.and_then(|error| wait_after(error, rests, answerer, &mut tries)),
            };
            if let Some(rest) = rests.filter(|rest| rest.is_new) {
                let time = model::whole_seconds(rest.time);
                tell(
                    job,
                    format!("{host} failed and rests for {time}; calls go to the other servers"),
                );
            }
            let expected = Expected {
                estimate,
                exact: asked.exact,
                reserve,
            };
            let unmade = match finish(shared, answerer, request, expected, result, number, job).await {
                Ok(reply) => return Ok(judged(reply, &asked, answerer, job)),
                Err(unmade) => unmade,
            };
            match (unmade.cure, wait) {
                (Cure::Wait, Some(wait)) => {
                    tell_again(job, unmade.because, wait.pause);
                    pause(wait.pause, job).await?;
                    if let Some(left) = wait.load {
                        self.loaded(&host, left).await?;
                    }
                }
                (Cure::Recount, _) if tries.are_left() => {
                    tell_again(job, unmade.because, Duration::ZERO);
                    asked = self.built(&mut build).await?;
                    digest = named(&asked.request, answerer)?;
                }
                _ => return Err(unmade.failure),
            }
        }
    }
}

impl<'a> Asker<'a> {
    /// Waits for the turn of a server that is well; until the first is, where all of them rest.
    async fn server(&self, longest_wait: Duration) -> Result<PoolTurn<'a>, Failure> {
        let (pool, job) = (&self.answerer.answerer.pool, self.job);
        while let Ready::In(wait, host) = pool.ready() {
            let because = format!(
                "all servers of `{}` rest, {host} for the shortest time",
                self.profile
            );
            if wait > longest_wait {
                let message = format!(
                    "{because}: for {}; run this again then",
                    model::whole_seconds(wait)
                );
                return Err(Failure::new(FailureClass::Refused, message));
            }
            tell_again(job, because, wait);
            pause(wait, job).await?;
        }
        tokio::select! {
            turn = pool.turn() => turn.ok_or_else(stopped),
            () = job.cancel.cancelled() => Err(stopped()),
        }
    }
}

impl Asker<'_> {
    /// Waits until the server has loaded its model, by what it answers to questions: each call is journaled.
    async fn loaded(&self, host: &str, left: Duration) -> Result<(), Failure> {
        let Answerer { profile, told, .. } = self.answerer.answerer;
        let message = format!(
            "{host} is loading its model; it is waited for up to {}",
            model::whole_seconds(profile.timeouts.first_byte)
        );
        if told.is_first(&message) {
            tell(self.job, message);
        }
        tokio::select! {
            () = model::discover::loaded(self.client, profile, left) => Ok(()),
            () = self.job.cancel.cancelled() => Err(stopped()),
        }
    }

    /// Has the call journaled and its worst case set aside.
    async fn granted(
        &self,
        digest: &str,
        reserve: Reserve,
        sent: Option<Sent>,
        call: u32,
    ) -> Result<(), Failure> {
        let job = self.job;
        let (grant, answer) = oneshot::channel();
        let _ = job.tell.messages.send(Message::Call(CallRequest {
            node: job.node,
            attempt: job.attempt,
            call,
            profile: self.profile.clone(),
            digest: digest.to_owned(),
            reserve,
            counting: self.answerer.counting,
            sent,
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
}

/// What is waited for before a call is made again.
#[derive(Default)]
struct Wait {
    pause: Duration,
    /// How long the server may load its model then.
    load: Option<Duration>,
}

/// The wait after a failure, where another try may help; `rests` is that of the server.
fn wait_after(
    error: &CallError,
    rests: Option<model::Rest>,
    answerer: &Answerer,
    tries: &mut Tries,
) -> Option<Wait> {
    let plain = |pause| Wait { pause, load: None };
    if rests.is_some() {
        let (ready, others) = (answerer.pool.ready(), answerer.pool.others());
        let pause = tries.wait_for_pool(error, &ready, others, Instant::now());
        return pause.map(plain);
    }
    if error.is_loading() {
        let (pause, left) = tries.wait_for_load(Instant::now())?;
        let load = Some(left);
        return Some(Wait { pause, load });
    }
    tries.wait(error).map(plain)
}

pub(super) fn tell(job: &Job, message: String) {
    job.tell.notices.send(Notice::Warning { message });
}

fn tell_again(job: &Job, because: String, wait: Duration) {
    job.tell.notices.send(Notice::CallRetried {
        node: job.id.clone(),
        because,
        delay: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
    });
}

/// A call that gave no answer.
struct Unmade {
    failure: Failure,
    /// Why, in the words of the server.
    because: String,
    cure: Cure,
}

/// What may help a call that gave no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Another try, if its error says so.
    Wait,
    /// A prompt that is built by what was learned just now.
    Recount,
    Nothing,
}

impl Unmade {
    fn hopeless(failure: Failure) -> Self {
        Self {
            because: String::new(),
            cure: Cure::Nothing,
            failure,
        }
    }
}

/// The name of a request, by which its answer is found again.
fn named(request: &Request, answerer: &Answerer) -> Result<String, Failure> {
    let step = Step::begin();
    let digest = request
        .digest(answerer.profile.model_name())
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    step.end("request named");
    Ok(digest)
}

/// An answer, and why it is no whole one.
fn judged(mut reply: Reply, asked: &Asked, answerer: &Answerer, job: &Job) -> (Reply, Option<Failure>) {
    if thoughts::take_answer(&mut reply, &asked.request) {
        let message = format!(
            "the server of `{}` files the answer under the model's thoughts; it is read from there",
            answerer.profile.name
        );
        if answerer.told.is_first(&message) {
            tell(job, message);
        }
    }
    let failure = judge::whole(&reply, &asked.request, asked.room).err();
    (reply, failure)
}

/// A reply of before a crash.
fn journaled(shared: &Shared, reply: &Stored) -> Result<Reply, Failure> {
    let json = shared
        .host
        .json(reply)
        .map_err(|reason| Failure::new(FailureClass::Io, reason))?;
    serde_json::from_value(json).map_err(|error| {
        let message = format!("a journaled reply can't be read: {error}");
        Failure::new(FailureClass::Io, message)
    })
}

/// Whether the answer before was none that could be read.
fn is_unreadable(failure: &Failure) -> bool {
    matches!(
        failure.class,
        FailureClass::Unparseable | FailureClass::SchemaMismatch | FailureClass::Empty
    )
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

/// What of a call leaves this machine, kept before it does.
fn sent(shared: &Shared, profile: &Profile, request: &Request) -> Result<Option<Sent>, Failure> {
    if !profile.leaves_machine() {
        return Ok(None);
    }
    let body = model::body(profile, request);
    let hash = shared
        .host
        .blobs()
        .put(&body)
        .map_err(|error| unkept(shared, error))?;
    Ok(Some(Sent {
        host: profile.base_url.value.host(),
        body: Stored::Text {
            blob: hash.to_string(),
            bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
            cut: false,
        },
    }))
}

/// Has the end of a call journaled before anything follows from it.
async fn finish(
    shared: &Shared,
    answerer: &Answerer,
    request: &Request,
    expected: Expected,
    result: Result<Reply, CallError>,
    call: u32,
    job: &Job,
) -> Result<Reply, Unmade> {
    let mut cure = Cure::Wait;
    let (reply, mut failure, usage) = match result {
        Ok(mut reply) => {
            // A server may say what it was asked with, and a tool may have let something out.
            for text in reply.texts() {
                shared.mask.cover(text);
            }
            if let Some(mut message) = judge::unknown(&reply) {
                shared.mask.cover(&mut message);
                if answerer.told.is_first(&message) {
                    tell(job, message);
                }
            }
            let usage = charged(answerer, request, &reply, job);
            (Some(reply), None, usage)
        }
        Err(CallError::Cancelled) => return Err(Unmade::hopeless(stopped())),
        Err(error) => {
            let class = match &error {
                error if error.is_unreachable() => FailureClass::NoModel,
                CallError::TooLong { .. } => FailureClass::TooLarge,
                // Another attempt would come too early as well.
                error if error.wants_long_rest() => FailureClass::Refused,
                CallError::Unauthorized { .. } | CallError::Rejected { .. } => FailureClass::Refused,
                _ => FailureClass::Transport,
            };
            let usage = unanswered(&error, expected.reserve);
            (None, Some(Failure::new(class, in_words(&error))), usage)
        }
    };
    if let Some(reply) = &reply
        && let Some(judged) = judge_usage(answerer, request, &expected, reply)
    {
        (failure, cure) = (Some(judged.0), judged.1);
    }
    let stored = match (&reply, &failure) {
        (Some(reply), None) => {
            let json = serde_json::to_value(reply).unwrap_or_default();
            Some(keep(shared, json).map_err(Unmade::hopeless)?)
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
        return Err(Unmade::hopeless(stopped()));
    }
    match (reply, failure) {
        (Some(reply), None) => Ok(reply),
        (_, failure) => {
            let failure = failure.unwrap_or_else(stopped);
            Err(Unmade {
                because: failure.message.clone(),
                failure,
                cure,
            })
        }
    }
}
