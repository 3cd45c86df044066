//! `tests: auto`: the command by which a project runs its tests, found by the files of its folder.

use serde_json::Value as Json;

use crate::workspace::Workspace;

/// What is looked for, for who has none of it.
pub(super) const LOOKED_FOR: &str = "Cargo.toml, a `test` script in package.json, pytest (its settings or \
                                     test_*.py), go.mod, and a Makefile with a target `test`";

/// A path for each way in which one of those may come to be there.
pub(super) const MARKS: [&str; 13] = [
    "Cargo.toml",
    "package.json",
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "conftest.py",
    "test_new.py",
    "tests/test_new.py",
    "go.mod",
    "GNUmakefile",
    "makefile",
    "Makefile",
];

/// The path of a name in a folder of the workspace.
pub(super) fn in_folder(folder: &str, name: &str) -> String {
    match folder {
        "" | "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// The command for the folder; nothing where none is known.
pub(super) fn tests(workspace: &Workspace, folder: &str) -> Option<Vec<&'static str>> {
    let path = |name: &str| in_folder(folder, name);
    let there = |name: &str| workspace.exists(&path(name));
    let read = |name: &str| workspace.read(&path(name)).unwrap_or_default();
    if there("Cargo.toml") {
        return Some(vec!["cargo", "test"]);
    }
    if has_script(&read("package.json")) {
        let manager = match () {
            () if there("pnpm-lock.yaml") => "pnpm",
            () if there("yarn.lock") => "yarn",
            () => "npm",
        };
        return Some(vec![manager, "test"]);
    }
    let settings = [
        ("pyproject.toml", "[tool.pytest"),
        ("setup.cfg", "[tool:pytest]"),
        ("tox.ini", "[pytest]"),
    ];
    let is_test = |pattern: &str| {
        workspace
            .glob(&path(pattern))
            .is_ok_and(|found| !found.is_empty())
    };
    if there("pytest.ini")
        || there("conftest.py")
        || settings
            .iter()
            .any(|(file, section)| read(file).contains(section))
        || ["test_*.py", "tests/**/test_*.py", "tests/**/*_test.py"]
            .iter()
            .any(|pattern| is_test(pattern))
    {
        return Some(vec!["pytest"]);
    }
    if there("go.mod") {
        return Some(vec!["go", "test", "./..."]);
    }
    let has_target = |name: &&str| read(name).lines().any(is_target);
    ["GNUmakefile", "makefile", "Makefile"]
        .iter()
        .any(has_target)
        .then(|| vec!["make", "test"])
}

/// Whether a package.json has a script `test` other than the one that `npm init` writes, which always fails.
fn has_script(package: &str) -> bool {
    let package: Json = serde_json::from_str(package).unwrap_or_default();
    package
        .pointer("/scripts/test")
        .and_then(Json::as_str)
        .is_some_and(|script| !script.is_empty() && !script.contains("no test specified"))
}

/// Whether a line of a Makefile makes `test`, and does not only name it.
fn is_target(line: &str) -> bool {
    let Some((targets, rest)) = line.split_once(':') else {
        return false;
    };
    !rest.starts_with('=')
        && targets.split_whitespace().any(|target| target == "test")
        && !line.starts_with('\t')
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    #[track_caller]
    fn found(files: &[(&str, &str)], expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        for (file, text) in files {
            let path = root.join("p").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let workspace = Workspace::open(root).unwrap();
        let command = super::tests(&workspace, "p").map(|words| words.join(" "));
        assert_eq!(command.as_deref(), expected, "{files:?}");
        assert_eq!(super::tests(&workspace, "."), None, "{files:?}");
    }

    #[test]
    fn projects_are_known_by_their_files() {
        let script = r#"{"scripts":{"test":"jest"}}"#;
        found(
            &[("Cargo.toml", ""), ("package.json", script)],
            Some("cargo test"),
        );
        found(&[("package.json", script)], Some("npm test"));
        found(&[("package.json", script), ("yarn.lock", "")], Some("yarn test"));
        found(
            &[("package.json", script), ("pnpm-lock.yaml", "")],
            Some("pnpm test"),
        );
        let none = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        found(&[("package.json", none)], None);
        found(&[("package.json", "{")], None);
        found(
            &[("pyproject.toml", "[tool.pytest.ini_options]\n")],
            Some("pytest"),
        );
        found(&[("pyproject.toml", "[tool.black]\n")], None);
        found(&[("tests/unit/test_a.py", "")], Some("pytest"));
        found(&[("go.mod", "")], Some("go test ./..."));
        found(
            &[("Makefile", "all: test\nlint test: x\n\tgo\n")],
            Some("make test"),
        );
        found(&[("Makefile", "all: test\ntest := x\n\ttest: y\n")], None);
    }
}
