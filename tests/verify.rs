//! Verifiers: what passes, what fails with which words, and what of a tool that is not installed.

mod judge;
mod syntax;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

/// A folder that is all of `PATH`, with these programs in it.
fn programs(sandbox: &mut Sandbox, programs: &[(&str, &str)]) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = sandbox.outside().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, script) in programs {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox.env("PATH", folder.to_str().unwrap());
}

/// The three kinds whose attempts these verifiers are applied to.
fn kinds(verify: &str) -> [String; 3] {
    [
        format!("tasks:\n  a: {{ run: 'echo done', verify: [{verify}] }}\n"),
        format!("tasks:\n  a: {{ render: {{ text: done, to: out/a.txt }}, verify: [{verify}] }}\n"),
        format!(
            "permissions: {{ write: ['out/**'] }}\ntasks:\n  a: {{ prompt: Do it, output: {{ file: out/a.txt }}, verify: [{verify}], on_failure: {{ retry: 2 }} }}\n"
        ),
    ]
}

/// Runs each kind with a verifier; gives what was said, and how often a model was asked.
fn each(verify: &str, code: i32, says: &str) {
    for workflow in kinds(verify) {
        let server = ModelServer::start(Script::always(Answer::text("done\n")));
        let mut sandbox = Sandbox::with(&workflow);
        sandbox.write("there.txt", "kept\n");
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        programs(
            &mut sandbox,
            &[
                ("present", "exit 0"),
                ("grumbles", "echo 'a.c:3:1: error: bad' >&2; exit 2"),
            ],
        );
        let output = sandbox.exec(&[]).exits(code);
        assert!(output.stderr.contains(says), "{workflow}\n{}", output.stderr);
    }
}

#[test]
fn a_command_decides() {
    each("{ run: present }", 0, "");
    each("{ run: { argv: [present] } }", 0, "");
    each("{ run: 'test -f there.txt && present' }", 0, "");
    each(
        "{ run: grumbles }",
        1,
        "`grumbles` ended with exit code 2: 1 error",
    );
    each("{ tests: grumbles }", 1, "a.c:3:1: bad");
    each("{ run: ./not-there.sh }", 1, "exit code 127");
}

#[test]
fn a_tool_that_is_not_installed_is_no_pass() {
    for run in [
        "no-such-tool --all",
        "{ argv: [no-such-tool, --all] }",
        "present && no-such-tool --all",
        // A shell passes these.
        "no-such-tool | cat",
        "'! no-such-tool'",
        "'if no-such-tool; then exit 1; fi'",
    ] {
        each(&format!("{{ run: {run} }}"), 1, "`no-such-tool` is not installed");
        each(
            &format!("{{ run: {run}, optional: true }}"),
            0,
            "was left out: `no-such-tool` is not installed",
        );
    }
    each("{ run: 'no-such-tool || present' }", 0, "");
    // What the workspace holds is the attempt's own work: it can't excuse itself by taking it away.
    each("{ run: ./not-there.sh, optional: true }", 1, "exit code 127");
    each("{ run: grumbles, optional: true }", 1, "exit code 2");
}

#[test]
fn no_model_is_asked_again_for_a_tool_that_is_missing() {
    let server = ModelServer::start(Script::always(Answer::text("done\n")));
    let mut sandbox = Sandbox::with(
        "tasks:\n  a: { prompt: Do it, verify: [{ run: no-such-tool }], on_failure: { retry: 5 } }\n",
    );
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox.exec(&[]).exits(1).says("`no-such-tool` is not installed");
    assert_eq!(server.calls().len(), 1);
}

#[test]
fn the_next_attempt_is_told_file_line_and_message() {
    let server = ModelServer::start(Script::answers([
        Answer::text("```rust\nfn main() {\n    let x = bad;\n}\n```"),
        Answer::text("```rust\nfn main() {\n    let x = 1;\n}\n```"),
    ]));
    let mut sandbox = Sandbox::with(
        "permissions: { write: ['app/**'] }\ntasks:\n  a:\n    prompt: Write it\n    cwd: app\n    output: { file: app/src/main.rs }\n    verify: [{ run: check src/main.rs }]\n    on_failure: { retry: 1 }\n",
    );
    sandbox.write("app/README.md", "");
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    programs(
        &mut sandbox,
        &[(
            "check",
            "while read -r line; do case \"$line\" in *bad*)\n  echo 'error[E0425]: cannot find value `bad` in this scope' >&2\n  echo ' --> src/main.rs:2:13' >&2\n  exit 101;;\nesac; done < \"$1\"",
        )],
    );
    sandbox.exec(&[]).exits(0);
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    let told = calls[1].last_user_message();
    // The path from the workspace, and the line of the file, which the tool did not show.
    assert!(
        told.contains(
            "app/src/main.rs:2:13: cannot find value `bad` in this scope [E0425]\n    let x = bad;"
        ),
        "{told}"
    );
    assert!(sandbox.read("app/src/main.rs").contains("let x = 1;"));
}

