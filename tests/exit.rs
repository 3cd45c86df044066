//! Exit codes: each by the way in which a user meets it, and which one wins where several apply.

use std::net::TcpStream;

use crate::support::{Sandbox, wait_until};

const HELLO: &str = "tasks:\n  a: { prompt: Hello }\n";
const AWAY: &str = "[profiles.default]\nbase_url = \"https://models.example.com/v1\"\nmodel = \"tiny\"\n";

#[test]
fn a_server_that_the_workspace_names_is_not_trusted() {
    let dotenv = "SMALLCODE_BASE_URL=https://models.example.com/v1\nSMALLCODE_MODEL=tiny\n";
    for (file, text) in [(".env", dotenv), ("smallcode.toml", AWAY)] {
        let mut sandbox = Sandbox::with(HELLO);
        sandbox.write(file, text);
        sandbox
            .exec(&[])
            .exits(7)
            .says(&format!("{file}` of this workspace"))
            .says("models.example.com")
            .says("hint: run it once in a terminal and confirm");
        assert!(!sandbox.has(".smallcode"), "no run was begun");
        // The same from the user's own hand is trusted: it fails to connect, and no more.
        sandbox
            .env("SMALLCODE_BASE_URL", "http://127.0.0.1:9/v1")
            .env("SMALLCODE_MODEL", "tiny");
        sandbox.exec(&[]).exits(4);
    }
}

#[test]
fn without_a_model_the_way_to_one_is_told() {
    let taken = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
    if [11_434, 1_234, 8_080, 9_931, 8_000].into_iter().any(taken) {
        // Somebody works with a model on this machine, and it would be found.
        return;
    }
    let sandbox = Sandbox::with(HELLO);
    sandbox
        .exec(&[])
        .exits(4)
        .says("no model is configured, and no server answers on the usual local ports")
        .says(
            "hint: start Ollama, LM Studio, llama.cpp or vLLM, or set SMALLCODE_BASE_URL and SMALLCODE_MODEL",
        );
    assert!(!sandbox.has(".smallcode"), "no run was begun");
    // What needs no model is not held up.
    sandbox.run(["check", "workflow.yaml"]).exits(0);
    sandbox.run(["plan", "workflow.yaml"]).exits(0);
}

