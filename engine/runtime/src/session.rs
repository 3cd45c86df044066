//! A session: one process that begins a run or takes one up again, until nothing in it can go on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use camino::Utf8Path;
use smallcode_core::load::Bundle;
use smallcode_core::plan::{self, Plan};
use smallcode_core::run::{
    ApplyError, Event, NodeId, NodeIndex, NodePhase, Program, RunStatus, State, Timestamp,
};
use smallcode_core::scope::Names;
use tokio::sync::mpsc;

use crate::dispatcher::{DispatchError, Dispatcher, Notices, Observed, Question, now};
use crate::executor::{Answerer, Environment, Keeper, MadeFolders, Shared};
use crate::host::RunHost;
use crate::journal::{self, BlobError, BlobHash, Blobs, Journal, JournalError, RunId};
use crate::mask::Mask;
use crate::model::Client;
use crate::process::{self, OrphanError};
use crate::workspace::{Aside, FileError, KeepError, Workspace};

/// The folder of a run in which is kept what attempts write over, while they do.
pub(crate) const KEPT: &str = "undo";

/// A run could not be begun or taken up.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The journal of the run.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A blob of the run.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The journal does not fit the plan.
    #[error(transparent)]
    Misfit(#[from] ApplyError),
    /// The workspace.
    #[error(transparent)]
    File(#[from] FileError),
    /// Processes of the dead session could not be ended.
    #[error(transparent)]
    Orphan(#[from] OrphanError),
    /// The plan in the journal can't be read.
    #[error("the plan of run {run} can't be read: {reason}")]
    Plan {
        /// The run.
        run: String,
        /// Why not.
        reason: String,
    },
    /// The run has ended for good.
    #[error("run {run} has ended ({}); there is nothing to resume", words(*status))]
    Over {
        /// The run.
        run: String,
        /// How it ended.
        status: RunStatus,
    },
    /// The run died before anything of it was written down.
    #[error("run {run} died before it began: nothing was done; start it again with `smallcode exec`")]
    NotBegun {
        /// The run.
        run: String,
    },
    /// What attempts of the dead session wrote could not be put back.
    #[error("what attempts of run {run} had written could not be put back: {source}")]
    NotRestored {
        /// The run.
        run: String,
        /// Why not.
        source: KeepError,
    },
    /// A gate was answered twice.
    #[error("`{node}` was given two answers; give one")]
    AnsweredTwice {
        /// The gate.
        node: String,
    },
    /// An answer was given to something that does not ask.
    #[error("`{node}` does not wait for an answer{}", waiting_words(waiting))]
    NotAsked {
        /// The node.
        node: String,
        /// What does.
        waiting: Vec<String>,
    },
}

fn words(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Success => "success",
        RunStatus::Failure => "failure",
        RunStatus::OverBudget => "a cap was reached",
        RunStatus::NoModel => "no model could be reached",
        RunStatus::Waiting => "waiting",
        RunStatus::Interrupted => "interrupted",
    }
}

fn waiting_words(waiting: &[String]) -> String {
    if waiting.is_empty() {
        "; nothing does".to_owned()
    } else {
        format!("; waiting are {}", waiting.join(", "))
    }
}

/// What a session is given beside the plan.
pub struct Setting {
    /// The workspace.
    pub workspace: Arc<Workspace>,
    /// How many nodes run at the same time.
    pub jobs: u32,
    /// The environment of commands.
    pub environment: Environment,
    /// Secrets that the engine knows of beside those of tasks, such as keys of profiles.
    pub secrets: Vec<String>,
    /// The profiles that answer prompts.
    pub profiles: HashMap<String, Answerer>,
    /// Makes HTTP connections; needed only where there are profiles.
    pub client: Option<Client>,
    /// Where events and notices go.
    pub readers: std::sync::mpsc::Sender<Observed>,
    /// Where notices go.
    pub notices: Notices,
    /// Where questions to a human in front of a terminal go.
    pub questions: Option<mpsc::UnboundedSender<Question>>,
}

/// A session that is ready to go.
pub struct Session {
    /// The id of the run.
    pub run: RunId,
    /// How many processes of a dead session were ended.
    pub orphans: usize,
    /// The nodes whose attempts were in flight and what they had written was put back.
    pub restored: Vec<String>,
    /// Where a copy of what stood there instead is, if anything did.
    pub aside: Option<PathBuf>,
    /// The plan.
    pub plan: Arc<Plan>,
    /// The folder of the run.
    pub folder: PathBuf,
    dispatcher: Dispatcher,
    first: Vec<Event>,
}

impl Session {
    /// Where signals and answers are sent.
    pub fn inbox(&self) -> mpsc::UnboundedSender<crate::executor::Message> {
        self.dispatcher.inbox()
    }

    /// Runs until nothing is left that can go on.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn run(self) -> Result<crate::dispatcher::Ended, DispatchError> {
        self.dispatcher.run(self.first).await
    }
}

