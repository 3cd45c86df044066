//! What the expressions of each task may name, put together from the state when a job is made.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value as Json, json};
use smallcode_core::load::{Bundle, Module, ModuleId};
use smallcode_core::run::{Manner, NodeIndex, Program, ScopeIndex, State, TaskOutcome};
use smallcode_core::scope::{Host, Item, Names, NeedsStatus};
use smallcode_core::spec::{Task, Text};
use smallcode_core::template::{Template, Value};
use tokio_util::sync::CancellationToken;

use crate::executor::{Job, Purpose, Said, Shared, Tell};
use crate::host::RunHost;

/// Makes jobs: what a task may name is found once, what the names stand for when a job is made.
pub(super) struct NameSource {
    bundle: Arc<Bundle>,
    host: Arc<RunHost>,
    inputs: Value,
    env: Value,
    run: Value,
    /// By module, by task: the tasks that its expressions name. The outputs come last.
    referenced: Vec<Vec<Vec<usize>>>,
    /// The items of tasks with `foreach` or `matrix`, as far as they were needed.
    items: HashMap<(ScopeIndex, usize), OnceLock<Vec<Value>>>,
    /// The inputs of used workflows.
    scopes: Mutex<HashMap<ScopeIndex, Value>>,
}

impl NameSource {
    pub(super) fn new(shared: &Shared, inputs: &Map<String, Json>, env: &Map<String, Json>) -> Self {
        let bundle = Arc::clone(&shared.bundle);
        let referenced = bundle.modules.iter().map(referenced).collect();
        let run = json!({ "id": shared.run, "workflow": bundle.name(ModuleId(0)) });
        Self {
            host: Arc::clone(&shared.host),
            inputs: Value::from_json(Json::Object(inputs.clone())),
            env: Value::from_json(Json::Object(env.clone())),
            run: Value::from_json(run),
            referenced,
            items: HashMap::new(),
            scopes: Mutex::default(),
            bundle,
        }
    }

    /// Remembers the items of a task, which is cheaper than to read them back.
    pub(super) fn set_items(&mut self, scope: ScopeIndex, task: usize, items: Json) {
        let values = OnceLock::new();
        let _ = values.set(values_of(items));
        self.items.insert((scope, task), values);
    }

    /// The job of finding the items of a task.
    pub(super) fn task_job(
        &self,
        state: &State,
        program: &Program,
        scope: ScopeIndex,
        task: usize,
        tell: &Tell,
    ) -> Option<Job> {
        let module = state.scope(scope)?.module;
        Some(Job {
            node: NodeIndex(usize::MAX),
            id: state.task_id(scope, task)?,
            attempt: 0,
            module,
            task,
            planned: state.planned(module).cloned(),
            names: self.names(state, program, scope, Some(task), NeedsStatus::default()),
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
            tell: tell.clone(),
        })
    }

    /// The job of an attempt of a node, or of its condition.
    pub(super) fn node_job(
        &self,
        state: &State,
        program: &Program,
        index: NodeIndex,
        attempt: u32,
        tell: &Tell,
    ) -> Option<Job> {
        let node = state.node(index)?;
        let module = state.scope(node.scope)?.module;
        let info = program.task(module, node.task)?;
        let needs = if info.conditional && attempt == 0 {
            state.needs_status(node.scope, node.task)
        } else {
            NeedsStatus::default()
        };
        let mut names = self.names(state, program, node.scope, Some(node.task), needs);
        if info.fans {
            if let Some(problem) = self.items_problem(state, node.scope, node.task) {
                *names.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
            }
            let (_, task) = self
                .bundle
                .module(module)
                .loaded
                .workflow
                .tasks
                .read
                .get_index(node.task)?;
            names.item = self.item(
                state,
                node.scope,
                node.task,
                node.item,
                task.common.matrix.is_some(),
            );
        }
        let kill = CancellationToken::new();
        Some(Job {
            node: index,
            id: node.id.clone(),
            attempt,
            module,
            task: node.task,
            planned: state.planned(module).cloned(),
            names,
            calls: if node.attempts + 1 == attempt || node.goes_on_within() {
                node.calls.clone()
            } else {
                Vec::new()
            },
            tools: if node.attempts + 1 == attempt {
                node.tools.clone()
            } else {
                BTreeMap::new()
            },
            previous: node.failure.clone(),
            manner: node.manner,
            part: node.part.clone(),
            depth: node.depth,
            purpose: match &node.split {
                Some(split) => Purpose::Split(split.cut.by),
                None => Purpose::Make,
            },
            writes: Arc::default(),
            said: Said::default(),
            cancel: kill.child_token(),
            kill,
            tell: tell.clone(),
        })
    }

    /// What the outputs of a workflow may name.
    pub(super) fn outputs(&self, state: &State, program: &Program, scope: ScopeIndex) -> Names {
        self.names(state, program, scope, None, NeedsStatus::default())
    }

