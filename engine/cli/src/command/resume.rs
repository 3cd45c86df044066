//! `smallcode resume`: take a run up where it stopped.

use clap::Args;
use smallcode_core::plan;
use smallcode_runtime::journal::{self, RunId};
use smallcode_runtime::runs;
use smallcode_runtime::session::{self, Answers};

use super::Shared;
use crate::exit::{Exit, Refusal};
use crate::setting::Outside;
use crate::terminal::Terminal;
use crate::watch::{self, Past, Watch, WatchFlags};

/// Take a run up where it stopped
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run; the newest unfinished one where it is left out
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Run commands again that were in flight when the run stopped
    #[arg(long)]
    yes: bool,
    /// Approve a gate; may be repeated
    #[arg(long, value_name = "TASK")]
    approve: Vec<String>,
    /// Reject a gate; may be repeated
    #[arg(long, value_name = "TASK")]
    reject: Vec<String>,
    /// What to say with the answers
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    /// The profile that answers prompts, whatever the workflow names
    #[arg(long, value_name = "PROFILE")]
    model: Option<String>,
    #[command(flatten)]
    watch: WatchFlags,
}

/// Takes the run up.
pub(crate) fn run(resume: &Resume, shared: &Shared, terminal: &Terminal) -> Result<Exit, Refusal> {
    let outside = Outside::open(&shared.workspace, resume.model.as_deref(), terminal)?;
    let root = outside.workspace.root();
    let run = find(resume.run.as_deref(), root.as_std_path())?;
    let opened = session::open(root, &run).map_err(|error| watch::refusal_of(&error))?;
    if let Some(bytes) = opened.torn {
        terminal.say(&format!(
            "the journal of {run} ended in an unfinished line of {bytes} bytes, which was cut off"
        ));
    }
    let profiles = outside.profiles(&opened.bundle, opened.plan.escalation.as_ref(), true, terminal)?;
    for (name, facts) in &opened.plan.profiles {
        if profiles
            .facts
            .get(name)
            .is_some_and(|now| now.window < facts.window)
        {
            terminal.say(&format!(
                "the window of `{name}` is smaller than when the run was planned"
            ));
        }
    }
    let past = Past {
        folder: &journal::run_dir(root.as_std_path(), &run),
        events: &opened.past,
    };
    let watch = Watch::start(
        &resume.watch,
        terminal,
        Some(opened.plan.totals.nodes),
        Some(past),
    )?;
    let setting = super::exec::setting(&outside, profiles, &resume.watch, &watch);
    let answers = Answers {
        confirmed: resume.yes,
        approve: resume.approve.clone(),
        reject: resume.reject.clone(),
        comment: resume.comment.clone(),
    };
    debug_assert_eq!(opened.plan.plan, plan::FORMAT, "`open` refuses other forms");
    let session = session::resume(opened, &answers, setting).map_err(|error| watch::refusal_of(&error))?;
    if session.orphans > 0 {
        terminal.say(&format!(
            "ended {} that the run had left behind",
            smallcode_core::diagnostic::count(session.orphans, "process")
        ));
    }
    if !session.restored.is_empty() {
        terminal.say(&format!(
            "put back what unfinished attempts had written: {}",
            smallcode_core::diagnostic::listed(&session.restored)
        ));
        if let Some(aside) = &session.aside {
            terminal.say(&format!(
                "what stood there instead was set aside in {}",
                aside.display()
            ));
        }
    }
    watch.run(session, &resume.watch)
}

/// The run of an id, or the newest that can be taken up.
pub(crate) fn find(id: Option<&str>, workspace: &std::path::Path) -> Result<RunId, Refusal> {
    if let Some(id) = id {
        return id.parse().map_err(|_| {
            Refusal::new(Exit::Wrong, format!("`{id}` is no id of a run"))
                .hint("`smallcode runs list` shows them")
        });
    }
    let io = |error| Refusal::of(Exit::Io)(&error);
    if let Some(run) = runs::newest_unfinished(workspace).map_err(io)? {
        return Ok(run);
    }
    // A damaged run may be the one that was meant.
    let all = runs::list(workspace).map_err(io)?;
    let refusal = match all.into_iter().find_map(|run| run.problem) {
        Some(problem) => Refusal::new(Exit::Io, problem),
        None => Refusal::new(Exit::Wrong, "no run of this workspace can be taken up"),
    };
    Err(refusal.hint("`smallcode runs list` shows them all"))
}
