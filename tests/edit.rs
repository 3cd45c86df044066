//! `edit`: what of an answer gets into the files, what is told where nothing does, and that nothing else changes.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::model_server::{Answer, Fault, ModelServer, Script};
use crate::support::{Output, Sandbox, wait_until};

const A: &str = "fn one() -> u32 {\n    1\n}\n\nfn two() -> u32 {\n    2\n}\n";

fn block(path: &str, search: &str, replace: &str) -> String {
    format!("{path}\n```\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n```\n")
}

/// A workspace with `src/a.rs`, `src/b.rs` and a task `fix` that may edit them.
fn sandbox(server: &ModelServer, task: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'] }}\ntasks:\n  fix: {{ {task} }}\noutputs: {{ fix: '{{{{ tasks.fix.output }}}}' }}\n"
    ));
    sandbox.write("src/a.rs", A);
    sandbox.write("src/b.rs", "use a::one;\n");
    sandbox.write("other.txt", "other\n");
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

const TASK: &str = "edit: { instruction: 'Make it so.', files: [src/a.rs, src/b.rs] }";

/// Runs the task against answers; gives what it left and what the model was asked last in each call.
fn run(task: &str, answers: impl IntoIterator<Item = String>) -> (Sandbox, Output, Vec<String>) {
    let server = ModelServer::start(Script::answers(answers.into_iter().map(Answer::text)));
    let sandbox = sandbox(&server, task);
    let output = sandbox.exec(&[]);
    (sandbox, output, server.asked())
}

#[test]
fn a_heading_that_looks_like_the_divider_is_a_heading() {
    let server = ModelServer::start(Script::always(Answer::text(block(
        "src/page.rst",
        "Chapter\n=======\n",
        "Kapitel\n=======\n",
    ))));
    let sandbox = sandbox(
        &server,
        "edit: { instruction: 'Make it so.', files: [src/page.rst] }",
    );
    sandbox.write("src/page.rst", "Chapter\n=======\n\ntext one\n");
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("src/page.rst"), "Kapitel\n=======\n\ntext one\n");
}

#[test]
fn a_right_edit_is_written_and_told() {
    let answer = block("src/a.rs", "    1\n", "    11\n") + "Summary: one is eleven\n";
    let (sandbox, output, asked) = run(TASK, [answer]);
    assert_eq!(
        output.exits(0).json(),
        json!({ "fix": { "files": ["src/a.rs"], "summary": "one is eleven" } })
    );
    assert_eq!(sandbox.read("src/a.rs"), A.replace("    1\n", "    11\n"));
    assert_eq!(sandbox.read("src/b.rs"), "use a::one;\n");
    for shown in [
        "fn two() -> u32",
        "use a::one;",
        "src/b.rs",
        "Make it so.",
        "<<<<<<< SEARCH",
    ] {
        assert!(asked[0].contains(shown), "{shown}: {}", asked[0]);
    }
}

/// The last word of a name is another file, which would have been changed.
#[test]
fn a_name_with_spaces_is_the_whole_name() {
    let task = "edit: { instruction: 'Make it so.', files: [src/c d.txt, src/d.txt, src/my dir/c d.txt] }";
    for (line, path) in [
        ("src/c d.txt:", "src/c d.txt"),
        ("src/my dir/c d.txt", "src/my dir/c d.txt"),
        ("In `src/my dir/c d.txt`:", "src/my dir/c d.txt"),
        ("my dir/c d.txt:", "src/my dir/c d.txt"),
        ("a/src/d.txt", "src/d.txt"),
        ("/src/d.txt:1", "src/d.txt"),
        ("src\\d.txt", "src/d.txt"),
    ] {
        let server = ModelServer::start(Script::always(Answer::text(block(line, "one\n", "two\n"))));
        let sandbox = sandbox(&server, task);
        let all = ["src/c d.txt", "src/d.txt", "src/my dir/c d.txt"];
        for path in all {
            sandbox.write(path, "one\n");
        }
        sandbox.exec(&[]).exits(0);
        let changed: Vec<&str> = all
            .into_iter()
            .filter(|path| sandbox.read(path) == "two\n")
            .collect();
        assert_eq!(changed, [path], "{line}");
    }
}

