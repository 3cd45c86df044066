//! A tool as a way to keep an answer to a schema, for servers that know no other: the model must call it, and what it
//! passes is the answer.
//!
//! Nothing behind the stream knows of it: what is passed becomes the text of the answer as it arrives, so that it is
//! watched, read and kept like any other. The tools of an agent are none of this: see the runtime's `agent`.

use serde_json::{Value, json};
use smallcode_core::tokens::{Estimate, Family, Tokens, estimate};

use super::ability::Constraint;
use super::chat::Chunk;
use super::message::{Reply, Request};

/// Its name.
pub(super) const NAME: &str = "answer";

/// What the model is told of it.
pub(super) const PURPOSE: &str = "Gives the answer.";

/// The only argument, where the answer is no object: arguments are always one.
const VALUE: &str = "value";

/// What a server's template writes around a tool at most, in tokens: Anthropic tells of up to 530
/// (<https://docs.anthropic.com/en/docs/tool-use-pricing-and-tokens>), the templates of Llama 3.1 and Qwen 2.5 have about
/// 120 and 180.
const AROUND: Tokens = Tokens(600);

/// Whether a request is kept to its schema so.
pub(super) fn is_asked(request: &Request) -> bool {
    request.constraint == Constraint::ToolCall && request.schema.is_some()
}

/// The schema of its arguments, for an answer of this one.
pub(super) fn parameters(schema: &Value) -> Value {
    if is_object(schema) {
        return schema.clone();
    }
    json!({ "type": "object", "properties": { VALUE: schema }, "required": [VALUE] })
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// What it takes of the prompt.
pub(super) fn cost(family: Family, schema: &Value) -> Estimate {
    let told = json!({ "name": NAME, "description": PURPOSE, "parameters": parameters(schema) });
    Estimate {
        // A server that does not know it leaves it out.
        low: Tokens::ZERO,
        high: AROUND.saturating_add(estimate(family, &told.to_string()).high),
    }
}

/// An answer as it is passed.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Where it begins in the text: what a model says before it calls is no part of it.
    from: Option<usize>,
}

impl Passed {
    /// Makes text of what is passed; `said` bytes of text came before.
    pub(super) fn take(&mut self, chunk: &mut Chunk, said: usize) {
        if !chunk.tool_calls.is_empty() {
            self.from.get_or_insert(said + chunk.text.len());
        }
        for call in chunk.tool_calls.drain(..) {
            chunk.text.push_str(&call.arguments);
        }
        if chunk.finish.as_deref() == Some("tool_calls") {
            chunk.finish = Some("stop".to_owned());
        }
    }

    /// Leaves in a reply what was passed, where anything was.
    pub(super) fn finish(&self, request: &Request, reply: &mut Reply) {
        if let Some(passed) = self.from.and_then(|from| reply.text.get(from..)) {
            reply.text = passed.to_owned();
            if !request.schema.as_ref().is_none_or(is_object) {
                unwrap(reply);
            }
        }
    }
}

/// Takes an answer that is no object out of its argument.
fn unwrap(reply: &mut Reply) {
    let arguments: Option<serde_json::Map<String, Value>> = serde_json::from_str(&reply.text).ok();
    if let Some(value) = arguments.and_then(|mut arguments| arguments.shift_remove(VALUE)) {
        reply.text = value.to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chat::ToolDelta;
    use crate::model::{Finish, Usage};

    fn request(schema: Value) -> Request {
        Request {
            schema: Some(schema),
            constraint: Constraint::ToolCall,
            ..Request::of_tokens(100)
        }
    }

    fn answered(request: &Request, said: &str, passed: &str) -> String {
        let text = format!("{said}{passed}");
        let mut reply = Reply {
            text,
            thinking: String::new(),
            tool_calls: Vec::new(),
            finish: Finish::Stop,
            usage: Usage::default(),
            model: None,
        };
        let from = (!passed.is_empty()).then_some(said.len());
        Passed { from }.finish(request, &mut reply);
        reply.text
    }

    #[test]
    fn what_is_no_object_is_an_argument_and_comes_out_again() {
        let word = json!({ "enum": ["read", "write"] });
        assert_eq!(
            parameters(&word),
            json!({ "type": "object", "properties": { "value": word }, "required": ["value"] })
        );
        let request_of_word = request(word);
        for said in ["", "I will read: "] {
            assert_eq!(
                answered(&request_of_word, said, r#"{"value": "read"}"#),
                r#""read""#
            );
            // What is passed instead is left to whoever reads the answer.
            for passed in ["read", r#""read""#, r#"{"word": "read"}"#, "{\"value\": \"re"] {
                assert_eq!(answered(&request_of_word, said, passed), passed);
            }
        }
        // A model that does not call has answered all the same.
        assert_eq!(answered(&request_of_word, "read", ""), "read");
        // `value` may be what the answer itself has.
        let object = json!({ "type": "object", "properties": { "value": {} } });
        assert_eq!(parameters(&object), object);
        assert_eq!(
            answered(&request(object), "", r#"{"value": 1}"#),
            r#"{"value": 1}"#
        );
    }

    #[test]
    fn what_is_passed_is_the_text_of_the_answer() {
        let piece = |arguments: &str| ToolDelta {
            arguments: arguments.to_owned(),
            ..ToolDelta::default()
        };
        let mut passed = Passed::default();
        passed.take(&mut Chunk::default(), 3);
        let mut chunk = Chunk {
            text: "so: ".to_owned(),
            tool_calls: vec![piece("{\"a\":"), piece("1}")],
            finish: Some("tool_calls".to_owned()),
            ..Chunk::default()
        };
        passed.take(&mut chunk, 5);
        assert_eq!(chunk.text, "so: {\"a\":1}");
        assert_eq!(passed.from, Some(9));
        assert_eq!(chunk.finish.as_deref(), Some("stop"));
        assert!(chunk.tool_calls.is_empty());
        // One that was cut stays cut.
        let mut cut = Chunk {
            finish: Some("length".to_owned()),
            ..Chunk::default()
        };
        passed.take(&mut cut, 20);
        assert_eq!(passed.from, Some(9));
        assert_eq!(cut.finish.as_deref(), Some("length"));
    }

    #[test]
    fn it_costs_what_it_says_and_what_a_server_says_of_it() {
        let small = cost(Family::Unknown, &json!({ "type": "object" }));
        let names: Vec<String> = (0..100).map(|number| format!("field_{number}")).collect();
        let large = cost(Family::Unknown, &json!({ "type": "object", "required": names }));
        assert!(small.low == Tokens::ZERO && small.high > AROUND);
        assert!(large.high.get() > small.high.get() + 300);
    }
}
