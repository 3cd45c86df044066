//! What a server and its model can do is seen in what they do, and kept: constraints, thinking, exact counts.

use serde_json::{Value, json};

use super::at;
use crate::support::Sandbox;
use crate::support::model_server::dialect::Dialect;
use crate::support::model_server::script::{Counting, Reported};
use crate::support::model_server::{Answer, ModelServer, RecordedRequest, Script};

const AGE: &str = "tasks:\n  a: { prompt: 'How old?', output: { schema: { type: object, required: [age], properties: { age: { type: integer } } } } }\noutputs: { a: '{{ tasks.a.output.age }}' }\n";

const WORDS: [&str; 6] = [
    "response_format",
    "json_schema",
    "structured_outputs",
    "guided_json",
    "grammar",
    "tools",
];

/// In which words a schema was asked for.
fn word(request: &RecordedRequest) -> &'static str {
    let said = WORDS.into_iter().find(|word| request.body.get(word).is_some());
    said.unwrap_or("nothing")
}

fn words(server: &ModelServer) -> Vec<&'static str> {
    server.calls().iter().map(word).collect()
}

#[test]
fn a_schema_is_asked_for_in_the_words_that_the_server_takes() {
    let (window, slots) = (4096, 1);
    let old = json!({ "version": "0.11.0" });
    let script = || Script::always(Answer::text("{\"age\": 7}"));
    let servers = [
        (
            script().dialect(&Dialect::LlamaCpp { window, slots }, "tiny"),
            "json_schema",
        ),
        (
            script().dialect(&Dialect::Vllm { window }, "tiny"),
            "structured_outputs",
        ),
        (
            script()
                .dialect(&Dialect::Vllm { window }, "tiny")
                .route("/version", 200, old),
            "guided_json",
        ),
    ];
    for (script, takes) in servers {
        let server = ModelServer::start(script.taking(takes));
        let sandbox = at(&server, AGE);
        assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 7 }));
        assert_eq!(words(&server), ["response_format", takes]);
        // The call that was refused is one of the run, and what it taught is known to the next.
        let calls = sandbox
            .events()
            .into_iter()
            .filter(|event| event["type"] == "call_started");
        assert_eq!(calls.count(), 2);
        sandbox.exec(&[]).exits(0);
        assert_eq!(words(&server), ["response_format", takes, takes]);
    }
}

#[test]
fn a_server_that_takes_no_schema_is_asked_without() {
    let server = ModelServer::start(Script::always(Answer::text("{\"age\": 7}")).taking(""));
    let sandbox = at(&server, AGE);
    sandbox.exec(&[]).exits(0);
    sandbox.exec(&[]).exits(0);
    assert_eq!(words(&server), ["response_format", "tools", "nothing", "nothing"]);
}

#[test]
fn a_server_that_takes_tools_alone_passes_the_answer_to_one() {
    let age = Answer::text("").tool("answer", "{\"age\": 7}");
    let server = ModelServer::start(Script::always(age).taking("tools"));
    let sandbox = at(&server, AGE);
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 7 }));
    // What the server makes of the tool is set aside, too.
    let reserve = |event: &Value| event["reserve"]["prompt"].as_u64().unwrap();
    let started: Vec<u64> = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "call_started")
        .map(reserve)
        .collect();
    assert!(started[0] < 600 && started[1] > 600, "{started:?}");

    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 7 }));
    assert_eq!(words(&server), ["response_format", "tools", "tools"]);
    let asked = &server.calls()[2].body;
    assert_eq!(asked["tool_choice"], "required");
    assert_eq!(
        asked["tools"][0]["function"]["parameters"]["required"],
        json!(["age"])
    );
}

#[test]
fn an_answer_that_is_no_object_is_passed_as_one_and_taken_out() {
    let colours = Answer::text("").tool("answer", "{\"value\": [\"red\", \"blue\"]}");
    let server = ModelServer::start(Script::always(colours).taking("tools"));
    let sandbox = at(
        &server,
        "tasks:\n  a: { prompt: 'Which colours?', output: { schema: { type: array, items: { type: string } } } }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": ["red", "blue"] }));
    let asked = &server.calls()[1].body["tools"][0]["function"]["parameters"];
    assert_eq!(asked["properties"]["value"]["type"], "array");
}

