//! `render`: a template to a file.

use crate::support::Sandbox;

#[test]
fn a_template_file_sees_values_inputs_and_tasks() {
    let sandbox = Sandbox::with(
        "inputs: { who: string }\ntasks:\n  list: { run: 'printf \"a\\nb\"', parse: lines }\n  page: { needs: list, render: { template: t/page.j2, to: 'out/{{ inputs.who }}/page.md', values: { title: 'For {{ inputs.who }}', n: '{{ tasks.list.output|length }}' } } }\noutputs: { file: '{{ tasks.page.output.file }}' }\n",
    );
    sandbox.write(
        "t/page.j2",
        "# {{ title }} {{ n + 1 }}\n{% for item in tasks.list.output %}- {{ item }}\n{% endfor %}",
    );
    let output = sandbox.exec(&["--input", "who=you", "--raw"]).exits(0);
    assert_eq!(output.stdout, "out/you/page.md\n");
    assert_eq!(sandbox.read("out/you/page.md"), "# For you 3\n- a\n- b\n");
}

#[test]
fn a_render_stays_in_the_workspace() {
    let sandbox = Sandbox::with(
        "inputs: { to: string }\ntasks:\n  a: { render: { text: pwned, to: '{{ inputs.to }}' } }\n",
    );
    std::os::unix::fs::symlink(sandbox.outside(), sandbox.path().join("link")).unwrap();
    for to in ["../x", "/tmp/smallcode-x", "a/../../x", "link/x", "", "."] {
        let output = sandbox.exec(&["--input", &format!("to={to}")]);
        assert!(matches!(output.code, Some(1 | 2)), "{to}: {output:?}");
    }
    assert!(!sandbox.outside().join("x").exists());
    for to in ["../x", "/tmp/x"] {
        Sandbox::with(&format!("tasks:\n  a: {{ render: {{ text: x, to: '{to}' }} }}\n"))
            .run(["check", "workflow.yaml"])
            .exits(2)
            .says("E0405");
    }
}

/// What git and the engine keep is not a task's to write, however it gets there.
#[test]
fn a_render_does_not_touch_what_git_and_the_engine_keep() {
    for to in [
        ".git/config",
        ".smallcode/x",
        "./sub/.git/hooks/pre-commit",
        "a/../.GIT/x",
    ] {
        for task in [
            format!("a: {{ render: {{ text: x, to: '{to}' }} }}"),
            format!("a: {{ run: 'true', writes: '{to}' }}"),
        ] {
            Sandbox::with(&format!("tasks:\n  {task}\n"))
                .run(["check", "workflow.yaml"])
                .exits(2)
                .says("E0405")
                .says("is not a task's to write");
        }
        let sandbox = Sandbox::with(
            "inputs: { to: string }\ntasks:\n  a: { render: { text: x, to: '{{ inputs.to }}' } }\n",
        );
        sandbox
            .exec(&["--input", &format!("to={to}")])
            .exits(2)
            .says("is not a task's to write");
        // Known only while it runs.
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  where: {{ run: 'echo {to}' }}\n  a: {{ needs: where, render: {{ text: x, to: '{{{{ tasks.where.output }}}}' }} }}\n  b: {{ needs: where, run: 'true', writes: '{{{{ tasks.where.output }}}}' }}\n"
        ));
        let output = sandbox.exec(&[]).exits(1);
        for node in ["a", "b"] {
            let says = format!("] {node}: failed");
            let line = output.stderr.lines().find(|line| line.contains(&says));
            assert!(
                line.is_some_and(|line| line.ends_with("is not a task's to write")),
                "{}",
                output.stderr
            );
        }
        assert!(!sandbox.has(to));
    }
    let sandbox = Sandbox::with("tasks:\n  a: { render: { text: x, to: link/config } }\n");
    sandbox.write(".git/config", "[core]\n");
    std::os::unix::fs::symlink(".git", sandbox.path().join("link")).unwrap();
    sandbox.exec(&[]).exits(1).says("`link/config` leads into `.git`");
    assert_eq!(sandbox.read(".git/config"), "[core]\n");
}

#[test]
fn an_error_in_a_template_file_names_its_line() {
    let sandbox = Sandbox::with(
        "inputs: { data: object }\ntasks:\n  a: { render: { template: t.j2, to: out, values: { data: '{{ inputs.data }}' } } }\n",
    );
    sandbox.write("t.j2", "one\ntwo\n{{ data.missing }}\n");
    sandbox
        .exec(&["--input", "data={}"])
        .exits(1)
        .says("t.j2:3: `data.missing` is not defined");
    sandbox.write("t.j2", "one\n{{ nothing }}\n");
    sandbox
        .exec(&["--input", "data={}"])
        .exits(2)
        .says("t.j2:2")
        .says("`nothing` is not defined");
    assert!(!sandbox.has("out"));
}

#[test]
fn templates_may_have_a_mebibyte() {
    let sandbox = Sandbox::with("tasks:\n  a: { render: { template: t.j2, to: out } }\n");
    let text = "x".repeat((1 << 20) - 16);
    sandbox.write("t.j2", &format!("{text}{{{{ 1 + 1 }}}}"));
    sandbox.exec(&[]).exits(0);
    assert_eq!(sandbox.read("out"), format!("{text}2"));
    sandbox.write("t.j2", &"x".repeat((1 << 20) + 1));
    sandbox.exec(&[]).exits(2).says("t.j2");
}

#[test]
fn names_of_values_are_usable_and_hide_nothing() {
    for name in ["inputs", "tasks", "item", "a-b", "1a", "a b"] {
        Sandbox::with(&format!(
            "tasks:\n  a: {{ render: {{ text: x, to: out, values: {{ '{name}': 1 }} }} }}\n"
        ))
        .run(["check", "workflow.yaml"])
        .exits(2)
        .says("E0206");
    }
}
