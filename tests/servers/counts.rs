//! Counts of a server that cannot be.

use std::time::Duration;

use crate::support::model_server::script::Reported;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};

use super::at;

const TWO: &str =
    "budget: { tokens: 10000 }\ntasks:\n  a: { prompt: Hello }\n  b: { needs: a, prompt: Hello again }\n";

fn counting(text: &str, completion: u64) -> ModelServer {
    let usage = Reported::Exactly {
        prompt: 30,
        completion,
    };
    ModelServer::start(Script::always(Answer::text(text).usage(usage)))
}

#[test]
fn no_answer_is_charged_with_more_than_it_may_have() {
    let server = counting("ok", 1_000_000_000_000_000);
    let output = at(&server, TWO)
        .exec(&[])
        .exits(0)
        .says("count of an answer is 1000000000000000, where")
        .says("tokens in 2 calls")
        .says("about ");
    assert_eq!(
        output
            .stderr
            .matches("its counts are not to be relied on")
            .count(),
        1,
        "it is told once: {}",
        output.stderr
    );
}

#[test]
fn no_answer_is_free() {
    let long: Vec<String> = (0..300).map(|number| format!("word {number} of it")).collect();
    let server = counting(&long.join(", "), 0);
    let sandbox = at(&server, TWO);
    sandbox.exec(&[]).exits(0).says("count of an answer is 0, where");
    let finished = sandbox.events().into_iter();
    let finished: Vec<_> = finished
        .filter(|event| event["type"] == "call_finished")
        .collect();
    assert_eq!(finished.len(), 2);
    for call in finished {
        assert!(call["usage"]["completion"].as_u64().unwrap() > 500, "{call}");
        assert_eq!(call["usage"]["estimated"], true);
    }
    // What can be is believed.
    let right = counting("ok", 900);
    let output = at(&right, TWO).exec(&[]).exits(0);
    assert!(!output.stderr.contains("count of"), "{}", output.stderr);
    assert!(
        output.stderr.contains("1,860 tokens in 2 calls"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_call_that_a_time_limit_cut_off_is_counted() {
    let slow = Answer::text("late").with(Fault::Delay(Duration::from_secs(20)));
    let server = ModelServer::start(Script::always(slow));
    let workflow = "tasks:\n  a: { prompt: Hello, timeout: 300ms, on_failure: { retry: 0 } }\n";
    let output = at(&server, workflow).exec(&[]).exits(1);
    assert!(
        output.stderr.contains("  about 1,") && output.stderr.contains(" tokens in 1 call (1 cut off)"),
        "{}",
        output.stderr
    );
}
