//! The events that nearly all of an answer is made of: some text of one choice, and nothing else.
//!
//! An answer has hundreds of them, so they are read without a tree of values in between. Whatever else an event has
//! is left to the lenient reading, which gives the same for these.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Chunk;

/// Reads an event that has text and nothing else; nothing where it has more, or is no event.
pub(super) fn read(text: &str) -> Option<Chunk> {
    let Object(event) = serde_json::from_str::<Object<Event>>(text).ok()?;
    let mut chunk = Chunk {
        model: event.model.filter(|model| !model.is_empty()),
        ..Chunk::default()
    };
    if let Some(Object(choice)) = event.choices.into_iter().next() {
        chunk.finish = choice.finish.filter(|reason| !reason.is_empty());
        let thinking = choice.delta.thinking.into_iter().flatten();
        chunk.thinking = thinking
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        chunk.text = choice.delta.content.unwrap_or_default();
    }
    Some(chunk)
}

#[derive(Default)]
struct Event {
    model: Option<String>,
    choices: Vec<Object<Choice>>,
}

#[derive(Default)]
struct Choice {
    finish: Option<String>,
    delta: Delta,
}

#[derive(Default)]
struct Delta {
    content: Option<String>,
    /// Under its three names, in the order in which they count.
    thinking: [Option<String>; 3],
}

/// A JSON object with some fields that are looked at. Derived readers take lists for objects as well.
struct Object<T>(T);

trait Fields: Default {
    /// Takes the value of a field, which is null or of the usual type.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error>;
}

impl Fields for Event {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.model = fields.next_value()?,
            "choices" => self.choices = fields.next_value::<Option<_>>()?.unwrap_or_default(),
            "usage" | "error" => null(fields)?,
            _ => ignore(fields)?,
        }
        Ok(())
    }
}

impl Fields for Choice {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "finish_reason" => self.finish = fields.next_value()?,
            "delta" => {
                let delta = fields.next_value::<Option<Object<Delta>>>()?;
                self.delta = delta.map(|Object(delta)| delta).unwrap_or_default();
            }
            "message" => null(fields)?,
            _ => ignore(fields)?,
        }
        Ok(())
    }
}

impl Fields for Delta {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        let [first, second, third] = &mut self.thinking;
        match name {
            "content" => self.content = fields.next_value()?,
            "reasoning_content" => *first = fields.next_value()?,
            "reasoning" => *second = fields.next_value()?,
            "thinking" => *third = fields.next_value()?,
            "tool_calls" => null(fields)?,
            _ => ignore(fields)?,
        }
        Ok(())
    }
}

/// Takes a field that must say nothing.
fn null<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    match fields.next_value::<Option<IgnoredAny>>()? {
        None => Ok(()),
        Some(IgnoredAny) => Err(A::Error::custom("more than text")),
    }
}

fn ignore<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    fields.next_value::<IgnoredAny>().map(|IgnoredAny| ())
}

impl<'de, T: Fields> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Fields> Visitor<'de> for Reader<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                let mut value = T::default();
                // A name that is written with escapes can't be borrowed, and is none of those that are looked for.
                while let Some(name) = fields.next_key::<&str>()? {
                    value.take(name, &mut fields)?;
                }
                Ok(Object(value))
            }
        }

        deserializer.deserialize_map(Reader(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn usual_events_are_read_at_once() {
        let event = json!({
            "id": "1", "object": "chat.completion.chunk", "created": 5, "model": "m", "usage": null,
            "choices": [{ "index": 0, "delta": { "content": "so \u{e9}\n" }, "logprobs": null, "finish_reason": null }],
        });
        let chunk = read(&event.to_string()).unwrap();
        assert_eq!(
            (chunk.text.as_str(), chunk.model.as_deref()),
            ("so \u{e9}\n", Some("m"))
        );
        assert!(read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).is_some());
        assert!(read(r#"{"choices":[],"usage":{"prompt_tokens":1}}"#).is_none());
    }

    fn some(leaf: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
        prop_oneof![
            3 => leaf,
            1 => Just(Value::Null),
            1 => Just(json!("")),
            1 => Just(json!(3)),
            1 => Just(json!([["stop", { "content": "x" }]])),
            1 => Just(json!({ "content": "y" })),
        ]
        .boxed()
    }

    fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| prop::option::of(value.prop_map(move |value| (name, value))))
            .collect();
        fields
            .prop_map(|fields| {
                let fields = fields.into_iter().flatten();
                Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
            })
            .boxed()
    }

    fn events() -> BoxedStrategy<Value> {
        let text = || some("[a-z\"é]{1,4}".prop_map(Value::from));
        let delta = object(vec![
            ("content", text()),
            ("reasoning_content", text()),
            ("reasoning", text()),
            ("thinking", text()),
            ("role", text()),
            (
                "tool_calls",
                some(Just(json!([{ "index": 0, "function": { "name": "f" } }]))),
            ),
        ]);
        let choice = object(vec![
            ("finish_reason", text()),
            ("delta", some(delta.clone())),
            ("message", some(delta)),
        ]);
        object(vec![
            ("model", text()),
            (
                "choices",
                some(prop::collection::vec(some(choice), 0..3).prop_map(Value::from)),
            ),
            (
                "usage",
                some(Just(json!({ "prompt_tokens": 3, "completion_tokens": 4 }))),
            ),
            ("error", some(Just(json!("no")))),
            ("x", text()),
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_read_at_once_is_what_the_lenient_reading_gives(event in some(events())) {
            let text = event.to_string();
            if let Some(chunk) = read(&text) {
                prop_assert_eq!(Some(chunk), Chunk::lenient(&text), "{}", text);
            }
        }
    }
}
