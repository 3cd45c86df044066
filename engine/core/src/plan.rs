//! A plan: what a run will do, before anything runs. It holds the text of everything that it was made from, so
//! that what was approved is what runs, whatever happens to the files meanwhile.

mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::check;
use crate::diagnostic::{Code, Diagnostic, SourceId, Span, closest};
use crate::expand;
use crate::load::{Bundle, ModuleId};
use crate::scope::{Item, Names};
use crate::spec::{Common, DEFAULT_MAX_ITEMS, Kind, Name, Output, Task, Text};
use crate::template::Value;
use writes::{Step, Writes};

/// The version of the form of plans.
pub const FORMAT: u32 = 1;

/// How often one call of a model is tried when the server breaks off or is busy; each counts as a call, since a
/// server may have worked for all of them. Three, as the clients of the large providers do.
pub const CALL_TRIES: u32 = 3;

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
}

impl Default for ProfileFacts {
    fn default() -> Self {
        Self {
            model: None,
            window: UNKNOWN_WINDOW,
            reserve: reserve_of(UNKNOWN_WINDOW),
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
    /// The profile that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
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

/// The sums of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// The most nodes.
    pub nodes: u64,
    /// The most calls of models.
    pub calls: u64,
    /// The most tokens.
    pub tokens: u64,
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
    /// The environment variables that expressions may use.
    pub env: Map<String, Json>,
    /// What is known of profiles.
    pub profiles: IndexMap<String, ProfileFacts>,
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
        if found.is_empty() && self != now {
            found.push("its nodes or sums have been edited".to_owned());
        }
        found
    }
}

/// Makes the plan of a bundle.
///
/// # Errors
/// When an input is missing, unknown or of the wrong type, or what the inputs make of the file breaks a rule.
pub fn plan(bundle: &Bundle, given: &Given, engine: &str) -> Result<Plan, Vec<Diagnostic>> {
    let inputs = inputs(bundle, &given.inputs)?;
    let names = Names::of_inputs(&inputs, &given.env);
    let mut planner = Planner {
        bundle,
        given,
        nodes: Vec::new(),
        totals: Totals::default(),
        problems: Vec::new(),
        profiles: IndexMap::new(),
        writes: Writes::default(),
    };
    planner.module(ModuleId(0), "", 0, Count::Exactly(1), Some(&names), None);
    let overlaps = std::mem::take(&mut planner.writes).problems();
    planner.problems.extend(overlaps);
    if !planner.problems.is_empty() {
        return Err(planner.problems);
    }
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
        nodes: planner.nodes,
        totals: planner.totals,
        files: files.collect(),
    })
}

/// The inputs with their defaults, checked.
fn inputs(bundle: &Bundle, given: &Map<String, Json>) -> Result<Map<String, Json>, Vec<Diagnostic>> {
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
            let list = wanted
                .keys()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            diagnostic.help.push(if list.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {list}")
            });
        }
        problems.push(diagnostic);
    }
    for (name, input) in wanted {
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
                    problems.push(Diagnostic::new(
                        Code::BAD_INPUT,
                        loaded.source,
                        name.span(),
                        format!("the input `{name}`: {mismatch}"),
                    ));
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

struct Planner<'a> {
    bundle: &'a Bundle,
    given: &'a Given,
    nodes: Vec<PlanNode>,
    totals: Totals,
    problems: Vec<Diagnostic>,
    profiles: IndexMap<String, ProfileFacts>,
    writes: Writes,
}

