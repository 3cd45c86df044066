//! Anthropic's Messages on the wire.

use serde_json::{Map, Value, json};

use super::answer_tool;
use super::chat::{Chunk, Counts, StreamError, ToolDelta, text};
use super::message::{Request, Role};

/// The models that take a temperature; later ones answer 400 to any.
const TAKE_TEMPERATURE: [&str; 6] = [
    "claude-3",
    "claude-haiku-4",
    "claude-sonnet-4",
    "claude-opus-4-1",
    "claude-opus-4-5",
    "claude-opus-4-6",
];

/// Returns the body of a request.
pub(super) fn body(model: &str, request: &Request) -> Value {
    let system: Vec<&str> = request
        .messages
        .iter()
        .filter(|message| message.role == Role::System)
        .map(|message| message.content.as_str())
        .collect();
    let messages: Vec<_> = request
        .messages
        .iter()
        .filter(|message| message.role != Role::System)
        .collect();
    let mut body = json!({
        "model": model,
        "max_tokens": request.max_tokens,
        "messages": messages,
        "stream": true,
    });
    if let Value::Object(fields) = &mut body {
        if !system.is_empty() {
            fields.insert("system".to_owned(), system.join("\n\n").into());
        }
        // Of temperature and `top_p`, a model takes one at most, and none above 1.
        if TAKE_TEMPERATURE.iter().any(|known| model.starts_with(known)) {
            fields.insert("temperature".to_owned(), request.temperature.min(1.0).into());
        }
        if !request.stop.is_empty() {
            fields.insert("stop_sequences".to_owned(), request.stop.clone().into());
        }
        if let Some(schema) = request.schema.as_ref().filter(|_| answer_tool::is_asked(request)) {
            let tool = json!({
                "name": answer_tool::NAME,
                "description": answer_tool::PURPOSE,
                "input_schema": answer_tool::parameters(schema),
            });
            let choice = json!({ "type": "tool", "name": answer_tool::NAME });
            fields.insert("tools".to_owned(), json!([tool]));
            fields.insert("tool_choice".to_owned(), choice);
        }
    }
    body
}

/// Reads an event of a stream, or a whole answer.
pub(super) fn read(event: &str) -> Option<Chunk> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(event) else {
        return None;
    };
    let mut chunk = Chunk::default();
    let kind = text(&mut fields, "type").unwrap_or_default();
    let index = fields.get("index").and_then(Value::as_u64);
    match kind.as_str() {
        "message_start" => {
            if let Some(Value::Object(message)) = fields.remove("message") {
                whole(message, &mut chunk);
            }
        }
        "message" => whole(fields, &mut chunk),
        "content_block_start" => {
            if let Some(Value::Object(content)) = fields.remove("content_block") {
                block(content, index, &mut chunk);
            }
        }
        "content_block_delta" => {
            if let Some(Value::Object(mut delta)) = fields.remove("delta") {
                chunk.text = text(&mut delta, "text").unwrap_or_default();
                chunk.thinking = text(&mut delta, "thinking").unwrap_or_default();
                if let Some(arguments) = text(&mut delta, "partial_json") {
                    chunk.tool_calls.push(ToolDelta {
                        index,
                        arguments,
                        ..ToolDelta::default()
                    });
                }
            }
        }
        "message_delta" => {
            chunk.usage = counts(&fields);
            if let Some(Value::Object(mut delta)) = fields.remove("delta") {
                chunk.finish = text(&mut delta, "stop_reason").map(reason);
            }
        }
        "error" => chunk.error = fields.remove("error").map(|error| stream_error(&error)),
        // Signs of life, ends of blocks, and what a later version may add.
        _ => {}
    }
    Some(chunk)
}

fn whole(mut message: Map<String, Value>, chunk: &mut Chunk) {
    chunk.model = text(&mut message, "model");
    chunk.usage = counts(&message);
    chunk.finish = text(&mut message, "stop_reason").map(reason);
    if let Some(Value::Array(blocks)) = message.remove("content") {
        for (index, content) in (0..).zip(blocks) {
            if let Value::Object(content) = content {
                block(content, Some(index), chunk);
            }
        }
    }
}

fn block(mut content: Map<String, Value>, index: Option<u64>, chunk: &mut Chunk) {
    match text(&mut content, "type").as_deref() {
        Some("text") => chunk
            .text
            .push_str(&text(&mut content, "text").unwrap_or_default()),
        Some("thinking") => {
            let thinking = text(&mut content, "thinking").unwrap_or_default();
            chunk.thinking.push_str(&thinking);
        }
        Some("tool_use") => {
            // At the start of a stream the input is empty, and comes in pieces.
            let input = content
                .remove("input")
                .filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
            chunk.tool_calls.push(ToolDelta {
                index,
                id: text(&mut content, "id").unwrap_or_default(),
                name: text(&mut content, "name").unwrap_or_default(),
                arguments: input.map(|input| input.to_string()).unwrap_or_default(),
            });
        }
        _ => {}
    }
}

