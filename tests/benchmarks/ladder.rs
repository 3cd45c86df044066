//! What the ladder is worth: how many workflows of ten tasks a model of fixed skill finishes, with the real engine
//! and a model server that plays the model; and what the engine itself takes of each call.
//!
//!     cargo bench --package smallcode --bench ladder [-- ladder | -- time]
//!
//! The model is right in so many of a hundred attempts, by the seed, the task and the attempt alone; what it is told
//! helps it nothing where a table does not say otherwise. It gets worse as the prompt grows. Its time is simulated:
//! what its tokens would take on a machine of the usual kind is added up, and nobody waits for it. The server counts
//! the tokens of each request by itself and looks whether it fits the window; the journal of each run tells whether
//! the caps held.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and may fail"
)]

#[path = "../support/model_server.rs"]
mod model_server;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use model_server::{Answer, Fault, ModelServer, RecordedRequest, Script};
use serde_json::Value;
use smallcode_core::tokens::{Family, estimate_chat};

const SMALLCODE: &str = env!("CARGO_BIN_EXE_smallcode");

/// Runs of each figure.
const RUNS: u64 = 1000;

/// How many of them one process makes: what it takes to start is not measured here.
const BATCH: usize = 200;

/// Tasks of a workflow, one after the other.
const TASKS: u64 = 10;

/// The window, as the small models of today have it by default, and what of it is kept for the answer.
const WINDOW: u64 = 8192;
const ANSWER: u64 = 1024;

/// Tokens a second that a machine reads and writes in simulated time: a 7B model on a consumer's graphics card.
const READS: u64 = 1500;
const WRITES: u64 = 40;

/// A model, and the workflow that it is given.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// How many of a hundred attempts are right while the prompt is short.
    right: u64,
    /// In how many ways a value can be wrong, each as likely as the others.
    ways: u64,
    /// Whether the verifier's words tell them apart.
    told_apart: bool,
    /// How many more of a hundred are right once the model is told what was wrong.
    told: u64,
    /// What stands in `on_failure`.
    policy: &'static str,
    /// How many of a hundred a stronger model has right, which is asked when all else has failed.
    stronger: Option<u64>,
    /// How many words of context each task shows.
    context: usize,
    /// The caps of the run.
    calls: u64,
    tokens: u64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            name: "",
            right: 70,
            ways: 1000,
            told_apart: true,
            told: 0,
            policy: "",
            stronger: None,
            context: 0,
            calls: 200,
            tokens: 2_000_000,
        }
    }
}

/// The name of the stronger model.
const STRONGER: &str = "qwen2.5-coder-32b";

/// How many calls of the stronger model the runs of one process may make together.
const ESCALATED: u64 = 400;

/// What the server saw of all runs of a case.
#[derive(Default)]
struct Seen {
    calls: AtomicU64,
    over: AtomicU64,
    largest: AtomicU64,
    seconds: AtomicU64,
    /// How often each call came: one that breaks off is made again with the same words.
    times: Mutex<HashMap<String, u64>>,
}

/// What came of a case.
#[derive(Default)]
struct Sum {
    finished: u64,
    over_caps: u64,
    most_calls: u64,
}

fn main() {
    // `cargo test --benches` would run it as a test; figures belong to `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let only = std::env::args().find(|argument| matches!(argument.as_str(), "ladder" | "time"));
    if only.as_deref() != Some("time") {
        tables();
    }
    if only.as_deref() != Some("ladder") {
        own_time();
    }
}

/// What the ladder is worth.
fn tables() {
    println!(
        "{RUNS} seeded runs of {TASKS} tasks in a row, each right in 70 of 100 attempts; window {WINDOW}"
    );
    println!(
        "what goes wrong: 50 % refused by a verifier, 15 % not of the schema, 13 % no value, 10 % empty, 10 % going"
    );
    println!("round in circles, 2 % cut; and 1 % of all calls break off\n");
    let usual = Case {
        name: "the usual ladder",
        ..Case::default()
    };
    table(
        "what is told helps nothing",
        &[
            Case {
                name: "a single pass",
                policy: "retry: 0",
                ..Case::default()
            },
            Case {
                name: "2 retries",
                policy: "retry: { max: 2, backoff: 1ms }",
                ..Case::default()
            },
            usual,
            Case {
                name: "the same, the verifier says only no",
                told_apart: false,
                ..usual
            },
            Case {
                name: "the same, one wrong value only",
                ways: 1,
                ..usual
            },
            Case {
                name: "the same, prompts of 3/4 window",
                context: 4500,
                ..usual
            },
            Case {
                name: "the same, at most 15 calls",
                calls: 15,
                ..usual
            },
        ],
    );
    table(
        "what is told makes 15 more of 100 right",
        &[
            Case {
                name: "2 retries",
                policy: "retry: { max: 2, backoff: 1ms }",
                told: 15,
                ..usual
            },
            Case { told: 15, ..usual },
        ],
    );
    table(
        "in the end a stronger model is asked, which has 95 of 100 right",
        &[
            Case {
                name: "2 retries, then the stronger one",
                policy: "retry: { max: 2, backoff: 1ms }, escalate: stronger",
                stronger: Some(95),
                ..usual
            },
            Case {
                name: "the usual ladder, then the stronger one",
                policy: "escalate: stronger",
                stronger: Some(95),
                ..usual
            },
        ],
    );
}

