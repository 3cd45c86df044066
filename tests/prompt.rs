//! `prompt`: what is sent, what becomes of the answer, and what of every way in which a server fails.

mod bad_input;
mod files;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::model_server::dialect::Dialect;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::{Output, Sandbox, wait_until};

fn sandbox(server: &ModelServer, workflow: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(workflow);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

/// Runs one prompt against answers, and gives how often the server was asked.
fn ask(answers: Vec<Answer>, task: &str) -> (Output, usize) {
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(
        &server,
        &format!(
            "tasks:\n  a: {{ prompt: 'Say it', {task} }}\noutputs: {{ a: '{{{{ tasks.a.output }}}}' }}\n"
        ),
    );
    let output = sandbox.exec(&[]);
    (output, server.calls().len())
}

#[test]
fn a_value_that_breaks_its_schema_is_asked_for_again_with_the_reason() {
    for from_file in [false, true] {
        let server = ModelServer::start(Script::answers([
            Answer::text("{\"age\": \"old\"}"),
            Answer::text("```json\n{\"age\": 7}\n```"),
        ]));
        let schema =
            json!({ "type": "object", "properties": { "age": { "type": "integer" } }, "required": ["age"] });
        let inline = if from_file {
            "./age.json".to_owned()
        } else {
            schema.to_string()
        };
        let sandbox = sandbox(
            &server,
            &format!(
                "tasks:\n  a:\n    prompt: How old?\n    output: {{ schema: {inline} }}\n    on_failure: {{ retry: 1 }}\noutputs: {{ age: '{{{{ tasks.a.output.age }}}}' }}\n"
            ),
        );
        sandbox.write("age.json", &schema.to_string());
        assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "age": 7 }));
        let calls = server.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].schema(), Some(&schema));
        assert!(
            calls[1].last_user_message().contains("/age"),
            "{}",
            calls[1].last_user_message()
        );
        let messages = |call: usize| calls[call].body["messages"].clone();
        assert_eq!(messages(1)[0], messages(0)[0]);
        let asked = |call: usize| calls[call].last_user_message().to_owned();
        assert!(asked(1).starts_with(&asked(0)), "appended, not rebuilt");
        assert_eq!(
            messages(1).as_array().map(Vec::len),
            messages(0).as_array().map(Vec::len)
        );
    }
}

fn write_files(answer: &str, output: &str, more: &str) -> (Sandbox, Output) {
    let server = ModelServer::start(Script::always(Answer::text(answer)));
    let sandbox = sandbox(
        &server,
        &format!(
            "permissions: {{ write: ['out/**'] }}\ntasks:\n  a: {{ prompt: 'Write it', output: {output}{more} }}\noutputs: {{ a: '{{{{ tasks.a.output }}}}' }}\n"
        ),
    );
    sandbox.write("src/kept.txt", "kept");
    sandbox.write("out/there.txt", "before");
    std::os::unix::fs::symlink(sandbox.outside(), sandbox.path().join("out/away")).unwrap();
    std::os::unix::fs::symlink("../src", sandbox.path().join("out/src")).unwrap();
    std::os::unix::fs::symlink("../src/kept.txt", sandbox.path().join("out/link.txt")).unwrap();
    let output = sandbox.exec(&[]);
    (sandbox, output)
}

#[test]
fn files_are_written_where_they_may_be() {
    for answer in ["hello\n", "Sure:\n```\nhello\n```\nDone."] {
        let (sandbox, output) = write_files(answer, "{ file: out/there.txt }", "");
        assert_eq!(
            output.exits(0).json(),
            json!({ "a": { "file": "out/there.txt" } })
        );
        assert_eq!(sandbox.read("out/there.txt"), "hello\n");
    }
    let (sandbox, output) = write_files(
        "```out/a.txt\nA\n```\n```out/b/c.txt\nC\n```",
        "{ files: 'out/**' }",
        "",
    );
    assert_eq!(
        output.exits(0).json(),
        json!({ "a": { "files": ["out/a.txt", "out/b/c.txt"] } })
    );
    assert_eq!(sandbox.read("out/a.txt") + &sandbox.read("out/b/c.txt"), "A\nC\n");
}

