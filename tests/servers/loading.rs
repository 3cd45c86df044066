//! A server that loads its model still.

use serde_json::json;

use crate::support::model_server::dialect::Dialect;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};

use super::{at, of_pool};

const HELLO: &str = "tasks:\n  a: { prompt: Hello }\noutputs: { a: '{{ tasks.a.output }}' }\n";

fn llama(script: Script) -> ModelServer {
    let dialect = Dialect::LlamaCpp {
        window: 1024,
        slots: 4,
    };
    ModelServer::start(script.dialect(&dialect, "tiny"))
}

fn loading() -> Answer {
    Answer::fault(Fault::Status {
        status: 503,
        retry_after: None,
        body: "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}".to_owned(),
    })
}

#[test]
fn a_server_is_asked_what_it_is_once_it_has_loaded() {
    let server = llama(Script::always(Answer::text("yes")).loading(7));
    let output = at(&server, HELLO).exec(&[]).exits(0);
    let told = "is loading its model; it is waited for up to 300 s";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);
    assert_eq!(server.calls().len(), 1);

    // Its real window counts: what does not fit it is not sent.
    let server = llama(Script::always(Answer::text("yes")).loading(3));
    let long = format!("tasks:\n  a: {{ prompt: '{}' }}\n", "word ".repeat(1500));
    at(&server, &long)
        .exec(&[])
        .exits(1)
        .says("the window of `default` is 1024");
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn one_that_never_has_is_waited_for_no_longer_than_the_user_says() {
    let server = llama(Script::always(Answer::text("never")).loading(usize::MAX));
    let sandbox = at(&server, HELLO);
    sandbox.write(
        "smallcode.toml",
        "[profiles.default]\ntimeouts = { first_byte = '1s' }\n",
    );
    sandbox
        .exec(&[])
        .exits(4)
        .says("has not loaded its model, for which it was waited 1 s")
        .says("`timeouts.first_byte`");
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn a_call_waits_for_it_as_well() {
    // One that was started again: more often than there are tries.
    let answers = [loading(), loading(), loading(), Answer::text("yes")];
    let server = ModelServer::start(Script::answers(answers));
    // What was refused counts for no cap.
    let capped = format!("budget: {{ calls: 1 }}\n{HELLO}");
    let output = at(&server, &capped).exec(&[]).exits(0).says(" in 1 call");
    assert_eq!(output.json(), json!({ "a": "yes" }));
    assert_eq!(
        output.stderr.matches("is loading its model").count(),
        1,
        "{}",
        output.stderr
    );
    let never = ModelServer::start(Script::always(loading()));
    let sandbox = at(&never, HELLO);
    sandbox.write(
        "smallcode.toml",
        "[profiles.default]\ntimeouts = { first_byte = '1s' }\n",
    );
    sandbox
        .exec(&[])
        .exits(1)
        .says("is waited for up to `timeouts.first_byte`");
    // Another server of a pool that is well answers meanwhile.
    let well = ModelServer::start(Script::always(Answer::text("yes")));
    of_pool(&[&never, &well]).exec(&[]).exits(0);
}
