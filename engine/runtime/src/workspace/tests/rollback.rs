//! What was kept comes back, byte for byte, whatever was done meanwhile.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::journal::{BlobHash, Blobs};

/// What is at each path below a folder: its mode and content, or where it leads.
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else if metadata.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let path = path.strip_prefix(root).unwrap().to_path_buf();
            found.insert(path, (metadata.permissions().mode(), content));
        }
    }
    found
}

/// Something that is done to a tree; what can't be done is not.
#[derive(Clone, Debug)]
enum Change {
    Write(Index, Vec<u8>),
    Folder(Index),
    Link(Index, bool),
    Remove(Index),
    Mode(Index, bool),
    Move(Index, Index),
}

/// Paths of up to three names below a folder, one of the names no text.
fn paths(below: &str) -> Vec<PathBuf> {
    let names: [&[u8]; 4] = [b"a", b"b.txt", b"c[1]", b"\xff"];
    let mut paths = vec![PathBuf::from(below)];
    let mut from = 0;
    for _ in 0..3 {
        let until = paths.len();
        for at in from..until {
            for name in names {
                paths.push(paths[at].join(OsStr::from_bytes(name)));
            }
        }
        from = until;
    }
    paths.remove(0);
    paths
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        5 => (at(), prop::collection::vec(any::<u8>(), 0..4)).prop_map(|(at, bytes)| Change::Write(at, bytes)),
        3 => at().prop_map(Change::Folder),
        2 => (at(), any::<bool>()).prop_map(|(at, out)| Change::Link(at, out)),
        4 => at().prop_map(Change::Remove),
        2 => (at(), any::<bool>()).prop_map(|(at, run)| Change::Mode(at, run)),
        2 => (at(), at()).prop_map(|(from, to)| Change::Move(from, to)),
    ]
}

fn apply(root: &Path, outside: &Path, paths: &[PathBuf], changes: &[Change]) {
    let at = |index: &Index| root.join(index.get(paths));
    for change in changes {
        let _ = match change {
            Change::Write(path, bytes) => fs::write(at(path), bytes),
            Change::Folder(path) => fs::create_dir_all(at(path)),
            Change::Link(path, true) => symlink(outside, at(path)),
            Change::Link(path, false) => symlink("nowhere", at(path)),
            Change::Remove(path) => {
                let path = at(path);
                fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path))
            }
            Change::Mode(path, run) => {
                let mode = if *run { 0o750 } else { 0o704 };
                fs::set_permissions(at(path), fs::Permissions::from_mode(mode))
            }
            Change::Move(from, to) => fs::rename(at(from), at(to)),
        };
    }
}

fn places(globs: &[&str], paths: &[&str]) -> Places {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Places {
        globs: owned(globs),
        paths: owned(paths),
    }
}

struct Kept {
    folder: tempfile::TempDir,
    workspace: Workspace,
    blobs: Blobs,
}

impl Kept {
    fn new() -> Self {
        let (folder, workspace) = workspace();
        let blobs = Blobs::new(folder.path().join("undo"));
        Self {
            folder,
            workspace,
            blobs,
        }
    }

    fn root(&self) -> &Path {
        self.workspace.root().as_std_path()
    }

    fn keep(&self, places: &Places) -> BlobHash {
        self.workspace.keep(places, "test 1", &self.blobs).unwrap()
    }

