//! What a person sees who sits in front of a terminal.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::pty::{Pty, Seen};
use crate::support::{Sandbox, wait_until};

const EXEC: &[&str] = &["exec", "workflow.yaml"];

/// Nothing that was redrawn is left, the cursor is there, and the run has its last word.
#[track_caller]
fn left_tidy(seen: &Seen, last_word: &str) {
    let text = seen.lines.join("\n");
    assert!(seen.cursor, "{text}");
    assert!(!text.contains(['━', '─']), "{text}");
    assert!(text.contains(last_word), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_thousand_nodes_fit_eighty_columns() {
    let sandbox = Sandbox::with(
        "tasks:\n  a-name-that-says-at-length-what-each-of-its-many-nodes-does: { foreach: '{{ range(1000) }}', run: 'true' }\n  wide: { run: 'seq -s 漢字 1 100; while [ ! -e go ]; do sleep 0.01; done' }\n  go: { needs: a-name-that-says-at-length-what-each-of-its-many-nodes-does, run: touch go }\n",
    );
    // Output is shown beside what runs where somebody asked for it.
    let arguments = ["exec", "workflow.yaml", "-j", "4", "--events", "events.jsonl"];
    let (code, seen) = Pty::start(&sandbox, 80, &arguments, "xterm").ends();
    assert_eq!(code, Some(0), "{}", seen.written);
    left_tidy(&seen, "✓ workflow succeeded in");
    assert!(seen.wrapped.is_empty(), "{:?}", seen.wrapped);
    let text = seen.lines.join("\n");
    assert!(text.contains("1,002 succeeded"), "{text}");
    assert!(seen.written.contains("1漢字2漢字3"), "{}", seen.written);
    assert!(seen.written.contains("/1,002"), "{}", seen.written);
    assert!(seen.lines.len() < 500, "a thousand lines scrolled by");
}

#[test]
fn a_narrow_terminal_is_enough() {
    for columns in [20, 5, 1] {
        let sandbox = Sandbox::with(
            "tasks:\n  a: { foreach: '{{ range(12) }}', run: 'echo a line that does not fit; sleep 0.05' }\n  bad: { run: 'echo why it failed >&2; exit 3' }\n",
        );
        let (code, seen) = Pty::start(&sandbox, columns, EXEC, "xterm").ends();
        assert_eq!(code, Some(1), "{}", seen.written);
        let text = seen.lines.concat();
        assert!(text.contains("workflow failed after"), "{columns}: {text}");
        assert!(!text.contains("/13"), "{columns}: progress was left: {text}");
    }
}

#[test]
fn colours_and_redrawing_can_be_declined() {
    let workflow = "tasks:\n  a: { foreach: [1, 2, 3], run: sleep 0.2 }\n  bad: { run: exit 3 }\n";
    let mut sandbox = Sandbox::with(workflow);
    let (_, seen) = Pty::start(&sandbox, 80, EXEC, "xterm").ends();
    assert!(seen.written.contains("\x1b[1;31m") && seen.written.contains("\x1b[J"));
    let (_, seen) = Pty::start(&sandbox, 80, EXEC, "dumb").ends();
    assert!(!seen.written.contains('\x1b'), "{}", seen.written);
    assert!(seen.written.contains("bad: failed"), "{}", seen.written);
    sandbox.env("NO_COLOR", "1");
    let (code, seen) = Pty::start(&sandbox, 80, EXEC, "xterm").ends();
    assert_eq!(code, Some(1));
    let sequences: BTreeSet<&str> = seen
        .written
        .split('\x1b')
        .skip(1)
        .map(|rest| &rest[..=rest.find(|c: char| c.is_ascii_alphabetic()).unwrap()])
        .collect();
    assert!(!sequences.is_empty() && sequences.iter().all(|sequence| !sequence.ends_with('m')));
    left_tidy(&seen, "✗ workflow failed after");
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { foreach: [1, 2], idempotent: true, run: 'touch on; sleep 1000' }\n  b: { needs: a, run: 'true' }\n",
    );
    let mut terminal = Pty::start(&sandbox, 80, EXEC, "xterm");
    wait_until(|| sandbox.has("on"));
    terminal.types("\x03");
    terminal.shows("once more to stop it now");
    terminal.types("\x03");
    let (code, seen) = terminal.ends();
    assert_eq!(code, Some(130), "{}", seen.written);
    left_tidy(&seen, "■ workflow was interrupted after");
    assert!(
        seen.lines.join("\n").contains("hint: `smallcode resume"),
        "{:?}",
        seen.lines
    );
    assert!(seen.wrapped.is_empty(), "{:?}", seen.wrapped);
}

const GATE: &str = "tasks:\n  d: { run: \"printf -- '--- a\\\\n+++ b\\\\n-old\\\\n+new \\\\033[2J\\\\n'; seq 1 2000\" }\n  gate: { needs: d, approve: { message: 'Ship?', diff: '{{ tasks.d.output }}' } }\noutputs: { said: '{{ tasks.gate.output }}' }\n";

#[test]
fn a_gate_shows_its_diff_and_takes_an_answer_with_a_comment() {
    for (answer, approved, comment) in [
        ("y, looks right\n", true, "looks right"),
        ("yes\n", true, ""),
        ("n too early\n", false, "too early"),
        ("\n", false, ""),
    ] {
        let sandbox = Sandbox::with(GATE);
        let mut terminal = Pty::start(&sandbox, 80, EXEC, "xterm");
        terminal.shows("Ship? [y/N");
        terminal.types("looks right to me\n");
        terminal.shows("answer `y` or `n`");
        assert!(
            !sandbox
                .events()
                .iter()
                .any(|event| event["type"] == "approval_answered")
        );
        terminal.types(answer);
        let (code, seen) = terminal.ends();
        assert_eq!(code, Some(i32::from(!approved)), "{}", seen.written);
        let text = seen.lines.join("\n");
        for part in ["-old", "+new", "2000"] {
            let shown = seen.lines.iter().filter(|line| line.trim() == part).count();
            assert_eq!(shown, 1, "{part}: {text}");
        }
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(
            place("✓ d") < place("+++ b") && place("+++ b") < place("gate: Ship?"),
            "{text}"
        );
        if approved {
            left_tidy(&seen, "✓ workflow succeeded");
            let said = json!({ "said": { "approved": true, "comment": comment } });
            assert!(text.contains(&said.to_string()), "{text}");
        } else {
            left_tidy(&seen, "it was rejected");
            assert!(
                comment.is_empty() || text.contains("it was rejected: too early"),
                "{text}"
            );
        }
    }
}

/// Who takes a run up is shown what the question is about, whatever its size.
#[test]
fn a_gate_that_is_asked_again_shows_its_diff_again() {
    for lines in [3, 2000] {
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  d: {{ run: 'seq 1 {lines}; echo all of it' }}\n  gate: {{ needs: d, approve: {{ message: 'Ship?', diff: '{{{{ tasks.d.output }}}}' }} }}\n"
        ));
        sandbox.exec(&[]).exits(6);
        let mut terminal = Pty::start(&sandbox, 80, &["resume"], "xterm");
        terminal.shows("Ship? [y/N");
        terminal.types("y\n");
        let (code, seen) = terminal.ends();
        assert_eq!(code, Some(0), "{}", seen.written);
        let place = |part: &str| seen.lines.iter().position(|line| line.contains(part));
        assert!(place("all of it").is_some(), "{}", seen.written);
        assert!(place("all of it") < place("gate: Ship?"), "{}", seen.written);
    }
}

#[test]
fn a_server_away_from_here_is_confirmed_once() {
    let sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\n");
    sandbox.write(
        "smallcode.toml",
        "[profiles.default]\nbase_url = \"https://models.example.com/v1\"\nmodel = \"tiny\"\nwindow = 8192\n",
    );
    let plan = &["plan", "workflow.yaml"];
    for (answer, code) in [("n\n", 7), ("\n", 7), ("y\n", 0)] {
        let mut terminal = Pty::start(&sandbox, 80, plan, "xterm");
        terminal.shows("Trust it for this workspace? [y/N]");
        terminal.types(answer);
        let (ended, seen) = terminal.ends();
        assert_eq!(ended, Some(code), "{}", seen.written);
    }
    sandbox.run(plan).exits(0);
    // Another address is another question.
    let elsewhere = sandbox.read("smallcode.toml").replace("models", "others");
    sandbox.write("smallcode.toml", &elsewhere);
    sandbox.run(plan).exits(7).says("others.example.com");
}
