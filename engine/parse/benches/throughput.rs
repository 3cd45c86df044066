//! How fast replies are read: `cargo bench --package smallcode-parse`, with a word of a name to run only those.
//!
//! Figures and no limits: machines differ. The ratio to `serde_json`, which reads the same text in the same run where
//! it can, is what can be compared between them. The second table reads hostile texts of two sizes: an exponent of 1
//! is linear.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smallcode_parse::{Expect, Schema, Tool, Tools, parse};

/// A case is read again and again for this long.
const ENOUGH: Duration = Duration::from_millis(400);

fn main() {
    // Cargo adds `--bench`.
    let only = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    println!("{:<32}{:>9}{:>12}{:>12}{:>12}", "", "KB", "µs", "MB/s", "× serde");
    for case in cases().iter().filter(|case| wanted(case.name)) {
        throughput(case);
    }
    println!(
        "\n{:<32}{:>9}{:>12}{:>12}{:>12}",
        "", "n", "ms", "ms of 4n", "exponent"
    );
    for (name, repeated, expect) in hostile().iter().filter(|(name, ..)| wanted(name)) {
        growth(name, repeated, expect);
    }
}

struct Case {
    name: &'static str,
    text: String,
    expect: Expect,
}

fn cases() -> Vec<Case> {
    let code = "fn f(x: &str) -> bool {\n    x.starts_with('\"') && !x.contains(\"{a}\") // [1]\n}\n";
    let (small, large) = (code.repeat(600), code.repeat(10_000));
    let call = |code: &str| {
        json!({"name": "write_file", "arguments": {"path": "a.rs", "content": code}}).to_string()
    };
    let hermes = |code: &str| format!("I write it.\n<tool_call>\n{}\n</tool_call>", call(code));
    let qwen = format!(
        "<tool_call>\n<function=write_file>\n<parameter=path>\na.rs\n</parameter>\n<parameter=content>\n{large}\n\
         </parameter>\n</function>\n</tool_call>"
    );
    let prose = "The quick fox (see [1], {2}) \"jumps\" over it; 3 < 4, and so: on.\n".repeat(16_000);
    let items: Vec<_> = (0..14_000)
        .map(|id| json!({"id": id, "name": format!("item {id}"), "tags": ["a", "b"], "share": f64::from(id) * 1.5, "on": true}))
        .collect();
    let small_array = Value::from(items.get(..850).unwrap_or_default()).to_string();
    let array = Value::Array(items).to_string();
    let numbers: Value = (0..9_000).map(|number| f64::from(number) / 8.0).collect();
    let setting = json!({"name": "lint", "on": true, "paths": {"include": ["src", "tests"], "exclude": []}, "level": null});
    let settings: Value = (0..600)
        .map(|number| (format!("rule-{number}"), setting.clone()))
        .collect();
    let settings = serde_json::to_string_pretty(&settings).unwrap_or_default();
    let broken: Vec<_> = (0..15_000)
        .map(|id| format!("{{id: {id}, 'name': 'item {id}', tags: [\"a\",'b',], share: {id}.5, on: True}}"))
        .collect();
    let small_broken = format!("[{}", broken.get(..850).unwrap_or_default().join(", "));
    let broken = format!("[{}", broken.join(", "));
    let tiny = json!({"name": "read_file", "arguments": {"path": "src/main.rs"}}).to_string();
    let case = |name, text, expect| Case { name, text, expect };
    vec![
        case("call, small", tiny, tools()),
        case("call, 64 KB", call(&small), tools()),
        case("call, 1 MB", call(&large), tools()),
        case("call in Hermes markers, 64 KB", hermes(&small), tools()),
        case("call in Hermes markers, 1 MB", hermes(&large), tools()),
        case("call in Qwen's XML, 1 MB", qwen, tools()),
        case("prose, 1 MB", prose, tools()),
        case("array, 64 KB", small_array.clone(), Expect::Json),
        case("array with a schema, 64 KB", small_array, records()),
        case("numbers, 64 KB", numbers.to_string(), Expect::Json),
        case("a tree of settings, 64 KB", settings, Expect::Json),
        case("array, 1 MB", array.clone(), Expect::Json),
        case("array with a schema, 1 MB", array.clone(), records()),
        case(
            "array in a fence, 1 MB",
            format!("Here:\n```json\n{array}\n```"),
            records(),
        ),
        case("broken array, 64 KB", small_broken.clone(), Expect::Json),
        case("broken array with a schema, 64 KB", small_broken, records()),
        case("broken array, 1 MB", broken.clone(), Expect::Json),
        case("broken array with a schema, 1 MB", broken, records()),
    ]
}

fn tools() -> Expect {
    let schema = json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path"],
    });
    Expect::Calls(Tools::new(vec![
        Tool::new("read_file", &schema),
        Tool::new("write_file", &schema),
    ]))
}

