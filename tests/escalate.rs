//! Escalation: who may ask a stronger model, what leaves the machine, and the caps on it.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::model_server::script::Reported;
use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

const KEY: &str = "sk-of-the-stronger-one";

/// A workflow of one task that only the stronger model does right.
const HARD: &str = "tasks:\n  a: { prompt: 'Say it', verify: [{ matches: right }], on_failure: { retry: { max: 1, backoff: 1ms }, escalate: cloud } }\noutputs: { a: '{{ tasks.a.output }}' }\n";

/// Four of them.
const FOUR: &str = "tasks:\n  a: { foreach: '{{ range(4) }}', prompt: 'Say {{ item }}', verify: [{ matches: right }], on_failure: { retry: 0, escalate: true } }\n";

struct Servers {
    weak: ModelServer,
    strong: ModelServer,
}

fn servers(strong: Script) -> Servers {
    Servers {
        weak: ModelServer::start(Script::always(Answer::text("wrong"))),
        strong: ModelServer::start(strong),
    }
}

/// A sandbox whose user has a profile `cloud` of Anthropic, by way of a gateway on this machine.
fn sandbox(servers: &Servers, workflow: &str, more: &str) -> Sandbox {
    sandbox_of(
        servers,
        workflow,
        "provider = 'anthropic'\nmodel = 'claude-haiku-4-5'",
        more,
    )
}

/// The same with another provider and model.
fn sandbox_of(servers: &Servers, workflow: &str, model: &str, more: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(workflow);
    sandbox
        .env("SMALLCODE_BASE_URL", &servers.weak.base_url())
        .env("SMALLCODE_MODEL", "tiny")
        .env("CLOUD_KEY", KEY);
    settings(
        &sandbox,
        &format!(
            "[profiles.cloud]\n{model}\nbase_url = '{}'\napi_key_env = 'CLOUD_KEY'\nmax_output = 1000\nslots = 4\n{more}",
            servers.strong.base_url()
        ),
    );
    sandbox
}

/// Writes the settings of the user, who is not the workspace.
fn settings(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.outside().join("home/.config/smallcode");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

fn right() -> Script {
    Script::always(Answer::text("all right").thinking("easy"))
}

#[test]
fn a_stronger_model_tries_when_all_else_has_failed() {
    let servers = servers(right());
    let sandbox = sandbox(&servers, HARD, "");
    let output = sandbox.exec(&["--escalate", "--escalate-calls", "1"]).exits(0);
    assert_eq!(output.json(), json!({ "a": "all right" }));
    assert_eq!(servers.weak.calls().len(), 2);
    let sent = servers.strong.calls();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].path, "/v1/messages");
    assert_eq!(sent[0].headers["x-api-key"], KEY);
    assert_eq!(sent[0].headers["anthropic-version"], "2023-06-01");
    assert_eq!(sent[0].headers.get("authorization"), None);
    assert_eq!(sent[0].body["max_tokens"], 1000);
    // It is told what was wrong before.
    assert!(sent[0].last_user_message().contains("right"), "{:?}", sent[0]);

    // What left the machine is told as it happens, at the end, and afterwards; and kept to the byte.
    let host = format!("127.0.0.1:{}", servers.strong.port());
    for text in [
        "by a stronger model".to_owned(),
        format!("of `cloud` goes to {host}"),
        format!("sent to {host}: 1 request"),
    ] {
        assert!(
            output.stderr.contains(&text),
            "`{text}` is not in\n{}",
            output.stderr
        );
    }
    let events = sandbox.events();
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let left: Vec<&Value> = of("call_started").filter_map(|event| event.get("sent")).collect();
    assert_eq!(left.len(), 1, "what goes to the weak one stays on this machine");
    let blob = left[0]["body"]["text"]["blob"].as_str().unwrap();
    let bytes = fs::read(sandbox.run_folder().join("blobs").join(blob)).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), sent[0].body);
    assert_eq!(bytes.len().to_string(), sent[0].headers["content-length"]);
    assert!(sandbox.run(["runs", "show"]).stdout.contains(blob));
    assert!(!String::from_utf8_lossy(&bytes).contains(KEY));

    // What it cost is what its tokens cost: a dollar for a million of prompt, a tenth of it cached, five of answer.
    let usage = of("call_finished")
        .next_back()
        .map(|event| event["usage"].clone())
        .unwrap();
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert!(count("cached") > 0);
    let nano =
        (count("prompt") - count("cached")) * 1000 + count("cached") * 100 + count("completion") * 5000;
    assert_eq!(count("usd"), nano);
}

