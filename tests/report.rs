//! What is told of a run: lines, events, JUnit, and `runs`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

const MIXED: &str = "tasks:\n  good: { run: echo out }\n  bad: { needs: good, run: 'echo why >&2; exit 3', on_failure: { retry: { max: 1, backoff: 1ms } } }\n  skipped: { needs: bad, run: 'true' }\n";

/// Times and ids are not part of what is compared.
fn steady(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = match line.split_once("] ") {
            Some((_, rest)) if line.starts_with('[') => format!("[time] {rest}"),
            _ => line.to_owned(),
        };
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let number = word.trim_end_matches([',', ';', '.', ')', ':']);
                let time = number.strip_suffix("ms").or(number.strip_suffix('s'));
                if time.is_some_and(|time| {
                    !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                }) {
                    word.replace(number, "TIME")
                } else if word.starts_with("20") && word.contains('-') && word.len() > 12 {
                    "RUN".to_owned()
                } else {
                    word.to_owned()
                }
            })
            .collect();
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

#[test]
fn lines_without_a_terminal() {
    let sandbox = Sandbox::with(MIXED);
    let normal = sandbox.exec(&["-j", "2"]).exits(1);
    assert!(!normal.stderr.contains('\x1b'));
    let quiet = sandbox.exec(&["-q", "-j", "2"]).exits(1);
    let verbose = sandbox.exec(&["-v", "-j", "2"]).exits(1);
    insta::assert_snapshot!(format!(
        "normal\n{}\n\nquiet\n{}\n\nverbose\n{}",
        steady(&normal.stderr),
        steady(&quiet.stderr),
        steady(&verbose.stderr)
    ));
}

#[test]
fn colour_is_asked_for_and_declined() {
    let mut sandbox = Sandbox::with(MIXED);
    assert!(
        sandbox
            .exec(&["--color", "always"])
            .exits(1)
            .stderr
            .contains("\x1b[")
    );
    sandbox.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "");
    assert!(!sandbox.exec(&[]).exits(1).stderr.contains('\x1b'));
    assert!(
        !sandbox
            .exec(&["--color", "never"])
            .exits(1)
            .stderr
            .contains('\x1b')
    );
}

#[test]
fn what_a_command_writes_cannot_move_the_cursor() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: \"printf '\\\\033[2Jx\\\\rdone\\\\n' >&2; exit 1\" }\n");
    let output = sandbox.exec(&["-v"]).exits(1);
    assert!(
        !output.stderr.contains('\x1b') && !output.stderr.contains('\r'),
        "{:?}",
        output.stderr
    );
}

/// A run of many kinds of events: retries, items, conditions, calls, a workflow in it, a gate, and a second session.
#[test]
fn the_file_of_events_is_the_journal_and_follows_its_schema() {
    let server = ModelServer::start(Script::always(Answer::text("yes")));
    let mut sandbox = Sandbox::with(
        "tasks:\n  list: { run: 'seq 1 3; echo noise >&2', parse: lines }\n  each: { needs: list, foreach: '{{ tasks.list.output }}', if: 'item != \"2\"', run: 'echo {{ item }}; test -e {{ item }} || { touch {{ item }}; exit 1; }', on_failure: { retry: { max: 1, backoff: 1ms } } }\n  ask: { prompt: Hello }\n  inner: { uses: ./inner.yaml, with: { x: 1 } }\n  bad: { run: exit 3, on_failure: { continue: true } }\n  never: { needs: bad, if: failure() and false, run: 'true' }\n  after: { needs: never, run: 'true' }\n  long: { run: seq 1 5000 }\n  gate: { needs: [each, ask, inner, long], approve: { message: 'Go on?', diff: '{{ tasks.long.output }}' } }\n  last: { needs: gate, run: 'true' }\n",
    );
    sandbox.write(
        "inner.yaml",
        "smallcode: 1\ninputs: { x: integer }\ntasks: { a: { run: 'echo {{ inputs.x }}' } }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox.exec(&["--events", "1.jsonl", "-j", "2"]).exits(6);
    let resume = [
        "resume",
        "--approve",
        "gate",
        "--events",
        "2.jsonl",
        "--report",
        "junit=out.xml",
    ];
    sandbox.run(resume).exits(0);
    let junit = sandbox.read("out.xml");
    assert!(
        junit.contains("5000</system-out>"),
        "outputs of the first session are in blobs: {junit}"
    );
    let schema = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/event.schema.json"
    ))
    .unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut told = Vec::new();
    let mut notices = 0;
    for line in (sandbox.read("1.jsonl") + &sandbox.read("2.jsonl")).lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
        if value.get("event").is_some() {
            told.push(value);
        } else {
            notices += 1;
        }
    }
    assert!(notices > 3, "what commands wrote is told as it comes");
    let journal = std::fs::read_to_string(sandbox.run_folder().join("journal.jsonl")).unwrap();
    let kept: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| json!({ "seq": line["seq"], "at": line["at"], "event": line["event"] }))
        .collect();
    assert_eq!(told, kept);
    let kinds: BTreeSet<&str> = kept
        .iter()
        .filter_map(|line| line["event"]["type"].as_str())
        .collect();
    for kind in [
        "run_started",
        "run_resumed",
        "nodes_claimed",
        "task_expanded",
        "condition_checked",
        "task_skipped",
        "attempt_started",
        "scope_entered",
        "call_started",
        "call_finished",
        "attempt_finished",
        "approval_asked",
        "approval_answered",
        "run_finished",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}

