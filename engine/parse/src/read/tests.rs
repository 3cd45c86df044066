//! What the forgiving reader makes of broken text, by class of damage.

use super::json;
use crate::RepairKind;
use crate::tree::{Kind, NodeId, Span, Tree};

/// The tree as compact JSON; bare text in angle brackets, what was cut with a star.
fn show(tree: &Tree<'_>, node: NodeId) -> String {
    let star = if tree.is_cut(node) { "*" } else { "" };
    let text = match tree.kind(node) {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number => tree.text(node).to_owned(),
        Kind::Quoted => serde_json::to_string(tree.text(node)).unwrap(),
        Kind::Bare => format!("<{}>", tree.text(node)),
        Kind::Array => {
            let items: Vec<String> = tree.children(node).map(|child| show(tree, child)).collect();
            format!("[{}]", items.join(","))
        }
        Kind::Object => {
            let member = |child| format!("{}:{}", tree.key(child).unwrap_or("?"), show(tree, child));
            let members: Vec<String> = tree.children(node).map(member).collect();
            format!("{{{}}}", members.join(","))
        }
    };
    format!("{text}{star}")
}

fn read(text: &str) -> (String, Vec<RepairKind>, usize) {
    let mut tree = Tree::new(text);
    let read = json(&mut tree, Span::new(0, text.len()));
    let shown = read.node.map_or("nothing".to_owned(), |node| show(&tree, node));
    (
        shown,
        read.repairs.iter().map(|repair| repair.kind).collect(),
        read.end,
    )
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(read(text).0, *expected, "{text}");
    }
}