impl Planner<'_> {
    /// Plans the tasks of a workflow. `names` are its inputs, where they are known before the run; `start` is
    /// the step that it begins with. Gives the steps that its tasks end with.
    fn module(
        &mut self,
        id: ModuleId,
        prefix: &str,
        base: u64,
        times: Count,
        names: Option<&Names>,
        start: Option<Step>,
    ) -> Vec<Step> {
        let bundle = self.bundle;
        let module = bundle.module(id);
        let mut ends: IndexMap<usize, Step> = IndexMap::new();
        for index in &module.graph.order {
            let Some((name, task)) = module.loaded.workflow.tasks.read.get_index(*index) else {
                continue;
            };
            let list = |list: &[Vec<usize>]| list.get(*index).cloned().unwrap_or_default();
            let needs: Vec<String> = list(&module.graph.needs)
                .iter()
                .filter_map(|need| module.loaded.workflow.tasks.read.get_index(*need))
                .map(|(need, _)| format!("{prefix}{need}"))
                .collect();
            let rank = base + u64::try_from(module.graph.rank.get(*index).copied().unwrap_or(0)).unwrap_or(0);
            let items = self.items(task, names, module.loaded.source);
            let id = format!("{prefix}{name}");
            let earlier = list(&module.graph.needs);
            let earlier = earlier.iter().filter_map(|need| ends.get(need).copied());
            let step = self.writes.step(&id, earlier.chain(start));
            let first = self.nodes.len();
            match items {
                Items::One => self.node(&id, task, &needs, rank, times, names, module.loaded.source),
                Items::Known(items) => {
                    for (index, value) in items.into_iter().enumerate() {
                        let names = names.cloned().map(|mut names| {
                            names.item = Some(Item {
                                value: Value::from_json(value),
                                index,
                                matrix: task.common.matrix.is_some(),
                            });
                            names
                        });
                        let id = format!("{id}[{index}]");
                        self.node(
                            &id,
                            task,
                            &needs,
                            rank,
                            times,
                            names.as_ref(),
                            module.loaded.source,
                        );
                    }
                }
                Items::Unknown(max) => {
                    let times = Count::AtMost(times.most().saturating_mul(max));
                    self.node(
                        &format!("{id}[*]"),
                        task,
                        &needs,
                        rank,
                        times,
                        names,
                        module.loaded.source,
                    );
                }
            }
            let texts = check::declared_writes(task);
            for node in self.nodes.iter().skip(first) {
                self.writes.add(step, &texts, &node.writes, module.loaded.source);
            }
            let mut end = step;
            if let Some(inner) = module.uses.get(index) {
                // Its inputs may come from tasks: what depends on them is known at run time.
                let times = match self.nodes.last() {
                    Some(last) if last.nodes.most() > 1 => last.nodes,
                    _ => times,
                };
                let prefix = format!("{id}/");
                let inside = self.module(*inner, &prefix, rank + 1, times, None, Some(step));
                end = self.writes.step(&id, inside.into_iter().chain([step]));
            }
            ends.insert(*index, end);
        }
        ends.into_values().collect()
    }

    fn items(&mut self, task: &Task, names: Option<&Names>, source: SourceId) -> Items {
        let common = &task.common;
        if common.foreach.is_none() && common.matrix.is_none() {
            return Items::One;
        }
        let max = common.max_items.unwrap_or(DEFAULT_MAX_ITEMS);
        let mut texts = Vec::new();
        common
            .foreach
            .iter()
            .for_each(|foreach| foreach.texts(&mut texts));
        common.matrix.iter().for_each(|matrix| matrix.texts(&mut texts));
        let (Some(names), true) = (names, texts.iter().all(|text| is_static(text))) else {
            return Items::Unknown(max);
        };
        match expand::items(common, &names.clone().scope()) {
            Ok(items) => Items::Known(items),
            Err(failure) => {
                let span = texts.first().map_or(task.kind_span, |text| text.span);
                self.problems.push(Diagnostic::new(
                    Code::BAD_EXPRESSION,
                    source,
                    span,
                    failure.message,
                ));
                Items::Known(Vec::new())
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the facts of one node, used in one place"
    )]
    fn node(
        &mut self,
        id: &str,
        task: &Task,
        needs: &[String],
        rank: u64,
        times: Count,
        names: Option<&Names>,
        source: SourceId,
    ) {
        let common = &task.common;
        let attempts = u64::from(common.on_failure.retry.max) + 1;
        let writes = self.evaluate(&check::declared_writes(task), names, source, true);
        let reads = self.evaluate(&common.reads.iter().collect::<Vec<_>>(), names, source, false);
        let mut calls = 0;
        let mut tokens = 0;
        let mut model = None;
        if let Kind::Prompt(prompt) = &task.kind {
            let name = self.profile_of(common);
            let facts = self.given.profiles.get(&name).cloned().unwrap_or_default();
            calls = attempts
                .saturating_mul(u64::from(CALL_TRIES))
                .saturating_mul(times.most());
            tokens = calls.saturating_mul(facts.window);
            self.profiles.insert(name.clone(), facts);
            model = Some(name);
            if let (Some(Output::File(_)), Some(names)) = (&prompt.beside.output, names) {
                self.permitted(task, &writes, names, source);
            }
        }
        self.totals.nodes = self.totals.nodes.saturating_add(times.most());
        self.totals.calls = self.totals.calls.saturating_add(calls);
        self.totals.tokens = self.totals.tokens.saturating_add(tokens);
        self.nodes.push(PlanNode {
            id: id.to_owned(),
            kind: task.kind.name().as_str().to_owned(),
            does: does(task),
            needs: needs.to_vec(),
            rank,
            nodes: times,
            condition: common
                .condition
                .as_ref()
                .map(|condition| condition.0.template.source().to_owned()),
            attempts,
            calls,
            tokens,
            model,
            untracked: matches!(task.kind, Kind::Run(_)) && writes.is_empty(),
            reads,
            writes,
        });
    }

    /// The profile that answers a task's prompts.
    fn profile_of(&self, common: &Common) -> String {
        profile_of(self.bundle, common)
    }

    /// Paths and globs with their expressions evaluated, where what these use is known.
    fn evaluate(
        &mut self,
        texts: &[&Text],
        names: Option<&Names>,
        source: SourceId,
        inside: bool,
    ) -> Vec<String> {
        let mut found = Vec::with_capacity(texts.len());
        for text in texts {
            let written = text.template.source().to_owned();
            let Some(names) = names.filter(|_| is_static_with_item(text)) else {
                found.push(written);
                continue;
            };
            match expand::text(text, &names.clone().scope()) {
                Ok(path) => {
                    if inside && let Err(error) = crate::path::inside(&path) {
                        self.problems.push(Diagnostic::new(
                            Code::BAD_PATH,
                            source,
                            text.span,
                            format!("`{path}`: {error}"),
                        ));
                    }
                    found.push(path);
                }
                Err(_) => found.push(written),
            }
        }
        found
    }

    fn permitted(&mut self, task: &Task, writes: &[String], names: &Names, source: SourceId) {
        let allowed = write_permissions(self.bundle, names);
        let Some(path) = check::uncovered(writes.iter().map(String::as_str), &allowed) else {
            return;
        };
        if path.contains("{{") {
            return;
        }
        self.problems.push(
            Diagnostic::new(
                Code::NOT_PERMITTED,
                source,
                task.kind_span,
                format!("the model of this task may not write `{path}`"),
            )
            .help(format!("allow it: `permissions: {{ write: [\"{path}\"] }}`")),
        );
    }
}