    fn names(
        &self,
        state: &State,
        program: &Program,
        scope: ScopeIndex,
        task: Option<usize>,
        needs: NeedsStatus,
    ) -> Names {
        let module = state.scope(scope).map_or(ModuleId(0), |scope| scope.module);
        let referenced = self.referenced.get(module.0);
        let referenced = match task {
            Some(task) => referenced.and_then(|tasks| tasks.get(task)),
            None => referenced.and_then(|tasks| tasks.last()),
        };
        let tasks: Vec<(Arc<str>, Arc<TaskOutcome>)> = referenced
            .into_iter()
            .flatten()
            .filter_map(|task| {
                let info = program.task(module, *task)?;
                Some((
                    Arc::clone(&info.name),
                    Arc::clone(state.task_outcome(scope, *task)?),
                ))
            })
            .collect();
        let (inputs, problem) = self.inputs_of(state, scope);
        Names {
            inputs,
            env: self.env.clone(),
            run: self.run.clone(),
            tasks,
            item: None,
            extra: Vec::new(),
            needs,
            host: Arc::clone(&self.host) as Arc<dyn Host>,
            problem: Arc::new(Mutex::new(problem)),
        }
    }

    /// The inputs of a scope, and why they can't be taken in.
    fn inputs_of(&self, state: &State, scope: ScopeIndex) -> (Value, Option<String>) {
        let Some(stored) = state.scope(scope).and_then(|scope| scope.inputs.as_ref()) else {
            return (self.inputs.clone(), None);
        };
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inputs) = scopes.get(&scope) {
            return (inputs.clone(), None);
        }
        match self.host.load(stored) {
            Ok(inputs) => {
                scopes.insert(scope, inputs.clone());
                (inputs, None)
            }
            Err(problem) => (Value::from_json(Json::Null), Some(problem)),
        }
    }

    /// Why the items of a task can't be taken in, where they were not yet.
    fn items_problem(&self, state: &State, scope: ScopeIndex, task: usize) -> Option<String> {
        let known = self.items.get(&(scope, task)).and_then(OnceLock::get);
        if known.is_some_and(|items| !items.is_empty()) {
            return None;
        }
        self.host.json(state.items(scope, task)?).err()
    }

    fn item(
        &self,
        state: &State,
        scope: ScopeIndex,
        task: usize,
        index: usize,
        matrix: bool,
    ) -> Option<Item> {
        let load = || {
            let stored = state.items(scope, task)?;
            self.host.json(stored).ok().map(values_of)
        };
        let value = match self.items.get(&(scope, task)) {
            Some(items) => items
                .get_or_init(|| load().unwrap_or_default())
                .get(index)?
                .clone(),
            None => load()?.get(index)?.clone(),
        };
        Some(Item { value, index, matrix })
    }

    /// Makes room for the items of every task that an earlier session expanded.
    pub(super) fn expect_items(&mut self, keys: impl IntoIterator<Item = (ScopeIndex, usize)>) {
        for key in keys {
            self.items.entry(key).or_default();
        }
    }
}

fn values_of(items: Json) -> Vec<Value> {
    match items {
        Json::Array(items) => items.into_iter().map(Value::from_json).collect(),
        _ => Vec::new(),
    }
}

/// The tasks that the expressions of each task name, and last those that the outputs name.
fn referenced(module: &Module) -> Vec<Vec<usize>> {
    let workflow = &module.loaded.workflow;
    let mut all: Vec<Vec<usize>> = workflow
        .tasks
        .read
        .values()
        .enumerate()
        .map(|(index, task)| {
            let mut found = BTreeSet::new();
            let mut texts = Vec::new();
            texts_of(task, &mut texts);
            for text in texts {
                named(module, &text.template, &mut found);
            }
            if let Some((_, template)) = module.templates.get(&index) {
                named(module, template, &mut found);
            }
            found.into_iter().collect()
        })
        .collect();
    let mut found = BTreeSet::new();
    let mut texts = Vec::new();
    workflow
        .outputs
        .values()
        .for_each(|output| output.texts(&mut texts));
    for text in texts {
        named(module, &text.template, &mut found);
    }
    all.push(found.into_iter().collect());
    all
}

fn named(module: &Module, template: &Template, into: &mut BTreeSet<usize>) {
    for reference in template.references() {
        if let [root, name, ..] = reference.path.as_slice()
            && root == "tasks"
        {
            into.extend(module.loaded.workflow.tasks.read.get_index_of(name.as_str()));
        }
    }
}

fn texts_of<'a>(task: &'a Task, texts: &mut Vec<&'a Text>) {
    let common = &task.common;
    task.kind.texts(texts);
    common.foreach.iter().for_each(|foreach| foreach.texts(texts));
    common.matrix.iter().for_each(|matrix| matrix.texts(texts));
    texts.extend(common.condition.iter().map(|condition| &condition.0));
    texts.extend(common.env.0.iter().map(|(_, text)| text));
    texts.extend(common.cwd.iter());
    texts.extend(common.reads.iter().chain(common.writes.iter()));
    common
        .verify
        .iter()
        .for_each(|verifier| verifier.kind.texts(texts));
}
