//! Anthropic's Messages: an answer as its server streams it.

use serde_json::{Value, json};

use super::RecordedRequest;
use super::script::{Answer, Fault};
use super::wire::{EVENT_CHARS, counts, parts, text_of};

/// The route of messages.
pub(super) const ROUTE: &str = "/v1/messages";

/// The events of a streamed answer.
pub(super) fn events(request: &RecordedRequest, answer: &Answer) -> Vec<String> {
    let event = |value: &Value| {
        let kind = value["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {value}\n\n")
    };
    let (prompt, completion) = counts(request, answer).unwrap_or_default();
    // Half of the prompt was cached, as far as there is one to halve.
    let cached = prompt / 2;
    let message = json!({ "id": "msg", "type": "message", "role": "assistant", "model": request.body["model"],
        "content": [], "stop_reason": null, "usage": { "input_tokens": prompt - cached,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached, "output_tokens": 1 } });
    let mut events = vec![
        event(&json!({ "type": "message_start", "message": message })),
        event(&json!({ "type": "ping" })),
    ];
    for fault in &answer.faults {
        match fault {
            Fault::MalformedSse => events.push("data: {\"type\": [oh no\n\n".to_owned()),
            Fault::ErrorInStream(error) => {
                events.push(event(&json!({ "type": "error", "error": error })));
            }
            _ => {}
        }
    }
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        let at = index;
        index += 1;
        events.push(event(
            &json!({ "type": "content_block_start", "index": at, "content_block": start }),
        ));
        events.extend(
            deltas
                .iter()
                .map(|delta| event(&json!({ "type": "content_block_delta", "index": at, "delta": delta }))),
        );
        events.push(event(&json!({ "type": "content_block_stop", "index": at })));
    };
    if !answer.thinking.is_empty() {
        let deltas = parts(&answer.thinking, EVENT_CHARS)
            .map(|part| json!({ "type": "thinking_delta", "thinking": part }));
        block(json!({ "type": "thinking", "thinking": "" }), deltas.collect());
    }
    let text = text_of(answer);
    if !text.is_empty() {
        let deltas = parts(&text, EVENT_CHARS).map(|part| json!({ "type": "text_delta", "text": part }));
        block(json!({ "type": "text", "text": "" }), deltas.collect());
    }
    for (number, (name, arguments)) in answer.tool_calls.iter().enumerate() {
        let deltas = parts(arguments, EVENT_CHARS)
            .map(|part| json!({ "type": "input_json_delta", "partial_json": part }));
        let id = format!("call_{number}");
        block(
            json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
            deltas.collect(),
        );
    }
    let reason = match answer.finish.as_str() {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        other => other,
    };
    events.push(event(
        &json!({ "type": "message_delta", "delta": { "stop_reason": reason },
        "usage": { "output_tokens": completion } }),
    ));
    events.push(event(&json!({ "type": "message_stop" })));
    events
}
