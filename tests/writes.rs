//! Only verified work stays: what a failed or killed attempt has written is put back, and writers take turns.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::model_server::{Answer, ModelServer, Script};
use crate::support::{Sandbox, wait_until};

/// What is at each path: its mode and content, or where it leads. What the engine keeps is left out.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, String)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if path.file_name().unwrap() == ".smallcode" {
                continue;
            }
            let content = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().to_string_lossy().into_owned()
            } else if metadata.is_dir() {
                open.push(path.clone());
                String::new()
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.insert(path, (metadata.permissions().mode(), content));
        }
    }
    found
}

/// A workspace with a few files of several modes, and a link.
fn project(workflow: &str) -> Sandbox {
    let sandbox = Sandbox::with(workflow);
    for file in ["a.txt", "b.txt", "c.txt", "deep/er/d.txt"] {
        sandbox.write(&format!("src/{file}"), &format!("old {file}\n"));
    }
    sandbox.write("beside.txt", "beside\n");
    let script = sandbox.path().join("src/b.txt");
    fs::set_permissions(script, fs::Permissions::from_mode(0o754)).unwrap();
    symlink("a.txt", sandbox.path().join("src/link")).unwrap();
    sandbox
}

/// What is kept for attempts that are over.
fn kept(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.run_folder().join("undo")).map_or(0, Iterator::count)
}

const HAVOC: &str = "echo new > src/a.txt; chmod 700 src/b.txt; rm src/c.txt; rm -r src/deep; echo x > src/deep; mkdir -p src/new/er; echo n > src/new/er/n.txt; rm src/link; ln -s /etc src/link; echo y >> beside.txt";

#[test]
fn a_command_that_fails_leaves_what_it_found() {
    let sandbox = project(&format!(
        "tasks:\n  a: {{ run: '{HAVOC}; false', writes: [src/**, beside.txt] }}\n"
    ));
    let before = tree(&sandbox.path());
    sandbox.exec(&[]).exits(1);
    assert_eq!(tree(&sandbox.path()), before);
    assert_eq!(kept(&sandbox), 0);
}

#[test]
fn a_verifier_that_refuses_has_all_put_back_and_the_next_attempt_sees_the_same() {
    let sandbox = project(&format!(
        "tasks:\n  a:\n    run: 'cat src/a.txt src/c.txt src/deep/er/d.txt; ls src; {HAVOC}; echo again >> tries; echo $(wc -l < tries)'\n    writes: [src/**, beside.txt]\n    verify: {{ matches: '3$' }}\n    on_failure: {{ retry: {{ max: 2, backoff: 5ms }} }}\noutputs: {{ a: '{{{{ tasks.a.output }}}}' }}\n"
    ));
    let said = sandbox.exec(&[]).exits(0).json();
    assert_eq!(
        said["a"],
        "old a.txt\nold c.txt\nold deep/er/d.txt\na.txt\nb.txt\nc.txt\ndeep\nlink\n3"
    );
    assert_eq!(sandbox.read("src/new/er/n.txt"), "n\n");
    assert_eq!(sandbox.read("beside.txt"), "beside\ny\n");
    assert_eq!(kept(&sandbox), 0);
}

#[test]
fn files_of_a_model_stay_only_if_they_are_found_good() {
    let answer = |word: &str| {
        let file = |name: &str| format!("```src/{name}\n{word}\n```\n");
        let files: String = ["a.txt", "c.txt", "deep/er/d.txt", "new/e.txt"]
            .map(file)
            .concat();
        Answer::text(files)
    };
    let server = ModelServer::start(Script::answers([answer("bad"), answer("worse"), answer("good")]));
    let workflow = |retry: usize| {
        format!(
            "permissions: {{ write: 'src/**' }}\ntasks:\n  a:\n    prompt: \"Change {{{{ read('src/c.txt') }}}}\"\n    output: {{ files: 'src/**' }}\n    verify: {{ expr: \"'good' in read('src/new/e.txt')\" }}\n    on_failure: {{ retry: {retry} }}\n"
        )
    };
    let mut sandbox = project(&workflow(0));
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    let before = tree(&sandbox.path());
    sandbox.exec(&[]).exits(1).says("is not true");
    assert_eq!(tree(&sandbox.path()), before);
    sandbox.write("workflow.yaml", &format!("smallcode: 1\n{}", workflow(1)));
    sandbox.exec(&[]).exits(0);
    for call in server.calls() {
        let messages = call.body["messages"].to_string();
        assert!(messages.contains("Change old c.txt"), "{messages}");
    }
    for file in ["a.txt", "c.txt", "deep/er/d.txt", "new/e.txt"] {
        assert_eq!(sandbox.read(&format!("src/{file}")), "good\n");
    }
}

