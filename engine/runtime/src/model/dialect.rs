//! What a server speaks: where a request goes, what it looks like, and how the answer is read.
//!
//! Each dialect becomes the same [`Chunk`]s, so that nothing behind this file knows of it.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::chat::{self, Chunk, Repeated, surrogates};
use super::message::Request;
use super::{anthropic, ollama};
use crate::settings::Profile;

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Chat completions, as `OpenAI` began them and nearly every server speaks them.
    #[default]
    OpenAi,
    /// Messages, as Anthropic speaks them.
    Anthropic,
    /// Ollama's own chat, in which the window can be set and a prompt that is too long is an error.
    Ollama,
}

/// Reads the events of one answer.
#[derive(Debug)]
pub(super) struct Reader {
    dialect: Dialect,
    repeated: Repeated,
    /// The first half of a character, at the end of an event.
    half: Option<u16>,
}

/// The version of Anthropic's protocol that this speaks: the last in which older models take a temperature.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

impl Dialect {
    /// Where a request goes.
    pub(super) fn url(self, profile: &Profile) -> reqwest::Url {
        let server = &profile.base_url.value;
        match self {
            Self::OpenAi => server.route("chat/completions"),
            Self::Anthropic => server.route("messages"),
            Self::Ollama => server.root_route("api/chat"),
        }
    }

    /// The headers that say who asks; the key is marked so that nothing prints it.
    pub(super) fn headers(self, profile: &Profile) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::OpenAi | Self::Ollama => {
                headers.extend(bearer(profile).map(|key| (AUTHORIZATION, key)));
            }
            Self::Anthropic => {
                headers.insert(HeaderName::from_static("anthropic-version"), ANTHROPIC_VERSION);
                let key = profile.key().and_then(|key| HeaderValue::from_str(key).ok());
                headers.extend(key.map(|mut key| {
                    key.set_sensitive(true);
                    (HeaderName::from_static("x-api-key"), key)
                }));
            }
        }
        headers
    }

    /// Reads a whole answer; nothing where it is not JSON, or no object.
    pub(super) fn read_whole(self, text: &str) -> Option<Chunk> {
        self.read(text)
            .or_else(|| self.read(&surrogates::joined(text, None)?))
    }

    /// Reads an event of a stream, or a whole answer; nothing where it is not JSON, or no object.
    fn read(self, text: &str) -> Option<Chunk> {
        match self {
            Self::OpenAi => Chunk::read(text),
            Self::Anthropic => anthropic::read(text),
            Self::Ollama => ollama::read(text),
        }
    }
}

impl Reader {
    /// A reader of what a server of this dialect sends.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            repeated: Repeated::default(),
            half: None,
        }
    }

    /// Reads an event of a stream; nothing where it is not JSON, or no object.
    pub(super) fn read(&mut self, event: &str) -> Option<Chunk> {
        let chunk = match self.dialect {
            Dialect::OpenAi => self.repeated.read(event),
            // Each event of the others differs from the one before in a time, or is of one of several kinds.
            dialect @ (Dialect::Anthropic | Dialect::Ollama) => dialect.read(event),
        };
        if chunk.is_none() {
            let joined = surrogates::joined(event, Some(&mut self.half))?;
            return self.dialect.read(&joined);
        }
        self.with_half(chunk)
    }

    /// An event that is right, after one that ended with half a character: the other half does not come any more.
    fn with_half(&mut self, chunk: Option<Chunk>) -> Option<Chunk> {
        let mut chunk = chunk?;
        let text = match (chunk.text.is_empty(), chunk.thinking.is_empty()) {
            (false, _) => &mut chunk.text,
            (true, false) => &mut chunk.thinking,
            (true, true) => return Some(chunk),
        };
        if self.half.take().is_some() {
            text.insert(0, char::REPLACEMENT_CHARACTER);
        }
        Some(chunk)
    }
}

/// Returns the body of a request, byte for byte as it is sent.
pub fn body(profile: &Profile, request: &Request) -> Vec<u8> {
    let body = match profile.dialect {
        Dialect::OpenAi => chat::body(profile.model_name(), profile.provider, request),
        Dialect::Anthropic => anthropic::body(profile.model_name(), request),
        Dialect::Ollama => {
            let window = profile.window.as_ref().map(|window| window.value);
            ollama::body(profile.model_name(), window, request)
        }
    };
    body.to_string().into_bytes()
}

/// Returns the header with the key, marked so that nothing prints it.
pub(super) fn bearer(profile: &Profile) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", profile.key()?)).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(dialect: Dialect, events: &[&str]) -> String {
        let mut reader = Reader::new(dialect);
        let chunks = events.iter().map(|event| reader.read(event).unwrap().text);
        chunks.collect()
    }

    #[test]
    fn half_a_character_is_no_end_of_a_stream() {
        let openai = |text: &str| format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
        let ollama = |text: &str| format!(r#"{{"message":{{"content":"{text}"}},"done":false}}"#);
        for (dialect, event) in [
            (Dialect::OpenAi, &openai as &dyn Fn(&str) -> String),
            (Dialect::Ollama, &ollama),
        ] {
            let events = |texts: &[&str]| {
                let events: Vec<String> = texts.iter().map(|text| event(text)).collect();
                let events: Vec<&str> = events.iter().map(String::as_str).collect();
                said(dialect, &events)
            };
            assert_eq!(events(&["a", "b", "c\\ud83d", "\\ude00d", "e"]), "abc😀de");
            assert_eq!(events(&["a", "b\\ud83d", "c"]), "ab\u{fffd}c");
            assert_eq!(events(&["\\ude00", "c"]), "\u{fffd}c");
            assert_eq!(dialect.read_whole(&event("\\ud83d")).unwrap().text, "\u{fffd}");
            assert!(dialect.read_whole("{not json").is_none());
        }
    }
}
