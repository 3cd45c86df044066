//! Plans with commands, agents and BoneScript: what a model proposes has the limits of what a model does.

use serde_json::{Value, json};

use super::{count, edit, new, plan};
use crate::support::model_server::{Answer, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

/// Writes a file of the name that it is given; says what it sees of the environment, and whether it gets out.
const MAKE: &str = "echo \"made by $1\" >> src/made.txt\nenv > src/env.txt\necho x > ../out 2>/dev/null\n\
                    test \"$1\" != hang || test -e build/hung || { echo > build/hung; sleep 600; }\ntest \"$1\" != fail\n";

const SYSTEM: &str = "system Notes {\n  entity Note {\n    owns: [id: uuid, text: string]\n  }\n}\n";

fn sandbox(server: &ModelServer, kinds: &str, beside: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'], run: ['sh make.sh *'] }}\ntasks:\n  use: {{ run: 'true', secrets: [TOKEN] }}\n  port:\n    plan: {{ goal: 'Make all of it new.', kinds: [{kinds}] }}\n    {beside}\noutputs: {{ port: '{{{{ tasks.port.output }}}}' }}\n"
    ));
    sandbox.write("src/a.txt", "a is old\n");
    sandbox.write("src/b.txt", "b is old\n");
    sandbox.write("src/notes.bone", SYSTEM);
    sandbox.write("make.sh", MAKE);
    // What builds leave is not put back.
    sandbox.write("build/CACHEDIR.TAG", "");
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny")
        .env("TOKEN", "secret-of-a-task");
    sandbox
}

const ONCE: &str = "on_failure: { retry: 0 }";

fn run(command: &str) -> Value {
    json!({ "name": "make", "kind": "run", "command": command })
}

fn finish() -> Answer {
    let call = json!({ "name": "finish", "arguments": { "summary": "b is new" } });
    Answer::text(format!("<tool_call>\n{call}\n</tool_call>"))
}

#[test]
fn commands_agents_and_programs_of_a_plan_run_in_their_order() {
    let agent = json!({ "name": "b", "kind": "agent", "instruction": "Make `src/b.txt` new." });
    let compile =
        json!({ "name": "server", "kind": "bone", "files": ["src/notes.bone"], "out": "src/server" });
    let check = json!({ "name": "right", "kind": "bone", "files": ["src/notes.bone"] });
    let proposed = plan(&[
        edit("a", "src/a.txt"),
        run("sh make.sh me"),
        agent,
        check,
        compile,
    ]);
    let server = ModelServer::start(Script::answers([proposed, new("a"), new("b"), finish()]));
    let sandbox = sandbox(&server, "edit, run, agent, bone", ONCE);
    let said = sandbox
        .exec(&["-j", "1"])
        .exits(0)
        .says("planned 5 tasks: a, make, b, right, server");
    let tasks = &said.json()["port"]["tasks"];
    assert_eq!(
        tasks["b"],
        json!({ "files": ["src/b.txt"], "summary": "b is new" })
    );
    assert_eq!(tasks["server"]["dir"], "src/server");
    assert_eq!(sandbox.read("src/made.txt"), "made by me\n");
    assert_eq!(sandbox.read("src/b.txt"), "b is new\n");
    assert!(sandbox.has("src/server/package.json"));
    let asked = server.calls()[0].body["messages"].to_string();
    for told in [
        "one of `sh make.sh *`",
        "`agent` looks at the project itself",
        "`bone` checks the `.bone` file",
    ] {
        assert!(asked.contains(told), "{told}: {asked}");
    }
}

