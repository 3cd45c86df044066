//! `check`, `plan`, `graph`, `explain`, `schema`, `completions`: what is known before anything runs.

mod refused;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

#[test]
fn every_page_of_a_code_shows_what_it_says() {
    for code in smallcode_core::diagnostic::Code::ALL {
        let page = Sandbox::new().run(["explain", code.as_str()]).exits(0).stdout;
        for (heading, right) in [("## Wrong", false), ("## Right", true)] {
            let part = page.split(heading).nth(1).unwrap();
            let part = part.split("\n## ").next().unwrap();
            let Some(example) = part
                .split("```yaml\n")
                .nth(1)
                .and_then(|rest| rest.split("\n```").next())
            else {
                continue;
            };
            let sandbox = Sandbox::new();
            sandbox.write("workflow.yaml", example);
            let checked = sandbox.run(["check", "--format", "json", "workflow.yaml"]);
            let found = checked.json();
            let codes: Vec<&str> = found
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|d| d["code"].as_str())
                .collect();
            if right {
                assert!(codes.is_empty(), "{code} {heading}: {found:#}");
            } else {
                assert!(codes.contains(&code.as_str()), "{code} {heading}: {codes:?}");
            }
        }
    }
}

#[test]
fn problems_are_shown_with_their_place() {
    let sandbox = Sandbox::with("tasks:\n  build: { rum: make }\n  test: { run: make test, needs: biuld }\n");
    let output = sandbox.run(["check", "workflow.yaml"]).exits(2);
    insta::assert_snapshot!(output.stderr);
    assert_eq!(output.stdout, "");
}

#[test]
fn a_plan_is_shown_for_people() {
    let sandbox = Sandbox::with(
        "inputs: { names: list }\nbudget: { tokens: 50000 }\npermissions: { write: ['out/**'] }\ntasks:\n  list: { foreach: '{{ inputs.names }}', run: 'echo {{ item }}' }\n  write:\n    needs: list\n    if: inputs.names\n    prompt: 'Write of {{ tasks.list.output }}'\n    output: { file: out/a.md }\n    on_failure: { retry: 1 }\n  each: { needs: write, foreach: '{{ tasks.list.output }}', max_items: 5, run: 'echo {{ item }}' }\n",
    );
    let output = sandbox
        .run(["plan", "workflow.yaml", "--input", "names=a,b"])
        .exits(0);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn an_approved_plan_runs_exactly() {
    let sandbox = Sandbox::with(
        "inputs: { name: string }\ntasks:\n  a: { run: 'echo {{ inputs.name }}' }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    let plan = sandbox
        .run(["plan", "workflow.yaml", "--json", "--input", "name=x y"])
        .exits(0)
        .stdout;
    sandbox.write("plan.json", &plan);
    let output = sandbox.run(["exec", "--plan", "plan.json"]).exits(0);
    assert_eq!(output.json(), serde_json::json!({ "a": "x y" }));
    sandbox.write("workflow.yaml", "smallcode: 1\ninputs: { name: string }\ntasks:\n  a: { run: 'echo changed {{ inputs.name }}' }\noutputs: { a: '{{ tasks.a.output }}' }\n");
    sandbox
        .run(["exec", "--plan", "plan.json"])
        .exits(5)
        .says("`workflow.yaml` has changed");
    sandbox.write("plan.json", &plan.replace("x y", "z"));
    sandbox.run(["exec", "--plan", "plan.json"]).exits(5);
}

#[test]
fn graphs_are_drawn_in_three_languages() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'true' }\n  b: { run: 'true', needs: a }\n");
    for (format, begins) in [("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")] {
        let picture = sandbox
            .run(["graph", "workflow.yaml", "--format", format])
            .exits(0)
            .stdout;
        assert!(picture.starts_with(begins), "{picture}");
    }
}

#[test]
fn what_this_version_cannot_run_is_named_before_anything_starts() {
    let sandbox = Sandbox::with(
        "tasks:\n  first: { run: touch started }\n  fix: { needs: first, uses: team/notes@v1 }\n",
    );
    sandbox.run(["check", "workflow.yaml"]).exits(0);
    sandbox
        .exec(&[])
        .exits(2)
        .says("a workflow of a library can't be run by this version");
    assert!(!sandbox.has("started"));
}

#[test]
fn completions_and_version() {
    assert!(
        Sandbox::new()
            .run(["completions", "bash"])
            .exits(0)
            .stdout
            .contains("smallcode")
    );
    assert!(
        Sandbox::new()
            .run(["--version"])
            .exits(0)
            .stdout
            .starts_with("smallcode ")
    );
    Sandbox::new()
        .run(["explain", "E9999"])
        .exits(2)
        .says("there is no code");
}

#[test]
fn what_a_run_takes_at_most_is_told() {
    let sandbox = Sandbox::with(
        "permissions: { write: ['src/**'] }\ntasks:\n  a: { run: 'true' }\n  b: { prompt: 'Say it', on_failure: { retry: 1 } }\n  c: { plan: { goal: Do it., kinds: [prompt], max_tasks: 3 }, needs: b, on_failure: { retry: 0 } }\n",
    );
    sandbox
        .run(["check", "workflow.yaml"])
        .exits(0)
        // Two attempts of three tries each.
        .says("b: at most 6 calls and 24,576 tokens")
        // What is planned is a node as well.
        .says("workflow: 6 nodes at most, at most ")
        .says("with a window of 4,096");
    sandbox.write(
        "inputs.yaml",
        "smallcode: 1\ninputs: { name: { type: string } }\ntasks:\n  a: { prompt: 'Say {{ inputs.name }}' }\n",
    );
    sandbox.write(
        "capped.yaml",
        "smallcode: 1\nbudget: { calls: 3, tokens: 10 }\ntasks: { a: { prompt: Hello } }\n",
    );
    let caps = "its budget ends it at 3 calls and 10 tokens";
    sandbox.run(["check", "capped.yaml"]).exits(0).says(caps);
    let plan = sandbox.run(["plan", "capped.yaml"]).exits(0);
    assert!(plan.stdout.contains(caps), "{}", plan.stdout);
    let depends = "inputs.yaml: what it takes at most depends on its inputs";
    sandbox.run(["check", "inputs.yaml"]).exits(0).says(depends);
}

