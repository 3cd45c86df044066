//! What an agent has read is what it may replace, and what it is told of files is how they stand.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::{call, finish, patch, sandbox, server, told};
use crate::support::model_server::{Answer, Fault, ModelServer, Script};

fn read(path: &str, lines: Option<(usize, usize)>) -> String {
    let mut arguments = json!({ "path": path });
    if let Some((from, to)) = lines {
        arguments["from"] = from.into();
        arguments["to"] = to.into();
    }
    call("read_file", &arguments)
}

fn write(path: &str, content: &str) -> String {
    call("write_file", &json!({ "path": path })) + &format!("\n```\n{content}```\n")
}

fn right() -> String {
    patch("src/a.py", "    return 3\n", "    return 2\n")
}

#[test]
fn a_long_line_is_not_lost_because_it_was_shown_in_part() {
    let paragraph = "A paragraph of a document is one line, however long it gets. ".repeat(20);
    let page = format!("# A page\n{paragraph}\nThe end.\n");
    let server = server([
        read("src/page.md", None),
        write("src/page.md", "# Another page\n"),
        read("src/page.md", Some((2, 2))),
        write("src/page.md", "# Another page\n"),
        right(),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    sandbox.write("src/page.md", &page);
    sandbox.exec(&[]).exits(0);
    let told: Vec<String> = server.calls().iter().map(told).collect();
    assert!(
        told[1].contains("more characters: `from` and `to` 2 show them)"),
        "{}",
        told[1]
    );
    assert!(told[2].contains("not read: read 2 to 2 first"), "{}", told[2]);
    assert!(told[3].contains(paragraph.trim_end()), "{}", told[3]);
    assert!(told[4].contains("`src/page.md` was replaced"), "{}", told[4]);
}

#[test]
fn a_file_of_one_long_line_is_shown_whole() {
    let line = "One line of a document that has no other, and goes on. ".repeat(20);
    let server = server([
        read("src/one.txt", None),
        write("src/one.txt", "short\n"),
        right(),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    sandbox.write("src/one.txt", &line);
    sandbox.exec(&[]).exits(0);
    let told: Vec<String> = server.calls().iter().map(told).collect();
    assert!(told[1].ends_with(&line), "{}", told[1]);
    assert!(told[2].contains("`src/one.txt` was replaced"), "{}", told[2]);
}

/// The work is what stands there, whoever wrote it.
#[test]
fn what_a_command_wrote_is_verified_and_told() {
    let server = server([
        call("run_command", &json!({ "command": "sh check.sh" })),
        finish(),
        read("src/made.py", None),
        write("src/made.py", "x = 1\n"),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    let workflow = sandbox.read("workflow.yaml");
    let verified = workflow.replace("verify: [{ run: sh check.sh }]", "verify: [{ syntax: true }]");
    sandbox.write("workflow.yaml", &verified);
    sandbox.write(
        "check.sh",
        "echo 'def (:' > src/made.py; echo x > src/ignored.log\n",
    );
    sandbox.write(".gitignore", "*.log\n");
    let output = sandbox.exec(&[]).exits(0);
    assert_eq!(output.json()["fix"]["files"], json!(["src/made.py"]));
    let refused = told(&server.calls()[2]);
    assert!(
        refused.contains("The goal is not reached yet") && refused.contains("src/made.py"),
        "{refused}"
    );
}

/// A person, or another program, may write while an agent works.
#[test]
fn what_others_have_written_is_read_anew() {
    let root: Arc<OnceLock<PathBuf>> = Arc::default();
    let place = Arc::clone(&root);
    let script = Script::function(move |_, number| {
        let file = place.get().unwrap().join("src/b.txt");
        if number == 2 {
            std::fs::write(file, "after\n").unwrap();
        }
        let steps = [
            read("src/b.txt", None),
            read("src/b.txt", None),
            read("src/b.txt", None),
            right(),
            finish(),
        ];
        Answer::text(steps[number.min(4)].clone())
    });
    let server = ModelServer::start(script);
    let sandbox = sandbox(&server, "");
    root.set(sandbox.path().clone()).unwrap();
    sandbox.write("src/b.txt", "before\n");
    sandbox.exec(&[]).exits(0);
    let told: Vec<String> = server.calls().iter().map(told).collect();
    assert!(told[1].contains("1 | before"), "{}", told[1]);
    assert!(told[2].contains("the same as before"), "{}", told[2]);
    assert!(told[3].contains("1 | after"), "{}", told[3]);
}

#[test]
fn nobody_waits_for_the_other_end_of_a_pipe() {
    let server = server([
        read("src/pipe", None),
        write("src/pipe", "text\n"),
        call("search", &json!({ "pattern": "text" })),
        right(),
        finish(),
    ]);
    let sandbox = sandbox(&server, "");
    let made = Command::new("mkfifo")
        .arg(sandbox.path().join("src/pipe"))
        .status();
    assert!(made.unwrap().success());
    sandbox.exec(&[]).exits(0);
    let told: Vec<String> = server.calls().iter().map(told).collect();
    assert!(
        told[1].contains("`src/pipe` is no file but a pipe"),
        "{}",
        told[1]
    );
    assert!(told[2].contains("is no file but a pipe"), "{}", told[2]);
}

/// What follows a call is made up: it is neither waited for nor a reason to refuse the call.
#[test]
fn a_call_is_carried_out_whatever_follows_it() {
    let endless = Answer::text(read("src/a.py", None)).with(Fault::Endless {
        text: "The file holds what I expected of it. ".to_owned(),
    });
    let cut = Answer::text(right() + "\nNow it is").finish("length");
    let server = ModelServer::start(Script::answers([endless, cut, Answer::text(finish())]));
    let sandbox = sandbox(&server, "");
    sandbox.exec(&[]).exits(0);
    let told: Vec<String> = server.calls().iter().map(told).collect();
    assert!(told[1].contains("5 |     return 3"), "{}", told[1]);
    assert!(told[2].contains("`src/a.py` was changed"), "{}", told[2]);
}

/// Free text in thinking that never ends is no answer; a whole call at its end is what the model wants.
#[test]
fn a_call_at_the_end_of_thinking_is_carried_out() {
    let thinks = Answer::text(format!("<think>\n{}", read("src/a.py", None))).finish("length");
    let server = ModelServer::start(Script::answers([thinks, Answer::text(finish())]));
    let sandbox = sandbox(&server, "");
    sandbox.exec(&[]);
    let told = told(&server.calls()[1]);
    assert!(told.contains("5 |     return 3"), "{told}");
}

/// A server that keeps no limit may bring any number of calls at once.
#[test]
fn a_step_of_any_size_stays_in_the_conversation_in_brief() {
    let many: Vec<String> = (0..250)
        .map(|line| read("src/a.py", Some((1, line + 1))))
        .collect();
    let server = server([many.join("\n"), right(), finish()]);
    let sandbox = sandbox(&server, "");
    sandbox.exec(&[]).exits(0);
    let second = server.calls()[1].body["messages"].to_string();
    assert!(
        second.contains("too many at once") && second.len() < 16_000,
        "{}",
        second.len()
    );
}
