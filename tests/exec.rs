//! `exec`: what each kind and key does.

use serde_json::json;

use crate::support::Sandbox;

#[test]
fn values_reach_a_shell_line_as_one_word() {
    let hostile = "$(touch pwned) `touch pwned` \"'; touch pwned; * \\ \n -rf";
    let sandbox = Sandbox::with(
        "inputs: { value: string }\ntasks:\n  a:\n    run: |\n      printf '%s|' {{ inputs.value }} \"x{{ inputs.value }}\" --out={{ inputs.value }}\n      cat <<END\n      {{ inputs.value }}\n      END\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write("inputs.json", &json!({ "value": hostile }).to_string());
    let output = sandbox
        .run(["exec", "workflow.yaml", "--inputs", "inputs.json"])
        .exits(0)
        .json();
    assert_eq!(
        output["a"],
        format!("{hostile}|x{hostile}|--out={hostile}|{hostile}")
    );
    assert!(!sandbox.has("pwned"));
}

#[test]
fn failures_skip_what_needs_them_and_continue_lets_pass() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: exit 3 }\n  b: { run: touch b, needs: a }\n  c: { run: exit 4, on_failure: { continue: true } }\n  d: { run: touch d, needs: c }\n  e: { run: touch e, needs: a, if: failure() }\n",
    );
    sandbox.exec(&[]).exits(1).says("exit code 3");
    assert!(!sandbox.has("b") && sandbox.has("d") && sandbox.has("e"));
}

#[test]
fn foreach_goes_over_an_earlier_output() {
    let sandbox = Sandbox::with(
        "tasks:\n  list: { run: 'printf \"a\\nb c\\n\"', parse: lines }\n  each: { needs: list, foreach: '{{ tasks.list.output }}', run: 'echo {{ index }}:{{ item }}' }\noutputs: { all: '{{ tasks.each.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "all": ["0:a", "1:b c"] })
    );
}