/// It is watched like any other answer, in pieces, and one that is cut is told.
#[test]
fn what_is_passed_is_judged_like_an_answer() {
    let script = Script::answers([
        Answer::text("").tool("answer", "{\"age\": \"seven\"}"),
        Answer::text("").tool("answer", "{\"age\"").finish("length"),
        Answer::text("").tool("answer", "{\"age\": 7}"),
    ]);
    let server = ModelServer::start(script.taking("tools"));
    let sandbox = at(&server, AGE);
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 7 }));
    let failures: Vec<Value> = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "attempt_finished")
        .map(|event| event["outcome"]["failure"]["class"].clone())
        .filter(|class| !class.is_null())
        .collect();
    assert_eq!(failures, ["schema_mismatch", "truncated"]);
}

#[test]
fn what_is_refused_for_another_reason_teaches_nothing() {
    let refused = crate::support::model_server::Fault::Status {
        status: 400,
        retry_after: None,
        body: "{\"error\":\"no such model\"}".to_owned(),
    };
    let server = ModelServer::start(
        Script::answers([(); 3].map(|()| Answer::fault(refused.clone())))
            .otherwise(Answer::text("{\"age\": 7}")),
    );
    let sandbox = at(&server, AGE);
    sandbox.exec(&[]).exits(1).says("no such model");
    sandbox.exec(&[]).exits(0);
    assert_eq!(
        words(&server),
        ["response_format", "tools", "nothing", "response_format"]
    );
}

#[test]
fn a_schema_that_is_not_kept_is_not_asked_for_again() {
    let server = ModelServer::start(Script::always(Answer::text("Well:\n```json\n{\"age\": 7}\n```")));
    let sandbox = at(&server, AGE);
    for _ in 0..3 {
        assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 7 }));
    }
    assert_eq!(words(&server), ["response_format", "tools", "nothing"]);
}

#[test]
fn a_model_that_thinks_is_kept_to_its_schema_only_where_it_must_be() {
    let think = |text: &str| Answer::text(text).thinking("let me see");
    let server = ModelServer::start(Script::answers([
        think("{\"age\": 7}"),
        think("He is seven."),
        think("{\"age\": 8}"),
    ]));
    let sandbox = at(&server, AGE);
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "a": 8 }));
    assert_eq!(words(&server), ["response_format", "nothing", "response_format"]);
}

/// A sandbox that shows its model a long file.
fn showing(server: &ModelServer) -> Sandbox {
    let sandbox = at(
        server,
        "tasks:\n  a: { prompt: 'What is it?', context: [{ file: long.txt }], on_failure: { retry: 0 } }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    let lines: Vec<String> = (0..600)
        .map(|line| format!("this is line {line} of a long text"))
        .collect();
    sandbox.write("long.txt", &lines.join("\n"));
    sandbox
}

#[test]
fn a_prompt_is_counted_by_the_server_that_reads_it() {
    let window = 4096;
    for how in [Counting::Text, Counting::Chat] {
        // Many more tokens than any estimate has.
        let times = 3;
        let script = Script::function(move |request, _| {
            let prompt = Script::counted(&request.body["messages"], times);
            Answer::text("a text").usage(Reported::Exactly {
                prompt,
                completion: 2,
            })
        });
        let dialect = match how {
            Counting::Text => Dialect::LlamaCpp { window, slots: 1 },
            Counting::Chat => Dialect::Vllm { window },
        };
        let server = ModelServer::start(script.dialect(&dialect, "tiny").counting(how, times));
        let sandbox = showing(&server);
        sandbox.exec(&[]).exits(0);
        let calls = server.calls();
        assert_eq!(calls.len(), 1);
        let prompt = Script::counted(&calls[0].body["messages"], times);
        assert!(prompt + calls[0].body["max_tokens"].as_u64().unwrap() <= window);
        assert!(prompt > window / 4, "the room is used: {prompt}");
        let events = sandbox.events();
        let reserved = |event: &&Value| event["type"] == "call_started";
        let reserve = &events.iter().find(reserved).unwrap()["reserve"];
        assert_eq!(reserve["prompt"], prompt, "what is set aside is what was counted");
        // What was learned holds for the next run, and the same prompt is counted once.
        let asked = |server: &ModelServer| {
            let requests = server.requests();
            requests
                .iter()
                .filter(|request| request.path == "/tokenize")
                .count()
        };
        let before = asked(&server);
        sandbox.exec(&[]).exits(0);
        assert!(
            asked(&server) - before < before,
            "{} then {}",
            before,
            asked(&server) - before
        );
    }
}

/// The answer to a prompt that was proven to fit, and of which the server has counted more, is not taken.
#[test]
fn a_count_above_the_proof_is_a_failed_call_that_teaches() {
    let more = |by: u64| {
        Script::function(move |request, _| {
            let prompt = Script::counted(&request.body["messages"], 1) + by;
            Answer::text("a text").usage(Reported::Exactly {
                prompt,
                completion: 2,
            })
        })
    };
    let vllm = |script: Script| {
        script
            .dialect(&Dialect::Vllm { window: 4096 }, "tiny")
            .counting(Counting::Chat, 1)
    };
    let counted = "tokens of prompt where at most";
    for script in [
        // One that puts a text of its own before each prompt, and says nothing of it where it counts.
        vllm(more(700)),
        // One that does so and does not count.
        more(700),
    ] {
        let server = ModelServer::start(script);
        let sandbox = showing(&server);
        sandbox.exec(&["-v"]).exits(0).says(counted);
        assert_eq!(server.calls().len(), 2);
        let events = sandbox.events();
        let ended: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "call_finished")
            .collect();
        assert_eq!(ended[0]["failure"]["class"], "too_large", "{ended:?}");
        assert!(
            ended[0]["reply"].is_null() && ended[1]["failure"].is_null(),
            "{ended:?}"
        );
        let reserve = |number: usize| {
            let started = |event: &&Value| event["type"] == "call_started";
            events.iter().filter(started).nth(number).unwrap()["reserve"]["prompt"]
                .as_u64()
                .unwrap()
        };
        assert!(reserve(1) >= ended[1]["usage"]["prompt"].as_u64().unwrap());
        // The next run knows.
        sandbox.exec(&[]).exits(0);
        assert_eq!(server.calls().len(), 3);
    }
    // What nothing explains teaches nothing, and no answer is taken.
    for script in [vllm(more(2_500)), more(2_500)] {
        let server = ModelServer::start(script);
        at(&server, "tasks:\n  a: { prompt: Say yes }\n")
            .exec(&[])
            .exits(1)
            .says("more than half of a window of 4096");
        assert_eq!(server.calls().len(), 1);
    }
}