#[test]
fn each_provider_is_asked_in_the_words_that_it_knows() {
    for (model, limit, left_out) in [
        (
            "provider = 'openai'\nmodel = 'gpt-5-mini'",
            "max_completion_tokens",
            &["max_tokens", "temperature", "top_p", "seed", "stop"][..],
        ),
        (
            "provider = 'openai'\nmodel = 'gpt-4o-mini'",
            "max_completion_tokens",
            &["max_tokens"],
        ),
        (
            "provider = 'deepseek'\nmodel = 'deepseek-flash'",
            "max_tokens",
            &["seed", "response_format"],
        ),
        (
            "provider = 'openrouter'\nmodel = 'qwen/qwen3-coder'\nprice = { input = 0.3, output = 1.2 }\nwindow = 32000",
            "max_tokens",
            &["max_completion_tokens"],
        ),
    ] {
        let servers = servers(right());
        let sandbox = sandbox_of(&servers, HARD, model, "");
        let output = sandbox.exec(&["--escalate", "--escalate-calls", "1"]).exits(0);
        assert_eq!(output.json(), json!({ "a": "all right" }), "{model}");
        let sent = servers.strong.calls();
        assert_eq!(sent.len(), 1, "{model}");
        assert_eq!(sent[0].path, "/v1/chat/completions", "{model}");
        assert_eq!(
            sent[0].headers["authorization"],
            format!("Bearer {KEY}"),
            "{model}"
        );
        assert_eq!(sent[0].body[limit], 1000, "{model}");
        for field in left_out {
            assert_eq!(sent[0].body.get(field), None, "{field} to {model}");
        }
        // The price of its model is known, and what the call may cost is too much.
        sandbox
            .exec(&["--escalate", "--escalate-usd", "0.0001"])
            .exits(3)
            .says("the call may cost");
        assert_eq!(servers.strong.calls().len(), 1, "{model}");
    }
}

#[test]
fn a_provider_without_schemas_passes_its_answer_to_a_tool() {
    let age = "tasks:\n  a: { prompt: 'How old?', output: { schema: { type: object, required: [age], properties: { age: { type: integer } } } }, on_failure: { retry: 0, escalate: cloud } }\noutputs: { a: '{{ tasks.a.output.age }}' }\n";
    for (model, form) in [
        (
            "provider = 'anthropic'\nmodel = 'claude-haiku-4-5'",
            "/tools/0/input_schema/required/0",
        ),
        (
            "provider = 'deepseek'\nmodel = 'deepseek-flash'",
            "/tools/0/function/parameters/required/0",
        ),
    ] {
        let passed = Answer::text("It is told:").tool("answer", "{\"age\": 7}");
        let servers = servers(Script::always(passed));
        let sandbox = sandbox_of(&servers, age, model, "");
        // What is said before the call is none of the answer, and no sign that the tool is not kept to.
        for _ in 0..2 {
            let output = sandbox.exec(&["--escalate"]).exits(0);
            assert_eq!(output.json(), json!({ "a": 7 }), "{model}");
        }
        let sent = servers.strong.calls();
        assert_eq!(sent.len(), 2, "{model}");
        assert!(sent[1].body.get("tools").is_some(), "{model}");
        assert_eq!(sent[0].body.pointer(form), Some(&json!("age")), "{model}");
        assert_eq!(sent[0].body.get("response_format"), None, "{model}");
    }
}

#[test]
fn nothing_is_escalated_unless_workflow_and_run_both_say_so() {
    let servers = servers(right());
    let sandbox = sandbox(&servers, HARD, "");
    sandbox
        .exec(&[])
        .exits(1)
        .says("`a` may ask a stronger model, which this run does not allow")
        .says("a stronger model was not asked: this run does not allow it");
    // A workspace can't allow it in place of the user.
    sandbox.write("smallcode.toml", "[escalate]\nallow = true\n");
    sandbox
        .exec(&[])
        .exits(2)
        .says("a workspace can't allow escalation");
    fs::remove_file(sandbox.path().join("smallcode.toml")).unwrap();
    assert_eq!(servers.strong.calls().len(), 0);

    // The user may, for every run.
    let text = fs::read_to_string(sandbox.outside().join("home/.config/smallcode/config.toml")).unwrap();
    settings(&sandbox, &format!("{text}\n[escalate]\nallow = true\n"));
    sandbox.exec(&[]).exits(0);

    // What the workflow does not say is not done.
    let plain = HARD.replace(", escalate: cloud", "");
    sandbox.write("workflow.yaml", &format!("smallcode: 1\n{plain}"));
    sandbox
        .exec(&["--escalate"])
        .exits(1)
        .says("`--escalate` changes nothing");
    assert_eq!(servers.strong.calls().len(), 1);
}

