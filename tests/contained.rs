//! What a model is kept from: secrets, and files that are none of its business.

use std::fs;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

const SECRET: &str = "s3cr3t-of-the-harbour";

fn with(server: &ModelServer, workflow: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(workflow);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

/// Every file of the newest run, and everything that was sent to the model.
fn left(sandbox: &Sandbox, server: &ModelServer) -> String {
    let mut all: String = server.calls().iter().map(|call| call.body.to_string()).collect();
    let mut folders = vec![sandbox.run_folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What is kept to be put back is the files themselves.
                if !path.ends_with("undo") {
                    folders.push(path);
                }
            } else {
                all.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
            }
        }
    }
    all
}

#[test]
fn a_secret_in_a_file_reaches_neither_prompt_nor_journal() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let mut sandbox = with(
        &server,
        "tasks:\n  use: { run: 'true', secrets: [TOKEN] }\n  a:\n    needs: use\n    prompt: \"Look: {{ read('config.txt') }}\"\n    context: [{ file: config.txt }]\n    verify: [{ judge: 'Is {{ read(\"config.txt\") }} fine?' }]\n    on_failure: { retry: 0 }\n",
    );
    sandbox.env("TOKEN", SECRET);
    sandbox.write("config.txt", &format!("token = {SECRET}\n"));
    let output = sandbox.exec(&["-v", "--events", "events.jsonl"]).exits(1);
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    assert!(
        calls[0].body.to_string().contains("token = ***"),
        "{}",
        calls[0].body
    );
    let all = left(&sandbox, &server) + &output.stdout + &output.stderr + &sandbox.read("events.jsonl");
    assert!(!all.contains(SECRET), "{all}");
}

#[test]
fn an_edit_beside_a_secret_leaves_it_and_says_nothing_of_it() {
    let block = |search: &str| {
        Answer::text(format!(
            "config.txt\n<<<<<<< SEARCH\n{search}\n=======\nname = new\n>>>>>>> REPLACE\nSummary: done\n"
        ))
    };
    let server = ModelServer::start(Script::answers([
        block("token = ***\nname = ol"),
        block("name = old"),
    ]));
    let mut sandbox = with(
        &server,
        "permissions: { write: [config.txt] }\ntasks:\n  use: { run: 'true', secrets: [TOKEN] }\n  a: { needs: use, edit: { instruction: Rename it, files: config.txt } }\n",
    );
    sandbox.env("TOKEN", SECRET);
    sandbox.write("config.txt", &format!("token = {SECRET}\nname = old\n"));
    let output = sandbox.exec(&["-v"]).exits(0);
    assert_eq!(
        sandbox.read("config.txt"),
        format!("token = {SECRET}\nname = new\n")
    );
    assert!(server.calls()[1].last_user_message().contains("closest lines"));
    let all = left(&sandbox, &server) + &output.stdout + &output.stderr;
    assert!(!all.contains(SECRET), "{all}");
}

/// A workspace in which git ignores `out/`.
fn ignoring(server: &ModelServer, permissions: &str, task: &str) -> Sandbox {
    let sandbox = with(
        server,
        &format!(
            "permissions: {{ write: ['**'], {permissions} }}\ntasks:\n  a: {{ {task}, on_failure: {{ retry: 0 }} }}\n"
        ),
    );
    sandbox.write(".gitignore", "out/\n");
    sandbox.write("out/report.txt", "made by a build\n");
    sandbox.write("out/.env", "KEY=none of its business\n");
    sandbox.write("src/notes.txt", "plain notes\n");
    sandbox
}

#[test]
fn what_git_ignores_is_shown_where_the_workflow_says_so() {
    let ask = |permissions: &str, context: &str| {
        let server = ModelServer::start(Script::always(Answer::text("fine")));
        let sandbox = ignoring(
            &server,
            permissions,
            &format!("prompt: Look, context: [{context}]"),
        );
        let output = sandbox.exec(&[]);
        let sent: String = server.calls().iter().map(|call| call.body.to_string()).collect();
        (output, sent)
    };
    let (output, sent) = ask("read: []", "{ file: out/report.txt }");
    output
        .exits(1)
        .says("is ignored by git")
        .says("read: [\"out/report.txt\"]");
    assert_eq!(sent, "");
    let (output, sent) = ask("read: ['out/*.txt']", "{ file: out/report.txt }");
    output.exits(0);
    assert!(sent.contains("made by a build"), "{sent}");
    let (output, sent) = ask("read: ['out/**']", "{ files: '**/*' }");
    output.exits(0);
    assert!(
        sent.contains("made by a build") && sent.contains("plain notes"),
        "{sent}"
    );
    assert!(!sent.contains("none of its business"), "{sent}");
    let (output, sent) = ask("read: []", "{ files: '**/*' }");
    output.exits(0);
    assert!(
        !sent.contains("made by a build") && sent.contains("plain notes"),
        "{sent}"
    );
    let (output, _) = ask("read: ['**']", "{ file: out/.env }");
    output.exits(2).says("may hold secrets");
    let (output, sent) = ask("read: ['out/.env']", "{ file: out/.env }");
    output.exits(0);
    assert!(sent.contains("none of its business"), "{sent}");
}

#[test]
fn an_edit_is_shown_what_a_prompt_is_shown() {
    let edit = |permissions: &str, file: &str| {
        let server = ModelServer::start(Script::always(Answer::text("Summary: nothing")));
        let sandbox = ignoring(
            &server,
            permissions,
            &format!("edit: {{ instruction: x, files: ['{file}'] }}"),
        );
        std::os::unix::fs::symlink("out/report.txt", sandbox.path().join("link.txt")).unwrap();
        let output = sandbox.exec(&[]).exits(1);
        (output, server.calls().len())
    };
    for file in ["out/report.txt", "link.txt"] {
        let (output, calls) = edit("read: []", file);
        output.says("is ignored by git");
        assert_eq!(calls, 0);
    }
    let (_, calls) = edit("read: ['out/**']", "out/report.txt");
    assert_eq!(calls, 1);
    // One that is not there yet is nothing to show.
    let (_, calls) = edit("read: []", "out/new.txt");
    assert_eq!(calls, 1);
    let (output, calls) = edit("read: []", "out/*.txt");
    output.says("no file matches `out/*.txt`");
    assert_eq!(calls, 0);
}
