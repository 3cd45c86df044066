//! `needs`, `if` and `on_failure`: what runs when.

use serde_json::json;

use crate::support::Sandbox;

#[test]
fn failures_skip_what_needs_them_and_continue_lets_pass() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: exit 3 }\n  b: { run: touch b, needs: a }\n  c: { run: exit 4, on_failure: { continue: true } }\n  d: { run: touch d, needs: c }\n  e: { run: touch e, needs: a, if: failure() }\n",
    );
    sandbox.exec(&[]).exits(1).says("exit code 3");
    assert!(!sandbox.has("b") && sandbox.has("d") && sandbox.has("e"));
}

#[test]
fn an_if_with_a_status_function_replaces_the_rule() {
    for (condition, after_success, after_failure) in [
        ("success()", true, false),
        ("failure()", false, true),
        ("always()", true, true),
        ("cancelled()", false, false),
        ("not success()", false, true),
        ("always() and inputs.yes", true, true),
        ("inputs.yes", true, false),
        ("'{{ inputs.yes }}'", true, false),
        ("success() or inputs.yes", true, true),
        ("not inputs.yes", false, false),
    ] {
        for (command, wanted) in [("true", after_success), ("false", after_failure)] {
            let sandbox = Sandbox::with(&format!(
                "inputs: {{ yes: {{ type: boolean, default: true }} }}\ntasks:\n  a: {{ run: '{command}', on_failure: {{ retry: 0 }} }}\n  between: {{ needs: a, run: 'true' }}\n  b: {{ needs: [between], if: {condition}, run: touch ran }}\noutputs: {{ yes: '{{{{ inputs.yes }}}}' }}\n"
            ));
            sandbox.exec(&[]).exits(i32::from(command == "false"));
            assert_eq!(sandbox.has("ran"), wanted, "{condition} after {command}");
        }
    }
}

#[test]
fn attempts_are_counted() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'echo x >>a; test $(wc -l <a) = 3', on_failure: { retry: { max: 2, backoff: 1ms } } }\n  b: { run: 'echo x >>b; exit 1', on_failure: { retry: { max: 3, backoff: 1ms, jitter: false }, continue: true } }\n  c: { run: echo x >>c, verify: [{ matches: never }], on_failure: { retry: { max: 1, backoff: 1ms } } }\n",
    );
    sandbox.exec(&[]).exits(1).says("attempt 1 failed");
    assert_eq!(
        ["a", "b", "c"].map(|file| sandbox.read(file).len() / 2),
        [3, 4, 2]
    );
    assert_eq!(
        ["a", "b", "c"].map(|task| sandbox.ended(task)),
        ["success", "failure", "failure"]
    );
}

#[test]
fn what_may_be_missing_needs_a_default() {
    let sandbox = Sandbox::with(
        "inputs: { yes: boolean }\ntasks:\n  a: { if: inputs.yes, run: echo a }\n  b: { needs: a, if: always(), run: \"echo {{ tasks.a.output|default('none') }} {{ tasks.a.status }}\" }\noutputs: { a: \"{{ tasks.a.output|default(none) }}\", b: \"{{ tasks.b.output|default('') }}\" }\n",
    );
    assert_eq!(
        sandbox.exec(&["--input", "yes=false"]).exits(0).json(),
        json!({ "a": null, "b": "none skipped" })
    );
    assert_eq!(
        sandbox.exec(&["--input", "yes=true"]).exits(0).json(),
        json!({ "a": "a", "b": "a success" })
    );
    Sandbox::with(
        "inputs: { yes: boolean }\ntasks:\n  a: { if: inputs.yes, run: echo a }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    )
    .run(["check", "workflow.yaml"])
    .exits(2)
    .says("E0304");
}

#[test]
fn outputs_are_one_json_object_or_raw() {
    let one =
        Sandbox::with("tasks:\n  a: { run: 'printf \"a\\nb\"' }\noutputs: { a: '{{ tasks.a.output }}' }\n");
    assert_eq!(one.exec(&[]).exits(0).stdout, "{\"a\":\"a\\nb\"}\n");
    assert_eq!(one.exec(&["--raw"]).exits(0).stdout, "a\nb\n");
    let typed = Sandbox::with(
        "tasks:\n  a: { run: echo 1, parse: json }\noutputs: { a: '{{ tasks.a.output }}', b: { c: ['x{{ tasks.a.output }}', true, 1.5] } }\n",
    );
    assert_eq!(
        typed.exec(&["--raw"]).exits(0).json(),
        json!({ "a": 1, "b": { "c": ["x1", true, 1.5] } })
    );
    let none = Sandbox::with("tasks:\n  a: { run: echo noise }\n");
    assert_eq!(none.exec(&[]).exits(0).stdout, "{}\n");
}

#[test]
fn exit_codes_tell_what_was_wrong() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true' }\n");
    sandbox
        .run(["exec", "nowhere.yaml"])
        .exits(2)
        .says("nowhere.yaml");
    sandbox.run(["exec"]).exits(2);
    sandbox.exec(&["--no-such-flag"]).exits(2);
    sandbox.exec(&["--workspace", "nowhere"]).exits(2).says("nowhere");
    sandbox.exec(&["--events", "no/folder/here"]).exits(74);
    sandbox.run(["exec", "--plan", "nowhere.json"]).exits(2);
    Sandbox::with("tasks:\n  a: { prompt: hello }\n")
        .env("SMALLCODE_BASE_URL", "http://127.0.0.1:9")
        .env("SMALLCODE_MODEL", "m")
        .exec(&[])
        .exits(4);
    Sandbox::with("budget: { calls: 0 }\ntasks:\n  a: { prompt: hello }\n")
        .env("SMALLCODE_BASE_URL", "http://127.0.0.1:9")
        .env("SMALLCODE_MODEL", "m")
        .exec(&[])
        .exits(3);
}