#[test]
fn the_answer_of_a_stronger_model_is_verified_like_any_other() {
    let servers = servers(Script::always(Answer::text("also wrong")));
    let sandbox = sandbox(&servers, HARD, "");
    sandbox.exec(&["--escalate"]).exits(1).says("after 3 attempts");
    assert_eq!(servers.strong.calls().len(), 1, "once");
}

#[test]
fn a_cap_in_dollars_is_met_before_the_call() {
    let servers = servers(right());
    let sandbox = sandbox(&servers, HARD, "");
    sandbox
        .exec(&["--escalate", "--escalate-usd", "0.001"])
        .exits(3)
        .says("the call may cost")
        .says("escalation in this run has $0.0010 of $0.0010 left");
    assert_eq!(servers.strong.calls().len(), 0);
    // The budget of the workflow holds for it as well.
    sandbox.write(
        "workflow.yaml",
        &format!("smallcode: 1\nbudget: {{ usd: 0.001 }}\n{HARD}"),
    );
    sandbox
        .exec(&["--escalate"])
        .exits(3)
        .says("the budget of the run has");
    assert_eq!(servers.strong.calls().len(), 0);
}

#[test]
fn branches_side_by_side_do_not_go_over_the_caps() {
    let slow = || Script::always(Answer::text("right").with(Fault::Delay(Duration::from_millis(50))));
    let servers = servers(slow());
    let sandbox = sandbox(&servers, FOUR, "\n[escalate]\nprofile = 'cloud'\n");
    sandbox
        .exec(&["-j", "4", "--escalate", "--escalate-calls", "2"])
        .exits(3)
        .says("allows 2 calls, and all are made");
    assert_eq!(servers.strong.calls().len(), 2);
    // Each may cost a little over half a cent: three fit into two cents, and what is given back lets the fourth in.
    sandbox
        .exec(&["-j", "4", "--escalate", "--escalate-usd", "0.02"])
        .exits(0);
    assert_eq!(servers.strong.calls().len(), 6);
    sandbox
        .exec(&["-j", "4", "--escalate", "--escalate-usd", "0.006"])
        .exits(0);
    assert_eq!(servers.strong.calls().len(), 10, "one after the other");
}

#[test]
fn resume_does_not_begin_to_count_again() {
    let slow = Script::always(Answer::text("right").with(Fault::Delay(Duration::from_secs(20))));
    let servers = servers(slow);
    let sandbox = sandbox(&servers, HARD, "");
    let mut engine = sandbox.start(["exec", "workflow.yaml", "--escalate", "--escalate-calls", "1"]);
    wait_until(|| servers.strong.calls().len() == 1);
    engine.kill().unwrap();
    engine.wait().unwrap();
    // What was in flight counts, and is told wherever totals are.
    let shown = sandbox.run(["runs", "show"]).exits(0).stdout;
    assert!(shown.contains(" in 3 calls (1 cut off), $0.0"), "{shown}");
    let output = sandbox
        .run(["resume"])
        .exits(3)
        .says("allows 1 call, and all are made");
    assert!(
        output.stderr.contains(" in 3 calls (1 cut off), $0.0"),
        "{}",
        output.stderr
    );
    assert_eq!(servers.strong.calls().len(), 1);
    assert_eq!(servers.weak.calls().len(), 2);
}

#[test]
fn the_plan_says_what_it_may_cost() {
    let servers = servers(right());
    let sandbox = sandbox(&servers, HARD, "");
    let plan = |arguments: &[&str]| {
        let all = ["plan", "workflow.yaml", "--json"].iter().chain(arguments);
        sandbox.run(all).exits(0).json()
    };
    let (without, with) = (plan(&[]), plan(&["--escalate", "--escalate-usd", "0.5"]));
    assert_eq!(without["totals"].get("usd"), None);
    assert_eq!(with["totals"]["usd"], 500_000_000);
    assert_eq!(with["nodes"][0]["escalates_to"], "cloud");
    let calls = |plan: &Value| plan["totals"]["calls"].as_u64().unwrap();
    assert_eq!(calls(&with), calls(&without) + 3);
    // What was approved is what runs.
    sandbox.write("plan.json", &with.to_string());
    sandbox
        .run(["exec", "--plan", "plan.json"])
        .exits(5)
        .says("what it allows of escalation has changed");
    sandbox
        .run([
            "exec",
            "--plan",
            "plan.json",
            "--escalate",
            "--escalate-usd",
            "0.5",
        ])
        .exits(0);
}