/// How many elements of a name a document has.
fn elements(document: &roxmltree::Document<'_>, name: &str) -> usize {
    document
        .descendants()
        .filter(|node| node.has_tag_name(name))
        .count()
}

#[test]
fn junit_is_xml_that_counts_right_whatever_it_holds() {
    let hostile = r#"<&\"]]>\\001\\033[0m\\302\\205\\377\\357\\277\\277<!--<![CDATA[x"#;
    let sandbox = Sandbox::with(&format!(
        "name: \"<&]]>\\u0007\\u202e\"\ntasks:\n  good: {{ run: \"printf '{hostile}'\" }}\n  bad: {{ run: \"printf '{hostile}' >&2; exit 3\", on_failure: {{ retry: {{ max: 1, backoff: 1ms }} }} }}\n  flaky: {{ run: \"printf '{hostile}'; test -e x || {{ touch x; exit 1; }}\", on_failure: {{ retry: {{ max: 1, backoff: 1ms }} }} }}\n  values: {{ matrix: {{ v: ['<&]]>', \"\\a\"] }}, run: 'echo {{{{ matrix.v }}}}' }}\n  broken: {{ run: 'echo [', parse: json, verify: [{{ matches: ']]>' }}] }}\n  lost: {{ run: \"cat '<&]]>'\", cwd: nowhere }}\n  skipped: {{ needs: bad, run: 'true' }}\n",
    ));
    sandbox.exec(&["--report", "junit=out.xml"]).exits(1);
    let text = sandbox.read("out.xml");
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let cases: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .collect();
    let names: Vec<&str> = cases.iter().filter_map(|case| case.attribute("name")).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert_eq!(names.len(), 8, "{names:?}");
    for suite in document
        .descendants()
        .filter(|node| node.has_tag_name("testsuite") || node.has_tag_name("testsuites"))
    {
        let count = |name| suite.attribute(name).unwrap().parse::<usize>().unwrap();
        assert_eq!(count("tests"), cases.len(), "{text}");
        assert_eq!(count("failures"), elements(&document, "failure"), "{text}");
        assert_eq!(count("errors"), elements(&document, "error"), "{text}");
        assert_eq!(count("skipped"), elements(&document, "skipped"), "{text}");
    }
    let of = |name: &str| {
        *cases
            .iter()
            .find(|case| case.attribute("name") == Some(name))
            .unwrap()
    };
    let has = |name: &str, tag: &str| of(name).children().any(|node| node.has_tag_name(tag));
    assert!(has("bad", "failure") && has("bad", "rerunFailure") && has("flaky", "flakyFailure"));
    assert!(has("skipped", "skipped") && !has("good", "failure"));
    let failed = of("bad")
        .children()
        .find(|node| node.has_tag_name("failure"))
        .unwrap();
    assert!(failed.attribute("message").unwrap().contains("exit code 3"));
    let out = of("good")
        .children()
        .find(|node| node.has_tag_name("system-out"))
        .unwrap();
    let out = out.text().unwrap();
    assert!(
        out.contains("<&\"]]>") && out.contains("<!--<![CDATA[x"),
        "{out:?}"
    );
    assert!(!out.contains(['\u{1}', '\x1b', '\u{ffff}']), "{out:?}");
    sandbox
        .exec(&["--report", "nonsense=x"])
        .exits(2)
        .says("no report `nonsense`");
}

#[test]
fn runs_are_listed_shown_and_removed() {
    let sandbox = Sandbox::with(MIXED);
    sandbox.run(["runs", "show"]).exits(2).says("no runs");
    assert_eq!(sandbox.run(["runs", "list"]).exits(0).stdout, "");
    sandbox.exec(&[]).exits(1);
    sandbox.exec(&[]).exits(1);
    let listed = sandbox.run(["runs", "list"]).exits(0).stdout;
    assert_eq!(
        listed.lines().filter(|line| line.contains("failure")).count(),
        2,
        "{listed}"
    );
    let newest = listed.split_whitespace().next().unwrap().to_owned();
    let json = sandbox.run(["runs", "list", "--json"]).exits(0).json();
    assert_eq!(json[0]["run"], newest.as_str());
    let shown = sandbox.run(["runs", "show", &newest]).exits(0).stdout;
    assert!(shown.contains("exit code 3"), "{shown}");
    let events = sandbox.run(["runs", "show", &newest, "--json"]).exits(0).stdout;
    assert!(events.lines().count() > 8, "{events}");
    sandbox.run(["runs", "show", "nonsense"]).exits(2);
    let would = sandbox
        .run(["runs", "gc", "--keep", "1", "--younger", "0", "--dry-run"])
        .exits(0)
        .stdout;
    assert_eq!(would.lines().count(), 1);
    sandbox
        .run(["runs", "gc", "--keep", "1", "--younger", "0"])
        .exits(0);
    let left = sandbox.run(["runs", "list"]).exits(0).stdout;
    assert!(left.contains(&newest) && left.lines().count() == 1, "{left}");
}
