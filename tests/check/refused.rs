//! What `check` refuses, so that it can't fail in a run.

use crate::support::Sandbox;

#[track_caller]
fn refused(workflow: &str, code: &str, says: &str) {
    Sandbox::with(workflow)
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says(code)
        .says(says);
}

#[track_caller]
fn fine(workflow: &str) {
    Sandbox::with(workflow).run(["check", "workflow.yaml"]).exits(0);
}

#[test]
fn numbers_that_mean_nothing() {
    let run = "tasks: { a: { run: 'true' } }\n";
    refused(
        &format!("budget: {{ tokens: -1 }}\n{run}"),
        "E0202",
        "expected a whole number of at least 0, found `-1`",
    );
    refused(
        &format!("budget: {{ usd: -0.5 }}\n{run}"),
        "E0202",
        "found `-0.5`",
    );
    for number in [".inf", "-.inf", ".nan"] {
        let says = format!("`{number}` is no number that a value can hold");
        refused(&format!("budget: {{ usd: {number} }}\n{run}"), "E0101", &says);
        refused(
            &format!("tasks: {{ a: {{ foreach: [{number}], run: 'true' }} }}\n"),
            "E0101",
            &says,
        );
    }
    refused(
        "tasks: { a: { foreach: [1], max_items: 0, run: 'true' } }\n",
        "E0204",
        "`max_items: 0`",
    );
    refused(
        "tasks: { a: { timeout: 0s, run: 'true' } }\n",
        "E0204",
        "`timeout` of nothing",
    );
    refused(
        "tasks: { a: { timeout: 0ms, run: 'true' } }\n",
        "E0204",
        "`timeout` of nothing",
    );
}

#[test]
fn verifiers_that_can_never_work() {
    for pattern in ["(", "a(?=b)", "[z-a]"] {
        refused(
            &format!("tasks: {{ a: {{ run: 'true', verify: [{{ matches: '{pattern}' }}] }} }}\n"),
            "E0204",
            "not a regular expression",
        );
    }
    refused(
        "tasks: { a: { run: 'true', verify: [{ syntax: false }] } }\n",
        "E0204",
        "`syntax: false` checks nothing",
    );
    fine("tasks: { a: { run: 'true', verify: [{ syntax: true }] } }\n");
}

#[test]
fn inputs_that_no_value_fits() {
    refused(
        "inputs: { l: { type: list, items: enum } }\ntasks: { a: { run: 'echo {{ inputs.l|tojson }}' } }\n",
        "E0204",
        "can't be an `enum`",
    );
}

#[test]
fn writes_that_overlap() {
    let two = |left: &str, right: &str| {
        format!(
            "tasks:\n  a: {{ run: 'true', writes: '{left}' }}\n  b: {{ run: 'true', writes: '{right}' }}\n"
        )
    };
    for (left, right) in [
        ("x/{a/b,c}", "x/a/b"),
        ("{a,{b,c}}/x", "c/x"),
        ("a//b", "a/b"),
        ("./a", "a"),
        ("a/./b", "a/b"),
        ("out/**", "out/x/y"),
    ] {
        refused(&two(left, right), "E0403", "may run at the same time");
    }
    fine(&two("a/*.md", "a/*.rs"));
    fine(
        "inputs: { out: path }\ntasks:\n  a: { run: 'true', writes: 'docs/**' }\n  b: { render: { text: x, to: '{{ inputs.out }}/x' } }\n",
    );
}

#[test]
fn keys_that_are_there_twice() {
    let base = "defaults: &a { timeout: 1m }\n";
    refused(
        &format!("{base}tasks:\n  a:\n    <<: *a\n    run: x\n    <<: {{ cwd: . }}\n    nothing: 1\n"),
        "E0102",
        "`<<` is here twice",
    );
    // With every other problem of the file.
    refused(
        &format!("{base}tasks:\n  a:\n    <<: *a\n    <<: *a\n    run: x\n    nothing: 1\n"),
        "E0201",
        "unknown key `nothing`",
    );
    fine(&format!(
        "{base}tasks:\n  a:\n    <<: [*a, {{ cwd: . }}]\n    run: x\n"
    ));
}

#[test]
fn a_name_with_a_dash_needs_brackets() {
    refused(
        "inputs: { my-name: string }\ntasks:\n  a: { run: 'echo {{ inputs.my-name }}' }\n",
        "E0302",
        "inputs['my-name']",
    );
    fine(
        "inputs: { my-name: string }\ntasks:\n  a-b: { run: \"echo {{ inputs['my-name'] }}\" }\noutputs: { o: \"{{ tasks['a-b'].output }}\" }\n",
    );
    refused(
        "tasks:\n  a-b: { run: 'true' }\n  c: { needs: a-b, run: 'echo {{ tasks.a-b.output }}' }\n",
        "E0302",
        "tasks['a-b']",
    );
}

#[test]
fn a_file_that_many_tasks_name_is_told_of_once() {
    let mut workflow = String::from("tasks:\n");
    for task in 0..50 {
        workflow.push_str(&format!(
            "  t{task}: {{ render: {{ template: t.j2, to: out/{task} }} }}\n"
        ));
    }
    let sandbox = Sandbox::with(&workflow);
    sandbox.write("t.j2", "{% if %}");
    let output = sandbox.run(["check", "workflow.yaml"]).exits(2);
    assert_eq!(output.stderr.matches("E0301]").count(), 1, "{}", output.stderr);
}

