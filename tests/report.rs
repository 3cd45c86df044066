//! What is told of a run: lines, events, JUnit, and `runs`.

use crate::support::Sandbox;

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

#[test]
fn events_follow_their_schema() {
    let sandbox = Sandbox::with(MIXED);
    sandbox.exec(&["--events", "e.jsonl", "-j", "1"]).exits(1);
    let schema = sandbox.run(["schema", "event"]).exits(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines = sandbox.read("e.jsonl");
    assert!(lines.lines().count() > 10, "{lines}");
    for line in lines.lines() {
        let value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }
}

#[test]
fn junit_names_every_node_and_is_well_formed() {
    let sandbox = Sandbox::with(
        "tasks:\n  good: { run: 'true' }\n  bad: { run: \"printf '<&\\\"]]>\\\\001\\\\033[0m' >&2; exit 3\" }\n  skipped: { needs: bad, run: 'true' }\n",
    );
    sandbox.exec(&["--report", "junit=out.xml"]).exits(1);
    let text = sandbox.read("out.xml");
    for part in [
        "name=\"good\"",
        "name=\"bad\"",
        "name=\"skipped\"",
        "<skipped",
        "failures=\"1\"",
        "exit code 3",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(['\u{1}', '\x1b']), "{text:?}");
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
