//! The journal on a real disk: written before anything happens, and honest about damage.

use std::fs;
use std::process::Command;

use crate::support::Sandbox;

#[test]
fn a_command_finds_its_own_start_in_the_journal() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'grep -q attempt_started.*[\"]a[\"] .smallcode/runs/*/journal.jsonl' }\n",
    );
    sandbox.exec(&[]).exits(0);
}

#[test]
fn damage_is_refused_with_its_place() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: echo a }\n  b: { needs: a, approve: 'Go on?' }\n");
    sandbox.exec(&[]).exits(6);
    let file = sandbox.run_folder().join("journal.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let line = whole
        .lines()
        .position(|line| line.contains("attempt_finished"))
        .unwrap()
        + 1;
    fs::write(&file, whole.replacen("attempt_finished", "attempt_finishes", 1)).unwrap();
    sandbox
        .run([
            "resume",
            sandbox.run_folder().file_name().unwrap().to_str().unwrap(),
        ])
        .exits(74)
        .says("journal.jsonl")
        .says(&line.to_string());
    // Without its id as well: it may be the one that was meant.
    sandbox.run(["resume"]).exits(74).says(&format!("at line {line}"));
    assert!(sandbox.run(["runs", "list"]).exits(0).stdout.contains("damaged"));
    fs::write(&file, whole).unwrap();
    let blobs = sandbox.run_folder().join("blobs");
    fs::rename(&blobs, blobs.with_extension("away")).unwrap();
    sandbox.run(["resume"]).exits(74).says("blob");
    fs::rename(blobs.with_extension("away"), &blobs).unwrap();
    sandbox.run(["resume", "--approve", "b"]).exits(0);
}

#[test]
fn a_lost_blob_of_a_value_is_named() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'seq 1 5000' }\n  b: { needs: a, approve: 'Go on?' }\n  c: { needs: b, run: 'echo {{ tasks.a.output | length }}' }\n",
    );
    sandbox.exec(&[]).exits(6);
    let journal = fs::read_to_string(sandbox.run_folder().join("journal.jsonl")).unwrap();
    let line = journal
        .lines()
        .find(|line| line.contains("attempt_finished"))
        .unwrap();
    let hash = line
        .split("\"blob\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let find = Command::new("find")
        .arg(sandbox.run_folder().join("blobs"))
        .args(["-type", "f", "-name"])
        .arg(format!("*{}", &hash[4..]))
        .arg("-delete")
        .status()
        .unwrap();
    assert!(find.success());
    sandbox.run(["resume", "--approve", "b"]).exits(1).says(&hash);
}

/// `ulimit -f` makes writes fail as a full disk does.
#[test]
fn a_disk_that_is_full_ends_the_session_and_not_the_run() {
    let sandbox = Sandbox::with(
        "tasks:\n  list: { run: seq 1 150, parse: lines }\n  a: { needs: list, foreach: '{{ tasks.list.output }}', run: 'echo {{ item }}', idempotent: true }\noutputs: { n: '{{ tasks.a.output | length }}' }\n",
    );
    fs::create_dir_all(sandbox.path()).unwrap();
    let engine = sandbox.command(["exec", "workflow.yaml"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(engine.get_program())
        .args(engine.get_args())
        .current_dir(sandbox.path());
    let output = shell.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{:?}\n{stderr}", output.status);
    assert!(
        stderr.contains("journal.jsonl") && stderr.contains("smallcode resume"),
        "{stderr}"
    );
    assert_eq!(sandbox.run(["resume", "--yes"]).exits(0).json()["n"], 150);
}

#[test]
fn a_value_that_is_nested_deeply_is_kept() {
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  a: {{ run: \"echo '{deep}'\", parse: json }}\n  b: {{ needs: a, approve: 'Go on?' }}\noutputs: {{ n: '{{{{ tasks.a.output | length }}}}' }}\n"
    ));
    sandbox.exec(&[]).exits(6);
    assert_eq!(sandbox.run(["resume", "--approve", "b"]).exits(0).json()["n"], 1);
}
