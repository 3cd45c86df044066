use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use smallcode_core::run::{
    CallUsage, Decision, Failure, FailureClass, Manner, NodeId, Outcome, Reserve, RunStatus, Stored, Stream,
    TaskResult,
};

use super::*;

mod files;
mod people;
mod progress;

/// A writer whose text can be read while a report holds it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// What was written since the last call.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const START: Timestamp = Timestamp(1_700_000_000_000);

fn id(name: &str) -> NodeId {
    NodeId::new(name)
}

fn run_started() -> Event {
    Event::RunStarted {
        run: "r1".to_owned(),
        workflow: "rest-backend".to_owned(),
        engine: "0.1.0".to_owned(),
        plan: "00".to_owned(),
        seed: 1,
        jobs: 4,
        boot: None,
    }
}

fn started(node: &str, attempt: u32) -> Event {
    Event::AttemptStarted {
        node: id(node),
        attempt,
    }
}

fn succeeded(node: &str, attempt: u32) -> Event {
    let outcome = Outcome::Success(TaskResult::value(json!("done")));
    Event::AttemptFinished {
        node: id(node),
        attempt,
        outcome,
        decision: Decision::Done,
    }
}

fn failed(node: &str, attempt: u32, failure: Failure, retry: Option<u64>) -> Event {
    let decision = retry.map_or(Decision::Fail, |after| Decision::Retry {
        manner: Manner::default(),
        at: START.after(after),
    });
    Event::AttemptFinished {
        node: id(node),
        attempt,
        outcome: Outcome::Failure(failure),
        decision,
    }
}

fn command_failed() -> Failure {
    Failure {
        detail: "FAIL src/a.test.ts\n  \u{1b}[31mexpected\u{1b}[0m 1\n  got 2\u{7}\n".to_owned(),
        exit_code: Some(1),
        stderr: Some(Stored::inline(json!("expected 1\ngot 2"))),
        ..Failure::new(FailureClass::CommandFailed, "`npm test` ended with exit code 1")
    }
}

fn called(node: &str, call: u32) -> Event {
    Event::CallStarted {
        node: id(node),
        attempt: 1,
        call,
        profile: "local".to_owned(),
        digest: "00".to_owned(),
        counting: smallcode_core::tokens::Calibration::default(),
        reserve: Reserve {
            prompt: 900,
            completion: 1024,
            ..Reserve::default()
        },
        sent: None,
    }
}

fn answered(node: &str, call: u32) -> Event {
    let usage = CallUsage {
        prompt: 812,
        completion: 1420,
        ..CallUsage::default()
    };
    Event::CallFinished {
        node: id(node),
        attempt: 1,
        call,
        reply: None,
        usage,
        failure: None,
    }
}

fn run_finished(status: RunStatus, message: &str) -> Event {
    Event::RunFinished {
        status,
        outputs: None,
        message: message.to_owned(),
    }
}

/// A run with one of everything, each event with its time in milliseconds.
fn story() -> Vec<(u64, Event)> {
    let command = TaskResult {
        output: Stored::inline(json!("compiled 3 files")),
        stdout: None,
        stderr: Some(Stored::inline(json!("1 warning"))),
        // As the runtime journals it: 0 is not repeated.
        exit_code: None,
    };
    let compiled = Event::AttemptFinished {
        node: id("compile"),
        attempt: 1,
        outcome: Outcome::Success(command),
        decision: Decision::Done,
    };
    vec![
        (0, run_started()),
        (10, started("design", 1)),
        (20, called("design", 1)),
        (4_200, answered("design", 1)),
        (
            4_300,
            failed(
                "design",
                1,
                Failure::new(FailureClass::Unparseable, "the answer\nholds no value"),
                Some(5_000),
            ),
        ),
        (5_000, started("design", 2)),
        (5_010, called("design", 1)),
        (9_000, answered("design", 1)),
        (9_100, succeeded("design", 2)),
        (9_110, started("compile", 1)),
        (9_900, compiled),
        (
            9_910,
            Event::TaskExpanded {
                task: id("test"),
                items: Stored::null(),
                count: 3,
            },
        ),
        (9_920, started("test[0]", 1)),
        (9_930, started("test[1]", 1)),
        (
            9_940,
            Event::ConditionChecked {
                node: id("test[2]"),
                holds: false,
            },
        ),
        (11_000, succeeded("test[0]", 1)),
        (12_000, failed("test[1]", 1, command_failed(), None)),
        (
            12_001,
            Event::TaskSkipped {
                task: id("deploy"),
                because: "needs `test`".to_owned(),
            },
        ),
        (
            12_002,
            Event::NodeCancelled {
                node: id("notes"),
                because: "a sibling failed".to_owned(),
            },
        ),
        (12_010, run_finished(RunStatus::Failure, "")),
    ]
}

fn feed(report: &mut dyn Report, events: &[(u64, Event)]) {
    for (seq, (millis, event)) in (1..).zip(events) {
        report.event(START.after(*millis), seq, event);
    }
    report.finish().unwrap();
}
