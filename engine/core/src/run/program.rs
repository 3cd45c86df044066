//! What the state machine needs of the workflows: who waits for whom, and under what rules.

use std::sync::Arc;

use super::Policy;
use super::beginning::beginnings;
use crate::check;
use crate::load::{Bundle, Module, ModuleId};
use crate::plan::{self, Escalation};
use crate::spec::{Budget, DEFAULT_MAX_ITEMS, Kind, KindName, Retry, SplitBy, Task};
use crate::template::Reference;

/// One task, reduced to what decides about its nodes.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule of its own that the file states"
)]
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: KindName,
    /// The tasks that it needs.
    pub needs: Vec<usize>,
    /// The tasks that need it.
    pub dependents: Vec<usize>,
    /// The first tasks whose prompts begin as its do: with the same system message, and with the same files and texts
    /// after that. Itself where it has no prompt.
    pub begins_as: [usize; 2],
    /// Whether it starts only where all its needs ended well.
    pub waits_for_success: bool,
    /// Whether it has an `if`.
    pub conditional: bool,
    /// Whether it has `foreach` or `matrix`.
    pub fans: bool,
    /// The most items that it may have.
    pub max_items: u64,
    /// The most of its nodes that may run at the same time.
    pub max_parallel: Option<u64>,
    /// Whether the failure of a node stops the others.
    pub fail_fast: bool,
    /// Extra attempts.
    pub retry: Retry,
    /// How the work of a node is cut when it fails, if it may be.
    pub split: Option<SplitBy>,
    /// Whether dependents go on when it fails.
    pub goes_on: bool,
    /// Whether an attempt that was in flight may be made again without asking.
    pub repeatable: bool,
    /// Whether commands that were in flight may be run again without asking.
    pub idempotent: bool,
    /// The workflow that it uses.
    pub uses: Option<ModuleId>,
    /// What its nodes may spend together.
    pub budget: Option<Budget>,
    /// Whether a stronger model may try when all else has failed.
    pub escalates: Escalates,
}

/// Whether a stronger model may try. Workflow and run must both allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalates {
    /// The workflow does not say so.
    No,
    /// The workflow says so, the run does not.
    NotInThisRun,
    /// Both say so.
    Yes,
}

impl TaskInfo {
    /// Whether its attempts take one of the run's slots: gates and used workflows only wait.
    pub fn takes_slot(&self) -> bool {
        !matches!(self.kind, KindName::Uses | KindName::Approve)
    }

    /// What follows a failed attempt of it.
    pub fn policy(&self) -> Policy {
        Policy {
            retry: self.retry,
            split: self.split,
            asks_model: self.kind.model_driven(),
            escalate: self.escalates == Escalates::Yes,
        }
    }
}

/// The tasks of every workflow of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// By module, then by task in the order of the file.
    pub modules: Vec<Vec<TaskInfo>>,
    /// What each of these workflows may spend, by module.
    pub budgets: Vec<Option<Budget>>,
    /// What the run allows of escalation.
    pub escalation: Option<Escalation>,
}

impl Program {
    /// Reduces a bundle.
    pub fn new(bundle: &Bundle) -> Self {
        let modules = bundle.modules.iter().map(infos).collect();
        let budgets = bundle
            .modules
            .iter()
            .map(|module| module.loaded.workflow.budget.clone())
            .collect();
        Self {
            modules,
            budgets,
            escalation: None,
        }
    }

    /// The same in a run that allows escalation, or not.
    #[must_use]
    pub fn escalating(mut self, escalation: Option<Escalation>) -> Self {
        if escalation.is_some() {
            self.modules.iter_mut().for_each(|tasks| let_escalate(tasks));
        }
        self.escalation = escalation;
        self
    }

    /// Adds a workflow that was made while the run goes on; what it may spend is up to who made it.
    pub(super) fn add(&mut self, module: &Module) -> ModuleId {
        let id = ModuleId(self.modules.len());
        let mut tasks = infos(module);
        for task in &mut tasks {
            // A model does not decide what leaves the machine.
            task.escalates = Escalates::No;
        }
        self.modules.push(tasks);
        self.budgets.push(None);
        id
    }

    /// One task.
    pub fn task(&self, module: ModuleId, task: usize) -> Option<&TaskInfo> {
        self.modules.get(module.0)?.get(task)
    }
}

/// The tasks of a workflow, reduced.
fn infos(module: &Module) -> Vec<TaskInfo> {
    let tasks = module.loaded.workflow.tasks.read.iter();
    tasks
        .zip(beginnings(module))
        .enumerate()
        .map(|(index, ((name, task), begins_as))| {
            let common = &task.common;
            let graph = &module.graph;
            let fans = common.foreach.is_some() || common.matrix.is_some();
            let list = |lists: &[Vec<usize>]| lists.get(index).cloned().unwrap_or_default();
            TaskInfo {
                name: name.as_str().into(),
                kind: task.kind.name(),
                needs: list(&graph.needs),
                dependents: list(&graph.dependents),
                begins_as,
                waits_for_success: graph.waits_for_success.get(index).copied().unwrap_or(true),
                conditional: common.condition.is_some(),
                fans,
                max_items: common.max_items.unwrap_or(DEFAULT_MAX_ITEMS),
                max_parallel: if fans && writes_the_same(task) {
                    Some(1)
                } else {
                    common.max_parallel
                },
                fail_fast: common.fail_fast,
                retry: task.retry(),
                split: common
                    .on_failure
                    .split
                    .and_then(|split| split.0)
                    .filter(|_| splits(task.kind.name())),
                goes_on: common.on_failure.goes_on,
                // The commands of an agent have events of their own.
                repeatable: !matches!(task.kind, Kind::Run(_)) || idempotent(&task.kind),
                idempotent: idempotent(&task.kind),
                uses: module.uses.get(&index).copied(),
                budget: common.budget.clone(),
                escalates: if plan::wants_escalation(task) {
                    Escalates::NotInThisRun
                } else {
                    Escalates::No
                },
            }
        })
        .collect()
}

/// Whether its commands may be run again.
fn idempotent(kind: &Kind) -> bool {
    match kind {
        Kind::Run(run) => run.beside.idempotent,
        Kind::Agent(agent) => agent.beside.idempotent,
        _ => false,
    }
}

/// Lets those tasks escalate that want to, in a run that allows it.
fn let_escalate(tasks: &mut [TaskInfo]) {
    for task in tasks {
        if task.escalates == Escalates::NotInThisRun {
            task.escalates = Escalates::Yes;
        }
    }
}

/// Whether the work of a kind can be cut. A command is one thing, and what an agent does is not known before.
pub(crate) fn splits(kind: KindName) -> bool {
    matches!(kind, KindName::Prompt | KindName::Edit)
}

/// Whether all nodes of a task write one of its paths. They would take turns; to start one at a time is the same and
/// leaves the slots to others.
fn writes_the_same(task: &Task) -> bool {
    let of_item = |reference: &Reference| {
        let root = reference.path.first().map(String::as_str);
        matches!(root, Some("item" | "index" | "matrix"))
    };
    check::declared_writes(task)
        .iter()
        .any(|text| !text.template.references().iter().any(of_item))
}
