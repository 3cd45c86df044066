//! An answer is watched as it arrives, and stopped when nothing good can follow: the value is complete, the text goes
//! round in circles, the model thinks for longer than it may, or the server goes past the limit that it was given.
//!
//! All of it takes time linear in the answer.

mod repetition;

use serde::{Deserialize, Serialize};
use smallcode_core::tokens::{Family, Tokens, estimate};
use smallcode_parse::{Expect, Schema, Stream, parse};

use super::message::Request;
use repetition::Repetition;

/// How many bytes may follow a value that is complete: a closing fence and the end of a sentence. A server that ends by
/// itself also tells what it counted, so well-behaved models are let end.
const AFTER_VALUE: usize = 64;

/// How many bytes of prose may follow a call: a paragraph. More is what a model makes up of the call's result.
const AFTER_CALL: usize = 512;

/// What a further call, a block of code or an edit begins with.
const BEGINS_MORE: [char; 4] = ['{', '[', '<', '`'];

/// Bytes of answer for each token of its limit, and for short ones some more. Long tokens are those of spaces, with up
/// to 128; text and code have 2 to 6.
const BYTES_A_TOKEN: u64 = 32;
const SPARE_BYTES: u64 = 4096;

/// Bytes of thinking that are counted at once: the tokens at the seams make no difference then.
const COUNTED_AT_ONCE: usize = 1024;

/// Tags between which some models think in the answer itself.
const THINK: &str = "<think";
const THOUGHT: &str = "</think";

/// Why an answer was stopped before the server ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The value is complete, and nothing may follow it.
    Complete,
    /// The text repeats itself.
    Looping,
    /// The thinking left too little for an answer.
    Overthinking,
    /// The server went past the limit that it was given.
    Overlong,
}

impl Stop {
    /// Every reason.
    const ALL: [Self; 4] = [Self::Complete, Self::Looping, Self::Overthinking, Self::Overlong];

    /// Its word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Looping => "looping",
            Self::Overthinking => "overthinking",
            Self::Overlong => "overlong",
        }
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stop| stop.as_str() == word)
    }
}

/// The most tokens of thinking, for an answer of so many in all: what is left holds a short answer.
pub fn thinking_allowance(max_tokens: u64) -> u64 {
    max_tokens / 4 * 3
}

/// What an answer is expected to be.
pub(super) fn expectation(request: &Request) -> Option<Expect> {
    let schema = request.schema.as_ref()?;
    // Of anything else more may follow: a list without brackets goes on after its first item, a number with a digit.
    (schema.get("type")? == "object").then(|| Expect::Value(Schema::new(schema)))
}

/// One answer as it arrives.
pub(super) struct Watch<'e> {
    value: Option<(Stream<'e>, &'e Expect)>,
    calls: Option<Stream<'e>>,
    /// Whether something has begun behind the last complete call that may be more of the answer.
    goes_on: bool,
    /// After which byte of the answer its value was complete.
    complete: Option<usize>,
    answer: Repetition,
    thinking: Repetition,
    passed: Repetition,
    bytes: u64,
    most_bytes: u64,
    family: Family,
    thought: Tokens,
    allowance: Tokens,
    /// Thinking that is not counted yet.
    uncounted: String,
    tags: Tags,
}

/// Whether the text is thinking.
enum Tags {
    /// Too little has arrived to know.
    Unknown(String),
    /// It is, with the last bytes of it, in which the closing tag may have begun.
    Thinking(String),
    Answer,
}

impl<'e> Watch<'e> {
    pub(super) fn new(model: &str, request: &'e Request, expect: Option<&'e Expect>) -> Self {
        Self {
            value: expect.map(|expect| (Stream::new(expect), expect)),
            calls: request.offered.0.as_deref().map(Stream::new),
            goes_on: false,
            complete: None,
            answer: Repetition::default(),
            thinking: Repetition::default(),
            passed: Repetition::default(),
            bytes: 0,
            most_bytes: request
                .max_tokens
                .saturating_mul(BYTES_A_TOKEN)
                .saturating_add(SPARE_BYTES),
            family: Family::of_model(model),
            thought: Tokens::ZERO,
            allowance: Tokens(thinking_allowance(request.max_tokens)),
            uncounted: String::new(),
            tags: Tags::Unknown(String::new()),
        }
    }

    /// Takes in what arrived, and tells whether to stop.
    pub(super) fn push(&mut self, text: &str, thinking: &str) -> Option<Stop> {
        self.think(thinking).or_else(|| self.say(text))
    }