#[test]
fn a_wrong_search_is_put_right_with_the_closest_lines() {
    let wrong = block(
        "src/a.rs",
        "fn two() -> u32 {\n    22\n}\n",
        "fn two() -> u32 {\n    3\n}\n",
    );
    let right = block("src/a.rs", "    2\n", "    3\n");
    let (sandbox, output, asked) = run(&format!("{TASK}, on_failure: {{ retry: 1 }}"), [wrong, right]);
    output.exits(0);
    assert_eq!(sandbox.read("src/a.rs"), A.replace("    2\n", "    3\n"));
    assert_eq!(asked.len(), 2);
    for told in [
        "line 6 is `    2` and not `    22`",
        "5 | fn two() -> u32 {",
        "6 |     2",
    ] {
        assert!(asked[1].contains(told), "{told}: {}", asked[1]);
    }
    let failed = |event: &Value| event["outcome"]["failure"]["class"] == "patch_without_match";
    assert_eq!(sandbox.events().iter().filter(|event| failed(event)).count(), 1);
}

/// A tool of this kind asked for the whole file in place of an edit that had no place, and kept 2 KB of it.
#[test]
fn an_edit_without_a_place_never_costs_the_rest_of_a_long_file() {
    let lines: Vec<String> = (0..300)
        .map(|line| format!("let value_{line} = {line};"))
        .collect();
    let long = lines.join("\n") + "\n";
    let server = ModelServer::start(Script::answers([
        Answer::text(block("src/a.rs", "let value_7 = 8;\n", "let value_7 = 9;\n")),
        // What a model gives that was asked for all of it, and stopped early.
        Answer::text(format!("src/a.rs\n```\n{}\n```\n", lines[..80].join("\n"))),
        Answer::text(block("src/a.rs", "let value_7 = 7;\n", "let value_7 = 9;\n")),
    ]));
    let sandbox = sandbox(&server, &format!("{TASK}, on_failure: {{ retry: 2 }}"));
    sandbox.write("src/a.rs", &long);
    sandbox.write("smallcode.toml", "[profiles.default]\nwindow = 16384\n");
    sandbox.exec(&[]).exits(0);
    assert_eq!(
        sandbox.read("src/a.rs"),
        long.replace("let value_7 = 7;", "let value_7 = 9;")
    );
    let calls = server.calls();
    assert_eq!(calls.len(), 3);
    for call in calls {
        let asked = call.last_user_message().to_owned();
        assert!(asked.contains(&long), "each is shown the whole file: {asked}");
    }
}

#[test]
fn a_file_that_was_not_shown_is_not_edited() {
    for path in ["other.txt", "../x.txt", "src/c.rs", ".git/config"] {
        let (search, replace) = if path == "other.txt" {
            ("other\n", "pwned\n")
        } else {
            ("", "pwned\n")
        };
        let both = block("src/a.rs", "    1\n", "    11\n") + &block(path, search, replace);
        let right = block("src/a.rs", "    1\n", "    12\n");
        let (sandbox, output, asked) = run(&format!("{TASK}, on_failure: {{ retry: 1 }}"), [both, right]);
        output.exits(0);
        assert!(
            asked[1].contains(&format!(
                "`{path}` is none of the files that may be edited: `src/a.rs`, `src/b.rs`"
            )),
            "{}",
            asked[1]
        );
        assert_eq!(
            sandbox.read("src/a.rs"),
            A.replace("    1\n", "    12\n"),
            "{path}"
        );
        assert_eq!(sandbox.read("other.txt"), "other\n");
        assert!(
            !sandbox.has("src/c.rs") && !sandbox.has(".git") && !sandbox.has("../x.txt"),
            "{path}"
        );
    }
}

#[test]
fn several_files_change_together_or_not_at_all() {
    let a = block("src/a.rs", "fn one() -> u32 {\n", "fn first() -> u32 {\n");
    let right = a.clone() + &block("src/b.rs", "use a::one;\n", "use a::first;\n");
    let (sandbox, output, _) = run(TASK, [right]);
    assert_eq!(
        output.exits(0).json()["fix"]["files"],
        json!(["src/a.rs", "src/b.rs"])
    );
    assert!(sandbox.read("src/a.rs").contains("first") && sandbox.read("src/b.rs").contains("first"));

    let wrong = a + &block("src/b.rs", "use b::one;\n", "use a::first;\n");
    let (sandbox, output, _) = run(TASK, [wrong]);
    output
        .exits(1)
        .says("line 1 is `use a::one;` and not `use b::one;`");
    assert_eq!(sandbox.read("src/a.rs"), A);
    assert_eq!(sandbox.read("src/b.rs"), "use a::one;\n");
}

#[test]
fn what_is_put_in_is_taken_as_it_is() {
    let odd = "    $& $1 \\1 \\n {{ tasks.fix }} ${HOME} `id`\n";
    let (sandbox, output, _) = run(TASK, [block("src/a.rs", "    1\n", odd)]);
    output.exits(0);
    assert_eq!(sandbox.read("src/a.rs"), A.replace("    1\n", odd));
}

