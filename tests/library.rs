//! The workflows that ship, and the schemas.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn shipped() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("workflows"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = folders
        .map(|folder| folder.join("workflow.yaml"))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args([
            "-c",
            "user.name=A Person",
            "-c",
            "user.email=a@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(
        status.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&status.stderr)
    );
}

#[test]
fn schemas_are_fresh() {
    for kind in ["workflow", "event", "plan"] {
        let file = root().join(format!("schemas/{kind}.schema.json"));
        let printed = Sandbox::new().run(["schema", kind]).exits(0).stdout;
        assert!(
            fs::read_to_string(&file).unwrap() == printed,
            "{} is stale: write `smallcode schema {kind}` to it",
            file.display()
        );
    }
}

#[test]
fn shipped_workflows_are_good_and_follow_the_schema() {
    let schema = fs::read_to_string(root().join("schemas/workflow.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for file in shipped() {
        let checked = Sandbox::new().run(["check".as_ref(), file.as_os_str()]).exits(0);
        assert!(!checked.stderr.contains("warning"), "{}", checked.stderr);
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("# yaml-language-server: $schema="),
            "{} has no modeline",
            file.display()
        );
        let value = smallcode_core::yaml::parse(&text).unwrap().to_json();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    }
}

#[test]
fn release_notes_group_commits_whatever_their_subjects_hold() {
    let sandbox = Sandbox::new();
    let repository = sandbox.path().join("repository");
    fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    let commit = |subject: &str| git(&repository, &["commit", "-q", "--allow-empty", "-m", subject]);
    commit("parser: read the first version");
    git(&repository, &["tag", "v1"]);
    for subject in [
        "feat: a {{ 7*7 }} of \"quotes\" and \\ and 'more'",
        "fix(core): $(touch pwned) and `touch pwned`",
        "parser: Größe\tund Tabs",
        "no prefix at all",
    ] {
        commit(subject);
    }
    let file = root().join("workflows/release-notes/workflow.yaml");
    let arguments = [
        "--input",
        "repository=repository",
        "--input",
        "out=notes/NEXT.md",
        "--input",
        "version=2.0",
    ];
    let output = sandbox.run(
        ["exec".as_ref(), file.as_os_str()]
            .into_iter()
            .chain(arguments.map(AsRef::as_ref)),
    );
    assert_eq!(
        output.exits(0).json(),
        serde_json::json!({ "file": "notes/NEXT.md", "commits": 4, "authors": 1 })
    );
    let notes = sandbox.read("notes/NEXT.md");
    assert!(
        notes.starts_with("# 2.0\n\n4 commits by 1 author.\n\n## Features\n\n- a {{ 7*7 }} of \"quotes\""),
        "{notes}"
    );
    assert!(
        notes.contains("- core: $(touch pwned) and `touch pwned`"),
        "{notes}"
    );
    assert!(!notes.contains("first version"), "{notes}");
    assert!(!sandbox.has("pwned") && !repository.join("pwned").exists());
}

#[test]
fn release_notes_say_what_is_wrong_with_a_repository() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path().join("empty")).unwrap();
    git(&sandbox.path().join("empty"), &["init", "-q"]);
    let file = root().join("workflows/release-notes/workflow.yaml");
    let output = sandbox.run([
        "exec".as_ref(),
        file.as_os_str(),
        "--input".as_ref(),
        "repository=empty".as_ref(),
    ]);
    output.exits(1).says("the repository has no commits yet");
}

#[test]
fn the_workflow_of_the_readme_runs() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let example = readme
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("\n```").next())
        .unwrap();
    let server = ModelServer::start(Script::always(Answer::text(
        "{\"features\": [\"add a door\"], \"fixes\": [\"oil it\"], \"other\": []}",
    )));
    let mut sandbox = Sandbox::new();
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox.write("workflow.yaml", example);
    let checked = sandbox.run(["check", "workflow.yaml"]).exits(0);
    assert!(!checked.stderr.contains("warning"), "{}", checked.stderr);
    sandbox.run(["plan", "workflow.yaml"]).exits(0);
    git(&sandbox.path(), &["init", "-q"]);
    for subject in ["start", "add a door", "oil it"] {
        git(&sandbox.path(), &["commit", "-q", "--allow-empty", "-m", subject]);
    }
    let output = sandbox.exec(&["--input", "since=HEAD~2"]).exits(0).json();
    assert_eq!(output, serde_json::json!({ "page": "docs/changes.md" }));
    let page = sandbox.read("docs/changes.md");
    assert!(
        page.contains("## features") && page.contains("- add a door"),
        "{page}"
    );
    let asked = server.calls();
    assert!(asked[0].last_user_message().contains("oil it"));
}

/// The map is of use only while it is true: what it names exists, and no module is missing.
#[test]
fn the_architecture_names_what_is_there() {
    let map = fs::read_to_string(root().join("engine/ARCHITECTURE.md")).unwrap();
    let words: Vec<&str> = map.split('`').skip(1).step_by(2).collect();
    for word in &words {
        let path = ["core/", "runtime/", "cli/"]
            .iter()
            .any(|folder| word.starts_with(folder));
        if path && !word.contains("NAME") {
            assert!(
                root().join("engine").join(word).exists(),
                "`{word}` does not exist"
            );
        }
    }
    for part in ["core/src/lib.rs", "runtime/src/lib.rs"] {
        let source = fs::read_to_string(root().join("engine").join(part)).unwrap();
        for line in source.lines() {
            if let Some(module) = line
                .strip_prefix("pub mod ")
                .and_then(|rest| rest.strip_suffix(';'))
            {
                let named = words.iter().any(|word| word.trim_end_matches('/') == module);
                assert!(named, "the module `{module}` of {part} is not described");
            }
        }
    }
}

#[test]
fn the_readme_names_every_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 70, 74, 75, 130] {
        assert!(readme.contains(&format!("\n| {code} | ")), "exit code {code}");
    }
}
