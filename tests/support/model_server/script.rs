//! What the server says: answers in order, by rule or by a function, and the faults among them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::RecordedRequest;
use super::dialect::{self, Dialect};

/// The tokens that a server reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reported {
    /// A count of words, marks and single digits: near any vocabulary on English and code.
    Counted,
    /// These numbers.
    Exactly { prompt: u64, completion: u64 },
    /// No `usage` at all.
    Absent,
}

/// What goes wrong with an answer. Several may be combined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Silence before the first byte.
    Delay(Duration),
    /// Silence for ever after so many events.
    Stall { after_events: usize },
    /// The body ends cleanly after so many bytes, as if it were whole.
    Cut { after_bytes: usize },
    /// The connection closes after so many bytes, in the middle of the transfer.
    CutFrame { after_bytes: usize },
    /// The connection is reset after so many bytes of the body; 0 is before the head.
    Reset { after_bytes: usize },
    /// A failure; `retry_after` is sent as it is.
    Status {
        status: u16,
        retry_after: Option<String>,
        body: String,
    },
    /// An event that is not JSON, after the first.
    MalformedSse,
    /// A page of HTML with status 200.
    Html200,
    /// An `error` object inside the stream, after the first event.
    ErrorInStream(Value),
    /// After the answer the same text again and again, until the client goes away.
    Endless { text: String },
    /// The same as thinking, after which the answer never comes.
    EndlessThinking { text: String },
    /// A text of so many bytes.
    HugeAnswer { bytes: usize },
    /// The bytes of the body are sent in pieces of this size.
    Pieces { bytes: usize },
    /// This body, byte for byte, with status 200 and a content type.
    Body { kind: &'static str, body: String },
    /// One JSON value although a stream was asked for.
    WholeJson,
}

impl Fault {
    /// A failure with a status and nothing else.
    pub(crate) fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            body: format!("{{\"error\":{{\"code\":{status}}}}}"),
        }
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) thinking: String,
    /// Names and arguments.
    pub(crate) tool_calls: Vec<(String, String)>,
    /// Left out when empty.
    pub(crate) finish: String,
    pub(crate) usage: Reported,
    /// Tokens of the prompt that it says it had cached.
    pub(crate) cached: Option<u64>,
    pub(crate) faults: Vec<Fault>,
}

impl Answer {
    /// An answer of text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            thinking: String::new(),
            tool_calls: Vec::new(),
            finish: "stop".to_owned(),
            usage: Reported::Counted,
            cached: None,
            faults: Vec::new(),
        }
    }

    /// An answer that goes wrong.
    pub(crate) fn fault(fault: Fault) -> Self {
        Self::text("an answer of some length that goes wrong").with(fault)
    }

    /// Adds a fault.
    #[must_use]
    pub(crate) fn with(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds thoughts.
    #[must_use]
    pub(crate) fn thinking(mut self, thinking: impl Into<String>) -> Self {
        self.thinking = thinking.into();
        self
    }

    /// Adds a call of a tool.
    #[must_use]
    pub(crate) fn tool(mut self, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        self.tool_calls.push((name.into(), arguments.into()));
        "tool_calls".clone_into(&mut self.finish);
        self
    }

    /// Sets the reason of the end.
    #[must_use]
    pub(crate) fn finish(mut self, finish: impl Into<String>) -> Self {
        self.finish = finish.into();
        self
    }

    /// Sets the counts.
    #[must_use]
    pub(crate) fn usage(mut self, usage: Reported) -> Self {
        self.usage = usage;
        self
    }
}

/// What a server counts for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Texts, and it makes one of a chat: llama.cpp.
    Text,
    /// Chats: vLLM.
    Chat,
}

/// How often a fault happens: in so many of a hundred calls.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) percent: u64,
    pub(crate) fault: Fault,
}

type Function = Box<dyn Fn(&RecordedRequest, usize) -> Answer + Send + Sync>;

#[derive(Debug)]
enum Rule {
    LastUserMessage(String),
    Schema(String),
}

