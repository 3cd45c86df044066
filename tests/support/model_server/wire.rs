//! HTTP/1.1 and the OpenAI chat dialect, with the faults put in.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::script::{Answer, Fault, Reported};
use super::{RecordedRequest, messages};

/// Whether a path is asked for an answer of a model: in the `OpenAI` dialect, Anthropic's, or Ollama's.
pub(super) fn is_call(path: &str) -> bool {
    matches!(path, "/v1/chat/completions" | messages::ROUTE | OLLAMA)
}

/// Ollama's own chat.
const OLLAMA: &str = "/api/chat";

/// Characters of text in one event.
pub(super) const EVENT_CHARS: usize = 8;

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    /// What was read and not used yet.
    buffer: Vec<u8>,
}

/// How the end of a body is told.
#[derive(Clone, Copy, PartialEq)]
enum Framing {
    Chunked,
    /// By closing the connection.
    Close,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Reads a request; nothing when the client is done.
    pub(super) async fn read_request(&mut self) -> io::Result<Option<RecordedRequest>> {
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            if !self.fill().await? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(self.buffer.get(..head_end).unwrap_or_default()).into_owned();
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers: std::collections::BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let body_start = head_end + 4;
        while self.buffer.len() < body_start + length {
            if !self.fill().await? {
                return Ok(None);
            }
        }
        let rest = self.buffer.split_off(body_start + length);
        let whole = std::mem::replace(&mut self.buffer, rest);
        let body = serde_json::from_slice(whole.get(body_start..).unwrap_or_default());
        Ok(Some(RecordedRequest {
            method,
            path,
            headers,
            body: body.unwrap_or(Value::Null),
        }))
    }

