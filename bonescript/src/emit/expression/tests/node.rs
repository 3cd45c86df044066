//! Emitted expressions run by Node give what they mean.

use std::fmt::Write as _;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::evaluation::{Value, evaluate};
use super::*;

/// So many conditions in one run of Node.
const CASES: usize = 600;

fn number() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        (0..20u32).prop_map(|value| value.to_string()),
        Just("9007199254740993".to_owned()),
        Just("count".to_owned()),
        Just("delta".to_owned()),
        Just("maybe".to_owned()),
        Just("ratio".to_owned()),
        Just("0.5".to_owned()),
        Just("name.length".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop_oneof!["[+]", "-", "[*]", "/", "%"],
                inner.clone()
            )
                .prop_map(|(left, sign, right)| format!("({left} {sign} {right})")),
            inner.clone().prop_map(|value| format!("-({value} + 1)")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("(count > 3 ? {left} : {right})")),
        ]
    })
    .boxed()
}

fn words() -> BoxedStrategy<String> {
    prop_oneof![
        Just("name".to_owned()),
        proptest::sample::select(vec![
            "",
            "a",
            "q",
            "\\",
            "\"",
            "\n",
            "${name}",
            "`",
            "'",
            "</script>",
            "\u{e9}",
            "\u{ff01}",
            "\u{1f600}",
            "\u{2028}",
            "*/"
        ])
        .prop_map(|text| format!(
            "\"{}\"",
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n")
        )),
        (0..9u32).prop_map(|value| format!("(name + {value} + \"'\")")),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let sign = prop_oneof![
        Just("=="),
        Just("!="),
        Just("<"),
        Just("<="),
        Just(">"),
        Just(">=")
    ];
    let leaf = prop_oneof![
        (number(), sign.clone(), number()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        (words(), sign, words()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        (words(), words()).prop_map(|(left, right)| format!("{left} contains {right}")),
        (number(), 0..5u32, 5..20u32).prop_map(|(value, low, high)| format!("{value} in {low}..{high}")),
        (number(), number(), number()).prop_map(|(value, one, other)| format!("{value} in [{one}, {other}]")),
        Just("maybe == none".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) and ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) or ({right})")),
            inner.prop_map(|value| format!("not ({value})")),
        ]
    })
    .boxed()
}

/// Runs in `tests/bone/expressions`, which `.ci/run` calls: here, it would fail on machines without Node.
#[test]
#[expect(clippy::disallowed_methods, reason = "Node is given a file")]
#[ignore = "needs Node 22.18 or later as `node`; tests/bone/expressions runs it"]
fn node_gives_what_expressions_mean() {
    let mut runner = TestRunner::new(Config::default());
    // Text by code points: in halves of UTF-16, the first two would be the other way round.
    let mut sources: Vec<String> = [
        "\u{1f600}|\u{ff01}",
        "\u{ff01}|\u{1f600}",
        "\u{1f600}|\u{e9}",
        "b|a",
    ]
    .iter()
    .filter_map(|pair| pair.split_once('|'))
    .map(|(left, right)| format!("\"{left}\" > \"{right}\""))
    .collect();
    while sources.len() < CASES {
        let source = condition().new_tree(&mut runner).unwrap().current();
        // What the checker refuses, such as a bool where the language sees none, is none of the emitter's business.
        let text = source.clone();
        if std::panic::catch_unwind(|| system(&[&text])).is_ok() {
            sources.push(source);
        }
    }
    let texts: Vec<&str> = sources.iter().map(String::as_str).collect();
    let system = system(&texts);
    let capability = &system.capabilities[0];
    let runtime = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/common/src/expressions.ts");
    let mut script = format!("import * as expressions from {};\n", string(runtime));
    let mut cases = String::new();
    let mut used = BTreeSet::new();
    for check in &capability.requires {
        let mut compiler = Compiler::new(&system, Scope::Capability(&capability.parameters));
        let code = compiler.condition(&check.condition).unwrap();
        used.extend(compiler.used);
        writeln!(cases, "  () => {},", code.text).unwrap();
    }
    let used: Vec<&str> = used.into_iter().collect();
    let Value::Text(name) = evaluation::parameter("name") else {
        panic!("`name` is text")
    };
    writeln!(script, "const {{ {} }} = expressions;", used.join(", ")).unwrap();
    writeln!(
        script,
        "const given = {{ count: 7n, delta: -3n, ratio: 2.5, maybe: null, name: {} }};",
        string(&name)
    )
    .unwrap();
    write!(
        script,
        "const cases = [\n{cases}];\nfor (const one of cases) {{\n  try {{ console.log(String(one())); }} catch (error) {{\n    \
         if (error.code !== \"PRECONDITION_FAILED\") throw error;\n    console.log(\"refused\");\n  }}\n}}\n"
    )
    .unwrap();
    let folder = std::env::temp_dir().join(format!("bone-expressions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("cases.mjs");
    std::fs::write(&file, script).unwrap();
    let output = Command::new("node")
        .arg("--disable-warning=ExperimentalWarning")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let told = String::from_utf8(output.stdout).unwrap();
    let mut lines = told.lines();
    for check in &capability.requires {
        let meant = match evaluate(&check.condition) {
            Ok(value) => (value == Value::Bool(true)).to_string(),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(lines.next(), Some(meant.as_str()), "{}", check.text);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
