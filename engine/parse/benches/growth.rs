//! Looks for replies whose reading grows faster than their length: `cargo bench --package smallcode-parse --bench growth`,
//! with the seconds to look for (60) and a seed (1) as words behind it.
//!
//! A few pieces of what models write are put together at random and repeated, as a model that loops does. A text that
//! is slow for its length is read at 4 and 16 times the length; where the time grows with more than [`STEEP`] all the
//! way it is printed in a form that can be put into `throughput`'s list of hostile texts. What it finds is a
//! fault of the parser, whoever would write such a text.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use smallcode_parse::{Expect, Schema, Stream, Tool, Tools, edits, files, parse};

/// The length that every text is read at. Short, so that many are; long enough for a square to show even where what is
/// looked through again and again is looked through at 20 GB/s.
const LEN: usize = 40_000;

/// Texts read faster than this are not looked at again: the messiest linear ones take about 50 ns per byte.
const SLOW: Duration = Duration::from_millis(2);

/// The exponent of what is printed. Caches that get too small and allocations account for up to 1.25.
const STEEP: f64 = 1.3;

/// A text that takes longer is printed as one that never ends.
const NEVER: Duration = Duration::from_secs(20);

/// What a model writes, beside the markers of the dialects that the fuzzer knows.
const PIECES: &[&str] = &[
    "{\"name\": \"read_file\", \"arguments\": ",
    "{\"name\":\"f\",\"arguments\":{\"path\":\"a\"}}",
    "{\"tool\":",
    "\"path\":",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "'",
    "`",
    "\n",
    "```\n",
    "```json\n",
    "~~~\n",
    "  ",
    "\t",
    "- ",
    "1. ",
    "# x\n",
    "**a.rs**\n",
    "path: a\n",
    "title: x\n",
    "count: 3\n",
    "name: read_file\n",
    "arguments:\n",
    "read_file(",
    "read_file:",
    "path=",
    "(",
    ")",
    "f()",
    "print(",
    "a",
    "é",
    "1",
    "-1.5e",
    "<",
    ">",
    "</",
    "/>",
    "</x>",
    "<a>",
    "|",
    "||",
    "{\"a\":1}",
    "[1,2]",
    "\"x\"",
    "\\",
    "\\\"",
    "\"{\\\"",
    "\\n",
    "//",
    "/*",
    "*/",
    "<!--",
    "-->",
    "...",
    "…",
    "Action: read_file\n",
    "Action Input: ",
    "Tool Call: read_file\n",
    "Arguments: ",
    "[Tool Call: read_file]",
    "<function=f>",
    "<parameter=path>",
    "</parameter>",
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
    "For example:\n",
    "I will call it:\n",
    "$ ",
    "> ",
    "| ",
    "title",
    "{\"title\": \"x\"",
    "{\"kids\":[",
    "{\"more\":",
    "\"title\":",
    "'title':",
    "None",
    "True",
    "null",
    "key=",
    "--- a\n",
    "+++ b\n",
    "@@ -1 +1 @@\n",
    "+x\n",
    "<<<<<<< SEARCH\n",
    "=======\n",
    ">>>>>>> REPLACE\n",
    "“",
    "”",
    "{{",
    "}}",
    "%",
    "&",
    "=",
    " ",
];

fn main() {
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let number = |place: usize, otherwise: u64| {
        words
            .get(place)
            .and_then(|word| word.parse().ok())
            .unwrap_or(otherwise)
    };
    let (seconds, seed) = (number(0, 60), number(1, 1));
    let pieces = pieces();
    let mut random = Random(seed);
    let mut reader = Reader::start();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut tried, mut found) = (0_u32, 0_u32);
    while Instant::now() < end {
        tried += 1;
        let text = Repeated::new(&pieces, &mut random);
        // A stream is read many times: each of them takes as long as a hundred texts.
        let turn = random.below(64);
        let mode = turn.checked_sub(62).map_or(turn % WHOLE, |stream| WHOLE + stream);
        if let Some(steep) = steep(&mut reader, &text, mode) {
            found += 1;
            let name = MODES.get(mode).unwrap_or(&"");
            println!(
                "{steep:>14}  {name:<9}{:?} {:?} {:?}",
                text.before, text.units, text.after
            );
        }
    }
    println!("{tried} texts, {found} that grow too fast");
}

/// The markers of the fuzzer's dictionary, and [`PIECES`].
fn pieces() -> Vec<String> {
    let dictionary = include_str!("../fuzz/markers.dict");
    let markers = dictionary
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    markers
        .map(unescaped)
        .chain(PIECES.iter().map(|piece| (*piece).to_owned()))
        .collect()
}

/// An entry as libFuzzer reads it: `\\`, `\"` and `\xAB` stand for one byte each.
fn unescaped(entry: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = entry;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let hex = escaped.strip_prefix('x').and_then(|hex| hex.get(..2));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or_else(|| escaped.bytes().next().unwrap_or(b'\\')));
        rest = escaped
            .get(if byte.is_some() { 3 } else { 1 }..)
            .unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Repeated {
    before: String,
    /// The second one follows when the first one was repeated: many that look for something, and what they look through.
    units: Vec<String>,
    after: String,
}