#[test]
fn a_command_of_a_plan_sees_no_secret_and_stays_inside() {
    let server = ModelServer::start(Script::answers([plan(&[run("sh make.sh me")])]));
    let mut sandbox = sandbox(&server, "run", ONCE);
    let temporary = sandbox.outside().join("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    sandbox.env("TMPDIR", temporary.to_str().unwrap());
    sandbox.exec(&[]).exits(0);
    let seen = sandbox.read("src/env.txt");
    assert!(
        seen.contains("PATH=") && !seen.contains("TOKEN") && !seen.contains("SMALLCODE_BASE_URL"),
        "{seen}"
    );
    if smallcode_runtime::process::offered() {
        assert!(!sandbox.outside().join("out").exists());
    }
}

#[test]
fn what_a_plan_may_not_do_is_told_and_not_done() {
    let elsewhere = json!({ "name": "x", "kind": "bone", "files": ["src/notes.bone"], "out": "server" });
    for (wrong, told) in [
        (
            run("sh make.sh a b"),
            "`sh make.sh a b` may not be run; what may be: `sh make.sh *`",
        ),
        (run("sh make.sh a; rm -rf ."), "no shell reads the command"),
        (run("rm -rf ."), "`rm -rf .` may not be run"),
        (run(""), "the command is empty"),
        (elsewhere, "`server` is no folder that it may write"),
        (json!({ "name": "x", "kind": "bone" }), "it names no file"),
        (json!({ "name": "x", "kind": "agent" }), "it has no instruction"),
    ] {
        let answers = [
            plan(std::slice::from_ref(&wrong)),
            plan(&[run("sh make.sh {{1}}")]),
        ];
        let server = ModelServer::start(Script::answers(answers));
        let sandbox = sandbox(
            &server,
            "run, bone, agent",
            "on_failure: { retry: { max: 1, backoff: 1ms } }",
        );
        sandbox.exec(&[]).exits(0);
        let asked = server.calls()[1].body["messages"].to_string();
        assert!(asked.contains(told), "{told}: {asked}");
        // What a model wrote is no template.
        assert_eq!(sandbox.read("src/made.txt"), "made by {{1}}\n");
        assert_eq!(count(&sandbox, "plan_accepted"), 1);
    }
}

#[test]
fn what_commands_of_a_plan_wrote_is_taken_back_with_it() {
    for (command, verify) in [
        ("sh make.sh me", "verify: [{ run: 'false' }]"),
        ("sh make.sh fail", "verify: []"),
    ] {
        let server = ModelServer::start(Script::answers([
            plan(&[edit("a", "src/a.txt"), run(command)]),
            new("a"),
        ]));
        let sandbox = sandbox(&server, "edit, run", &format!("{ONCE}\n    {verify}"));
        sandbox.exec(&["-j", "1"]).exits(1);
        assert_eq!(sandbox.read("src/a.txt"), "a is old\n");
        assert!(
            !sandbox.has("src/made.txt") && !sandbox.has("src/env.txt"),
            "{command}"
        );
    }
}

#[test]
fn a_command_of_a_plan_in_flight_waits_for_a_yes() {
    let answers = [plan(&[edit("a", "src/a.txt"), run("sh make.sh hang")]), new("a")];
    let server = ModelServer::start(Script::answers(answers));
    let sandbox = sandbox(&server, "edit, run", ONCE);
    let mut engine = sandbox.start(["exec", "-j", "1", "workflow.yaml"]);
    wait_until(|| sandbox.has("build/hung"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    sandbox
        .run(["resume"])
        .exits(6)
        .says("was in flight when the run stopped");
    sandbox.run(["resume", "--yes"]).exits(0);
    assert_eq!(sandbox.read("src/made.txt"), "made by hang\n");
    assert_eq!(sandbox.read("src/a.txt"), "a is new\n");
    assert_eq!(server.calls().len(), 2);
}

#[test]
fn kinds_of_a_plan_are_checked_before_anything_runs() {
    let refused = |keys: &str, top: &str, says: &str| {
        let sandbox = Sandbox::with(&format!("{top}tasks:\n  a: {{ plan: {{ goal: x, {keys} }} }}\n"));
        sandbox.run(["check", "workflow.yaml"]).exits(2).says(says);
    };
    for kind in ["approve", "uses", "render", "plan"] {
        let says = format!("the plan of `a` may not have tasks of the kind `{kind}`");
        refused(&format!("kinds: [{kind}]"), "", &says);
    }
    refused(
        "kinds: [run]",
        "",
        "may have commands, and the workflow allows none",
    );
    let server = ModelServer::start(Script::answers([]));
    let sandbox = sandbox(&server, "agent", ONCE);
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).json();
    // One attempt: its own call and those of eight agents counted alike, with three tries of each.
    assert_eq!(plan["totals"]["calls"], (1 + 8) * 20 * 3);
}
