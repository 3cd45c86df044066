//! `approve`: a human gate, without a terminal.

use serde_json::json;

use crate::support::Sandbox;

const GATE: &str = "inputs: { what: string }\ntasks:\n  before: { run: echo x >>before }\n  gate: { needs: before, approve: 'Deploy {{ inputs.what }}?' }\n  after: { needs: gate, run: 'echo {{ tasks.gate.output.comment }}' }\noutputs: { approved: '{{ tasks.gate.output.approved }}', said: '{{ tasks.after.output }}' }\n";

#[test]
fn a_gate_waits_and_an_approval_lets_the_run_go_on() {
    let sandbox = Sandbox::with(GATE);
    sandbox
        .exec(&["--input", "what=it all"])
        .exits(6)
        .says("Deploy it all?");
    sandbox
        .run(["resume", "--approve", "nothing"])
        .exits(2)
        .says("waiting are `gate`");
    sandbox.run(["resume"]).exits(6);
    let output = sandbox
        .run(["resume", "--approve", "gate", "--comment", "go on"])
        .exits(0);
    assert_eq!(output.json(), json!({ "approved": true, "said": "go on" }));
    assert_eq!(sandbox.read("before"), "x\n");
    sandbox.run(["resume"]).exits(2).says("no run");
}

#[test]
fn a_rejection_fails_the_gate() {
    let sandbox = Sandbox::with(GATE);
    sandbox.exec(&["--input", "what=it"]).exits(6);
    sandbox
        .run(["resume", "--reject", "gate", "--comment", "not today"])
        .exits(1)
        .says("it was rejected: not today");
}