#[test]
fn a_prompt_that_was_cut_in_silence_is_no_success() {
    let script = Script::function(|request, _| {
        let sent = Script::counted(&request.body["messages"], 1);
        Answer::text("a text").usage(Reported::Exactly {
            prompt: sent - 100,
            completion: 2,
        })
    });
    let dialect = Dialect::LlamaCpp {
        window: 4096,
        slots: 1,
    };
    let server = ModelServer::start(script.dialect(&dialect, "tiny").counting(Counting::Text, 1));
    showing(&server)
        .exec(&[])
        .exits(1)
        .says("it cut the prompt in silence");
}

/// One slot keeps one prompt: what begins alike is asked one after the other, whatever stands between in the file.
#[test]
fn nodes_that_share_a_prefix_go_together() {
    let server = ModelServer::start(Script::always(Answer::text("a text")).caching());
    let system = |first: &str| {
        format!(
            "{first} {}",
            "you are a reviewer of code and say what you see. ".repeat(8)
        )
    };
    let task = |name: &str, first: &str| {
        format!(
            "  {name}: {{ prompt: 'Part {name}', system: '{}' }}\n",
            system(first)
        )
    };
    let tasks = [
        ("a", "First"),
        ("b", "Second"),
        ("c", "First"),
        ("d", "Third"),
        ("e", "Second"),
    ];
    let tasks: String = tasks.iter().map(|(name, first)| task(name, first)).collect();
    let sandbox = at(&server, &format!("tasks:\n{tasks}"));
    let output = sandbox.exec(&["-j", "1"]).exits(0);
    let asked: Vec<String> = server
        .calls()
        .iter()
        .map(|call| call.last_user_message().to_owned())
        .collect();
    assert_eq!(asked, ["Part a", "Part c", "Part b", "Part e", "Part d"]);
    // The journal has what the server says of it, and the report adds it up.
    let cached: Vec<u64> = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "call_finished")
        .map(|event| event["usage"]["cached"].as_u64().unwrap())
        .collect();
    assert!(cached[1] > 80 && cached[3] > 80, "{cached:?}");
    assert!(cached[2] < 40 && cached[4] < 40, "{cached:?}");
    let told = format!("{} of them in the server's cache", cached.iter().sum::<u64>());
    output.says(&told);
    let shown = sandbox.run(["runs", "show"]).exits(0).stdout;
    assert!(shown.contains(&told), "{shown}");
}