#[test]
fn nothing_is_written_when_one_file_may_not_be() {
    for path in [
        "../x.txt",
        "/tmp/smallcode-x.txt",
        "src/kept.txt",
        "out/../src/kept.txt",
        "out/away/x.txt",
        "out/src/kept.txt",
        "out/link.txt",
        "out/.git/config",
        ".smallcode/x.txt",
    ] {
        let answer = format!("```out/first.txt\none\n```\n```{path}\npwned\n```");
        let (sandbox, output) = write_files(&answer, "{ files: 'out/**' }", "");
        output.exits(1);
        assert!(!sandbox.has("out/first.txt"), "{path}");
        assert_eq!(sandbox.read("src/kept.txt"), "kept", "{path}");
        assert!(!sandbox.outside().join("x.txt").exists() && !Path::new("/tmp/smallcode-x.txt").exists());
        assert!(
            !sandbox.has("out/.git") && !sandbox.has(".smallcode/x.txt"),
            "{path}"
        );
    }
    let (sandbox, output) = write_files(
        "after",
        "{ file: out/there.txt }",
        ", verify: [{ matches: 'never' }]",
    );
    output.exits(1).says("never");
    assert_eq!(sandbox.read("out/there.txt"), "before");
}

#[test]
fn answers_that_are_none_fail_with_what_they_are() {
    let (output, _) = ask(vec![Answer::text("half an ans").finish("length")], "timeout: 1m");
    output.exits(1).says("cut at its limit");
    let (output, _) = ask(vec![Answer::text("")], "timeout: 1m");
    output.exits(1).says("empty");
    let (output, calls) = ask(vec![Answer::fault(Fault::Html200)], "timeout: 1m");
    output.exits(1).says("not a model's reply");
    assert_eq!(calls, 1);
    let (output, _) = ask(vec![Answer::fault(Fault::MalformedSse)], "timeout: 1m");
    output.exits(1).says("not JSON");
    let (output, calls) = ask(vec![Answer::fault(Fault::status(401))], "timeout: 1m");
    output.exits(1).says("127.0.0.1").says("does not accept the key");
    assert_eq!(calls, 1);
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    for fault in [
        Fault::status(500),
        Fault::Reset { after_bytes: 0 },
        Fault::CutFrame { after_bytes: 40 },
    ] {
        let (output, calls) = ask(
            vec![Answer::fault(fault.clone()), Answer::text("yes")],
            "timeout: 1m",
        );
        assert_eq!(output.exits(0).json(), json!({ "a": "yes" }), "{fault:?}");
        assert_eq!(calls, 2, "{fault:?}");
    }
    let limited = Fault::Status {
        status: 429,
        retry_after: Some("2".to_owned()),
        body: "{}".to_owned(),
    };
    let started = Instant::now();
    let (output, calls) = ask(vec![Answer::fault(limited), Answer::text("yes")], "timeout: 1m");
    output.exits(0);
    assert_eq!(calls, 2);
    assert!(
        started.elapsed() >= Duration::from_secs(2),
        "it asked for two seconds"
    );
}

/// A tool of this kind ended with 0 after a 500.
#[test]
fn a_server_that_only_fails_is_no_success() {
    for status in [500, 503, 401, 404] {
        let server = ModelServer::start(Script::always(Answer::fault(Fault::status(status))));
        let sandbox = sandbox(&server, "tasks:\n  a: { prompt: Hello }\n");
        let output = sandbox.exec(&[]);
        assert!(
            output.code.is_some_and(|code| code != 0),
            "{status}: {}",
            output.stderr
        );
        assert_eq!(output.stdout, "", "{status}");
        output.says(&status.to_string());
        let calls = server.calls().len();
        assert!((1..=5).contains(&calls), "{status}: {calls} calls");
    }
}

#[test]
fn a_silent_server_is_given_up_after_the_time_of_the_profile() {
    let server = ModelServer::start(Script::always(Answer::fault(Fault::Stall { after_events: 1 })));
    let sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\n");
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\ntimeouts = {{ idle = \"200ms\" }}\n",
            server.base_url()
        ),
    );
    sandbox.exec(&[]).exits(1).says("timeouts.idle");
}

#[test]
fn no_server_is_an_exit_code_of_its_own() {
    let closed = ModelServer::start(Script::answers([]));
    let address = closed.base_url();
    drop(closed);
    let mut sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\n");
    sandbox
        .env("SMALLCODE_BASE_URL", &address)
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
        .exec(&[])
        .exits(4)
        .says(address.trim_start_matches("http://").trim_end_matches("/v1"));
}

