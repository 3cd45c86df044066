//! One piece of a run's work: an attempt of a node, or the evaluation of what decides about it.
//!
//! An executor owns nothing of the run. It is given a [`Job`], tells the dispatcher what comes of it, and never
//! prints. One file per kind of task.

mod agent;
mod answering;
mod approve;
mod bone;
mod command;
mod context;
mod edit;
mod evaluate;
mod message;
mod parts;
mod permit;
mod plan;
mod prompt;
mod render;
mod said;
mod stages;
mod told;
mod uses;
mod verify;
mod writes;

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value as Json;
use smallcode_core::expand;
use smallcode_core::load::{Bundle, Module, ModuleId};
use smallcode_core::plan::{Escalation, ProfileFacts};
use smallcode_core::run::{
    CallRecord, Failure, FailureClass, Manner, NodeId, NodeIndex, Notice, Outcome, Part, Stored, Stream,
    ToolPlace, ToolRecord,
};
use smallcode_core::scope::Names;
use smallcode_core::spec::{Kind, SplitBy, Task};
use smallcode_core::template::Scope;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::host::RunHost;
use crate::journal::BlobError;
use crate::mask::Mask;
use crate::model::{Client, Counter, Learned, Pool};
use crate::settings::Profile;
use crate::workspace::{KeepError, Workspace};

pub use self::agent::MadeFolders;
use self::answering::Answering;
pub use self::evaluate::{check, expand, leave, outputs};
pub use self::message::{CallEnd, CallRequest, Message, Tell, ToolEnd, ToolStart};
pub use self::parts::{Made, Purpose, Refused, join};
pub use self::said::Said;
pub use self::told::Told;
pub use self::writes::{Keeper, Keeping, TurnRequest, Writes};

/// What all attempts of a run share.
pub struct Shared {
    /// The workflow with everything that it is made of.
    pub bundle: Arc<Bundle>,
    /// Where files are read and written.
    pub workspace: Arc<Workspace>,
    /// The values of the run.
    pub host: Arc<RunHost>,
    /// The environment that commands get, secrets of the engine left out.
    pub environment: Arc<Environment>,
    /// What is masked in everything that a command writes.
    pub mask: Arc<Mask>,
    /// Where long output goes.
    pub spool: PathBuf,
    /// The folder for temporary files of what models run, made when something does and gone with the run.
    pub temporary: OnceLock<TempDir>,
    /// The folders that were made so that models' commands may write there.
    pub made: MadeFolders,
    /// What attempts keep of what they write over.
    pub keeper: Keeper,
    /// The id of the run.
    pub run: String,
    /// The profiles that answer prompts, by name.
    pub profiles: HashMap<String, Answerer>,
    /// Makes HTTP connections; there only when the run has prompts.
    pub client: Option<Client>,
    /// What models may write.
    pub write_permissions: Vec<String>,
    /// What the run allows of escalation.
    pub escalation: Option<Escalation>,
    /// What models may read although git ignores it, or it may hold secrets.
    pub read_permissions: Vec<String>,
    /// The commands that models may run.
    pub run_permissions: Vec<String>,
}

/// A profile, ready to be called.
pub struct Answerer {
    /// The server, the model and how to call them.
    pub profile: Profile,
    /// Its window and what is kept for the answer.
    pub facts: ProfileFacts,
    /// Its servers, with what each takes at the same time.
    pub pool: Pool,
    /// What was learned of the server and the model.
    pub learned: Learned,
    /// Counts prompts exactly, where the server does.
    pub counter: Counter,
    /// What the user was told of it.
    pub told: Told,
}

/// The environment of commands.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Everything that the engine was started with.
    pub all: BTreeMap<String, String>,
    /// The names that commands must not see unless a task lists them under `secrets`.
    pub withheld: Vec<String>,
}

/// One piece of work.
pub struct Job {
    /// The node that it is for.
    pub node: NodeIndex,
    /// Its name.
    pub id: NodeId,
    /// Which attempt.
    pub attempt: u32,
    /// The workflow that the task is of.
    pub module: ModuleId,
    /// The task.
    pub task: usize,
    /// That workflow, where a model proposed it.
    pub planned: Option<Arc<Module>>,
    /// What expressions may name.
    pub names: Names,
    /// Calls of this attempt that were made before a crash.
    pub calls: Vec<CallRecord>,
    /// Tools of this attempt that ran before a crash.
    pub tools: BTreeMap<ToolPlace, ToolRecord>,
    /// Why the attempt before this one failed.
    pub previous: Option<Box<Failure>>,
    /// How it asks its model.
    pub manner: Manner,
    /// The part of its task's work that the node is for, where it is not all of it.
    pub part: Option<Arc<Part>>,
    /// How often that work was cut to come to this node.
    pub depth: usize,
    /// What the attempt does for it.
    pub purpose: Purpose,
    /// What it has kept of what it writes over.
    pub writes: Arc<Writes>,
    /// What its model answered last.
    pub said: Said,
    /// Asks it to end, and gives it a grace.
    pub cancel: CancellationToken,
    /// Ends it.
    pub kill: CancellationToken,
    /// Where it tells what comes of it.
    pub tell: Tell,
}

