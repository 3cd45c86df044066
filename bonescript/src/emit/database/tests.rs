//! Databases and their changes, as SQL. That they are right is seen where they run: `.ci/run` applies them.

use proptest::prelude::*;

use super::*;
use crate::ir::{self, System};
use crate::{Level, check};

fn system(body: &str) -> System {
    let analysis = check("t.bone", &format!("system Small {{\n{body}\n}}"), Level::Strict);
    let problems: Vec<String> = analysis
        .diagnostics
        .iter()
        .map(|problem| problem.compact(&analysis.sources))
        .collect();
    analysis
        .program
        .unwrap_or_else(|| panic!("{problems:?}"))
        .systems
        .remove(0)
}

fn sql(body: &str, target: Target) -> String {
    diff(None, &system(body), target).unwrap().sql
}

/// The tables of entities, without those that every program has.
fn tables(body: &str, target: Target) -> String {
    let sql = sql(body, target);
    let at = sql.find("CREATE TABLE \"role_grant\"").unwrap();
    sql[at..].split_once(";\n").unwrap().1.trim().to_owned()
}

/// What leads from one program to the next.
fn change(before: &str, after: &str, target: Target) -> Migration {
    let previous = schema(&system(before), target).unwrap();
    diff(Some(&previous), &system(after), target).unwrap()
}

