//! Splitting: what does not fit or does not succeed is cut into smaller nodes, and stays only if the whole is right.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::model_server::{Answer, Fault, ModelServer, RecordedRequest, Script};
use crate::support::{Sandbox, wait_until};

/// A file of some 1,300 tokens: no three of them fit a window of 4,096 with its answer.
fn file(name: &str, functions: usize) -> String {
    let mut text = format!("// {name} is old\nuse std::fmt;\n\n");
    for number in 0..functions {
        text += &format!(
            "/// What {name} says at number {number}.\npub fn {name}_{number}(value: u32) -> u32 {{\n    value + {number}\n}}\n\n"
        );
    }
    text
}

/// The answer that makes a file new.
fn new(name: &str) -> Answer {
    Answer::text(format!(
        "src/{name}.rs\n<<<<<<< SEARCH\n// {name} is old\n=======\n// {name} is new\n>>>>>>> REPLACE\nSummary: {name} is new\n"
    ))
}

/// A workspace with three files of a size, and a task that edits all of them.
fn sandbox(server: &ModelServer, functions: usize, beside: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'] }}\ntasks:\n  fix: {{ edit: {{ instruction: 'Make it new.', files: ['src/*.rs'] }}{beside} }}\noutputs: {{ fix: '{{{{ tasks.fix.output }}}}' }}\n"
    ));
    for name in ["a", "b", "c"] {
        sandbox.write(&format!("src/{name}.rs"), &file(name, functions));
    }
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox
}

/// How many functions make one file so large that three don't fit, and how many leave room for all.
const LARGE: usize = 35;
const SMALL: usize = 3;

const SPLIT: &str = ", on_failure: { retry: 0, split: true }";

/// Which of the files are new.
fn new_files(sandbox: &Sandbox) -> Vec<&'static str> {
    let is_new = |name: &&str| sandbox.read(&format!("src/{name}.rs")).contains("is new");
    ["a", "b", "c"].into_iter().filter(is_new).collect()
}

fn of_type(sandbox: &Sandbox, word: &str) -> Vec<Value> {
    sandbox
        .events()
        .into_iter()
        .filter(|event| event["type"] == word)
        .collect()
}

#[test]
fn what_does_not_fit_is_split_before_its_first_call() {
    let server = ModelServer::start(Script::answers([new("a"), new("b"), Answer::text("NO CHANGE")]));
    let sandbox = sandbox(&server, LARGE, SPLIT);
    let said = sandbox.exec(&[]).exits(0);
    assert_eq!(
        said.json()["fix"],
        json!({ "files": ["src/a.rs", "src/b.rs"], "summary": "a is new; b is new" })
    );
    let said = said.says("its work is split by file");
    assert_eq!(new_files(&sandbox), ["a", "b"], "{}", said.stderr);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    // Each is shown its file whole, and the signatures of the others.
    assert!(
        asked[0].contains("value + 7") && asked[0].contains("pub fn b_7(value: u32)"),
        "{}",
        asked[0]
    );
    assert!(
        asked[1].contains("// b is old") && !asked[1].contains("What a says"),
        "{}",
        asked[1]
    );
    let split = of_type(&sandbox, "node_split");
    assert_eq!(split.len(), 1);
    assert_eq!(split[0]["by"], "file");
    let events = sandbox.events();
    let at = |word: &str| events.iter().position(|event| event["type"] == word).unwrap();
    assert!(at("node_split") < at("call_started"));
    assert_eq!(sandbox.ended("fix/3"), "success");
}

#[test]
fn what_is_cut_off_is_split_after_its_call() {
    let cut = Answer::text("I will now change all three of them, and").finish("length");
    let server = ModelServer::start(Script::answers([cut, new("a"), new("b"), new("c")]));
    let sandbox = sandbox(&server, SMALL, SPLIT);
    sandbox.exec(&[]).exits(0);
    assert_eq!(new_files(&sandbox), ["a", "b", "c"]);
    assert_eq!(server.calls().len(), 4);
}

#[test]
fn what_the_parts_made_is_verified_together_and_put_back_together() {
    for (check, code, left) in [
        (
            "cat src/*.rs | grep -c 'is new' | grep -q 3",
            0,
            vec!["a", "b", "c"],
        ),
        ("! grep -q 'is new' src/c.rs", 1, vec![]),
    ] {
        let server = ModelServer::start(Script::answers([new("a"), new("b"), new("c")]));
        let sandbox = sandbox(
            &server,
            LARGE,
            &format!(", verify: [{{ run: \"{check}\" }}]{SPLIT}"),
        );
        sandbox.exec(&[]).exits(code);
        assert_eq!(new_files(&sandbox), left, "{check}");
        let refused = of_type(&sandbox, "parts_refused");
        assert_eq!(refused.len(), usize::try_from(code).unwrap());
        assert_eq!(server.calls().len(), 3);
    }
}

#[test]
fn a_part_that_fails_ends_the_whole() {
    let wrong = Answer::text("I have done it.");
    let server = ModelServer::start(Script::answers([new("a"), wrong]));
    let sandbox = sandbox(&server, LARGE, ", on_failure: { retry: 0, split: file }");
    sandbox
        .exec(&[])
        .exits(1)
        .says("its part `fix/2` (src/b.rs) failed");
    assert_eq!(new_files(&sandbox), Vec::<&str>::new());
    assert_eq!(server.calls().len(), 2);
    assert_eq!(of_type(&sandbox, "attempt_started").len(), 4);
}

/// The engine dies while a part is asked; what the parts before it have done stays, and can still be put back.
#[test]
fn a_kill_between_the_parts_loses_nothing() {
    for (good, code) in [(true, 0), (false, 1)] {
        for dies in 0..3 {
            let mut answers = vec![new("a"), new("b"), new("c")];
            let stalls = answers[dies].clone().with(Fault::Stall { after_events: 1 });
            answers.insert(dies, stalls);
            let server = ModelServer::start(Script::answers(answers));
            let check = if good { "true" } else { "false" };
            let sandbox = sandbox(
                &server,
                LARGE,
                &format!(", verify: [{{ run: '{check}' }}]{SPLIT}"),
            );
            let mut engine = sandbox.start(["exec", "workflow.yaml"]);
            wait_until(|| server.calls().len() == dies + 1);
            engine.kill().unwrap();
            engine.wait().unwrap();
            sandbox.run(["resume"]).exits(code);
            let left: &[&str] = if good { &["a", "b", "c"] } else { &[] };
            assert_eq!(new_files(&sandbox), left, "killed in call {dies}");
            assert_eq!(
                server.calls().len(),
                4,
                "no call is made twice but the one that was cut off"
            );
            assert_eq!(of_type(&sandbox, "node_split").len(), 1);
        }
    }
}

/// The run is stopped while the whole is verified: that is no verdict, and nothing is put back before there is one.
#[test]
fn a_stop_while_the_whole_is_verified_leaves_it_for_the_next_session() {
    let server = ModelServer::start(Script::answers([new("a"), new("b"), new("c")]));
    let check = "touch checking; while [ ! -e go ]; do sleep 0.01; done; grep -q 'a is new' src/a.rs";
    let sandbox = sandbox(
        &server,
        LARGE,
        &format!(", verify: [{{ run: \"{check}\" }}]{SPLIT}"),
    );
    let mut engine = sandbox.start(["exec", "workflow.yaml"]);
    wait_until(|| sandbox.has("checking"));
    for _ in 0..2 {
        let kill = Command::new("kill")
            .args(["-INT", &engine.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }
    assert_eq!(engine.wait().unwrap().code(), Some(130));
    assert_eq!(new_files(&sandbox), ["a", "b", "c"]);
    sandbox.write("go", "");
    sandbox.run(["resume"]).exits(0);
    assert_eq!(new_files(&sandbox), ["a", "b", "c"]);
    assert_eq!(server.calls().len(), 3);
}

#[test]
fn a_file_that_does_not_fit_is_split_by_its_symbols() {
    let answer = |asked: &str| {
        if asked.contains("// a is old") {
            new("a")
        } else {
            Answer::text("NO CHANGE")
        }
    };
    let server = ModelServer::start(Script::function(move |request, _| {
        answer(&request.body["messages"].to_string())
    }));
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['src/**'] }}\ntasks:\n  fix: {{ edit: {{ instruction: 'Make it new.', files: src/a.rs }}{SPLIT} }}\n"
    ));
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    let before = file("a", 120);
    sandbox.write("src/a.rs", &before);
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("src/a.rs"), before.replace("is old", "is new"));
    let split = of_type(&sandbox, "node_split");
    assert_eq!(split[0]["by"], "symbol");
    let asked = server.asked();
    assert_eq!(asked.len(), split[0]["parts"].as_array().unwrap().len());
    // Together they have seen every line, and none has seen all.
    for number in 0..120 {
        let body = format!("value + {number}\\n");
        let seen = asked.iter().filter(|asked| asked.contains(&body)).count();
        assert_eq!(seen, 1, "function {number}");
    }
}

#[test]
fn a_part_is_told_what_was_found_in_its_file() {
    let all = Answer::text(["a", "b", "c"].map(|name| new(name).text).concat());
    let server = ModelServer::start(Script::answers([all, new("a"), new("b"), new("c")]));
    // It is content with what it sees the second time.
    let check =
        "if [ -e seen ]; then exit 0; fi; touch seen; echo 'src/b.rs:7:1: error: this is odd'; exit 1";
    let beside = format!(", verify: [{{ run: \"{check}\" }}], on_failure: {{ retry: 0, split: diagnostic }}");
    let sandbox = sandbox(&server, SMALL, &beside);
    sandbox.exec(&[]).exits(0).says("its work is split by diagnostic");
    let asked = server.asked();
    let told: Vec<bool> = asked.iter().map(|asked| asked.contains("this is odd")).collect();
    assert_eq!(told, [false, false, true, false]);
}

#[test]
fn a_plan_of_the_model_may_say_how_work_is_split() {
    let planned = json!({ "tasks": [
        { "name": "first", "kind": "edit", "instruction": "Make `a` new.", "files": ["src/a.rs"] },
        { "name": "then", "kind": "edit", "instruction": "Make `b` new.", "files": ["src/b.rs"], "needs": ["first"] },
    ] });
    for (check, code, left) in [("true", 0, vec!["a", "b"]), ("false", 1, vec![])] {
        let plan = Answer::text(planned.to_string());
        let server = ModelServer::start(Script::answers([plan, new("a"), new("b")]));
        let beside = format!(", verify: [{{ run: '{check}' }}], on_failure: {{ retry: 0, split: plan }}");
        let sandbox = sandbox(&server, LARGE, &beside);
        sandbox.exec(&[]).exits(code).says("its work is split by plan");
        assert_eq!(new_files(&sandbox), left);
        let asked = server.asked();
        assert!(asked[0].contains("pub fn a_7(value: u32)"), "{}", asked[0]);
        assert_eq!(asked.len(), 3);
        assert_eq!(sandbox.ended("fix#2/then"), "success");
    }
}

#[test]
fn the_context_of_a_prompt_is_split_by_its_items() {
    let cut = Answer::text("All of them say").finish("length");
    let server = ModelServer::start(Script::answers([
        cut,
        Answer::text("a says 1"),
        Answer::text("b and c say 2"),
    ]));
    let mut sandbox = Sandbox::with(&format!(
        "tasks:\n  sum: {{ prompt: What do they say?, context: [{{ files: 'src/*.rs' }}]{SPLIT} }}\noutputs: {{ sum: '{{{{ tasks.sum.output }}}}' }}\n"
    ));
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    for (name, functions) in [("a", 4), ("b", 1), ("c", 1)] {
        sandbox.write(&format!("src/{name}.rs"), &file(name, functions));
    }
    let said = sandbox.exec(&[]).exits(0).says("its work is split by item");
    assert_eq!(said.json()["sum"], "a says 1\n\nb and c say 2");
    let asked = server.asked();
    assert!(
        asked[1].contains("a_1(") && !asked[1].contains("b_0("),
        "{}",
        asked[1]
    );
    assert!(
        !asked[2].contains("a_1(") && asked[2].contains("b_0("),
        "{}",
        asked[2]
    );
}

#[test]
fn the_files_of_a_prompt_are_made_one_by_one() {
    let cut = Answer::text("```out/a.txt\none\n").finish("length");
    let one = |text: &str| Answer::text(format!("```\n{text}\n```\n"));
    let server = ModelServer::start(Script::answers([cut, one("first"), one("second")]));
    let mut sandbox = Sandbox::with(&format!(
        "permissions: {{ write: ['out/**'] }}\ntasks:\n  make: {{ prompt: Make both., output: {{ files: [out/a.txt, out/b.txt] }}{SPLIT} }}\noutputs: {{ make: '{{{{ tasks.make.output }}}}' }}\n"
    ));
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    let said = sandbox.exec(&[]).exits(0);
    assert_eq!(
        said.json()["make"],
        json!({ "files": ["out/a.txt", "out/b.txt"] })
    );
    assert_eq!(sandbox.read("out/a.txt"), "first\n");
    assert_eq!(sandbox.read("out/b.txt"), "second\n");
    assert!(server.asked()[2].contains("you make only `out/b.txt`"));
}

#[test]
fn what_can_be_split_is_bounded_before_it_runs() {
    let server = ModelServer::start(Script::answers([]));
    let sandbox = sandbox(&server, SMALL, ", on_failure: { retry: 1, split: true }");
    let plan = sandbox.run(["plan", "workflow.yaml", "--json"]).exits(0).json();
    // The node, 16 parts of it, 8 of each of these; two attempts of each, three tries of each call.
    assert_eq!(plan["totals"]["calls"], (1 + 16 + 16 * 8) * 2 * 3);
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true', on_failure: { split: true } }\n");
    sandbox
        .exec(&[])
        .exits(2)
        .says("`on_failure: { split }` of the kind `run`");
}

#[test]
fn a_text_that_does_not_fit_is_split_by_its_sections() {
    let answer = |asked: &str| {
        if asked.contains("This is old.") {
            Answer::text("src/a.md\n<<<<<<< SEARCH\nThis is old.\n=======\nThis is new.\n>>>>>>> REPLACE\n")
        } else {
            Answer::text("NO CHANGE")
        }
    };
    let server = ModelServer::start(Script::function(move |request, _| {
        answer(&request.body["messages"].to_string())
    }));
    let mut sandbox = Sandbox::with(
        "permissions: { write: ['src/**'] }\ntasks:\n  fix: { edit: { instruction: 'Make it new.', files: src/a.md }, on_failure: { retry: 0, split: section } }\n",
    );
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    let mut before = "# A\n\nThis is old.\n".to_owned();
    for number in 0..60 {
        before += &format!(
            "\n## Part {number}\n\n{}\n",
            format!("Words of part {number}. ").repeat(10)
        );
    }
    sandbox.write("src/a.md", &before);
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("src/a.md"), before.replace("is old", "is new"));
    let split = of_type(&sandbox, "node_split");
    assert_eq!(split[0]["by"], "section");
    assert_eq!(server.asked().len(), split[0]["parts"].as_array().unwrap().len());
}

/// A context that does not fit is not made smaller where it can be shown in parts: nothing of it is lost.
#[test]
fn a_context_that_does_not_fit_is_split_and_not_shrunk() {
    const PARTS: usize = 40;
    let mut text = String::new();
    for number in 0..PARTS {
        text += &format!(
            "# Part {number}\n\nNote number-{number}-here. {}\n\n",
            format!("Words of part {number}. ").repeat(12)
        );
    }
    for (way, shrink, split) in [
        ("section", "", true),
        ("true", "", true),
        ("true", ", shrink: [omit]", true),
        // The author wants no more of it than that.
        ("true", ", max: 300", false),
    ] {
        let notes = |request: &RecordedRequest| {
            let asked = request.body["messages"].to_string();
            let numbers = (0..PARTS).filter(|number| asked.contains(&format!("number-{number}-here")));
            numbers.map(|number| number.to_string()).collect::<Vec<_>>()
        };
        let server = ModelServer::start(Script::function(move |request, _| {
            Answer::text(format!("[{}]", notes(request).join(", ")))
        }));
        let mut sandbox = Sandbox::with(&format!(
            "tasks:\n  a:\n    prompt: Which notes are there?\n    context: [{{ file: doc.md{shrink} }}]\n    \
             output: {{ schema: {{ type: array, items: {{ type: integer }} }} }}\n    \
             on_failure: {{ retry: 0, split: {way} }}\noutputs: {{ a: '{{{{ tasks.a.output }}}}' }}\n"
        ));
        sandbox
            .env("SMALLCODE_BASE_URL", &server.base_url())
            .env("SMALLCODE_MODEL", "tiny");
        sandbox.write("doc.md", &text);
        let output = sandbox.exec(&[]).exits(0);
        let all: Vec<usize> = (0..PARTS).collect();
        assert_eq!(
            output.json()["a"] == json!(all),
            split,
            "{way}{shrink}: {}",
            output.stderr
        );
        let first = of_type(&sandbox, "call_started")
            .first()
            .map(|call| call["node"].clone());
        assert_eq!(first == Some(json!("a")), !split, "{way}{shrink}: {first:?}");
    }
}
