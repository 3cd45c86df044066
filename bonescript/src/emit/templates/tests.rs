use minijinja::context;
use proptest::prelude::*;

use super::*;
use crate::emit::AREAS;

/// What a template gives.
fn shown(path: &str, template: &str, context: Value) -> String {
    match render_text(path, template, context) {
        Ok(text) => text,
        Err(error) => error.detail().unwrap_or("no detail").to_owned(),
    }
}

#[test]
fn every_template_compiles() {
    for (_, templates) in AREAS {
        for target in Target::ALL {
            if let Err(error) = templates.environment(*target) {
                panic!("{error:#}");
            }
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test compares the folder with the tables"
)]
fn every_file_of_the_folder_is_in_one_table() {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(
                    path.to_str()
                        .unwrap()
                        .split_once("/templates/")
                        .unwrap()
                        .1
                        .to_owned(),
                );
            }
        }
    }
    let mut found = Vec::new();
    walk(
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")),
        &mut found,
    );
    let mut tables: Vec<_> = AREAS.iter().map(|(_, templates)| templates.files).collect();
    // Two emitters share a table.
    tables.dedup_by_key(|files| files.as_ptr());
    let mut known: Vec<&str> = tables.into_iter().flatten().map(|(path, _)| *path).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn each_language_writes_a_text_in_its_way() {
    let hostile = "it's \"${x}\" \\ `*/`\n</script>\u{2028}{{ 7 }}";
    let written = [
        "a.ts",
        "a.json",
        "a.yaml",
        "a.sql",
        "a.md",
        "a.html",
        "Dockerfile",
    ]
    .map(|path| {
        format!(
            "{path}: {}",
            shown(path, "{{ it }}", context! { it => text(hostile) })
        )
    });
    insta::assert_snapshot!(written.join("\n"));
}

#[test]
fn a_name_is_no_word_of_the_language() {
    let row = |path| shown(path, "{{ it }}", context! { it => name("class") });
    assert_eq!(
        [row("a.ts"), row("a.sql"), row("a.json")],
        ["class_", "\"class\"", "\"class\""]
    );
    let own = |name| shown("a.ts", "x = { {{ it }}: 1 };", context! { it => key(name) });
    assert_eq!(own("class"), "x = { class: 1 };");
    assert_eq!(own("__proto__"), "x = { [\"__proto__\"]: 1 };");
    assert_eq!(
        shown("a.ts", "{{ it }}", context! { it => name("a b") }),
        "\"a b\" is no name"
    );
}

#[test]
fn what_does_not_say_what_it_is_is_not_printed() {
    for (template, kind) in [
        ("{{ it }}", "string"),
        ("{{ 'a' }}", "string"),
        ("{{ 7 }}", "number"),
    ] {
        assert_eq!(
            shown("a.ts", template, context! { it => "plain" }),
            format!(
                "a {kind} is printed that does not say what it is: make it a text, name, key, comment or code"
            )
        );
    }
    // Filters make plain strings of pieces.
    assert!(shown("a.ts", "{{ it|upper }}", context! { it => text("a") }).contains("does not say"));
    assert!(shown("a.ts", "{{ it ~ it }}", context! { it => code("a") }).contains("does not say"));
    assert!(shown("a.ts", "{{ missing }}", context! {}).contains("undefined"));
}

#[test]
fn plain_values_steer() {
    let rows = vec![
        context! { name => name("a"), last => false },
        context! { name => name("b"), last => true },
    ];
    let template =
        "{% for row in rows %}\n  {{ row.name }}{% if not row.last %},{% endif %}\n\n{% endfor %}\n";
    assert_eq!(shown("a.ts", template, context! { rows }), "  a,\n  b\n");
}

proptest! {
    #[test]
    fn a_text_of_json_is_read_back(hostile in ".*") {
        let written = render_text("a.json", "{{ it }}", context! { it => text(hostile.as_str()) }).unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    }

    #[test]
    fn a_comment_never_ends_early(hostile in "(.|\n|[*]/){0,20}") {
        let written = render_text("a.ts", "{{ it }}", context! { it => comment(hostile) }).unwrap();
        prop_assert!(!written.contains("*/") && !written.contains('\n'), "{}", written);
    }
}
