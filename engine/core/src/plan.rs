//! A plan: what a run will do, before anything runs. It holds the text of everything that it was made from, so
//! that what was approved is what runs, whatever happens to the files meanwhile.

mod escalation;
mod fits;
mod planner;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::diagnostic::{Code, Diagnostic, Span, closest, listed};
use crate::expand;
use crate::load::{Bundle, ModuleId};
use crate::price::{Price, Usd};
use crate::scope::Names;
use crate::spec::{Common, Kind, KindName, Mismatch, Name, Task, Text, VerifierKind};
use crate::tool;
use escalation::Worst;
use planner::Planner;
use writes::Writes;

pub use escalation::{Escalation, wants_escalation};
pub use fits::{Bound, oversized};

/// The version of the form of plans.
pub const FORMAT: u32 = 1;

/// How often one call of a model is tried when the server breaks off or is busy. Three, as the clients of the large
/// providers do. Each counts as a call, since a server may have worked for all of them; but for what a server refuses
/// before it does any work: that takes nothing, and a pool whose servers are busy, or one that loads its model, may refuse
/// more often than that.
pub const CALL_TRIES: u32 = 3;

/// How many calls one attempt of a task makes where none has to be tried again: those of its kind, and one for each
/// verifier that asks a model. An agent may be verified after every call that it makes.
pub fn calls_of_attempt(task: &Task) -> u64 {
    let judges = task.common.verify.iter();
    let judges = judges.filter(|verifier| matches!(verifier.kind, VerifierKind::Judge(_)));
    let judges = u64::try_from(judges.count()).unwrap_or(u64::MAX);
    match &task.kind {
        Kind::Agent(agent) => {
            let calls = agent.keys.max_calls.unwrap_or(tool::DEFAULT_MAX_CALLS);
            calls.saturating_mul(judges.saturating_add(1))
        }
        // Its tasks count as what it asks itself, each with the most that one of them may ask.
        Kind::Plan(plan) if plan.keys.kinds.contains(&KindName::Agent) => {
            judges.saturating_add(tool::DEFAULT_MAX_CALLS)
        }
        Kind::Prompt(_) | Kind::Edit(_) | Kind::Plan(_) => judges.saturating_add(1),
        _ => judges,
    }
}

/// The window that a model is taken to have when nobody knows: the smallest default of a local server (Ollama's).
pub const UNKNOWN_WINDOW: u64 = 4096;

/// What is known of a profile when a plan is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileFacts {
    /// The model's name at its server; nothing where the server has only one.
    pub model: Option<String>,
    /// How many tokens prompt and answer may have together.
    pub window: u64,
    /// How many of them are kept for the answer.
    pub reserve: u64,
    /// What its tokens cost; nothing where that is not known, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

impl Default for ProfileFacts {
    fn default() -> Self {
        Self {
            model: None,
            window: UNKNOWN_WINDOW,
            reserve: reserve_of(UNKNOWN_WINDOW),
            price: None,
        }
    }
}

/// The part of a window that is kept for the answer where nobody says: a quarter.
pub fn reserve_of(window: u64) -> u64 {
    window / 4
}

/// One file that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFile {
    /// Its path, as the workflow reaches it.
    pub path: String,
    /// BLAKE3 of its text.
    pub blake3: String,
    /// Its text.
    pub text: String,
}

/// How many nodes a task makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// So many.
    Exactly(u64),
    /// At most so many: the items are known only at run time.
    AtMost(u64),
}

impl Count {
    /// The bound.
    pub fn most(self) -> u64 {
        match self {
            Self::Exactly(count) | Self::AtMost(count) => count,
        }
    }
}

/// One node of the plan, or a task whose nodes are not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanNode {
    /// Its name: that of the task, with `[i]` behind it for an item.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it does, in a line.
    pub does: String,
    /// The tasks that it needs.
    pub needs: Vec<String>,
    /// How many tasks the longest way to it has before it.
    pub rank: u64,
    /// How many nodes this stands for.
    pub nodes: Count,
    /// The expression that decides whether it runs.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How many attempts it may take.
    pub attempts: u64,
    /// The most calls of a model, over all attempts and nodes.
    pub calls: u64,
    /// The most tokens, over all attempts and nodes.
    pub tokens: u64,
    /// The most that these cost, in billionths of a US dollar, as far as prices are known.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub usd: Usd,
    /// The profile that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The profile that tries when all else has failed. Its calls are among the calls above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates_to: Option<String>,
    /// What the tools of an agent take of each prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolTokens>,
    /// The commands of the MCP servers that are started for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// What it reads, where it says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// What it writes, where it says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Whether it may write what it does not declare: a command without `writes`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untracked: bool,
}