    /// Takes in what a model passes to tools, and tells whether to stop.
    pub(super) fn pass(&mut self, arguments: &str) -> Option<Stop> {
        if self.passed.push(arguments) {
            return Some(Stop::Looping);
        }
        self.has_grown(arguments)
    }

    /// How much of the answer counts, where it was stopped after its value.
    pub(super) fn complete(&self) -> Option<usize> {
        self.complete
    }

    fn think(&mut self, thinking: &str) -> Option<Stop> {
        if self.thinking.push(thinking) {
            return Some(Stop::Looping);
        }
        self.uncounted.push_str(thinking);
        if self.uncounted.len() >= COUNTED_AT_ONCE {
            // The lower end of the range: what is stopped has surely thought for too long.
            self.thought += estimate(self.family, &self.uncounted).low;
            self.uncounted.clear();
        }
        (self.thought > self.allowance).then_some(Stop::Overthinking)
    }

    fn say(&mut self, text: &str) -> Option<Stop> {
        let (thinks, ends) = self.tags.follow(text);
        if thinks {
            let stop = self.think(text);
            if stop.is_some() {
                return stop;
            }
        } else if self.answer.push(text) {
            return Some(Stop::Looping);
        }
        if ends {
            self.answer = Repetition::default();
        }
        if let Some(stop) = self.has_grown(text) {
            return Some(stop);
        }
        if self.calls.is_some() {
            return self.call(text);
        }
        let (stream, expect) = self.value.as_mut()?;
        if self.complete.is_none() {
            let at = stream.feed(text).at?;
            // What took more than reading may be read otherwise once more of it is there.
            let so_far = stream.text().get(..at)?;
            if parse(so_far, expect, true).repairs.is_empty() {
                self.complete = Some(at);
            } else {
                self.value = None;
            }
        }
        let after = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let gone_on = self.complete.is_some_and(|at| after > at + AFTER_VALUE);
        gone_on.then_some(Stop::Complete)
    }

    /// Whether a call is complete, and nothing but prose has followed it for long.
    fn call(&mut self, text: &str) -> Option<Stop> {
        let stream = self.calls.as_mut()?;
        if let Some(at) = stream.feed(text).at {
            self.complete = Some(at);
            self.goes_on = false;
        }
        let behind = stream.text().get(self.complete?..)?;
        if self.goes_on || behind.len() <= AFTER_CALL {
            return None;
        }
        // The end of the call's own tag is none of it.
        let tag = behind.trim_start().strip_prefix("</");
        let behind = tag
            .and_then(|tag| tag.split_once('>'))
            .map_or(behind, |(_, behind)| behind);
        self.goes_on = behind.contains(BEGINS_MORE);
        (!self.goes_on).then_some(Stop::Complete)
    }

    /// Counts more of the answer, and tells whether that is more than its limit can hold.
    fn has_grown(&mut self, text: &str) -> Option<Stop> {
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        (self.bytes > self.most_bytes).then_some(Stop::Overlong)
    }
}

