use proptest::prelude::*;
use smallcode_parse::edits;

use super::*;

const PATH: &str = "src/a.rs";

fn files(text: &str) -> Files {
    Files::from([(PATH.to_owned(), Some(text.to_owned()))])
}

fn block(search: &str, replace: &str) -> Edit {
    Edit {
        path: None,
        search: search.to_owned(),
        replace: replace.to_owned(),
        divided: Vec::new(),
        line: None,
        span: smallcode_parse::Span::default(),
    }
}

/// The file after one edit, or what is said of it.
fn edited(text: &str, search: &str, replace: &str) -> Result<String, String> {
    patched(text, &[block(search, replace)])
}

fn patched(text: &str, edits: &[Edit]) -> Result<String, String> {
    match apply(&files(text), edits) {
        Ok(mut changed) => Ok(changed.remove(PATH).unwrap_or_else(|| text.to_owned())),
        Err(refused) => Err(refused
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

/// Headings of reStructuredText and Markdown, and the marks of git, look like the divider.
#[test]
fn what_looks_like_the_divider_is_told_by_the_file() {
    let one = |text: &str, inside: &str| {
        let reply = format!("<<<<<<< SEARCH\n{inside}>>>>>>> REPLACE\n");
        patched(text, &edits(&reply).edits)
    };
    let text = "Chapter\n=======\n\ntext one\n";
    assert_eq!(
        one(text, "Chapter\n=======\n=======\nKapitel\n=======\n").unwrap(),
        "Kapitel\n=======\n\ntext one\n"
    );
    assert_eq!(
        one(text, "text one\n=======\nMore\n=======\ntext two\n").unwrap(),
        "Chapter\n=======\n\nMore\n=======\ntext two\n"
    );
    let conflict = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n";
    assert_eq!(
        one(
            conflict,
            "<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n=======\nb\n"
        )
        .unwrap(),
        "a\nb\nd\n"
    );
    // Nowhere is nowhere, however it is divided.
    assert!(one(text, "none\n=======\nx\n=======\ny\n").is_err());
}

#[test]
fn an_edit_is_found_ever_more_freely() {
    for (text, search, replace, expected) in [
        ("a\nb\nc\n", "b\n", "B\nBB\n", "a\nB\nBB\nc\n"),
        ("a\nb\nc\n", "b\n", "", "a\nc\n"),
        // What a template would put in stays as it is.
        (
            "a\n",
            "a\n",
            "$& $1 \\1 \\n ${x} {{ y }}\n",
            "$& $1 \\1 \\n ${x} {{ y }}\n",
        ),
        // Line ends and blanks at the end of a line.
        ("a\r\nb\r\nc\r\n", "b\n", "B\nBB\n", "a\r\nB\r\nBB\r\nc\r\n"),
        ("a\nb\n", "b\r\n", "B\r\n", "a\nB\n"),
        ("a  \nb\t\nc\n", "a\nb\n", "a\nB\n", "a  \nB\nc\n"),
        ("a\nb\n", "a \n", "A\n", "A\nb\n"),
        // The exact place comes before others.
        ("a \na\n", "a\n", "A\n", "a \nA\n"),
        // No line end at the end of the file.
        ("a\nb", "b\n", "B\n", "a\nB"),
        ("a\nb", "b\n", "b\nc\n", "a\nb\nc"),
        ("a\r\nb", "b\n", "b\nc\n", "a\r\nb\r\nc"),
        ("a\nb", "b\n", "", "a"),
        // A mark of the byte order.
        ("\u{feff}a\nb\n", "a\n", "A\n", "\u{feff}A\nb\n"),
        // Both line ends: what is not changed stays.
        ("a\r\nb\nc\r\n", "a\nb\nc\n", "a\nB\nc\n", "a\r\nB\r\nc\r\n"),
        // Another indentation, of the replacement, too.
        (
            "fn f() {\n    if x {\n        y();\n    }\n}\n",
            "if x {\n    y();\n}\n",
            "if x {\n    z();\n\n    y();\n}\n",
            "fn f() {\n    if x {\n        z();\n\n        y();\n    }\n}\n",
        ),
        (
            "\tif x {\n\t\ty();\n\t}\n",
            "if x {\n\ty();\n}\n",
            "y();\n",
            "\ty();\n",
        ),
        (
            "if x:\n    y\n",
            "  if x:\n      y\n",
            "  if x:\n      z\n w\n",
            "if x:\n    z\nw\n",
        ),
        // The line numbers that we show, and those that the model made up for new lines.
        (
            "a\nb\n\nc\n",
            "2 | b\n3 |\n4 | c\n",
            "2 | b\n3 | x\n4 |\n5 | c\n",
            "a\nb\nx\n\nc\n",
        ),
        ("  a\n  b\n", " 1 | a\n 2 | b\n", " 1 | A\nb\n", "  A\n  b\n"),
    ] {
        assert_eq!(
            edited(text, search, replace).as_deref(),
            Ok(expected),
            "{text:?} {search:?}"
        );
    }
}

#[test]
fn an_edit_without_one_place_is_refused_with_what_helps() {
    for (text, search, says) in [
        (
            "fn one() {\n    first(1);\n    second(2);\n}\n",
            "fn one() {\n    first(1);\n    second(3);\n}\n",
            "line 3 is `    second(2);` and not `    second(3);`",
        ),
        (
            "if x:\n    one\n        two\n",
            "if x:\n  one\n  two\n",
            "from line 1 on the indentation is another",
        ),
        ("one\ntwo\n", "one\ntwo\nthree\n", "the file ends after line 2"),
        ("one\ntwo\n", "other\n", "does not have the search part"),
        ("", "other\n", "does not have the search part"),
        ("one\ntwo\none\n", "one\n", "2 times, in lines 1, 3: add lines"),
        ("one\ntwo\n  one\n", " one\n", "2 times, in lines 1, 3"),
        ("one\n", "", "is not empty"),
        // Numbers that do not count up are part of the text.
        ("a\nb\n", "1 | a\n3 | b\n", "does not have the search part"),
    ] {
        let said = edited(text, search, "new\n").unwrap_err();
        assert!(said.contains(says) && said.contains(PATH), "{search:?}: {said}");
    }
}

#[test]
fn the_closest_lines_are_given_as_the_file_has_them() {
    let calls = (0..1000).map(|number| format!("    call_{number}();\n}}\n"));
    let mut text = calls.collect::<Vec<_>>().concat();
    text.push_str("fn target() {\n    let value = compute(7);\n    value\n}\n");
    let search = "\nfn target() {\n    let value = compute(8);\n    value\n}\n";
    let refused = apply(&files(&text), &[block(search, "x\n")]).unwrap_err();
    let Reason::NoMatch(Some(near)) = &refused[0].reason else {
        panic!("{refused:?}");
    };
    assert_eq!(near.line, 2001);
    assert_eq!(near.lines.first().map(String::as_str), Some("fn target() {"));
    assert_eq!(near.lines.len(), 4);
}

#[test]
fn the_line_of_a_diff_tells_equal_places_apart() {
    let text = "a\nx\nb\nx\nc\nx\n";
    let diff = |line: usize| Edit {
        line: Some(line),
        ..block("x\n", "y\nz\n")
    };
    assert_eq!(patched(text, &[diff(4)]).as_deref(), Ok("a\nx\nb\ny\nz\nc\nx\n"));
    // Lines of a diff are those of the file before it.
    assert_eq!(
        patched(text, &[diff(2), diff(6)]).as_deref(),
        Ok("a\ny\nz\nb\nx\nc\ny\nz\n")
    );
    assert!(patched(text, &[diff(3)]).is_err(), "as near to one as to another");
    assert_eq!(
        patched(
            "a\nb\n",
            &[Edit {
                line: Some(9),
                ..block("a\n", "A\n")
            }]
        )
        .as_deref(),
        Ok("A\nb\n")
    );
}

#[test]
fn edits_come_one_after_the_other_and_all_or_none() {
    let both = [block("a\n", "b\n"), block("b\nc\n", "d\n")];
    assert_eq!(patched("a\nc\n", &both).as_deref(), Ok("d\n"));
    let said = patched(
        "a\nc\n",
        &[block("a\n", "b\n"), block("x\n", "y\n"), block("z\n", "y\n")],
    )
    .unwrap_err();
    assert!(said.contains("edit 2") && said.contains("edit 3"), "{said}");
    let two = Files::from([
        ("a".to_owned(), Some("1\n".to_owned())),
        ("b".to_owned(), Some("2\n".to_owned())),
    ]);
    let of = |path: &str, search: &str| Edit {
        path: Some(path.to_owned()),
        ..block(search, "new\n")
    };
    assert_eq!(apply(&two, &[of("a", "1\n"), of("b", "2\n")]).unwrap().len(), 2);
    assert_eq!(
        apply(&two, &[of("a", "1\n"), of("b", "3\n")]).unwrap_err().len(),
        1
    );
    assert_eq!(
        apply(&two, &[block("1\n", "x")]).unwrap_err()[0].reason,
        Reason::NoPath
    );
    // What changes nothing is no change.
    assert!(
        apply(
            &two,
            &[Edit {
                path: Some("a".to_owned()),
                ..block("1\n", "1\n")
            }]
        )
        .unwrap()
        .is_empty()
    );
}

#[test]
fn new_files_are_made_by_an_empty_search() {
    let some = Files::from([
        ("new.py".to_owned(), None),
        ("blank.py".to_owned(), Some("\n".to_owned())),
    ]);
    let of = |path: &str, search: &str, replace: &str| Edit {
        path: Some(path.to_owned()),
        ..block(search, replace)
    };
    let made = [
        of("new.py", "", "a\n"),
        of("new.py", "a\n", "b\n"),
        of("./blank.py", "", "c\n"),
    ];
    let changed = apply(&some, &made).unwrap();
    assert_eq!(
        (changed["new.py"].as_str(), changed["blank.py"].as_str()),
        ("b\n", "c\n")
    );
    let reason = |edit: Edit| apply(&some, &[edit]).unwrap_err()[0].reason.clone();
    assert_eq!(reason(of("new.py", "a\n", "b\n")), Reason::NotThere);
    let twice = apply(&some, &[of("new.py", "", "a\n"), of("new.py", "", "b\n")]).unwrap_err();
    assert_eq!((twice[0].edit, &twice[0].reason), (2, &Reason::Exists));
}

#[test]
fn only_given_files_change_and_shortened_paths_are_known() {
    let some: Files = ["src/a.rs", "src/b.rs", "lib/b.rs"]
        .map(|path| (path.to_owned(), Some("x\n".to_owned())))
        .into();
    let changed = |path: &str| {
        let edit = Edit {
            path: Some(path.to_owned()),
            ..block("x\n", "y\n")
        };
        apply(&some, &[edit]).map(|changed| changed.into_keys().collect::<Vec<_>>())
    };
    for path in [
        "src/a.rs",
        "./src/a.rs",
        "/src/a.rs",
        "b/src/a.rs",
        "src\\a.rs",
        "src/a.rs:12",
        "src/x/../a.rs",
        "a.rs",
    ] {
        assert_eq!(changed(path), Ok(vec!["src/a.rs".to_owned()]), "{path}");
    }
    for path in ["b.rs", "c.rs", "/etc/a.rs", "../src/a.rs", "rc/a.rs", "", "."] {
        let refused = changed(path).unwrap_err().remove(0).to_string();
        let told =
            format!("`{path}` is none of the files that may be edited: `lib/b.rs`, `src/a.rs`, `src/b.rs`");
        assert_eq!(refused, told);
    }
}

/// The last line, which has no end, is no better a place than its equal further up.
#[test]
fn how_lines_end_does_not_choose_between_equals() {
    let told = edited("}\r\na\r\n}", "}\n", "b\n").unwrap_err();
    assert!(told.contains("2 times"), "{told}");
}

/// Repetition is what makes a search or a comparison quadratic: with 100,000 lines either would take hours.
#[test]
fn large_files_of_equal_lines_take_one_pass() {
    let text = "}\n".repeat(100_000);
    let search = "}\n".repeat(50_000) + "x\n";
    assert!(edited(&text, &search, "y\n").is_err());
    let text = "  foo(bar, baz)\n".repeat(100_000);
    let search = "foo(bar, baz)\n".repeat(50_000) + "foo(other)\n";
    assert!(edited(&text, &search, "y\n").is_err());
    assert!(
        edited(&text, "foo(bar, baz)\n", "y\n")
            .unwrap_err()
            .contains("100000 times")
    );
    let many = vec![block("x\n", "x\n"); MAX_EDITS + 1];
    assert!(patched("x\n", &many).unwrap_err().contains("more than 1000"));
}

fn text(end: &'static str) -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["a", "b", "", "}", "  a", "\tb", "a ", "long line"]);
    (prop::collection::vec(line, 0..12), any::<bool>()).prop_map(move |(lines, closed)| {
        let text = lines.join(end);
        if closed && !text.is_empty() {
            text + end
        } else {
            text
        }
    })
}

fn diff(old: &str, new: &str) -> String {
    let changes = similar::TextDiff::from_lines(old, new);
    changes
        .unified_diff()
        .context_radius(1)
        .header(PATH, PATH)
        .to_string()
}

proptest! {
    #[test]
    fn the_diff_of_two_texts_makes_the_second_of_the_first(old in text("\n"), new in text("\n")) {
        let found = edits(&diff(&old, &new)).edits;
        prop_assert_eq!(patched(&old, &found), Ok(new));
    }

    #[test]
    fn it_does_where_lines_end_otherwise(old in text("\r\n"), new in text("\r\n")) {
        prop_assume!(old.contains("\r\n"));
        let found = edits(&diff(&old.replace("\r\n", "\n"), &new.replace("\r\n", "\n"))).edits;
        prop_assert_eq!(patched(&old, &found), Ok(new));
    }

    #[test]
    fn nothing_panics(text in "[ab}\\t \\r\\n|1-3\u{feff}é]{0,60}", search in "[ab}\\t \\r\\n|1-3é]{0,20}", replace in "[ab \\r\\né]{0,20}") {
        if let Ok(after) = edited(&text, &search, &replace) {
            // What is found is found again: the replacement is really there.
            let last = replace.lines().last().unwrap_or_default().trim();
            prop_assert!(after.contains(last), "{after:?}");
        }
    }
}
