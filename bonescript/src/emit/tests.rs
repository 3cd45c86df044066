//! What is emitted, as a whole.

use super::*;
use crate::tests::examples::{PROGRAMS, Shared};
use crate::{Level, check, check_with};

fn system(body: &str) -> ir::System {
    let analysis = check("t.bone", &format!("system Small {{\n{body}\n}}"), Level::Strict);
    analysis.program.unwrap().systems.remove(0)
}

#[test]
fn the_same_system_gives_the_same_bytes_in_order() {
    let system = system("entity Plant { owns: [name: string] }");
    for target in Target::ALL {
        let project = emit(&system, *target, None).unwrap();
        assert_eq!(project, emit(&system, *target, None).unwrap());
        assert!(project.files.is_sorted_by(|left, right| left.path < right.path));
        for file in &project.files {
            assert!(
                file.text.ends_with('\n') && !file.text.contains('\r'),
                "{}",
                file.path
            );
        }
    }
}

/// What `npm run format:check` of a project asks, as far as `layout` knows; the fixed modules are among the files.
#[test]
fn every_file_is_laid_out() {
    let ignored = ["package-lock.json", "openapi.json", "migrations/schema.json"];
    for (name, text) in PROGRAMS {
        let program = check_with(name, text, &Shared, Level::Strict).program.unwrap();
        for target in Target::ALL {
            let project = emit(&program.systems[0], *target, None).unwrap();
            let formatted = |file: &&File| {
                !ignored.contains(&file.path.as_str()) && !file.path.ends_with(".postman_collection.json")
            };
            for file in project.files.iter().filter(formatted) {
                let again = layout::file(&file.path, &file.text);
                let differs = file
                    .text
                    .lines()
                    .zip(again.lines())
                    .find(|(one, other)| one != other);
                assert!(again == file.text, "{name}, {}: {differs:?}", file.path);
            }
        }
    }
}

#[test]
fn a_path_is_written_once_whatever_its_case() {
    let mut files = FileSet::new(Target::Sqlite, &server::TEMPLATES, LAYOUT);
    files
        .add("src/Order.ts", String::new(), Owner::Generated)
        .unwrap();
    assert_eq!(
        files.add("src/order.ts", String::new(), Owner::Generated),
        Err(EmitError::DuplicatePath {
            path: "src/order.ts".into()
        })
    );
}

#[test]
fn the_package_is_named_after_the_system() {
    let project = emit(
        &system("entity Plant { owns: [name: string] }"),
        Target::Sqlite,
        None,
    )
    .unwrap();
    let package = project
        .files
        .iter()
        .find(|file| file.path == "package.json")
        .unwrap();
    assert!(package.text.contains("\"name\": \"small-backend\""));
}

#[test]
fn a_column_may_be_called_like_what_every_object_has() {
    let system = system("entity Plant { owns: [constructor: string = \"c\", toString: string] auth: jwt }");
    let project = emit(&system, Target::Sqlite, None).unwrap();
    let holds = |path: &str, wanted: &str| {
        let file = project.files.iter().find(|file| file.path == path).unwrap();
        assert!(file.text.contains(wanted), "{path}");
    };
    // Only a key that is named has a type of its own: of others the compiler knows what objects inherit.
    holds("src/database/columns.ts", "[Column in keyof Rows[Name]]: Codec");
    holds("src/entities/definition.ts", "create: z.ZodType<Values<Row>");
    // And a body that lacks it must not have it from its prototype.
    holds("src/entities/requests.ts", "safeParse(bare(value))");
    holds("src/capabilities/definition.ts", "safeParse(bare(body))");
}