fn records() -> Expect {
    Expect::Value(Schema::new(&json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "share": {"type": "number"},
                "on": {"type": "boolean"},
            },
            "required": ["id", "name"],
        },
    })))
}

fn throughput(case: &Case) {
    let Case { name, text, expect } = case;
    let ours = time(|| {
        black_box(parse(black_box(text), expect, false));
    });
    let theirs = serde_json::from_str::<Value>(text).is_ok().then(|| {
        time(|| {
            black_box(serde_json::from_str::<Value>(black_box(text)).ok());
        })
    });
    let bytes = kilo(text.len()) * 1000.0;
    let ratio = theirs.map_or("-".to_owned(), |theirs| format!("{:.2}", theirs / ours));
    println!(
        "{name:<32}{:>9.1}{:>12.2}{:>12.0}{ratio:>12}",
        bytes / 1e3,
        ours * 1e6,
        bytes / ours / 1e6,
    );
}

/// What is repeated, and what is expected of it.
fn hostile() -> Vec<(&'static str, &'static str, Expect)> {
    let calls = tools;
    vec![
        ("open brackets", "[", Expect::Json),
        ("open objects", "{\"a\":", Expect::Json),
        ("open quotes", "\"", Expect::Json),
        ("escaped quotes", "\\\"", Expect::Json),
        ("no commas", "\"a\":\"b\" ", Expect::Json),
        ("closers", "}]", Expect::Json),
        ("comments", "//x\n", Expect::Json),
        ("numbers and words", "1 a ", Expect::Json),
        ("records, one after the other", "{\"id\": 1}\n", records()),
        ("list items without a list", "- {'id': 1\n", records()),
        ("call markers", "<tool_call>", calls()),
        ("call markers and braces", "<tool_call>{", calls()),
        ("functions", "<function=read_file><parameter=path>", calls()),
        ("Python lists", "[read_file(path='", calls()),
        ("fences", "```json\n{\"name\": \"", calls()),
        ("thinking", "<think>{\"name\":", calls()),
        ("actions", "Action: read_file\nAction Input: {", calls()),
        (
            "examples",
            "For example:\n{\"name\": \"read_file\", \"arguments\": {}}\n",
            calls(),
        ),
        ("labels", "Tool Call: read_file\nArguments: {", calls()),
        ("labels in brackets", "[Tool Call: read_file] {", calls()),
        (
            "elements beside each other",
            "<tool>read_file</tool><args>{",
            calls(),
        ),
        (
            "code without a fence",
            "So.\n\n    {\"name\": \"read_file\", \"args\": {}}\n",
            calls(),
        ),
        (
            "calls in calls",
            "{\"name\": \"read_file\", \"arguments\": ",
            calls(),
        ),
        (
            "two names",
            "{\"name\": \"read_file\", \"tool\": \"write_file\", \"args\": {}}\n",
            calls(),
        ),
        ("messages", "<|channel|>analysis<|message|>", records()),
        ("ends of thinking in code", "```\n</think>\n", records()),
        ("markers of turns", "<|im_start|>tool\n", calls()),
        (
            "thinking that an answer ends",
            "[BEGIN FINAL RESPONSE]<think>",
            calls(),
        ),
        (
            "calls with open objects",
            "{\"name\": \"read_file\", \"arguments\": {}}{{",
            calls(),
        ),
        ("Python calls and no tag", "read_file()<<<<<<< SEARCH\n", calls()),
        ("back-ticks", "`", records()),
        (
            "conflicts and doubled braces",
            "<<<<<<< SEARCH\n{{{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}",
            calls(),
        ),
        (
            "fences behind names",
            "<function_calls># x\n```</think>",
            Expect::Calls(Tools::any()),
        ),
        ("fences of one line", "}}{\"more\":```", records()),
        (
            "YAML in fences",
            "]path: a\n```yaml\n\"arguments\": {<|tool_call>call:",
            calls(),
        ),
        (
            "quotes without an end",
            "\t<|tool_call_end|><|python_tag|>{\"{\\\"True",
            calls(),
        ),
        (
            "fences and labels",
            "```json\n@@ -1 +1 @@\n[Tool Call: read_file]",
            Expect::Calls(Tools::any()),
        ),
    ]
}

fn growth(name: &str, repeated: &str, expect: &Expect) {
    let text = repeated.repeat(200_000 / repeated.len());
    let longer = text.repeat(4);
    let once = time(|| {
        black_box(parse(black_box(&text), expect, false));
    });
    let four = time(|| {
        black_box(parse(black_box(&longer), expect, false));
    });
    let exponent = (four / once).ln() / 4_f64.ln();
    println!(
        "{name:<32}{:>9}{:>12.2}{:>12.2}{exponent:>12.2}",
        text.len(),
        once * 1e3,
        four * 1e3
    );
}

/// The fastest of several runs, in seconds: what disturbs a run only makes it slower.
fn time(mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 3 || begin.elapsed() < ENOUGH {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn kilo(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1000.0
}
