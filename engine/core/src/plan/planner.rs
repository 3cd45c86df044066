//! From tasks to the nodes of a plan: in order, with their worst cases, as far as the inputs tell.

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::escalation::Worst;
use super::writes::{Step, Writes};
use super::{
    CALL_TRIES, Count, Given, PlanNode, ProfileFacts, ToolTokens, Totals, calls_of_attempt, profile_of,
    run_permissions, write_permissions,
};
use crate::check;
use crate::diagnostic::{Code, Diagnostic, SourceId};
use crate::expand;
use crate::load::{Bundle, ModuleId};
use crate::proposal::DEFAULT_MAX_TASKS;
use crate::run::{MAX_PARTS, splits};
use crate::scope::{Item, Names};
use crate::spec::{Common, DEFAULT_MAX_ITEMS, Kind, Output, Task, Text};
use crate::template::Value;
use crate::tokens::Family;
use crate::tool::Toolset;
use crate::tool::command::allows;
use crate::tool::served::FORMS;

pub(super) struct Planner<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) given: &'a Given,
    pub(super) nodes: Vec<PlanNode>,
    pub(super) totals: Totals,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) profiles: IndexMap<String, ProfileFacts>,
    pub(super) writes: Writes,
    /// The worst case of escalated attempts, which have caps of their own.
    pub(super) escalated: Worst,
}