impl Shared {
    /// A failure as it may be told: what it shows of a file or a command has no secret in it.
    fn told(&self, mut failure: Failure) -> Failure {
        self.mask.cover(&mut failure.message);
        self.mask.cover(&mut failure.detail);
        failure
    }

    /// The task of a job.
    pub(crate) fn task<'a>(&'a self, job: &'a Job) -> Option<(&'a Module, &'a Task)> {
        let module = match &job.planned {
            Some(planned) => &**planned,
            None => self.bundle.module(job.module),
        };
        let tasks = &module.loaded.workflow.tasks.read;
        tasks.get_index(job.task).map(|(_, task)| (module, task))
    }
}

/// Makes one attempt and tells the dispatcher how it ended.
pub async fn attempt(shared: Arc<Shared>, job: Job) {
    let (node, attempt, messages) = (job.node, job.attempt, job.tell.messages.clone());
    let host = Arc::clone(&shared.host);
    let (keeping, writes) = (Arc::clone(&shared), Arc::clone(&job.writes));
    // A bug in one attempt ends that attempt, not the run.
    let outcome = match AssertUnwindSafe(run(shared, job)).catch_unwind().await {
        Ok(Some(outcome)) => outcome,
        // Gates and used workflows write nothing themselves; what parts write, the node puts back after them.
        Ok(None) => return,
        Err(panic) => {
            let what = panic_text(panic.as_ref()).unwrap_or_default();
            let message = format!("the engine failed on this attempt; this is a bug: {what}");
            Outcome::Failure(Failure::new(FailureClass::Internal, message))
        }
    };
    if let Err(error) = end_writes(keeping, writes, &outcome).await {
        let _ = messages.send(Message::NotRestored(error));
        return;
    }
    finished(&host, &messages, node, attempt, outcome);
}

/// What a successful attempt wrote stays; else all is put back, before anybody hears of its end.
async fn end_writes(shared: Arc<Shared>, writes: Arc<Writes>, outcome: &Outcome) -> Result<(), KeepError> {
    if matches!(outcome, Outcome::Success(_)) {
        writes.stay(&shared.keeper);
        return Ok(());
    }
    if writes.end_if_none() {
        return Ok(());
    }
    let undone = tokio::task::spawn_blocking(move || writes.undo(&shared)).await;
    // A panic there is a bug; the journal still says that something is to be put back.
    undone.unwrap_or_else(|error| Err(KeepError::Bug(error.to_string())))
}

