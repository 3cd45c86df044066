//! `bone compile`, `bone watch`, `bone diff` and `bone init`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use crate::support::Sandbox;

use super::{SHOP, WRONG};

/// Waits until a line of a stream holds a text.
fn said(stream: impl Read + Send + 'static) -> impl Fn(&str) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    move |text| {
        let minute = std::time::Duration::from_secs(60);
        while !told.recv_timeout(minute).expect("a line").contains(text) {}
    }
}

/// Every file below a folder, by path.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_program_becomes_a_project_and_stays_it() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", SHOP);
    for target in ["sqlite", "postgres"] {
        let compile = [
            "bone",
            "compile",
            "shop.bone",
            "--target",
            target,
            "--out",
            target,
        ];
        let output = sandbox.run(compile).exits(0);
        let files = tree(&sandbox.path().join(target));
        assert_eq!(
            output.stdout.lines().count() + 1,
            files.len(),
            "each, and the manifest"
        );
        assert!(
            output.stdout.contains("written    package.json"),
            "{}",
            output.stdout
        );
        let again = sandbox.run(compile).exits(0).says("0 files written");
        assert!(!again.stdout.contains(" written "));
        assert_eq!(tree(&sandbox.path().join(target)), files);
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.write("a/shop.bone", SHOP);
    sandbox.write(
        "b/deep/other.bone",
        &format!("\u{feff}{}", SHOP.replace('\n', "\r\n")),
    );
    sandbox
        .run(["bone", "compile", "a/shop.bone", "--out", "one"])
        .exits(0);
    sandbox
        .run(["bone", "compile", "b/deep/other.bone", "--out", "elsewhere/two"])
        .exits(0);
    assert_eq!(
        tree(&sandbox.path().join("one")),
        tree(&sandbox.path().join("elsewhere/two"))
    );
}

#[test]
fn nothing_is_written_of_a_wrong_program() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", WRONG);
    sandbox
        .run(["bone", "compile", "shop.bone", "--out", "server"])
        .exits(2)
        .says("error[B0203]")
        .says("2 errors: nothing is written");
    assert!(!sandbox.has("server"));
    let found = sandbox
        .run(["bone", "compile", "shop.bone", "--out", "server", "--json"])
        .exits(2)
        .json();
    assert_eq!(found["diagnostics"][1]["code"], "B0203");
}

#[test]
fn what_was_done_is_one_object_for_programs() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", SHOP);
    let told = sandbox
        .run(["bone", "compile", "shop.bone", "--out", "server", "--json"])
        .exits(0)
        .json();
    let files = told["files"].as_array().unwrap();
    assert_eq!(
        (&told["out"], &told["target"]),
        (&"server".into(), &"sqlite".into())
    );
    for file in files {
        assert_eq!(file["status"], "written");
        assert_eq!(file["blake3"].as_str().unwrap().len(), 64);
        assert!(sandbox.has(&format!("server/{}", file["path"].as_str().unwrap())));
    }
    let manifest: serde_json::Value =
        serde_json::from_str(&sandbox.read("server/bone.manifest.json")).unwrap();
    assert_eq!(manifest["files"].as_object().unwrap().len(), files.len());
    assert_eq!(manifest["files"]["package.json"]["owner"], "generated");
}

#[test]
fn an_edited_file_is_not_overwritten_in_silence() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", SHOP);
    sandbox
        .run(["bone", "compile", "shop.bone", "--out", "server"])
        .exits(0);
    sandbox.write("server/package.json", "{}\n");
    sandbox.write("server/notes.md", "mine");
    let before = tree(&sandbox.path().join("server"));
    sandbox.write("shop.bone", &SHOP.replace("rating", "stars"));
    let compile = ["bone", "compile", "shop.bone", "--out", "server"];
    sandbox
        .run(compile)
        .exits(1)
        .says("`server/package.json` was edited since it was generated")
        .says("`--force`");
    let told = sandbox.run(compile.iter().chain(&["--json"])).exits(1).json();
    assert_eq!(told["refused"][0]["path"], "package.json");
    assert_eq!(tree(&sandbox.path().join("server")), before);
    sandbox.run(compile.iter().chain(&["--force"])).exits(0);
    assert_ne!(sandbox.read("server/package.json"), "{}\n");
    assert_eq!(sandbox.read("server/notes.md"), "mine");
}

#[test]
fn names_of_targets_are_said_to_be_what_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", SHOP);
    let compile = |target| ["bone", "compile", "shop.bone", "--out", "out", "--target", target];
    for gone in ["prisma", "nakama"] {
        sandbox
            .run(compile(gone))
            .exits(2)
            .says(&format!("target `{gone}` is not there"));
    }
    sandbox
        .run(compile("mysql"))
        .exits(2)
        .says("the targets are `postgres`");
    sandbox
        .run(compile("express"))
        .exits(0)
        .says("`express` is another name of `postgres`");
    sandbox.run(compile("postgres")).exits(0).says("0 files written");
    sandbox
        .run(compile("sqlite"))
        .exits(1)
        .says("choose another folder");
}

