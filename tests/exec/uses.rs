//! `uses`: another workflow.

use serde_json::json;

use crate::support::Sandbox;

fn sandbox(root: &str) -> Sandbox {
    let sandbox = Sandbox::with(root);
    sandbox.write(
        "parts/add.yaml",
        "smallcode: 1\ninputs: { n: integer, by: { type: integer, default: 10 } }\ntasks:\n  add: { run: 'echo $(( $N + $BY ))', env: { N: '{{ inputs.n }}', BY: '{{ inputs.by }}' }, parse: json }\noutputs: { sum: '{{ tasks.add.output }}' }\n",
    );
    sandbox
}

#[test]
fn a_used_workflow_has_typed_inputs_defaults_and_outputs() {
    let sandbox = sandbox(
        "tasks:\n  one: { uses: parts/add.yaml, with: { n: 1 } }\n  two: { needs: one, uses: ./parts/add.yaml, with: { n: '{{ tasks.one.output.sum }}', by: 2 } }\noutputs: { one: '{{ tasks.one.output }}', two: '{{ tasks.two.output.sum }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "one": { "sum": 11 }, "two": 13 })
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let sandbox = sandbox(
        "tasks:\n  text: { run: echo 1 }\n  one: { needs: text, uses: parts/add.yaml, with: { n: '{{ tasks.text.output }}' } }\n",
    );
    sandbox
        .exec(&[])
        .exits(1)
        .says("the input `n` of `parts/add.yaml`: expected a whole number, found `1`");
    for (with, says) in [
        ("{ n: one }", "expected a whole number"),
        ("{}", "does not give the input `n`"),
        ("{ n: 1, m: 2 }", "has no input `m`"),
    ] {
        sandbox.write(
            "workflow.yaml",
            &format!("smallcode: 1\ntasks:\n  one: {{ uses: parts/add.yaml, with: {with} }}\n"),
        );
        sandbox.run(["check", "workflow.yaml"]).exits(2).says(says);
    }
}

#[test]
fn foreach_goes_over_uses() {
    let sandbox = sandbox(
        "tasks:\n  all: { foreach: [1, 2, 3], uses: parts/add.yaml, with: { n: '{{ item }}', by: '{{ index }}' } }\noutputs: { all: '{{ tasks.all.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "all": [{ "sum": 1 }, { "sum": 3 }, { "sum": 5 }] })
    );
}

#[test]
fn workflows_nest_and_may_not_use_themselves() {
    let sandbox = sandbox(
        "tasks:\n  m: { uses: parts/middle.yaml, with: { n: 5 } }\noutputs: { s: '{{ tasks.m.output.s }}' }\n",
    );
    sandbox.write(
        "parts/middle.yaml",
        "smallcode: 1\ninputs: { n: integer }\ntasks:\n  a: { uses: add.yaml, with: { n: '{{ inputs.n }}' } }\noutputs: { s: '{{ tasks.a.output.sum }}' }\n",
    );
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "s": 15 }));
    sandbox.write(
        "parts/middle.yaml",
        "smallcode: 1\ninputs: { n: integer }\ntasks:\n  a: { uses: ../workflow.yaml }\noutputs: { s: '{{ inputs.n }}' }\n",
    );
    sandbox.exec(&[]).exits(2).says("the workflow uses itself");
}

#[test]
fn a_failure_inside_fails_the_task_and_a_retry_runs_it_again() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { uses: part.yaml, on_failure: { retry: { max: 2, backoff: 1ms } } }\n  b: { needs: a, run: touch b }\noutputs: { n: '{{ tasks.a.output.n }}' }\n",
    );
    sandbox.write(
        "part.yaml",
        "smallcode: 1\ntasks:\n  count: { run: 'echo x >>count; test $(wc -l <count) -ge 3; wc -l <count', parse: json }\noutputs: { n: '{{ tasks.count.output }}' }\n",
    );
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "n": 3 }));
    assert!(sandbox.has("b"));
    sandbox.write(
        "part.yaml",
        "smallcode: 1\ntasks:\n  count: { run: exit 7 }\noutputs: { n: 1 }\n",
    );
    sandbox.exec(&[]).exits(1).says("exit code 7").says("count");
}