fn shown(migration: &Migration) -> String {
    // The head says the notes again.
    let body = migration
        .sql
        .lines()
        .filter(|line| !line.starts_with("-- "))
        .collect::<Vec<_>>()
        .join("\n");
    let said = |word: &str, lines: &[String]| {
        lines
            .iter()
            .map(|line| format!("{word}: {line}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    format!(
        "{}{}{}",
        said("note", &migration.notes),
        said("may lose", &migration.destructive),
        body.trim()
    )
}

const PLANTS: &str = r#"entity Seller { owns: [email: string, secret: string @sensitive] constraints: [email.unique] auth: jwt
  relation plants: has_many Plant [0..50] }
entity Plant {
  owns: [title: string = "it's", price: uint, discount: optional<int>, tags: set<string> = ["b", "a", "b"], sold: bool = false,
    seen: timestamp = "2026-01-31T13:00:00+01:00"]
  constraints: [title.length in 1..80, price > 0 and discount < 100, tags contains "a" or tags.size == 0, discount != none]
  states: draft -> listed
  index: [price, sold]
  relation seller: belongs_to Seller
  relation shelf: belongs_to Shelf [0..1]
  derived net: price - discount
  derived cheap: discount > 50
  derived each: price / 3 % discount
}
entity Shelf { owns: [order: string] relation plants: many_to_many Plant }"#;

#[test]
fn entities_become_tables() {
    for target in Target::ALL {
        let shown = format!("{PLANTS}\n\n{}", tables(PLANTS, *target));
        insta::assert_snapshot!(format!("tables_{}", target.as_str()), shown);
    }
}

#[test]
fn changes_keep_what_is_there() {
    let before = "entity Pet { owns: [name: string, kind: string = \"cat\", weight: float, gone: string, note: optional<string>]
  constraints: [name.unique, kind in [\"cat\", \"dog\"]] relation owner: belongs_to Owner derived heavy: weight > 10.0 }
entity Owner { owns: [name: string] }
entity Lost { owns: [name: string] relation owner: belongs_to Owner }";
    let after = "entity Pet { owns: [title: string @renamed_from(name), kind: string = \"dog\", weight: uint, note: string, tags: list<string>]
  constraints: [kind in [\"cat\", \"dog\", \"bird\"]] relation owner: belongs_to Owner [0..1] derived heavy: weight > 12 index: [kind] }
entity Owner { owns: [name: string] relation house: belongs_to House }
entity House { owns: [street: string] }";
    for target in Target::ALL {
        let shown = format!(
            "{before}\n\n{after}\n\n{}",
            shown(&change(before, after, *target))
        );
        insta::assert_snapshot!(format!("change_{}", target.as_str()), shown);
    }
}

#[test]
fn what_changes_nothing_in_the_database_makes_no_migration() {
    let commented = PLANTS
        .replace("entity Shelf", "// A comment.\nentity Shelf")
        .replace("derived net", "\n\n  derived net");
    for target in Target::ALL {
        let first = crate::emit::emit(&system(PLANTS), *target, None).unwrap();
        let file = |path: &str, project: &crate::emit::Project| {
            project
                .files
                .iter()
                .find(|file| file.path == path)
                .map(|file| file.text.clone())
        };
        let memory = file("migrations/schema.json", &first).unwrap();
        let again = crate::emit::emit(&system(&commented), *target, Some(&memory)).unwrap();
        assert_eq!(file("migrations/schema.json", &again).unwrap(), memory);
        assert!(!again.files.iter().any(|file| file.owner == Owner::Migration));
        assert_eq!(change(PLANTS, &commented, *target), Migration::default());
    }
}

#[test]
fn the_next_migration_is_a_file_beside_the_first() {
    let names = |text: &str| {
        let memory: serde_json::Value = serde_json::from_str(text).unwrap();
        let names: Vec<String> = memory["migrations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap()[..5].to_owned())
            .collect();
        names.join(" ")
    };
    let first = migration::next(&system("entity A { owns: [n: int] }"), Target::Sqlite, None).unwrap();
    let more = system("entity A { owns: [n: int, m: int = 1] }");
    let second = migration::next(&more, Target::Sqlite, Some(&first.memory)).unwrap();
    assert_eq!(names(&second.memory), "0001_ 0002_");
    assert!(second.path.unwrap().starts_with("migrations/0002_"));
    assert!(
        migration::next(&more, Target::Sqlite, Some(&second.memory))
            .unwrap()
            .path
            .is_none()
    );
}

#[test]
fn a_column_that_comes_back_is_found_again() {
    let with = "entity A { owns: [n: int, m: string] }";
    let without = "entity A { owns: [n: int] }";
    for target in Target::ALL {
        let first = migration::next(&system(with), *target, None).unwrap();
        let second = migration::next(&system(without), *target, Some(&first.memory)).unwrap();
        let third = migration::next(&system(with), *target, Some(&second.memory)).unwrap();
        assert!(
            !third.migration.sql.contains("ADD COLUMN"),
            "{}",
            third.migration.sql
        );
        assert_eq!(third.schema, first.schema.clone());
    }
}

#[test]
fn the_memory_of_something_else_is_refused() {
    let it = system("entity A { owns: [n: int] }");
    let other = schema(&it, Target::Postgres).unwrap();
    let refused = |text: &str| diff(Some(text), &it, Target::Sqlite).unwrap_err().to_string();
    assert!(refused(&other).contains("it is of the target `postgres`, and this is `sqlite`"));
    assert!(refused("{").contains("cannot be read"));
    assert!(refused(&other.replace("\"version\": 1", "\"version\": 9")).contains("version 9"));
}

#[test]
fn tables_that_need_each_other_are_made_all_the_same() {
    let body = "entity A { owns: [n: int] relation b: belongs_to B } entity B { owns: [n: int] relation a: belongs_to A [0..1] }";
    let sql = tables(body, Target::Postgres);
    let key = sql
        .find("ALTER TABLE \"bs\" ADD CONSTRAINT \"bs_a_id_fkey\"")
        .unwrap();
    assert!(key > sql.find("CREATE TABLE \"as\"").unwrap());
    assert!(!tables(body, Target::Sqlite).contains("ALTER TABLE"));
}

#[test]
fn derived_fields_that_double_each_time_are_refused_where_they_stand_in_full() {
    let chain: String = (1..40)
        .map(|n| format!(" derived d{n}: d{} + d{0}", n - 1))
        .collect::<Vec<_>>()
        .concat();
    let body = format!("entity A {{ owns: [n: int] derived d0: n + n{chain} }}");
    let error = diff(None, &system(&body), Target::Postgres).unwrap_err();
    assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
    assert!(diff(None, &system(&body), Target::Sqlite).is_ok());
}

#[test]
fn names_that_a_database_would_cut_are_refused() {
    let long = "a".repeat(64);
    for body in [
        format!("entity A {{ owns: [{long}: int] }}"),
        format!("entity {long} {{ owns: [n: int] }}"),
    ] {
        let error = diff(None, &system(&body), Target::Sqlite).unwrap_err();
        assert!(error.to_string().contains("databases keep 63 letters"), "{error}");
    }
    // Those that we make are shortened instead.
    let name = "b".repeat(60);
    let sql = sql(
        &format!("entity A {{ owns: [{name}: int] constraints: [{name}.unique] }}"),
        Target::Postgres,
    );
    let too_long = sql.split('"').any(|part| {
        part.len() > 63
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    assert!(!too_long);
}

#[test]
fn a_zero_byte_is_refused_with_its_reason() {
    let mut it = system("entity A { owns: [n: string = \"x\", l: list<string> = [\"x\"]] }");
    for at in [1, 2] {
        let mut broken = it.clone();
        let zero = ir::Literal::String("a\0b".to_owned());
        let default = if at == 1 {
            zero
        } else {
            ir::Literal::List(vec![zero])
        };
        broken.entities[0].columns[at].default = Some(default);
        for target in Target::ALL {
            let error = diff(None, &broken, *target).unwrap_err();
            assert!(error.to_string().contains("zero byte"), "{error}");
        }
    }
    it.entities.clear();
    assert!(diff(None, &it, Target::Sqlite).is_ok());
}

/// The texts and names of SQL, and what stands between them.
fn parts(sql: &str) -> (Vec<String>, Vec<String>, String) {
    let (mut texts, mut names, mut rest) = (Vec::new(), Vec::new(), String::new());
    let mut chars = sql.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => {
                let mut inside = String::new();
                loop {
                    match chars.next().expect("a quote is not closed") {
                        end if end == char && chars.peek() == Some(&char) => {
                            chars.next();
                            inside.push(char);
                        }
                        end if end == char => break,
                        other => inside.push(other),
                    }
                }
                if char == '"' {
                    names.push(inside);
                } else {
                    texts.push(inside);
                }
                rest.push(char);
            }
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|next| *next != '\n').is_some() {},
            other => rest.push(other),
        }
    }
    (texts, names, rest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a program writes into a text comes out as that text, and nothing of it as SQL.
    #[test]
    fn texts_stay_texts(
        hostile in "([^\0]|['\"\\\\;]|--|/\\*|\\$body\\$|\\$\\{|\n){0,12}"
    ) {
        let written = hostile.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
        let plain = |text: &str| {
            format!("entity A {{ owns: [n: string = \"{text}\", l: set<string> = [\"{text}\"], m: int]
                constraints: [n != \"{text}\", n in [\"{text}\", \"q\"] or m > 0, l contains \"{text}\"] derived d: n + \"{text}\" }}")
        };
        for target in Target::ALL {
            let (texts, _, rest) = parts(&tables(&plain(&written), *target));
            let (_, _, expected) = parts(&tables(&plain("x"), *target));
            // Names of checks stand for what is in them, and are names; all else is the same.
            prop_assert_eq!(rest, expected);
            prop_assert!(texts.iter().filter(|text| **text == hostile).count() >= 3, "{:?}", texts);
        }
    }

    /// Words of SQL are names like any other.
    #[test]
    fn every_name_is_quoted(name in "(select|order|group|user|table|from|where|default|check|[a-z_][a-z0-9_]{0,20})") {
        prop_assume!(!["id", "created_at", "updated_at", "state", "caller", "true", "false", "none", "now", "not", "and", "or", "in", "contains"].contains(&name.as_str()));
        let body = format!("entity A {{ owns: [{name}: int] constraints: [{name} > 0] index: [{name}] derived zz9: {name} + 1 }}");
        prop_assume!(check("t.bone", &format!("system Small {{ {body} }}"), Level::Strict).program.is_some());
        for target in Target::ALL {
            let (_, names, rest) = parts(&tables(&body, *target));
            prop_assert!(names.iter().filter(|known| **known == name).count() >= 4);
            let plain = body.replace(&format!("{name}:"), "qqq:").replace(&format!("[{name}"), "[qqq").replace(&format!(": {name} +"), ": qqq +");
            let (_, _, expected) = parts(&tables(&plain, *target));
            prop_assert_eq!(rest, expected);
        }
    }
}