#[test]
fn values_in_a_verifier_are_no_text_of_its_command() {
    let sandbox = Sandbox::with(
        "inputs: { name: string }\ntasks:\n  a: { run: { argv: [echo, '{{ inputs.name }}'] }, verify: [{ run: 'test {{ output }} = \"{{ inputs.name }}\"' }] }\n",
    );
    sandbox
        .exec(&["--input", "name=x; touch pwned $(touch pwned) ` & |"])
        .exits(0);
    assert!(!sandbox.has("pwned"));
    Sandbox::with(
        "inputs: { n: string }\ntasks:\n  a: { run: 'true', verify: [{ run: \"echo '{{ inputs.n }}'\" }] }\n",
    )
    .run(["check", "workflow.yaml"])
    .exits(2)
    .says("E0305");
}

#[test]
fn the_tests_of_a_project_are_found_and_run() {
    let workflow = "tasks:\n  a: { run: 'true', cwd: p, verify: [{ tests: auto }] }\n";
    let sandbox = |files: &[(&str, &str)], bin: &[(&str, &str)], workflow: &str| {
        let mut sandbox = Sandbox::with(workflow);
        sandbox.write("p/README.md", "");
        for (path, text) in files {
            sandbox.write(path, text);
        }
        // `true` of a shell needs no program.
        programs(&mut sandbox, bin);
        sandbox
    };
    let fails = "echo \"thread 'adds' panicked at src/lib.rs:3:5:\"; echo 'left is not right'; exit 101";
    let cargo = [("p/Cargo.toml", ""), ("p/src/lib.rs", "a\nb\nassert_eq!(1, 2)\n")];
    sandbox(&cargo, &[("cargo", "test \"$1\" = test")], workflow)
        .exec(&[])
        .exits(0);
    sandbox(&cargo, &[("cargo", fails)], workflow)
        .exec(&[])
        .exits(1)
        .says("`cargo test` ended with exit code 101: 1 error")
        .says("p/src/lib.rs:3:5: adds: left is not right")
        .says("    assert_eq!(1, 2)");
    let package = r#"{ "scripts": { "test": "jest" } }"#;
    let yarn = [("p/package.json", package), ("p/yarn.lock", "")];
    sandbox(&yarn, &[("yarn", "test \"$1\" = test")], workflow)
        .exec(&[])
        .exits(0);
    sandbox(&yarn, &[], workflow)
        .exec(&[])
        .exits(1)
        .says("`yarn` is not installed");
    let optional = workflow.replace("tests: auto", "tests: auto, optional: true");
    sandbox(&yarn, &[], &optional)
        .exec(&[])
        .exits(0)
        .says("left out: `yarn` is not installed");
    // What is not known is no pass, and says what would be.
    sandbox(&[], &[], &optional)
        .exec(&[])
        .exits(1)
        .says("knows no way to test `p`: it looks for Cargo.toml");
}

/// A model is asked again only where it could have written tests.
#[test]
fn a_project_without_tests_is_no_fault_of_a_model_that_may_write_none() {
    for (writes, calls) in [("src/a.txt", 1), ("'p/**'", 7)] {
        let server = ModelServer::start(Script::always(Answer::text("```p/a.txt\nA\n```")));
        let (write, output) = match writes {
            "src/a.txt" => ("'**'", "{ file: src/a.txt }".to_owned()),
            writes => (writes, format!("{{ files: {writes} }}")),
        };
        let mut sandbox = Sandbox::with(&format!(
            "permissions: {{ write: [{write}] }}\ntasks:\n  a: {{ prompt: x, output: {output}, cwd: p, verify: [{{ tests: auto }}] }}\n"
        ));
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        sandbox.write("p/README.md", "");
        sandbox.exec(&[]).exits(1).says("knows no way to test `p`");
        assert!(
            server.calls().len() <= calls,
            "{writes}: {}",
            server.calls().len()
        );
        assert_eq!(server.calls().len() == 1, calls == 1, "{writes}");
    }
}

#[test]
fn files_must_be_there() {
    each("{ files: there.txt }", 0, "");
    each("{ files: ['*.txt', there.txt] }", 0, "");
    each("{ files: [there.txt, gone.md] }", 1, "`gone.md` is not there");
    each("{ files: '**/*.rs' }", 1, "no file matches `**/*.rs`");
    Sandbox::with("tasks:\n  a: { run: 'true', verify: [{ files: ../x }] }\n")
        .exec(&[])
        .exits(1)
        .says("leaves the workspace");
}

