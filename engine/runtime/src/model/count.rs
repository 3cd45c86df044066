//! Counting a prompt exactly: by the server that will read it, where it has a route for that.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::discover::questions;
use super::http::Client;
use super::message::Message;
use crate::settings::Profile;

/// How many counts are remembered: the calls of a large run.
const REMEMBERED: usize = 4096;

/// How a server counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// `/apply-template` makes a text of a chat, `/tokenize` tokens of a text: llama.cpp.
    Text,
    /// `/tokenize` counts a chat: vLLM.
    Chat,
}

/// Counts by a server, remembered.
#[derive(Debug, Default)]
pub struct Counter {
    how: Option<Counts>,
    known: Mutex<HashMap<blake3::Hash, u64>>,
}

impl Counter {
    /// One that counts in this way, if in any.
    pub fn new(how: Option<Counts>) -> Self {
        Self {
            how,
            known: Mutex::default(),
        }
    }

    /// How many tokens the server makes of a chat; nothing where it does not say.
    pub async fn count(&self, client: &Client, profile: &Profile, messages: &[Message]) -> Option<u64> {
        let how = self.how?;
        let key = blake3::hash(&serde_json::to_vec(messages).ok()?);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known().get(&key) {
            return Some(*count);
        }
        let count = ask(how, client, profile, messages).await?;
        let mut known = known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, count);
        Some(count)
    }
}

async fn ask(how: Counts, client: &Client, profile: &Profile, messages: &[Message]) -> Option<u64> {
    let questions = questions(client, profile).ok()?;
    let body = match how {
        Counts::Chat => json!({ "model": profile.model_name(), "messages": messages }),
        Counts::Text => {
            let rendered = questions
                .post("apply-template", &json!({ "messages": messages }))
                .await?;
            let prompt = rendered.get("prompt")?.as_str()?;
            json!({ "content": prompt, "add_special": true, "parse_special": true })
        }
    };
    let answer = questions.post("tokenize", &body).await?;
    let listed = || Some(u64::try_from(answer.get("tokens")?.as_array()?.len()).unwrap_or(u64::MAX));
    answer
        .get("count")
        .and_then(serde_json::Value::as_u64)
        .or_else(listed)
}

/// How a server counts, by its answers to a chat of one word.
pub(super) async fn found(client: &Client, profile: &Profile) -> Option<Counts> {
    let word = [Message::new(super::Role::User, "word")];
    for how in [Counts::Chat, Counts::Text] {
        if ask(how, client, profile, &word)
            .await
            .is_some_and(|count| count > 0)
        {
            return Some(how);
        }
    }
    None
}