/// In the order of the documentation: 130, 2, 7, 5, 6, 3, 4, 1.
#[test]
fn the_first_of_several_codes_wins() {
    let fails = "  fails: { run: exit 9 }\n";
    let alone = "  alone: { prompt: Hello }\n";
    let capped = "  capped: { prompt: Hello, budget: { calls: 0 } }\n";
    let gate = "  gate: { approve: 'Go on?' }\n";
    for (tasks, code) in [
        (vec![fails], 1),
        (vec![fails, alone], 4),
        (vec![alone, capped], 3),
        (vec![fails, alone, capped], 3),
        (vec![fails, alone, capped, gate], 6),
        (vec![fails, gate], 6),
    ] {
        let mut sandbox = Sandbox::with(&format!("tasks:\n{}", tasks.concat()));
        sandbox
            .env("SMALLCODE_BASE_URL", "http://127.0.0.1:9/v1")
            .env("SMALLCODE_MODEL", "tiny");
        sandbox.exec(&[]).exits(code);
    }

    let sandbox = Sandbox::with(&format!(
        "tasks:\n{fails}{gate}  slow: {{ run: 'touch on; while [ ! -e go ]; do sleep 0.01; done' }}\n"
    ));
    let engine = sandbox.start(["exec", "workflow.yaml", "-j", "2"]);
    wait_until(|| {
        sandbox.has("on")
            && sandbox
                .events()
                .iter()
                .any(|event| event["type"] == "approval_asked")
    });
    let status = std::process::Command::new("kill")
        .args(["-INT", &engine.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
    wait_until(|| {
        sandbox
            .events()
            .iter()
            .any(|event| event["type"] == "interrupted")
    });
    sandbox.write("go", "");
    assert_eq!(engine.wait_with_output().unwrap().status.code(), Some(130));

    let sandbox = Sandbox::with(HELLO);
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).stdout;
    sandbox.write("plan.json", &plan);
    sandbox.write(
        "workflow.yaml",
        &format!("smallcode: 1\n{HELLO}  b: {{ run: 'true' }}\n"),
    );
    sandbox.write("smallcode.toml", AWAY);
    sandbox.run(["exec", "--plan", "plan.json"]).exits(7);
    sandbox.write(
        "workflow.yaml",
        "smallcode: 1\ntasks: { a: { prompt: '{{ nothing }}' } }\n",
    );
    sandbox.exec(&[]).exits(2);
}

/// A task's own budget ends that task, whatever its retries and its items; others go on.
#[test]
fn the_budget_of_a_task_is_a_cap() {
    use crate::support::model_server::{Answer, ModelServer, Script};
    // Wrong in another way each time: the same again would be given up before the budget is used.
    let server = ModelServer::start(Script::function(|_, call| Answer::text(format!("wrong {call}"))));
    for task in [
        "prompt: Hello, verify: [{ not_matches: 'wrong.*' }], on_failure: { retry: { max: 5, backoff: 1ms } }",
        "foreach: [1, 2, 3, 4], prompt: 'Hello {{ item }}'",
    ] {
        let mut sandbox = Sandbox::with(&format!(
            "tasks:\n  a: {{ budget: {{ calls: 2 }}, {task} }}\n  b: {{ run: touch b, timeout: 1m, budget: {{ calls: 0 }} }}\n  c: {{ prompt: Once }}\n"
        ));
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        let before = server.calls().len();
        sandbox
            .exec(&[])
            .exits(3)
            .says("the budget of `a")
            .says("allows 2 calls");
        assert_eq!(server.calls().len() - before, 3, "{task}");
        assert!(sandbox.has("b"), "a command makes no calls");
        assert_eq!(sandbox.ended("c"), "success");
    }
}

/// What can't be begun for want of something ends with a code of the list, wherever that shows: a panic included.
#[test]
fn without_open_files_the_code_is_one_of_the_list() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true' }\n");
    for most in 3..24 {
        let limited = format!("ulimit -n {most} && exec \"$0\" exec workflow.yaml");
        let output = std::process::Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_smallcode")])
            .current_dir(sandbox.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // So few that not even the loader of the system gets at its libraries.
            Some(127) if !stderr.contains("panicked") => {}
            Some(70) => assert!(stderr.contains("hint: report it"), "{stderr}"),
            code => assert!(matches!(code, Some(0 | 1 | 2 | 74)), "{most}: {code:?}\n{stderr}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_standard_error_is_no_bug() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true' }\n");
    for talk in ["-q", "-v", "-vv"] {
        let output = std::process::Command::new("sh")
            .args(["-c", "exec \"$0\" exec workflow.yaml $1 2>/dev/full"])
            .args([env!("CARGO_BIN_EXE_smallcode"), talk])
            .current_dir(sandbox.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{talk}");
    }
}

#[test]
fn a_wrong_command_line_says_what_is_right() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true' }\n");
    for jobs in ["0", "-1", "many"] {
        sandbox
            .exec(&[&format!("--jobs={jobs}")])
            .exits(2)
            .says("write a whole number of at least 1");
    }
    sandbox.exec(&[]).exits(0);
    // The week that runs are kept for anyway is not asked for, but it should be known.
    sandbox
        .run(["runs", "gc", "--keep", "0"])
        .exits(0)
        .says("nothing to remove")
        .says("`--younger`");
    sandbox
        .run(["runs", "gc", "--keep", "0", "--younger", "0"])
        .exits(0);
    assert_eq!(sandbox.run(["runs", "list"]).exits(0).stdout, "");
}
