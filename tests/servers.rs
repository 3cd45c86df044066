//! What is made of the server that is there: Ollama's own chat, and several servers of one profile.

mod ability;
mod counts;
mod ends;
mod loading;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::model_server::dialect::Dialect;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};

fn at(server: &ModelServer, workflow: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(workflow);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

#[test]
fn ollama_is_asked_in_its_own_words() {
    let schema = json!({ "type": "object", "properties": { "age": { "type": "integer" } } });
    let workflow = format!(
        "tasks:\n  a: {{ prompt: 'How old?', output: {{ schema: {schema} }} }}\noutputs: {{ a: '{{{{ tasks.a.output.age }}}}' }}\n"
    );
    for (loaded, trained, window) in [
        (Some(3000), 32_768, 3000),
        (None, 32_768, 8192),
        (None, 2048, 2048),
    ] {
        let script = Script::always(Answer::text("{\"age\": 7}").thinking("let me see"))
            .dialect(&Dialect::Ollama { window: loaded }, "tiny")
            .route(
                "/api/show",
                200,
                json!({ "model_info": { "qwen2.context_length": trained } }),
            );
        let server = ModelServer::start(script);
        let output = at(&server, &workflow).exec(&[]).exits(0);
        assert_eq!(output.json(), json!({ "a": 7 }));
        let calls = server.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].path, "/api/chat");
        let body = &calls[0].body;
        assert_eq!(body["options"]["num_ctx"], window);
        assert_eq!(
            (&body["truncate"], &body["shift"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(body["format"], schema);
        for option in ["num_predict", "temperature", "top_p", "seed", "repeat_penalty"] {
            assert!(body["options"][option].is_number(), "{option}");
        }
    }
}

#[test]
fn ollama_says_what_went_wrong() {
    let playing = |answer: Answer| {
        ModelServer::start(Script::answers([answer]).dialect(&Dialect::Ollama { window: Some(4096) }, "tiny"))
    };
    let workflow = "tasks:\n  a: { prompt: Hello }\n";
    let cut = playing(Answer::text("half").finish("length"));
    at(&cut, workflow).exec(&[]).exits(1).says("cut at its limit");
    let long = playing(Answer::fault(Fault::Status {
        status: 400,
        retry_after: None,
        body: "{\"error\":\"the input length exceeds the context length\"}".to_owned(),
    }));
    at(&long, workflow)
        .exec(&[])
        .exits(1)
        .says("does not fit the window");
    let broken = playing(Answer::text("a long enough answer").with(Fault::CutFrame { after_bytes: 90 }));
    at(&broken, workflow).exec(&[]).exits(1);
    assert_eq!(broken.calls().len(), 3, "it is asked again");
}

#[test]
fn a_dead_server_of_a_pool_rests_and_the_others_answer() {
    let dead = ModelServer::start(Script::answers([]));
    let gone = dead.base_url();
    drop(dead);
    let ill = ModelServer::start(Script::always(Answer::fault(Fault::status(503))));
    let well = ModelServer::start(Script::always(Answer::text("yes")));
    let sandbox = Sandbox::with(
        "tasks:\n  a: { foreach: '{{ range(6) }}', prompt: 'Number {{ item }}' }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = ['{gone}', '{}', '{}']\nmodel = 'tiny'\nslots = 1\n",
            ill.base_url(),
            well.base_url()
        ),
    );
    let output = sandbox.exec(&["-j", "3"]).exits(0).says("failed and rests for");
    assert_eq!(output.json(), json!({ "a": vec!["yes"; 6] }));
    assert_eq!(well.calls().len(), 6);
    assert!(ill.calls().len() < 6, "it is not asked for each");
}

fn of_pool(servers: &[&ModelServer]) -> Sandbox {
    let sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\noutputs: { a: '{{ tasks.a.output }}' }\n");
    let urls: Vec<String> = servers
        .iter()
        .map(|server| format!("'{}'", server.base_url()))
        .collect();
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = [{}]\nmodel = 'tiny'\n",
            urls.join(", ")
        ),
    );
    sandbox
}

fn limited(seconds: u32) -> Answer {
    Answer::fault(Fault::Status {
        status: 429,
        retry_after: Some(seconds.to_string()),
        body: "busy".to_owned(),
    })
}

#[test]
fn a_pool_whose_servers_are_all_busy_is_waited_for() {
    let busy = || ModelServer::start(Script::answers([limited(1)]).otherwise(Answer::text("yes")));
    // As many as one call has tries, so that none would be left after the wait.
    let servers = [busy(), busy(), busy()];
    let sandbox = of_pool(&[&servers[0], &servers[1], &servers[2]]);
    let begun = std::time::Instant::now();
    let output = sandbox.exec(&["-v"]).exits(0).says("a: call again in");
    assert!(begun.elapsed().as_millis() >= 1000);
    assert_eq!(output.json(), json!({ "a": "yes" }));
    let calls: usize = servers.iter().map(|server| server.calls().len()).sum();
    assert_eq!(calls, 4);
}

#[test]
fn a_server_that_wants_to_rest_for_long_is_left_alone() {
    let busy = ModelServer::start(Script::always(limited(3600)));
    let well = ModelServer::start(Script::always(Answer::text("yes")));
    of_pool(&[&busy, &well])
        .exec(&[])
        .exits(0)
        .says("rests for 3600 s");
    assert_eq!((busy.calls().len(), well.calls().len()), (1, 1));
    for servers in [vec![&busy], vec![&busy, &busy]] {
        of_pool(&servers).exec(&[]).exits(1).says("in 3600 s");
    }
}
