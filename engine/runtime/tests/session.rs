//! Whole sessions in one process: what a run meets in the world, and how it is taken up again.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};

use camino::Utf8Path;
use smallcode_core::load::{self, Bundle};
use smallcode_core::plan::{self, Given};
use smallcode_core::run::{Event, Failure, NodeId, Outcome, RunStatus};
use smallcode_runtime::dispatcher::{DispatchError, Ended, Notices, Observed, Question};
use smallcode_runtime::executor::{Environment, Message};
use smallcode_runtime::journal::{BlobError, RunId};
use smallcode_runtime::session::{self, Answers, Session, Setting};
use smallcode_runtime::workspace::Workspace;

/// A run of a workflow in a folder of its own.
struct Run {
    folder: tempfile::TempDir,
    workspace: Arc<Workspace>,
    observed: Option<mpsc::Receiver<Observed>>,
    questions: Option<tokio::sync::mpsc::UnboundedSender<Question>>,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        Self {
            folder,
            workspace: Arc::new(workspace),
            observed: None,
            questions: None,
        }
    }

    fn setting(&mut self) -> Setting {
        let (readers, observed) = mpsc::channel();
        self.observed = Some(observed);
        Setting {
            workspace: Arc::clone(&self.workspace),
            jobs: 2,
            environment: Environment::default(),
            secrets: Vec::new(),
            profiles: HashMap::new(),
            client: None,
            notices: Notices::new(readers.clone(), false),
            readers,
            questions: self.questions.clone(),
        }
    }

    fn begin(&mut self, workflow: &str) -> Session {
        let bundle = bundle(workflow);
        let plan = plan::plan(&bundle, &Given::default(), "test").unwrap();
        session::begin(plan, bundle, self.setting()).unwrap()
    }

    fn resume(&mut self, run: &RunId, answers: &Answers) -> Session {
        let opened = session::open(self.workspace.root(), run).unwrap();
        session::resume(opened, answers, self.setting()).unwrap()
    }

    /// The failure of the first attempt that failed.
    async fn failure(&mut self, workflow: &str) -> Failure {
        let session = self.begin(workflow);
        let ended = session.run().await.unwrap();
        assert_eq!(ended.status, RunStatus::Failure, "{ended:?}");
        let observed = self.observed.take().unwrap();
        let failures = observed.into_iter().filter_map(|seen| match seen {
            Observed::Event(
                _,
                _,
                Event::AttemptFinished {
                    outcome: Outcome::Failure(failure),
                    ..
                },
            ) => Some(failure),
            _ => None,
        });
        failures.last().unwrap()
    }
}

fn bundle(workflow: &str) -> Bundle {
    let files = HashMap::from([("workflow.yaml".into(), workflow.to_owned())]);
    let load = load::load("workflow.yaml".into(), &files);
    load.bundle.unwrap_or_else(|| panic!("{:?}", load.problems))
}

const LONG_OUTPUT: &str = "
smallcode: 1
tasks:
  long: { run: 'echo ran >> ran; head -c 10000 /dev/zero | tr \"\\0\" x' }
  next: { needs: [long], run: 'true' }
";

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_cannot_be_kept_ends_the_session_and_not_the_run() {
    let mut run = Run::new();
    let session = run.begin(LONG_OUTPUT);
    let (id, blobs, away) = (
        session.run.clone(),
        session.folder.join("blobs"),
        session.folder.join("away"),
    );
    // A file in the place of the folder: as on a full disk, what is written there is refused, root or not.
    fs::rename(&blobs, &away).unwrap();
    fs::write(&blobs, "").unwrap();
    let error = session.run().await.unwrap_err();
    assert!(
        matches!(error, DispatchError::Blob(BlobError::Io { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("blobs"), "{error}");
    fs::remove_file(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();

    let ended = run.resume(&id, &Answers::default()).run().await.unwrap();
    assert_eq!(
        ended.status,
        RunStatus::Waiting,
        "the command was in flight: {ended:?}"
    );
    let confirmed = Answers {
        confirmed: true,
        ..Answers::default()
    };
    let ended = run.resume(&id, &confirmed).run().await.unwrap();
    assert_eq!(ended.status, RunStatus::Success, "{ended:?}");
    assert_eq!(
        fs::read_to_string(run.folder.path().join("ran")).unwrap(),
        "ran\nran\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_output_of_a_killed_session_is_removed() {
    let mut run = Run::new();
    let session = run.begin("\nsmallcode: 1\ntasks:\n  a: { approve: 'go on?' }\n");
    let (id, spool) = (session.run.clone(), session.folder.join("spool"));
    assert_eq!(session.run().await.unwrap().status, RunStatus::Waiting);
    fs::create_dir(&spool).unwrap();
    fs::write(spool.join("output-1"), "left behind").unwrap();
    let approved = Answers {
        approve: vec!["a".to_owned()],
        ..Answers::default()
    };
    let ended = run.resume(&id, &approved).run().await.unwrap();
    assert_eq!(ended.status, RunStatus::Success, "{ended:?}");
    assert!(is_empty(&spool));
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) || !folder.exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_asked_again_shows_what_it_showed() {
    let mut run = Run::new();
    fs::write(run.folder.path().join("change"), "- old\n+ new\n").unwrap();
    let workflow =
        "\nsmallcode: 1\ntasks:\n  a: { approve: { message: 'go on?', diff: \"{{ read('change') }}\" } }\n";
    let session = run.begin(workflow);
    let id = session.run.clone();
    assert_eq!(session.run().await.unwrap().status, RunStatus::Waiting);
    fs::write(run.folder.path().join("change"), "other").unwrap();

    let (questions, mut asked) = tokio::sync::mpsc::unbounded_channel();
    run.questions = Some(questions);
    let session = run.resume(&id, &Answers::default());
    let inbox = session.inbox();
    let running = tokio::spawn(session.run());
    let question = asked.recv().await.unwrap();
    assert_eq!(question.message, "go on?");
    assert_eq!(question.diff.as_deref(), Some("- old\n+ new\n"));
    let answer = Message::Answer(NodeId::new("a"), true, String::new());
    assert!(inbox.send(answer).is_ok());
    let ended: Ended = running.await.unwrap().unwrap();
    assert_eq!(ended.status, RunStatus::Success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_folder_is_told_with_its_place() {
    let workflow = "\nsmallcode: 1\ntasks:\n  a:\n    run: 'true'\n    cwd: build/out\n";
    let failure = Run::new().failure(workflow).await;
    assert_eq!(
        failure.message,
        "workflow.yaml:6: `cwd`: there is no folder `build/out` in the workspace; correct the path, or have a \
         task that comes before make it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_no_environment_takes_is_told_as_one() {
    for (value, wanted) in [
        (
            "{{ 'x' * 102401 }}",
            "a value of 101 KiB is too long for an environment variable",
        ),
        (
            "{{ \"a\\0b\" }}",
            "a value with a NUL character can't be an environment variable",
        ),
    ] {
        let value = serde_json::Value::from(value);
        let workflow = format!("\nsmallcode: 1\ntasks:\n  a: {{ run: 'true', env: {{ BIG: {value} }} }}\n");
        let failure = Run::new().failure(&workflow).await;
        assert!(failure.message.contains("`env: { BIG }`"), "{}", failure.message);
        assert!(failure.message.contains(wanted), "{}", failure.message);
    }
}
