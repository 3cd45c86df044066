//! One call: a request to a server, its stream to a reply.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::answer_tool::{self, Passed};
use super::chat::{Assembler, Chunk};
use super::classify;
use super::dialect::{self, Dialect, Reader};
use super::error::CallError;
use super::finish::Finish;
use super::http::Client;
use super::lines::Lines;
use super::message::{Reply, Request};
use super::sse::{Decoder, EventTooLarge, MAX_EVENT_BYTES};
use super::watch::{self, Stop, Watch};
use crate::own_time::{self, Step};
use crate::settings::Profile;

/// Bytes of a response at most. Streaming spends about 200 bytes a token, so this is an answer of
/// some 80,000 tokens.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of an error's body that are read.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// How long an error's body may take: the status alone says enough.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// Makes one call and streams its text to `on_text`.
///
/// A reply is whole when the server said why it stopped, or ended the stream as the dialect asks.
/// The text that `on_text` saw of a failed call is void.
///
/// # Errors
///
/// See [`CallError`]; a cancelled `cancel` ends the call at once.
pub async fn call(
    client: &Client,
    profile: &Profile,
    request: &Request,
    cancel: &CancellationToken,
    on_text: &mut (dyn FnMut(&str) + Send),
) -> Result<Reply, CallError> {
    let client = client.for_profile(profile)?;
    let total = profile.timeouts.total;
    let exchange = Exchange {
        profile,
        deadline: after(total),
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(CallError::Cancelled),
        reply = exchange.run(&client, request, on_text) => reply,
    }
}

/// A response without a type is taken for a stream: nothing else was asked for.
fn content_of(response: &reqwest::Response) -> Option<Content> {
    let kind = content_type(response);
    if kind.is_empty() || kind.contains("event-stream") || kind.contains("octet-stream") {
        Some(Content::Events)
    } else if kind.contains("ndjson") {
        Some(Content::Lines)
    } else if kind.contains("json") {
        Some(Content::Json)
    } else {
        None
    }
}

/// One call under way.
struct Exchange<'a> {
    profile: &'a Profile,
    deadline: Instant,
}

/// An answer as it arrives.
struct Answer<'a> {
    reader: Reader,
    assembler: Assembler,
    watch: Watch<'a>,
    on_text: &'a mut (dyn FnMut(&str) + Send),
    /// What the model passes to a tool, where that is the answer.
    passed: Option<Passed>,
    /// How long taking it in has taken.
    own_time: Duration,
}

/// What follows a part of an answer.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    More,
    Stopped,
}

/// What a response claims to be.
#[derive(Clone, Copy, PartialEq)]
enum Content {
    Events,
    /// A JSON value a line.
    Lines,
    Json,
}

/// Cuts a stream into its events.
enum Cutter {
    Events(Decoder),
    Lines(Lines),
}

impl Cutter {
    fn push(&mut self, bytes: &[u8], event: impl FnMut(&str)) -> Result<(), EventTooLarge> {
        match self {
            Self::Events(decoder) => decoder.push(bytes, event),
            Self::Lines(lines) => lines.push(bytes, event),
        }
    }

    fn finish(&mut self, event: impl FnMut(&str)) -> Result<(), EventTooLarge> {
        match self {
            Self::Events(decoder) => decoder.finish(event),
            Self::Lines(lines) => {
                lines.finish(event);
                Ok(())
            }
        }
    }
}