#[test]
fn what_is_right_needs_no_repair() {
    for (text, expected) in [
        (
            r#"{"a": [1, -2.5e3, true, null, "x\ny"], "b": {}}"#,
            r#"{a:[1,-2.5e3,true,null,"x\ny"],b:{}}"#,
        ),
        (r#""\ud83d\ude00 \u00e9""#, r#""😀 é""#),
        ("  [ ]", "[]"),
    ] {
        let (shown, repairs, _) = read(text);
        assert_eq!(shown, expected);
        assert_eq!(repairs, [], "{text}");
    }
}

#[test]
fn the_end_of_the_value_is_told() {
    assert_eq!(read(r#"{"a": 1} and more"#).2, 8);
    assert_eq!(read("{a: 1} and more").2, 6);
}

#[test]
fn quotes_of_every_kind() {
    check(&[
        ("{'a': 'it\\'s'}", r#"{a:"it's"}"#),
        ("{'a': 'it's here'}", r#"{a:"it's here"}"#),
        ("{“a”: “b”}", r#"{a:"b"}"#),
        ("{a: `x\ny`}", r#"{a:"x\ny"}"#),
        ("{\"a\": \"\"\"x\n\"y\"\nz\"\"\"}", r#"{a:"x\n\"y\"\nz"}"#),
        (r#"{""a"": ""b""}"#, r#"{a:"b"}"#),
        (r#"{a: "", b: ""}"#, r#"{a:"",b:""}"#),
        (r#"{\"a\": \"say \\\"hi\\\"\"}"#, r#"{a:"say \"hi\""}"#),
        (r#"{a: "x" + "y"}"#, r#"{a:"xy"}"#),
    ]);
}

#[test]
fn quotes_inside_strings() {
    check(&[
        (
            r#"{"a": "say "hi" to them", "b": 1}"#,
            r#"{a:"say \"hi\" to them",b:1}"#,
        ),
        (r#"{"a": "say "hi""}"#, r#"{a:"say \"hi\""}"#),
        (
            r#"{"a": "one "two", three", "b": 2}"#,
            r#"{a:"one \"two\", three",b:2}"#,
        ),
        (r#"{"a": "print("x")", "b": 2}"#, r#"{a:"print(\"x\")",b:2}"#),
        (
            r#"{"a": "f({"k": "v"})", "b": 2}"#,
            r#"{a:"f({\"k\": \"v\"})",b:2}"#,
        ),
        (
            r#"["one "two" three", "four"]"#,
            r#"["one \"two\" three","four"]"#,
        ),
        (r#"{"a": "<p class="x">y</p>"}"#, r#"{a:"<p class=\"x\">y</p>"}"#),
    ]);
}

#[test]
fn a_missing_quote_ends_at_the_next_key_or_item() {
    check(&[
        (r#"{"a": "one, "b": 2}"#, r#"{a:"one",b:2}"#),
        (r#"{"a": one", "b": 2}"#, "{a:<one>,b:2}"),
        (r#"{"a: 1, "b": 2}"#, "{a:1,b:2}"),
        (r#"{a": 1}"#, "{a:1}"),
        (r#"["one, "two"]"#, r#"["one","two"]"#),
        ("{\"a\": \"one\n\"b\": 2}", r#"{a:"one",b:2}"#),
    ]);
}

#[test]
fn words_without_quotes() {
    check(&[
        ("{a: b}", "{a:<b>}"),
        ("{a: True, b: None, c: undefined}", "{a:true,b:null,c:null}"),
        ("{a: hello, world, b: 2}", "{a:<hello, world>,b:2}"),
        ("{a: f(x, y: z), b: 2}", "{a:<f(x, y: z)>,b:2}"),
        ("{u: https://x.org/a?b=1, v: 1}", "{u:<https://x.org/a?b=1>,v:1}"),
        ("[a, b c, 1.5]", "[<a>,<b c>,1.5]"),
        ("{a: 1.2.3, b: 10-20, c: 1/2}", "{a:<1.2.3>,b:<10-20>,c:<1/2>}"),
        ("{a: .5, b: 2., c: 1_000}", "{a:0.5,b:2.0,c:1000}"),
        ("{zip: 01234}", "{zip:<01234>}"),
    ]);
}

#[test]
fn commas_colons_and_comments() {
    check(&[
        ("{a: 1,, b: 2,}", "{a:1,b:2}"),
        ("{\"a\": 1 \"b\": 2}", "{a:1,b:2}"),
        ("{\"a\": 1\n\"b\": 2}", "{a:1,b:2}"),
        ("{\"a\" 1, 'b' 'c'}", r#"{a:1,b:"c"}"#),
        ("[1 2 3]", "[<1 2 3>]"),
        ("[\"a\" \"b\"]", r#"["a","b"]"#),
        ("{\"a\": 1, // one\n # two\n /* three */ \"b\": 2}", "{a:1,b:2}"),
        ("{\"a\": \"x\", // one\n\"b\": \"y\"}", r#"{a:"x",b:"y"}"#),
        ("[1, ..., 9]", "[1,9]"),
        ("{\"a\": 1, ...}", "{a:1}"),
        ("{a: , b: 1}", "{a:null,b:1}"),
    ]);
}

#[test]
fn brackets_that_do_not_match() {
    check(&[
        ("{\"a\": [1, 2}", "{a:[1,2]}"),
        ("{\"a\": [\"x\"}, \"b\": 1}", r#"{a:["x"],b:1}"#),
        ("[{\"a\": 1, {\"a\": 2}]", "[{a:1},{a:2}]"),
        ("[{\"a\": 1]", "[{a:1}]"),
        ("{\"a\": 1], \"b\": 2}", "{a:1,b:2}"),
        ("[\"a\": 1]", "[{a:1}]"),
        ("{\"a\", \"b\"}", r#"["a","b"]"#),
        ("(1, 2)", "[1,2]"),
        ("('x')", r#""x""#),
    ]);
}

#[test]
fn wrappers_are_taken_off() {
    check(&[
        (
            "{\"id\": ObjectId(\"12\"), \"n\": NumberLong(5)}",
            r#"{id:"12",n:5}"#,
        ),
        ("callback({\"a\": 1});", "{a:1}"),
        ("{\"a\": ```\nx = 1\n```}", r#"{a:"x = 1"}"#),
    ]);
}

#[test]
fn what_was_cut_is_marked() {
    check(&[
        ("{\"a\": \"one tw", r#"{a:"one tw"*}"#),
        ("{\"a\": 12", "{a:12*}"),
        ("{\"a\": 1, \"b", "{a:1}*"),
        ("{\"a\": 1, \"b\":", "{a:1}*"),
        ("[1, 2,", "[1,2]*"),
        ("{\"a\": [\"x\", \"y", r#"{a:["x","y"*]}"#),
        // All that is missing is brackets: nothing was lost.
        ("{\"a\": [\"x\"", r#"{a:["x"]}"#),
        // A quote was forgotten, or the text was cut: the tool that writes should not guess.
        ("{\"a\": \"b}", r#"{a:"b"*}"#),
    ]);
}

#[test]
fn text_in_strings_is_kept_to_the_byte() {
    check(&[
        (r#"{'a': "x, ]}"}"#, r#"{a:"x, ]}"}"#),
        (
            r#"{'a': "\d+\s \w", 'p': "C:\Users\me"}"#,
            r#"{a:"\\d+\\s \\w",p:"C:\\Users\\me"}"#,
        ),
        ("{'a': \"one\n  two\t\"}", r#"{a:"one\n  two\t"}"#),
        (
            r#"{'a': "// no comment # none /* none */"}"#,
            r#"{a:"// no comment # none /* none */"}"#,
        ),
        (r#"{'a': "..."}"#, r#"{a:"..."}"#),
    ]);
}

#[test]
fn depth_is_capped_and_kept_as_text() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let (shown, repairs, end) = read(&deep);
    assert!(repairs.contains(&RepairKind::TooDeep));
    assert!(shown.contains(&format!("<{}1{}>", "[".repeat(180), "]".repeat(180))));
    assert_eq!(end, deep.len());
    assert_eq!(read(&"[".repeat(200_000)).2, 200_000);
}

#[test]
fn every_prefix_and_damage_is_read_without_panic() {
    let text = "prose {\"a\": [1, 'it''s', “x”, \\\"é\\\", {b: tru // c\n}, ```py\nx\n```, ObjectId(3)], \"\u{feff}k\" “v” (1,2)} …";
    for (at, _) in text.char_indices() {
        let mut tree = Tree::new(text);
        json(&mut tree, Span::new(at, text.len()));
        json(&mut tree, Span::new(0, at));
        let removed = format!(
            "{}{}",
            &text[..at],
            text[at..].chars().skip(1).collect::<String>()
        );
        let mut tree = Tree::new(&removed);
        json(&mut tree, Span::new(0, removed.len()));
    }
}
