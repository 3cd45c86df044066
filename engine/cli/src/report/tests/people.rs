use insta::assert_snapshot;

use super::super::plain::Plain;
use super::super::terminal::Terminal;
use super::*;
use crate::render::style::Size;

fn view(verbosity: Verbosity) -> View {
    View {
        style: Style::PLAIN,
        verbosity,
        planned: Some(5),
        asks: false,
        afterwards: false,
    }
}

fn plain(verbosity: Verbosity, events: &[(u64, Event)]) -> String {
    let page = Page::default();
    feed(&mut Plain::new(page.clone(), view(verbosity)), events);
    page.text()
}

fn output(node: &str, text: &str) -> Notice {
    Notice::Output {
        node: id(node),
        stream: Stream::Stdout,
        text: text.to_owned(),
    }
}

/// Makes the cursor's movements visible.
fn frames(text: &str) -> String {
    text.replace("\r\u{1b}[J", ">\n")
        .replace("\u{1b}[", "<up ")
        .replace("A>", ">")
}

#[test]
fn plain_lines() {
    assert_snapshot!(plain(Verbosity::Normal, &story()), @"
    [   0.0s] run r1 of rest-backend started, 4 at a time
    [   4.3s] design: attempt 1 failed: the answer holds no value; next attempt in 0.7s
    [   9.1s] design: succeeded after 2 attempts in 9.0s
    [   9.9s] compile: succeeded in 0.7s
    [   9.9s] test[2]: skipped: its `if` is false
    [  11.0s] test[0]: succeeded in 1.0s
    [  12.0s] test[1]: failed in 2.0s: `npm test` ended with exit code 1
              | FAIL src/a.test.ts
              |   expected 1
              |   got 2�
    [  12.0s] deploy: skipped: needs `test`
    [  12.0s] notes: cancelled: a sibling failed
    ✗ rest-backend failed after 12.0s: 3 succeeded, 1 failed, 2 skipped, 1 cancelled, 1 retry
      4,464 tokens in 2 calls
      ✗ test[1]: `npm test` ended with exit code 1
    ");
}

#[test]
fn plain_and_quiet() {
    assert_snapshot!(plain(Verbosity::Quiet, &story()), @"
    [  12.0s] test[1]: failed in 2.0s: `npm test` ended with exit code 1
              | FAIL src/a.test.ts
              |   expected 1
              |   got 2�
    ✗ rest-backend failed after 12.0s: 3 succeeded, 1 failed, 2 skipped, 1 cancelled, 1 retry
      4,464 tokens in 2 calls
      ✗ test[1]: `npm test` ended with exit code 1
    ");
    let well = [
        (0, run_started()),
        (10, started("a", 1)),
        (20, succeeded("a", 1)),
        (30, run_finished(RunStatus::Success, "")),
    ];
    assert_snapshot!(plain(Verbosity::Quiet, &well), @"✓ rest-backend succeeded in 0.0s: 1 succeeded");
}

#[test]
fn a_long_wait_is_told_to_everyone() {
    let page = Page::default();
    let mut report = Plain::new(page.clone(), view(Verbosity::Normal));
    for delay in [2_000, 20_000] {
        let retried = Notice::CallRetried {
            node: id("build"),
            because: "busy".to_owned(),
            delay,
        };
        report.notice(START, &retried);
    }
    assert_eq!(page.text().matches("call again in").count(), 1);
    assert!(
        page.text().contains("build: call again in 20.0s: busy"),
        "{}",
        page.text()
    );
}

#[test]
fn plain_and_verbose() {
    let page = Page::default();
    let mut report = Plain::new(page.clone(), view(Verbosity::Verbose));
    report.event(START, 1, &run_started());
    report.event(START.after(5), 2, &started("build", 1));
    report.notice(START.after(10), &output("build", "one\ntw"));
    report.notice(START.after(20), &output("build", "o\r\n\u{1b}[2Jthree"));
    report.notice(
        START.after(30),
        &Notice::Warning {
            message: "the model `local`\nis `default`".to_owned(),
        },
    );
    report.notice(
        START.after(40),
        &Notice::CallRetried {
            node: id("build"),
            because: "503".to_owned(),
            delay: 2000,
        },
    );
    report.event(START.after(45), 3, &called("build", 1));
    report.event(START.after(55), 4, &answered("build", 1));
    report.event(START.after(60), 5, &succeeded("build", 1));
    report.event(START.after(70), 6, &run_finished(RunStatus::Success, ""));
    report.finish().unwrap();
    report.finish().unwrap();
    assert_snapshot!(page.text(), @"
    [   0.0s] run r1 of rest-backend started, 4 at a time
    [   0.0s] build: started
    [   0.0s] build | one
    [   0.0s] build | two
    [   0.0s] warning: the model `local` is `default`
    [   0.0s] build: call again in 2.0s: 503
    [   0.0s] build: call 1 of `local`, at most 1,924 tokens
    [   0.0s] build: call 1 answered (812 + 1,420 tokens)
    [   0.0s] build | three
    [   0.0s] build: succeeded in 0.0s
    ✓ rest-backend succeeded in 0.0s: 1 succeeded
      2,232 tokens in 1 call
    ");
}

#[test]
fn waiting_and_interrupted_runs_say_how_to_go_on() {
    let asked = Event::ApprovalAsked {
        node: id("deploy"),
        message: "ship it?".to_owned(),
        diff: Some(Stored::inline(json!("-old\n+new\u{1b}[0m"))),
    };
    let waiting = [
        (0, run_started()),
        (10, started("deploy", 1)),
        (20, asked),
        (
            30,
            run_finished(RunStatus::Waiting, "`deploy` waits for an answer"),
        ),
    ];
    assert_snapshot!(plain(Verbosity::Normal, &waiting), @"
    [   0.0s] run r1 of rest-backend started, 4 at a time
    [   0.0s] deploy: asks: ship it?
              | -old
              | +new
    ? rest-backend is waiting after 0.0s
      `deploy` waits for an answer
    hint: answer with `smallcode resume r1 --approve deploy` or `--reject deploy`
    ");
    let stopped = [
        (0, run_started()),
        (10, Event::Interrupted { stage: 1 }),
        (20, run_finished(RunStatus::Interrupted, "")),
    ];
    assert_snapshot!(plain(Verbosity::Normal, &stopped), @"
    [   0.0s] run r1 of rest-backend started, 4 at a time
    [   0.0s] stopping: what runs may end, nothing new starts; once more to stop it now
    ■ rest-backend was interrupted after 0.0s
    hint: `smallcode resume r1` goes on from here
    ");
}

#[test]
fn terminal_story() {
    let page = Page::default();
    let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), || Size::DEFAULT);
    for (seq, (millis, event)) in (1..).zip(&story()) {
        report.tick(START.after(*millis));
        report.event(START.after(*millis), seq, event);
    }
    report.finish().unwrap();
    assert_snapshot!(frames(&page.text()), @"
    ──────────────────── 0/5  0.0s
    <up 1>
    ──────────────────── 0/5  4.2s
      design  4.1s  calling local
    <up 2>
    ──────────────────── 0/5  4.3s  2,232 tokens in 1 call
      design  4.2s
    <up 2>
    ↻ design  attempt 1: the answer holds no value; again in 0.7s
    ──────────────────── 0/5  5.0s  1 retried  2,232 tokens in 1 call
    <up 1>
    ──────────────────── 0/5  9.0s  1 retried  2,232 tokens in 1 call
      design  4.0s  attempt 2  calling local
    <up 2>
    ──────────────────── 0/5  9.1s  1 retried  4,464 tokens in 2 calls
      design  4.1s  attempt 2
    <up 2>
    ✓ design  9.0s (2 attempts)
    ━━━━──────────────── 1/5  9.9s  1 retried  4,464 tokens in 2 calls
      compile  0.7s
    <up 2>
    ✓ compile  0.7s
    ↷ test[2]  skipped: its `if` is false
    ━━━━━━━━──────────── 3/7  11.0s  1 retried  4,464 tokens in 2 calls
      test[0]  1.0s
      test[1]  1.0s
    <up 3>
    ✓ test[0]  1.0s
    ━━━━━━━━━━━───────── 4/7  12.0s  1 retried  4,464 tokens in 2 calls
      test[1]  2.0s
    <up 2>
    ✗ test[1]  2.0s  `npm test` ended with exit code 1
      │ FAIL src/a.test.ts
      │   expected 1
      │   got 2�
    ↷ deploy  skipped: needs `test`
    ■ notes  cancelled: a sibling failed
    ✗ rest-backend failed after 12.0s: 3 succeeded, 1 failed, 2 skipped, 1 cancelled, 1 retry
      4,464 tokens in 2 calls
      ✗ test[1]: `npm test` ended with exit code 1
    ");
}

#[test]
fn terminal_shows_few_of_many_running_nodes() {
    let page = Page::default();
    let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), || Size {
        columns: 60,
        rows: 24,
    });
    report.event(START, 1, &run_started());
    for index in 0..1000 {
        report.event(START, 2, &started(&format!("translate/pages[{index}]"), 1));
    }
    report.event(START, 3, &called("translate/pages[1]", 2));
    report.notice(
        START,
        &output(
            "translate/pages[2]",
            "Compiling a very long line of output that must be cut somewhere\r",
        ),
    );
    page.take();
    report.tick(START.after(2_500));
    assert_snapshot!(frames(&page.take()), @"
    <up 1>
    0/1,000  2.5s
      translate/pages[0]  2.5s
      translate/pages[1]  2.5s  calling local (2)
      translate/pages[2]  2.5s  │ Compiling a very long line o…
      translate/pages[3]  2.5s
      translate/pages[4]  2.5s
      translate/pages[5]  2.5s
      translate/pages[6]  2.5s
      … and 993 more
    ");
    report.pause();
    assert_snapshot!(frames(&page.take()), @"<up 9>");
    report.tick(START.after(2_700));
    assert!(page.take().starts_with("0/1,000  2.7s\n"));
    report.tick(START.after(2_750));
    assert_eq!(page.take(), "", "no more than ten frames a second");
}

#[test]
fn terminal_counts_what_nobody_could_read() {
    let page = Page::default();
    let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), || Size::DEFAULT);
    report.event(START, 1, &run_started());
    for index in 0..1000_u64 {
        let (node, at) = (format!("n{index}"), START.after(index));
        report.event(at, 2, &started(&node, 1));
        let end = if index % 500 == 7 {
            failed(&node, 1, command_failed(), None)
        } else {
            succeeded(&node, 1)
        };
        report.event(at, 3, &end);
    }
    report.event(
        START.after(1001),
        4,
        &Event::TaskSkipped {
            task: id("z"),
            because: "needs `n7`".to_owned(),
        },
    );
    report.event(START.after(1002), 5, &run_finished(RunStatus::Failure, ""));
    report.finish().unwrap();
    let text = page.text();
    assert_eq!(text.matches("✓ n").count(), 20);
    assert_eq!(
        text.matches("✗ n").count(),
        4,
        "two failures, each also in the summary"
    );
    assert_eq!(text.matches("  … and 978 more\n").count(), 1);
    assert!(text.contains("↷ z  skipped: needs `n7`\n"));
}

#[test]
fn terminal_shows_the_last_output_of_what_failed() {
    let page = Page::default();
    let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), || Size::DEFAULT);
    report.event(START, 1, &started("t", 1));
    for line in 0..30 {
        report.notice(START, &output("t", &format!("line {line}\n")));
    }
    report.event(
        START,
        2,
        &failed(
            "t",
            1,
            Failure::new(FailureClass::TimedOut, "took longer than 1s"),
            None,
        ),
    );
    report.finish().unwrap();
    let text = page.text();
    assert!(
        text.contains("✗ t  0.0s  took longer than 1s\n  │ line 20\n") && text.contains("  │ line 29\n"),
        "{text}"
    );
    assert!(!text.contains("  │ line 19\n"));
}