/// What the tools of an agent take of each prompt, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolTokens {
    /// Those that a call is shown, at most.
    pub shown: u64,
    /// All of them together.
    pub all: u64,
}

/// The sums of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// The most nodes.
    pub nodes: u64,
    /// The most calls of models.
    pub calls: u64,
    /// The most tokens.
    pub tokens: u64,
    /// The most that they cost, in billionths of a US dollar, as far as prices are known.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub usd: Usd,
}

/// What a run will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The version of this form.
    pub plan: u32,
    /// The version of the engine that made it.
    pub engine: String,
    /// The name of the workflow.
    pub workflow: String,
    /// The path of the workflow's file.
    pub root: String,
    /// The inputs, defaults included.
    pub inputs: Map<String, Json>,
    /// The environment variables that expressions may use.
    pub env: Map<String, Json>,
    /// The profiles that it uses.
    pub profiles: IndexMap<String, ProfileFacts>,
    /// What the run allows of escalation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
    /// The nodes, so that each comes after what it needs.
    pub nodes: Vec<PlanNode>,
    /// The sums.
    pub totals: Totals,
    /// Everything that it was made from.
    pub files: Vec<PlanFile>,
}

/// What a plan is made with beside the workflow.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The inputs as they were given, by name.
    pub inputs: Map<String, Json>,
    /// Those whose text could not be read, in the order in which they were given.
    pub unread: Vec<(String, Mismatch)>,
    /// The environment variables that expressions may use.
    pub env: Map<String, Json>,
    /// What is known of profiles.
    pub profiles: IndexMap<String, ProfileFacts>,
    /// What the run allows of escalation.
    pub escalation: Option<Escalation>,
}

impl Plan {
    /// The texts that it was made from, as files to load it again from.
    pub fn frozen(&self) -> HashMap<Utf8PathBuf, String> {
        self.files
            .iter()
            .map(|file| (Utf8PathBuf::from(&file.path), file.text.clone()))
            .collect()
    }

    /// Its bytes: what an approval is for, and what a run freezes.
    ///
    /// # Errors
    /// Never in practice: every part of it can be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// What differs between this plan and one made now, in words; empty when nothing does.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.engine != now.engine {
            found.push(format!("the engine is {}, not {}", now.engine, self.engine));
        }
        for file in &self.files {
            match now.files.iter().find(|other| other.path == file.path) {
                None => found.push(format!("`{}` is not part of it any more", file.path)),
                Some(other) if other.blake3 != file.blake3 => {
                    found.push(format!("`{}` has changed", file.path));
                }
                Some(_) => {}
            }
        }
        for file in now
            .files
            .iter()
            .filter(|file| !self.files.iter().any(|other| other.path == file.path))
        {
            found.push(format!("`{}` is new in it", file.path));
        }
        for (what, before, after) in [
            ("input", &self.inputs, &now.inputs),
            ("variable", &self.env, &now.env),
        ] {
            for name in before
                .keys()
                .chain(after.keys().filter(|name| !before.contains_key(*name)))
            {
                if before.get(name) != after.get(name) {
                    found.push(format!("the {what} `{name}` has changed"));
                }
            }
        }
        for name in self.profiles.keys().chain(
            now.profiles
                .keys()
                .filter(|name| !self.profiles.contains_key(*name)),
        ) {
            if self.profiles.get(name) != now.profiles.get(name) {
                found.push(format!("the profile `{name}` has changed"));
            }
        }
        if self.escalation != now.escalation {
            found.push("what it allows of escalation has changed".to_owned());
        }
        if found.is_empty() && self != now {
            found.push("its nodes or sums have been edited".to_owned());
        }
        found
    }
}

/// Makes the plan of a bundle.
///
/// # Errors
/// When an input is missing, unknown or of the wrong type, when what the inputs make of the file breaks a rule, or when a
/// prompt can't fit the window of its profile.
pub fn plan(bundle: &Bundle, given: &Given, engine: &str) -> Result<Plan, Vec<Diagnostic>> {
    let inputs = inputs(bundle, given)?;
    let names = Names::of_inputs(&inputs, &given.env);
    let mut planner = Planner {
        bundle,
        given,
        nodes: Vec::new(),
        totals: Totals::default(),
        problems: Vec::new(),
        profiles: IndexMap::new(),
        writes: Writes::default(),
        escalated: Worst::default(),
    };
    planner.module(ModuleId(0), "", 0, Count::Exactly(1), Some(&names), None);
    let overlaps = std::mem::take(&mut planner.writes).problems();
    planner.problems.extend(overlaps);
    let oversized = oversized(bundle, &given.profiles, Some(&names), Bound::Least);
    planner.problems.extend(oversized);
    if !planner.problems.is_empty() {
        return Err(planner.problems);
    }
    let escalated = planner.escalated.within(given.escalation.as_ref());
    planner.add(escalated);
    let files = bundle.files.iter().map(|(path, text)| PlanFile {
        path: path.to_string(),
        blake3: blake3::hash(text.as_bytes()).to_hex().to_string(),
        text: text.to_string(),
    });
    Ok(Plan {
        plan: FORMAT,
        engine: engine.to_owned(),
        workflow: bundle.name(ModuleId(0)),
        root: bundle.root().path.to_string(),
        inputs,
        env: given.env.clone(),
        profiles: planner.profiles,
        escalation: given.escalation.clone(),
        nodes: planner.nodes,
        totals: planner.totals,
        files: files.collect(),
    })
}

