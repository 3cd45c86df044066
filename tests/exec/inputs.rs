//! Inputs: of every type, from flags and files.

use serde_json::json;

use crate::support::Sandbox;

const ALL: &str = "inputs:\n  s: string\n  i: integer\n  n: number\n  b: boolean\n  p: path\n  e: { type: enum, values: [one, two] }\n  l: { type: list, items: integer }\n  w: list\n  o: object\ntasks:\n  a: { run: 'echo {{ inputs.p }}' }\noutputs: { all: '{{ inputs }}', p: '{{ tasks.a.output }}' }\n";

const FLAGS: [&str; 9] = [
    "s=1 = 2",
    "i=-3",
    "n=1.5",
    "b=true",
    "p=a/b.c",
    "e=two",
    "l=1, 2",
    "w=1, b",
    "o={\"k\": [1]}",
];

fn flags(given: &[&str]) -> Vec<String> {
    given.iter().map(|flag| format!("--input={flag}")).collect()
}

fn exec(sandbox: &Sandbox, given: &[String]) -> crate::support::Output {
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    sandbox.exec(&given)
}

#[test]
fn flags_and_files_give_the_same() {
    let sandbox = Sandbox::with(ALL);
    let wanted = json!({ "s": "1 = 2", "i": -3, "n": 1.5, "b": true, "p": "a/b.c", "e": "two", "l": [1, 2], "w": ["1", "b"], "o": { "k": [1] } });
    let found = exec(&sandbox, &flags(&FLAGS)).exits(0).json();
    assert_eq!(found, json!({ "all": wanted, "p": "a/b.c" }));
    sandbox.write("i.json", &wanted.to_string());
    assert_eq!(sandbox.exec(&["--inputs", "i.json"]).exits(0).json(), found);
    sandbox.write(
        "i.yaml",
        "s: 1 = 2\ni: -3\nn: 1.5\nb: true\np: a/b.c\ne: one\nl: [1, 2]\nw: ['1', b]\no: { k: [1] }\n",
    );
    let both = sandbox.exec(&["--inputs", "i.yaml", "--input", "e=two"]);
    assert_eq!(both.exits(0).json(), found);
}

#[test]
fn bad_inputs_are_refused_before_anything_runs() {
    let sandbox = Sandbox::with(ALL);
    for (bad, says) in [
        ("i=1.5", "a whole number"),
        ("i=x", "a whole number"),
        ("n=x", "a number"),
        ("b=yes", "`true` or `false`"),
        ("p=../x", "a path inside the workspace"),
        ("p=/x", "a path inside the workspace"),
        ("e=three", "one of `one`, `two`"),
        ("l=1,x", "a whole number"),
        ("l=[\"1\"]", "a whole number"),
        ("o=[1]", "a mapping"),
        ("o={", "a mapping"),
        ("x=1", "no input `x`"),
        ("s", "has no value"),
    ] {
        let mut all = flags(&FLAGS);
        all.push(format!("--input={bad}"));
        exec(&sandbox, &all).exits(2).says(says);
    }
    exec(&sandbox, &flags(&FLAGS[1..]))
        .exits(2)
        .says("the input `s` has no value");
    for (file, says) in [
        ("[1]", "a mapping"),
        ("a: [", "i.yaml"),
        ("s: x\ni: 1\ns: y\n", "line 3: `s` is here twice"),
        ("o:\n  k: [{ l: 1, l: 2 }]\n", "line 2: `l` is here twice"),
        ("s: 1\n", "expected text"),
    ] {
        sandbox.write("i.yaml", file);
        sandbox.exec(&["--inputs", "i.yaml"]).exits(2).says(says);
    }
    sandbox
        .exec(&["--inputs", "nowhere"])
        .exits(2)
        .says("no such file");
    assert!(!sandbox.has(".smallcode/runs"));
}

#[test]
fn all_bad_inputs_are_told_at_once() {
    let sandbox = Sandbox::with(ALL);
    let bad = flags(&["i=1.5", "b=yes", "b=no", "e=three", "l=1,x", "strange=1"]);
    let output = exec(&sandbox, &bad).exits(2);
    for says in [
        "the input `i`: expected a whole number, found `1.5`",
        "the input `b`: expected `true` or `false`, found `no`",
        "the input `e`: expected one of `one`, `two`, found `three`",
        "the input `l`: expected a whole number, found `x`",
        "no input `strange`",
        "the input `s` has no value",
        "the input `o` has no value",
    ] {
        assert_eq!(
            output.stderr.matches(says).count(),
            1,
            "{says}\n{}",
            output.stderr
        );
    }
    // The last one given counts, as it does where all are good.
    assert!(!output.stderr.contains("found `yes`"), "{}", output.stderr);
    exec(&sandbox, &flags(&["b=yes", "b=true"])).exits(2);
    let both = exec(&sandbox, &flags(&["s", "i"])).exits(2);
    both.says("`--input s`, `--input i` have no value");
}
