//! Every rule, on small workflows: the text and what is said of it.

use std::collections::HashMap;

use camino::Utf8PathBuf;

use crate::load::{Load, load};

/// Loads `main.yaml` of a few files.
pub(crate) fn load_files(files: &[(&str, &str)]) -> Load {
    let files: HashMap<Utf8PathBuf, String> = files
        .iter()
        .map(|(path, text)| (Utf8PathBuf::from(*path), (*text).to_owned()))
        .collect();
    load("main.yaml".into(), &files)
}

/// What is said of a workflow: one line a problem, with its place and its help.
fn said(files: &[(&str, &str)]) -> String {
    let load = load_files(files);
    let lines: Vec<String> = load
        .problems
        .iter()
        .map(|problem| {
            let label = &problem.labels[0];
            let (line, column) = load.sources.position(label.source, label.span.start);
            let text = &load.sources.get(label.source).unwrap().text;
            let under = &text[label.span.range()];
            let help = problem
                .help
                .iter()
                .fold(String::new(), |all, help| all + "\n    help: " + help);
            format!(
                "{}:{line}:{column} {:?}: {}{help}",
                problem.code, under, problem.message
            )
        })
        .collect();
    format!("{}\nrunnable: {}", lines.join("\n"), load.bundle.is_some())
}

fn said_of(tasks: &str) -> String {
    said(&[("main.yaml", &format!("smallcode: 1\n{tasks}"))])
}

#[test]
fn a_good_file_is_silent() {
    insta::assert_snapshot!(
        said_of(
            "inputs: { name: string }\nenv: [CI]\ntasks:\n  a: { run: 'echo {{ inputs.name }}' }\n  b:\n    needs: a\n    run: { argv: [echo, '{{ tasks.a.output }}', '{{ env.CI|default(1) }}', '{{ run.id }}'] }\noutputs: { b: '{{ tasks.b.output }}' }\n"
        ),
        @"
    runnable: true
    "
    );
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    insta::assert_snapshot!(said_of(
        "inputs: { nam: strin, unused: string }\ntasks:\n  a: { rum: x }\n  b: { run: 'echo {{ inputs.name }}', timout: 3s }\n  c: { run: x, timeout: 10, needs: d }\n  e: { run: x, render: { text: y, to: z } }\n  f: { prompt: x, idempotent: true, needs: a }\n  f: { run: y }\n  g: { run: \"echo '{{ inputs.unused }}'\" }\n"
    ));
}

#[test]
fn references() {
    insta::assert_snapshot!(said_of(
        "inputs: { name: string }\ntasks:\n  a: { run: x, if: inputs.name }\n  b: { run: 'echo {{ tasks.a.output }} {{ tasks.c.output }} {{ tasks.b.output }} {{ nam }} {{ name }} {{ item }}', needs: a }\n  c: { run: { argv: [echo, '{{ tasks.a.output }}', \"{{ tasks.a.output|default('x') }}\", '{{ tasks.a.status }}'] }, needs: a, if: always() }\n  d: { run: 'echo {{ tasks.b.output.x }} {{ tasks.b.outptu }} {{ env.HOME }} {{ run.idd }}', needs: [b] }\n  e: { foreach: [1, 2], run: 'echo {{ item }} {{ index }} {{ matrix.os }}' }\n  f: { matrix: { os: [a, b] }, run: 'echo {{ matrix.os }} {{ matrix.oss }}' }\n  g: { run: 'x {{ success() }}' }\n  h: { needs: e, run: 'x {{ tasks.e.stdout }} {{ tasks.e.output.x }}' }\noutputs: { a: '{{ tasks.a.output }}', b: '{{ tasks.b.output }}' }\n"
    ));
}

#[test]
fn cycles_show_their_path() {
    insta::assert_snapshot!(said_of(
        "tasks:\n  a: { run: x, needs: c }\n  b: { run: x, needs: [a] }\n  c: { run: x, needs: b }\n  d: { run: x, needs: d }\n"
    ));
}

/// What is wrong in a task hides nothing of what it needs.
#[test]
fn needs_of_tasks_that_can_not_be_read_are_checked() {
    let said = said_of(
        "tasks:\n  a: { run: x, needs: b }\n  b: { run: \"echo '{{ run.id }}'\", needs: [a, nobody] }\n  c: { needs: c }\n",
    );
    for told in [
        "single quotes",
        "a → b → a",
        "`nobody`, which does not exist",
        "c → c",
        "no kind",
    ] {
        assert!(said.contains(told), "{told}:\n{said}");
    }
}