#[test]
fn what_can_only_fail_in_a_run() {
    let a = "tasks:\n  a: { run: echo x }\n  b: { needs: a, ";
    refused(
        &format!("{a}foreach: tasks.a.output, run: 'true' }}\n"),
        "E0202",
        "`foreach` goes over a list, and this is text",
    );
    refused(
        &format!("inputs: {{ l: list }}\n{a}run: 'echo {{{{ inputs.l }}}}' }}\n"),
        "E0305",
        "a list cannot be put in a shell line",
    );
    refused(
        &format!("{a}matrix: {{ os: [l], exclude: [{{ oss: l }}] }}, run: 'true' }}\n"),
        "E0204",
        "the matrix has no axis `oss`",
    );
    refused(&format!("{a}cwd: /tmp, run: 'true' }}\n"), "E0405", "absolute");
}

/// Whatever else is wrong, what can be told is told: problems come all at once.
#[test]
fn one_problem_does_not_hide_another() {
    let said = |files: &[(&str, &str)]| {
        let sandbox = Sandbox::with("");
        for (path, text) in files {
            sandbox.write(path, &format!("smallcode: 1\n{text}"));
        }
        let output = sandbox.run(["check", "workflow.yaml"]).exits(2);
        let mut codes: Vec<String> = output
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("error[")?.get(..5).map(str::to_owned))
            .collect();
        codes.sort();
        (codes.join(" "), output.stderr)
    };
    let all = |text: &str| said(&[("workflow.yaml", text)]).0;
    // A circle leaves open what comes after what, and nothing else.
    let circle = "tasks:\n  a: { needs: c, run: x }\n  b: { needs: a, run: x }\n  c: { needs: b, run: x }\n";
    assert_eq!(
        all(&format!(
            "{circle}  d: {{ needs: c, run: 'echo {{{{ tasks.a.output }}}} {{{{ inputs.no }}}}', cwd: /x }}\n"
        )),
        "E0302 E0402 E0405"
    );
    assert_eq!(
        all(&format!(
            "{circle}  d: {{ run: 'echo {{{{ tasks.a.output }}}}' }}\n"
        )),
        "E0303 E0402"
    );
    // A need that is misspelt, or can't be read, may bring the order that is missed.
    assert_eq!(
        all("tasks:\n  one: { run: x }\n  two: { needs: oen, run: 'echo {{ tasks.one.output }}' }\n"),
        "E0401"
    );
    assert_eq!(
        all(
            "tasks:\n  a: { run: x, writes: o }\n  b: { needs: a, run: x, runs: y, timeout: no }\n  c: { needs: b, run: 'echo {{ tasks.a.output }}', writes: o }\n"
        ),
        "E0201 E0204"
    );
    // A used file that can't be read.
    let (codes, text) = said(&[
        (
            "workflow.yaml",
            "tasks:\n  a: { uses: b.yaml }\n  b: { uses: c.yaml }\n  c: { run: 'echo {{ inputs.no }}' }\n  d: { uses: b.yaml }\n",
        ),
        ("b.yaml", "tasks: [\n"),
        (
            "c.yaml",
            "inputs: { in: string }\ntasks:\n  x: { run: 'echo {{ inputs.in }} {{ inputs.on }}' }\n",
        ),
    ]);
    assert_eq!(codes, "E0101 E0302 E0302 E0404", "{text}");
    // An expression that can't be read may use an input.
    let (_, text) = said(&[(
        "workflow.yaml",
        "inputs: { x: string }\ntasks: { a: { run: 'echo {{ inputs.x + }}' } }\n",
    )]);
    assert!(!text.contains("W0501"), "{text}");
    // A task whose name can't be one.
    let (codes, text) = said(&[(
        "workflow.yaml",
        "inputs: { x: string }\ntasks:\n  a b: { run: 'echo {{ inputs.x }}', nothing: 1 }\n  c: { run: x }\n",
    )]);
    assert_eq!(codes, "E0201 E0206");
    assert!(!text.contains("W0501"), "{text}");
    // What is missing is not what is there.
    let (codes, text) = said(&[("workflow.yaml", "tasks: { a: { approve: { messge: x } } }\n")]);
    assert_eq!(codes, "E0201 E0203");
    assert!(!text.contains("did you mean `messge`"), "{text}");
}

#[test]
fn what_a_model_is_shown_lies_inside_and_is_no_secret_by_accident() {
    let task = |item: &str| format!("tasks: {{ a: {{ prompt: Look, context: [{item}] }} }}\n");
    for item in [
        "{ file: ../x }",
        "{ file: /etc/passwd }",
        "{ files: ['src/**', '../**'] }",
    ] {
        refused(&task(item), "E0405", "lies inside the workspace");
    }
    for path in [".env", "config/.env.local", ".git/config", ".smallcode/x"] {
        refused(&task(&format!("{{ file: {path} }}")), "E0407", path);
    }
    fine(&format!(
        "permissions: {{ read: [.env] }}\n{}",
        task("{ file: .env }")
    ));
    fine(&task("{ files: '**/*' }"));
    refused(
        "permissions: { write: [.env] }\ntasks: { a: { edit: { instruction: x, files: .env } } }\n",
        "E0407",
        "is not shown to a model",
    );
}

#[test]
fn what_can_never_be_shown_or_answered() {
    let task = |beside: &str| format!("tasks: {{ a: {{ prompt: Look, {beside} }} }}\n");
    refused(
        &task("context: [{ file: a, min: 200, max: 100 }]"),
        "E0204",
        "not worth showing with fewer than 200",
    );
    fine(&task("context: [{ file: a, min: 100, max: 100 }]"));
    refused(
        &task("verify: [{ judge: ' ' }]"),
        "E0204",
        "the question is empty",
    );
}