/// What the server says. Asked in this order: the function, the rules, the list, the last answer.
pub(crate) struct Script {
    function: Option<Function>,
    rules: Vec<(Rule, Answer)>,
    list: Vec<Answer>,
    otherwise: Answer,
    /// A seed, and faults with their rates.
    random: Option<(u64, Vec<Rate>)>,
    routes: BTreeMap<String, (u16, Value)>,
    /// Counts chats for whoever asks, as `/tokenize` does: so many tokens for each that is usual.
    counts: Option<(Counting, u64)>,
    /// The only words in which it takes a schema; nothing where it takes all.
    takes: Option<&'static str>,
    /// Whether it keeps the prompt that it read last.
    caches: bool,
    /// How many requests of any kind are answered that the model is loading.
    loading: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: usize,
    /// How many requests were told that the model is loading.
    told_loading: usize,
    from_list: usize,
    /// How often each request came, by its digest.
    seen: BTreeMap<u64, u64>,
    /// The prompt that was read last.
    last: String,
}

impl Script {
    /// Answers in this order, then [`Script::otherwise`]: by default the status 500.
    pub(crate) fn answers(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            function: None,
            rules: Vec::new(),
            list: answers.into_iter().collect(),
            otherwise: Answer::fault(Fault::Status {
                status: 500,
                retry_after: None,
                body: "the script has no more answers".to_owned(),
            }),
            random: None,
            counts: None,
            takes: None,
            caches: false,
            loading: 0,
            routes: dialect::routes(&Dialect::Plain, "tiny"),
            state: Mutex::default(),
        }
    }

    /// The same answer for ever.
    pub(crate) fn always(answer: Answer) -> Self {
        Self::answers([]).otherwise(answer)
    }

    /// Whatever a function says of a request and its number, from 0.
    pub(crate) fn function(f: impl Fn(&RecordedRequest, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            function: Some(Box::new(f)),
            ..Self::answers([])
        }
    }

    /// Answers in order, with faults by chance. Which request meets which fault follows from the
    /// seed, the body of the request and how often it came: not from the order of arrival.
    pub(crate) fn seeded(seed: u64, rates: Vec<Rate>, answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            random: Some((seed, rates)),
            ..Self::answers(answers)
        }
    }

    /// Answers when the last message of the user holds a text.
    #[must_use]
    pub(crate) fn when(mut self, holds: impl Into<String>, answer: Answer) -> Self {
        self.rules.push((Rule::LastUserMessage(holds.into()), answer));
        self
    }

    /// Answers when a JSON Schema is asked for that holds a text, such as the name of a property.
    #[must_use]
    pub(crate) fn when_schema(mut self, holds: impl Into<String>, answer: Answer) -> Self {
        self.rules.push((Rule::Schema(holds.into()), answer));
        self
    }

    /// Answers when nothing else does.
    #[must_use]
    pub(crate) fn otherwise(mut self, answer: Answer) -> Self {
        self.otherwise = answer;
        self
    }

    /// Plays a server of this kind with this model.
    #[must_use]
    pub(crate) fn dialect(mut self, dialect: &Dialect, model: &str) -> Self {
        self.routes = dialect::routes(dialect, model);
        self
    }

    /// Counts chats for whoever asks, `times` as many tokens as is usual.
    #[must_use]
    pub(crate) fn counting(mut self, how: Counting, times: u64) -> Self {
        self.counts = Some((how, times));
        self
    }

    /// Keeps the prompt that it read last, as a server with one slot does, and tells how much of the next it had.
    #[must_use]
    pub(crate) fn caching(mut self) -> Self {
        self.caches = true;
        self
    }

    /// Takes a schema in these words only, such as `json_schema`, and refuses all others; none with an empty word.
    #[must_use]
    pub(crate) fn taking(mut self, word: &'static str) -> Self {
        self.takes = Some(word);
        self
    }

    /// Answers so many requests of any kind as llama.cpp does while it loads its model.
    #[must_use]
    pub(crate) fn loading(mut self, requests: usize) -> Self {
        self.loading = requests;
        self
    }

    /// Whether this request comes while the model is loading.
    pub(super) fn is_loading(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.told_loading += 1;
        state.told_loading <= self.loading
    }

    /// Why a call is refused.
    pub(super) fn refusal(&self, request: &RecordedRequest) -> Option<String> {
        let takes = self.takes?;
        let words = [
            "response_format",
            "json_schema",
            "structured_outputs",
            "guided_json",
            "grammar",
            "tools",
        ];
        let said = words
            .into_iter()
            .find(|word| *word != takes && request.body.get(word).is_some())?;
        Some(format!("unknown field `{said}`"))
    }

    /// How many tokens this server makes of a chat.
    pub(crate) fn counted(messages: &Value, times: u64) -> u64 {
        let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
        let contents = messages.iter().filter_map(|message| message["content"].as_str());
        contents
            .map(|content| super::wire::words(content) + 5)
            .sum::<u64>()
            * times
    }

    fn count(&self, request: &RecordedRequest) -> Option<Value> {
        let (how, times) = self.counts?;
        let body = &request.body;
        let tokens = |count: u64| vec![0_u8; usize::try_from(count).unwrap_or(0)];
        match (how, request.path.as_str()) {
            (Counting::Text, "/apply-template") => {
                Some(serde_json::json!({ "prompt": body["messages"].to_string() }))
            }
            (Counting::Text, "/tokenize") => {
                let messages = serde_json::from_str(body["content"].as_str()?).ok()?;
                Some(serde_json::json!({ "tokens": tokens(Self::counted(&messages, times)) }))
            }
            (Counting::Chat, "/tokenize") => {
                let count = body
                    .get("messages")
                    .map(|messages| Self::counted(messages, times))?;
                Some(serde_json::json!({ "count": count, "max_model_len": 4096, "tokens": tokens(count) }))
            }
            _ => None,
        }
    }

    /// Answers a path, such as `/props`, with a value.
    #[must_use]
    pub(crate) fn route(mut self, path: impl Into<String>, status: u16, body: Value) -> Self {
        self.routes.insert(path.into(), (status, body));
        self
    }

    pub(super) fn route_answer(&self, request: &RecordedRequest) -> (u16, Value) {
        let path = request.path.as_str();
        let missing = || {
            (
                404,
                serde_json::json!({ "error": { "code": 404, "message": "no such route" } }),
            )
        };
        if let Some(count) = self.count(request) {
            return (200, count);
        }
        self.routes.get(path).cloned().unwrap_or_else(missing)
    }

    pub(super) fn answer(&self, request: &RecordedRequest) -> Answer {
        let mut answer = self.answer_uncached(request);
        if self.caches {
            let prompt = request.body["messages"].to_string();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let alike = prompt.chars().zip(state.last.chars());
            let alike: String = alike
                .take_while(|(one, other)| one == other)
                .map(|(one, _)| one)
                .collect();
            answer.cached = Some(super::wire::words(&alike));
            state.last = prompt;
        }
        answer
    }

    fn answer_uncached(&self, request: &RecordedRequest) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.calls;
        state.calls += 1;
        let occurrence = state.seen.entry(digest(request)).or_default();
        *occurrence += 1;
        let occurrence = *occurrence;

        // A fault by chance uses up no answer of the list.
        if let Some(fault) = self.fault_by_chance(request, occurrence) {
            return Answer::fault(fault);
        }
        if let Some(function) = &self.function {
            drop(state);
            return function(request, number);
        }
        if let Some((_, answer)) = self.rules.iter().find(|(rule, _)| rule.fits(request)) {
            return answer.clone();
        }
        let next = state.from_list;
        state.from_list += 1;
        self.list.get(next).unwrap_or(&self.otherwise).clone()
    }

    fn fault_by_chance(&self, request: &RecordedRequest, occurrence: u64) -> Option<Fault> {
        let (seed, rates) = self.random.as_ref()?;
        let mut roll = mix(seed ^ digest(request) ^ mix(occurrence)) % 100;
        for rate in rates {
            if roll < rate.percent {
                return Some(rate.fault.clone());
            }
            roll -= rate.percent;
        }
        None
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("rules", &self.rules)
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}

impl Rule {
    fn fits(&self, request: &RecordedRequest) -> bool {
        match self {
            Self::LastUserMessage(text) => request.last_user_message().contains(text.as_str()),
            Self::Schema(text) => request
                .schema()
                .is_some_and(|schema| schema.to_string().contains(text.as_str())),
        }
    }
}

/// The standard library's hasher with fixed keys: the same in every run of one build.
fn digest(request: &RecordedRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.body.to_string().hash(&mut hasher);
    hasher.finish()
}

/// `SplitMix64` of a number.
fn mix(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