#[test]
fn a_workspace_may_not_choose_another_machine() {
    let sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\n");
    sandbox.write(
        "smallcode.toml",
        "[profiles.default]\nbase_url = \"https://models.example.com/v1\"\nmodel = \"tiny\"\n",
    );
    sandbox.exec(&[]).exits(7).says("models.example.com");
    assert!(!sandbox.has(".smallcode"));
}

#[test]
fn a_prompt_that_does_not_fit_is_not_sent() {
    let server = ModelServer::start(Script::always(Answer::text("yes")));
    let sandbox = sandbox(
        &server,
        "tasks:\n  long: { run: 'seq 1 5000' }\n  a: { needs: long, prompt: '{{ tasks.long.output }}' }\n",
    );
    sandbox.exec(&[]).exits(1).says("the window of");
    assert_eq!(server.calls().len(), 0);
}

/// Nothing says how long the window is but the server itself, each kind in its own way.
#[test]
fn the_window_is_the_one_that_the_server_tells() {
    let kinds: [fn(u64) -> Dialect; 5] = [
        |window| Dialect::LlamaCpp { window, slots: 1 },
        |window| Dialect::Ollama { window: Some(window) },
        |window| Dialect::LmStudio {
            window: Some(window),
            slots: 1,
        },
        |window| Dialect::OlderLmStudio { window },
        |window| Dialect::Vllm { window },
    ];
    let workflow =
        "tasks:\n  long: { run: 'seq 1 3000' }\n  a: { needs: long, prompt: '{{ tasks.long.output }}' }\n";
    for kind in kinds {
        let small = ModelServer::start(Script::always(Answer::text("yes")).dialect(&kind(3000), "tiny"));
        sandbox(&small, workflow)
            .exec(&[])
            .exits(1)
            .says("the window of")
            .says("3000");
        assert_eq!(small.calls().len(), 0, "{:?}", kind(3000));
        let large = ModelServer::start(Script::always(Answer::text("yes")).dialect(&kind(60_000), "tiny"));
        sandbox(&large, workflow).exec(&[]).exits(0);
        assert_eq!(large.calls().len(), 1, "{:?}", kind(60_000));
    }
}

/// A window of one's own doesn't hide from the engine that the server takes several calls at once.
#[test]
fn as_many_calls_are_made_at_once_as_the_server_has_slots() {
    let dialect = Dialect::LlamaCpp {
        window: 60_000,
        slots: 3,
    };
    let stalls = Script::always(Answer::fault(Fault::Stall { after_events: 1 }));
    let server = ModelServer::start(stalls.dialect(&dialect, "tiny"));
    let sandbox = Sandbox::with(MANY);
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\nwindow = 8192\n",
            server.base_url()
        ),
    );
    let mut engine = sandbox.start(["exec", "workflow.yaml", "-j", "8"]);
    wait_until(|| server.calls().len() == 3);
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(server.calls().len(), 3);
}

#[test]
fn keys_stay_out_of_everything_that_is_kept() {
    let key = "sk-very-secret-0123456789";
    let server = ModelServer::start(Script::answers([
        Answer::text("yes"),
        Answer::fault(Fault::Status {
            status: 400,
            retry_after: None,
            body: format!("{{\"error\":{{\"message\":\"bad key {key}\"}}}}"),
        }),
    ]));
    let workflow = "tasks:\n  show: { run: 'env; cat .env; seq 1 3000' }\n  a: { needs: show, prompt: Hello }\n  b: { needs: a, prompt: Again, on_failure: { continue: true } }\n";
    for named in [false, true] {
        let mut sandbox = Sandbox::with(workflow);
        sandbox.write(
            ".env",
            &format!(
                "SMALLCODE_BASE_URL={}\nSMALLCODE_MODEL=tiny\nSMALLCODE_API_KEY={key}\n",
                server.base_url()
            ),
        );
        if named {
            sandbox.write(".env", "");
            sandbox.env("MY_KEY", key);
            sandbox.write(
                "smallcode.toml",
                &format!(
                    "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\napi_key_env = \"MY_KEY\"\n",
                    server.base_url()
                ),
            );
        }
        let output = sandbox.exec(&["-v", "--events", "events.jsonl", "--report", "junit=junit.xml"]);
        let sent = server.calls();
        let header = sent
            .first()
            .and_then(|call| call.headers.get("authorization"))
            .cloned();
        assert_eq!(header, Some(format!("Bearer {key}")));
        assert!(!output.stderr.contains(key), "{}", output.stderr);
        if !named {
            sandbox.write(".env", "");
        }
        let mut folders = vec![sandbox.path()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files += 1;
                    let bytes = fs::read(&path).unwrap();
                    assert!(
                        !String::from_utf8_lossy(&bytes).contains(key),
                        "{}",
                        path.display()
                    );
                }
            }
        }
        assert!(files > 4);
    }
}

