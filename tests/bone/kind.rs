//! The kind `bone`, the verifier `bone: check`, the tools of agents, and the guide.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

use super::{SHOP, WRONG};

/// A workflow that compiles `shop.bone` into `server`, then runs what follows.
fn compiling(rest: &str) -> Sandbox {
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  compile: {{ bone: {{ compile: shop.bone, out: server }}{rest} }}\noutputs: {{ dir: '{{{{ tasks.compile.output.dir }}}}', files: '{{{{ tasks.compile.output.files|length }}}}' }}\n"
    ));
    sandbox.write("shop.bone", SHOP);
    sandbox
}

#[test]
fn a_program_is_compiled_in_a_workflow_and_again() {
    let sandbox = compiling("");
    let first = sandbox.exec(&[]).exits(0).json();
    assert_eq!(first["dir"], "server");
    assert!(sandbox.has("server/package.json") && sandbox.has("server/bone.manifest.json"));
    let manifest = sandbox.read("server/bone.manifest.json");
    assert_eq!(sandbox.exec(&[]).exits(0).json(), first);
    assert_eq!(sandbox.read("server/bone.manifest.json"), manifest);
}

#[test]
fn nothing_stays_of_a_compilation_that_a_verifier_refuses() {
    let sandbox = compiling(", verify: [{ run: 'false' }]");
    sandbox.exec(&[]).exits(1);
    assert!(!sandbox.has("server/package.json") && !sandbox.has("server/bone.manifest.json"));
    let sandbox = compiling("");
    sandbox.exec(&[]).exits(0);
    sandbox.write("server/mine.txt", "mine");
    let before = sandbox.read("server/bone.manifest.json");
    sandbox.write("shop.bone", &SHOP.replace("rating", "stars"));
    let workflow = sandbox.read("workflow.yaml");
    sandbox.write(
        "workflow.yaml",
        &workflow.replace("out: server }", "out: server }, verify: [{ run: 'false' }]"),
    );
    sandbox.exec(&[]).exits(1);
    assert_eq!(sandbox.read("server/bone.manifest.json"), before);
    assert_eq!(sandbox.read("server/mine.txt"), "mine");
}

#[test]
fn a_wrong_program_and_an_edited_file_fail_the_task() {
    let sandbox = compiling("");
    sandbox.write("shop.bone", WRONG);
    sandbox
        .exec(&[])
        .exits(1)
        .says("B0204")
        .says("`shop.bone` has 2 errors");
    assert!(!sandbox.has("server"));
    sandbox.write("shop.bone", SHOP);
    sandbox.exec(&[]).exits(0);
    sandbox.write("server/package.json", "{}");
    sandbox
        .exec(&[])
        .exits(1)
        .says("`package.json` was edited since it was generated");
    assert_eq!(sandbox.read("server/package.json"), "{}");
}

#[test]
fn programs_are_begun_laid_out_checked_and_compared() {
    let sandbox = Sandbox::with(
        "tasks:
  init: { bone: { init: app/my-shop.bone, domain: iot_system } }
  fmt: { needs: init, bone: { fmt: app/my-shop.bone } }
  check: { needs: fmt, bone: { check: app/my-shop.bone } }
  diff: { needs: check, bone: { diff: app/my-shop.bone, out: server, target: express } }
outputs:
  init: '{{ tasks.init.output.files }}'
  fmt: '{{ tasks.fmt.output.files }}'
  check: '{{ tasks.check.output.diagnostics }}'
  diff: \"{{ 'server/package.json' in tasks.diff.output.files }}\"
",
    );
    let output = sandbox.exec(&[]).exits(0).json();
    assert_eq!(
        output,
        json!({ "init": ["app/my-shop.bone"], "fmt": [], "check": [], "diff": true })
    );
    assert!(sandbox.read("app/my-shop.bone").contains("system MyShop {"));
    assert!(!sandbox.has("server"), "it is only said");
    sandbox
        .exec(&[])
        .exits(1)
        .says("`app/my-shop.bone` is there already");
}

#[test]
fn targets_are_checked_before_anything_runs() {
    let check = |target: &str| {
        let bone = format!("tasks:\n  a: {{ bone: {{ compile: a.bone, out: b, target: {target} }} }}\n");
        Sandbox::with(&bone).run(["check", "workflow.yaml"])
    };
    check("prisma").exits(2).says("target `prisma` is not there");
    check("mysql").exits(2).says("there is no target `mysql`");
    check("express").exits(0);
}

