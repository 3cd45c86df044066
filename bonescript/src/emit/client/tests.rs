//! What clients of a small program get: so that a change to what everyone's clients rely on is seen.

use serde_json::Value;

use super::super::{Project, Target, emit};
use crate::tests::file;
use crate::{Level, check};

const LIBRARY: &str = r"
  entity Reader { owns: [email: string, secret: string @sensitive, fines: uint = 0] constraints: [email.unique] auth: jwt }
  entity Book { owns: [title: string, pages: uint, note: optional<string>]
    constraints: [title.length in 1..80, pages > 0] states: shelved -> lent -> shelved relation reader: belongs_to Reader [0..1] }
  capability lend(book: Book, reader: Reader) {
    requires: [caller == reader, book.state == shelved]
    effects: [book.state = lent, book.reader_id = reader.id]
  }
";

fn library() -> Project {
    let analysis = check("t.bone", &format!("system Library {{{LIBRARY}}}"), Level::Strict);
    let program = analysis
        .program
        .unwrap_or_else(|| panic!("{:#?}", analysis.diagnostics));
    emit(&program.systems[0], Target::Sqlite, None).unwrap()
}

#[test]
fn the_sdk() {
    let project = library();
    insta::assert_snapshot!(file(&project, "sdk/types.ts"));
    insta::assert_snapshot!(file(&project, "sdk/client.ts"));
}

#[test]
fn the_schema_of_graphql() {
    insta::assert_snapshot!(file(&library(), "schema.graphql"));
}

#[test]
fn routes_are_described() {
    let project = library();
    let document: Value = serde_json::from_str(file(&project, "openapi.json")).unwrap();
    let paths: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, operations)| {
            let methods: Vec<&str> = operations
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            format!("{path} {}", methods.join(" "))
        })
        .collect();
    insta::assert_snapshot!(paths.join("\n"));
    let lend = serde_json::to_string_pretty(&document["paths"]["/books/lend"]).unwrap();
    insta::assert_snapshot!(lend);
    let book = serde_json::to_string_pretty(&document["components"]["schemas"]["Book.create"]).unwrap();
    insta::assert_snapshot!(book);
}

#[test]
fn the_readme_lists_the_routes() {
    let project = library();
    let (_, routes) = file(&project, "README.md").split_once("| Route").unwrap();
    insta::assert_snapshot!(routes.split("\n\n").next().unwrap());
}
