mod rollback;

use std::os::unix::fs::symlink;

use super::*;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap().join("w");
    fs::create_dir(&root).unwrap();
    let workspace = Workspace::open(&root).unwrap();
    (folder, workspace)
}

#[test]
fn writes_stay_inside() {
    let (folder, workspace) = workspace();
    symlink(folder.path(), workspace.root().join("out")).unwrap();
    symlink(folder.path().join("x"), workspace.root().join("link")).unwrap();
    fs::write(folder.path().join("x"), "outside").unwrap();
    for path in ["../x", "/tmp/x", "out/x", "link", "a/../../x", "", "."] {
        assert!(workspace.write(path, b"pwned").is_err(), "{path}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("x")).unwrap(), "outside");
    for path in ["../x", "out/x", "link"] {
        assert!(workspace.read(path).is_err(), "{path}");
    }
}

#[test]
fn writes_are_whole_and_keep_the_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, workspace) = workspace();
    workspace.write("a/b/c.sh", b"one").unwrap();
    let path = workspace.root().join("a/b/c.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    workspace.write("a/b/c.sh", b"two").unwrap();
    assert_eq!(workspace.read("a/b/c.sh").unwrap(), "two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(
        fs::read_dir(workspace.root().join("a/b")).unwrap().count(),
        1,
        "no leftovers"
    );
}

/// Writes a file as somebody else does: also where the workspace writes nothing.
fn put(workspace: &Workspace, path: &str, text: &str) {
    let path = workspace.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn globs_leave_out_what_git_ignores() {
    let (_folder, workspace) = workspace();
    for path in [
        ".gitignore",
        "src/a.rs",
        "src/b/c.rs",
        "target/d.rs",
        ".smallcode/e.rs",
    ] {
        put(&workspace, path, "target/\n");
    }
    assert_eq!(workspace.glob("**/*.rs").unwrap(), ["src/a.rs", "src/b/c.rs"]);
}

#[test]
fn a_folder_that_became_a_link_is_not_written_through() {
    let (folder, workspace) = workspace();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    workspace.write("a/b/one.txt", b"1").unwrap();
    fs::remove_dir_all(workspace.root().join("a/b")).unwrap();
    symlink(&outside, workspace.root().join("a/b")).unwrap();
    let error = workspace.write("a/b/two.txt", b"2").unwrap_err();
    assert!(matches!(error, FileError::Escapes { .. }), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

/// Another process swaps a folder for a link to the outside, over and over, while files in it are written and read.
#[cfg(target_os = "linux")]
#[test]
fn a_link_that_comes_and_goes_leads_nowhere() {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let (folder, workspace) = workspace();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "outside").unwrap();
    let root = workspace.root().to_path_buf();
    fs::create_dir(root.join("way")).unwrap();
    fs::write(root.join("way/secret"), "inside").unwrap();
    symlink(&outside, root.join("other")).unwrap();
    let (way, other) = (root.join("way"), root.join("other"));
    let swap = || {
        renameat_with(
            CWD,
            way.as_std_path(),
            CWD,
            other.as_std_path(),
            RenameFlags::EXCHANGE,
        )
    };
    let over = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                swap().unwrap();
                std::thread::yield_now();
            }
        });
        // Until both have been met often enough: no run of the test is without them.
        for round in 0.. {
            match workspace.read("way/secret") {
                Ok(text) => {
                    assert_eq!(text, "inside");
                    read += 1;
                }
                Err(FileError::Escapes { .. }) => refused += 1,
                Err(_) => {}
            }
            let _ = workspace
                .read_real("way/secret")
                .map(|text| assert_eq!(text, "inside"));
            let _ = workspace.write("way/made", b"x");
            if read > 50 && refused > 50 || round > 200_000 {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
    let names: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["secret"]);
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "outside");
}

#[test]
fn links_that_lead_inside_are_followed() {
    let (_folder, workspace) = workspace();
    workspace.write("real/kept.txt", b"old").unwrap();
    // One that is relative, one that is absolute, one that stands for a file.
    symlink("real", workspace.root().join("relative")).unwrap();
    symlink(workspace.root().join("real"), workspace.root().join("absolute")).unwrap();
    symlink("real/kept.txt", workspace.root().join("file")).unwrap();
    workspace.write("relative/new/a.txt", b"a").unwrap();
    workspace.write("absolute/b.txt", b"b").unwrap();
    workspace.write("file", b"new").unwrap();
    assert_eq!(workspace.read("real/new/a.txt").unwrap(), "a");
    assert_eq!(workspace.read("relative/b.txt").unwrap(), "b");
    assert_eq!(workspace.read("real/kept.txt").unwrap(), "new");
    let link = fs::symlink_metadata(workspace.root().join("file")).unwrap();
    assert!(link.is_symlink());
}

#[test]
fn a_file_in_the_place_of_a_folder_is_told() {
    let (_folder, workspace) = workspace();
    workspace.write("a", b"").unwrap();
    fs::create_dir(workspace.root().join("folder")).unwrap();
    for path in ["a/b", "a/b/c", "folder"] {
        let error = workspace.write(path, b"x").unwrap_err();
        assert!(matches!(error, FileError::Io { .. }), "{path}: {error}");
    }
    assert_eq!(fs::read_dir(workspace.root()).unwrap().count(), 2, "no leftovers");
}

#[test]
fn new_files_have_the_mode_of_the_mask() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, workspace) = workspace();
    fs::write(folder.path().join("usual"), "").unwrap();
    workspace.write("new", b"").unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(
        mode(workspace.root().join("new").as_std_path()),
        mode(&folder.path().join("usual"))
    );
}