#[test]
fn a_file_keeps_its_form() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = ModelServer::start(Script::always(Answer::text(block(
        "a.rs",
        "fn two() -> u32 {\n2\n}\n",
        "fn two() -> u32 {\n3\n}\n",
    ))));
    let sandbox = sandbox(&server, TASK);
    let crlf = format!("\u{feff}{}", A.replace('\n', "\r\n"))
        .trim_end()
        .to_owned();
    sandbox.write("src/a.rs", &crlf);
    let path = sandbox.path().join("src/a.rs");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    // The indentation inside the function is wrong: that is no shift of all lines.
    sandbox.exec(&[]).exits(1).says("indentation");
    assert_eq!(sandbox.read("src/a.rs"), crlf);

    let server = ModelServer::start(Script::always(Answer::text(block("a.rs", "2\n}\n", "3\n}\n"))));
    let sandbox = self::sandbox(&server, TASK);
    sandbox.write("src/a.rs", &crlf.replace("    2\r\n}", "2\r\n}"));
    let path = sandbox.path().join("src/a.rs");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("src/a.rs"), crlf.replace("    2\r\n}", "3\r\n}"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn what_a_verifier_refuses_does_not_stay() {
    let task = "edit: { instruction: Do it, files: [src/a.rs, src/new.rs] }, verify: [{ expr: \"'good' in output.summary\" }]";
    let edits = block("src/a.rs", "    1\n", "    11\n") + &block("src/new.rs", "", "new\n");
    let (sandbox, output, asked) = run(task, [edits.clone() + "Summary: bad\n"]);
    output.exits(1).says("is not true");
    assert_eq!(sandbox.read("src/a.rs"), A);
    assert!(!sandbox.has("src/new.rs"));
    assert!(
        asked[0].contains("`src/new.rs` does not exist yet"),
        "{}",
        asked[0]
    );

    let task = format!("{task}, on_failure: {{ retry: 1 }}");
    let (sandbox, output, asked) = run(
        &task,
        [edits.clone() + "Summary: bad\n", edits + "Summary: good\n"],
    );
    output.exits(0);
    assert_eq!(sandbox.read("src/a.rs"), A.replace("    1\n", "    11\n"));
    assert_eq!(sandbox.read("src/new.rs"), "new\n");
    assert!(asked[1].contains("is not true"), "{}", asked[1]);
}

#[test]
fn answers_without_edits_are_asked_for_again() {
    let right = block("src/a.rs", "    1\n", "    11\n");
    let same = block("src/a.rs", "    1\n", "    1\n");
    let cut = "src/a.rs\n<<<<<<< SEARCH\n    1\n=======\n    11\n";
    for (wrong, says) in [
        ("I have made the change.", "holds no edit"),
        (cut, "REPLACE is missing"),
        (same.as_str(), "change nothing"),
    ] {
        let task = format!("{TASK}, on_failure: {{ retry: 1 }}");
        let (sandbox, output, asked) = run(&task, [wrong.to_owned(), right.clone()]);
        output.exits(0);
        assert!(asked[1].contains(says), "{says}: {}", asked[1]);
        assert_eq!(sandbox.read("src/a.rs"), A.replace("    1\n", "    11\n"));
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_the_call() {
    let server = ModelServer::start(Script::always(Answer::text("never asked")));
    let large = sandbox(&server, TASK);
    large.write("src/a.rs", &A.repeat(300));
    large
        .exec(&[])
        .exits(1)
        .says("`src/b.rs` (")
        .says("would fit, and `src/a.rs` (")
        .says("room for 2772");

    let from = |path: &str, files: &str| {
        let sandbox = Sandbox::with(&format!(
            "permissions: {{ write: ['**'] }}\ntasks:\n  find: {{ run: \"printf '%s' '{path}'\" }}\n  fix: {{ needs: find, edit: {{ instruction: x, files: {files} }} }}\n"
        ));
        sandbox.write(".env", "KEY=secret\n");
        sandbox.write("src/a.rs", A);
        let mut sandbox = sandbox;
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        std::os::unix::fs::symlink(".env", sandbox.path().join("link")).unwrap();
        std::os::unix::fs::symlink("src/a.rs", sandbox.path().join("same")).unwrap();
        std::os::unix::fs::symlink(sandbox.outside(), sandbox.path().join("away")).unwrap();
        sandbox.exec(&[]).exits(1)
    };
    let output = "['{{ tasks.find.output }}']";
    from(".env", output).says("may hold secrets");
    from("link", output).says("may hold secrets");
    from("away/x.rs", output).says("leads out of the workspace");
    from("../x.rs", output).says("leaves the workspace");
    from(".git/config", output).says("is not a task's to write");
    from("same", "[src/a.rs, '{{ tasks.find.output }}']").says("are the same file");
    from("*.none", output).says("no file matches");
    assert_eq!(server.calls().len(), 0);

    let refused = sandbox(&server, "edit: { instruction: x, files: [other.txt] }");
    refused
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says("may not write `other.txt`");
}

#[test]
fn a_picture_among_the_files_of_a_glob_is_left_out() {
    let task = "edit: { instruction: 'Make it so.', files: 'src/*' }";
    let server = ModelServer::start(Script::always(Answer::text(block(
        "src/a.rs", "    1\n", "    7\n",
    ))));
    let sandbox = sandbox(&server, task);
    fs::write(sandbox.path().join("src/logo.png"), b"\x89PNG\r\n\x1a\n\xff\xfe").unwrap();
    sandbox.exec(&[]).exits(0);
    assert!(sandbox.read("src/a.rs").contains("    7\n"));
    let asked = server.calls()[0].body.to_string();
    assert!(
        !asked.contains("logo.png") && asked.contains("src/b.rs"),
        "{asked}"
    );
}

#[test]
fn the_plan_knows_the_worst_case() {
    let server = ModelServer::start(Script::answers([]));
    let sandbox = sandbox(&server, &format!("{TASK}, on_failure: {{ retry: 1 }}"));
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).json();
    // Two attempts, three tries each, in a window of 4,096.
    assert_eq!(plan["totals"]["calls"], 6);
    assert_eq!(plan["totals"]["tokens"], 6 * 4096);
    let node = &plan["nodes"][0];
    assert_eq!(
        (&node["writes"], &node["model"]),
        (&json!(["src/a.rs", "src/b.rs"]), &json!("default"))
    );
}

/// The journal is cut after every record in turn, with the files as they were before the first write.
#[test]
fn a_crash_before_the_write_loses_no_answer() {
    let answer = block("src/a.rs", "    1\n", "    1\n    + 1\n") + "Summary: more\n";
    let server = ModelServer::start(Script::always(Answer::text(answer)));
    let whole = sandbox(&server, TASK);
    let expected = whole.exec(&[]).exits(0).json();
    let after = whole.read("src/a.rs");
    let journal = whole.run_folder().join("journal.jsonl");
    let journal = fs::read_to_string(journal).unwrap();
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    let run = whole.run_folder().file_name().unwrap().to_owned();
    let mut kept_answers = 0;
    for cut in 1..lines.len() {
        let kept = lines[..cut].concat();
        // From here on the run has something to put back, which it has thrown away at its end.
        if kept.contains("\"writes_kept\"") {
            break;
        }
        let copied = sandbox(&server, TASK);
        fs::remove_dir_all(copied.path()).unwrap();
        let copy = Command::new("cp")
            .arg("-R")
            .arg(whole.path())
            .arg(copied.path())
            .status();
        assert!(copy.unwrap().success());
        copied.write("src/a.rs", A);
        let folder = copied.path().join(".smallcode/runs").join(&run);
        fs::write(folder.join("journal.jsonl"), &kept).unwrap();
        let before = server.calls().len();
        assert_eq!(
            copied.run(["resume"]).exits(0).json(),
            expected,
            "after record {cut}"
        );
        assert_eq!(copied.read("src/a.rs"), after, "after record {cut}");
        let answered = kept.contains("\"call_finished\"");
        kept_answers += usize::from(answered);
        assert_eq!(
            server.calls().len() - before,
            usize::from(!answered),
            "after record {cut}"
        );
    }
    assert!(kept_answers > 0, "{journal}");
}

#[test]
fn a_kill_while_the_model_answers_leaves_the_files_and_resumes() {
    let answer = Answer::text(block("src/a.rs", "    1\n", "    11\n"));
    let slow = answer.clone().with(Fault::Stall { after_events: 1 });
    let server = ModelServer::start(Script::answers([slow, answer]));
    let sandbox = sandbox(&server, TASK);
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| server.calls().len() == 1);
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(sandbox.read("src/a.rs"), A);
    sandbox.run(["resume"]).exits(0);
    assert_eq!(sandbox.read("src/a.rs"), A.replace("    1\n", "    11\n"));
    assert_eq!(server.calls().len(), 2);
}