fn table(title: &str, cases: &[Case]) {
    println!("{title}");
    println!(
        "  {:36} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "", "finished", "calls", "minutes", "largest", "over", "over caps"
    );
    for case in cases {
        let seen = Arc::new(Seen::default());
        let sum = runs(case, &seen);
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        println!(
            "  {:36} {:9.3} {:7.2} {:9.1} {:9} {:9} {:9}",
            case.name,
            sum.finished as f64 / RUNS as f64,
            of(&seen.calls) as f64 / RUNS as f64,
            of(&seen.seconds) as f64 / RUNS as f64 / 60.0,
            of(&seen.largest),
            of(&seen.over),
            sum.over_caps,
        );
        assert_eq!(of(&seen.over), 0, "a request went over the window");
        assert_eq!(sum.over_caps, 0, "a run went over its caps");
        assert!(sum.most_calls <= case.calls);
    }
    println!(
        "  finished: of all runs; calls, minutes: of a run, the minutes simulated; largest: prompt and answer, in tokens"
    );
    println!();
}

/// Makes the runs of a case: used workflows, each with its own budget, many in one process.
fn runs(case: &Case, seen: &Arc<Seen>) -> Sum {
    let server = ModelServer::start(script(*case, Arc::clone(seen)));
    let folder = folder();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("run.yaml", workflow(case, TASKS));
    write("context.txt", context(case.context));
    write("smallcode.toml", profile(&server));
    let mut sum = Sum::default();
    for first in (0..RUNS).step_by(BATCH) {
        let batch = format!(
            "smallcode: 1\nmodel: small\ntasks:\n  r: {{ foreach: '{{{{ range({first}, {first} + {BATCH})|list }}}}', \
             uses: run.yaml, with: {{ seed: '{{{{ item }}}}' }} }}\n"
        );
        write("workflow.yaml", batch);
        exec(folder.path(), case);
        for (calls, tokens, finished) in outcomes(folder.path()) {
            sum.finished += u64::from(finished);
            sum.over_caps += u64::from(calls > case.calls || tokens > case.tokens);
            sum.most_calls = sum.most_calls.max(calls);
        }
    }
    sum
}

/// A folder in memory where there is one: what is measured is not the disk.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn workflow(case: &Case, tasks: u64) -> String {
    let mut text = format!(
        "smallcode: 1\nmodel: small\ninputs: {{ seed: integer }}\nbudget: {{ calls: {}, tokens: {} }}\ntasks:\n",
        case.calls, case.tokens
    );
    for task in 0..tasks {
        let needs = task
            .checked_sub(1)
            .map_or(String::new(), |before| format!("\n    needs: t{before}"));
        let _ = write!(
            text,
            "  t{task}:{needs}\n    prompt: \"Run {{{{ inputs.seed }}}} task {task}: name the part.\"\n    \
             output: {{ schema: {{ type: object, required: [part], properties: {{ part: {{ type: string }} }} }} }}\n    \
             verify: [{}{{ matches: the right one }}]\n    on_failure: {{ {} }}\n",
            if case.told_apart {
                "{ not_matches: 'wrong part \\w+' }, "
            } else {
                ""
            },
            case.policy
        );
        if case.context > 0 {
            text.push_str("    context: [{ file: context.txt }]\n");
        }
    }
    text
}

/// So many words in no order, as nothing else repeats in a prompt or an answer either.
fn context(words: usize) -> String {
    const WORDS: [&str; 16] = [
        "harbour", "lantern", "granite", "willow", "copper", "meadow", "signal", "carve", "amber", "follow",
        "quiet", "ladder", "seven", "under", "marble", "north",
    ];
    let mut text = String::new();
    for word in 0..words {
        let choice = draw(&["word", &word.to_string()]) % 16;
        text.push_str(WORDS[usize::try_from(choice).unwrap()]);
        text.push(if word % 12 == 11 { '\n' } else { ' ' });
    }
    text
}

