//! The OpenAI chat dialect on the wire: what is sent, and a lenient reading of what comes.
//!
//! Servers that call themselves compatible leave fields out, add some, and fill some with another
//! type. Nothing here fails on that: a field that is not what it should be counts as absent.

mod assemble;
mod plain;
mod repeated;
pub(super) mod surrogates;

use serde_json::{Map, Value, json};

pub(super) use assemble::Assembler;
pub(super) use repeated::Repeated;

use super::ability::Constraint;
use super::answer_tool;
use super::message::Request;
use crate::settings::Provider;

/// The models of `OpenAI` that reason before they answer: they sample as they see fit, and refuse to be told.
const REASON: [&str; 4] = ["o1", "o3", "o4", "gpt-5"];

/// Returns the body of a request; a provider may take less than other servers do.
pub(super) fn body(model: &str, provider: Option<Provider>, request: &Request) -> Value {
    let mut body = full(model, request);
    let Value::Object(fields) = &mut body else {
        return body;
    };
    let mut leave_out = |names: &[&str]| {
        for name in names {
            fields.shift_remove(*name);
        }
    };
    match provider {
        Some(Provider::OpenAi) => {
            // A limit that counts the thinking, too; older models know it as well.
            leave_out(&["max_tokens"]);
            if REASON.iter().any(|known| model.starts_with(known)) || model.starts_with("gpt-6") {
                leave_out(&[
                    "temperature",
                    "top_p",
                    "frequency_penalty",
                    "presence_penalty",
                    "seed",
                    "stop",
                ]);
            }
            fields.insert("max_completion_tokens".to_owned(), request.max_tokens.into());
            // A strict schema must make every property required: ours need not.
            if let Some(strict) = body.pointer_mut("/response_format/json_schema/strict") {
                *strict = Value::Bool(false);
            }
        }
        Some(Provider::DeepSeek) => leave_out(&["seed"]),
        Some(Provider::OpenRouter | Provider::Anthropic) | None => {}
    }
    body
}

/// Everything that may be said.
fn full(model: &str, request: &Request) -> Value {
    let mut body = json!({
        "messages": request.messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        // Some servers punish repetition unless they are told not to, and code repeats itself.
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Value::Object(fields) = &mut body {
        if !model.is_empty() {
            fields.insert("model".to_owned(), model.into());
        }
        if !request.stop.is_empty() {
            fields.insert("stop".to_owned(), request.stop.clone().into());
        }
        if let Some(schema) = &request.schema {
            let (name, value) = match request.constraint {
                Constraint::ResponseFormat => {
                    let named = json!({ "name": "answer", "strict": true, "schema": schema });
                    let format = json!({ "type": "json_schema", "json_schema": named });
                    ("response_format", format)
                }
                Constraint::JsonSchema => ("json_schema", schema.clone()),
                Constraint::StructuredOutputs => ("structured_outputs", json!({ "json": schema })),
                Constraint::GuidedJson => ("guided_json", schema.clone()),
                Constraint::ToolCall => {
                    let function = json!({
                        "name": answer_tool::NAME,
                        "description": answer_tool::PURPOSE,
                        "parameters": answer_tool::parameters(schema),
                    });
                    // The only one: that is more widely known than its name here.
                    fields.insert("tool_choice".to_owned(), "required".into());
                    ("tools", json!([{ "type": "function", "function": function }]))
                }
                Constraint::Nothing => return body,
            };
            fields.insert(name.to_owned(), value);
        }
    }
    body
}

/// One event of a stream, or a whole reply of a server that does not stream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) text: String,
    /// `reasoning_content`, `reasoning` or `thinking`: the same thing under three names.
    pub(super) thinking: String,
    pub(super) tool_calls: Vec<ToolDelta>,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Counts>,
    pub(super) model: Option<String>,
    pub(super) error: Option<StreamError>,
}

/// A piece of a tool call.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ToolDelta {
    pub(super) index: Option<u64>,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// The server's counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) prompt: u64,
    pub(super) completion: u64,
    pub(super) cached: Option<u64>,
}

/// An `error` object inside a stream that began with 200.
#[derive(Debug, PartialEq)]
pub(super) struct StreamError {
    pub(super) status: Option<u16>,
    pub(super) message: String,
}

impl Chunk {
    /// Reads an event; nothing when it is not JSON, or not an object.
    pub(super) fn read(text: &str) -> Option<Self> {
        plain::read(text).or_else(|| Self::lenient(text))
    }