#[test]
fn what_must_not_change_is_compared_by_content() {
    each("{ unchanged: ['there.txt', '*.md'] }", 0, "");
    let run = |line: &str, globs: &str| {
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  a: {{ run: '{line}', verify: [{{ unchanged: {globs} }}] }}\n"
        ));
        sandbox.write("tests/a.rs", "one\n");
        sandbox.write("tests/ignored/b.rs", "two\n");
        sandbox.write(".gitignore", "ignored/\n");
        sandbox.exec(&[])
    };
    run("echo one > tests/a.rs; touch tests/a.rs", "'tests/**'").exits(0);
    run("echo two > tests/a.rs", "'tests/**'")
        .exits(1)
        .says("`tests/a.rs` was changed, and must stay as it was");
    run("rm tests/ignored/b.rs", "'tests/**'")
        .exits(1)
        .says("`tests/ignored/b.rs` is gone");
    run("echo x > tests/new.rs", "tests")
        .exits(1)
        .says("`tests/new.rs` is new");
    run("echo two > other.rs", "['tests/**', '*.md']").exits(0);
    // There is no output yet when it is looked at.
    Sandbox::with("tasks:\n  a: { run: 'true', verify: [{ unchanged: '{{ output }}' }] }\n")
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says("`output`");
}

#[test]
fn diagnostics_are_a_value_and_can_be_forbidden() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'echo \"src/a.py:3: error: no  [attr]\"; echo \"./src/a.py:9:2: warning: hm\" >&2', parse: diagnostics }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write("src/a.py", "");
    let of = |line: u32, column: Option<u32>, severity: &str, code: Option<&str>, message: &str| {
        json!({
            "file": "src/a.py", "line": line, "column": column, "severity": severity, "code": code,
            "message": message, "source": null
        })
    };
    assert_eq!(
        sandbox.exec(&[]).exits(0).json()["a"],
        json!([
            of(3, None, "error", Some("attr"), "no"),
            of(9, Some(2), "warning", None, "hm")
        ])
    );
    let none = |line: &str| {
        Sandbox::with(&format!(
            "tasks:\n  a: {{ run: '{line}', parse: diagnostics, verify: [{{ diagnostics: none }}] }}\n"
        ))
        .exec(&[])
    };
    none("echo all is well").exits(0);
    none("echo a.c:1:2: warning: doubtful")
        .exits(1)
        .says("the command reports 1 warning")
        .says("a.c:1:2: warning: doubtful");
    none("echo a.c:1:2: error: wrong; exit 3")
        .exits(1)
        .says("exit code 3")
        .says("a.c:1:2: wrong");
    Sandbox::with("tasks:\n  a: { render: { text: x, to: out }, verify: [{ diagnostics: none }] }\n")
        .exec(&[])
        .exits(2)
        .says("E0503");
}

#[test]
fn texts_and_values_are_those_of_the_files() {
    each("{ matches: '^done$' }", 0, "");
    each("{ matches: '^never$' }", 1, "does not match `^never$`");
    each("{ not_matches: 'o.e' }", 1, "matches `o.e`: `one`");
    each("{ expr: 'output|length > 0' }", 0, "");
    each("{ schema: { type: object } }", 1, "");
    let render = |text: &str, verify: &str| {
        Sandbox::with(&format!(
            "tasks:\n  a: {{ render: {{ text: '{text}', to: out/a.json }}, verify: [{verify}] }}\n"
        ))
        .exec(&[])
    };
    render(
        "{\"n\": 1}",
        "{ schema: { properties: { n: { type: integer } } } }",
    )
    .exits(0);
    render(
        "{\"n\": \"1\"}",
        "{ schema: { properties: { n: { type: integer } } } }",
    )
    .exits(1)
    .says("out/a.json: `/n`");
    render("{", "{ schema: { type: object } }")
        .exits(1)
        .says("it is not JSON");
    render("a TODO", "{ not_matches: TODO }")
        .exits(1)
        .says("out/a.json:1: it matches `TODO`");
    // An expression that reads files sees what was written.
    render("new", "{ expr: \"read(output.file) == 'new'\" }").exits(0);
    render("new", "{ expr: \"read(output.file) == 'old'\" }")
        .exits(1)
        .says("is not true");
}

#[test]
fn the_cheapest_is_asked_first_and_the_first_failure_ends_it() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'echo x', verify: [{ run: 'touch asked' }, { matches: never }] }\n",
    );
    sandbox.exec(&[]).exits(1).says("does not match `never`");
    assert!(!sandbox.has("asked"));
    // What is refused for its text alone is never written.
    let sandbox = Sandbox::with(
        "tasks:\n  a: { render: { text: x, to: out }, verify: [{ files: out }, { matches: never }] }\n",
    );
    sandbox.exec(&[]).exits(1).says("does not match `never`");
    assert!(!sandbox.has("out"));
}

#[test]
fn a_verifier_has_the_time_that_the_attempt_has_left() {
    Sandbox::with("tasks:\n  a: { run: 'true', timeout: 1s, verify: [{ run: sleep 600 }] }\n")
        .exec(&[])
        .exits(1)
        .says("`sleep 600` did not end before the attempt's timeout of 1s");
}

#[test]
fn verifiers_that_are_not_run_yet_are_refused() {
    Sandbox::with("tasks:\n  a: { run: 'true', verify: [{ bone: check }] }\n")
        .exec(&[])
        .exits(2)
        .says("E0503");
    Sandbox::with("tasks:\n  a: { approve: 'Go on?', verify: [{ run: 'true' }] }\n")
        .exec(&[])
        .exits(2)
        .says("E0503");
}