#[test]
fn a_model_that_writes_a_wrong_program_is_told_how_to_mend_it() {
    let right = WRONG.replace("strng", "string").replace("stok", "stock");
    let (server, sandbox) = asking(
        [WRONG.to_owned(), right.clone()],
        "permissions: { write: [shop.bone] }
tasks:
  write:
    prompt: Write a shop with plants.
    context: [{ guide: bonescript }]
    output: { file: shop.bone }
    verify: [{ bone: check }]
",
    );
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("shop.bone").trim(), right.trim());
    let asked = server.calls();
    let text = |at: usize| asked[at].body.to_string();
    assert!(text(0).contains("A file is a backend"), "{}", text(0));
    assert!(
        text(1).contains("error[B0203]") && text(1).contains("write `stock` instead of `stok`"),
        "{}",
        text(1)
    );
}

/// A workspace with a workflow, and a model that answers so.
fn asking(answers: impl IntoIterator<Item = String>, workflow: &str) -> (ModelServer, Sandbox) {
    let server = ModelServer::start(Script::answers(answers.into_iter().map(Answer::text)));
    let mut sandbox = Sandbox::with(workflow);
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    (server, sandbox)
}

#[test]
fn a_small_guide_is_what_the_instruction_calls_for() {
    let (server, sandbox) = asking(
        ["done".to_owned()],
        "tasks:
  write:
    prompt: Add a websocket chat with a rate limit.
    context: [{ guide: bonescript, max: 200 }]
",
    );
    sandbox.exec(&[]).exits(0);
    let text = server.calls()[0].body.to_string();
    assert!(
        text.contains("policy limits") && !text.contains("extension_point"),
        "{text}"
    );
    let unknown = "tasks: { a: { prompt: x, context: [{ guide: cobol }] } }";
    Sandbox::with(unknown)
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says("there is no guide `cobol`");
}

#[test]
fn an_agent_checks_and_compiles() {
    let call = |name: &str, arguments: serde_json::Value| {
        format!(
            "<tool_call>\n{}\n</tool_call>",
            json!({ "name": name, "arguments": arguments })
        )
    };
    let workflow = "permissions: { write: ['server/**'] }
tasks:
  build:
    agent: { goal: Compile shop.bone., tools: [read_file, bone_check, bone_compile] }
    writes: ['server/**']
    verify: [{ files: server/package.json }]
";
    let (server, sandbox) = asking(
        [
            call("bone_check", json!({ "path": "wrong.bone" })),
            call("bone_check", json!({ "path": "worse.bone" })),
            call("bone_check", json!({ "path": "shop.bone" })),
            call("bone_compile", json!({ "path": "shop.bone", "out": "elsewhere" })),
            call(
                "bone_compile",
                json!({ "path": "shop.bone", "out": "server", "target": "sqlite" }),
            ),
            call("finish", json!({ "summary": "it is there" })),
        ],
        workflow,
    );
    sandbox.write("shop.bone", SHOP);
    sandbox.write("wrong.bone", WRONG);
    let fields: Vec<String> = (0..11).map(|n| format!("field{n}: None{n}")).collect();
    let worse = format!(
        "system Worse {{ entity Thing {{ owns: [{}] }} }}",
        fields.join(", ")
    );
    sandbox.write("worse.bone", &worse);
    sandbox.exec(&[]).exits(0);
    assert!(sandbox.has("server/bone.manifest.json") && !sandbox.has("elsewhere"));
    let calls = server.calls();
    let last = calls[5].body.to_string();
    for said in [
        "error[B0203]",
        "3 more: mend these, then check again",
        "the program is right",
        "may not be written",
        "removed",
    ] {
        assert!(last.contains(said), "`{said}` is not in {last}");
    }
}

#[test]
fn a_program_of_a_model_brings_no_secret_to_light() {
    let importing = "system S { import Keys from \".env\" }";
    let (server, sandbox) = asking(
        [importing.to_owned()],
        "permissions: { write: [a.bone] }
tasks:
  write: { prompt: x, output: { file: a.bone }, verify: [{ bone: check }], on_failure: { retry: 1 } }
",
    );
    sandbox.write(".env", "TOKEN=precious\n");
    let output = sandbox.exec(&[]);
    assert_ne!(output.code, Some(0));
    let told: String = server.calls().iter().map(|call| call.body.to_string()).collect();
    assert!(
        told.contains("may hold secrets") && !told.contains("precious"),
        "{told}"
    );
}
