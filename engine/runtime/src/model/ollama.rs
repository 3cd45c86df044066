//! Ollama's own chat on the wire.
//!
//! Over its `OpenAI` route the window can't be set, and a prompt that does not fit loses its beginning in silence.

use serde_json::{Map, Value, json};

use super::ability::Constraint;
use super::chat::{Chunk, Counts, stream_error, text};
use super::message::Request;

/// Returns the body of a request for a model with a window of so many tokens.
pub(super) fn body(model: &str, window: Option<u64>, request: &Request) -> Value {
    let mut options = json!({
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        // It punishes repetition unless it is told not to, and code repeats itself.
        "repeat_penalty": 1.0,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
    });
    if let Value::Object(fields) = &mut options {
        // The same in every request: another one loads the model anew.
        if let Some(window) = window {
            fields.insert("num_ctx".to_owned(), window.into());
        }
        if !request.stop.is_empty() {
            fields.insert("stop".to_owned(), request.stop.clone().into());
        }
    }
    let mut body = json!({
        "model": model,
        "messages": request.messages,
        "stream": true,
        // What does not fit is an error, and not something that nobody hears of.
        "truncate": false,
        "shift": false,
        "options": options,
    });
    if let (Value::Object(fields), Some(schema)) = (&mut body, &request.schema)
        && request.constraint == Constraint::ResponseFormat
    {
        fields.insert("format".to_owned(), schema.clone());
    }
    body
}

/// Reads a line of a stream, or a whole answer.
pub(super) fn read(line: &str) -> Option<Chunk> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else {
        return None;
    };
    let mut chunk = Chunk {
        error: stream_error(&fields),
        model: text(&mut fields, "model").filter(|model| !model.is_empty()),
        ..Chunk::default()
    };
    if let Some(Value::Object(message)) = fields.remove("message") {
        chunk.take_message(message);
    }
    if fields.get("done").and_then(Value::as_bool) == Some(true) {
        let reason = text(&mut fields, "done_reason").filter(|reason| !reason.is_empty());
        chunk.finish = Some(reason.unwrap_or_else(|| "stop".to_owned()));
        chunk.usage = counts(&fields);
    }
    Some(chunk)
}

fn counts(fields: &Map<String, Value>) -> Option<Counts> {
    Some(Counts {
        prompt: fields.get("prompt_eval_count").and_then(Value::as_u64)?,
        completion: fields.get("eval_count").and_then(Value::as_u64).unwrap_or(0),
        cached: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_the_reason_and_the_counts() {
        let chunk =
            read(r#"{"model":"m","message":{"role":"assistant","content":"y","thinking":"h"},"done":false}"#);
        let chunk = chunk.unwrap();
        assert_eq!(
            (chunk.text.as_str(), chunk.thinking.as_str(), chunk.finish),
            ("y", "h", None)
        );
        let last =
            read(r#"{"done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":2}"#).unwrap();
        assert_eq!(last.finish.as_deref(), Some("length"));
        assert_eq!(
            last.usage.map(|counts| (counts.prompt, counts.completion)),
            Some((7, 2))
        );
        assert_eq!(read(r#"{"done":true}"#).unwrap().finish.as_deref(), Some("stop"));
        assert_eq!(
            read(r#"{"error":"no model"}"#).unwrap().error.unwrap().message,
            "no model"
        );
        let call =
            read(r#"{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}"#).unwrap();
        assert_eq!(call.tool_calls[0].arguments, r#"{"a":1}"#);
    }
}