    fn restore(&self, hash: &BlobHash) -> usize {
        self.workspace.restore(hash, &self.blobs, true, None).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_tree_comes_back(
        before in prop::collection::vec(change(), 0..25),
        changes in prop::collection::vec(change(), 1..25),
        again in prop::collection::vec(change(), 0..10),
        glob in 0_usize..4,
    ) {
        let kept = Kept::new();
        let (root, outside) = (kept.root(), kept.folder.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(root.join("beside"), "beside").unwrap();
        let (below, glob) = [("", "**"), ("x", "x/**"), ("x/y", "x/y/**"), ("x/y", "{x/y/**,none}")][glob];
        apply(root, &outside, &paths(below), &before);
        let was = tree(root);
        let hash = kept.keep(&places(&[glob], &[]));
        apply(root, &outside, &paths(below), &changes);
        let out = tree(&outside);
        kept.restore(&hash);
        prop_assert_eq!(&tree(root), &was);
        prop_assert_eq!(&tree(&outside), &out);
        // As if it had been cut short: whatever there is by then, it comes to the same.
        apply(root, &outside, &paths(below), &again);
        kept.restore(&hash);
        prop_assert_eq!(&tree(root), &was);
        prop_assert_eq!(kept.restore(&hash), 0);
    }
}

#[test]
fn every_one_of_many_files_comes_back() {
    let kept = Kept::new();
    let files: Vec<String> = (0..40).map(|number| format!("src/{number}.rs")).collect();
    for (number, file) in files.iter().enumerate() {
        if number % 4 != 3 {
            kept.workspace.write(file, file.as_bytes()).unwrap();
        }
    }
    let was = tree(kept.root());
    let paths: Vec<&str> = files.iter().map(String::as_str).collect();
    let hash = kept.keep(&places(&[], &paths));
    for file in &files {
        kept.workspace.write(file, b"changed").unwrap();
    }
    assert_eq!(kept.restore(&hash), 40);
    assert_eq!(tree(kept.root()), was);
}

#[test]
fn nothing_but_what_matches_is_touched() {
    let kept = Kept::new();
    let all = [
        "a.rs",
        "b.md",
        "src/c.rs",
        "src/deep/d.rs",
        ".git/e.rs",
        ".smallcode/f.rs",
        "target/g.rs",
    ];
    kept.workspace.write(".gitignore", b"target/\n").unwrap();
    for (glob, matching) in [
        (
            "**/*.rs",
            vec!["a.rs", "src/c.rs", "src/deep/d.rs", "target/g.rs"],
        ),
        ("src/*.rs", vec!["src/c.rs"]),
        ("./src//c.rs", vec!["src/c.rs"]),
        (".git/**", vec![".git/e.rs"]),
        (".smallcode/**", vec![]),
        ("none/**", vec![]),
    ] {
        for file in all {
            put(&kept.workspace, file, "old");
        }
        let hash = kept.keep(&places(&[glob], &[]));
        for file in all {
            put(&kept.workspace, file, "new");
        }
        assert_eq!(kept.restore(&hash), matching.len(), "{glob}");
        for file in all {
            let expected = if matching.contains(&file) { "old" } else { "new" };
            assert_eq!(kept.workspace.read(file).unwrap(), expected, "{glob}: {file}");
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_is_not_followed() {
    let kept = Kept::new();
    let outside = kept.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["a.txt", "b.txt"] {
        fs::write(outside.join(name), "theirs").unwrap();
    }
    kept.workspace.write("out/deep/a.txt", b"ours").unwrap();
    let was = tree(kept.root());
    for glob in ["out/deep/*.txt", "out/**", "out/deep/a.txt"] {
        let hash = kept.keep(&places(&[glob], &[]));
        fs::remove_dir_all(kept.root().join("out/deep")).unwrap();
        symlink(&outside, kept.root().join("out/deep")).unwrap();
        kept.restore(&hash);
        assert_eq!(tree(kept.root()), was, "{glob}");
        assert_eq!(fs::read(outside.join("a.txt")).unwrap(), b"theirs");
        assert_eq!(tree(&outside).len(), 2);
    }
}

#[test]
fn folders_that_others_may_use_stay_while_others_write() {
    let kept = Kept::new();
    let hash = kept.keep(&places(&["out/*.md"], &[]));
    kept.workspace.write("out/a.md", b"a").unwrap();
    kept.workspace.restore(&hash, &kept.blobs, false, None).unwrap();
    assert_eq!(tree(kept.root()).len(), 1, "`out` stays");
    kept.restore(&hash);
    assert_eq!(tree(kept.root()).len(), 0);
}

#[test]
fn what_is_put_back_is_set_aside() {
    let kept = Kept::new();
    kept.workspace.write("src/a.txt", b"old").unwrap();
    kept.workspace.write("src/same.txt", b"same").unwrap();
    let hash = kept.keep(&places(&["src/**"], &[]));
    kept.workspace.write("src/a.txt", b"of a person").unwrap();
    kept.workspace.write("src/deep/new.txt", b"new").unwrap();
    let large = vec![b'x'; 5 << 20];
    kept.workspace.write("src/large.bin", &large).unwrap();
    let below = kept.folder.path().join("put-back");
    let mut folders = Vec::new();
    for _ in 0..2 {
        let mut aside = Aside::new(below.clone());
        kept.workspace
            .restore(&hash, &kept.blobs, true, Some(&mut aside))
            .unwrap();
        folders.push(aside.folder().map(Path::to_path_buf));
    }
    assert_eq!(
        folders,
        [Some(below.join("1")), None],
        "the second has nothing to do"
    );
    let aside = |path: &str| fs::read_to_string(below.join("1").join(path)).ok();
    assert_eq!(aside("src/a.txt").as_deref(), Some("of a person"));
    assert_eq!(aside("src/deep/new.txt").as_deref(), Some("new"));
    assert_eq!(aside("src/same.txt"), None);
    assert_eq!(aside("src/large.bin"), None);
    assert_eq!(kept.workspace.read("src/a.txt").unwrap(), "old");
}

#[test]
fn what_stood_there_last_is_set_aside_whatever_is_put_back_after_it() {
    let kept = Kept::new();
    let mut records = Vec::new();
    for step in ["old", "first step", "second step"] {
        kept.workspace.write("a.txt", step.as_bytes()).unwrap();
        records.push(kept.keep(&places(&[], &["a.txt"])));
    }
    kept.workspace.write("a.txt", b"of a person").unwrap();
    let mut aside = Aside::new(kept.folder.path().join("put-back"));
    for hash in records.iter().rev() {
        kept.workspace
            .restore(hash, &kept.blobs, true, Some(&mut aside))
            .unwrap();
    }
    let copy = aside.folder().unwrap().join("a.txt");
    assert_eq!(fs::read_to_string(copy).unwrap(), "of a person");
    assert_eq!(kept.workspace.read("a.txt").unwrap(), "old");
}

#[test]
fn a_damaged_record_changes_nothing() {
    let kept = Kept::new();
    kept.workspace.write("a", b"old").unwrap();
    let hash = kept.keep(&places(&["*"], &[]));
    kept.workspace.write("a", b"new").unwrap();
    kept.workspace.write("b", b"new").unwrap();
    let path = kept.blobs.path(&hash);
    let mut record = fs::read(&path).unwrap();
    let last = record.len() - 3;
    record[last] ^= 1;
    fs::write(&path, record).unwrap();
    assert!(kept.workspace.restore(&hash, &kept.blobs, true, None).is_err());
    assert!(kept.workspace.exists("b") && kept.workspace.read("a").unwrap() == "new");
}

#[test]
fn what_a_dead_engine_had_not_finished_goes() {
    let kept = Kept::new();
    kept.workspace.write("src/a.rs", b"old").unwrap();
    let was = tree(kept.root());
    let hash = kept.keep(&places(&[], &["src/a.rs", "new/b.rs"]));
    kept.workspace.write("src/a.rs", b"new").unwrap();
    // No system has so many processes; the other is this one.
    let dead = "new/.smallcode-2147483646-0";
    let alive = format!("src/.smallcode-{}-7", std::process::id());
    for path in [dead, &alive] {
        kept.workspace.write(path, b"half").unwrap();
    }
    kept.restore(&hash);
    assert!(kept.workspace.exists(&alive));
    fs::remove_file(kept.root().join(alive)).unwrap();
    assert_eq!(tree(kept.root()), was);
}
