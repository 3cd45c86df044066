//! `context:`: what a model is shown beside its instruction, and that it fits.

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

const SOURCE: &str = "//! Adds.\n\npub struct Sum;\n\nimpl Sum {\n    pub fn add(a: i32, b: i32) -> i32 {\n        BODY\n    }\n}\n";

fn sandbox(server: &ModelServer, context: &str, window: u32) -> Sandbox {
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  a:\n    prompt: What is it?\n    context: {context}\noutputs: {{ a: '{{{{ tasks.a.output }}}}' }}\nmodel: local\n"
    ));
    let profile = format!(
        "[profiles.local]\nbase_url = \"{}\"\nmodel = \"tiny\"\nwindow = {window}\nmax_output = 200\n",
        server.base_url()
    );
    sandbox.write("smallcode.toml", &profile);
    sandbox
}

/// The messages of the one call that was made.
fn sent(server: &ModelServer) -> Vec<String> {
    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    let messages = calls[0].body["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

fn answered(server: &ModelServer, sandbox: &Sandbox) -> (String, String) {
    let output = sandbox.exec(&[]).exits(0);
    assert_eq!(output.json()["a"], Value::from("fine"));
    (sent(server).join("\n---\n"), output.stderr)
}

#[test]
fn files_and_texts_come_before_the_instruction() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let sandbox = sandbox(
        &server,
        "[{ files: 'src/**' }, { text: 'Be brief.', title: Style }]",
        8192,
    );
    sandbox.write("src/a.rs", SOURCE);
    sandbox.write("src/b.md", "# B\n\n```sh\nls\n```\n");
    sandbox.write("src/.env", "KEY=secret");
    sandbox.write("src/.gitignore", "c.txt\n");
    sandbox.write("src/c.txt", "ignored");
    sandbox.write("src/picture.png", "\u{0}\u{1}");
    let (shown, stderr) = answered(&server, &sandbox);
    for part in [
        "## src/a.rs\n\n```\n//! Adds.",
        "## src/b.md\n\n````\n# B",
        "## Style\n\nBe brief.",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
    assert!(shown.find("## Style") < shown.find("What is it?"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("ignored"), "{shown}");
    assert!(!stderr.contains("to fit the window"), "{stderr}");
}

#[test]
fn what_does_not_fit_is_shown_smaller_and_said_to_both() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let sandbox = sandbox(
        &server,
        "[{ file: src/a.rs, priority: 80 }, { file: notes.txt, priority: 10 }]",
        900,
    );
    sandbox.write(
        "src/a.rs",
        &SOURCE.replace("BODY", &"let x = compute(1, 2, 3);\n        ".repeat(200)),
    );
    sandbox.write("notes.txt", &"a line of notes that nobody needs\n".repeat(300));
    let (shown, stderr) = answered(&server, &sandbox);
    assert!(shown.contains("pub fn add(a: i32, b: i32) -> i32"), "{shown}");
    assert!(!shown.contains("compute"), "{shown}");
    assert!(
        shown.contains("notes.txt (not shown") || shown.contains("lines are left out"),
        "{shown}"
    );
    assert!(
        stderr.contains("to fit the window") && stderr.contains("`src/a.rs` as its signatures"),
        "{stderr}"
    );
}

#[test]
fn what_may_not_shrink_is_refused_before_any_call() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let sandbox = sandbox(&server, "[{ file: notes.txt, shrink: outline }]", 900);
    sandbox.write("notes.txt", &"a line of notes that nobody needs\n".repeat(300));
    let output = sandbox.exec(&[]).exits(1);
    assert!(
        output.stderr.contains("takes") && output.stderr.contains("there is room for"),
        "{}",
        output.stderr
    );
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn what_is_kept_by_git_or_outside_is_not_shown() {
    for (path, reason) in [
        (".git/config", "kept by git"),
        ("../x", "leaves the workspace"),
        ("none.txt", "none.txt"),
    ] {
        let server = ModelServer::start(Script::always(Answer::text("fine")));
        let sandbox = sandbox(&server, &format!("[{{ file: '{{{{ \"{path}\" }}}}' }}]"), 8192);
        let output = sandbox.exec(&[]).exits(1);
        assert!(output.stderr.contains(reason), "{}", output.stderr);
        assert_eq!(server.calls().len(), 0);
    }
}

#[test]
fn a_program_that_does_not_fit_is_shown_by_what_it_declares() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let sandbox = sandbox(&server, "[{ files: 'app/*.bone' }]", 1500);
    let steps = "    effects: note.text = text\n".repeat(300);
    let program = format!(
        "system Notes {{\n  entity Note {{ owns: [id: uuid, text: string] }}\n  capability write(note: Note, text: string) {{\n{steps}  }}\n}}\n"
    );
    sandbox.write("app/notes.bone", &program);
    let (shown, stderr) = answered(&server, &sandbox);
    assert!(
        shown.contains("## app/notes.bone (signatures only; the bodies are left out)\n\n```\nsystem Notes\n  entity Note(id: uuid, text: string)\n  capability write(note: Note, text: string)\n```"),
        "{shown}"
    );
    assert!(stderr.contains("`app/notes.bone` as its signatures"), "{stderr}");
}
