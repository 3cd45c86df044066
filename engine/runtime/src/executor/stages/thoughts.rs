//! Answers that a server files under the thoughts of its model.
//!
//! A server that takes the thoughts out by a template which the model does not keep to, or that holds them to a schema as
//! well, sends an empty answer and the value as a thought. It is taken for the answer only where nothing else can be meant:
//! a value of the schema or a call of a tool, whole, and last of what was thought. Text and files are never taken from
//! there: thoughts about them are text as well.

use serde_json::Value as Json;
use smallcode_parse::{Expect, Reading, Schema, Severity, parse};

use crate::answer;
use crate::model::{Finish, Reply, Request, Stop};

/// What a value or a call ends with: of JSON, of a tag, of a fence.
const ENDS: [char; 4] = ['}', ']', '>', '`'];

/// Puts the answer in its place, where it came as a thought; tells whether it did.
pub(super) fn take_answer(reply: &mut Reply, request: &Request) -> bool {
    let is_whole = match &reply.finish {
        Finish::Stop | Finish::ToolCalls | Finish::Stopped(Stop::Complete) | Finish::Other(_) => true,
        Finish::Length | Finish::Stopped(_) | Finish::Aborted(_) | Finish::Withheld(_) => false,
    };
    let is_empty = answer::text(&reply.text).is_empty() && reply.tool_calls.is_empty();
    if !is_whole || !is_empty || !holds_answer(reply.thinking.trim(), request) {
        return false;
    }
    reply.text = std::mem::take(&mut reply.thinking);
    true
}

fn holds_answer(thought: &str, request: &Request) -> bool {
    if let Some(schema) = &request.schema {
        let is_json = serde_json::from_str::<Json>(thought).is_ok();
        let is_compound = schema
            .get("type")
            .is_some_and(|kind| kind == "object" || kind == "array");
        // A word or a number stands in many a thought.
        if !(is_json || is_compound && thought.ends_with(ENDS)) {
            return false;
        }
        let reading = parse(thought, &Expect::Value(Schema::new(schema)), false);
        return reading.value.is_some() && is_sure(&reading);
    }
    let Some(tools) = request.offered.0.as_deref().filter(|_| thought.ends_with(ENDS)) else {
        return false;
    };
    let reading = parse(thought, tools, false);
    !reading.calls.is_empty() && is_sure(&reading)
}

/// Whether nothing is missing or wrong, and what it says was not changed to be read.
fn is_sure(reading: &Reading) -> bool {
    let mut repairs = reading.repairs.iter();
    reading.diagnostics.is_empty()
        && reading.cut.is_none()
        && repairs.all(|repair| repair.kind.severity() == Severity::Cosmetic)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use smallcode_parse::{Tool, Tools};

    use super::*;
    use crate::model::{Offered, Usage};

    fn request(schema: Option<Json>) -> Request {
        Request {
            schema,
            ..Request::of_tokens(100)
        }
    }

    fn reply(text: &str, thinking: &str, reason: &str) -> Reply {
        Reply {
            text: text.to_owned(),
            thinking: thinking.to_owned(),
            tool_calls: Vec::new(),
            finish: Finish::from_reason(reason),
            usage: Usage::default(),
            model: None,
        }
    }

    fn taken(request: &Request, thinking: &str) -> bool {
        take_answer(&mut reply("", thinking, "stop"), request)
    }

    fn word() -> Request {
        request(Some(json!({ "type": "object", "required": ["w"],
            "properties": { "w": { "type": "string" } } })))
    }

    #[test]
    fn a_value_of_the_schema_is_taken() {
        for thinking in [
            r#"{"w": "yes"}"#,
            "let me see: {\"w\": \"yes\"}\n",
            "```json\n{\"w\": \"yes\"}\n```",
        ] {
            let mut reply = reply(" \n", thinking, "stop");
            assert!(take_answer(&mut reply, &word()), "{thinking}");
            assert_eq!((reply.text.as_str(), reply.thinking.as_str()), (thinking, ""));
        }
        let number = request(Some(json!({ "type": "integer" })));
        assert!(taken(&number, "7"));
        assert!(!taken(&number, "it may be 7"));
        assert!(!taken(&number, r#"{"a": 7}"#));
    }

    #[test]
    fn what_may_be_no_answer_stays_a_thought() {
        for thinking in [
            "",
            "the user wants a word",
            r#"{"w": 7"#,
            r#"{"v": "yes"}"#,
            r#"{"w": "yes"} would do, but no"#,
        ] {
            assert!(!taken(&word(), thinking), "{thinking}");
        }
        let value = r#"{"w": "yes"}"#;
        assert!(!taken(&request(None), value), "text is no value");
        assert!(!take_answer(&mut reply("no", value, "stop"), &word()));
        for reason in ["length", "error", "content_filter"] {
            assert!(!take_answer(&mut reply("", value, reason), &word()), "{reason}");
        }
    }

    #[test]
    fn a_call_of_a_tool_is_taken() {
        let parameters = json!({ "type": "object", "required": ["path"],
            "properties": { "path": { "type": "string" } } });
        let tool = Tool::new("read_file", &parameters);
        let mut request = request(None);
        request.offered = Offered(Some(std::sync::Arc::new(Expect::Calls(Tools::new(vec![tool])))));
        let call =
            "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a.txt\"}}\n</tool_call>";
        assert!(taken(&request, call));
        assert!(!taken(&request, &format!("{call} or should I rather stop")));
        assert!(!taken(&request, "I should read a.txt"));
    }
}
