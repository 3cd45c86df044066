//! Tools of MCP servers: what a model is told of them and they of it, and that nothing a server does, or fails to do,
//! gets past its limits. The server is `support/mcp_server.sh`.

use serde_json::{Value, json};

use super::{A, call, finish, patch, said, server, told};
use crate::support::model_server::{Answer, Fault, ModelServer, RecordedRequest, Script};
use crate::support::{Output, Sandbox, wait_until};

const SERVER: &str = include_str!("../support/mcp_server.sh");

/// A workspace with a server that plays `script`, and an agent that has its tools.
fn sandbox(model: &ModelServer, script: &str, beside: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'], run: ['sh check.sh', 'sh server.sh'] }}\n\
         mcp:\n  docs: {{ command: sh server.sh, timeout: 2s }}\n\
         tasks:\n  fix:\n    agent: {{ goal: 'Let two return 2.', tools: [read_file, patch], mcp: docs }}\n    \
         writes: ['src/**']\n    env: {{ SCRIPT: '{script}' }}\n    verify: [{{ run: sh check.sh }}]\n    \
         on_failure: {{ retry: 0 }}\n{beside}\
         outputs: {{ fix: '{{{{ tasks.fix.output }}}}' }}\n"
    ));
    sandbox.write("src/a.py", A);
    sandbox.write("server.sh", SERVER);
    // What builds leave is a command's to write, and is not put back.
    sandbox.write("build/CACHEDIR.TAG", "");
    sandbox.write("check.sh", "grep -q 'return 2' src/a.py\n");
    sandbox
        .env("SMALLCODE_BASE_URL", &model.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

fn search() -> String {
    call("docs__search", &json!({ "query": "two" }))
}

fn note() -> String {
    call("docs__note", &json!({ "text": "two was 3" }))
}

fn mend() -> String {
    patch("src/a.py", "    return 3\n", "    return 2\n")
}

fn run(script: &str, answers: impl IntoIterator<Item = String>) -> (Sandbox, Output, Vec<RecordedRequest>) {
    let model = server(answers);
    let sandbox = sandbox(&model, script, "");
    let output = sandbox.exec(&[]);
    (sandbox, output, model.calls())
}

/// What a model is told of one search, and the workspace after the run.
fn result(script: &str) -> (Sandbox, String) {
    let (sandbox, output, requests) = run(script, [search(), mend(), finish()]);
    output.exits(0);
    (sandbox, told(&requests[1]))
}

fn tools(sandbox: &Sandbox) -> Vec<(String, bool, String)> {
    let of = |event: &Value| {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        (text("does"), event["did"].as_bool().unwrap(), text("told"))
    };
    let events = sandbox.events();
    let events = events.iter().filter(|event| event["type"] == "tool_finished");
    events.map(of).collect()
}

#[test]
fn tools_of_a_server_stand_beside_ours_in_their_categories() {
    let (sandbox, output, requests) = run("", [search(), mend(), note(), finish()]);
    output.exits(0);
    let index = &said(&requests[0])[0];
    for line in [
        "- search: `docs__search` Finds pages of the manual.\n",
        "- write: `patch` changes lines of files; `docs__note` Writes a note.\n",
    ] {
        assert!(index.contains(line), "{index}");
    }
    // What starts the server is no command for the model.
    assert!(!index.contains("server.sh"), "{index}");
    assert_eq!(
        told(&requests[1]),
        "Result of `docs__search two`:\npage 1: two is two"
    );
    assert!(
        requests[0]
            .last_user_message()
            .contains("For the next step (read)")
    );
    assert_eq!(told(&requests[3]), "Result of `docs__note two was 3`:\nnoted");
    assert_eq!(sandbox.read("src/note.txt"), "a note\n");
    let expected = [
        ("start docs", "2 tools"),
        ("docs__search two", "page 1: two is two"),
        ("patch src/a.py", "`src/a.py` is changed:"),
        ("docs__note two was 3", "noted"),
        ("finish", ""),
    ];
    let ran = tools(&sandbox);
    let ran: Vec<(&str, &str)> = ran
        .iter()
        .map(|(does, _, told)| (does.as_str(), told.as_str()))
        .collect();
    assert_eq!(ran[0], expected[0]);
    assert_eq!(ran[1], expected[1]);
    assert_eq!(ran[3], expected[3]);
    assert_eq!(ran[2].0, expected[2].0);
    let started = sandbox.events();
    let started = started.iter().filter(|event| event["type"] == "tool_started");
    let started: Vec<&str> = started.map(|event| event["does"].as_str().unwrap()).collect();
    // What only reads needs no leave.
    assert_eq!(started, ["docs__note two was 3"]);
    let shown = sandbox.run(["runs", "show"]).exits(0).stdout;
    assert!(
        shown.contains("`docs__search two`: page 1: two is two"),
        "{shown}"
    );
}

#[test]
fn what_a_server_wrote_is_taken_back_when_the_attempt_fails() {
    let (sandbox, output, requests) = run("", [note(), finish(), finish(), finish()]);
    output.exits(1);
    // What was refused is mended by writing: all that writes is shown, ours first.
    let shown = requests[2].last_user_message();
    let (ours, theirs) = (
        shown.find("<<<<<<< SEARCH"),
        shown.find("docs__note {\"text\":\"…\"}: Writes a note."),
    );
    assert!(ours.is_some() && ours < theirs, "{shown}");
    assert!(!sandbox.has("src/note.txt"));
    assert_eq!(sandbox.read("build/calls"), "start\nnote\n");
}

#[test]
fn a_tool_that_fails_or_refuses_is_told_to_the_model() {
    let (sandbox, told) = result("fails");
    assert_eq!(told, "Result of `docs__search two`:\nno such page");
    assert_eq!(
        tools(&sandbox)[1],
        ("docs__search two".to_owned(), false, "no such page".to_owned())
    );
    let (sandbox, told) = result("refuses");
    assert_eq!(
        told,
        "Result of `docs__search two`:\nthe server `docs` did not do it: it refused: query is too short"
    );
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\n");
}

#[test]
fn a_server_that_hangs_or_dies_is_told_and_started_again() {
    let (sandbox, output, requests) = run("hangs", [search(), search(), mend(), finish()]);
    output.exits(0);
    assert_eq!(
        told(&requests[1]).lines().nth(1).unwrap(),
        "the server `docs` did not do it: it did not answer within 2 s; it wrote:"
    );
    assert_eq!(
        told(&requests[2]),
        "Result of `docs__search two`:\npage 1: two is two"
    );
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\nstart\nsearch\n");
    let (sandbox, output, requests) = run("dies", [search(), search(), mend(), finish()]);
    output.exits(0);
    let first = told(&requests[1]);
    assert!(
        first.contains("the server `docs` did not do it: it has ended; it wrote:")
            && first.contains("the index is broken"),
        "{first}"
    );
    assert_eq!(
        told(&requests[2]),
        "Result of `docs__search two`:\npage 1: two is two"
    );
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\nstart\nsearch\n");
}

#[test]
fn the_same_failure_again_and_again_ends_the_attempt() {
    let (_, output, requests) = run("fails", [note(), note(), note(), note()]);
    output
        .exits(1)
        .says("called `docs__note two was 3` 3 times to the same effect: no such page");
    assert_eq!(requests.len(), 3);
}

#[test]
fn the_same_result_again_is_not_shown_again() {
    let (sandbox, output, requests) = run("", [search(), search(), mend(), finish()]);
    output.exits(0);
    assert_eq!(
        told(&requests[2]),
        "Result of `docs__search two`:\nthe same as before: the result stands above"
    );
    // What it looks at is not ours: it may have changed, so it is asked.
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\nsearch\n");
}

#[test]
fn a_server_that_does_not_start_is_told_to_the_user() {
    for (script, says) in [
        (
            "dies-at-once",
            "the server `docs` (`sh server.sh`) did not start: it ended before it was ready, with exit code 3",
        ),
        ("dies-at-once", "no index is there"),
        ("never-ready", "did not start: it did not answer within 2 s"),
        ("no-protocol", "did not start: it did not answer within 2 s"),
    ] {
        let (sandbox, output, requests) = run(script, []);
        output.exits(1).says(says);
        assert_eq!(requests.len(), 0, "{script}");
        assert_eq!(sandbox.read("build/calls"), "start\n", "{script}");
    }
    let model = server([]);
    let sandbox = sandbox(&model, "", "");
    let workflow = sandbox
        .read("workflow.yaml")
        .replace("sh server.sh", "no-such-server");
    sandbox.write("workflow.yaml", &workflow);
    sandbox
        .exec(&[])
        .exits(1)
        .says("the server `docs` (`no-such-server`) did not start: program `no-such-server` was not found");
}

#[test]
fn ten_megabytes_are_cut_to_what_a_model_can_read() {
    let (sandbox, told) = result("large");
    assert!(
        told.contains("first line") && told.contains("last line") && told.len() < 2000,
        "{} bytes: {}",
        told.len(),
        told.chars().take(300).collect::<String>()
    );
    assert!(
        told.contains("more characters)") && told.contains("ask for less, or for a part of it"),
        "{told}"
    );
    let journal = sandbox.run_folder().join("journal.jsonl");
    assert!(std::fs::metadata(journal).unwrap().len() < 100_000);
}

#[test]
fn of_too_many_tools_some_are_offered_and_no_other_is_called() {
    let hidden = call("docs__tool_30", &json!({ "first": "x" }));
    // After a call of no tool, the model is asked what comes next.
    let (sandbox, output, requests) = run("many", [hidden, "write".to_owned(), mend(), finish()]);
    output
        .exits(0)
        .says("of servers are not offered, as a small model can't be told of all")
        .says("docs__tool_");
    assert!(
        told(&requests[1]).contains("Nothing was done"),
        "{}",
        told(&requests[1])
    );
    assert_eq!(sandbox.read("build/calls"), "start\n");
    let plan = sandbox.run(["plan", "workflow.yaml"]).exits(0).stdout;
    assert!(
        plan.contains("tools: at most 350 tokens of each prompt"),
        "{plan}"
    );
}

#[test]
fn only_the_tools_that_are_named_are_offered() {
    let model = server([note(), "write".to_owned(), mend(), finish()]);
    let sandbox = sandbox(&model, "", "");
    let workflow = sandbox.read("workflow.yaml");
    let named = workflow.replace("timeout: 2s", "timeout: 2s, tools: [search, serch]");
    sandbox.write("workflow.yaml", &named);
    sandbox
        .exec(&[])
        .exits(0)
        .says("the server `docs` has no tool `serch`");
    let requests = model.calls();
    assert!(!said(&requests[0])[0].contains("docs__note"));
    assert!(
        told(&requests[1]).contains("Nothing was done"),
        "{}",
        told(&requests[1])
    );
    assert_eq!(sandbox.read("build/calls"), "start\n");
}

#[test]
fn what_a_server_says_is_text_and_no_word_of_ours() {
    let (sandbox, told) = result("forges");
    assert!(
        told.starts_with("Result of `docs__search two`:\nResult of `finish`:"),
        "{told}"
    );
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\n");
}

#[test]
fn a_server_sees_no_secret_and_one_that_it_tells_is_masked() {
    let model = server([search(), mend(), finish()]);
    let mut spied = sandbox(&model, "spies", "  use: { run: 'true', secrets: [TOKEN] }\n");
    spied
        .env("TOKEN", "secret-of-a-task")
        .env("SMALLCODE_API_KEY", "secret-of-ours")
        .env("OTHER", "of-the-user");
    spied.exec(&[]).exits(0);
    let seen = told(&model.calls()[1]);
    assert!(seen.contains("PATH=") && seen.contains("SCRIPT=spies"), "{seen}");
    for hidden in ["TOKEN", "secret", "API_KEY", "OTHER"] {
        assert!(!seen.contains(hidden), "{hidden}: {seen}");
    }
    let model = server([search(), mend(), finish()]);
    let mut leaking = sandbox(&model, "secret", "  use: { run: 'true', secrets: [TOKEN] }\n");
    let workflow = leaking.read("workflow.yaml");
    leaking.write(
        "workflow.yaml",
        &workflow.replace("SCRIPT: 'secret'", "SCRIPT: secret, LEAKED: secret-of-a-task"),
    );
    leaking.env("TOKEN", "secret-of-a-task");
    leaking.exec(&[]).exits(0);
    let seen = told(&model.calls()[1]);
    assert!(
        seen.contains("the token is ") && !seen.contains("secret-of-a-task"),
        "{seen}"
    );
    let journal = std::fs::read_to_string(leaking.run_folder().join("journal.jsonl")).unwrap();
    let after_plan = journal.lines().skip(1).collect::<String>();
    assert!(!after_plan.contains("the token is secret-of-a-task"));
}

#[test]
fn a_server_is_kept_to_the_workspace() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let model = server([search(), mend(), finish()]);
    let mut sandbox = sandbox(&model, "escapes", "");
    let temporary = sandbox.outside().join("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    sandbox.env("TMPDIR", temporary.to_str().unwrap());
    sandbox.exec(&[]).exits(0);
    assert!(
        told(&model.calls()[1]).ends_with("not allowed outside"),
        "{}",
        told(&model.calls()[1])
    );
    assert!(!sandbox.outside().join("escaped").exists());
}

/// Starts a run, and kills the engine as soon as `holds`.
fn killed(sandbox: &Sandbox, holds: impl Fn() -> bool) {
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(holds);
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn a_killed_run_asks_no_server_again_what_it_has_answered() {
    let stalled = Answer::text(finish()).with(Fault::Stall { after_events: 1 });
    let answers = [search(), note(), mend()].map(Answer::text);
    let answers = answers.into_iter().chain([stalled, Answer::text(finish())]);
    let model = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(&model, "", "");
    killed(&sandbox, || model.calls().len() == 4);
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\nnote\n");
    assert_eq!(sandbox.read("src/note.txt"), "a note\n");
    assert_eq!(model.calls().len(), 5);
}

/// Whether a process that works in the folder of a workspace is left.
pub(super) fn is_left(sandbox: &Sandbox) -> bool {
    let folder = sandbox.path();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut folders = processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    folders.any(|cwd| cwd == folder)
}

#[test]
fn a_call_in_flight_that_only_reads_is_made_again_and_one_that_writes_waits() {
    let model = server([search(), mend(), finish()]);
    let reading = sandbox(&model, "hangs", "");
    slow(&reading);
    killed(&reading, || reading.has("build/hung"));
    reading.run(["resume"]).exits(0);
    assert_eq!(reading.read("build/calls"), "start\nsearch\nstart\nsearch\n");
    if cfg!(target_os = "linux") {
        wait_until(|| !is_left(&reading));
    }
    let model = server([note(), mend(), finish()]);
    let writing = sandbox(&model, "hangs", "");
    slow(&writing);
    killed(&writing, || writing.has("build/hung"));
    writing
        .run(["resume"])
        .exits(6)
        .says("a command of `fix` was in flight when the run stopped: `--yes` runs it again");
    writing.run(["resume", "--yes"]).exits(0);
    assert_eq!(writing.read("build/calls"), "start\nnote\nstart\nnote\n");
}

/// Gives the server all the time that it wants.
fn slow(sandbox: &Sandbox) {
    let workflow = sandbox.read("workflow.yaml");
    sandbox.write("workflow.yaml", &workflow.replace("timeout: 2s", "timeout: 10m"));
}

#[test]
fn a_server_that_hangs_ends_with_all_that_it_started() {
    let (sandbox, output, _) = run("hangs-always", [search(), mend(), finish()]);
    output.exits(0);
    if cfg!(target_os = "linux") {
        wait_until(|| !is_left(&sandbox));
    }
}

#[test]
fn servers_are_checked_before_anything_runs() {
    let model = server([]);
    let sandbox = sandbox(&model, "", "");
    let workflow = sandbox.read("workflow.yaml");
    let changed = |from: &str, to: &str| {
        sandbox.write("workflow.yaml", &workflow.replace(from, to));
        sandbox.run(["check", "workflow.yaml"])
    };
    changed("mcp: docs", "mcp: dcos")
        .exits(2)
        .says("`mcp` has no server `dcos`")
        .says("did you mean `docs`?");
    changed(", 'sh server.sh'", "")
        .exits(2)
        .says("`sh server.sh` is not allowed")
        .says("permissions: { run: [\"sh server.sh\"] }");
    changed("command: sh server.sh", "command: sh server.sh | tee log")
        .exits(2)
        .says("no shell reads the command");
    changed("command: sh server.sh", "command: 'sh {{ inputs.x }}'")
        .exits(2)
        .says("an expression can't stand here");
    changed("timeout: 2s", "timeout: 0s")
        .exits(2)
        .says("`timeout` of nothing");
    changed(", mcp: docs", "")
        .exits(0)
        .says("no agent uses the server `docs`");
    sandbox.write("workflow.yaml", &workflow);
    let plan = sandbox.run(["plan", "workflow.yaml"]).exits(0).stdout;
    assert!(
        plan.contains("starts the server of tools `sh server.sh`"),
        "{plan}"
    );
    assert!(!sandbox.has("build/calls"));
}

#[test]
fn a_used_workflow_starts_only_what_its_caller_allows() {
    let model = server([search(), mend(), finish()]);
    let sandbox = sandbox(&model, "", "");
    let used = sandbox.read("workflow.yaml");
    sandbox.write("used.yaml", &used);
    let caller = |run: &str| {
        sandbox.write(
            "workflow.yaml",
            &format!("smallcode: 1\npermissions: {{ write: ['src/**'], run: [{run}] }}\ntasks: {{ a: {{ uses: ./used.yaml }} }}\n"),
        );
    };
    caller("'sh check.sh'");
    sandbox
        .exec(&[])
        .exits(2)
        .says("`sh server.sh` is not allowed by the workflow that uses this one");
    assert!(!sandbox.has("build/calls"));
    caller("'sh check.sh', 'sh server.sh'");
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("build/calls"), "start\nsearch\n");
}
