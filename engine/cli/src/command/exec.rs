//! `smallcode exec`: run a workflow.

use camino::Utf8PathBuf;
use clap::Args;
use smallcode_core::check;
use smallcode_core::diagnostic::listed;
use smallcode_core::load::{Bundle, Load};
use smallcode_core::plan::{self, Plan};
use smallcode_runtime::runs;
use smallcode_runtime::session::{self, Setting};
use smallcode_runtime::workspace::Disk;

use super::plan::ENGINE;
use super::{EscalateFlags, Inputs, Shared, load, refuse};
use crate::exit::{Exit, Refusal};
use crate::setting::{Outside, Profiles};
use crate::terminal::Terminal;
use crate::watch::{self, Watch, WatchFlags};

/// Run a workflow
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The workflow file; left out with `--plan`
    #[arg(value_name = "FILE", required_unless_present = "plan")]
    file: Option<Utf8PathBuf>,
    #[command(flatten)]
    inputs: Inputs,
    /// Run exactly this plan, as `plan --json` printed it; refused if anything it was made from has changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "inputs", "model"])]
    plan: Option<Utf8PathBuf>,
    /// The profile that answers prompts, whatever the workflow names
    #[arg(long, value_name = "PROFILE")]
    model: Option<String>,
    #[command(flatten)]
    escalate: EscalateFlags,
    #[command(flatten)]
    watch: WatchFlags,
}

/// Runs the workflow.
pub(crate) fn run(exec: &Exec, shared: &Shared, terminal: &Terminal) -> Result<Exit, Refusal> {
    let approved = exec.plan.as_ref().map(read_plan).transpose()?;
    let file = match (&exec.file, &approved) {
        (Some(file), Some(plan)) if file.as_str() != plan.root => {
            return Err(Refusal::new(
                Exit::Mismatch,
                format!("the plan is of `{}`, not of `{file}`", plan.root),
            ));
        }
        (Some(file), _) => file.clone(),
        (None, Some(plan)) => Utf8PathBuf::from(&plan.root),
        (None, None) => {
            return Err(Refusal::new(
                Exit::Wrong,
                "name a workflow file, or a plan with `--plan`",
            ));
        }
    };
    let (bundle, loaded) = match &approved {
        // A plan that no longer matches says so, also where the files are no workflow any more.
        Some(plan) => load_planned(&file, plan)?,
        None => load(&file, terminal)?,
    };
    let unready = check::not_runnable(&bundle);
    if !unready.is_empty() {
        return Err(refuse(&unready, &loaded, terminal));
    }
    let outside = Outside::open(&shared.workspace, exec.model.as_deref(), terminal)?;
    let escalation = outside.escalation(&bundle, &exec.escalate, terminal)?;
    let profiles = outside.profiles(&bundle, escalation.as_ref(), true, terminal)?;
    let mut given = outside.given(&bundle, &exec.inputs, &profiles, escalation)?;
    if let Some(plan) = &approved {
        given.inputs.clone_from(&plan.inputs);
    }
    let plan =
        plan::plan(&bundle, &given, ENGINE).map_err(|problems| refuse(&problems, &loaded, terminal))?;
    if let Some(approved) = &approved {
        let differences = approved.differences(&plan);
        if !differences.is_empty() {
            return Err(stale(differences));
        }
    }
    start(plan, bundle, &outside, profiles, &exec.watch, terminal)
}

fn start(
    plan: Plan,
    bundle: Bundle,
    outside: &Outside,
    profiles: Profiles,
    flags: &WatchFlags,
    terminal: &Terminal,
) -> Result<Exit, Refusal> {
    let root = outside.workspace.root().as_std_path();
    if let Some((run, nodes)) = runs::died_writing(root).map_err(|error| Refusal::of(Exit::Io)(&error))? {
        terminal.say(&format!(
            "warning: run {run} died while {} wrote; that was never verified and is still there: `smallcode resume {run}` \
             puts it back before it goes on",
            listed(&nodes)
        ));
    }
    let watch = Watch::start(flags, terminal, Some(plan.totals.nodes), None)?;
    let setting = setting(outside, profiles, flags, &watch);
    let session = session::begin(plan, bundle, setting).map_err(|error| watch::refusal_of(&error))?;
    watch.run(session, flags)
}

/// What a session is given.
pub(crate) fn setting(outside: &Outside, profiles: Profiles, flags: &WatchFlags, watch: &Watch) -> Setting {
    Setting {
        workspace: std::sync::Arc::clone(&outside.workspace),
        jobs: flags.jobs(),
        environment: outside.for_commands(&profiles),
        secrets: outside.secrets(&profiles),
        profiles: profiles.answerers,
        client: profiles.client,
        readers: watch.readers(),
        notices: watch.notices(),
        questions: watch.questions(),
    }
}

fn read_plan(file: &Utf8PathBuf) -> Result<Plan, Refusal> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refusal::new(Exit::Wrong, format!("the plan `{file}` can't be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        Refusal::new(
            Exit::Wrong,
            format!(
                "`{file}` is no plan: line {}, column {}",
                error.line(),
                error.column()
            ),
        )
        .hint("make one with `smallcode plan --json FILE > plan.json`")
    })
}

fn load_planned(file: &Utf8PathBuf, plan: &Plan) -> Result<(Bundle, Load), Refusal> {
    let mut load = smallcode_core::load::load(file, &Disk);
    match load.bundle.take() {
        Some(bundle) => Ok((bundle, load)),
        None => Err(stale(vec![format!(
            "`{}` or a file that it uses is refused now: `smallcode check` says why",
            plan.root
        )])),
    }
}

fn stale(differences: Vec<String>) -> Refusal {
    let mut refusal = Refusal::new(
        Exit::Mismatch,
        "the plan no longer matches what it was made from [E0504]",
    );
    for difference in differences {
        refusal = refusal.hint(difference);
    }
    refusal.hint("make and approve a new plan: `smallcode plan --json`")
}