/// What fills more than a window of 4,096 leaves beside its answer, by any count.
fn handbook() -> String {
    (0..1300).fold(String::new(), |text, line| {
        text + &format!("      Rule {line} of the handbook is kept.\n")
    })
}

#[test]
fn a_prompt_that_can_not_fit_is_refused_before_anything_runs() {
    let server = ModelServer::start(Script::always(Answer::text("fine")));
    let text = handbook();
    for (kind, beside) in [
        ("prompt: |\n      Summarise {{ inputs.name }}:\n", ""),
        (
            "edit:\n     files: [src/a.rs]\n     instruction: |\n      Follow this:\n",
            "",
        ),
        (
            "agent:\n     goal: |\n      Follow this:\n",
            "    verify: [{ files: [a] }]\n",
        ),
        ("plan:\n     goal: |\n      Follow this:\n", ""),
    ] {
        let sandbox = Sandbox::with(&format!(
            "inputs: {{ name: {{ type: string, default: it }} }}\npermissions: {{ write: ['src/**'] }}\ntasks:\n  first: {{ run: touch begun }}\n  big:\n    needs: first\n    {kind}{text}{beside}"
        ));
        let model = |window: &str| {
            format!(
                "[profiles.default]\nbase_url = \"{}\"\nmodel = \"tiny\"\n{window}",
                server.base_url()
            )
        };
        // Nobody says how large the window is; a server that is asked might.
        sandbox
            .run(["check", "workflow.yaml"])
            .exits(2)
            .says("error[E0406]: a prompt of `big` takes")
            .says("a profile says a larger one");
        sandbox.write("smallcode.toml", &model("window = 4096\n"));
        sandbox.run(["check", "workflow.yaml"]).exits(2).says("E0406");
        for command in ["plan", "exec"] {
            sandbox
                .run([command, "workflow.yaml"])
                .exits(2)
                .says("error[E0406]: a prompt of `big` takes");
        }
        assert!(!sandbox.has("begun") && server.calls().is_empty());
        sandbox.write("smallcode.toml", &model("window = 32768\n"));
        sandbox
            .run(["check", "workflow.yaml"])
            .exits(0)
            .says("with a window of 32,768");
    }
}

#[test]
fn an_agent_that_has_no_room_for_results_is_refused() {
    let sandbox = Sandbox::with(
        "tasks:\n  look:\n    agent: { goal: Find the entry point }\n    verify: [{ expr: 'true' }]\n",
    );
    let profile = |window: u32| {
        format!("[profiles.default]\nbase_url = \"http://127.0.0.1:9/v1\"\nwindow = {window}\n")
    };
    sandbox.write("smallcode.toml", &profile(1500));
    sandbox
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says("error[E0406]: a prompt of `look` takes");
    sandbox.write("smallcode.toml", &profile(4096));
    sandbox.run(["check", "workflow.yaml"]).exits(0);
}

#[test]
fn what_fits_by_any_count_and_what_its_answer_may_be_as_long_as_is_no_error() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { prompt: Hello }\n  b: { prompt: Hello, verify: [{ judge: Is it kind? }] }\n",
    );
    // An answer may be as long as the window: it is shorter then.
    for profile in ["window = 4096\nmax_output = 4096", "max_output = 100000"] {
        let text = format!("[profiles.default]\nbase_url = \"http://127.0.0.1:9/v1\"\n{profile}\n");
        sandbox.write("smallcode.toml", &text);
        sandbox.run(["check", "workflow.yaml"]).exits(0);
    }
    // What is wrong with the settings hides nothing of what is wrong with the files.
    sandbox.write("smallcode.toml", "garbage = [\n");
    sandbox.write("bad.yaml", "smallcode: 1\ntasks: { a: { rum: x } }\n");
    let checked = sandbox
        .run(["check", "--format", "json", "workflow.yaml", "bad.yaml"])
        .exits(2);
    assert!(checked.stdout.contains("E0205"), "{}", checked.stdout);
    checked.says("smallcode.toml");
    sandbox.write(
        "smallcode.toml",
        "[profiles.default]\nwindow = 256\nbase_url = \"http://127.0.0.1:9/v1\"\n",
    );
    for task in [
        // What the engine says itself is counted as well.
        &format!("plan: {{ goal: '{}' }}", "Do it. ".repeat(40)),
        &format!(
            "run: 'true', verify: [{{ judge: '{}' }}]",
            "Is this so? ".repeat(400)
        ),
        &format!("prompt: '{}{{% if 1 %}}x{{% endif %}}'", "Say it. ".repeat(400)),
    ] {
        sandbox.write(
            "w.yaml",
            &format!("smallcode: 1\npermissions: {{ write: ['src/**'] }}\ntasks: {{ a: {{ {task} }} }}\n"),
        );
        sandbox.run(["check", "w.yaml"]).exits(2).says("E0406");
    }
}
