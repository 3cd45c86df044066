//! What is asked of a model and what comes back, as the journal keeps it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallcode_parse::Expect;

use super::ability::Constraint;
use super::canonical;
use super::finish::Finish;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules.
    System,
    /// The task.
    User,
    /// The model.
    Assistant,
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// Joins a role and a text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// What is asked of a model. Every sampling value is sent: servers differ in their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The chat so far.
    pub messages: Vec<Message>,
    /// Tokens of the answer at most.
    pub max_tokens: u64,
    /// Sampling temperature.
    pub temperature: f64,
    /// Nucleus sampling.
    pub top_p: f64,
    /// The seed of sampling.
    pub seed: u64,
    /// Texts that end the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// A JSON Schema that the server is asked to enforce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// In which words. The digest of what is asked does not depend on it.
    #[serde(skip)]
    pub constraint: Constraint,
    /// The tools that the messages offer, where they do: the answer is complete behind a call of one.
    #[serde(skip)]
    pub offered: Offered,
}

#[cfg(test)]
impl Request {
    /// A request of tests that asks for nothing in particular.
    pub(crate) fn of_tokens(max_tokens: u64) -> Self {
        Self {
            messages: Vec::new(),
            max_tokens,
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
            stop: Vec::new(),
            schema: None,
            constraint: Constraint::default(),
            offered: Offered::default(),
        }
    }
}

/// The tools that an answer may call, for whoever watches it. They are told in the messages, so that what is asked is the
/// same with them and without.
#[derive(Debug, Clone, Default)]
pub struct Offered(pub Option<Arc<Expect>>);

impl PartialEq for Offered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Request {
    /// Returns a digest of what is asked of a model: the same for equal values, whatever the order of keys in the
    /// schema. How long the answer may be is no part of it: that follows from what was learned of the server meanwhile.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn digest(&self, model: &str) -> serde_json::Result<String> {
        canonical::digest(&Named {
            model,
            request: Ordered {
                max_tokens: 0,
                messages: self.messages.iter().map(Said::of).collect(),
                schema: self.schema.as_ref().map(canonical::sorted),
                seed: self.seed,
                stop: &self.stop,
                temperature: self.temperature,
                top_p: self.top_p,
            },
        })
    }
}

/// A request to a model, as its digest has it. Journals compare digests: the names and their order stay.
#[derive(Serialize)]
struct Named<'a> {
    model: &'a str,
    request: Ordered<'a>,
}

#[derive(Serialize)]
struct Ordered<'a> {
    max_tokens: u64,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<serde_json::Value>,
    seed: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    temperature: f64,
    top_p: f64,
}

#[derive(Serialize)]
struct Said<'a> {
    content: &'a str,
    role: Role,
}

impl<'a> Said<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            content: &message.content,
            role: message.role,
        }
    }
}

/// A tool call in the server's own form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The server's name for this call, empty where it gives none.
    #[serde(default)]
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON, one hopes.
    #[serde(default)]
    pub arguments: String,
}

/// What a call cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer, thinking included.
    pub completion: u64,
    /// Tokens of the prompt that the server had in its cache, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// The server did not say; these are our upper estimates.
    #[serde(default)]
    pub estimated: bool,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The answer.
    pub text: String,
    /// What the model thought, where the server tells it apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// Tools that it wants called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
    /// The model that the server says it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Reply {
    /// All that the model said, to be masked.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let calls = self.tool_calls.iter_mut();
        let calls = calls.flat_map(|call| [&mut call.id, &mut call.name, &mut call.arguments]);
        [&mut self.text, &mut self.thinking].into_iter().chain(calls)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(schema: serde_json::Value) -> Request {
        Request {
            messages: vec![Message::new(Role::User, "hi")],
            max_tokens: 10,
            temperature: 0.2,
            top_p: 0.95,
            seed: 1,
            stop: Vec::new(),
            schema: Some(schema),
            constraint: crate::model::Constraint::default(),
            offered: crate::model::Offered::default(),
        }
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_keys() {
        let one = request(json!({ "type": "object", "required": ["a"], "x": { "b": 1, "a": 2 } }));
        let two = request(json!({ "x": { "a": 2, "b": 1 }, "required": ["a"], "type": "object" }));
        let digest = |request: &Request, model: &str| request.digest(model).unwrap();
        assert_eq!(digest(&one, "m"), digest(&two, "m"));
        assert_ne!(digest(&one, "m"), digest(&one, "n"));
        let mut other = one.clone();
        other.seed = 2;
        assert_ne!(digest(&one, "m"), digest(&other, "m"));
    }

    /// Journals compare digests: one of yesterday is that of today.
    #[test]
    fn a_digest_is_that_of_the_sorted_value() {
        let mut request = request(json!({ "type": "object", "required": ["a"] }));
        request.max_tokens = 0;
        for stop in [Vec::new(), vec!["\n\n".to_owned()]] {
            request.stop = stop;
            let value = canonical::sorted(&json!({ "model": "m", "request": request }));
            let longer = Request {
                max_tokens: 7,
                ..request.clone()
            };
            assert_eq!(longer.digest("m").unwrap(), canonical::digest(&value).unwrap());
        }
    }

    #[test]
    fn requests_and_replies_survive_the_journal() {
        let request = request(json!({ "type": "object" }));
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);

        let reply = Reply {
            text: "hello".to_owned(),
            thinking: "hm".to_owned(),
            tool_calls: vec![ToolCall {
                id: "1".into(),
                name: "read".into(),
                arguments: "{}".into(),
            }],
            finish: Finish::Withheld("content_filter".to_owned()),
            usage: Usage {
                prompt: 1,
                completion: 2,
                cached: Some(0),
                estimated: false,
            },
            model: Some("m".to_owned()),
        };
        let text = serde_json::to_string(&reply).unwrap();
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), reply);
    }
}