#[test]
fn a_profile_that_nobody_defined_or_whose_price_nobody_knows_is_refused() {
    let servers = servers(right());
    let sandbox = sandbox(&servers, HARD, "");
    settings(&sandbox, "[profiles.clout]\nbase_url = 'http://127.0.0.1:1'\n");
    sandbox
        .exec(&["--escalate"])
        .exits(2)
        .says("there is no profile `cloud`; did you mean `clout`?");
    let profile = format!(
        "[profiles.cloud]\nprovider = 'openai'\nbase_url = '{}'\nmodel = 'gpt-of-tomorrow'\n",
        servers.strong.base_url()
    );
    settings(&sandbox, &profile);
    sandbox
        .exec(&["--escalate"])
        .exits(2)
        .says("no price is known of `gpt-of-tomorrow`");
    settings(
        &sandbox,
        &format!("{profile}price = {{ input = 1, output = 2.5 }}\nwindow = 8000\n"),
    );
    sandbox.exec(&["--escalate"]).exits(0);
    let call = &servers.strong.calls()[0];
    assert_eq!(call.path, "/v1/chat/completions");
    assert!(call.body["max_completion_tokens"].is_number());
    assert_eq!(call.body.get("max_tokens"), None);
}

#[test]
fn the_key_of_a_provider_goes_to_no_other_host() {
    let server = ModelServer::start(Script::always(Answer::text("yes")));
    let mut sandbox = Sandbox::with("tasks:\n  a: { prompt: Hello }\n");
    sandbox.env("ANTHROPIC_API_KEY", KEY).env("OPENAI_API_KEY", KEY);
    let profile = |more: &str| {
        format!(
            "[profiles.default]\nbase_url = '{}'\nmodel = 'm'\n{more}\n",
            server.base_url()
        )
    };
    // The workspace asks for it by name.
    sandbox.write("smallcode.toml", &profile("api_key_env = 'ANTHROPIC_API_KEY'"));
    sandbox
        .exec(&[])
        .exits(2)
        .says("the key in `ANTHROPIC_API_KEY`, which is for anthropic, to 127.0.0.1:");
    assert_eq!(server.requests().len(), 0);
    // The user names the provider, and another server in its place.
    fs::remove_file(sandbox.path().join("smallcode.toml")).unwrap();
    for provider in ["anthropic", "openai"] {
        settings(
            &sandbox,
            &profile(&format!("provider = '{provider}'\nwindow = 8000")),
        );
        sandbox.exec(&[]).exits(0);
    }
    for request in server.requests() {
        assert!(!format!("{:?}", request.headers).contains(KEY), "{request:?}");
    }
}

#[test]
fn a_server_on_this_machine_may_cost_something_too() {
    // More than a third of what is set aside for a call is used.
    let used = Reported::Exactly {
        prompt: 40,
        completion: 60,
    };
    let server = ModelServer::start(Script::always(Answer::text("yes").usage(used)));
    let sandbox = Sandbox::with(
        "budget: { usd: 0.01 }\ntasks:\n  a: { foreach: '{{ range(8) }}', prompt: 'Number {{ item }}' }\n",
    );
    let profile = |price: &str| {
        format!(
            "[profiles.default]\nbase_url = '{}'\nmodel = 'tiny'\nmax_output = 100\n{price}",
            server.base_url()
        )
    };
    sandbox.write("smallcode.toml", &profile(""));
    sandbox.exec(&["-j", "4"]).exits(0);
    let free = server.calls().len();
    // Which of two runs is the newest isn't said within one second.
    std::fs::remove_dir_all(sandbox.path().join(".smallcode")).unwrap();
    sandbox.write(
        "smallcode.toml",
        &profile("price = { input = 10, output = 50 }\n"),
    );
    sandbox
        .exec(&["-j", "4"])
        .exits(3)
        .says("the budget of the run has");
    let spent: u64 = sandbox
        .events()
        .iter()
        .filter(|event| event["type"] == "call_finished")
        .map(|event| event["usage"]["usd"].as_u64().unwrap())
        .sum();
    assert!(spent > 0 && spent <= 10_000_000, "{spent}");
    assert!(server.calls().len() > free && server.calls().len() < free + 8);
}