#[test]
fn a_link_that_a_command_puts_is_not_followed_outside() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'rm -r out; ln -s ../outside out; false', writes: 'out/**' }\n  b: { run: echo x > away/file, writes: 'away/**', needs: a, if: always() }\n",
    );
    sandbox.write("out/file.txt", "ours");
    let outside = sandbox.outside().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file.txt"), "theirs").unwrap();
    fs::write(outside.join("other.txt"), "theirs").unwrap();
    symlink("../outside", sandbox.path().join("away")).unwrap();
    let (before, theirs) = (tree(&sandbox.path()), tree(&outside));
    sandbox.exec(&[]).exits(1).says("leads out of the workspace");
    assert_eq!(tree(&sandbox.path()), before);
    assert_eq!(tree(&outside), theirs);
}

#[test]
fn nodes_that_write_the_same_take_turns() {
    // Where two are at it together, a line is lost.
    let lines = "n=$(wc -l < shared/log); sleep 0.02; seq 1 $((n + 1)) > shared/log";
    for writes in ["shared/log", "'{{ item.at }}/*'"] {
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  each:\n    foreach: [{{ at: shared }}, {{ at: shared }}, {{ at: other }}, {{ at: shared }}, {{ at: shared }}]\n    run: '{lines}'\n    writes: {writes}\n    if: item.at == \"shared\"\n"
        ));
        sandbox.write("shared/log", "");
        sandbox.exec(&["-j", "5"]).exits(0);
        assert_eq!(sandbox.read("shared/log"), "1\n2\n3\n4\n");
    }
    // Others don't wait: each of these waits for the other.
    let sandbox = Sandbox::with(
        "tasks:\n  each: { foreach: [1, 2], timeout: 10s, writes: '{{ item }}', run: 'touch {{ item }}; until test -e 1 && test -e 2; do sleep 0.01; done' }\n",
    );
    sandbox.exec(&["-j", "2"]).exits(0);
}