impl Repeated {
    fn new(pieces: &[String], random: &mut Random) -> Self {
        let mut some = |least: usize, most: usize| -> String {
            let count = least + random.below(most - least + 1);
            let chosen = (0..count).filter_map(|_| pieces.get(random.below(pieces.len())));
            chosen.map(String::as_str).collect()
        };
        let (before, unit, after) = (some(0, 2), some(1, 6), some(0, 2));
        let second = some(1, 3);
        let units = if random.below(2) == 0 {
            vec![unit]
        } else {
            vec![unit, second]
        };
        Self { before, units, after }
    }

    fn of(&self, len: usize) -> String {
        let share = len / self.units.len();
        let mut text = self.before.clone();
        for unit in &self.units {
            text.push_str(&unit.repeat(share / unit.len()));
        }
        text + &self.after
    }
}

/// How steeply the time grows, or that it does not end; nothing where it is linear.
fn steep(reader: &mut Reader, text: &Repeated, mode: usize) -> Option<String> {
    let mut time = |times: usize| reader.time(text.of(LEN * times), mode);
    let never = || Some("does not end".to_owned());
    let Some(once) = time(1) else { return never() };
    if once < SLOW {
        return None;
    }
    // Again, and again at greater lengths: what only was disturbed is fast the second time.
    let mut few = once.min(match time(1) {
        Some(again) => again,
        None => return never(),
    });
    let mut steep = 0.0;
    for times in [4, 16] {
        let Some(mut many) = time(times) else {
            return never();
        };
        let exponent = |many: Duration| (many.as_secs_f64() / few.as_secs_f64()).ln() / 4_f64.ln();
        if exponent(many) >= STEEP {
            many = many.min(time(times)?);
        }
        steep = exponent(many);
        if steep < STEEP {
            return None;
        }
        few = many;
    }
    Some(format!("n^{steep:.2} {:>5} ms", few.as_millis()))
}

/// Reads texts on a thread of its own, so that one that does not end can be left behind.
struct Reader {
    ask: Sender<(String, usize)>,
    answer: Receiver<Duration>,
}

impl Reader {
    fn start() -> Self {
        let (ask, asked) = mpsc::channel::<(String, usize)>();
        let (tell, answer) = mpsc::channel();
        std::thread::spawn(move || {
            let expects = [
                calls(),
                Expect::Calls(Tools::any()),
                record(),
                tree(),
                Expect::Json,
            ];
            for (text, mode) in asked {
                let start = worked();
                match (expects.get(mode), mode - expects.len().min(mode)) {
                    (Some(expect), _) => drop(black_box(parse(&text, expect, false))),
                    (None, 0) => drop(black_box((edits(&text), files(&text)))),
                    (None, place) => streamed(&text, expects.get(place * 2 - 2)),
                }
                if tell.send(worked().saturating_sub(start)).is_err() {
                    return;
                }
            }
        });
        Self { ask, answer }
    }

    /// How long the text took; `None` where it did not end.
    fn time(&mut self, text: String, mode: usize) -> Option<Duration> {
        self.ask.send((text, mode)).ok()?;
        let time = self.answer.recv_timeout(NEVER).ok();
        if time.is_none() {
            *self = Self::start();
        }
        time
    }
}

/// How long this thread was at work: what else the machine does is not counted.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The modes by their names: what is expected, code, and the first and the third as streams.
const MODES: [&str; 8] = [
    "offered", "any", "record", "tree", "json", "code", "stream", "streamed",
];

/// Those of them that are no streams.
const WHOLE: usize = 6;

/// In as many chunks as a server would send.
fn streamed(text: &str, expect: Option<&Expect>) {
    let Some(expect) = expect else { return };
    let mut stream = Stream::new(expect);
    let mut rest = text;
    while !rest.is_empty() {
        let cut = (4..rest.len())
            .find(|at| rest.is_char_boundary(*at))
            .unwrap_or(rest.len());
        let (chunk, after) = rest.split_at(cut);
        black_box(stream.feed(chunk));
        rest = after;
    }
    drop(black_box(stream.finish()));
}

fn calls() -> Expect {
    let file = |more: &str| {
        json!({
            "type": "object",
            "properties": {"path": {"type": "string"}, more: {"type": "string"}, "lines": {"type": "integer"}},
            "required": ["path"],
        })
    };
    Expect::Calls(Tools::new(vec![
        Tool::new("read_file", &file("outline")),
        Tool::new("write_file", &file("content")),
        Tool::new("f", &json!({"type": "object", "properties": {}})),
    ]))
}

fn record() -> Expect {
    Expect::Value(Schema::new(&json!({
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "count": {"type": "integer"},
            "kids": {"type": "array", "items": {"type": "object", "additionalProperties": true}},
            "more": {"anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "number"}},
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            ]},
        },
        "required": ["title"],
    })))
}

fn tree() -> Expect {
    Expect::Value(Schema::new(&json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["name"],
        }},
    })))
}

/// The same seed gives the same texts: `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap_or(1)).unwrap_or(0)
    }
}
