//! Why a model stopped, in the words of many servers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::watch::Stop;

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It ran into the limit: the answer is not whole.
    Length,
    /// It wants tools called.
    ToolCalls,
    /// It was stopped before it was done.
    Stopped(Stop),
    /// The server broke off; its word.
    Aborted(String),
    /// The server or the model withholds the answer, or the rest of it; its word.
    Withheld(String),
    /// Something else; empty when the server ended the stream properly and gave no reason.
    Other(String),
}

/// The words for an answer that is whole, in small letters, beside `stop`: `eos` and `eos_token` of TGI and others,
/// `end_turn` and `stop_sequence` of Anthropic and Cohere, `complete` of Cohere, `stop` of Gemini in capitals.
const WHOLE: [&str; 10] = [
    "stop",
    "eos",
    "eos_token",
    "end_turn",
    "stop_sequence",
    "stop_token",
    "complete",
    "completed",
    "end",
    "done",
];

/// For one that its limit cut: `max_tokens` of Anthropic, Cohere and Gemini, `model_length` of Mistral.
const CUT: [&str; 6] = [
    "length",
    "max_tokens",
    "max_length",
    "max_output_tokens",
    "model_length",
    "model_context_window_exceeded",
];

/// For one that calls tools: `function_call` before there were several, `tool_use` of Anthropic, `tool_call` of Cohere.
const CALLS: [&str; 4] = ["tool_calls", "tool_call", "function_call", "tool_use"];

/// For one that the server broke off: `abort` of vLLM and `SGLang`, `error` of Mistral, Cohere and `OpenRouter`,
/// `insufficient_system_resource` of `DeepSeek`.
const ABORTED: [&str; 7] = [
    "error",
    "abort",
    "aborted",
    "cancel",
    "cancelled",
    "canceled",
    "insufficient_system_resource",
];

/// For one that is withheld: `content_filter` of `OpenAI` and `DeepSeek`, `refusal` of Anthropic, the others of Gemini and
/// Cohere.
const WITHHELD: [&str; 8] = [
    "content_filter",
    "refusal",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "error_toxic",
];

impl Finish {
    /// Reads the reason as servers write it.
    pub fn from_reason(reason: &str) -> Self {
        let word = reason.to_ascii_lowercase();
        let is_of = |words: &[&str]| words.contains(&word.as_str());
        if is_of(&WHOLE) {
            Self::Stop
        } else if is_of(&CUT) {
            Self::Length
        } else if is_of(&CALLS) {
            Self::ToolCalls
        } else if is_of(&ABORTED) {
            Self::Aborted(reason.to_owned())
        } else if is_of(&WITHHELD) {
            Self::Withheld(reason.to_owned())
        } else {
            Self::Other(reason.to_owned())
        }
    }

    /// Returns the reason as servers write it.
    pub fn as_reason(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Stopped(stop) => stop.as_str(),
            Self::Aborted(reason) | Self::Withheld(reason) | Self::Other(reason) => reason,
        }
    }
}

impl Serialize for Finish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_reason())
    }
}

impl<'de> Deserialize<'de> for Finish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reason = String::deserialize(deserializer)?;
        // Only what we wrote ourselves is read here: a server's words go through `from_reason`.
        Ok(Stop::from_word(&reason).map_or_else(|| Self::from_reason(&reason), Self::Stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_of_one_kind() {
        for (words, is_right) in [
            (
                &WHOLE[..],
                (|finish| *finish == Finish::Stop) as fn(&Finish) -> bool,
            ),
            (&CUT, |finish| *finish == Finish::Length),
            (&CALLS, |finish| *finish == Finish::ToolCalls),
            (&ABORTED, |finish| matches!(finish, Finish::Aborted(_))),
            (&WITHHELD, |finish| matches!(finish, Finish::Withheld(_))),
            (&["", "guessed", "pause_turn"], |finish| {
                matches!(finish, Finish::Other(_))
            }),
        ] {
            for word in words {
                for written in [(*word).to_owned(), word.to_uppercase()] {
                    assert!(is_right(&Finish::from_reason(&written)), "{written}");
                }
            }
        }
    }

    #[test]
    fn what_a_server_says_is_not_taken_for_what_we_did() {
        assert_eq!(Finish::from_reason("complete"), Finish::Stop);
        assert_eq!(
            serde_json::from_str::<Finish>("\"complete\"").unwrap(),
            Finish::Stopped(Stop::Complete)
        );
        for kept in [
            Finish::Aborted("error".to_owned()),
            Finish::Withheld("SAFETY".to_owned()),
            Finish::Other("looks_good".to_owned()),
        ] {
            let text = serde_json::to_string(&kept).unwrap();
            assert_eq!(serde_json::from_str::<Finish>(&text).unwrap(), kept);
        }
    }
}