/// Begins a run of a plan. The plan is frozen in the run's folder first.
///
/// # Errors
/// When the folder of the run can't be made.
pub fn begin(plan: Plan, bundle: Bundle, setting: Setting) -> Result<Session, SessionError> {
    let at = now();
    let (run, folder) = journal::start(setting.workspace.root().as_std_path(), at.0)?;
    let journal: Journal<Event> = Journal::create(&folder)?;
    let bytes = plan.to_bytes().map_err(|error| SessionError::Plan {
        run: run.to_string(),
        reason: error.to_string(),
    })?;
    let hash = journal.blobs().put(&bytes)?;
    let program = Program::new(&bundle).escalating(plan.escalation.clone());
    let state = State::new(Arc::new(program));
    let first = vec![Event::RunStarted {
        run: run.to_string(),
        workflow: plan.workflow.clone(),
        engine: plan.engine.clone(),
        plan: hash.to_string(),
        seed: seed(&run),
        jobs: setting.jobs,
        boot: boot(),
    }];
    Ok(assemble(run, plan, bundle, state, journal, setting, first, 0))
}

/// What chance in a run derives from: its id, so that nothing else has to be kept.
fn seed(run: &RunId) -> u64 {
    let hash = BlobHash::of(run.as_str().as_bytes()).to_string();
    hash.get(..16)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

/// What tells this start of the machine from others: what was written before survives the death of a process, not
/// that of the machine. Nothing where the system does not say, which counts as another start.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// A run whose journal was read: what is needed to prepare its profiles before it goes on.
pub struct Opened {
    /// The id of the run.
    pub run: RunId,
    /// The plan that it froze.
    pub plan: Plan,
    /// The workflow, loaded from the plan.
    pub bundle: Bundle,
    /// How many bytes of an unfinished line were cut off.
    pub torn: Option<u64>,
    /// What has happened, for the counts of reports.
    pub past: Vec<(Timestamp, Event)>,
    state: State,
    journal: Journal<Event>,
}

/// Opens a run to take it up again; nobody else may have it open.
///
/// # Errors
/// When the journal is damaged, in use, or not of this workflow.
pub fn open(workspace: &Utf8Path, run: &RunId) -> Result<Opened, SessionError> {
    let folder = journal::run_dir(workspace.as_std_path(), run);
    let mut past: Vec<(Timestamp, Event)> = Vec::new();
    let (journal, torn) =
        Journal::<Event>::open(&folder, |record| past.push((Timestamp(record.at), record.event)))?;
    let lost = |reason: String| SessionError::Plan {
        run: run.to_string(),
        reason,
    };
    if past.is_empty() {
        return Err(SessionError::NotBegun { run: run.to_string() });
    }
    let Some((_, Event::RunStarted { plan: hash, .. })) = past.first() else {
        return Err(lost(
            "the journal does not begin with the start of the run".to_owned(),
        ));
    };
    let hash: BlobHash = hash
        .parse()
        .map_err(|_| lost(format!("`{hash}` is no name of a blob")))?;
    let bytes = journal.blobs().get(&hash)?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|error| lost(error.to_string()))?;
    if plan.plan != plan::FORMAT {
        return Err(lost(format!(
            "it has the form {}, and this engine knows {}",
            plan.plan,
            plan::FORMAT
        )));
    }
    let load = plan::reload(&plan);
    let Some(bundle) = load.bundle else {
        let problem = load
            .problems
            .first()
            .map(|problem| problem.message.clone())
            .unwrap_or_default();
        return Err(lost(format!("its workflow is refused by this engine: {problem}")));
    };
    let program = Program::new(&bundle).escalating(plan.escalation.clone());
    let mut state = State::new(Arc::new(program));
    for (at, event) in &past {
        state.apply(*at, event)?;
    }
    if let Some(
        status @ (RunStatus::Success | RunStatus::Failure | RunStatus::OverBudget | RunStatus::NoModel),
    ) = state.finished()
    {
        return Err(SessionError::Over {
            run: run.to_string(),
            status,
        });
    }
    let torn = torn.map(|tail| tail.bytes);
    Ok(Opened {
        run: run.clone(),
        plan,
        bundle,
        torn,
        past,
        state,
        journal,
    })
}

