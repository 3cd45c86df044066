//! What a model may do to a prompt: each is bounded, named, and asked again only as far as that can help.

use serde_json::{Value, json};

use super::{ask, sandbox};
use crate::support::model_server::dialect::Dialect;
use crate::support::model_server::script::Reported;
use crate::support::model_server::{Answer, Fault, ModelServer, RecordedRequest, Script};
use crate::support::{Output, Sandbox};

const AGE: &str =
    "output: { schema: { type: object, properties: { age: { type: integer } }, required: [age] } }";

/// Text that goes on and says something else all the time.
fn rambling(bytes: usize) -> String {
    let words = (0_u64..).map(|n| format!("word{} ", n.wrapping_mul(2_654_435_761) % 1_000_003));
    let mut text = String::new();
    for word in words {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&word);
    }
    text
}

fn endless(text: &str) -> Answer {
    Answer::text("So: ").with(Fault::Endless {
        text: text.to_owned(),
    })
}

/// A server, or a model that was shown one by mistake, may say a secret: it goes no further.
#[test]
fn a_secret_in_an_answer_is_kept_nowhere() {
    let key = "sk-that-the-server-says-back";
    let server = ModelServer::start(Script::always(
        Answer::text(format!("The key is {key}.")).thinking(format!("{key} it is")),
    ));
    let mut sandbox = sandbox(
        &server,
        "tasks:\n  a: { prompt: 'Say it' }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.env("SMALLCODE_API_KEY", key);
    let output = sandbox.exec(&["--events", "events.jsonl"]).exits(0);
    assert_eq!(output.json(), json!({ "a": "The key is ***." }));
    let found = std::process::Command::new("grep")
        .args(["-r", "-l", key, "."])
        .current_dir(sandbox.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

/// Runs one prompt against the same answer for ever.
fn ask_stubborn(answer: Answer, task: &str) -> (Output, usize) {
    let server = ModelServer::start(Script::always(answer));
    let sandbox = sandbox(&server, &format!("tasks:\n  a: {{ prompt: 'Say it', {task} }}\n"));
    let output = sandbox.exec(&[]);
    (output, server.calls().len())
}

#[test]
fn the_same_for_ever_is_stopped_and_not_asked_for_again_and_again() {
    for text in ["I am sure of it. ", " ", "\n", "!", "我不知道。"] {
        let (output, calls) = ask_stubborn(endless(text), "on_failure: { retry: { max: 5, backoff: 1ms } }");
        output
            .exits(1)
            .says("repeated itself without end")
            .says("the same answer failed alike a third time");
        assert_eq!(calls, 3, "{text:?}");
    }
    let thinking = Answer::text("").with(Fault::EndlessThinking {
        text: "Wait. Let me think again. ".to_owned(),
    });
    let (output, calls) = ask_stubborn(thinking, "timeout: 1m");
    output.exits(1).says("repeated itself without end");
    assert_eq!(calls, 3);
}

/// A tool of this kind asked 5,942 times in ten minutes.
#[test]
fn answers_that_say_nothing_are_soon_given_up() {
    for (answer, named) in [
        (Answer::text(""), "the answer is empty"),
        (Answer::text(" \n \n"), "the answer is empty"),
        (
            Answer::text("").thinking("I should answer."),
            "the answer is empty",
        ),
        (Answer::text("<think>I should"), "no value"),
        (Answer::text("I'm sorry, but I can't help with that."), "no value"),
        (Answer::text("很抱歉，我不能回答这个问题。"), "no value"),
        (Answer::text("Say it"), "no value"),
    ] {
        let task = format!("{AGE}, on_failure: {{ retry: {{ max: 50, backoff: 1ms }} }}");
        let (output, calls) = ask_stubborn(answer.clone(), &task);
        output
            .exits(1)
            .says(named)
            .says("the same answer failed alike a third time");
        assert_eq!(calls, 3, "{answer:?}");
    }
}

/// What a verifier says of it may be the same for ever: what is answered tells whether a model repeats itself.
#[test]
fn another_answer_is_tried_although_it_fails_alike() {
    let task = |retry| {
        format!(
            "verify: [{{ matches: '^right$' }}], on_failure: {{ retry: {{ max: {retry}, backoff: 1ms }} }}"
        )
    };
    let mut answers: Vec<Answer> = ["one", "two", "three", "four", "five", "right"]
        .map(Answer::text)
        .to_vec();
    let (output, calls) = ask(answers.clone(), &task(5));
    output.exits(0);
    assert_eq!(calls, 6);
    // The third of them that says the same.
    answers[1] = Answer::text(" one ");
    answers[3] = Answer::text("<think>Is it this?</think>one\n");
    let (output, calls) = ask(answers, &task(5));
    output.exits(1).says("the same answer failed alike a third time");
    assert_eq!(calls, 4);
}

#[test]
fn the_prompt_itself_is_no_answer() {
    let prompt = "Write a short greeting for a person whom you do not know at all.";
    let server = ModelServer::start(Script::function(|request: &RecordedRequest, _| {
        Answer::text(request.last_user_message().to_owned())
    }));
    let sandbox = sandbox(&server, &format!("tasks:\n  a: {{ prompt: {prompt} }}\n"));
    sandbox.exec(&[]).exits(1).says("the prompt itself");
}

#[test]
fn thinking_that_overruns_its_allowance_is_stopped() {
    let (output, _) = ask(
        vec![Answer::text("yes").thinking(rambling(60_000))],
        "timeout: 1m",
    );
    output.exits(1).says("thought for more than");
    let inline = format!("<think>\n{}</think>\nyes", rambling(60_000));
    let (output, _) = ask(vec![Answer::text(inline)], "timeout: 1m");
    output.exits(1).says("thought for more than");
    let cut = Answer::text("").thinking("Let me see.").finish("length");
    let (output, _) = ask(vec![cut], "timeout: 1m");
    output.exits(1).says("thinking took all");
    let cut = Answer::text("<think>Let me see.").finish("length");
    let (output, _) = ask(vec![cut], "timeout: 1m");
    output.exits(1).says("thinking took all");
}

/// What a model thinks is no text.
#[test]
fn thinking_that_never_ends_is_no_answer() {
    let thinking = || Answer::text("<think>\nThe user wants it said.\n");
    let (output, calls) = ask(
        vec![thinking(), Answer::text("yes")],
        "on_failure: { retry: { max: 1, backoff: 1ms } }",
    );
    assert_eq!(output.exits(0).json(), json!({ "a": "yes" }));
    assert_eq!(calls, 2);
}

#[test]
fn an_answer_of_ten_megabytes_is_not_read_to_its_end() {
    let (output, calls) = ask_stubborn(
        Answer::text(rambling(10 * 1024 * 1024)),
        "on_failure: { retry: { max: 5, backoff: 1ms } }",
    );
    output.exits(1).says("does not keep the limit");
    assert_eq!(calls, 1, "the same again is as long again");
}

#[test]
fn what_follows_a_value_is_not_waited_for() {
    let chatter = Answer::text("{\"age\": 7}").with(Fault::Endless {
        text: "And that is why. ".to_owned(),
    });
    let (output, calls) = ask(vec![chatter], AGE);
    assert_eq!(output.exits(0).json(), json!({ "a": { "age": 7 } }));
    assert_eq!(calls, 1);
    let thought = Answer::text("<think>{\"age\": 1} at first</think>{\"age\": 7}");
    let (output, _) = ask(vec![thought], AGE);
    assert_eq!(output.exits(0).json(), json!({ "a": { "age": 7 } }));
}

fn requests(answers: Vec<Answer>, task: &str) -> (Sandbox, Output, Vec<Value>) {
    let dialect = Dialect::LlamaCpp {
        window: 16_000,
        slots: 1,
    };
    let server = ModelServer::start(Script::answers(answers).dialect(&dialect, "tiny"));
    let sandbox = sandbox(&server, &format!("tasks:\n  a: {{ prompt: How old?, {task} }}\n"));
    let output = sandbox.exec(&[]);
    let bodies = server.calls().into_iter().map(|call| call.body).collect();
    (sandbox, output, bodies)
}

#[test]
fn a_cut_answer_is_given_more_room_once() {
    let cut = || Answer::text("half an ans").finish("length");
    let (_, output, bodies) = requests(
        vec![cut(), cut(), Answer::text("yes")],
        "on_failure: { retry: { max: 5, backoff: 1ms } }",
    );
    output.exits(1).says("cut at its limit").says("tokens of answer");
    let limits: Vec<u64> = bodies
        .iter()
        .filter_map(|body| body["max_tokens"].as_u64())
        .collect();
    assert_eq!(limits.len(), 2);
    assert!(limits[0] == 4000 && limits[1] > 15_000, "{limits:?}");
    let (_, output, bodies) = requests(
        vec![cut(), Answer::text("yes")],
        "on_failure: { retry: { max: 1, backoff: 1ms } }",
    );
    output.exits(0);
    assert_eq!(bodies.len(), 2);
}

#[test]
fn each_attempt_asks_otherwise_and_the_journal_says_how() {
    let (sandbox, output, bodies) = requests(
        ["{}", "{\"age\": \"old\"}", "{\"age\": [7]}", "{\"age\": 7}"]
            .map(Answer::text)
            .to_vec(),
        &format!("{AGE}, on_failure: {{ retry: {{ max: 5, backoff: 1ms }} }}"),
    );
    output.exits(0).says("at temperature 0.4");
    let temperatures: Vec<&Value> = bodies.iter().map(|body| &body["temperature"]).collect();
    assert!(bodies.len() > 2, "{bodies:?}");
    assert_eq!(temperatures[..3], [&json!(0.2), &json!(0.0), &json!(0.4)]);
    for body in &bodies {
        for parameter in [
            "temperature",
            "top_p",
            "seed",
            "max_tokens",
            "frequency_penalty",
            "presence_penalty",
        ] {
            assert!(body[parameter].is_number(), "{parameter}: {body}");
        }
    }
    assert_ne!(bodies[0]["seed"], bodies[1]["seed"]);
    let told: Vec<Value> = sandbox
        .events()
        .into_iter()
        .filter(|event| event["type"] == "attempt_finished")
        .filter_map(|event| event.pointer("/decision/retry/manner/temperature").cloned())
        .collect();
    assert_eq!(told[..2], [json!(0.0), json!(0.4)]);
}

#[test]
fn a_model_is_not_told_of_what_its_server_did() {
    let (_, output, bodies) = requests(
        vec![
            Answer::text("{}"),
            Answer::fault(Fault::Html200),
            Answer::text("{\"age\": 7}"),
        ],
        &format!("{AGE}, on_failure: {{ retry: {{ max: 5, backoff: 1ms }} }}"),
    );
    output.exits(0);
    assert_eq!(bodies.len(), 3);
    assert_ne!(bodies[0]["messages"], bodies[1]["messages"]);
    // What was wrong with the answer before is still told, and asked in the same way.
    assert_eq!(bodies[1]["messages"], bodies[2]["messages"]);
    assert_eq!(bodies[1]["temperature"], bodies[2]["temperature"]);
}

#[test]
fn a_file_that_may_not_be_written_may_be_named_otherwise() {
    let server = ModelServer::start(Script::answers([
        Answer::text("```src/a.txt\nA\n```"),
        Answer::text("```out/a.txt\nA\n```"),
    ]));
    let sandbox = sandbox(
        &server,
        "permissions: { write: ['out/**'] }\ntasks:\n  a: { prompt: Write it, output: { files: 'out/**' }, on_failure: { retry: { max: 1, backoff: 1ms } } }\n",
    );
    sandbox.exec(&[]).exits(0);
    assert!(sandbox.has("out/a.txt") && !sandbox.has("src/a.txt"));
    assert!(server.calls()[1].last_user_message().contains("src/a.txt"));
}

#[test]
fn a_path_that_can_be_no_file_may_be_another() {
    for (path, why) in [
        ("out/a.txt/b", "`out/a.txt` is no folder"),
        ("out/folder", "`out/folder` is a folder"),
    ] {
        let server = ModelServer::start(Script::answers([
            Answer::text(format!("```{path}\nA\n```")),
            Answer::text("```out/b.txt\nA\n```"),
        ]));
        let sandbox = sandbox(
            &server,
            "permissions: { write: ['out/**'] }\ntasks:\n  a: { prompt: Write it, output: { files: 'out/**' }, on_failure: { retry: { max: 1, backoff: 1ms } } }\n",
        );
        sandbox.write("out/a.txt", "a file");
        sandbox.write("out/folder/c.txt", "in it");
        sandbox.exec(&[]).exits(0);
        assert!(sandbox.has("out/b.txt"));
        let told = server.calls()[1].last_user_message().to_owned();
        assert!(told.contains(why), "{told}");
    }
}

/// No answer of a model puts right what the workflow says, however often and whoever is asked.
#[test]
fn a_path_of_the_workflow_that_cannot_be_is_no_fault_of_the_model() {
    for (task, why) in [
        (
            "prompt: x, output: { file: out/folder }",
            "`out/folder` is a folder",
        ),
        (
            "prompt: x, output: { file: out/a.txt/b }",
            "`out/a.txt` is no folder",
        ),
        (
            "prompt: x, output: { files: [out/b.txt, out/folder] }",
            "`out/folder` is a folder",
        ),
        (
            "prompt: x, output: { file: out/away/b }",
            "leads out of the workspace",
        ),
        (
            "prompt: x, context: [{ file: '{{ inputs.path }}' }]",
            "`.env` may hold secrets",
        ),
        (
            "edit: { instruction: x, files: '{{ inputs.path }}' }",
            "`.env` may hold secrets",
        ),
        (
            "edit: { instruction: x, files: out/a.txt/b }",
            "`out/a.txt` is no folder",
        ),
    ] {
        let server = ModelServer::start(Script::always(Answer::text("A")));
        let sandbox = sandbox(
            &server,
            &format!(
                "inputs: {{ path: {{ type: string, default: .env }} }}\npermissions: {{ write: ['out/**', .env] }}\n\
                 tasks:\n  a: {{ {task}, on_failure: {{ escalate: stronger }} }}\n"
            ),
        );
        sandbox.write(
            "smallcode.toml",
            &format!(
                "[profiles.stronger]\nbase_url = \"{}\"\nmodel = \"large\"\n",
                server.base_url()
            ),
        );
        sandbox.write("out/a.txt", "a file");
        sandbox.write("out/folder/c.txt", "in it");
        for (to, link) in [("/tmp", "out/away"), ("gone", "out/nowhere")] {
            std::os::unix::fs::symlink(to, sandbox.path().join(link)).unwrap();
        }
        let output = sandbox.exec(&["--escalate"]).exits(1).says(why);
        assert!(
            !output.stderr.contains("next attempt"),
            "{task}: {}",
            output.stderr
        );
        assert_eq!(server.calls().len(), 0, "{task}: {}", output.stderr);
    }
}

/// What a broken stream has used is not known: all that was set aside for it is gone.
#[test]
fn streams_that_break_off_use_up_the_cap() {
    let words = "word ".repeat(400);
    let cut = Answer::text(words).with(Fault::CutFrame { after_bytes: 3_000 });
    let server = ModelServer::start(Script::always(cut));
    let sandbox = sandbox(
        &server,
        "budget: { tokens: 4000 }\ntasks:\n  a: { prompt: 'Say {{ item }}', foreach: [1, 2, 3, 4, 5, 6], on_failure: { continue: true, retry: 0 } }\n",
    );
    sandbox.exec(&[]);
    assert!(server.calls().len() <= 4, "{}", server.calls().len());
}

#[test]
fn a_server_that_lies_about_usage_breaks_no_cap() {
    for prompt in [1_000_000_000_000, u64::MAX] {
        let liar = Answer::text("yes").usage(Reported::Exactly {
            prompt,
            completion: 1,
        });
        let (output, calls) = ask_stubborn(liar, "on_failure: { retry: { max: 5, backoff: 1ms } }");
        output.exits(1).says("tokens of prompt");
        assert_eq!(calls, 1);
    }
    let server = ModelServer::start(Script::always(Answer::text("yes").usage(Reported::Exactly {
        prompt: 60,
        completion: u64::MAX,
    })));
    let sandbox = sandbox(
        &server,
        "budget: { tokens: 100000 }\ntasks:\n  a: { prompt: Hello }\n  b: { needs: a, prompt: Again }\n",
    );
    // It is charged with the most that each call may have: that keeps the cap, and does not let a lie end the run.
    sandbox
        .exec(&[])
        .exits(0)
        .says("its counts are not to be relied on");
    for event in sandbox.events() {
        if event["type"] == "call_finished" {
            assert!(event["usage"]["completion"].as_u64().unwrap() <= 4096, "{event}");
        }
    }
}

#[test]
fn repairs_are_told() {
    let (sandbox, output, _) = requests(vec![Answer::text("Here: {'age': 7,}")], AGE);
    output.exits(0);
    let read: Vec<Value> = sandbox
        .events()
        .into_iter()
        .filter(|event| event["type"] == "reply_read")
        .collect();
    assert_eq!(read.len(), 1);
    assert!(
        read[0]["repairs"].as_array().unwrap().contains(&json!({
            "kind": "extra_comma", "severity": "cosmetic", "count": 1
        })),
        "{read:?}"
    );
    let shown = sandbox.run(["runs", "show"]).exits(0).stdout;
    assert!(shown.contains("1 × extra comma (cosmetic)"), "{shown}");
}
