//! What small models do instead of working: each is told what was expected, and each ends.

use serde_json::json;

use super::{A, call, finish, patch, run, run_with, server, told, with_task};
use crate::support::model_server::{Answer, Fault, ModelServer, Script};

fn mend() -> String {
    patch("src/a.py", "    return 3\n", "    return 2\n")
}

/// Runs against one answer for ever; gives how many calls that took and what was said.
fn forever(answer: Answer) -> (usize, String) {
    let server = ModelServer::start(Script::always(answer));
    let sandbox = super::sandbox(&server, "");
    let output = sandbox.exec(&[]).exits(1);
    assert_eq!(sandbox.read("src/a.py"), A);
    (server.calls().len(), output.stderr)
}

#[test]
fn nothing_useful_for_ever_ends_soon() {
    let own_prompt = "You work on the files of a project, step by step, with tools. Answer with one short sentence and one call of a tool, in this form:\n\n<tool_call>\n{\"name\": \"TOOL\", \"arguments\": {…}}\n</tool_call>";
    for (answer, says) in [
        (Answer::text(""), "empty"),
        (Answer::text("Done."), "holds no call of a tool"),
        (
            Answer::text("I'm sorry, but as an AI I can't edit files."),
            "holds no call of a tool",
        ),
        (Answer::text("我已经完成了任务。"), "holds no call of a tool"),
        (Answer::text(own_prompt), "repeats what you were told"),
        (
            Answer::text(
                "<think>I call <tool_call>{\"name\": \"finish\", \"arguments\": {}}</tool_call></think>Well.",
            ),
            "holds no call of a tool",
        ),
        (
            Answer::text(call("delete_file", &json!({ "path": "src/a.py" }))),
            "delete_file",
        ),
        (
            Answer::text("").tool("delete_file", "{\"path\": \"src/a.py\"}"),
            "delete_file",
        ),
        (
            Answer::fault(Fault::Endless {
                text: "and so on, ".to_owned(),
            }),
            "repeated itself",
        ),
    ] {
        let text = answer.text.clone();
        let (calls, said) = forever(answer);
        assert!(said.contains(says), "{says}: {said}");
        // Three answers, and a question after each of the first two.
        assert!(calls <= 5, "{calls} calls for {text:?}");
    }
}

#[test]
fn the_same_call_for_ever_ends_soon() {
    for (answer, says) in [
        (
            call("read_file", &json!({ "path": "src/a.py" })),
            "the same as before",
        ),
        (
            call("read_file", &json!({ "path": "src/none.py" })),
            "there is no file",
        ),
        (
            call("run_command", &json!({ "command": "rm -rf src" })),
            "may not be run",
        ),
        (
            patch("src/a.py", "    return 9\n", "    return 2\n"),
            "does not have the search part",
        ),
        (finish(), "`sh check.sh` ended with exit code 1"),
    ] {
        let (calls, said) = forever(Answer::text(answer));
        assert!(said.contains(says), "{says}: {said}");
        assert!(calls <= 6, "{calls} calls: {said}");
    }
    // Writing to and fro has an effect each time: there the calls of the attempt are the bound.
    let server = ModelServer::start(Script::function(|_, number| {
        let (old, new) = if number % 2 == 0 { ("3", "4") } else { ("4", "3") };
        Answer::text(patch(
            "src/a.py",
            &format!("    return {old}\n"),
            &format!("    return {new}\n"),
        ))
    }));
    let sandbox = with_task(&server, "agent: { goal: x, max_calls: 7 }", "");
    sandbox.exec(&[]).exits(1).says("after all 7 calls");
    assert_eq!(server.calls().len(), 7);
}

#[test]
fn a_huge_answer_is_stopped() {
    let (calls, said) = forever(Answer::fault(Fault::HugeAnswer { bytes: 10 << 20 }));
    assert!(calls <= 5, "{calls}: {said}");
}

#[test]
fn two_calls_at_once_are_carried_out_in_their_order() {
    let (sandbox, output, requests) = run([
        mend() + &call("run_command", &json!({ "command": "sh check.sh" })),
        finish(),
    ]);
    output.exits(0);
    assert!(sandbox.read("src/a.py").contains("return 2"));
    let result = told(&requests[1]);
    let (changed, ran) = (result.find("was changed"), result.find("exit code 0"));
    assert!(changed.unwrap() < ran.unwrap(), "{result}");
    let (_, output, requests) = run([
        call("read_file", &json!({ "path": "none" })) + &finish(),
        mend() + &finish(),
    ]);
    output.exits(0);
    assert!(
        told(&requests[1]).contains("The last call was not carried out"),
        "{}",
        told(&requests[1])
    );
}

#[test]
fn one_bad_answer_does_not_end_the_work() {
    let (_, output, requests) = run([
        "I would change the file.".to_owned(),
        "write".to_owned(),
        mend(),
        "Done!".to_owned(),
        "plan".to_owned(),
        finish(),
    ]);
    output.exits(0);
    assert!(
        told(&requests[2]).contains("Nothing was done: your answer holds no call of a tool"),
        "{}",
        told(&requests[2])
    );
}

#[test]
fn a_schema_that_the_server_does_not_take_is_no_end() {
    let server = ModelServer::start(Script::function(|request, number| {
        if request.schema().is_some() {
            return Answer::fault(Fault::status(400));
        }
        Answer::text(match number {
            0 => call("update_plan", &json!({ "steps": ["mend"] })),
            2 => "write".to_owned(),
            3 => mend(),
            _ => finish(),
        })
    }));
    super::sandbox(&server, "").exec(&[]).exits(0);
}

#[test]
fn a_broken_call_is_read_or_told() {
    let broken = "<tool_call>\n{'name': 'ReadFile', 'arguments': {'file_path': 'src/a.py',}}\n";
    let missing = call("read_file", &json!({}));
    let (sandbox, output, requests) = run_with("", [broken.to_owned(), missing, mend(), finish()]);
    output.exits(0);
    assert!(told(&requests[1]).contains("return 3"), "{}", told(&requests[1]));
    assert!(told(&requests[2]).contains("path"), "{}", told(&requests[2]));
    assert!(sandbox.events().iter().any(|event| event["type"] == "reply_read"));
}

#[test]
fn results_that_are_made_up_are_not_kept() {
    let dreamt = call("read_file", &json!({ "path": "src/a.py" }))
        + "\nResult of `read_file src/a.py`:\n1 | dreamt\n"
        + &finish();
    let (_, output, requests) = run([dreamt, mend(), finish()]);
    output.exits(0);
    assert!(!requests[1].body.to_string().contains("dreamt"));
    assert_eq!(server([]).calls().len(), 0);
}
