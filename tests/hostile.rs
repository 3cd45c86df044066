//! Files and expressions made to hurt: refused, in bounded memory.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Output, Sandbox};

/// Runs the command with at most 200 MB of data and 10 seconds of a processor, ample for a debug build: what takes
/// more is ended with a signal. Time on the clock would also tell what else the machine does.
fn bounded(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let inner = sandbox.command(arguments);
    let mut command = Command::new("sh");
    command
        // Address space holds the stacks of threads too, which are reserved and not used.
        .args(["-c", "ulimit -d 200000; ulimit -t 10; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(sandbox.path())
        .env("HOME", sandbox.outside())
        .env("TOKIO_WORKER_THREADS", "2")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn hostile_files_are_refused() {
    let mut bomb = String::from("smallcode: 1\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut deep = String::new();
    for level in 0..10_000 {
        writeln!(deep, "{}a:", " ".repeat(level.min(380))).unwrap();
    }
    let aliases = format!(
        "s: &s \"{}\"\nl:\n{}",
        "x".repeat(100_000),
        "- *s\n".repeat(20_000)
    );
    for (name, text, code) in [
        ("bomb", bomb, "E0103"),
        ("deep", deep, "E01"),
        ("brackets", "[".repeat(195_000), "E0103"),
        ("open braces", "{a: ".repeat(40), "E0103"),
        (
            "closed brackets",
            format!("{}{}", "[".repeat(100_000), "]".repeat(95_000)),
            "E0103",
        ),
        ("dashes", "- ".repeat(300), "E0103"),
        ("aliases", aliases, "E0103"),
        ("scalar", "x".repeat(100_000_000), "E0104"),
        ("nothing", String::new(), "E0101"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("workflow.yaml", &text);
        for command in ["check", "exec"] {
            let output = bounded(&sandbox, &[command, "workflow.yaml"]).exits(2).says(code);
            assert!(
                output.stderr.len() < 4000,
                "{name}: {} bytes",
                output.stderr.len()
            );
        }
    }
}

#[test]
fn a_file_of_problems_is_told_of_in_bounded_time() {
    let task = "  a: { run: 'true' }\n";
    let keys = format!("smallcode: 1\ntasks:\n{}", task.repeat(30_000));
    let unknown = format!(
        "smallcode: 1\ntasks: {{ a: {{ run: 'true', needs: [{}] }} }}\n",
        "b, ".repeat(100_000)
    );
    for text in [keys, unknown] {
        let sandbox = Sandbox::new();
        sandbox.write("workflow.yaml", &text);
        let output = bounded(&sandbox, &["check", "workflow.yaml"]).exits(2);
        let shown = output.stderr.matches("error[").count();
        assert!(shown <= 1000, "{shown} problems shown");
        assert!(
            output.stderr.contains("not shown") || shown < 10,
            "{}",
            output.stderr
        );
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("x", "");
    std::fs::write(
        sandbox.path().join("workflow.yaml"),
        b"smallcode: 1\nname: \xff\n",
    )
    .unwrap();
    bounded(&sandbox, &["exec", "workflow.yaml"])
        .exits(2)
        .says("it is not UTF-8 (byte 19)");
    bounded(&sandbox, &["exec", "/dev/zero"]).exits(2).says("E0104");
    bounded(&sandbox, &["exec", "."]).exits(2).says("it is a folder");
}

#[test]
fn hostile_expressions_are_refused() {
    let chain = format!("inputs{}", ".a".repeat(20_000));
    let nested = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for expression in [
        chain,
        nested,
        format!("{}1", "not ".repeat(10_000)),
        format!("{}1", "-".repeat(10_000)),
        format!("1{}", "|string".repeat(10_000)),
    ] {
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  a: {{ run: echo, env: {{ V: '{{{{ {expression} }}}}' }} }}\n"
        ));
        bounded(&sandbox, &["exec", "workflow.yaml"])
            .exits(2)
            .says("E0301");
    }
}

#[test]
fn expressions_without_end_fail_their_task() {
    for text in [
        "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{{ ['xxxxxxxxxxxxxxxx']|join('y')|indent(1000000000) }}{{ range(9999)|join('xxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 1000) }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ range(1000000000)|list|length }}",
    ] {
        let sandbox = Sandbox::with("tasks:\n  a: { render: { template: t.j2, to: out } }\n");
        sandbox.write("t.j2", text);
        let output = bounded(&sandbox, &["exec", "workflow.yaml"]);
        assert!(matches!(output.code, Some(1 | 2)), "{text}: {output:?}");
        assert!(!sandbox.has("out"));
    }
}

#[test]
fn defaults_cannot_multiply_a_file() {
    let mut text = format!(
        "smallcode: 1\ndefaults:\n  env: {{ A: \"{}\" }}\ntasks:\n",
        "x".repeat(60_000)
    );
    for task in 0..2_000 {
        writeln!(text, "  t{task}: {{ run: 'true' }}").unwrap();
    }
    let sandbox = Sandbox::new();
    sandbox.write("workflow.yaml", &text);
    bounded(&sandbox, &["check", "workflow.yaml"])
        .exits(2)
        .says("`defaults` is too large to be given to 2000 tasks");
}