/// The reason in the words of the other dialect, where it has one.
fn reason(reason: String) -> String {
    match reason.as_str() {
        "end_turn" | "stop_sequence" => "stop".to_owned(),
        "max_tokens" | "model_context_window_exceeded" => "length".to_owned(),
        "tool_use" => "tool_calls".to_owned(),
        _ => reason,
    }
}

/// What was read from a cache, or put into one, is not among the input tokens here.
fn counts(fields: &Map<String, Value>) -> Option<Counts> {
    let usage = fields.get("usage")?.as_object()?;
    let number = |name: &str| usage.get(name).and_then(Value::as_u64);
    let cached = number("cache_read_input_tokens");
    let prompt = number("input_tokens")
        .unwrap_or(0)
        .saturating_add(cached.unwrap_or(0))
        .saturating_add(number("cache_creation_input_tokens").unwrap_or(0));
    Some(Counts {
        prompt,
        completion: number("output_tokens").unwrap_or(0),
        cached,
    })
}

fn stream_error(error: &Value) -> StreamError {
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = match word("type") {
        "invalid_request_error" => Some(400),
        "authentication_error" => Some(401),
        "permission_error" => Some(403),
        "not_found_error" => Some(404),
        "request_too_large" => Some(413),
        "rate_limit_error" => Some(429),
        "api_error" => Some(500),
        "timeout_error" => Some(504),
        "overloaded_error" => Some(529),
        _ => None,
    };
    let words = [error.as_str().unwrap_or_default(), word("message"), word("type")];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    StreamError {
        status,
        message: words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Message;

    fn request() -> Request {
        Request {
            messages: vec![
                Message::new(Role::System, "rules"),
                Message::new(Role::User, "task"),
            ],
            max_tokens: 9,
            temperature: 1.5,
            top_p: 0.9,
            seed: 1,
            stop: vec!["END".to_owned()],
            schema: None,
            constraint: crate::model::Constraint::default(),
            offered: crate::model::Offered::default(),
        }
    }

    #[test]
    fn a_request_says_what_this_server_takes() {
        let old = body("claude-haiku-4-5", &request());
        assert_eq!(
            old,
            json!({ "model": "claude-haiku-4-5", "max_tokens": 9,
                "messages": [{ "role": "user", "content": "task" }], "stream": true,
                "system": "rules", "temperature": 1.0, "stop_sequences": ["END"] })
        );
        for model in ["claude-opus-4-8", "claude-opus-5-5", "claude-sonnet-5"] {
            assert_eq!(body(model, &request()).get("temperature"), None, "{model}");
        }
    }

    #[test]
    fn a_schema_is_that_of_a_tool() {
        let mut request = request();
        request.schema = Some(json!({ "type": "object" }));
        assert_eq!(body("claude-haiku-4-5", &request).get("tools"), None);
        request.constraint = crate::model::Constraint::ToolCall;
        let body = body("claude-haiku-4-5", &request);
        assert_eq!(
            body["tools"],
            json!([{ "name": "answer", "description": "Gives the answer.", "input_schema": { "type": "object" } }])
        );
        assert_eq!(body["tool_choice"], json!({ "type": "tool", "name": "answer" }));
    }

    #[test]
    fn a_whole_answer_is_read_like_a_stream() {
        let chunk = read(
            r#"{"type":"message","model":"m","stop_reason":"tool_use","usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":2,"output_tokens":3},"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"yes"},{"type":"tool_use","id":"1","name":"read","input":{"a":1}}]}"#,
        )
        .unwrap();
        assert_eq!((chunk.text.as_str(), chunk.thinking.as_str()), ("yes", "hm"));
        assert_eq!(chunk.finish.as_deref(), Some("tool_calls"));
        assert_eq!(chunk.tool_calls[0].arguments, r#"{"a":1}"#);
        let counts = chunk.usage.unwrap();
        assert_eq!(
            (counts.prompt, counts.cached, counts.completion),
            (14, Some(7), 3)
        );
    }

    #[test]
    fn an_overloaded_server_is_a_busy_one() {
        let error = read(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
        assert_eq!(error.unwrap().error.unwrap().status, Some(529));
        assert!(read("{oh no").is_none());
        assert_eq!(read(r#"{"type":"ping"}"#), Some(Chunk::default()));
    }
}