/// The answers that a resumed session is given.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Commands that were in flight may run again.
    pub confirmed: bool,
    /// Gates that are approved.
    pub approve: Vec<String>,
    /// Gates that are rejected.
    pub reject: Vec<String>,
    /// What is said with the answers.
    pub comment: String,
}

/// Takes a run up again: processes of the dead session are ended first.
///
/// # Errors
/// When such a process can't be ended, or an answer is for something that does not ask.
pub fn resume(opened: Opened, answers: &Answers, setting: Setting) -> Result<Session, SessionError> {
    let Opened {
        run,
        plan,
        bundle,
        state,
        journal,
        past,
        ..
    } = opened;
    let mut first = vec![Event::RunResumed {
        jobs: setting.jobs,
        confirmed: answers.confirmed,
        boot: boot(),
    }];
    let waiting: Vec<String> = state
        .waiting_for_human()
        .filter(|node| node.phase == NodePhase::Asked)
        .map(|node| format!("`{}`", node.id))
        .collect();
    let answered = answers
        .approve
        .iter()
        .map(|node| (node, true))
        .chain(answers.reject.iter().map(|node| (node, false)));
    for (node, approved) in answered {
        let asked = state.node_named(node).and_then(|index| state.node(index));
        if asked.is_none_or(|node| node.phase != NodePhase::Asked) {
            return Err(SessionError::NotAsked {
                node: node.clone(),
                waiting,
            });
        }
        let before = |event: &Event| matches!(event, Event::ApprovalAnswered { node: other, .. } if other.as_str() == node);
        if first.iter().any(before) {
            return Err(SessionError::AnsweredTwice { node: node.clone() });
        }
        let comment = answers.comment.clone();
        first.push(Event::ApprovalAnswered {
            node: NodeId::new(node.as_str()),
            approved,
            comment,
        });
    }
    let orphans = process::kill_orphans(run.as_str())?;
    sweep(&spool_of(&journal));
    let (restored, aside) =
        restore(&state, &journal, &setting.workspace).map_err(|source| SessionError::NotRestored {
            run: run.to_string(),
            source,
        })?;
    let mut session = assemble(run, plan, bundle, state, journal, setting, first, orphans);
    session.restored = restored;
    session.aside = aside;
    session.dispatcher.remember(past);
    Ok(session)
}

/// Where the output of commands goes while it is too long for memory and not yet a blob.
fn spool_of(journal: &Journal<Event>) -> PathBuf {
    journal.dir().join("spool")
}

/// Where what attempts write over is kept.
fn kept_of(journal: &Journal<Event>) -> Blobs {
    Blobs::new(journal.dir().join(KEPT))
}

