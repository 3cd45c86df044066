//! A folder of its own for one test, and the command run in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A workspace that goes with the test.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its exit code; nothing when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Sandbox {
    /// An empty workspace.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// A workspace with `workflow.yaml`; the version line is put before it.
    pub(crate) fn with(workflow: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("workflow.yaml", &format!("smallcode: 1\n{workflow}"));
        sandbox
    }

    /// The folder of the workspace.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("w")
    }

    /// A folder beside the workspace, for what must not be touched.
    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether a file of the workspace is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    /// Sets a variable for the commands of this test.
    pub(crate) fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command, ready to be started: no settings of the person who runs the tests reach it.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        fs::create_dir_all(self.path()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_smallcode"));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null());
        for name in [
            "SMALLCODE_MODEL",
            "SMALLCODE_BASE_URL",
            "SMALLCODE_API_KEY",
            "OPENAI_API_KEY",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path().join("home"));
        command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let output = self.command(arguments).output().unwrap();
        Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `smallcode exec workflow.yaml` with further arguments.
    pub(crate) fn exec(&self, arguments: &[&str]) -> Output {
        self.run(["exec", "workflow.yaml"].iter().chain(arguments))
    }

    /// Starts the command without waiting for it.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The folder of the newest run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        // A command that was just started has not begun its run yet.
        let folder = self.path().join(".smallcode/runs");
        super::wait_until(|| fs::read_dir(&folder).is_ok_and(|mut runs| runs.next().is_some()));
        let mut runs: Vec<PathBuf> = fs::read_dir(self.path().join(".smallcode/runs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        runs.sort();
        runs.pop().expect("a run")
    }

    /// How a node of the newest run ended: `success`, `failure`, `cancelled`, `skipped`, or nothing.
    pub(crate) fn ended(&self, node: &str) -> String {
        let shown = self.run(["runs", "show"]);
        shown
            .stdout
            .lines()
            .find_map(|line| {
                let rest = line.split_once("] ")?.1.strip_prefix(node)?.strip_prefix(": ")?;
                [
                    ("succeeded", "success"),
                    ("failed", "failure"),
                    ("skipped", "skipped"),
                    ("cancelled", "cancelled"),
                ]
                .iter()
                .find(|(word, _)| rest.starts_with(word))
                .map(|(_, status)| (*status).to_owned())
            })
            .unwrap_or_default()
    }

    /// The events of the newest run: the `event` of each line of its journal.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let journal = fs::read_to_string(self.run_folder().join("journal.jsonl")).unwrap();
        journal
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .map(|mut line| line["event"].take())
            .collect()
    }
}

impl Output {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "`{text}` is not in stderr:\n{}",
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}