#[test]
fn writes_of_unordered_tasks_may_not_overlap() {
    insta::assert_snapshot!(said_of(
        "inputs: { out: path }\ntasks:\n  a: { render: { text: x, to: docs/a.md } }\n  b: { run: x, writes: 'docs/**' }\n  c: { needs: [a, b], run: x, writes: docs/a.md }\n  d: { render: { text: x, to: '{{ inputs.out }}/x' } }\n  e: { render: { text: x, to: '{{  inputs.out }}/x' } }\n  f: { render: { text: x, to: /etc/passwd } }\n  g: { render: { text: x, to: ../x } }\n  h: { run: x, writes: './.smallcode/**' }\n"
    ));
}

#[test]
fn permissions_bind_models() {
    insta::assert_snapshot!(said_of(
        "permissions: { write: ['docs/**'] }\ntasks:\n  a: { prompt: x, output: { file: docs/a.md } }\n  b: { prompt: x, output: { file: src/a.rs } }\n"
    ));
}

#[test]
fn used_workflows_are_checked_too() {
    insta::assert_snapshot!(said(&[
        (
            "main.yaml",
            "smallcode: 1\ntasks:\n  a: { uses: lib/a.yaml, with: { nam: x, count: many } }\n  b: { needs: a, run: 'echo {{ tasks.a.output.result }} {{ tasks.a.output.reslt }}' }\n  c: { uses: missing.yaml }\n"
        ),
        (
            "lib/a.yaml",
            "smallcode: 1\ninputs: { name: string, count: integer }\ntasks:\n  x: { uses: ../main.yaml }\n  y: { run: 'echo {{ inputs.name }} {{ inputs.count }}' }\noutputs: { result: '{{ tasks.y.output }}' }\n"
        ),
    ]));
}

#[test]
fn defaults_and_merge_keys_reach_the_tasks() {
    let load = load_files(&[(
        "main.yaml",
        "smallcode: 1\ndefaults: { timeout: 5s, env: { A: one, B: two } }\ntasks:\n  a: { run: x, timeout: 1s, env: { B: three } }\n  b: &b { run: y }\n  c: { <<: *b, needs: a }\n",
    )]);
    assert!(load.problems.is_empty(), "{:?}", load.problems);
    let bundle = load.bundle.unwrap();
    let tasks = &bundle.root().loaded.workflow.tasks.read;
    assert_eq!(tasks["a"].common.timeout.unwrap().millis(), 1000);
    assert_eq!(tasks["b"].common.timeout.unwrap().millis(), 5000);
    let env: Vec<_> = tasks["a"]
        .common
        .env
        .0
        .iter()
        .map(|(name, text)| (name.as_str(), text.template.source()))
        .collect();
    assert_eq!(env, [("B", "three"), ("A", "one")]);
    assert_eq!(tasks["c"].common.timeout.unwrap().millis(), 5000);
}

#[test]
fn writes_below_the_same_expression_are_compared() {
    insta::assert_snapshot!(
        said_of(
            "inputs: { out: path }\ntasks:\n  a: { run: x, writes: '{{ inputs.out }}/**' }\n  b: { render: { text: x, to: '{{inputs.out}}/x.md' } }\n  c: { render: { text: x, to: '{{ inputs.out }}/x.md' }, needs: a }\n  d: { render: { text: x, to: '{{ inputs.out }}.md' } }\n"
        ),
        @r#"
    E0403:5:31 "'{{inputs.out}}/x.md'": `a` and `b` may run at the same time and write the same files
        help: let one wait for the other: `needs: a` in `b`
    E0403:6:31 "'{{ inputs.out }}/x.md'": `b` and `c` may run at the same time and write the same files
        help: let one wait for the other: `needs: b` in `c`
    runnable: false
    "#
    );
}

