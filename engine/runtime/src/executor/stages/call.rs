//! One call: leave is asked for, the answer streamed, its end journaled; again where the server broke off.

use std::time::Duration;

use smallcode_core::plan::CALL_TRIES;
use smallcode_core::price::Usd;
use smallcode_core::run::{CallUsage, Failure, FailureClass, Notice, Reserve, Sent, Stored, Stream};
use smallcode_core::tokens::Estimate;
use tokio::sync::oneshot;

use super::super::command::in_words;
use super::super::{Answerer, CallEnd, CallRequest, Job, Message, Shared, keep, show, unkept};
use super::Asker;
use super::request::{Asked, SHORT};
use crate::model::{self, CallError, Constraint, Reply, Request, RetryPolicy, UsageVerdict};
use crate::own_time::Step;
use crate::settings::Profile;

impl Asker<'_> {
    /// Makes the call, again where the server broke off; a call that was journaled before a crash is not made again.
    pub(super) async fn call(&mut self, asked: &Asked) -> Result<Reply, Failure> {
        let mut request = asked.request.clone();
        let Self {
            shared,
            client,
            answerer,
            job,
            ..
        } = *self;
        let step = Step::begin();
        let digest = request
            .digest(answerer.profile.model_name())
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
        step.end("request named");
        let policy = RetryPolicy {
            tries: CALL_TRIES,
            seed: u64::from(job.attempt),
            ..RetryPolicy::default()
        };
        let mut tries = 0;
        let mut refused = Vec::new();
        let needed = job.previous.as_deref().is_some_and(is_unreadable) || request.max_tokens <= SHORT;
        loop {
            let constraint = answerer.learned.constraint(&request, needed, &refused);
            let (constraint, (estimate, prompt)) = match asked.kept_by(constraint, answerer) {
                Some(taken) => (constraint, taken),
                None => (Constraint::Nothing, (asked.estimate, asked.prompt)),
            };
            request.constraint = constraint;
            let request = &request;
            let record = job.calls.get(self.made);
            self.made += 1;
            let number = u32::try_from(self.made).unwrap_or(u32::MAX);
            tries += 1;
            if let Some(record) = record {
                let reply = record.reply.as_ref().filter(|_| record.digest == digest);
                if let Some(reply) = reply {
                    return journaled(shared, reply);
                }
                tries = tries.min(CALL_TRIES - 1);
                continue;
            }
            let mut reserve = Reserve {
                prompt,
                completion: request.max_tokens,
                ..Reserve::default()
            };
            if let Some(price) = answerer.facts.price {
                reserve.usd = price.cost(reserve.prompt, 0, reserve.completion);
            }
            let turn = tokio::select! {
                turn = answerer.pool.turn() => turn.ok_or_else(stopped)?,
                () = job.cancel.cancelled() => return Err(stopped()),
            };
            let sent = sent(shared, turn.profile(), request)?;
            granted(job, &self.profile, &digest, reserve, sent, number)
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
            let wait = match (&result, rests) {
                (Ok(reply), _) => {
                    answerer.learned.learn_from(request, reply, &refused);
                    None
                }
                // It may not know these words. What it refuses otherwise, too, is none of their fault.
                (Err(CallError::Rejected { .. }), _)
                    if request.constraint != Constraint::Nothing && tries < CALL_TRIES =>
                {
                    refused.push(request.constraint);
                    Some(Duration::ZERO)
                }
                // Another server need not wait for this one.
                (Err(_), Some(_)) if tries < CALL_TRIES => Some(Duration::ZERO),
                (Err(error), _) => policy.wait_after(tries, error),
            };
            if let Some(rest) = rests {
                let message = format!("{host} failed and rests for {rest:?}; calls go to the other servers");
                job.tell.notices.send(Notice::Warning { message });
            }
            match finish(shared, answerer, request, estimate, reserve, result, number, job).await {
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

/// Has the call journaled and its worst case set aside.
async fn granted(
    job: &Job,
    profile: &str,
    digest: &str,
    reserve: Reserve,
    sent: Option<Sent>,
    call: u32,
) -> Result<(), Failure> {
    let (grant, answer) = oneshot::channel();
    let _ = job.tell.messages.send(Message::Call(CallRequest {
        node: job.node,
        attempt: job.attempt,
        call,
        profile: profile.to_owned(),
        digest: digest.to_owned(),
        reserve,
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

/// Has the end of a call journaled before anything follows from it.
#[expect(
    clippy::too_many_arguments,
    reason = "the facts of one call, put together in one place"
)]
async fn finish(
    shared: &Shared,
    answerer: &Answerer,
    request: &Request,
    estimate: Estimate,
    reserve: Reserve,
    result: Result<Reply, CallError>,
    call: u32,
    job: &Job,
) -> Result<Reply, (Failure, String)> {
    let (reply, mut failure, usage) = match result {
        Ok(mut reply) => {
            // A server may say what it was asked with, and a tool may have let something out.
            for text in reply.texts() {
                shared.mask.cover(text);
            }
            let usage = CallUsage {
                prompt: reply.usage.prompt,
                completion: reply.usage.completion,
                cached: reply.usage.cached,
                estimated: reply.usage.estimated,
                usd: answerer.facts.price.map_or(Usd::ZERO, |price| {
                    let cached = reply.usage.cached.unwrap_or(0);
                    price.cost(reply.usage.prompt, cached, reply.usage.completion)
                }),
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
            // What a broken call used is unknown, and what it costs may be all that was set aside; a server that
            // refused one used nothing.
            let usage = if error.is_before_work() {
                CallUsage::default()
            } else {
                CallUsage {
                    prompt: estimate.high.0,
                    estimated: true,
                    usd: reserve.usd,
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
            let allowed = answerer.learned.learn_count(estimated, counted);
            if counted.0.saturating_add(request.max_tokens) > answerer.facts.window {
                let message = format!(
                    "the server counted {counted} tokens of prompt where {estimated} were expected, which leaves too little of the window"
                );
                return Some(Failure::new(FailureClass::TooLarge, message));
            }
            let then = if allowed {
                "later counts allow for it"
            } else {
                "no way to count explains that, and nothing is learned from it"
            };
            let message = format!(
                "the server counted {counted} tokens of prompt where {estimated} were expected; {then}"
            );
            job.tell.notices.send(Notice::Warning { message });
            None
        }
    }
}
