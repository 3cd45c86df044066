//! Programs of several files.

use std::collections::HashMap;

use super::*;

struct Memory(HashMap<&'static str, &'static str>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        let text = self.0.get(path).ok_or("there is no such file")?;
        Ok((*text).to_owned())
    }
}

fn lines(entry: &str, files: &[(&'static str, &'static str)]) -> Vec<String> {
    let files = Memory(files.iter().copied().collect());
    examples::problems(&check_with("app/main.bone", entry, &files, Level::Strict))
}

const USERS: &str = "system Users { entity User { owns: [name: string] auth: jwt } }";

#[test]
fn what_is_imported_is_known() {
    let entry = r#"system S { import User from "../shared/users.bone" entity Post { relation author: belongs_to User } }"#;
    assert_eq!(lines(entry, &[("app/../shared/users.bone", USERS)]), [""; 0]);
}

#[test]
fn a_file_that_is_reached_twice_counts_once() {
    let entry = r#"system S { import A from "a.bone" import B from "b.bone" }"#;
    let a = r#"system A { import C from "c.bone" }"#;
    let b = r#"system B { import C from "./c.bone" }"#;
    let c = "system C { entity Thing { owns: [name: string] } }";
    let files = [("app/a.bone", a), ("app/b.bone", b), ("app/c.bone", c)];
    assert_eq!(lines(entry, &files), [""; 0]);
}

#[test]
fn circles_are_said_once() {
    let entry = r#"system S { import A from "a.bone" }"#;
    let a = r#"system A { import S from "main.bone" }"#;
    let found = lines(entry, &[("app/a.bone", a)]);
    assert_eq!(
        found,
        [
            "app/a.bone:1:26: error[B0502]: `main.bone` is imported by what it imports; fix: put what both need into a third file"
        ]
    );
}

#[test]
fn an_import_that_names_nothing_is_warned_of() {
    let entry = r#"system S { import Usr from "users.bone" }"#;
    let found = lines(entry, &[("app/users.bone", USERS)]);
    assert_eq!(
        found,
        [
            "app/main.bone:1:19: warning[B0903]: `Usr` is nothing of that file; all of it is imported; expected `Users` or `User`; fix: write `User` instead of `Usr`"
        ]
    );
}

#[test]
fn a_missing_file_leaves_no_other_problem() {
    let entry = r#"system S { import X from "x.bone" entity Post { relation author: belongs_to User } }"#;
    let found = lines(entry, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("B0501"), "{found:?}");
}
