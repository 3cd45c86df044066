use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bonescript::changes::RefusedWhy;
use bonescript::{Level, check};

use super::*;
use crate::workspace::beneath::Beneath;

const SHOP: &str = "system Shop { entity Plant { owns: [name: string, stock: uint] } }";

fn program(text: &str) -> ir::Program {
    check("shop.bone", text, Level::Strict).program.unwrap()
}

/// An empty folder, and the path of one in it that is not there yet.
fn out() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = Utf8Path::from_path(folder.path()).unwrap().join("deep/out");
    (folder, out)
}

fn compile(text: &str, out: &Utf8Path, force: bool) -> Result<Prepared, GeneratedError> {
    let prepared = Prepared::new(&program(text), Target::Sqlite, out, force)?;
    prepared.apply()?;
    Ok(prepared)
}

/// Every file below a folder, with its content.
fn tree(folder: &Utf8Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = next.read_dir_utf8() else {
            continue;
        };
        for entry in entries.map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path().to_path_buf());
            } else {
                let path = entry.path().strip_prefix(folder).unwrap().to_string();
                found.push((path, fs::read_to_string(entry.path()).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

/// A generated file of the project that is not about migrations.
fn some_file(prepared: &Prepared) -> String {
    let mut outcomes = prepared.outcomes().into_iter();
    outcomes
        .find(|file| !file.path.starts_with("migrations/"))
        .unwrap()
        .path
}

#[test]
fn a_project_is_written_and_written_again_without_a_change() {
    let (_folder, out) = out();
    let first = compile(SHOP, &out, false).unwrap();
    assert!(first.outcomes().iter().all(|file| file.done == Done::Written));
    let files = tree(&out);
    assert_eq!(
        files.len(),
        first.outcomes().len() + 1,
        "and the manifest, and nothing else"
    );
    for outcome in first.outcomes() {
        let (_, text) = files.iter().find(|(path, _)| *path == outcome.path).unwrap();
        assert_eq!(folder::hash(text.as_bytes()), outcome.hash);
    }
    let second = compile(SHOP, &out, false).unwrap();
    assert!(second.outcomes().iter().all(|file| file.done == Done::Unchanged));
    assert_eq!(tree(&out), files);
}

#[test]
fn an_edited_file_stops_everything_until_it_is_forced() {
    let (_folder, out) = out();
    let path = some_file(&compile(SHOP, &out, false).unwrap());
    fs::write(out.join(&path), "mine").unwrap();
    let before = tree(&out);
    let wider = SHOP.replace("stock", "count");
    let refused = Prepared::new(&program(&wider), Target::Sqlite, &out, false).unwrap();
    assert_eq!(
        (refused.refused()[0].path.as_str(), refused.refused()[0].why),
        (path.as_str(), RefusedWhy::Edited)
    );
    assert!(matches!(
        refused.apply(),
        Err(GeneratedError::Refused { count: 1 })
    ));
    assert_eq!(tree(&out), before);
    compile(&wider, &out, true).unwrap();
    assert_ne!(fs::read_to_string(out.join(&path)).unwrap(), "mine");
}

#[test]
fn links_are_never_followed() {
    let (folder, out) = out();
    let path = some_file(&compile(SHOP, &out, false).unwrap());
    let target = folder.path().join("precious");
    fs::write(&target, "precious").unwrap();
    fs::remove_file(out.join(&path)).unwrap();
    symlink(&target, out.join(&path)).unwrap();
    assert!(matches!(
        compile(SHOP, &out, true),
        Err(GeneratedError::Refused { .. })
    ));
    assert_eq!(fs::read_to_string(target).unwrap(), "precious");
}

#[test]
fn a_folder_of_another_project_is_left_alone() {
    let (_folder, out) = out();
    compile(SHOP, &out, false).unwrap();
    let other = SHOP.replace("system Shop", "system Other");
    assert!(matches!(
        compile(&other, &out, false),
        Err(GeneratedError::Another { .. })
    ));
    let prepared = Prepared::new(&program(SHOP), Target::Postgres, &out, true);
    assert!(matches!(prepared, Err(GeneratedError::Another { .. })));
    fs::write(out.join(MANIFEST), "{").unwrap();
    assert!(matches!(
        compile(SHOP, &out, true),
        Err(GeneratedError::Manifest { .. })
    ));
}

#[test]
fn several_systems_have_a_folder_each() {
    let (_folder, out) = out();
    let two = format!("{SHOP} {}", SHOP.replace("system Shop", "system BackOffice"));
    compile(&two, &out, false).unwrap();
    assert!(out.join("shop").join(MANIFEST).exists() && out.join("back-office").join(MANIFEST).exists());
    assert!(!out.join(MANIFEST).exists());
    let same = format!("{SHOP} {}", SHOP.replace("system Shop", "system shop"));
    assert!(matches!(
        compile(&same, &out, false),
        Err(GeneratedError::SameFolder { .. })
    ));
}

/// A folder with `a`, `b/c` and `gone/d`, and the change that makes other ones of them.
fn begun() -> (tempfile::TempDir, Utf8PathBuf, Beneath) {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap().to_path_buf();
    for path in ["a", "b/c", "gone/d"] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), "old").unwrap();
    }
    let beneath = Beneath::open(&root).unwrap();
    (folder, root, beneath)
}