fn profile(server: &ModelServer) -> String {
    let profile = |name: &str, model: &str| {
        format!(
            "[profiles.{name}]\nbase_url = \"{}\"\nmodel = \"{model}\"\nwindow = {WINDOW}\nmax_output = {ANSWER}\nslots = 8\n",
            server.base_url()
        )
    };
    profile("small", "qwen2.5-coder-7b") + &profile("stronger", STRONGER)
}

/// Runs the workflow; gives the engine's log.
fn exec(folder: &Path, case: &Case) -> String {
    let _ = fs::remove_dir_all(folder.join(".smallcode"));
    let output = Command::new(SMALLCODE)
        .args(["exec", "workflow.yaml", "-q", "-j", "8"])
        .args(case.stronger.map(|_| format!("--escalate-calls={ESCALATED}")))
        .args(case.stronger.map(|_| "--escalate"))
        .env("SMALLCODE_LOG", "smallcode_runtime=debug")
        .env("HOME", folder)
        .env_remove("SMALLCODE_BASE_URL")
        .env_remove("SMALLCODE_MODEL")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{told}");
    told
}

/// The calls and the tokens of each run of the batch, and whether it finished, as the journal has them.
fn outcomes(folder: &Path) -> Vec<(u64, u64, bool)> {
    let run = fs::read_dir(folder.join(".smallcode/runs"))
        .unwrap()
        .find_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()))
        .unwrap();
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let mut runs = vec![(0, 0, false); BATCH];
    let mut escalated = 0;
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let event = &line["event"];
        let node = event["node"].as_str().unwrap_or_default();
        let number = node
            .split(['[', ']'])
            .nth(1)
            .and_then(|number| number.parse().ok());
        let Some(run) = number.and_then(|number: usize| runs.get_mut(number)) else {
            continue;
        };
        match event["type"].as_str().unwrap_or_default() {
            "call_started" => {
                run.0 += 1;
                escalated += u64::from(event["profile"] == "stronger");
            }
            "call_finished" => {
                // What the server refused before it did any work is no call.
                run.0 -= u64::from(event["usage"]["refused"] == true);
                let usage = |what: &str| event["usage"][what].as_u64().unwrap_or(0);
                run.1 += usage("prompt") + usage("completion");
            }
            "attempt_finished" if node.ends_with(']') => run.2 = event["outcome"]["success"].is_object(),
            _ => {}
        }
    }
    assert!(escalated <= ESCALATED, "escalation went over its cap");
    runs
}

/// The model of a case.
fn script(case: Case, seen: Arc<Seen>) -> Script {
    Script::function(move |request, _| {
        let asked = request.last_user_message();
        let prompt = counted(request);
        let answer = request.body["max_tokens"].as_u64().unwrap_or(u64::MAX);
        let whole = prompt.saturating_add(answer);
        seen.calls.fetch_add(1, Ordering::Relaxed);
        seen.largest.fetch_max(whole, Ordering::Relaxed);
        seen.over.fetch_add(u64::from(whole > WINDOW), Ordering::Relaxed);
        let place = asked.rfind("Run ").map_or(asked, |at| &asked[at..]);
        let place = place.split(':').next().unwrap_or_default();
        // Another attempt is another throw of the dice: the engine gives each a seed of its own.
        let thrown = |what: &str| draw(&[what, place, &request.body["seed"].to_string()]);
        let attempt = format!("{place} {}", request.body["seed"]);
        let time = *seen
            .times
            .lock()
            .unwrap()
            .entry(attempt.clone())
            .and_modify(|time| *time += 1)
            .or_insert(1);
        if draw(&["breaks", &attempt, &time.to_string()]).is_multiple_of(100) {
            return Answer::fault(Fault::Status {
                status: 503,
                retry_after: None,
                body: String::new(),
            });
        }
        let told = if asked.contains("Your last answer") {
            case.told
        } else {
            0
        };
        // With a full window three of twenty are lost that a short prompt has.
        let lost = 15 * prompt.saturating_sub(WINDOW / 4) / WINDOW;
        let right = match case.stronger.filter(|_| request.body["model"] == STRONGER) {
            Some(stronger) => stronger,
            None => (case.right + told).saturating_sub(lost),
        };
        let answer = if thrown("right") % 100 < right {
            Answer::text("{\"part\": \"the right one\"}")
        } else {
            wrong(thrown("wrong") % 100, thrown("way") % case.ways)
        };
        let words = u64::try_from(answer.text.len() / 4 + 1).unwrap_or(0);
        seen.seconds
            .fetch_add(prompt / READS + words / WRITES + 1, Ordering::Relaxed);
        answer
    })
}

