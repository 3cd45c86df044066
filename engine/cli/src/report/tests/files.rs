use insta::assert_snapshot;

use super::super::jsonl::{self, JsonLines};
use super::super::junit::Junit;
use super::*;

fn junit(events: &[(u64, Event)]) -> String {
    let page = Page::default();
    feed(&mut Junit::new(page.clone()), events);
    page.text()
}

#[test]
fn junit_story() {
    assert_snapshot!(junit(&story()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="rest-backend" tests="7" skipped="3" failures="1" errors="0" timestamp="2023-11-14T22:13:20.000+00:00" time="12.010">
        <testsuite name="rest-backend" tests="7" skipped="3" errors="0" failures="1" timestamp="2023-11-14T22:13:20.000+00:00" time="12.010">
            <properties>
                <property name="run" value="r1"/>
            </properties>
            <testcase name="design" classname="rest-backend" timestamp="2023-11-14T22:13:20.010+00:00" time="8.390">
                <flakyFailure timestamp="2023-11-14T22:13:20.010+00:00" time="4.290" message="the answer holds no value" type="unparseable">
                </flakyFailure>
            </testcase>
            <testcase name="compile" classname="rest-backend" timestamp="2023-11-14T22:13:29.110+00:00" time="0.790">
                <system-out>compiled 3 files</system-out>
                <system-err>1 warning</system-err>
            </testcase>
            <testcase name="test[0]" classname="rest-backend" timestamp="2023-11-14T22:13:29.920+00:00" time="1.080">
                <system-out>done</system-out>
            </testcase>
            <testcase name="test[1]" classname="rest-backend" timestamp="2023-11-14T22:13:29.930+00:00" time="2.070">
                <failure message="`npm test` ended with exit code 1" type="command_failed">FAIL src/a.test.ts
      expected 1
      got 2�
    </failure>
                <system-err>expected 1
    got 2</system-err>
            </testcase>
            <testcase name="test[2]" classname="rest-backend" time="0.000">
                <skipped message="its `if` is false" type="skipped"/>
            </testcase>
            <testcase name="deploy" classname="rest-backend" time="0.000">
                <skipped message="needs `test`" type="skipped"/>
            </testcase>
            <testcase name="notes" classname="rest-backend" time="0.000">
                <skipped message="a sibling failed" type="cancelled"/>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn junit_holds_any_text() {
    let odd = "<&\"'>]]>\u{0}\u{1b}[31m\u{8}\u{fffe}\u{202e}\r\n\tä漢";
    let events = [
        (0, started(odd, 1)),
        (
            5,
            failed(
                odd,
                1,
                Failure {
                    detail: odd.to_owned(),
                    ..Failure::new(FailureClass::Io, odd)
                },
                None,
            ),
        ),
        (
            6,
            Event::TaskSkipped {
                task: id("s"),
                because: odd.to_owned(),
            },
        ),
        (7, run_finished(RunStatus::Failure, odd)),
    ];
    let xml = junit(&events);
    let document = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((document.tests, document.errors, document.skipped), (2, 1, 1));
    assert!(
        !xml.chars()
            .any(|c| c != '\n' && c.is_control() || c == '\u{fffe}'),
        "{xml}"
    );
}

#[test]
fn junit_of_a_run_that_stopped() {
    let large = Stored::Text {
        blob: "abc".to_owned(),
        bytes: 123_456,
        cut: false,
    };
    let failure = Failure {
        stdout: Some(large),
        ..command_failed()
    };
    let asked = Event::ApprovalAsked {
        node: id("ask"),
        message: "ship?".to_owned(),
        diff: None,
    };
    let events = [
        (0, started("a", 1)),
        (1_000, failed("a", 1, failure, None)),
        (1_001, started("b", 1)),
        (1_002, asked),
        (1_500, run_finished(RunStatus::Interrupted, "")),
    ];
    assert!(junit(&events).contains("(123,456 bytes in blob abc)"));
    let page = Page::default();
    let report =
        Junit::new(page.clone()).with_blobs(|blob| (blob == "abc").then(|| "from the blob".to_owned()));
    let mut report = report;
    feed(&mut report, &events);
    assert!(page.text().contains("from the blob"));
    assert!(
        page.text()
            .contains("message=\"the run was interrupted\" type=\"unfinished\""),
        "{}",
        page.text()
    );
}

#[test]
fn json_lines_round_trip() {
    let page = Page::default();
    let mut report = JsonLines::new(page.clone());
    let notice = Notice::Output {
        node: id("a"),
        stream: Stream::Stderr,
        text: "x\n\u{1b}".to_owned(),
    };
    report.notice(START, &notice);
    feed(&mut report, &story());
    let text = page.text();
    let schema = jsonschema::validator_for(&jsonl::schema()).unwrap();
    let mut lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        schema.validate(line).unwrap();
    }
    assert_snapshot!(lines[0], @r#"{"at":1700000000000,"notice":{"type":"output","node":"a","stream":"stderr","text":"x\n\u001b"}}"#);
    assert_snapshot!(text.lines().nth(2).unwrap(), @r#"{"seq":2,"at":1700000000010,"event":{"type":"attempt_started","node":"design","attempt":1}}"#);
    assert_eq!(
        serde_json::from_value::<Notice>(lines.remove(0)["notice"].take()).unwrap(),
        notice
    );
    let events: Vec<(u64, Event)> = lines
        .into_iter()
        .map(|mut line| {
            (
                line["at"].as_u64().unwrap() - START.0,
                serde_json::from_value(line["event"].take()).unwrap(),
            )
        })
        .collect();
    assert_eq!(events, story());
}

#[test]
fn json_lines_keep_the_first_failure_for_the_end() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut report = JsonLines::new(Full);
    report.event(START, 1, &run_started());
    report.tick(START);
    report.event(START, 2, &run_finished(RunStatus::Success, ""));
    assert_eq!(report.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn the_schema_says_what_it_is() {
    let schema = jsonl::schema();
    assert_eq!(schema["title"], "smallcode events");
    assert!(schema["$defs"].as_object().unwrap().contains_key("Event"));
    assert!(jsonschema::meta::is_valid(&schema));
    assert!(
        jsonschema::validator_for(&schema)
            .unwrap()
            .validate(&json!({ "seq": 1 }))
            .is_err()
    );
}