impl Exchange<'_> {
    async fn run(
        &self,
        client: &reqwest::Client,
        request: &Request,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reply, CallError> {
        let first_byte = after(self.profile.timeouts.first_byte);
        let sending = self.post(client, request).send();
        let response = self.in_time(first_byte, "first_byte", sending).await?;
        let response = response.map_err(|error| classify::before_response(self.profile, &error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let model = self.profile.model_name();
        let expect = watch::expectation(request);
        let mut answer = Answer {
            reader: Reader::new(self.profile.dialect),
            assembler: Assembler::default(),
            watch: Watch::new(model, request, expect.as_ref()),
            on_text,
            passed: answer_tool::is_asked(request).then(Passed::default),
            own_time: Duration::ZERO,
        };
        let Some(claimed) = content_of(&response) else {
            return Err(self.no_reply(&response));
        };
        let mut bytes = Incoming::new(self, response, first_byte);
        let content = match claimed {
            // No event begins so.
            Content::Events if bytes.peek().await?.trim_ascii_start().starts_with(b"{") => {
                match self.profile.dialect {
                    Dialect::Ollama => Content::Lines,
                    Dialect::OpenAi | Dialect::Anthropic => Content::Json,
                }
            }
            claimed => claimed,
        };
        match content {
            Content::Json => self.whole(bytes, &mut answer).await?,
            Content::Events => {
                let cutter = Cutter::Events(Decoder::default());
                self.streamed(bytes, cutter, &mut answer).await?;
            }
            Content::Lines => {
                let cutter = Cutter::Lines(Lines::default());
                self.streamed(bytes, cutter, &mut answer).await?;
            }
        }
        let step = Step::begin();
        let taken = answer.own_time;
        let mut reply = answer.assembler.finish(model, request);
        if let Some(passed) = &answer.passed {
            passed.finish(request, &mut reply);
        }
        own_time::log(taken + step.taken(), "answer taken in");
        match &reply.finish {
            Finish::Aborted(reason) => Err(CallError::Aborted {
                host: self.host(),
                reason: classify::excerpt(self.profile, reason),
            }),
            _ => Ok(reply),
        }
    }

    fn post(&self, client: &reqwest::Client, request: &Request) -> reqwest::RequestBuilder {
        let dialect = self.profile.dialect;
        let step = Step::begin();
        let body = dialect::body(self.profile, request);
        step.end("request written");
        client
            .post(dialect.url(self.profile))
            .headers(dialect.headers(self.profile))
            .header(
                ACCEPT,
                "text/event-stream, application/x-ndjson, application/json",
            )
            .header(CONTENT_TYPE, "application/json")
            .body(body)
    }

    /// Awaits something until `limit` or the end of the call, whichever is first.
    async fn in_time<T>(
        &self,
        limit: Instant,
        name: &'static str,
        what: impl Future<Output = T>,
    ) -> Result<T, CallError> {
        let until = limit.min(self.deadline);
        timeout_at(until, what).await.map_err(|_| {
            let host = self.host();
            let timeouts = &self.profile.timeouts;
            if until == self.deadline {
                CallError::TotalTimeout {
                    host,
                    waited: timeouts.total,
                }
            } else {
                let waited = if name == "idle" {
                    timeouts.idle
                } else {
                    timeouts.first_byte
                };
                CallError::Silent {
                    host,
                    waited,
                    limit: name,
                }
            }
        })
    }

    fn host(&self) -> String {
        self.profile.base_url.value.host()
    }

    fn no_reply(&self, response: &reqwest::Response) -> CallError {
        let content = classify::excerpt(self.profile, content_type(response));
        CallError::NotJson200 {
            host: self.host(),
            content: format!("`{content}`"),
        }
    }

    async fn refused(&self, mut response: reqwest::Response) -> CallError {
        let retry_after = classify::retry_after(response.headers(), SystemTime::now());
        let status = response.status().as_u16();
        let limit = Instant::now() + ERROR_BODY_TIME;
        let mut body = Vec::new();
        while let Ok(Ok(Some(bytes))) = self.in_time(limit, "idle", response.chunk()).await {
            body.extend_from_slice(&bytes);
            if body.len() >= MAX_ERROR_BYTES {
                break;
            }
        }
        classify::status(self.profile, status, retry_after, &String::from_utf8_lossy(&body))
    }

    /// Reads the reply of a server that does not stream.
    async fn whole(&self, mut bytes: Incoming<'_>, answer: &mut Answer<'_>) -> Result<(), CallError> {
        let mut body = Vec::new();
        while let Some(chunk) = bytes.next().await? {
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body);
        let chunk = self
            .profile
            .dialect
            .read_whole(&body)
            .ok_or_else(|| CallError::NotJson200 {
                host: self.host(),
                content: classify::excerpt(self.profile, &body),
            })?;
        if self.take(answer, chunk)? == Taken::Stopped || answer.assembler.is_finished() {
            Ok(())
        } else {
            Err(CallError::CutStream { host: self.host() })
        }
    }

    /// Reads a stream to its end, or until the answer is stopped: then the connection is closed, and the server
    /// need not go on.
    async fn streamed(
        &self,
        mut bytes: Incoming<'_>,
        mut cutter: Cutter,
        answer: &mut Answer<'_>,
    ) -> Result<(), CallError> {
        loop {
            let chunk = match bytes.next().await {
                Ok(chunk) => chunk,
                // All was said but the counts.
                Err(CallError::Reset { .. } | CallError::CutStream { .. })
                    if answer.assembler.is_finished() =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let step = Step::begin();
            let taken = self.events(chunk, &mut cutter, answer);
            answer.own_time += step.taken();
            if taken? == Taken::Stopped {
                return Ok(());
            }
        }
    }

    /// Takes in the events that have arrived; the end of the stream is no chunk.
    fn events(
        &self,
        chunk: Option<Bytes>,
        cutter: &mut Cutter,
        answer: &mut Answer<'_>,
    ) -> Result<Taken, CallError> {
        let at_end = chunk.is_none();
        let mut taken = Ok(Taken::More);
        let take = |event: &str| {
            // What follows the end, or a failure, is not looked at.
            if matches!(taken, Ok(Taken::More)) {
                taken = self.event(event, at_end, answer);
            }
        };
        let outcome = match chunk {
            Some(chunk) => cutter.push(&chunk, take),
            None => cutter.finish(take),
        };
        if taken? == Taken::Stopped {
            return Ok(Taken::Stopped);
        }
        outcome.map_err(|EventTooLarge| self.too_large(MAX_EVENT_BYTES))?;
        match (at_end, answer.assembler.is_finished()) {
            (false, _) => Ok(Taken::More),
            (true, true) => Ok(Taken::Stopped),
            (true, false) => Err(CallError::CutStream { host: self.host() }),
        }
    }

    /// Takes in one event; `at_end` is one that nothing ended.
    fn event(&self, event: &str, at_end: bool, answer: &mut Answer<'_>) -> Result<Taken, CallError> {
        if event.trim() == "[DONE]" {
            return Ok(Taken::Stopped);
        }
        match answer.reader.read(event) {
            Some(chunk) => self.take(answer, chunk),
            // The last event of a stream that ends inside it.
            None if at_end => Ok(Taken::More),
            None if event.trim().is_empty() => Ok(Taken::More),
            None => Err(self.malformed(event)),
        }
    }

    fn take(&self, answer: &mut Answer<'_>, mut chunk: Chunk) -> Result<Taken, CallError> {
        if let Some(error) = &chunk.error {
            return Err(classify::in_stream(self.profile, error.status, &error.message));
        }
        if let Some(passed) = &mut answer.passed {
            passed.take(&mut chunk, answer.assembler.said());
        }
        let passed: String = chunk
            .tool_calls
            .iter()
            .map(|call| call.arguments.as_str())
            .collect();
        let (text, thinking) = answer.assembler.push(chunk);
        if !text.is_empty() {
            (answer.on_text)(&text);
        }
        let stop = answer.watch.push(&text, &thinking);
        match stop.or_else(|| answer.watch.pass(&passed)) {
            None => Ok(Taken::More),
            Some(stop) => {
                let kept = answer.watch.complete().filter(|_| stop == Stop::Complete);
                answer.assembler.stop(stop, kept);
                Ok(Taken::Stopped)
            }
        }
    }

    fn malformed(&self, event: &str) -> CallError {
        CallError::Malformed {
            host: self.host(),
            excerpt: classify::excerpt(self.profile, event),
        }
    }

    fn too_large(&self, limit: usize) -> CallError {
        CallError::TooLarge {
            host: self.host(),
            limit,
        }
    }
}

/// The bytes of a response, within its limits of time and size.
struct Incoming<'a> {
    exchange: &'a Exchange<'a>,
    response: reqwest::Response,
    read: usize,
    /// The limit of the first byte; afterwards each has its own.
    first_byte: Option<Instant>,
    /// What was read and not given yet.
    peeked: Option<Bytes>,
}

impl<'a> Incoming<'a> {
    fn new(exchange: &'a Exchange<'a>, response: reqwest::Response, first_byte: Instant) -> Self {
        Self {
            exchange,
            response,
            read: 0,
            first_byte: Some(first_byte),
            peeked: None,
        }
    }

    /// The bytes that come first.
    async fn peek(&mut self) -> Result<&[u8], CallError> {
        self.peeked = self.next().await?;
        Ok(self.peeked.as_deref().unwrap_or_default())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        if let Some(peeked) = self.peeked.take() {
            return Ok(Some(peeked));
        }
        let (limit, name) = match self.first_byte {
            Some(limit) => (limit, "first_byte"),
            None => (after(self.exchange.profile.timeouts.idle), "idle"),
        };
        let chunk = self.exchange.in_time(limit, name, self.response.chunk()).await?;
        let chunk = chunk.map_err(|error| classify::in_body(self.exchange.profile, &error))?;
        self.first_byte = None;
        self.read += chunk.as_ref().map_or(0, Bytes::len);
        if self.read > MAX_RESPONSE_BYTES {
            return Err(self.exchange.too_large(MAX_RESPONSE_BYTES));
        }
        Ok(chunk)
    }
}

/// Returns the instant that is so long from now; a time that no clock can hold is ten years.
fn after(time: Duration) -> Instant {
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + TEN_YEARS)
}

fn content_type(response: &reqwest::Response) -> &str {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
}