#[test]
fn what_could_not_be_read_is_told_once() {
    // An input: what uses it is not wrong as well, here or around.
    let inner = "smallcode: 1\ninputs: { x: strin }\ntasks:\n  a: { run: 'echo {{ inputs.x }}' }\n";
    let main = "smallcode: 1\ntasks:\n  u: { uses: inner.yaml, with: { x: 1 } }\n";
    let said = said(&[("main.yaml", main), ("inner.yaml", inner)]);
    assert_eq!(said.matches("help:").count(), 1, "{said}");
    assert!(said.starts_with("E0204:2:14 \"strin\""), "{said}");
    // A misspelt word: it is not missing as well.
    for (task, word, meant) in [
        ("{ run: x, verify: { matchs: a } }", "matchs", "matches"),
        ("{ bone: { compil: a.bone, out: b } }", "compil", "compile"),
        ("{ prompt: x, output: { fil: a } }", "fil", "file"),
    ] {
        let said = said_of(&format!("tasks:\n  a: {task}\n"));
        assert!(said.contains(&format!("unknown key `{word}`")), "{said}");
        assert!(said.contains(&format!("`{meant}`")), "{said}");
        assert_eq!(said.lines().count(), 3, "{said}");
    }
}

#[test]
fn what_says_nothing_is_refused() {
    for task in ["approve: ''", "approve: { message: ' ' }"] {
        let said = said_of(&format!("tasks:\n  a: {{ {task} }}\n"));
        assert!(said.contains("the question is empty"), "{said}");
    }
    let said = said_of("tasks:\n  a: { matrix: { os: [a], exclud: [] }, run: 'echo {{ matrix.exclud }}' }\n");
    assert!(said.contains("the axis `exclud` has no values"), "{said}");
    assert!(said.contains("did you mean `exclude`?"), "{said}");
    assert_eq!(said.matches("E0").count(), 1, "{said}");
}

#[test]
fn a_folder_that_bone_writes_is_all_below_it() {
    let tasks = |path: &str| {
        said_of(&format!(
            "tasks:\n  a: {{ bone: {{ compile: a.bone, out: server/ }} }}\n  b: {{ render: {{ text: x, to: {path} }} }}\n"
        ))
    };
    assert!(
        tasks("server/src/a.js").contains("E0403"),
        "{}",
        tasks("server/src/a.js")
    );
    assert_eq!(tasks("serverless/a.js"), "\nrunnable: true");
}

#[test]
fn what_can_only_fail_in_a_run_is_refused_here() {
    let text = |task: &str| {
        said_of(&format!(
            "inputs: {{ list: list, map: object, text: string }}\ntasks:\n  a: {{ run: x }}\n  b: {{ run: x, parse: lines }}\n  c: {{ run: x, parse: json }}\n  t: {{ needs: [a, b, c], {task} }}\noutputs: {{ o: '{{{{ [inputs.list, inputs.map, inputs.text] }}}}' }}\n"
        ))
    };
    for (task, code) in [
        ("foreach: '{{ tasks.a.output }}', run: x", "E0202:7:"),
        ("foreach: inputs.text, run: x", "E0202:7:"),
        ("matrix: { m: '{{ inputs.map }}' }, run: x", "E0202:7:"),
        ("run: 'echo {{ inputs.list }}'", "E0305:7:"),
        ("run: 'echo \"{{ tasks.b.output }}\"'", "E0305:7:"),
        ("run: 'echo {{ inputs.map }}'", "E0305:7:"),
        ("matrix: { os: [l], exclude: [{ oss: l }] }, run: x", "E0204:7:"),
        ("run: x, cwd: /tmp", "E0405:7:"),
        ("run: x, cwd: ../a", "E0405:7:"),
    ] {
        let said = text(task);
        assert!(said.starts_with(code), "{task}: {said}");
        assert_eq!(said.matches("\nE").count(), 0, "{task}: {said}");
    }
    for task in [
        "foreach: '{{ tasks.b.output }}', run: x",
        "foreach: '{{ tasks.c.output }}', run: x",
        "foreach: '{{ tasks.a.output|lines }}', run: x",
        "foreach: inputs.list, run: x",
        "run: \"echo {{ inputs.list|join(' ') }} {{ inputs.map.x }} {{ tasks.c.output }} {{ inputs.text }}\"",
        "run: { argv: [echo, '{{ inputs.list }}'] }",
        "matrix: { os: [l], exclude: [{ os: l }] }, run: x, cwd: .",
        "run: x, cwd: '{{ inputs.text }}'",
    ] {
        assert_eq!(text(task), "\nrunnable: true", "{task}");
    }
}