#[test]
fn no_line_of_the_block_is_wider_than_the_terminal() {
    for columns in [1, 10, 40, 80, 200] {
        let page = Page::default();
        let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), move || Size {
            columns,
            rows: 5,
        });
        report.event(
            START,
            1,
            &started(
                "漢字のとても長い名前を持つタスク[漢字のとても長い名前を持つタスク]",
                1,
            ),
        );
        report.notice(START, &output("x", "y"));
        report.tick(START.after(1_000));
        for line in page.take().lines().map(crate::render::text::clean) {
            assert!(
                crate::render::text::width(&line) < columns.max(2),
                "{columns}: {line}"
            );
        }
    }
}

#[test]
fn earlier_sessions_count_and_are_not_shown() {
    let (before, after) = (
        story(),
        [(
            50_000,
            Event::RunResumed {
                jobs: 1,
                confirmed: false,
                boot: None,
            },
        )],
    );
    let earlier = || {
        before[..9]
            .iter()
            .map(|(millis, event)| (START.after(*millis), event))
    };
    let page = Page::default();
    let mut report = Plain::new(page.clone(), view(Verbosity::Normal));
    report.catch_up(earlier());
    feed(&mut report, &after);
    assert_snapshot!(page.take(), @"
    [   0.0s] run resumed, 1 at a time
    ■ rest-backend stopped early, after 0.0s: 1 succeeded, 1 retry
      4,464 tokens in 2 calls
    hint: `smallcode resume r1` goes on from here
    ");
    let mut report = Terminal::new(page.clone(), view(Verbosity::Normal), || Size::DEFAULT);
    report.catch_up(earlier());
    feed(&mut report, &after);
    assert_snapshot!(frames(&page.take()), @"
    ━━━━──────────────── 1/5  0.0s  1 retried  4,464 tokens in 2 calls
    <up 1>
    ■ rest-backend stopped early, after 0.0s: 1 succeeded, 1 retry
      4,464 tokens in 2 calls
    hint: `smallcode resume r1` goes on from here
    ");
}
