use insta::assert_snapshot;
use proptest::prelude::*;
use smallcode_core::diagnostic::Code;

use super::*;

const WORKFLOW: &str = "\
name: demo
tasks:
  plan:
    prompt: Think of a plan
  write:
    needs: plna
    run: echo done
";

fn source(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::default();
    let id = sources.add("workflow.yaml", text);
    (sources, id)
}

fn span_of(text: &str, part: &str) -> Span {
    let start = text.find(part).unwrap();
    Span::new(start, start + part.len())
}

fn unknown_task(id: SourceId) -> Diagnostic {
    Diagnostic::new(
        Code::UNKNOWN_TASK,
        id,
        span_of(WORKFLOW, "plna"),
        "task `write` needs `plna`, which does not exist",
    )
}

#[test]
fn fix_becomes_a_patch() {
    let (sources, id) = source(WORKFLOW);
    let problem = unknown_task(id).label("no such task").did_you_mean(Some("plan"));
    assert_snapshot!(render(&[problem], &sources, false), @"
    error[E0401]: task `write` needs `plna`, which does not exist
     --> workflow.yaml:6:12
      |
    6 |     needs: plna
      |            ^^^^ no such task
      |
    help: did you mean `plan`?
      |
    6 -     needs: plna
    6 +     needs: plan
      |

    1 error in workflow.yaml
    hint: `smallcode explain E0401` says more
    ");
}

#[test]
fn several_places_and_lines_of_help() {
    let (sources, id) = source(WORKFLOW);
    let duplicate = Diagnostic::new(
        Code::DUPLICATE_KEY,
        id,
        span_of(WORKFLOW, "write"),
        "the key `write` is here twice",
    )
    .label("again here")
    .also(id, span_of(WORKFLOW, "plan"), "first here")
    .help("give one of them another name")
    .help("or join them into one task");
    let unused = Diagnostic::new(
        Code::NO_EFFECT,
        id,
        span_of(WORKFLOW, "name"),
        "`name` has no effect",
    );
    assert_snapshot!(render(&[duplicate, unused], &sources, false), @"
    error[E0102]: the key `write` is here twice
     --> workflow.yaml:5:3
      |
    3 |   plan:
      |   ---- first here
    4 |     prompt: Think of a plan
    5 |   write:
      |   ^^^^^ again here
      |
      = help: give one of them another name
      = help: or join them into one task

    warning[W0401]: `name` has no effect
     --> workflow.yaml:1:1
      |
    1 | name: demo
      | ^^^^

    1 error, 1 warning in workflow.yaml
    hint: `smallcode explain E0102` says more
    ");
}

#[test]
fn places_in_other_files() {
    let (mut sources, id) = source(WORKFLOW);
    let other = sources.add("lib/notes.yaml", "inputs:\n  topic: { type: string }\n");
    let problem = Diagnostic::new(
        Code::BAD_USE,
        id,
        span_of(WORKFLOW, "write"),
        "`notes` wants the input `topic`",
    )
    .also(other, Span::new(10, 15), "declared here");
    let second = Diagnostic::new(
        Code::UNUSED_INPUT,
        other,
        Span::new(10, 15),
        "nothing uses `topic`",
    );
    assert_snapshot!(render(&[problem, second], &sources, false), @"
    error[E0404]: `notes` wants the input `topic`
     --> workflow.yaml:5:3
      |
    5 |   write:
      |   ^^^^^
      |
     ::: lib/notes.yaml:2:3
      |
    2 |   topic: { type: string }
      |   ----- declared here

    warning[W0501]: nothing uses `topic`
     --> lib/notes.yaml:2:3
      |
    2 |   topic: { type: string }
      |   ^^^^^

    1 error, 1 warning in 2 files
    hint: `smallcode explain E0404` says more
    ");
}

#[test]
fn wide_characters_before_the_caret() {
    let text = "title: 漢字 é plna # ünïcode\n";
    let (sources, id) = source(text);
    let problem =
        Diagnostic::new(Code::BAD_VALUE, id, span_of(text, "plna"), "`plna` is nothing").label("here");
    assert_snapshot!(render(&[problem], &sources, false), @"
    error[E0204]: `plna` is nothing
     --> workflow.yaml:1:13
      |
    1 | title: 漢字 é plna # ünïcode
      |               ^^^^ here

    1 error in workflow.yaml
    hint: `smallcode explain E0204` says more
    ");
}

#[test]
fn end_of_the_file() {
    let (sources, id) = source(WORKFLOW);
    let end = Span::new(WORKFLOW.len(), WORKFLOW.len());
    let problem = Diagnostic::new(Code::YAML_SYNTAX, id, end, "the text ends inside of a list").label("here");
    assert_snapshot!(render(&[problem], &sources, false), @"
    error[E0101]: the text ends inside of a list
     --> workflow.yaml:7:19
      |
    7 |     run: echo done
      |                   ^ here

    1 error in workflow.yaml
    hint: `smallcode explain E0101` says more
    ");
}

#[test]
fn empty_file_and_no_file() {
    let (sources, id) = source("");
    let empty = Diagnostic::new(Code::MISSING_KEY, id, Span::default(), "`tasks` is missing");
    let mut nowhere =
        Diagnostic::new(Code::UNREADABLE, SourceId(9), Span::new(3, 9), "no such file").help("look again");
    assert_snapshot!(render(&[empty, nowhere.clone()], &sources, false), @"
    error[E0203]: `tasks` is missing
     --> workflow.yaml:1:1
      |
    1 |
      | ^

    error[E0104]: no such file
     |
     = help: look again

    2 errors in workflow.yaml
    hint: `smallcode explain E0203` says more
    ");
    nowhere.labels.clear();
    assert_snapshot!(render(&[nowhere], &sources, false), @"
    error[E0104]: no such file
     |
     = help: look again

    1 error
    hint: `smallcode explain E0104` says more
    ");
}

#[test]
fn long_lines_are_cut_round_the_caret() {
    let text = format!(
        "a: 1\nprompt: {}plna{}\n",
        "ö".repeat(50_000),
        " xyz".repeat(20_000)
    );
    let (sources, id) = source(&text);
    let problem = Diagnostic::new(Code::BAD_VALUE, id, span_of(&text, "plna"), "`plna` is nothing")
        .did_you_mean(Some("plan"));
    assert_snapshot!(render(&[problem], &sources, false), @"
    error[E0204]: `plna` is nothing
     --> workflow.yaml:2:50009
      |
    2 | …ööööööööööööööööööööööööööööööööööööööööööööööööööplna xyz xyz xyz xyz x...
      |                                                    ^^^^
      |
    help: did you mean `plan`?
      |
    2 - …ööööööööööööplna xyz xyz xyz xyz xyz xyz xyz xyz xyz xyz xyz…
    2 + …ööööööööööööplan xyz xyz xyz xyz xyz xyz xyz xyz xyz xyz xyz…
      |

    1 error in workflow.yaml
    hint: `smallcode explain E0204` says more
    ");
}

#[test]
fn long_and_many_lines_are_marked_by_their_first() {
    let (sources, id) = source(WORKFLOW);
    let whole = Span::new(WORKFLOW.find("  plan").unwrap(), WORKFLOW.len());
    let problem = Diagnostic::new(Code::CYCLE, id, whole, "these tasks need each other").label("from here");
    assert_snapshot!(render(&[problem], &sources, false), @"
    error[E0402]: these tasks need each other
     --> workflow.yaml:3:1
      |
    3 |   plan:
      | ^^^^^^^ from here

    1 error in workflow.yaml
    hint: `smallcode explain E0402` says more
    ");
}

#[test]
fn nothing_foreign_reaches_the_terminal() {
    let text = "a: \u{1b}[2J\u{9b}2J\u{7}\u{202e}b\r\n";
    let (mut sources, id) = source(text);
    let odd = sources.add("a\u{1b}]0;x\u{7}.yaml", "x");
    let first = Diagnostic::new(Code::BAD_VALUE, id, Span::new(3, 5), "odd \u{1b}[31mred")
        .label("\u{1b}[1mbold")
        .help("\u{1b}[0mh");
    let second = Diagnostic::new(Code::BAD_VALUE, odd, Span::new(0, 1), "in an odd file")
        .did_you_mean(Some("\u{1b}[5m"));
    let shown = render(&[first, second], &sources, false);
    assert!(!shown.chars().any(|c| c != '\n' && c.is_control()), "{shown}");
    assert_snapshot!(shown, @"
    error[E0204]: odd red
     --> workflow.yaml:1:4
      |
    1 | a: ␛[2J·2J␇�b
      |    ^^ bold
      |
      = help: h

    error[E0204]: in an odd file
     --> a.yaml:1:1
      |
    1 | x
      | ^
      |
    help: did you mean ``?
      |
    1 - x
      |

    2 errors in 2 files
    hint: `smallcode explain E0204` says more
    ");
}

#[test]
fn many_problems_of_a_large_file_stay_short() {
    let text = format!("a: {}", "[1, 2], ".repeat(500_000));
    let (sources, id) = source(&text);
    let problems: Vec<Diagnostic> = (0..100)
        .map(|index| {
            Diagnostic::new(
                Code::WRONG_TYPE,
                id,
                Span::new(index * 40_000, index * 40_000 + 3),
                "a number",
            )
        })
        .collect();
    let shown = render(&problems, &sources, false);
    assert!(shown.len() < 100_000 && shown.lines().all(|line| text::width(line) <= 100));
}

#[test]
fn colour_is_an_extra() {
    let (sources, id) = source(WORKFLOW);
    let problem = unknown_task(id).did_you_mean(Some("plan"));
    let colored = render(std::slice::from_ref(&problem), &sources, true);
    assert!(colored.contains("\u{1b}["));
    assert_eq!(text::clean(&colored), render(&[problem], &sources, false));
    assert_eq!(render(&[], &sources, true), "");
}

#[test]
fn as_json() {
    let (sources, id) = source(WORKFLOW);
    let problem = unknown_task(id)
        .label("no such task")
        .did_you_mean(Some("plan"))
        .also(id, Span::new(0, 4), "here");
    assert_snapshot!(serde_json::to_string_pretty(&json(&[problem], &sources)).unwrap(), @r#"
    [
      {
        "code": "E0401",
        "severity": "error",
        "message": "task `write` needs `plna`, which does not exist",
        "file": "workflow.yaml",
        "line": 6,
        "column": 12,
        "end_line": 6,
        "end_column": 16,
        "label": "no such task",
        "help": [
          "did you mean `plan`?"
        ],
        "related": [
          {
            "file": "workflow.yaml",
            "line": 1,
            "column": 1,
            "end_line": 1,
            "end_column": 5,
            "label": "here"
          }
        ],
        "fix": {
          "file": "workflow.yaml",
          "line": 6,
          "column": 12,
          "end_line": 6,
          "end_column": 16,
          "replacement": "plan"
        }
      }
    ]
    "#);
}

proptest! {
    #[test]
    fn any_span_of_any_text_can_be_shown(text in "(?s).{0,60}", spans in prop::collection::vec((0_usize..80, 0_usize..80), 1..4)) {
        let (sources, id) = source(&text);
        let mut spans = spans.into_iter().map(|(start, end)| Span::new(start, end));
        let mut problem = Diagnostic::new(Code::BAD_VALUE, id, spans.next().unwrap(), "odd").did_you_mean(Some("even"));
        for span in spans {
            problem = problem.also(id, span, "and this");
        }
        let shown = render(&[problem.clone()], &sources, false);
        // One mark may lie over another.
        prop_assert!(problem.labels.len() > 1 || shown.contains('^'), "{}", shown);
        let _ = json(&[problem], &sources);
    }
}