    /// Reads whatever an event has.
    fn lenient(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Some(Self::from_fields(fields)),
            Ok(_) | Err(_) => None,
        }
    }

    fn from_fields(mut fields: Map<String, Value>) -> Self {
        let mut chunk = Self {
            model: text(&mut fields, "model").filter(|model| !model.is_empty()),
            usage: counts(&fields),
            error: stream_error(&fields),
            ..Self::default()
        };
        let choice = match fields.remove("choices") {
            Some(Value::Array(choices)) => choices.into_iter().next(),
            _ => None,
        };
        if let Some(Value::Object(mut choice)) = choice {
            chunk.finish = text(&mut choice, "finish_reason").filter(|reason| !reason.is_empty());
            for part in ["delta", "message"] {
                if let Some(Value::Object(message)) = choice.remove(part) {
                    chunk.take_message(message);
                }
            }
        }
        chunk
    }

    pub(super) fn take_message(&mut self, mut message: Map<String, Value>) {
        self.text.push_str(&content(message.remove("content")));
        let thinking = ["reasoning_content", "reasoning", "thinking"]
            .into_iter()
            .filter_map(|name| text(&mut message, name))
            .find(|thinking| !thinking.is_empty());
        self.thinking.push_str(&thinking.unwrap_or_default());
        if let Some(Value::Array(calls)) = message.remove("tool_calls") {
            self.tool_calls.extend(calls.into_iter().filter_map(tool_delta));
        }
    }
}

/// Text, or a list of parts of which some are text.
fn content(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts
            .into_iter()
            .filter_map(|mut part| text(part.as_object_mut()?, "text"))
            .collect(),
        _ => String::new(),
    }
}

fn tool_delta(value: Value) -> Option<ToolDelta> {
    let Value::Object(mut call) = value else {
        return None;
    };
    let index = call.get("index").and_then(Value::as_u64);
    let id = text(&mut call, "id").unwrap_or_default();
    let Some(Value::Object(mut function)) = call.remove("function") else {
        return Some(ToolDelta {
            index,
            id,
            ..ToolDelta::default()
        });
    };
    let name = text(&mut function, "name").unwrap_or_default();
    let arguments = match function.remove("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(arguments)) => arguments,
        // Some servers send the value instead of its text.
        Some(other) => other.to_string(),
    };
    Some(ToolDelta {
        index,
        id,
        name,
        arguments,
    })
}

fn counts(fields: &Map<String, Value>) -> Option<Counts> {
    let usage = fields.get("usage")?.as_object()?;
    let cached = usage
        .get("prompt_tokens_details")
        .and_then(|details| details.get("cached_tokens"))
        // DeepSeek's word for it.
        .or_else(|| usage.get("prompt_cache_hit_tokens"))
        .or_else(|| fields.get("timings").and_then(|timings| timings.get("cache_n")))
        .and_then(Value::as_u64);
    Some(Counts {
        prompt: usage.get("prompt_tokens").and_then(Value::as_u64)?,
        completion: usage
            .get("completion_tokens")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        cached,
    })
}

pub(super) fn stream_error(fields: &Map<String, Value>) -> Option<StreamError> {
    // An event that is named an error and says nothing of it is one all the same.
    let is_named = fields.get("type").is_some_and(|kind| kind == "error");
    let error = fields.get("error").filter(|error| is_named || !error.is_null())?;
    if let Some(message) = error.as_str() {
        return Some(StreamError {
            status: None,
            message: message.to_owned(),
        });
    }
    let status = ["code", "status"].into_iter().find_map(|name| {
        let code = error.get(name)?;
        code.as_u64()
            .or_else(|| code.as_str()?.parse().ok())
            .and_then(|code| u16::try_from(code).ok())
    });
    // Codes and types that are words ("context_length_exceeded") matter as much as the message.
    let words = ["message", "type", "code"]
        .into_iter()
        .filter_map(|name| error.get(name)?.as_str());
    let message = words.collect::<Vec<_>>().join(", ");
    let message = if message.is_empty() {
        error.to_string()
    } else {
        message
    };
    Some(StreamError { status, message })
}