fn change() -> transaction::Change<'static> {
    transaction::Change {
        write: ["a", "b/c", "new/e"]
            .map(|path| (path.to_owned(), "new"))
            .to_vec(),
        remove: vec!["gone/d".to_owned()],
    }
}

fn new() -> Vec<(String, String)> {
    ["a", "b/c", "new/e"]
        .map(|path| (path.to_owned(), "new".to_owned()))
        .to_vec()
}

#[test]
fn a_change_is_whole() {
    let (_folder, root, beneath) = begun();
    transaction::commit(&beneath, &change()).unwrap();
    assert_eq!(tree(&root), new());
    assert!(!root.join("gone").exists(), "a folder that became empty goes too");
}

#[test]
fn a_crash_leaves_the_old_or_the_new() {
    // Before the new contents are all there.
    let (_folder, root, beneath) = begun();
    let before = tree(&root);
    fs::create_dir(root.join(".bone-new")).unwrap();
    fs::write(root.join(".bone-new/0"), "ne").unwrap();
    transaction::recover(&beneath).unwrap();
    assert_eq!(tree(&root), before);
    // After it, at each step.
    for done in 0..=3 {
        let (_folder, root, beneath) = begun();
        let plan = transaction::stage(&beneath, &change()).unwrap();
        assert_eq!(plan.write.len(), 3);
        fs::create_dir_all(root.join("new")).unwrap();
        for (number, path) in ["a", "b/c", "new/e"].iter().enumerate().take(done) {
            fs::rename(root.join(format!(".bone-new/{number}")), root.join(path)).unwrap();
        }
        transaction::recover(&beneath).unwrap();
        assert_eq!(tree(&root), new(), "{done} steps");
        assert!(!transaction::is_pending(&beneath));
    }
}

#[test]
fn what_was_edited_after_a_crash_stays() {
    let (_folder, root, beneath) = begun();
    transaction::stage(&beneath, &change()).unwrap();
    fs::write(root.join("a"), "mine").unwrap();
    fs::write(root.join("gone/d"), "mine").unwrap();
    transaction::recover(&beneath).unwrap();
    assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(root.join("gone/d")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(root.join("b/c")).unwrap(), "new");
}

#[test]
fn a_plan_that_somebody_else_wrote_leads_nowhere() {
    for path in [
        "../out",
        ".git/hooks/pre-commit",
        "/etc/x",
        "a/../b",
        ".smallcode/x",
    ] {
        let (folder, root, beneath) = begun();
        fs::create_dir(root.join(".bone-new")).unwrap();
        fs::write(root.join(".bone-new/0"), "evil").unwrap();
        let plan = format!("{{\"write\":[{{\"path\":\"{path}\",\"before\":null}}],\"remove\":[]}}");
        fs::write(root.join(".bone-new/ready.json"), plan).unwrap();
        transaction::recover(&beneath).unwrap_err();
        assert!(!folder.path().join("../out").exists() && !Path::new(root.join(".git").as_str()).exists());
    }
}
