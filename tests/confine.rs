//! Commands of a model: confined by the system, as the engine starts them.

use std::process::{Command, Output};

/// Runs a confined command in a folder that may be written; beside it lies what may not be touched.
fn confined(folder: &std::path::Path, network: bool, words: &[&str]) -> Output {
    let inside = folder.join("w");
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(folder.join("secret"), "the secret").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_smallcode"));
    command.arg("__confine").current_dir(&inside);
    for path in ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", "/dev"] {
        command.args(["read", path]);
    }
    command.args(["write", "/dev/null", "write"]).arg(&inside);
    if network {
        command.arg("network");
    }
    command.arg("run").args(words).output().unwrap()
}

#[test]
fn a_confined_command_touches_its_folder_and_no_other() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "echo new > made && cat made; cat ../secret; echo x > ../out; ls ..; ln -s ../secret s; cat s; \
                  mv made ../moved; kill -0 $PPID; echo end > /dev/null";
    let output = confined(folder.path(), false, &["/bin/sh", "sh", "-c", script]);
    let (said, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(said, "new\n", "{told}");
    assert!(told.matches("ermission denied").count() >= 4, "{told}");
    assert!(!folder.path().join("out").exists() && !folder.path().join("moved").exists());
    assert!(output.status.success(), "{told}");
}

#[test]
fn a_confined_command_makes_no_socket_unless_it_may() {
    if !smallcode_runtime::process::offered() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    let connects = |network| {
        let output = confined(folder.path(), network, &["/bin/bash", "bash", "-c", &script]);
        String::from_utf8_lossy(&output.stdout).contains("connected")
    };
    assert!(!connects(false));
    assert!(connects(true));
    let script = format!("echo > /dev/udp/127.0.0.1/{port} && echo sent");
    let output = confined(folder.path(), false, &["/bin/bash", "bash", "-c", &script]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn what_does_not_start_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = confined(folder.path(), false, &["/bin/no-such-program", "no-such-program"]);
    assert_eq!(output.status.code(), Some(126));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`no-such-program`"));
    let output = Command::new(env!("CARGO_BIN_EXE_smallcode"))
        .args(["__confine", "--help"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(126));
}