    async fn fill(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// Writes a JSON body with its length.
    pub(super) async fn write_json(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> io::Result<()> {
        self.write_text(status, "application/json", headers, &body.to_string())
            .await
    }

    async fn write_text(
        &mut self,
        status: u16,
        kind: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<()> {
        let extra: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let extra = extra.concat();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} scripted\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{extra}\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(body.as_bytes()).await
    }

    /// Writes an answer with its faults; tells whether the connection can be used again.
    pub(super) async fn write_answer(
        &mut self,
        request: &RecordedRequest,
        answer: &Answer,
    ) -> io::Result<bool> {
        for fault in &answer.faults {
            match fault {
                Fault::Delay(time) => tokio::time::sleep(*time).await,
                Fault::Reset { after_bytes: 0 } => return self.reset(),
                Fault::Status {
                    status,
                    retry_after,
                    body,
                } => {
                    let headers: Vec<(&str, &str)> = retry_after
                        .iter()
                        .map(|value| ("retry-after", value.as_str()))
                        .collect();
                    self.write_text(*status, "application/json", &headers, body)
                        .await?;
                    return Ok(true);
                }
                Fault::Body { kind, body } => {
                    self.write_text(200, kind, &[], body).await?;
                    return Ok(true);
                }
                Fault::Html200 => {
                    let page = "<!doctype html><title>Welcome</title>";
                    self.write_text(200, "text/html", &[], page).await?;
                    return Ok(true);
                }
                _ => {}
            }
        }
        let streams = request.body["stream"] == true && !answer.faults.contains(&Fault::WholeJson);
        if !streams {
            self.write_json(200, &[], &whole(request, answer)).await?;
            return Ok(true);
        }
        self.stream_answer(request, answer).await
    }

    async fn stream_answer(&mut self, request: &RecordedRequest, answer: &Answer) -> io::Result<bool> {
        let mut framing = Framing::Chunked;
        let mut piece = usize::MAX;
        let mut stop = None;
        let mut reset = false;
        let mut stall = None;
        for fault in &answer.faults {
            match *fault {
                Fault::Cut { after_bytes } => (framing, stop) = (Framing::Close, Some(after_bytes)),
                Fault::CutFrame { after_bytes } => stop = Some(after_bytes),
                Fault::Reset { after_bytes } => (reset, stop) = (true, Some(after_bytes)),
                Fault::Stall { after_events } => stall = Some(after_events),
                Fault::Pieces { bytes } => piece = bytes.max(1),
                _ => {}
            }
        }
        let mut events = events(request, answer);
        let endless = answer.faults.iter().find_map(|fault| match fault {
            Fault::Endless { text } => Some(json!({ "content": text })),
            Fault::EndlessThinking { text } => Some(json!({ "reasoning_content": text })),
            _ => None,
        });
        if endless.is_some() {
            // What ends an answer never comes.
            events.retain(|event| event.contains("\"finish_reason\":null"));
        }
        if let Some(after) = stall {
            events.truncate(after);
        }
        let mut body = events.concat().into_bytes();
        if let Some(after) = stop {
            body.truncate(after);
        }

        let transfer = match framing {
            Framing::Chunked => "transfer-encoding: chunked",
            Framing::Close => "connection: close",
        };
        let kind = if request.path == OLLAMA {
            "application/x-ndjson"
        } else {
            "text/event-stream"
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{transfer}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        for bytes in body.chunks(piece.min(body.len().max(1))) {
            self.write_piece(framing, bytes).await?;
        }
        if let Some(delta) = endless {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
            let event = format!("data: {}\n\n", json!({ "choices": [choice] }));
            // A client that had enough closes the connection, and writing fails.
            loop {
                self.write_piece(framing, event.as_bytes()).await?;
            }
        }
        if stall.is_some() {
            std::future::pending::<()>().await;
        }
        if reset {
            // The client shall read what was sent before the reset drops it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return self.reset();
        }
        if stop.is_some() {
            self.stream.shutdown().await?;
            return Ok(false);
        }
        self.stream.write_all(b"0\r\n\r\n").await?;
        Ok(true)
    }

    async fn write_piece(&mut self, framing: Framing, bytes: &[u8]) -> io::Result<()> {
        let framed = match framing {
            Framing::Chunked => [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
            Framing::Close => bytes.to_vec(),
        };
        self.stream.write_all(&framed).await?;
        // Lets the client see pieces one by one rather than all at once.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Makes the close that follows a reset.
    fn reset(&self) -> io::Result<bool> {
        self.stream.set_zero_linger()?;
        Ok(false)
    }
}

/// The text of an answer, with a fault of size.
pub(super) fn text_of(answer: &Answer) -> String {
    let huge = answer.faults.iter().find_map(|fault| match fault {
        Fault::HugeAnswer { bytes } => Some(*bytes),
        _ => None,
    });
    huge.map_or_else(|| answer.text.clone(), |bytes| "x".repeat(bytes))
}

/// The events of a streamed answer.
fn events(request: &RecordedRequest, answer: &Answer) -> Vec<String> {
    match request.path.as_str() {
        messages::ROUTE => return messages::events(request, answer),
        OLLAMA => return ollama_lines(request, answer),
        _ => {}
    }
    let model = &request.body["model"];
    let event = |value: &Value| format!("data: {value}\n\n");
    let delta = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        event(
            &json!({ "id": "scripted", "object": "chat.completion.chunk", "model": model, "choices": [choice] }),
        )
    };
    let mut events = vec![delta(json!({ "role": "assistant" }), Value::Null)];
    for fault in &answer.faults {
        match fault {
            Fault::MalformedSse => events.push("data: {\"choices\": [oh no\n\n".to_owned()),
            Fault::ErrorInStream(error) => events.push(event(&json!({ "error": error }))),
            _ => {}
        }
    }
    let text = text_of(answer);
    // A huge answer goes out in large events, or its test would take long.
    let size = if text.len() > 100_000 {
        64 * 1024
    } else {
        EVENT_CHARS
    };
    events.extend(
        parts(&answer.thinking, size).map(|part| delta(json!({ "reasoning_content": part }), Value::Null)),
    );
    events.extend(parts(&text, size).map(|part| delta(json!({ "content": part }), Value::Null)));
    for (index, (name, arguments)) in answer.tool_calls.iter().enumerate() {
        let head = json!({ "index": index, "id": format!("call_{index}"), "type": "function",
            "function": { "name": name, "arguments": "" } });
        events.push(delta(json!({ "tool_calls": [head] }), Value::Null));
        events.extend(parts(arguments, size).map(|part| {
            let piece = json!({ "index": index, "function": { "arguments": part } });
            delta(json!({ "tool_calls": [piece] }), Value::Null)
        }));
    }
    if !answer.finish.is_empty() {
        events.push(delta(json!({}), answer.finish.as_str().into()));
    }
    if request.body["stream_options"]["include_usage"] == true
        && let Some(usage) = usage(request, answer)
    {
        events.push(event(
            &json!({ "id": "scripted", "model": model, "choices": [], "usage": usage }),
        ));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The lines of a streamed answer of Ollama.
fn ollama_lines(request: &RecordedRequest, answer: &Answer) -> Vec<String> {
    let model = &request.body["model"];
    let line = |message: Value| {
        format!(
            "{}\n",
            json!({ "model": model, "message": message, "done": false })
        )
    };
    let mut lines: Vec<String> = parts(&answer.thinking, EVENT_CHARS)
        .map(|part| line(json!({ "role": "assistant", "content": "", "thinking": part })))
        .collect();
    lines.extend(
        parts(&text_of(answer), EVENT_CHARS)
            .map(|part| line(json!({ "role": "assistant", "content": part }))),
    );
    for (name, arguments) in &answer.tool_calls {
        let arguments: Value = serde_json::from_str(arguments).unwrap_or(Value::Null);
        let call = json!({ "function": { "name": name, "arguments": arguments } });
        lines.push(line(
            json!({ "role": "assistant", "content": "", "tool_calls": [call] }),
        ));
    }
    let mut last = json!({ "model": model, "done": true, "done_reason": answer.finish });
    if let Some((prompt, completion)) = counts(request, answer) {
        last["prompt_eval_count"] = prompt.into();
        last["eval_count"] = completion.into();
    }
    lines.push(format!("{last}\n"));
    lines
}

/// The answer as one value.
fn whole(request: &RecordedRequest, answer: &Answer) -> Value {
    let calls: Vec<Value> = answer
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            json!({ "id": format!("call_{index}"), "type": "function",
                "function": { "name": name, "arguments": arguments } })
        })
        .collect();
    let mut message = json!({ "role": "assistant", "content": text_of(answer) });
    if !answer.thinking.is_empty() {
        message["reasoning_content"] = answer.thinking.as_str().into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut reply = json!({
        "id": "scripted",
        "object": "chat.completion",
        "model": request.body["model"],
        "choices": [{ "index": 0, "message": message, "finish_reason": answer.finish }],
    });
    if let Some(usage) = usage(request, answer) {
        reply["usage"] = usage;
    }
    reply
}

fn usage(request: &RecordedRequest, answer: &Answer) -> Option<Value> {
    let (prompt, completion) = counts(request, answer)?;
    let mut usage = json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
    });
    if let Some(cached) = answer.cached {
        usage["prompt_tokens_details"] = json!({ "cached_tokens": cached.min(prompt) });
    }
    Some(usage)
}

/// The tokens of prompt and answer, as the server says.
pub(super) fn counts(request: &RecordedRequest, answer: &Answer) -> Option<(u64, u64)> {
    match answer.usage {
        Reported::Absent => None,
        Reported::Exactly { prompt, completion } => Some((prompt, completion)),
        Reported::Counted => {
            let messages = request.body["messages"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let contents = messages.iter().filter_map(|message| message["content"].as_str());
            // Five tokens a message is what common templates add.
            let prompt: u64 = contents.map(|content| words(content) + 5).sum();
            let system = request.body["system"]
                .as_str()
                .map_or(0, |system| words(system) + 5);
            Some((prompt + system, words(&answer.text) + words(&answer.thinking)))
        }
    }
}

/// Counts as vocabularies do, roughly: runs of up to eight letters, of up to two marks, of space that are more than one,
/// and every other character.
pub(super) fn words(text: &str) -> u64 {
    let mut count = 0;
    let (mut letters, mut marks) = (0, 0);
    let mut last_space = false;
    for c in text.chars() {
        let space = c.is_whitespace();
        count += u64::from(if c.is_ascii_alphabetic() {
            letters % 8 == 0
        } else if c.is_ascii_punctuation() {
            marks % 2 == 0
        } else {
            !space || (c == '\n' && !last_space)
        });
        letters = if c.is_ascii_alphabetic() { letters + 1 } else { 0 };
        marks = if c.is_ascii_punctuation() { marks + 1 } else { 0 };
        last_space = space;
    }
    count
}

/// Cuts a text into parts of so many characters.
pub(super) fn parts(text: &str, size: usize) -> impl Iterator<Item = String> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        Some(rest.by_ref().take(size).collect())
    })
}