/// Tells how an attempt ended, unless that could not be kept: then it stays in flight, and the run ends here.
fn finished(
    host: &RunHost,
    messages: &mpsc::UnboundedSender<Message>,
    node: NodeIndex,
    attempt: u32,
    outcome: Outcome,
) {
    let io = matches!(&outcome, Outcome::Failure(failure) if failure.class == FailureClass::Io);
    let message = if io && host.is_broken() {
        host.take_broken().map(Message::Broken)
    } else {
        Some(Message::Finished(node, attempt, outcome))
    };
    // The dispatcher is gone only when the run is: there is nobody to tell.
    let _ = message.map(|message| messages.send(message));
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> Option<String> {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}

/// Makes one attempt. `None`: it goes on elsewhere, as gates and used workflows do.
async fn run(shared: Arc<Shared>, job: Job) -> Option<Outcome> {
    let Some((module, task)) = shared.task(&job) else {
        return Some(failure(FailureClass::Internal, "the plan has no such task"));
    };
    let scope = job.names.clone().scope();
    if let Err(failure) = writes::turn(&shared, task, &job, &scope).await {
        return Some(Outcome::Failure(explain(failure, &job.names)));
    }
    if let (Purpose::Split(SplitBy::Plan), Kind::Edit(edit)) = (&job.purpose, &task.kind) {
        let proposed = Box::pin(plan::of_edit(&shared, module, task, edit, &job, &scope)).await;
        return proposed
            .err()
            .map(|failure| Outcome::Failure(explain(job.said.blamed(failure), &job.names)));
    }
    if let Purpose::Split(_) = job.purpose {
        // The dispatcher is gone only when the run is.
        let _ = job.tell.messages.send(Message::Split(job.node, job.attempt));
        return None;
    }
    // What asks a model is boxed: every attempt, of a command too, would else carry room for it around.
    let outcome = match &task.kind {
        Kind::Run(command) => command::attempt(&shared, module, task, command, &job, &scope).await,
        Kind::Render(render) => render::attempt(&shared, module, task, render, &job, &scope).await,
        Kind::Prompt(prompt) => Box::pin(prompt::attempt(&shared, module, task, prompt, &job, &scope)).await,
        Kind::Edit(edit) => Box::pin(edit::attempt(&shared, module, task, edit, &job, &scope)).await,
        Kind::Uses(uses) => {
            return uses::enter(&shared, module, uses, &job, &scope)
                .err()
                .map(Outcome::Failure);
        }
        Kind::Approve(approve) => {
            return approve::ask(&shared, approve, &job, &scope)
                .err()
                .map(Outcome::Failure);
        }
        Kind::Agent(agent) => Box::pin(agent::attempt(&shared, module, task, agent, &job, &scope)).await,
        Kind::Plan(plan) => {
            let proposed = Box::pin(plan::attempt(&shared, module, task, plan, &job, &scope)).await;
            return proposed
                .err()
                .map(|failure| Outcome::Failure(explain(job.said.blamed(failure), &job.names)));
        }
        Kind::Bone(bone) => bone::attempt(&shared, module, task, bone, &job, &scope).await,
    };
    Some(match outcome {
        Ok(result) => Outcome::Success(result),
        Err(failure) => Outcome::Failure(shared.told(explain(job.said.blamed(failure), &job.names))),
    })
}

fn failure(class: FailureClass, message: &str) -> Outcome {
    Outcome::Failure(Failure::new(class, message))
}

/// Says why a value was missing, where the reason is a blob that could not be taken in.
fn explain(mut failure: Failure, names: &Names) -> Failure {
    let problem = names
        .problem
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    if let (FailureClass::Expression, Some(problem)) = (failure.class, problem) {
        failure.message = problem;
    }
    failure
}

/// Keeps a value for the journal.
fn keep(shared: &Shared, value: Json) -> Result<Stored, Failure> {
    shared.host.keep(value).map_err(|error| unkept(shared, error))
}

/// The failure of an attempt whose result could not be kept. It is not told: the run ends with the error.
fn unkept(shared: &Shared, error: BlobError) -> Failure {
    Failure::new(FailureClass::Io, shared.host.lost(error))
}

/// Evaluates a text of the task.
fn text(text: &smallcode_core::spec::Text, scope: &Arc<dyn Scope>) -> Result<String, Failure> {
    if text.template.is_literal() {
        Ok(text.template.source().to_owned())
    } else {
        expand::text(text, scope)
    }
}

/// The time that one attempt may take.
fn timeout(task: &Task) -> Option<Duration> {
    task.common.timeout.map(|timeout| timeout.0)
}

/// Shows what a command or a model writes.
fn show(job: &Job, stream: Stream, text: String) {
    job.tell.notices.send(Notice::Output {
        node: job.id.clone(),
        stream,
        text,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatcher::Notices;
    use crate::journal::Blobs;
    use camino::Utf8Path;
    use serde_json::Map;
    use smallcode_core::load;

    struct OneFile;

    impl load::Files for OneFile {
        fn read(&self, _: &Utf8Path) -> Result<String, String> {
            Ok("smallcode: 1\ntasks: { a: { run: 'true' } }\n".to_owned())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_ends_one_attempt_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let workspace = Arc::new(Workspace::open(root).unwrap());
        let bundle = load::load("workflow.yaml".into(), &OneFile).bundle.unwrap();
        let shared = Arc::new(Shared {
            host: Arc::new(RunHost::new(
                Blobs::new(folder.path().join("blobs")),
                Arc::clone(&workspace),
            )),
            keeper: Keeper::new(
                Blobs::new(folder.path().join("kept")),
                folder.path().join("put-back"),
                &bundle,
                0,
            ),
            temporary: OnceLock::new(),
            made: MadeFolders::default(),
            bundle: Arc::new(bundle),
            workspace,
            environment: Arc::default(),
            mask: Arc::new(Mask::new(Vec::new())),
            spool: folder.path().join("spool"),
            run: String::new(),
            profiles: HashMap::new(),
            client: None,
            write_permissions: Vec::new(),
            escalation: None,
            read_permissions: Vec::new(),
            run_permissions: Vec::new(),
        });
        let mut names = Names::of_inputs(&Map::new(), &Map::new());
        names.host = Arc::clone(&shared.host) as Arc<dyn smallcode_core::scope::Host>;
        let (messages, mut inbox) = mpsc::unbounded_channel();
        let (readers, _observed) = std::sync::mpsc::channel();
        let job = Job {
            node: NodeIndex(3),
            id: NodeId::new("a"),
            attempt: 2,
            // There is no such workflow: indexing panics.
            module: ModuleId(99),
            task: 0,
            planned: None,
            names,
            calls: Vec::new(),
            tools: BTreeMap::new(),
            previous: None,
            manner: Manner::default(),
            part: None,
            depth: 0,
            purpose: Purpose::Make,
            writes: Arc::default(),
            said: Said::default(),
            cancel: CancellationToken::new(),
            kill: CancellationToken::new(),
            tell: Tell {
                messages,
                notices: Notices::new(readers, false),
            },
        };
        attempt(shared, job).await;
        let Some(Message::Finished(NodeIndex(3), 2, Outcome::Failure(failure))) = inbox.recv().await else {
            panic!("it did not tell how it ended");
        };
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.message.contains("this is a bug"), "{}", failure.message);
    }
}
