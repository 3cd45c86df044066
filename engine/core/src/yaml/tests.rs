//! Texts and what is read of them.

use std::fmt::Write as _;

use super::*;

fn show(text: &str, tree: &Tree) -> String {
    let at = &text[tree.span.range()];
    let inner = match &tree.value {
        Value::Seq(items) => items
            .iter()
            .map(|item| show(text, item))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| format!("{}={}", &text[key.span.range()], show(text, value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    };
    format!("{inner}@{at:?}")
}

fn refuse(text: &str) -> Error {
    parse(text).expect_err("refused")
}

#[test]
fn spans_are_bytes_of_the_text() {
    let text = "ä: &x one\nb: *x\nc: [1, 0755]\nd: |\n  two\n  three\n\ne: {f: 1.10}\n";
    insta::assert_snapshot!(show(text, &parse(text).unwrap()));
}

#[test]
fn aliases_know_their_anchor() {
    let text = "a: &x one\nb: *x\n";
    let Value::Map(entries) = parse(text).unwrap().value else {
        panic!("a mapping")
    };
    let alias = &entries[1].1;
    assert_eq!(&text[alias.span.range()], "*x");
    assert!(text[alias.defined.unwrap().range()].contains("one"));
}

#[test]
fn merge_keys_are_expanded_and_own_keys_win() {
    let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n";
    let Value::Map(entries) = parse(text).unwrap().value else {
        panic!("a mapping")
    };
    let Value::Map(used) = &entries[1].1.value else {
        panic!("a mapping")
    };
    let mut pairs: Vec<_> = used
        .iter()
        .map(|(key, value)| (key.text.as_str(), &value.value))
        .collect();
    pairs.sort_by_key(|(key, _)| *key);
    assert_eq!(pairs, [("x", &Value::Int(1)), ("y", &Value::Int(3))]);
}

#[test]
fn merge_keys_that_are_repeated_are_found_where_they_stand() {
    let places = |text: &str| -> Vec<String> {
        let found = repeated_merges(text);
        let line = |span: Span| text[..span.range().start].matches('\n').count() + 1;
        found
            .iter()
            .map(|(second, first)| format!("{} after {}", line(*second), line(*first)))
            .collect()
    };
    let base = "a: &a {x: 1}\nb: &b {y: 1}\n";
    assert_eq!(
        places(&format!("{base}c:\n  <<: *a\n  z: 1\n  <<: *b\n")),
        ["6 after 4"]
    );
    assert_eq!(
        places(&format!("{base}c: &c\n  <<: *a\n  <<: *b\n  <<: *a\nd: *c\n")),
        ["5 after 4", "6 after 4"]
    );
    assert_eq!(
        places(&format!("{base}c:\n  <<: [*a, *b]\nd:\n  <<: *a\ne: '<<'\n")),
        [""; 0]
    );
}

#[test]
fn duplicate_keys_are_kept_for_the_caller() {
    let Value::Map(entries) = parse("a: 1\na: 2\n").unwrap().value else {
        panic!("a mapping")
    };
    assert_eq!(entries.len(), 2);
}

#[test]
fn errors_speak_of_the_text_and_not_of_the_crate() {
    let cases = [
        "a: [1, 2",
        "a: b: c",
        "\ta: 1",
        "a: *nowhere",
        "a: !!python/object:os.system x",
        "a: 1\n---\nb: 2\n",
        "a: \"unclosed",
        "<<: 3",
        "a: 1\n b: 2\n",
        "",
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|text| match parse(text) {
            Ok(tree) => format!("{text:?}: read as {}", show(text, &tree)),
            Err(error) => format!(
                "{text:?}: {} {} at {:?} ({})",
                error.code,
                error.message,
                error.span,
                error.help.unwrap_or_default()
            ),
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn hostile_texts_are_refused_on_a_small_stack() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut aliases = format!("s: &s \"{}\"\nl:\n", "x".repeat(100_000));
    aliases.push_str(&"- *s\n".repeat(20_000));
    let mut deep = String::new();
    for level in 0..10_000 {
        writeln!(deep, "{}a:", " ".repeat(level.min(300))).unwrap();
    }
    let cases = vec![
        bomb,
        aliases,
        deep,
        "[".repeat(195_000),
        "- ".repeat(50_000),
        "? ".repeat(50_000),
        "{a: ".repeat(50_000),
        "x".repeat(MAX_BYTES + 1),
        "a: !!set {b, c}\nd: !x".repeat(1000),
    ];
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for case in cases {
            refuse(&case);
        }
        for open in ["[", "{a: ", "- "] {
            for depth in [33, 40, 300, 50_000] {
                let error = refuse(&open.repeat(depth));
                assert_eq!(
                    error.code,
                    Code::YAML_LIMIT,
                    "{open:?} {depth}: {}",
                    error.message
                );
            }
        }
    });
    worker.unwrap().join().unwrap();
}