/// Where a copy of what is put back is set aside.
fn aside_of(journal: &Journal<Event>) -> PathBuf {
    journal.dir().join("put-back")
}

/// Puts back what attempts had written that were in flight when the session died, the last first. Being killed here
/// does no harm: until the journal says that the run was taken up, it is done again.
fn restore(
    state: &State,
    journal: &Journal<Event>,
    workspace: &Workspace,
) -> Result<(Vec<String>, Option<PathBuf>), KeepError> {
    let blobs = kept_of(journal);
    let mut aside = Aside::new(aside_of(journal));
    let mut restored = Vec::new();
    let mut open = Vec::new();
    for (node, kept) in state.in_flight() {
        let hash: BlobHash = kept.parse()?;
        if workspace.restore(&hash, &blobs, true, Some(&mut aside))? > 0 {
            restored.push(node.to_string());
        }
    }
    for (_, kept) in state.kept() {
        open.push(kept.parse()?);
    }
    // What commands of models have left is put in place when their turn comes.
    for node in (0..state.nodes().len()).map(NodeIndex) {
        for kept in state.kept_after_tools(node) {
            open.push(kept.parse()?);
        }
    }
    blobs.retain(&open);
    restored.reverse();
    restored.dedup();
    Ok((restored, aside.folder().map(Path::to_path_buf)))
}

/// Removes what a session that was killed had not made blobs of.
fn sweep(spool: &Path) {
    match std::fs::remove_dir_all(spool) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            // Leftovers take room and do no harm.
            tracing::warn!(%error, "could not remove unfinished output");
        }
        _ => {}
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a session, put together in one place"
)]
fn assemble(
    run: RunId,
    plan: Plan,
    bundle: Bundle,
    state: State,
    journal: Journal<Event>,
    setting: Setting,
    first: Vec<Event>,
    orphans: usize,
) -> Session {
    let Setting {
        workspace,
        environment,
        secrets,
        profiles,
        client,
        readers,
        notices,
        questions,
        ..
    } = setting;
    let folder = journal.dir().to_path_buf();
    let host = Arc::new(RunHost::new(journal.blobs().clone(), Arc::clone(&workspace)));
    let mask = Mask::new(secrets.into_iter().chain(secret_values(&bundle, &environment)));
    let names = Names::of_inputs(&plan.inputs, &plan.env);
    let held = state.kept().count() - state.in_flight().count();
    let shared = Arc::new(Shared {
        write_permissions: plan::write_permissions(&bundle, &names),
        escalation: plan.escalation.clone(),
        read_permissions: plan::read_permissions(&bundle, &names),
        run_permissions: plan::run_permissions(&bundle, &names),
        keeper: Keeper::new(kept_of(&journal), aside_of(&journal), &bundle, held),
        temporary: OnceLock::new(),
        made: MadeFolders::default(),
        bundle: Arc::new(bundle),
        workspace,
        host,
        environment: Arc::new(environment),
        mask: Arc::new(mask),
        spool: spool_of(&journal),
        run: run.to_string(),
        profiles,
        client,
    });
    let dispatcher = Dispatcher::new(
        shared,
        state,
        journal,
        &plan.inputs,
        &plan.env,
        readers,
        notices,
        questions,
    );
    Session {
        run,
        orphans,
        restored: Vec::new(),
        aside: None,
        plan: Arc::new(plan),
        folder,
        dispatcher,
        first,
    }
}

/// The values of everything that a task lists under `secrets`.
fn secret_values(bundle: &Bundle, environment: &Environment) -> Vec<String> {
    let tasks = bundle
        .modules
        .iter()
        .flat_map(|module| module.loaded.workflow.tasks.read.values());
    tasks
        .flat_map(|task| task.common.secrets.iter())
        .filter_map(|secret| environment.all.get(&secret.text).cloned())
        .collect()
}
