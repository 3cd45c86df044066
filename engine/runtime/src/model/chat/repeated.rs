//! Events that differ from one before them in their text alone, as nearly all events of a stream do.
//!
//! A server writes some 200 bytes around each token, the same ones again and again. What stands around the text of one
//! event is kept; an event that has the same around a plain text is that event with this text, and need not be read
//! as JSON once more.

use super::{Chunk, plain};

/// So often something is kept that no event repeats before none is kept any more: some servers number their events.
const TRIES: u8 = 4;

/// What stands around the text of an event.
#[derive(Debug, Default)]
pub(in crate::model) struct Repeated {
    /// Up to the quote that opens the text, and from the quote that closes it.
    around: Option<(String, String)>,
    thinking: bool,
    /// How often something was kept and not repeated.
    tries: u8,
}

impl Repeated {
    /// Reads an event; nothing where it is not JSON, or not an object. The model is told for the first of several
    /// events that are the same but for their text.
    pub(in crate::model) fn read(&mut self, event: &str) -> Option<Chunk> {
        if let Some(text) = self.text_of(event) {
            let text = text.to_owned();
            self.tries = 0;
            return Some(if self.thinking {
                Chunk {
                    thinking: text,
                    ..Chunk::default()
                }
            } else {
                Chunk {
                    text,
                    ..Chunk::default()
                }
            });
        }
        let Some(chunk) = plain::read(event) else {
            return Chunk::lenient(event);
        };
        if self.tries < TRIES {
            self.keep(event, &chunk);
        }
        Some(chunk)
    }

    /// The text of an event that is the same around it.
    fn text_of<'e>(&self, event: &'e str) -> Option<&'e str> {
        let (before, after) = self.around.as_ref()?;
        let text = event
            .strip_prefix(before.as_str())?
            .strip_suffix(after.as_str())?;
        // Where one of two says nothing, the other one counts.
        (!text.is_empty() && is_plain(text)).then_some(text)
    }

    /// Keeps what stands around the text of an event that has nothing else.
    fn keep(&mut self, event: &str, chunk: &Chunk) {
        let text = match (chunk.text.as_str(), chunk.thinking.as_str()) {
            (text, "") | ("", text) if !text.is_empty() && chunk.finish.is_none() => text,
            _ => return,
        };
        // Without escapes each string stands there as it is: the only one that says this is the text.
        if event.contains('\\') || !is_plain(text) {
            return;
        }
        let quoted = format!("\"{text}\"");
        let mut places = event.match_indices(&quoted).map(|(place, _)| place);
        let (Some(place), None) = (places.next(), places.next()) else {
            return;
        };
        self.thinking = chunk.text.is_empty();
        self.around = event.split_at_checked(place + 1).map(|(before, rest)| {
            (
                before.to_owned(),
                rest.get(text.len()..).unwrap_or_default().to_owned(),
            )
        });
        self.tries += 1;
    }
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> String {
        let text = serde_json::to_string(text).unwrap();
        format!(
            r#"{{"id":"a","object":"chat.completion.chunk","model":"m","choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":null}}]}}"#
        )
    }

    #[test]
    fn what_repeats_is_kept_and_what_else_comes_is_read() {
        let mut repeated = Repeated::default();
        let mut read = |event: &str| repeated.read(event).unwrap();
        assert_eq!(read(&event("one")).model.as_deref(), Some("m"));
        let again = read(&event(" two"));
        assert_eq!((again.text.as_str(), again.model), (" two", None));
        // What has to be decoded is.
        assert_eq!(read(&event("a \"quote\"\n")).text, "a \"quote\"\n");
        assert_eq!(read(&event("\\")).text, "\\");
        let last = r#"{"choices":[{"delta":{"content":""},"finish_reason":"stop"}]}"#;
        assert_eq!(read(last).finish.as_deref(), Some("stop"));
        let thinking = |text: &str| format!(r#"{{"choices":[{{"delta":{{"reasoning":"{text}"}}}}]}}"#);
        for text in ["hm", "so"] {
            assert_eq!(read(&thinking(text)).thinking, text);
        }
        assert_eq!(read(&event("end")).text, "end");
        assert!(repeated.read("{not json").is_none());
    }

    #[test]
    fn a_text_that_stands_elsewhere_too_is_not_mistaken() {
        let mut repeated = Repeated::default();
        for text in ["m", "content", "index", "a", "a\",\"model\":\"x", "b"] {
            assert_eq!(repeated.read(&event(text)).unwrap().text, text);
        }
        // The same text in another place, written otherwise where it counts.
        let odd = r#"{"id":"A","choices":[{"delta":{"content":"\u0041"}}]}"#;
        assert_eq!(repeated.read(odd).unwrap().text, "A");
        assert_eq!(repeated.read(&odd.replace("\"A\"", "\"B\"")).unwrap().text, "A");
    }

    #[test]
    fn events_that_are_numbered_are_read_each() {
        let mut repeated = Repeated::default();
        for number in 0..20 {
            let event = format!(r#"{{"id":{number},"choices":[{{"delta":{{"content":"x{number}"}}}}]}}"#);
            assert_eq!(repeated.read(&event).unwrap().text, format!("x{number}"));
        }
        assert_eq!(repeated.tries, TRIES);
    }

    proptest! {
        #[test]
        fn a_stream_says_what_its_events_say(
            events in prop::collection::vec(
                ("[a-c\"\\\\\n{}:]{0,6}", prop_oneof![Just("content"), Just("reasoning"), Just("x")], "[ab]{0,1}"),
                1..12,
            ),
        ) {
            let mut repeated = Repeated::default();
            for (text, name, id) in events {
                let text = serde_json::to_string(&text).unwrap();
                let event = format!(r#"{{"id":"{id}","choices":[{{"delta":{{"{name}":{text}}}}}]}}"#);
                prop_assert_eq!(repeated.read(&event), Chunk::read(&event), "{}", event);
            }
        }
    }
}