const MANY: &str = "tasks:\n  a: { foreach: '{{ range(8) }}', prompt: 'Number {{ item }}' }\n";

fn slots(sandbox: &Sandbox, server: &ModelServer, slots: u32) {
    sandbox.write(
        "smallcode.toml",
        &format!(
            "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\nslots = {slots}\n",
            server.base_url()
        ),
    );
}

#[test]
fn caps_hold_across_parallel_calls_and_resume() {
    let server = ModelServer::start(Script::always(
        Answer::text("yes").with(Fault::Delay(Duration::from_millis(50))),
    ));
    let sandbox = Sandbox::with(&format!("budget: {{ calls: 3 }}\n{MANY}"));
    slots(&sandbox, &server, 4);
    sandbox.exec(&["-j", "4"]).exits(3).says("allows 3 calls");
    assert_eq!(server.calls().len(), 3);

    let sandbox = Sandbox::with(&format!("budget: {{ calls: 3 }}\n{MANY}"));
    slots(&sandbox, &server, 1);
    let before = server.calls().len();
    let mut engine = sandbox.start(["exec", "workflow.yaml", "-j", "1"]);
    wait_until(|| server.calls().len() - before == 2);
    engine.kill().unwrap();
    engine.wait().unwrap();
    sandbox.run(["resume", "-j", "4"]).exits(3);
    assert_eq!(server.calls().len() - before, 3);

    let sandbox = Sandbox::with(&format!("budget: {{ tokens: 3000 }}\n{MANY}"));
    slots(&sandbox, &server, 4);
    sandbox.exec(&["-j", "4"]);
    let spent: u64 = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "call_finished")
        .map(|event| {
            event["usage"]["prompt"].as_u64().unwrap_or(0)
                + event["usage"]["completion"].as_u64().unwrap_or(0)
        })
        .sum();
    assert!(spent <= 3000, "{spent}");
}

#[test]
fn the_cap_on_time_ends_a_call() {
    let server = ModelServer::start(Script::always(Answer::fault(Fault::Stall { after_events: 1 })));
    let sandbox = sandbox(&server, "budget: { wall: 1s }\ntasks:\n  a: { prompt: Hello }\n");
    let started = Instant::now();
    sandbox.exec(&[]).exits(3).says("wall");
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// Prompts that wait for their turn when the signal comes are not over: they are asked after `resume`.
#[test]
fn an_interrupted_fan_of_prompts_goes_on() {
    let server = ModelServer::start(Script::always(
        Answer::text("yes").with(Fault::Delay(Duration::from_millis(300))),
    ));
    let sandbox = Sandbox::with(&format!("{MANY}outputs: {{ a: '{{{{ tasks.a.output }}}}' }}\n"));
    slots(&sandbox, &server, 1);
    let engine = sandbox.start(["exec", "workflow.yaml", "-j", "4"]);
    wait_until(|| server.calls().len() == 2);
    let status = std::process::Command::new("kill")
        .args(["-INT", &engine.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
    let output = engine.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        sandbox.run(["resume"]).exits(0).json()["a"],
        json!(vec!["yes"; 8])
    );
    assert_eq!(server.calls().len(), 8, "none was asked twice");
}

/// An attempt that ran out of time while its call waited for its turn leaves nothing that confuses the next one.
#[test]
fn a_time_limit_while_waiting_for_a_turn() {
    let server = ModelServer::start(Script::always(
        Answer::text("yes").with(Fault::Delay(Duration::from_millis(400))),
    ));
    let sandbox = Sandbox::with(
        "budget: { tokens: 2500 }\ntasks:\n  a: { foreach: '{{ range(3) }}', prompt: 'Number {{ item }}', timeout: 600ms, on_failure: { retry: { max: 3, backoff: 1ms } } }\n",
    );
    slots(&sandbox, &server, 3);
    let output = sandbox.exec(&["-j", "3"]);
    assert!(
        matches!(output.code, Some(0 | 1 | 3)),
        "{:?}\n{}",
        output.code,
        output.stderr
    );
}
