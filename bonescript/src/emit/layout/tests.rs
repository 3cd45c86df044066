//! The samples were laid out by prettier 3.10 itself; ours must give the same, whatever the lengths of names.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::token::{self, Kind};
use super::{json, typescript};

const SOURCE: &str = include_str!("samples/source.ts");
const SHORT: &str = include_str!("samples/short.ts");
const LONG: &str = include_str!("samples/long.ts");
const LONG_NAME: &str = "VeryLongNameOfAnEntityThatSomebodyWrote";

/// The lines that differ, so that a failure can be read.
fn check(source: &str, expected: &str) {
    let given = typescript(source);
    let differences: Vec<String> = expected
        .lines()
        .zip(given.lines())
        .filter(|(expected, given)| expected != given)
        .take(5)
        .map(|(expected, given)| format!("\nexpected {expected}\n   given {given}"))
        .collect();
    assert!(given == expected, "{}", differences.concat());
}

/// What the tokens say, without those that a layout may add, take or spell anew.
fn meaning(source: &str) -> Vec<String> {
    token::tokenise(source)
        .unwrap()
        .tokens
        .into_iter()
        .filter(|token| {
            !(token.kind == Kind::Sign && matches!(token.text, "," | ";" | "(" | ")" | "|"))
                && token.kind != Kind::End
        })
        .map(|token| match token.kind {
            Kind::String => token.text.trim_matches(['"', '\'']).to_owned(),
            _ => token.text.to_owned(),
        })
        .collect()
}

#[test]
fn names_of_any_length() {
    check(&SOURCE.replace("NAME", "Ox"), SHORT);
    check(&SOURCE.replace("NAME", LONG_NAME), LONG);
}

#[test]
fn what_is_laid_out_stays() {
    check(SHORT, SHORT);
    check(LONG, LONG);
}

#[test]
fn the_tokens_are_the_same() {
    for name in ["Ox", LONG_NAME] {
        let source = SOURCE.replace("NAME", name);
        assert_eq!(meaning(&typescript(&source)), meaning(&source));
    }
}

/// Names of each length up to that of the long ones are laid out like themselves laid out again.
#[test]
fn twice_is_once() {
    for length in (1..60).step_by(3) {
        let once = typescript(&SOURCE.replace("NAME", &"N".repeat(length)));
        check(&once, &once);
    }
}

#[test]
fn what_is_not_known_stays_as_it_is() {
    assert_snapshot!(typescript(
        "const  a=1\nenum Colour  { Red,   Green }\nlabel :  for(;;){break label}\nconst b  = [ a , /* why */ a ] ;\nfoo(<T,>x);\nlet c\n"
    ), @"
    const a = 1;
    enum Colour  { Red,   Green }
    label :  for(;;){break label}
    const b = [a, /* why */ a];
    foo(<T,>x);
    let c;
    ");
    // What has no tokens at all is given back.
    assert_eq!(typescript("const a = \"open"), "const a = \"open");
    assert_eq!(typescript("f(]"), "f(]");
}

#[test]
fn brackets_that_mean_something_stay() {
    for line in [
        "(a?.b).c;",
        "(await a).b;",
        "(-a) ** 2;",
        "a ** (-b);",
        "(a, b);",
        "new (f())();",
        "(() => 1)();",
        "({}).a;",
        "({}).a = b;",
        "({ a } = b);",
        "const f = () => ({ a } = b);",
        "a = (b, c);",
        "((a || b) ?? c) && d;",
        "-(-a) - -b;",
        "a - (b - c);",
        "a / (b * c);",
        "(a as B).c;",
        "!(a in b);",
        "(1).toString();",
        "(a ? b : c).d;",
        "typeof (a + b);",
        "const f = () => ({ a });",
        "type A = (B | C)[];",
        "type A = (() => void) | B;",
        "type A = (keyof B)[];",
        "type A = (typeof b)[number];",
    ] {
        let laid_out = typescript(line);
        assert_eq!(laid_out.trim_end(), line.replace("(-b)", "-b"));
    }
}

#[test]
fn depth_ends() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("{a:", "}"),
        ("a?b:", ""),
        ("!", ""),
        ("`${", "}`"),
    ] {
        let text = format!("x = {}1{};", open.repeat(5_000), close.repeat(5_000));
        assert!(typescript(&text).len() >= text.len() - 5_000);
    }
    let blocks = format!("{}{}", "if (a) {".repeat(5_000), "}".repeat(5_000));
    assert!(typescript(&blocks).contains("if (a)"));
    let row = format!("x = {}b;", "a + ".repeat(5_000));
    assert!(typescript(&row).contains("a + a"));
    let list = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(json(&list), list);
}

/// Each of the nested calls stands in three variants; building each anew would take 2^30 steps.
#[test]
fn nested_functions_take_no_longer_than_others() {
    let text = format!("{}1{};", "f(() => g({ a: ".repeat(8), " }))".repeat(8));
    assert!(typescript(&text).lines().count() > 8);
}

#[test]
fn json_as_prettier_has_it() {
    assert_snapshot!(json(
        r#"{ "a": [1, 2, 3], "b": {
        "c": [{"d": 1, "e": 2}, {"d": 3, "e": 4}], "f": [], "g": {} },

        "h": ["a long text that takes room", "another one that takes as much", "and a third that is too much"], "i": -1.5e3, "j": { "k": null } }"#
    ), @r#"
    {
      "a": [1, 2, 3],
      "b": {
        "c": [
          { "d": 1, "e": 2 },
          { "d": 3, "e": 4 }
        ],
        "f": [],
        "g": {}
      },

      "h": [
        "a long text that takes room",
        "another one that takes as much",
        "and a third that is too much"
      ],
      "i": -1.5e3,
      "j": { "k": null }
    }
    "#);
    assert_eq!(json("{\"a\": tru}"), "{\"a\": tru}");
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "\\PC{0,200}") {
        typescript(&text);
        json(&text);
    }

    #[test]
    fn any_tokens_are_taken(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "=>", "(", ")", "{", "}", "[", "]", "<", ">", ",", ";", ":", "?", ".", "?.", "async", "await", "type",
                "=", "const", "if", "else", "\"s\"", "1", "`t`", "// c\n", "\n", "|", "&", "in", "of", "for", "new", "class",
                "...", "*", "export", "import", "from", "as", "interface", "return", "function", "/",
            ]),
            0..60,
        )
    ) {
        let text = words.join(" ");
        let once = typescript(&text);
        prop_assert!(once.len() < text.len() * 4 + 100);
    }
}
