//! `smallcode plan`: what a run will do, before anything runs.

use std::fmt::Write as _;

use camino::Utf8PathBuf;
use clap::Args;
use smallcode_core::load::Bundle;
use smallcode_core::plan::{self, Count, Plan, PlanNode};

use super::{EscalateFlags, Inputs, Shared, load, pretty, print, refuse};
use crate::exit::{Exit, Refusal};
use crate::render::text::{cut, number, one_line, width};
use crate::setting::Outside;
use crate::terminal::Terminal;

/// The version of the engine, which plans and journals name.
pub(crate) const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// Show what a run will do: its nodes, calls and tokens at worst
#[derive(Debug, Args)]
pub(crate) struct PlanCommand {
    /// The workflow file
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// The profile that answers prompts, whatever the workflow names
    #[arg(long, value_name = "PROFILE")]
    model: Option<String>,
    #[command(flatten)]
    escalate: EscalateFlags,
    /// Print the plan as JSON, for `exec --plan`
    #[arg(long)]
    json: bool,
}

/// Prints the plan.
pub(crate) fn run(command: &PlanCommand, shared: &Shared, terminal: &Terminal) -> Result<Exit, Refusal> {
    let (bundle, loaded) = load(&command.file, terminal)?;
    let outside = Outside::open(&shared.workspace, command.model.as_deref(), terminal)?;
    let escalation = outside.escalation(&bundle, &command.escalate, terminal)?;
    let profiles = outside.profiles(&bundle, escalation.as_ref(), false, terminal)?;
    let given = outside.given(&bundle, &command.inputs, &profiles, escalation)?;
    let plan =
        plan::plan(&bundle, &given, ENGINE).map_err(|problems| refuse(&problems, &loaded, terminal))?;
    if command.json {
        print(&pretty(&plan)?)?;
    } else {
        print(&table(&plan, &bundle))?;
    }
    Ok(Exit::Done)
}

/// How wide a line of the table may be: 80 columns less two for a scroll bar and luck.
const LINE: usize = 78;

/// The most nodes that a check tells of: what is longer is a plan to be looked at by itself.
const TOLD: usize = 20;

/// What a run of a plan takes at most, and each of its nodes that asks a model.
pub(crate) fn bounds(plan: &Plan, bundle: &Bundle) -> String {
    let mut text = total(plan);
    let asking: Vec<&PlanNode> = plan.nodes.iter().filter(|node| node.calls > 0).collect();
    let window = plan.profiles.values().map(|facts| facts.window).min();
    if let Some(window) = window.filter(|_| !asking.is_empty()) {
        let _ = write!(text, ", with a window of {}", number(window));
    }
    text.push_str(&caps(plan, bundle));
    text.push('\n');
    for node in asking.iter().take(TOLD) {
        let _ = writeln!(text, "  {}: {}", cut(&node.id, LINE / 2), asked(node));
    }
    if asking.len() > TOLD {
        let _ = writeln!(
            text,
            "  and {} more; `smallcode plan` tells all",
            asking.len() - TOLD
        );
    }
    text
}

fn asked(node: &PlanNode) -> String {
    format!(
        "at most {} and {} tokens",
        counted(node.calls, "call"),
        number(node.tokens)
    )
}

fn counted(many: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(many), if many == 1 { "" } else { "s" })
}

/// What a run takes at most.
fn total(plan: &Plan) -> String {
    let mut text = format!(
        "{}: {} at most",
        plan.workflow,
        counted(plan.totals.nodes, "node")
    );
    if plan.totals.calls > 0 {
        let _ = write!(
            text,
            ", at most {} and {} tokens",
            counted(plan.totals.calls, "call"),
            number(plan.totals.tokens)
        );
    }
    text
}

/// Where the caps of a run end it before that.
fn caps(plan: &Plan, bundle: &Bundle) -> String {
    let Some(budget) = &bundle.root().loaded.workflow.budget else {
        return String::new();
    };
    let calls = budget.calls.filter(|calls| *calls < plan.totals.calls);
    let tokens = budget.tokens.filter(|tokens| *tokens < plan.totals.tokens);
    let caps: Vec<String> = calls
        .map(|calls| counted(calls, "call"))
        .into_iter()
        .chain(tokens.map(|tokens| counted(tokens, "token")))
        .collect();
    if caps.is_empty() {
        return String::new();
    }
    format!("; its budget ends it at {}", caps.join(" and "))
}

/// A plan for people.
fn table(plan: &Plan, bundle: &Bundle) -> String {
    let mut text = total(plan);
    if !plan.totals.usd.is_zero() {
        let _ = write!(text, ", {}", plan.totals.usd);
    }
    text.push_str(&caps(plan, bundle));
    text.push('\n');
    for (name, facts) in &plan.profiles {
        let model = facts.model.as_deref().unwrap_or("its only model");
        let _ = writeln!(
            text,
            "{name}: {model}, window {} tokens, {} for the answer",
            number(facts.window),
            number(facts.reserve)
        );
    }
    if let Some(escalation) = &plan.escalation {
        let _ = writeln!(
            text,
            "escalation: at most {} calls and {}",
            number(escalation.calls),
            escalation.usd
        );
    }
    let ids = plan
        .nodes
        .iter()
        .map(|node| width(&node.id))
        .max()
        .unwrap_or(0)
        .clamp(4, 28);
    let _ = writeln!(text, "\n{:ids$}  kind     does", "node");
    for node in &plan.nodes {
        let does = one_line(&node.does);
        let id = cut(&node.id, ids);
        let line = format!(
            "{id}{:pad$}  {:7}  {does}",
            "",
            node.kind,
            pad = ids.saturating_sub(width(&id))
        );
        let _ = writeln!(text, "{}", cut(&line, LINE).trim_end());
        for note in notes(node) {
            let note = format!("{:ids$}           {note}", "");
            let _ = writeln!(text, "{}", cut(&note, LINE));
        }
    }
    text
}

fn notes(node: &PlanNode) -> Vec<String> {
    let mut notes = Vec::new();
    if !node.needs.is_empty() {
        notes.push(format!("needs {}", node.needs.join(", ")));
    }
    if let Some(condition) = &node.condition {
        notes.push(format!("if {}", one_line(condition)));
    }
    match node.nodes {
        Count::AtMost(count) => notes.push(format!("at most {} nodes, known when it starts", number(count))),
        Count::Exactly(count) if count > 1 => notes.push(format!("{} nodes", number(count))),
        Count::Exactly(_) => {}
    }
    if node.attempts > 1 {
        notes.push(format!("up to {} attempts", node.attempts));
    }
    if node.calls > 0 {
        notes.push(asked(node));
    }
    if !node.usd.is_zero() {
        notes.push(format!("at most {}", node.usd));
    }
    if let Some(stronger) = &node.escalates_to {
        notes.push(format!("the last attempt asks {stronger}"));
    }
    if let Some(tools) = node.tools {
        notes.push(format!(
            "tools: at most {} tokens of each prompt, of {}",
            number(tools.shown),
            number(tools.all)
        ));
    }
    for server in &node.servers {
        notes.push(format!("starts the server of tools `{server}`"));
    }
    if !node.reads.is_empty() {
        notes.push(format!("reads {}", node.reads.join(", ")));
    }
    if !node.writes.is_empty() {
        notes.push(format!("writes {}", node.writes.join(", ")));
    }
    if node.untracked {
        notes.push("untracked: what it writes is not rolled back".to_owned());
    }
    notes
}
