//! An agent stays where it was put: its files, its commands, and what it is shown.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{A, call, finish, patch, sandbox, server, told, with_task};
use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

/// What a model is told of one call, in a workspace that `prepare` has changed.
fn result(prepare: impl Fn(&Sandbox), answer: String) -> (Sandbox, String) {
    let server = server([
        answer,
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    prepare(&sandbox);
    sandbox.exec(&[]).exits(0);
    let told = told(&server.calls()[1]);
    (sandbox, told)
}

/// What a model is told of the check, before it does what makes it pass.
fn checked(check: &str, prepare: impl FnOnce(&mut Sandbox)) -> (Sandbox, String) {
    let server = server([
        call("run_command", &json!({ "command": "sh check.sh" })),
        "write".to_owned(),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    let mut sandbox = sandbox(&server, "");
    sandbox.write("check.sh", check);
    prepare(&mut sandbox);
    sandbox.exec(&[]).exits(0);
    let told = told(&server.calls()[1]);
    (sandbox, told)
}

fn read(path: &str) -> String {
    call("read_file", &json!({ "path": path }))
}

fn write(path: &str) -> String {
    call("write_file", &json!({ "path": path, "content": "pwned\n" }))
}

#[test]
fn nothing_outside_is_read_or_written() {
    let prepare = |sandbox: &Sandbox| {
        std::fs::write(sandbox.outside().join("secret.txt"), "hidden treasure\n").unwrap();
        symlink(sandbox.outside(), sandbox.path().join("src/away")).unwrap();
        symlink(
            sandbox.outside().join("secret.txt"),
            sandbox.path().join("src/link.txt"),
        )
        .unwrap();
    };
    for answer in [
        read("../secret.txt"),
        read("/etc/passwd"),
        read("src/away/secret.txt"),
        read("src/link.txt"),
        write("../new.txt"),
        write("src/away/new.txt"),
        write("src/link.txt"),
        patch("src/away/secret.txt", "hidden treasure\n", "pwned\n"),
        patch("../secret.txt", "hidden treasure\n", "pwned\n"),
        call("list_files", &json!({ "path": "src/away" })),
        call("search", &json!({ "pattern": "treasure", "path": "../" })),
        call("search", &json!({ "pattern": "treasure" })),
    ] {
        let (sandbox, told) = result(prepare, answer.clone());
        assert!(
            !told.contains("hidden treasure") && !told.contains("root:"),
            "{answer}: {told}"
        );
        let secret = std::fs::read_to_string(sandbox.outside().join("secret.txt")).unwrap();
        assert_eq!(secret, "hidden treasure\n", "{answer}");
        assert!(!sandbox.outside().join("new.txt").exists(), "{answer}");
    }
}

/// What is verified must be what stays, and what is put back must stay back.
#[test]
fn nothing_that_a_command_started_goes_on_after_it() {
    let check = "[ -z \"$SMALLCODE_COMMAND\" ] || setsid sh -c 'sleep 1; echo LATE > src/late.txt' >/dev/null 2>&1 &\ngrep -q 'return 2' src/a.py\n";
    let (sandbox, _) = checked(check, |_| ());
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(!sandbox.has("src/late.txt"));
}

#[test]
fn temporary_files_of_a_command_are_its_own() {
    let beside = tempfile::tempdir().unwrap();
    let check = format!(
        "touch {}/x 2>/dev/null && [ -n \"$SMALLCODE_COMMAND\" ] && echo ESCAPED\ntouch \"$TMPDIR/x\" && echo \"in $TMPDIR.\"\ngrep -q 'return 2' src/a.py\n",
        beside.path().display()
    );
    let (_, told) = checked(&check, |_| ());
    assert!(!told.contains("ESCAPED"), "{told}");
    let folder = told
        .split("in ")
        .find_map(|part| part.split_once(".\n"))
        .map(|(folder, _)| folder);
    let folder = folder.unwrap_or_else(|| panic!("{told}"));
    assert!(folder.contains("smallcode-"), "{told}");
    assert!(!std::path::Path::new(folder).exists(), "it goes with the run");
}

/// Linux lets the superuser look into every process, whatever Landlock says, unless that is given up.
#[test]
fn a_command_sees_nothing_of_the_environment_of_the_engine() {
    let check = "for one in /proc/[0-9]*/environ; do tr '\\0' '\\n' <$one; done 2>/dev/null | grep OF_THE_ENGINE\ngrep -q 'return 2' src/a.py\n";
    let (_, told) = checked(check, |sandbox| {
        sandbox.env("ONLY_OF_THE_ENGINE", "a-value-that-is-nobodys");
    });
    assert!(told.contains("exit code 1"), "{told}");
    assert!(!told.contains("nobodys"), "{told}");
}

#[test]
fn only_what_is_allowed_is_written() {
    for path in [
        "README.md",
        "check.sh",
        ".git/config",
        ".smallcode/x",
        "workflow.yaml",
        "src/../README.md",
    ] {
        let (sandbox, told) = result(|_| {}, write(path));
        assert!(
            told.contains("may not be written") || told.contains("not read it"),
            "{path}: {told}"
        );
        assert!(
            !sandbox.has(".git/config") && !sandbox.has(".smallcode/x"),
            "{path}"
        );
        assert_eq!(sandbox.read("README.md"), "# A project\n", "{path}");
    }
    // `permissions` allow it, the task does not declare it.
    let server = server([write("src/b.py"), finish()]);
    let sandbox = with_task(&server, "agent: { goal: x }", "");
    let text = sandbox
        .read("workflow.yaml")
        .replace("writes: ['src/**']", "writes: ['src/a.py']");
    sandbox.write("workflow.yaml", &text);
    sandbox.exec(&[]);
    assert!(told(&server.calls()[1]).contains("`src/b.py` may not be written; what may be: src/a.py"));
}

#[test]
fn secrets_are_not_shown() {
    let prepare = |sandbox: &Sandbox| {
        sandbox.write(".env.local", "KEY=hidden treasure\n");
        sandbox.write(".git/config", "hidden treasure\n");
        sandbox.write("build/out.txt", "hidden treasure\n");
        sandbox.write(".gitignore", "build/\n");
        symlink("../.env.local", sandbox.path().join("src/link")).unwrap();
    };
    for answer in [
        read(".env.local"),
        read("src/link"),
        read(".git/config"),
        read("build/out.txt"),
        call("search", &json!({ "pattern": "treasure" })),
        call("search", &json!({ "pattern": "treasure", "path": ".env.local" })),
        call("search", &json!({ "pattern": "treasure", "path": "build" })),
        call("list_files", &json!({})),
    ] {
        let (_, told) = result(prepare, answer.clone());
        for hidden in ["hidden treasure", "out.txt\n", ".env.local\n"] {
            assert!(!told.contains(hidden), "{answer}: {told}");
        }
    }
    // Unless the workflow names it.
    let server = server([
        read("build/out.txt"),
        read(".env.local"),
        patch("src/a.py", "    return 3\n", "    return 2\n"),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    prepare(&sandbox);
    let text = sandbox
        .read("workflow.yaml")
        .replace("permissions: { ", "permissions: { read: ['build/**', '**'], ");
    sandbox.write("workflow.yaml", &text);
    sandbox.exec(&[]).exits(0);
    assert!(told(&server.calls()[1]).contains("hidden treasure"));
    assert!(told(&server.calls()[2]).contains("may hold secrets"));
}

#[test]
fn only_allowed_commands_run_without_a_shell_and_without_secrets() {
    for command in [
        "touch pwned",
        "sh check.sh; touch pwned",
        "sh check.sh && touch pwned",
        "sh check.sh $(touch pwned)",
        "sh check.sh x",
        "'sh check.sh'",
    ] {
        let (sandbox, told) = result(|_| {}, call("run_command", &json!({ "command": command })));
        assert!(
            told.contains("may not be run") || told.contains("no shell reads"),
            "{command}: {told}"
        );
        assert!(!sandbox.has("pwned"), "{command}");
    }
    let (_, told) = checked("env; grep -q 'return 2' src/a.py\n", |sandbox| {
        sandbox.env("MY_TOKEN", "hidden treasure");
    });
    assert!(told.contains("PATH=") && !told.contains("treasure"), "{told}");
}

#[test]
fn an_agent_without_writes_only_looks() {
    let server = server([write("src/b.py"), "read".to_owned(), finish()]);
    let mut sandbox =
        Sandbox::with("permissions: { write: ['**'] }\ntasks:\n  look: { agent: { goal: Look } }\n");
    sandbox.write("src/a.py", A);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox.exec(&[]).exits(0);
    assert!(!sandbox.has("src/b.py"));
    let requests = server.calls();
    assert!(!requests[0].body.to_string().contains("write_file"));
    assert!(
        told(&requests[1]).contains("write_file"),
        "{}",
        told(&requests[1])
    );
}

#[test]
fn what_the_file_shows_to_be_wrong_is_refused_before_the_run() {
    let server = ModelServer::start(Script::always(Answer::text("never asked")));
    let refused = |agent: &str, says: &str| {
        let sandbox = Sandbox::with(&format!(
            "permissions: {{ write: ['src/**'] }}\ntasks:\n  fix: {{ {agent} }}\n"
        ));
        sandbox.run(["check", "workflow.yaml"]).exits(2).says(says);
    };
    refused(
        "agent: { goal: x, tools: [reed_file] }",
        "did you mean `read_file`",
    );
    refused(
        "agent: { goal: x, tools: [patch] }",
        "does not say what it writes",
    );
    refused("agent: { goal: x, tools: [run_command] }", "allows no command");
    refused("agent: { goal: x, max_calls: 0 }", "not between 1 and 1000");
    refused("agent: { goal: x }, writes: [other/x]", "may not write `other/x`");
    assert_eq!(server.calls().len(), 0);
    let _: Value = json!(null);
}

#[test]
fn a_command_reaches_the_network_only_where_that_is_allowed() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (network, expected) in [("", "kept in"), (", network: true", "connected")] {
        let server = server([
            call("run_command", &json!({ "command": "bash net.sh" })),
            patch("src/a.py", "    return 3\n", "    return 2\n"),
            finish(),
        ]);
        let sandbox = sandbox(&server, "");
        let workflow = sandbox.read("workflow.yaml");
        let allowed = format!("run: ['sh check.sh', 'bash net.sh']{network}");
        sandbox.write(
            "workflow.yaml",
            &workflow.replace("run: ['sh check.sh']", &allowed),
        );
        let script =
            format!("(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo connected || echo kept in\n");
        sandbox.write("net.sh", &script);
        sandbox.exec(&[]).exits(0);
        let told = told(&server.calls()[1]);
        assert!(told.ends_with(expected), "{network}: {told}");
    }
}

/// Runs scripts of a model in a workspace where `write` is allowed, and gives what it is told of each.
fn scripts(write: &str, prepare: impl FnOnce(&Sandbox), commands: &[&str]) -> (Sandbox, Vec<String>) {
    let mut answers = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        answers.push(call("run_command", &json!({ "command": command })));
        // What failed may be followed by anything, so that it is asked what comes next.
        if command.starts_with("sh") {
            let last = index + 1 == commands.len();
            answers.push(if last { "write" } else { "run" }.to_owned());
        }
    }
    answers.extend([patch("src/a.py", "    return 3\n", "    return 2\n"), finish()]);
    let server = server(answers);
    let sandbox = sandbox(&server, "");
    let workflow = sandbox.read("workflow.yaml");
    let allowed = format!("write: [{write}], run: ['sh reach.sh', 'git add *']");
    let changed = workflow
        .replace("write: ['src/**'], run: ['sh check.sh']", &allowed)
        .replace("writes: ['src/**']", &format!("writes: [{write}]"));
    assert_ne!(changed, workflow);
    sandbox.write("workflow.yaml", &changed);
    prepare(&sandbox);
    sandbox.exec(&[]).exits(0);
    let calls = server.calls();
    let told = calls.iter().skip(1).map(told).collect();
    (sandbox, told)
}

#[test]
fn a_command_changes_what_permissions_name_and_what_git_ignores_and_nothing_else() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let reach = "for place in src/new target/built node_modules/built made README.md .git/config .git/hooks/pre-commit \
                 .smallcode/x docs/x src/../up .gitignore; do echo x > $place; done; exit 1\n";
    let (sandbox, told) = scripts(
        "'src/**', 'log/**'",
        |sandbox| {
            for (path, text) in [
                ("reach.sh", reach),
                ("README.md", "read me\n"),
                (".gitignore", "/target\nnode_modules/\n"),
                (".git/config", "[core]\n"),
                (".git/hooks/sample", ""),
                ("docs/a.md", ""),
                // What builds it is known by what stands there, and has not run yet.
                ("Cargo.toml", ""),
                ("node_modules/a", ""),
            ] {
                sandbox.write(path, text);
            }
        },
        &["sh reach.sh"],
    );
    for path in ["src/new", "target/built", "node_modules/built"] {
        assert!(sandbox.has(path), "{path}: {told:?}");
    }
    for path in ["made", ".git/hooks/pre-commit", ".smallcode/x", "docs/x", "up"] {
        assert!(!sandbox.has(path), "{path}");
    }
    assert_eq!(sandbox.read("README.md"), "read me\n");
    assert_eq!(sandbox.read(".git/config"), "[core]\n");
    let places = "(commands may change `log`, `node_modules`, `src`, `target`, and temporary files;";
    assert!(told[0].contains(places), "{told:?}");
    // Folders that were made for it to write in, and that it left empty, are not left.
    assert!(!sandbox.has("log"));
}

#[test]
fn git_may_work_where_it_is_allowed() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let git = |sandbox: &Sandbox, arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        let output = git.args(arguments).current_dir(sandbox.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (sandbox, _) = scripts(
        "'src/**'",
        |sandbox| {
            git(sandbox, &["init", "-q"]);
        },
        &["git add src/a.py"],
    );
    assert_eq!(git(&sandbox, &["ls-files"]), "src/a.py\n");
}

/// Whether this system gives us mounts of our own, by a tool that is not ours: to the superuser as such, to others
/// among users of their own.
fn gives_mounts() -> bool {
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    if !rustix::process::getuid().is_root() {
        unshare.args(["--user", "--map-current-user"]);
    }
    unshare.args(["sh", "-c", "mount --bind /usr /usr"]);
    unshare.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_command_changes_all_but_what_git_and_the_engine_keep_where_a_glob_begins_with_all() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let reach = "mkdir -p docs; for place in .git/config .git/hooks/pre-commit .smallcode/x docs/x README.md; do \
                 echo x > $place; done; rm -r .git; mv .git moved; umount .git; echo x > anywhere; exit 1\n";
    let prepare = |sandbox: &Sandbox| {
        for (path, text) in [
            ("reach.sh", reach),
            (".git/config", "[core]\n"),
            (".git/hooks/sample", ""),
            ("docs/a.md", ""),
            ("README.md", "read me\n"),
        ] {
            sandbox.write(path, text);
        }
    };
    let (sandbox, told) = scripts("'**'", prepare, &["sh reach.sh"]);
    for path in [".git/hooks/pre-commit", ".smallcode/x", "moved"] {
        assert!(!sandbox.has(path), "{path}: {told:?}");
    }
    assert_eq!(sandbox.read(".git/config"), "[core]\n");
    assert!(
        sandbox.has("docs/x") && sandbox.read("README.md") == "x\n",
        "{told:?}"
    );
    let is_told = told[0].contains("cannot create anywhere");
    assert!(sandbox.has("anywhere") || is_told && !gives_mounts(), "{told:?}");
    assert!(
        told[0].contains("may change all but `.git`, `.smallcode`"),
        "{told:?}"
    );
}

#[test]
fn git_may_work_where_a_glob_begins_with_all() {
    let prepare = |sandbox: &Sandbox| {
        let mut git = std::process::Command::new("git");
        git.args(["init", "-q"])
            .current_dir(sandbox.path())
            .status()
            .unwrap();
    };
    let (sandbox, told) = scripts("'**'", prepare, &["git add src/a.py"]);
    assert!(sandbox.has(".git/index"), "{told:?}");
}

/// The folder of the second glob lies in that of the first, whose commands may put a link in its place.
#[test]
fn a_link_that_a_command_plants_gives_the_next_one_nothing() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let plant = "rm -r src/gen; ln -s ../docs src/gen; echo x > src/gen/planted; exit 1\n";
    let prepare = |sandbox: &Sandbox| {
        for (path, text) in [("reach.sh", plant), ("docs/a.md", ""), ("src/gen/a", "")] {
            sandbox.write(path, text);
        }
    };
    let (sandbox, told) = scripts("'src/**', 'src/gen/**'", prepare, &["sh reach.sh", "sh reach.sh"]);
    assert!(sandbox.path().join("src/gen").is_symlink(), "{told:?}");
    assert!(!sandbox.has("docs/planted"), "{told:?}");
}

#[test]
fn a_command_writes_only_where_its_task_does_and_past_no_brace() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let reach = "for place in src/a/x src/b/x tests/x docs/x .git/x top; do echo x > $place; done; exit 1\n";
    let (sandbox, told) = scripts(
        "'{src/a,tests}/**', 'src/*.py', '*.md'",
        |sandbox| {
            for path in ["src/a/k", "src/b/k", "tests/k", "docs/k", ".git/k"] {
                sandbox.write(path, "");
            }
            sandbox.write("reach.sh", reach);
            let workflow = sandbox.read("workflow.yaml");
            let narrow = workflow.replace(
                "writes: ['{src/a,tests}/**', 'src/*.py', '*.md']",
                "writes: ['{src/a,tests}/**', src/a.py]",
            );
            assert_ne!(narrow, workflow);
            sandbox.write("workflow.yaml", &narrow);
        },
        &["sh reach.sh"],
    );
    for (path, written) in [
        ("src/a/x", true),
        ("tests/x", true),
        ("src/b/x", false),
        ("docs/x", false),
        (".git/x", false),
        ("top", false),
    ] {
        assert_eq!(sandbox.has(path), written, "{path}: {told:?}");
    }
}
