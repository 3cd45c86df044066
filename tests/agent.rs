//! `agent`: what a model may do with its tools, what it is told, and that each bad habit of models comes to an end.

mod bad_habits;
mod contained;
mod files;
mod resumed;
mod served;

use serde_json::{Value, json};

use crate::support::model_server::script::Reported;
use crate::support::model_server::{Answer, ModelServer, RecordedRequest, Script};
use crate::support::{Output, Sandbox, wait_until};

const A: &str = "def one():\n    return 1\n\ndef two():\n    return 3\n";

/// A call as small models write it.
fn call(name: &str, arguments: &Value) -> String {
    format!(
        "I do it.\n<tool_call>\n{}\n</tool_call>",
        json!({ "name": name, "arguments": arguments })
    )
}

fn patch(path: &str, search: &str, replace: &str) -> String {
    format!("{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n")
}

fn finish() -> String {
    call("finish", &json!({ "summary": "two is two" }))
}

/// A workspace whose check fails until `two` returns 2, and a task that may change `src` and run the check.
fn sandbox(server: &ModelServer, beside: &str) -> Sandbox {
    with_task(server, "agent: { goal: 'Let two return 2.' }", beside)
}

fn with_task(server: &ModelServer, agent: &str, beside: &str) -> Sandbox {
    // Where nothing else is said, one attempt: what follows a failed one is not the business of these tests.
    let once = if beside.contains("on_failure") {
        ""
    } else {
        ", on_failure: { retry: 0 }"
    };
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'], run: ['sh check.sh'] }}\ntasks:\n  fix: {{ {agent}, writes: ['src/**'], verify: [{{ run: sh check.sh }}]{beside}{once} }}\noutputs: {{ fix: '{{{{ tasks.fix.output }}}}' }}\n"
    ));
    sandbox.write("src/a.py", A);
    sandbox.write("README.md", "# A project\n");
    sandbox.write(
        "check.sh",
        "grep -q 'return 2' src/a.py || { echo 'src/a.py:5: two is not 2'; exit 1; }\n",
    );
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

fn server(answers: impl IntoIterator<Item = String>) -> ModelServer {
    ModelServer::start(Script::answers(answers.into_iter().map(Answer::text)))
}

/// Runs the task against answers; gives what it left and each request.
fn run(answers: impl IntoIterator<Item = String>) -> (Sandbox, Output, Vec<RecordedRequest>) {
    run_with("", answers)
}

fn run_with(
    beside: &str,
    answers: impl IntoIterator<Item = String>,
) -> (Sandbox, Output, Vec<RecordedRequest>) {
    let server = server(answers);
    let sandbox = sandbox(&server, beside);
    let output = sandbox.exec(&[]);
    (sandbox, output, server.calls())
}

/// The messages of a request, without their roles.
fn said(request: &RecordedRequest) -> Vec<String> {
    let messages = request.body["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

/// What the last message brings, without what is only sent once.
fn told(request: &RecordedRequest) -> String {
    let last = request.last_user_message();
    last.split("\n\nFor the next step").next().unwrap().to_owned()
}

#[test]
fn an_agent_reads_searches_patches_tests_and_finishes() {
    let (sandbox, output, requests) = run([
        call("search", &json!({ "pattern": "def two" })),
        call("read_file", &json!({ "path": "src/a.py" })),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        call("run_command", &json!({ "command": "sh check.sh" })),
        finish(),
    ]);
    assert_eq!(
        output.exits(0).json(),
        json!({ "fix": { "files": ["src/a.py"], "summary": "two is two" } })
    );
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2"));
    assert_eq!(requests.len(), 5);
    assert!(told(&requests[0]).contains("The goal: Let two return 2."));
    assert_eq!(
        told(&requests[1]),
        "Result of `search def two`:\nsrc/a.py:4: def two():"
    );
    assert!(
        told(&requests[2]).ends_with("5 |     return 3"),
        "{}",
        told(&requests[2])
    );
    assert!(
        told(&requests[3]).contains("5 |     return 2"),
        "{}",
        told(&requests[3])
    );
    assert_eq!(
        told(&requests[4]),
        "Result of `run_command sh check.sh`:\nexit code 0"
    );
}

#[test]
fn each_prompt_begins_as_the_one_before_and_ends_with_few_tools() {
    let (_, output, requests) = run([
        call("read_file", &json!({ "path": "src/a.py" })),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    output.exits(0);
    for pair in requests.windows(2) {
        let (before, after) = (said(&pair[0]), said(&pair[1]));
        let kept = before.len() - 1;
        assert_eq!(before[..kept], after[..kept]);
        // What was sent once, the forms of tools, goes; all before it stays to the byte.
        assert!(
            before[kept].starts_with(&after[kept]),
            "{}\n\n{}",
            before[kept],
            after[kept]
        );
    }
    let index = &said(&requests[0])[0];
    for tool in [
        "read_file",
        "list_files",
        "search",
        "patch",
        "write_file",
        "run_command",
        "update_plan",
        "finish",
    ] {
        assert!(index.contains(&format!("`{tool}`")), "{index}");
    }
    let last = |request: &RecordedRequest| request.last_user_message().to_owned();
    assert!(last(&requests[0]).contains("read_file {") && !last(&requests[0]).contains("SEARCH"));
    assert!(last(&requests[1]).contains("SEARCH") && !last(&requests[1]).contains("read_file {"));
    assert!(last(&requests[2]).contains("run_command {") && last(&requests[2]).contains("finish {"));
}

#[test]
fn what_the_verifiers_refuse_is_told_and_mended_in_the_same_conversation() {
    let (sandbox, output, requests) = run([
        finish(),
        patch("src/a.py", "    return 3\n", "    return 4\n"),
        finish(),
        patch("src/a.py", "    return 4\n", "    return 2\n"),
        finish(),
    ]);
    output.exits(0);
    assert!(sandbox.read("src/a.py").contains("return 2"));
    assert!(
        told(&requests[1]).contains("The goal is not reached yet: `sh check.sh` ended with exit code 1"),
        "{}",
        told(&requests[1])
    );
    assert!(
        told(&requests[1]).contains("src/a.py:5: two is not 2"),
        "{}",
        told(&requests[1])
    );
    let attempts = sandbox
        .events()
        .into_iter()
        .filter(|event| event["type"] == "attempt_started");
    assert_eq!(attempts.count(), 1);
}

#[test]
fn what_failed_does_not_stay() {
    let (sandbox, output, _) = run_with(
        "",
        [
            patch("src/a.py", "    return 3\n", "    return 4\n"),
            call("write_file", &json!({ "path": "src/b.py" })) + "\n```python\nx = 1\n```\n",
        ]
        .into_iter()
        .chain(std::iter::repeat_n("I am done.".to_owned(), 10)),
    );
    output.exits(1).says("holds no call of a tool");
    assert_eq!(sandbox.read("src/a.py"), A);
    assert!(!sandbox.has("src/b.py"));
}

#[test]
fn a_retry_is_told_why_and_begins_anew() {
    let apology = std::iter::repeat_n("I am sorry, I can't.".to_owned(), 5);
    let right = [patch("src/a.py", "    return 3\n", "    return 2\n"), finish()];
    let (_, output, requests) = run_with(", on_failure: { retry: 1 }", apology.chain(right));
    output.exits(0);
    // Three answers without a call, and two questions which kind of step comes next.
    let last = requests[5].last_user_message();
    assert!(
        last.contains("The goal: ") && last.contains("holds no call of a tool"),
        "{last}"
    );
}

#[test]
fn a_file_that_was_not_read_is_not_written_over() {
    let whole = A.replace('3', "2");
    let write = call("write_file", &json!({ "path": "src/a.py" })) + &format!("\n```python\n{whole}```\n");
    let (sandbox, output, requests) = run([
        write.clone(),
        call("read_file", &json!({ "path": "src/a.py" })),
        write,
        finish(),
    ]);
    output.exits(0);
    assert!(
        told(&requests[1]).contains("you have not read it: read it first"),
        "{}",
        told(&requests[1])
    );
    assert!(requests[1].last_user_message().contains("read_file {"));
    assert!(
        told(&requests[3]).contains("`src/a.py` was replaced"),
        "{}",
        told(&requests[3])
    );
    assert_eq!(sandbox.read("src/a.py"), whole);
}

/// What a server puts into prompts unseen is counted once, in what the agent is shown, too.
#[test]
fn a_server_that_adds_to_prompts_leaves_room_for_the_context() {
    let steps = [patch("src/a.py", "    return 3\n", "    return 2\n"), finish()];
    let server = ModelServer::start(Script::function(move |request, _| {
        let is_done = request.last_user_message().contains("return 2");
        let prompt = Script::counted(&request.body["messages"], 1) + 900;
        Answer::text(steps[usize::from(is_done)].clone()).usage(Reported::Exactly {
            prompt,
            completion: 9,
        })
    }));
    let sandbox = with_task(
        &server,
        "agent: { goal: x, max_calls: 2 }",
        ", context: [{ file: src/a.py }]",
    );
    sandbox.exec(&[]).exits(0);
    assert_eq!(server.calls().len(), 3, "the first is made again");
    sandbox.write("src/a.py", A);
    sandbox.exec(&[]).exits(0);
    assert_eq!(server.calls().len(), 5);
    assert!(server.calls()[3].last_user_message().contains(A));
}

#[test]
fn a_server_that_counts_more_each_time_gets_no_more_calls_than_were_proven() {
    let server = ModelServer::start(Script::function(|request, number| {
        let prompt = Script::counted(&request.body["messages"], 1) + 400 * (number as u64 + 1);
        Answer::text(finish()).usage(Reported::Exactly {
            prompt,
            completion: 9,
        })
    }));
    let sandbox = with_task(&server, "agent: { goal: x, max_calls: 1 }", "");
    sandbox.run(["plan", "workflow.yaml"]).exits(0);
    sandbox.exec(&[]).exits(1);
    // A call is tried three times at most.
    assert!(server.calls().len() <= 3, "{}", server.calls().len());
}

#[test]
fn a_path_that_can_be_no_file_is_told() {
    let long = format!("src/{}.py", "x".repeat(300));
    let write = |path: &str| call("write_file", &json!({ "path": path })) + "\n```python\nA\n```\n";
    let (sandbox, output, requests) = run([
        write("src/a.py/b.py"),
        write(&long),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    output.exits(0);
    assert!(
        told(&requests[1]).contains("`src/a.py` is no folder"),
        "{}",
        told(&requests[1])
    );
    assert!(
        told(&requests[2]).contains("more than 255 bytes"),
        "{}",
        told(&requests[2])
    );
    assert_eq!(sandbox.read("src/a.py"), A.replace('3', "2"));
}

#[test]
fn a_file_that_was_read_in_part_is_not_written_over() {
    let whole = A.replace('3', "2");
    let write = call("write_file", &json!({ "path": "src/a.py" })) + &format!("\n```python\n{whole}```\n");
    let lines = A.lines().count();
    let (sandbox, output, requests) = run([
        call("read_file", &json!({ "path": "src/a.py", "from": 1, "to": 1 })),
        write.clone(),
        call("read_file", &json!({ "path": "src/a.py", "from": 2 })),
        write,
        finish(),
    ]);
    output.exits(0);
    let refused = told(&requests[2]);
    let expected =
        format!("lines that you have not read: read 2 to {lines} first, or change it with `patch`");
    assert!(refused.contains(&expected), "{refused}");
    assert!(requests[2].last_user_message().contains("read_file {"));
    assert!(told(&requests[4]).contains("`src/a.py` was replaced"));
    assert_eq!(sandbox.read("src/a.py"), whole);
}

#[test]
fn the_same_look_again_is_answered_by_reference_unless_something_was_written() {
    let read = call("read_file", &json!({ "path": "src/a.py" }));
    let (_, output, requests) = run([
        read.clone(),
        read.clone(),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        read,
        finish(),
    ]);
    output.exits(0);
    assert!(
        told(&requests[2]).contains("the same as before"),
        "{}",
        told(&requests[2])
    );
    assert!(
        told(&requests[4]).contains("5 |     return 2"),
        "{}",
        told(&requests[4])
    );
}

#[test]
fn where_no_rule_decides_the_model_is_asked_for_a_word() {
    let (_, output, requests) = run([
        call("update_plan", &json!({ "steps": ["look", "mend"] })),
        "\"write\"".to_owned(),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    output.exits(0);
    let question = &requests[1];
    assert_eq!(question.body["max_tokens"], 8);
    assert_eq!(
        question.schema().unwrap()["enum"],
        json!(["read", "search", "write", "run", "plan"])
    );
    assert!(
        question
            .last_user_message()
            .ends_with("Answer with one word: read, search, write, run, plan.")
    );
    let next = requests[2].last_user_message();
    assert!(
        next.contains("For the next step (write)") && next.contains("Your plan:\n- look\n- mend"),
        "{next}"
    );
    assert!(!next.contains("Which kind of step"), "{next}");
}

#[test]
fn a_long_file_is_shown_in_parts_and_an_agent_fits_a_small_window() {
    let server = ModelServer::start(Script::function(|request, number| {
        // An answer must fit beside the prompt: four characters a token are more than numbers have.
        assert!(request.body["messages"].to_string().len() < 4096 * 4);
        Answer::text(match number {
            0..=11 => call(
                "read_file",
                &json!({ "path": "src/long.py", "from": number * 40 + 1, "to": number * 40 + 60 }),
            ),
            12 => patch("src/a.py", "    return 3\n", "    return 2\n"),
            _ => finish(),
        })
    }));
    let sandbox = sandbox(&server, "");
    let long: Vec<String> = (1..=2000)
        .map(|line| format!("value_{line} = {line} + {line}\n"))
        .collect();
    sandbox.write("src/long.py", &long.concat());
    sandbox
        .exec(&[])
        .exits(0)
        .says("older results of its tools in a shorter form");
    let requests = server.calls();
    assert!(
        told(&requests[1]).contains("the next with `from`"),
        "{}",
        told(&requests[1])
    );
    let last = said(requests.last().unwrap());
    assert_eq!(
        last[..2],
        said(&requests[0])[..2]
            .iter()
            .map(|text| text.split("\n\nFor the next").next().unwrap().to_owned())
            .collect::<Vec<_>>()[..]
    );
}

#[test]
fn calls_that_the_server_finds_are_carried_out() {
    let server = ModelServer::start(Script::answers([
        Answer::text("").tool("readFile", "{\"file_path\": \"src/a.py\"}"),
        Answer::text(patch("src/a.py", "    return 3\n", "    return 2\n")),
        Answer::text("").tool("finish", "{}"),
    ]));
    let sandbox = sandbox(&server, "");
    sandbox.exec(&[]).exits(0);
    let requests = server.calls();
    assert!(
        told(&requests[1]).contains("5 |     return 3"),
        "{}",
        told(&requests[1])
    );
    assert!(
        said(&requests[1])[2].contains("<tool_call>"),
        "{:?}",
        said(&requests[1])
    );
}

#[test]
fn when_its_calls_are_used_up_the_verdict_counts() {
    let agent = "agent: { goal: x, max_calls: 2 }";
    let read = call("read_file", &json!({ "path": "src/a.py" }));
    let mend = patch("src/a.py", "    return 3\n", "    return 2\n");
    let good = server([read.clone(), mend]);
    with_task(&good, agent, "").exec(&[]).exits(0);
    assert_eq!(good.calls().len(), 2);
    let bad = server([read, call("search", &json!({ "pattern": "x" }))]);
    let sandbox = with_task(&bad, agent, "");
    sandbox
        .exec(&[])
        .exits(1)
        .says("after all 2 calls of `max_calls`: `sh check.sh` ended with exit code 1");
    assert_eq!(bad.calls().len(), 2);
}

#[test]
fn the_plan_knows_the_worst_case() {
    let server = server([]);
    let sandbox = with_task(
        &server,
        "agent: { goal: x, max_calls: 10 }",
        ", on_failure: { retry: 1 }",
    );
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).json();
    // Two attempts of ten calls, three tries each, in a window of 4,096.
    assert_eq!(plan["totals"]["calls"], 60);
    assert_eq!(plan["totals"]["tokens"], 60 * 4096);
    let tools = &plan["nodes"][0]["tools"];
    assert!(tools["shown"].as_u64().unwrap() <= 350, "{tools}");
    assert!(
        tools["shown"].as_u64().unwrap() * 2 < tools["all"].as_u64().unwrap(),
        "{tools}"
    );
    let said = sandbox.run(["plan", "workflow.yaml"]).exits(0).stdout;
    assert!(said.contains("tools: at most "), "{said}");
}

#[test]
fn every_call_of_a_model_is_of_a_node_an_attempt_and_a_number() {
    // Two attempts, each with the question what comes next.
    let answers = [
        "I think.".to_owned(),
        "write".to_owned(),
        patch("src/a.py", "    return 3\n", "    return 4\n"),
        finish(),
        "Hm.".to_owned(),
        "write".to_owned(),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ];
    let server = server(answers);
    let sandbox = with_task(
        &server,
        "agent: { goal: 'Let two return 2.', max_calls: 4 }",
        ", on_failure: { retry: { max: 1, backoff: 1ms } }",
    );
    sandbox.exec(&[]).exits(0);
    let events = sandbox.events();
    let of = |kind: &str| {
        let of = events.iter().filter(|event| event["type"] == kind);
        of.map(|event| json!([event["node"], event["attempt"], event["call"]]))
            .collect::<Vec<_>>()
    };
    let expected: Vec<Value> = (1..=2)
        .flat_map(|attempt| (1..=4).map(move |call| json!(["fix", attempt, call])))
        .collect();
    assert_eq!(of("call_started"), expected);
    assert_eq!(of("call_finished"), expected);
    assert_eq!(server.calls().len(), expected.len());
}

#[test]
fn a_command_that_says_much_is_cut_and_the_way_to_the_rest_is_told() {
    let server = server([
        call("run_command", &json!({ "command": "sh check.sh" })),
        "write".to_owned(),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    let check = sandbox.read("check.sh");
    sandbox.write(
        "check.sh",
        &format!("echo begins here\nhead -c 10000000 /dev/zero | tr '\\0' 'x' | fold -w 50\necho\n{check}"),
    );
    sandbox.exec(&[]).exits(0);
    let seen = told(&server.calls()[2]);
    for part in [
        "exit code 1",
        "bytes, the last 65536)",
        "lines are left out",
        "src/a.py:5: two is not 2",
        "characters: run a command that says less, or of a part)",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(seen.len() < 8000, "{} bytes", seen.len());
}

#[test]
fn a_command_that_never_ends_is_ended_with_its_attempt() {
    let server = server([call("run_command", &json!({ "command": "sh check.sh" }))]);
    let sandbox = sandbox(&server, ", timeout: 2s");
    sandbox.write("build/CACHEDIR.TAG", "");
    sandbox.write("check.sh", "echo > build/running; sleep 600 & sleep 600\n");
    sandbox.exec(&[]).exits(1).says("timeout");
    assert!(sandbox.has("build/running"));
    if cfg!(target_os = "linux") {
        wait_until(|| !served::is_left(&sandbox));
    }
}