/// Takes a field that is a text.
pub(super) fn text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, Role};

    #[test]
    fn a_request_says_everything_and_no_more() {
        let request = Request {
            messages: vec![Message::new(Role::System, "s"), Message::new(Role::User, "u")],
            max_tokens: 7,
            temperature: 0.5,
            top_p: 0.9,
            seed: 3,
            stop: vec!["END".to_owned()],
            schema: Some(json!({ "type": "object" })),
            constraint: crate::model::Constraint::default(),
            offered: crate::model::Offered::default(),
        };
        let body = body("tiny", None, &request);
        assert_eq!(body["model"], "tiny");
        assert_eq!(body["messages"][0], json!({ "role": "system", "content": "s" }));
        assert_eq!(body["max_tokens"], 7);
        for unchosen in ["frequency_penalty", "presence_penalty"] {
            assert_eq!(body[unchosen], 0.0);
        }
        assert_eq!(body["stop"], json!(["END"]));
        assert_eq!(body["stream_options"]["include_usage"], true);
        assert_eq!(
            body["response_format"]["json_schema"]["schema"],
            json!({ "type": "object" })
        );
        let reasoning = super::body("gpt-5-mini", Some(Provider::OpenAi), &request);
        assert_eq!(reasoning["max_completion_tokens"], 7);
        for refused in ["max_tokens", "temperature", "top_p", "presence_penalty", "stop"] {
            assert_eq!(reasoning.get(refused), None, "{refused}");
        }
        let forced = Request {
            constraint: Constraint::ToolCall,
            ..request.clone()
        };
        let deepseek = super::body("deepseek-flash", Some(Provider::DeepSeek), &forced);
        for refused in ["response_format", "seed"] {
            assert_eq!(deepseek.get(refused), None);
        }
        assert_eq!(deepseek["max_tokens"], 7);
        assert_eq!(deepseek["tool_choice"], "required");
        assert_eq!(
            deepseek["tools"],
            json!([{ "type": "function", "function": { "name": "answer", "description": "Gives the answer.",
                "parameters": { "type": "object" } } }])
        );
        let body = super::body(
            "",
            None,
            &Request {
                stop: Vec::new(),
                schema: None,
                ..request
            },
        );
        for absent in ["model", "stop", "response_format"] {
            assert_eq!(body.get(absent), None);
        }
    }

    #[test]
    fn odd_chunks_are_read_for_what_they_hold() {
        let read = |text: &str| Chunk::read(text).unwrap();
        assert_eq!(read("{}"), Chunk::default());
        assert_eq!(
            read(r#"{"choices":null,"usage":null,"error":null,"model":""}"#),
            Chunk::default()
        );
        assert_eq!(
            read(r#"{"choices":[{"delta":{"content":null},"finish_reason":""}]}"#),
            Chunk::default()
        );
        assert_eq!(
            read(r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"x":1}]}}]}"#).text,
            "a"
        );
        assert_eq!(
            read(r#"{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}"#).text,
            "whole"
        );
        assert_eq!(
            read(r#"{"choices":[{"finish_reason":7,"delta":7}]}"#),
            Chunk::default()
        );
        for name in ["reasoning_content", "reasoning", "thinking"] {
            let chunk = read(&format!(r#"{{"choices":[{{"delta":{{"{name}":"hm"}}}}]}}"#));
            assert_eq!(chunk.thinking, "hm");
        }
        // A server that fills two of them says the same thing twice.
        assert_eq!(
            read(r#"{"choices":[{"delta":{"reasoning":"x","reasoning_content":"x"}}]}"#).thinking,
            "x"
        );
        assert!(Chunk::read("{not json").is_none());
        assert!(Chunk::read("[1]").is_none());
    }

    #[test]
    fn usage_and_cache_are_found_in_each_dialect() {
        let read = |text: &str| Chunk::read(text).unwrap().usage.unwrap();
        let openai = read(
            r#"{"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#,
        );
        assert_eq!(
            openai,
            Counts {
                prompt: 9,
                completion: 2,
                cached: Some(4)
            }
        );
        let llama = read(r#"{"choices":[],"usage":{"prompt_tokens":9},"timings":{"cache_n":5}}"#);
        assert_eq!(
            llama,
            Counts {
                prompt: 9,
                completion: 0,
                cached: Some(5)
            }
        );
    }

    #[test]
    fn errors_in_a_stream_are_seen() {
        let read = |text: &str| Chunk::read(text).unwrap().error.unwrap();
        let coded = read(r#"{"error":{"code":429,"message":"slow down","type":"rate"}}"#);
        assert_eq!(
            coded,
            StreamError {
                status: Some(429),
                message: "slow down, rate".to_owned()
            }
        );
        assert_eq!(read(r#"{"error":"boom"}"#).message, "boom");
        assert_eq!(
            read(r#"{"error":{"code":"context_length_exceeded"}}"#).message,
            "context_length_exceeded"
        );
        assert_eq!(read(r#"{"error":{"x":1}}"#).message, r#"{"x":1}"#);
    }
}