#[test]
fn a_watched_program_is_compiled_again_when_a_file_of_it_changes() {
    let sandbox = Sandbox::new();
    sandbox.write("main.bone", "system S { import User from \"users.bone\" }");
    sandbox.write(
        "users.bone",
        "system Users { entity User { owns: [name: string] } }",
    );
    let mut watcher = sandbox.start(["bone", "watch", "main.bone", "--out", "out"]);
    let lines = said(watcher.stderr.take().unwrap());
    lines("waiting for a change");
    // What is wrong ends nothing.
    sandbox.write(
        "users.bone",
        "system Users { entity User { owns: [name: strng] } }",
    );
    lines("error[B0204]");
    lines("waiting for a change");
    sandbox.write(
        "users.bone",
        "system Users { entity User { owns: [nick: string] } }",
    );
    lines("in `out` for `sqlite`");
    lines("waiting for a change");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

#[test]
fn a_first_program_is_written_once_and_compiles() {
    let sandbox = Sandbox::new();
    for domain in [
        "multiplayer_game",
        "saas_platform",
        "iot_system",
        "social_network",
        "marketplace",
        "realtime_collaboration",
    ] {
        let name = format!("my-{domain}");
        let file = format!("{}.bone", name.replace('-', "_"));
        sandbox
            .run(["bone", "init", &name, "--domain", domain])
            .exits(0)
            .says("bone compile");
        sandbox.run(["bone", "compile", &file, "--out", domain]).exits(0);
        sandbox
            .run(["bone", "init", &name])
            .exits(1)
            .says("is there already");
    }
    sandbox
        .run(["bone", "init", "x", "--domain", "iot"])
        .exits(2)
        .says("iot_system");
    sandbox.run(["bone", "init", "42"]).exits(2).says("no letter");
}

#[test]
fn what_leads_from_one_version_to_another_is_shown_and_written() {
    let sandbox = Sandbox::new();
    sandbox.write("old.bone", SHOP);
    let renamed = SHOP.replace("rating", "stars");
    let renamed = renamed.replacen(
        "stars: float = 0.0",
        "stars: float = 0.0 @renamed_from(rating)",
        1,
    );
    sandbox.write("new.bone", &format!("// better words\n{renamed}"));
    sandbox.write("same.bone", &format!("// only a comment\n{SHOP}"));
    for target in ["sqlite", "postgres"] {
        let diff = |old, new| ["bone", "diff", old, new, "--target", target];
        let output = sandbox
            .run(diff("old.bone", "same.bone"))
            .exits(0)
            .says("no migration");
        assert_eq!(output.stdout, "");
        let shown = sandbox.run(diff("old.bone", "new.bone")).exits(0).stdout;
        assert!(shown.starts_with("-- migrations/"), "{shown}");
        assert!(
            shown.contains("\"rating\"") && shown.contains("\"stars\""),
            "{shown}"
        );
        let folder = format!("{target}-migrations");
        let written = diff("old.bone", "new.bone");
        let written = written.iter().copied().chain(["--write", folder.as_str()]);
        assert_eq!(sandbox.run(written.clone()).exits(0).stdout, shown);
        let files = tree(&sandbox.path().join(&folder));
        let texts: Vec<&String> = files.values().collect();
        let [text] = texts.as_slice() else {
            panic!("{:?}", files.keys())
        };
        assert!(shown.ends_with(text.as_str()));
        // What a database may have run is not written over.
        sandbox.run(written).exits(74).says("can't be written");
        assert_eq!(tree(&sandbox.path().join(&folder)), files);
    }
    sandbox.write("new.bone", WRONG);
    sandbox
        .run(["bone", "diff", "old.bone", "new.bone"])
        .exits(2)
        .says("strng");
}

#[test]
fn a_changed_program_adds_a_migration_and_takes_away_what_it_no_longer_has() {
    let sandbox = Sandbox::new();
    let program = |fields: &str, more: &str| {
        format!(
            "system Library {{ entity Book {{ owns: [title: string{fields}] }} {more}
             extension_point fee(days: uint) {{ returns: uint }} }}"
        )
    };
    let compile = || {
        sandbox
            .run(["bone", "compile", "library.bone", "--out", "server"])
            .exits(0);
        tree(&sandbox.path().join("server"))
    };
    sandbox.write(
        "library.bone",
        &program("", "entity Shelf { owns: [place: string] }"),
    );
    let first = compile();
    assert!(first.contains_key("src/entities/shelfs.ts"));
    sandbox.write("server/src/extensions/fee.ts", "// mine\n");
    sandbox.write(
        "library.bone",
        &format!(
            "// a comment\n{}",
            program("", "entity Shelf { owns: [place: string] }")
        ),
    );
    let commented = compile();
    assert_eq!(
        commented.keys().collect::<Vec<_>>(),
        first.keys().collect::<Vec<_>>()
    );
    sandbox.write("library.bone", &program(", pages: uint = 0", ""));
    let second = compile();
    let migrations = |files: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let sql = files.iter().filter(|(path, _)| path.starts_with("migrations/0"));
        sql.map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    let (before, after) = (migrations(&first), migrations(&second));
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|(path, text)| after.get(path) == Some(text)));
    assert_eq!(second["src/extensions/fee.ts"], "// mine\n");
    assert!(
        !second.keys().any(|path| path.contains("shel")),
        "{:?}",
        second.keys()
    );
}