/// The inputs with their defaults, checked.
fn inputs(bundle: &Bundle, given: &Given) -> Result<Map<String, Json>, Vec<Diagnostic>> {
    let (given, unread) = (&given.inputs, &given.unread);
    let loaded = &bundle.root().loaded;
    let wanted = &loaded.workflow.inputs;
    let mut problems = Vec::new();
    let mut inputs = Map::new();
    for name in given.keys().filter(|name| !wanted.contains_key(name.as_str())) {
        let near = closest(name, wanted.keys().map(Name::as_str));
        let mut diagnostic = Diagnostic::new(
            Code::BAD_INPUT,
            loaded.source,
            Span::default(),
            format!("the workflow has no input `{name}`"),
        );
        diagnostic
            .help
            .extend(near.map(|near| format!("did you mean `{near}`?")));
        if near.is_none() {
            let list = listed(wanted.keys());
            diagnostic.help.push(if list.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {list}")
            });
        }
        problems.push(diagnostic);
    }
    let misfit = |name: &Name, mismatch: &Mismatch| {
        let message = format!("the input `{name}`: {mismatch}");
        Diagnostic::new(Code::BAD_INPUT, loaded.source, name.span(), message)
    };
    for (name, input) in wanted {
        let before = problems.len();
        let unread = unread.iter().filter(|(unread, _)| unread == name.as_str());
        problems.extend(unread.map(|(_, mismatch)| misfit(name, mismatch)));
        if problems.len() > before {
            continue;
        }
        match given.get(name.as_str()).or(input.default.as_ref()) {
            None => {
                let mut diagnostic = Diagnostic::new(
                    Code::MISSING_INPUT,
                    loaded.source,
                    name.span(),
                    format!("the input `{name}` has no value: {} is wanted", input.wanted()),
                );
                diagnostic
                    .help
                    .push(format!("give it one with `--input {name}=…`"));
                problems.push(diagnostic);
            }
            Some(value) => {
                if let Err(mismatch) = input.check(value) {
                    problems.push(misfit(name, &mismatch));
                }
                inputs.insert(name.as_str().to_owned(), value.clone());
            }
        }
    }
    if problems.is_empty() {
        Ok(inputs)
    } else {
        Err(problems)
    }
}

/// The globs that models may write, with the inputs put in.
pub fn write_permissions(bundle: &Bundle, names: &Names) -> Vec<String> {
    permitted(&bundle.root().loaded.workflow.permissions.write, names)
}

/// The globs that models may read beside what they may read anyway, with the inputs put in.
pub fn read_permissions(bundle: &Bundle, names: &Names) -> Vec<String> {
    permitted(&bundle.root().loaded.workflow.permissions.read, names)
}

/// The commands that models may run, with the inputs put in.
pub fn run_permissions(bundle: &Bundle, names: &Names) -> Vec<String> {
    permitted(&bundle.root().loaded.workflow.permissions.run, names)
}

fn permitted(texts: &[Text], names: &Names) -> Vec<String> {
    let scope = names.clone().scope();
    let evaluated = texts.iter().filter_map(|text| expand::text(text, &scope).ok());
    evaluated.collect()
}

/// The name of the profile that answers a task's prompts: its own, else that of the root workflow, else `default`.
pub fn profile_of(bundle: &Bundle, common: &Common) -> String {
    let root = &bundle.root().loaded.workflow.model;
    common
        .model
        .as_ref()
        .or(root.as_ref())
        .map_or_else(|| "default".to_owned(), |model| model.text.clone())
}

/// Loads the workflow of a frozen plan again.
pub fn reload(plan: &Plan) -> crate::load::Load {
    crate::load::load(camino::Utf8Path::new(&plan.root), &plan.frozen())
}

/// Shares a plan's inputs as the values of expressions.
pub fn names_of(plan: &Plan) -> Arc<Names> {
    Arc::new(Names::of_inputs(&plan.inputs, &plan.env))
}