/// What a wrong answer looks like.
fn wrong(kind: u64, way: u64) -> Answer {
    match kind {
        0..50 => Answer::text(format!("{{\"part\": \"wrong part {}\"}}", word(way))),
        50..65 => Answer::text(format!("{{\"piece_{}\": \"a part\"}}", word(way))),
        65..78 => Answer::text("I am sorry, but I can't name it."),
        78..88 => Answer::text(""),
        88..98 => Answer::text("It may be this. ").with(Fault::Endless {
            text: "It may be that. ".to_owned(),
        }),
        _ => Answer::text("{\"part\": \"the right").finish("length"),
    }
}

/// A word without digits, which stand for nothing where failures are compared.
fn word(number: u64) -> String {
    let letter = |part: u64| char::from(b'a' + u8::try_from(part % 26).unwrap());
    [number / 676, number / 26, number].map(letter).iter().collect()
}

/// The tokens of a prompt, counted here and not by the engine's request: the upper end of what they can be.
fn counted(request: &RecordedRequest) -> u64 {
    let messages = request.body["messages"].as_array().unwrap();
    let texts = messages.iter().filter_map(|message| message["content"].as_str());
    estimate_chat(Family::of_model("qwen2.5-coder-7b"), texts)
        .high
        .get()
}

/// FNV-1a of some words, finished as `SplitMix64` does: good enough for dice.
fn draw(words: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in words.iter().flat_map(|word| word.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// What the engine takes for itself of each call: the prompt built and counted, the answer watched and read.
fn own_time() {
    println!(
        "the engine's own time of a call, in milliseconds; window {WINDOW}, an answer of some 600 tokens"
    );
    println!(
        "  {:36} {:>9} {:>9} {:>9} {:>9}   the median of each step",
        "", "calls", "median", "99th", "first"
    );
    for (name, words) in [
        ("a short prompt", 0),
        ("half the window", 3000),
        ("the whole window", 5400),
        ("more than the window holds", 9000),
    ] {
        let answer = format!(
            "{{\"part\": \"the right one {}\"}}",
            context(450).replace('\n', " ")
        );
        let server = ModelServer::start(Script::always(Answer::text(answer)));
        let case = Case {
            context: words,
            calls: 10_000,
            tokens: u64::MAX / 2,
            ..Case::default()
        };
        let folder = folder();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write(
            "workflow.yaml",
            workflow(&case, 400).replace("seed: integer", "seed: { type: integer, default: 1 }"),
        );
        write("context.txt", context(words));
        write("smallcode.toml", profile(&server));
        let steps = steps(&exec(folder.path(), &case));
        let mut times: Vec<f64> = Vec::new();
        let mut of_step: IndexMap<&str, Vec<f64>> = IndexMap::new();
        for (step, time) in &steps {
            if step == FIRST_STEP {
                times.push(0.0);
            }
            if let Some(call) = times.last_mut() {
                *call += time;
                of_step.entry(step).or_default().push(*time);
            }
        }
        // The first call of a process loads the vocabulary.
        let first = times[0];
        let medians: Vec<String> = of_step
            .iter_mut()
            .map(|(step, times)| format!("{step} {:.3}", at(times, 50)))
            .collect();
        println!(
            "  {name:36} {:9} {:9.3} {:9.3} {:9.3}   {}",
            times.len(),
            at(&mut times, 50),
            at(&mut times, 99),
            first / 1000.0,
            medians.join(", ")
        );
    }
}

/// The step with which a call begins.
const FIRST_STEP: &str = "prompt built";

/// What so many of a hundred keep below, in milliseconds of microseconds.
fn at(times: &mut [f64], part: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * part / 100).min(times.len() - 1)] / 1000.0
}

/// The steps in a log, each with the microseconds that it took.
fn steps(log: &str) -> Vec<(String, f64)> {
    let of_line = |line: &str| {
        let (before, rest) = line.split_once(" own_time=")?;
        let (_, step) = before.rsplit_once(": ")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((step.to_owned(), digits.parse().ok()?))
    };
    log.lines().filter_map(of_line).collect()
}