enum Items {
    One,
    Known(Vec<Json>),
    Unknown(u64),
}

/// The globs that models may write, with the inputs put in.
pub fn write_permissions(bundle: &Bundle, names: &Names) -> Vec<String> {
    let scope = names.clone().scope();
    let permissions = &bundle.root().loaded.workflow.permissions;
    permissions
        .write
        .iter()
        .filter_map(|text| expand::text(text, &scope).ok())
        .collect()
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

fn is_static(text: &Text) -> bool {
    uses_only(text, &["inputs", "env"])
}

fn is_static_with_item(text: &Text) -> bool {
    uses_only(text, &["inputs", "env", "item", "index", "matrix"])
}

fn uses_only(text: &Text, roots: &[&str]) -> bool {
    let known = |root: &String| roots.contains(&root.as_str());
    text.template
        .references()
        .iter()
        .all(|reference| reference.path.first().is_some_and(known))
        && text
            .template
            .calls()
            .iter()
            .all(|call| matches!(call.name.as_str(), "range" | "dict"))
        && text
            .template
            .filters()
            .iter()
            .all(|call| !matches!(call.name.as_str(), "read" | "glob" | "outline"))
}

/// What a task does, in a line of at most 60 characters.
fn does(task: &Task) -> String {
    let text = match &task.kind {
        Kind::Prompt(prompt) => prompt.text.template.source().to_owned(),
        Kind::Edit(edit) => edit.keys.instruction.template.source().to_owned(),
        Kind::Agent(agent) => agent.keys.goal.template.source().to_owned(),
        Kind::Plan(plan) => plan.keys.goal.template.source().to_owned(),
        Kind::Run(run) => run.written(),
        Kind::Render(render) => format!("to {}", render.to.template.source()),
        Kind::Bone(bone) => format!("{} {}", bone.action.as_str(), bone.file.template.source()),
        Kind::Uses(uses) => uses.reference.text.clone(),
        Kind::Approve(approve) => approve.message.template.source().to_owned(),
    };
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    if line.chars().count() > 60 {
        line.chars().take(59).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

/// Loads the workflow of a frozen plan again.
pub fn reload(plan: &Plan) -> crate::load::Load {
    crate::load::load(camino::Utf8Path::new(&plan.root), &plan.frozen())
}

/// Shares a plan's inputs as the values of expressions.
pub fn names_of(plan: &Plan) -> Arc<Names> {
    Arc::new(Names::of_inputs(&plan.inputs, &plan.env))
}