#[test]
fn a_killed_run_is_put_back_when_it_is_taken_up() {
    let sandbox = project(&format!(
        "tasks:\n  a: {{ idempotent: true, run: 'cat src/a.txt > seen; if [ -e go ]; then exit 0; fi; {HAVOC}; touch on; sleep 1000', writes: [src/**, beside.txt, on] }}\n  b: {{ approve: 'Go on?' }}\n"
    ));
    let before = tree(&sandbox.path());
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("on"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(sandbox.read("src/a.txt"), "new\n");
    sandbox.write("go", "");
    sandbox
        .run(["resume"])
        .exits(6)
        .says("put back what unfinished attempts had written: `a`");
    assert_eq!(sandbox.read("seen"), "old a.txt\n");
    // What was put back is not put back again: the files are the user's by now.
    sandbox.write("src/a.txt", "mine");
    sandbox.run(["resume", "--approve", "b"]).exits(0);
    assert_eq!(sandbox.read("src/a.txt"), "mine");
    for path in ["go", "seen"] {
        fs::remove_file(sandbox.path().join(path)).unwrap();
    }
    sandbox.write("src/a.txt", "old a.txt\n");
    assert_eq!(tree(&sandbox.path()), before);
}

#[test]
fn a_command_in_doubt_has_been_put_back() {
    let sandbox = project(
        "tasks:\n  a: { run: 'cp src/a.txt seen; if [ -e go ]; then exit 0; fi; rm -r src; touch on; sleep 1000', writes: [src/**, seen, on] }\n",
    );
    let before = tree(&sandbox.path());
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("on"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    // Another run begins with what this one has left, and says so.
    sandbox.write("other.yaml", "smallcode: 1\ntasks: { b: { run: 'true' } }\n");
    let dead = sandbox
        .run_folder()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    for _ in 0..2 {
        let says = format!("run {dead} died while `a` wrote");
        sandbox.run(["exec", "other.yaml"]).exits(0).says(&says);
    }
    fs::remove_file(sandbox.path().join("other.yaml")).unwrap();
    sandbox.run(["resume", &dead]).exits(6).says("was in flight");
    assert_eq!(tree(&sandbox.path()), before);
    sandbox.write("other.yaml", "smallcode: 1\ntasks: { b: { run: 'true' } }\n");
    let said = sandbox.run(["exec", "other.yaml"]).exits(0);
    assert!(!said.stderr.contains("died while"), "{}", said.stderr);
    sandbox.write("go", "");
    sandbox.run(["resume", &dead, "--yes"]).exits(0);
    assert_eq!(sandbox.read("seen"), "old a.txt\n");
}

#[test]
fn a_stopped_run_has_put_back_what_it_had_begun() {
    let sandbox = project(&format!(
        "tasks:\n  a: {{ run: '{HAVOC}; touch on; sleep 1000', writes: [src/**, beside.txt, on] }}\n"
    ));
    let before = tree(&sandbox.path());
    let engine = sandbox.start(["exec", "workflow.yaml"]);
    let signal = || {
        let pid = engine.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
    };
    let journaled = |text: &str| {
        let journal = fs::read_to_string(sandbox.run_folder().join("journal.jsonl"));
        journal.is_ok_and(|journal| journal.contains(text))
    };
    wait_until(|| sandbox.has("on"));
    signal();
    wait_until(|| journaled("\"interrupted\""));
    signal();
    let output = engine.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(tree(&sandbox.path()), before);
    assert_eq!(kept(&sandbox), 0);
    // The session has ended: what was changed since then is the user's.
    sandbox.write("src/a.txt", "mine");
    sandbox.run(["resume"]).exits(6);
    assert_eq!(sandbox.read("src/a.txt"), "mine");
}

/// The engine is killed at whatever it does when the journal has so many records; each command checks what it finds.
#[test]
fn a_kill_at_any_moment_leaves_no_half_of_an_attempt() {
    const WORKFLOW: &str = "tasks:\n  each:\n    foreach: [1, 2, 3]\n    idempotent: true\n    run: 'test \"$(cat s/a s/b)\" = \"$(printf \"%s\\n%s\" $(wc -l < s/done) $(wc -l < s/done))\" || { cat s/a s/b s/done; exit 9; }; n=$(($(wc -l < s/done) + 1)); echo $n > s/a; echo x >> tries; sleep 0.01; echo $n > s/b; test $(($(wc -l < tries) % 2)) = 0; echo done >> s/done'\n    writes: 's/**'\n    on_failure: { retry: { max: 9, backoff: 1ms } }\n";
    for records in 3..20 {
        let sandbox = Sandbox::with(WORKFLOW);
        for (file, text) in [("s/a", "0\n"), ("s/b", "0\n"), ("s/done", "")] {
            sandbox.write(file, text);
        }
        let mut engine = sandbox.start(["exec", "workflow.yaml", "-j", "2"]);
        let journal = || fs::read_to_string(sandbox.run_folder().join("journal.jsonl")).unwrap_or_default();
        wait_until(|| journal().lines().count() >= records || journal().contains("run_finished"));
        engine.kill().unwrap();
        engine.wait().unwrap();
        if !journal().contains("run_finished") {
            sandbox.run(["resume"]).exits(0);
        }
        let state = ["s/a", "s/b", "s/done"].map(|file| sandbox.read(file));
        assert_eq!(
            state,
            ["3\n", "3\n", "done\ndone\ndone\n"],
            "after {records} records"
        );
        assert_eq!(kept(&sandbox), 0);
    }
}