impl Planner<'_> {
    /// Plans the tasks of a workflow. `names` are its inputs, where they are known before the run; `start` is
    /// the step that it begins with. Gives the steps that its tasks end with.
    pub(super) fn module(
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
            for node in self.nodes.iter().skip(first) {
                self.writes.add(step, task, &node.writes, module.loaded.source);
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
        let attempts = u64::from(task.retry().max) + 1;
        // Parts, and what a model proposes, are nodes as well.
        let nodes = match most_nodes(task) {
            1 => times,
            many => Count::AtMost(times.most().saturating_mul(many)),
        };
        let writes = self.evaluate(&check::declared_writes(task), names, source, true);
        let reads = self.evaluate(&common.reads.iter().collect::<Vec<_>>(), names, source, false);
        let mut worst = Worst::default();
        let mut model = None;
        let mut tools = None;
        let asked = calls_of_attempt(task);
        if asked > 0 {
            let name = self.profile_of(common);
            let facts = self.given.profiles.get(&name).cloned().unwrap_or_default();
            let calls = attempts
                .saturating_mul(most_nodes(task))
                .saturating_mul(asked)
                .saturating_mul(u64::from(CALL_TRIES))
                .saturating_mul(times.most());
            worst = Worst::of(calls, &facts);
            if let Kind::Agent(agent) = &task.kind {
                let family = Family::of_model(facts.model.as_deref().unwrap_or_default());
                let cost = Toolset::of(self.bundle, task, agent).cost(family);
                // What servers list is known once they run; it is cut to what a call may carry.
                let shown = if agent.keys.mcp.is_empty() {
                    cost.routed
                } else {
                    FORMS
                };
                tools = Some(ToolTokens {
                    shown: shown.get(),
                    all: cost.flat.max(shown).get(),
                });
            }
            self.profiles.insert(name.clone(), facts);
            model = Some(name);
            // Globs of `output: { files }` only bound what an answer names.
            let names_files = match &task.kind {
                Kind::Prompt(prompt) => matches!(prompt.beside.output, Some(Output::File(_))),
                kind => kind.name().model_driven(),
            };
            if let Some(names) = names.filter(|_| names_files) {
                self.permitted(task, &writes, names, source);
            }
        }
        let servers = self.servers(task, names, source);
        let runs = match &task.kind {
            Kind::Run(_) => true,
            Kind::Agent(agent) => Toolset::runs(self.bundle, task, agent),
            Kind::Plan(plan) => plan.runs(),
            _ => false,
        };
        self.totals.nodes = self.totals.nodes.saturating_add(nodes.most());
        self.add(worst);
        let (escalates_to, escalated) = self.escalated(task, times);
        self.escalated = self.escalated.plus(escalated);
        let worst = worst.plus(escalated);
        self.nodes.push(PlanNode {
            id: id.to_owned(),
            kind: task.kind.name().as_str().to_owned(),
            does: does(task),
            needs: needs.to_vec(),
            rank,
            nodes,
            condition: common
                .condition
                .as_ref()
                .map(|condition| condition.0.template.source().to_owned()),
            attempts: attempts + u64::from(escalates_to.is_some()),
            calls: worst.calls,
            tokens: worst.tokens,
            usd: worst.usd,
            model,
            escalates_to,
            tools,
            untracked: runs && writes.is_empty(),
            servers,
            reads,
            writes,
        });
    }

    /// The commands of the MCP servers that are started for a task, which the run must allow.
    fn servers(&mut self, task: &Task, names: Option<&Names>, source: SourceId) -> Vec<String> {
        let Kind::Agent(agent) = &task.kind else {
            return Vec::new();
        };
        let mut modules = self.bundle.modules.iter();
        let Some(module) = modules.find(|module| module.loaded.source == source) else {
            return Vec::new();
        };
        let servers = &module.loaded.workflow.mcp;
        let named = agent.keys.mcp.iter();
        let named: Vec<_> = named.filter_map(|name| servers.get(name.text.as_str())).collect();
        for server in &named {
            let (Some(names), Ok(words)) = (names, server.words()) else {
                continue;
            };
            let patterns = run_permissions(self.bundle, names);
            if !patterns.iter().any(|pattern| allows(pattern, &words)) {
                let message = format!("`{}` is not allowed in this run", server.command.text);
                let problem = Diagnostic::new(Code::NOT_PERMITTED, source, server.command.span, message);
                let help = "`permissions: { run }` must allow what starts a server, word by word";
                self.problems.push(problem.help(help));
            }
        }
        named
            .into_iter()
            .map(|server| server.command.text.clone())
            .collect()
    }

    /// The profile that a task escalates to in this run, and the worst case of that.
    fn escalated(&mut self, task: &Task, times: Count) -> (Option<String>, Worst) {
        let given = self.given;
        let Some((escalation, name)) = given
            .escalation
            .as_ref()
            .and_then(|escalation| Some((escalation, escalation.profile_of(task)?)))
        else {
            return (None, Worst::default());
        };
        let facts = given.profiles.get(name).cloned().unwrap_or_default();
        let calls = times
            .most()
            .saturating_mul(most_nodes(task))
            .saturating_mul(calls_of_attempt(task));
        let worst = Worst::escalated(calls, &facts, escalation);
        self.profiles.insert(name.to_owned(), facts);
        (Some(name.to_owned()), worst)
    }

    /// Adds calls to the sums.
    pub(super) fn add(&mut self, worst: Worst) {
        let totals = &mut self.totals;
        totals.calls = totals.calls.saturating_add(worst.calls);
        totals.tokens = totals.tokens.saturating_add(worst.tokens);
        totals.usd = totals.usd.plus(worst.usd);
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
                    let refused = match crate::path::inside(&path) {
                        Ok(path) => crate::path::kept(path.as_str()).map(check::not_to_write),
                        Err(error) => Some(error.to_string()),
                    };
                    if let Some(reason) = refused.filter(|_| inside) {
                        self.problems.push(Diagnostic::new(
                            Code::BAD_PATH,
                            source,
                            text.span,
                            format!("`{path}`: {reason}"),
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

/// How many nodes may do the work of one, itself included: where it is cut as often as may be, or plans as many tasks as
/// it may, which are tried as often as it is.
fn most_nodes(task: &Task) -> u64 {
    if let Kind::Plan(plan) = &task.kind {
        let attempts = u64::from(task.retry().max) + 1;
        let tasks = plan.keys.max_tasks.unwrap_or(DEFAULT_MAX_TASKS);
        return tasks.saturating_mul(attempts).saturating_add(1);
    }
    let way = task.common.on_failure.split.and_then(|split| split.0);
    if way.is_none() || !splits(task.kind.name()) {
        return 1;
    }
    let (mut of_depth, mut all) = (1_u64, 1_u64);
    for most in MAX_PARTS {
        of_depth = of_depth.saturating_mul(u64::try_from(most).unwrap_or(u64::MAX));
        all = all.saturating_add(of_depth);
    }
    all
}

enum Items {
    One,
    Known(Vec<Json>),
    Unknown(u64),
}

pub(super) fn is_static(text: &Text) -> bool {
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