impl Tags {
    /// Whether this part of the text is thinking, and whether it is the last of it.
    fn follow(&mut self, text: &str) -> (bool, bool) {
        match self {
            Self::Answer => (false, false),
            Self::Unknown(start) => {
                start.push_str(text);
                let begun = start.trim_start();
                if begun.starts_with(THINK) {
                    *self = Self::Thinking(String::new());
                    return self.follow(text);
                }
                if begun.len() >= THINK.len() || !THINK.starts_with(begun) {
                    *self = Self::Answer;
                }
                (false, false)
            }
            Self::Thinking(last) => {
                last.push_str(text);
                if last.contains(THOUGHT) {
                    *self = Self::Answer;
                    return (true, true);
                }
                let from = last.len().saturating_sub(THOUGHT.len());
                let from = (from..=last.len()).find(|at| last.is_char_boundary(*at));
                last.drain(..from.unwrap_or(0));
                (true, false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(max_tokens: u64, schema: Option<serde_json::Value>) -> Request {
        Request {
            schema,
            ..Request::of_tokens(max_tokens)
        }
    }

    /// Why an answer is stopped, and after how many bytes.
    fn stopped(request: &Request, text: &str, thinking: &str) -> Option<(Stop, usize)> {
        let expect = expectation(request);
        let mut watch = Watch::new("qwen2.5", request, expect.as_ref());
        let mut read = 0;
        for part in thinking.as_bytes().chunks(7) {
            read += part.len();
            if let Some(stop) = watch.push("", &String::from_utf8_lossy(part)) {
                return Some((stop, read));
            }
        }
        for part in text.as_bytes().chunks(7) {
            read += part.len();
            if let Some(stop) = watch.push(&String::from_utf8_lossy(part), "") {
                return Some((
                    stop,
                    watch
                        .complete()
                        .filter(|_| stop == Stop::Complete)
                        .unwrap_or(read),
                ));
            }
        }
        None
    }

    fn numbers(count: usize) -> String {
        let numbers: Vec<String> = (0..count).map(|n| (n * n).to_string()).collect();
        numbers.join(" ")
    }

    #[test]
    fn what_follows_a_value_is_not_waited_for() {
        let object =
            json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
        let request = request(1000, Some(object));
        let value = "{\"n\": 1}";
        let chatter = format!("{value}\nI chose one because {}", numbers(100));
        assert_eq!(
            stopped(&request, &chatter, ""),
            Some((Stop::Complete, value.len()))
        );
        // A model that ends by itself is let end, so that its server tells what it counted.
        assert_eq!(stopped(&request, "```json\n{\"n\": 1}\n```\nDone.", ""), None);
        // What must be repaired may be read otherwise later.
        let broken = format!("{{n: 1}}\nor rather {}", numbers(100));
        assert_eq!(stopped(&request, &broken, ""), None);
    }

    #[test]
    fn what_is_passed_to_a_tool_is_watched_as_well() {
        fn stopped(mut parts: impl Iterator<Item = String>) -> Option<Stop> {
            let request = request(100, None);
            let mut watch = Watch::new("qwen2.5", &request, None);
            parts.find_map(|part| watch.pass(&part))
        }
        let numbers = |count: u64| (0..count).map(|n| (n * n).to_string());
        let path = std::iter::repeat_n("src/a.rs, ".to_owned(), 100_000);
        assert_eq!(stopped(path), Some(Stop::Looping));
        assert_eq!(stopped(numbers(100_000)), Some(Stop::Overlong));
        assert_eq!(stopped(numbers(100)), None);
    }

    #[test]
    fn what_a_model_makes_up_behind_a_call_is_not_waited_for() {
        let path = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
        let tools = ["read_file", "write_file"].map(|name| smallcode_parse::Tool::new(name, &path));
        let mut request = request(10_000, None);
        let expect = Expect::Calls(smallcode_parse::Tools::new(tools.into()));
        request.offered = crate::model::Offered(Some(std::sync::Arc::new(expect)));
        let call = |name: &str| {
            format!(
                "I do.\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {{\"path\": \"a\"}}}}\n</tool_call>\n"
            )
        };
        let (stop, kept) = stopped(&request, &(call("read_file") + &numbers(1000)), "").unwrap();
        assert_eq!(stop, Stop::Complete);
        assert!(call("read_file").trim_end().len() >= kept && kept > 60, "{kept}");
        // A second call, and the content of a file, belong to the answer.
        for more in [
            call("read_file") + &"x ".repeat(200) + &call("read_file"),
            call("write_file") + "```\n" + &numbers(1000) + "\n```\n",
        ] {
            assert_eq!(stopped(&request, &more, ""), None, "{more}");
        }
        assert_eq!(stopped(&request, &numbers(1000), ""), None);
    }

    #[test]
    fn a_list_may_go_on_after_its_first_item() {
        let list = json!({ "type": "array", "items": { "type": "object" } });
        let answer: Vec<String> = (0..50).map(|n| format!("{{\"n\": {n}}}\n")).collect();
        assert_eq!(stopped(&request(1000, Some(list)), &answer.concat(), ""), None);
    }

    #[test]
    fn thinking_has_an_allowance_wherever_it_stands() {
        let endless = numbers(20_000);
        let (stop, read) = stopped(&request(1000, None), "", &endless).unwrap();
        assert!(stop == Stop::Overthinking && read < 16_000, "{stop:?} {read}");
        let inline = format!("<think>\n{endless}");
        let (stop, read) = stopped(&request(1000, None), &inline, "").unwrap();
        assert!(stop == Stop::Overthinking && read < 16_000, "{stop:?} {read}");
        let enough = format!("<think>\n{}</think>\n{}", numbers(50), numbers(200));
        assert_eq!(stopped(&request(1000, None), &enough, ""), None);
    }

    #[test]
    fn no_answer_grows_without_end() {
        let (stop, read) = stopped(&request(100, None), &numbers(200_000), "").unwrap();
        assert!(stop == Stop::Overlong && read < 8_000, "{stop:?} {read}");
        let (stop, read) = stopped(&request(4000, None), &" ".repeat(1_000_000), "").unwrap();
        assert!(stop == Stop::Looping && read < 4_000, "{stop:?} {read}");
    }
}
