//! A dispatcher in memory: it asks the state what is next, journals, applies, and lets the world answer in
//! simulated time. It keeps its own books, by which it checks every event.

mod attempt;
mod books;
mod evaluate;
mod story;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde_json::{Map, Value as Json};

use self::books::Books;
use self::story::observe;
use super::world::{Ending, World};
use crate::load::{Bundle, Module, load};
use crate::price::Usd;
use crate::run::{
    Action, CallUsage, Cut, Decision, Event, Failure, FailureClass, NodeId, NodeIndex, NodePhase, Outcome,
    Part, Program, Reserve, RunStatus, ScopeIndex, State, Stored, TaskResult, Timestamp, Work, decide,
};
use crate::spec::{Common, Kind, SplitBy};
use crate::template::Value;

/// What every plan is.
const PLAN: &str = r#"{"smallcode":1,"tasks":{"x":{"prompt":"x"},"y":{"prompt":"y","needs":["x"],"on_failure":{"retry":1}},"z":{"prompt":"z"}}}"#;

/// What a call sets aside, and what it takes.
pub(super) const RESERVE: Reserve = Reserve {
    prompt: 100,
    completion: 50,
    usd: Usd::ZERO,
};
const USAGE: CallUsage = CallUsage {
    prompt: 80,
    completion: 20,
    cached: None,
    estimated: false,
    refused: false,
    usd: Usd::ZERO,
};

/// Loads `main.yaml` of a few files.
pub(super) fn bundle(files: &[(&str, &str)]) -> Arc<Bundle> {
    let files: HashMap<Utf8PathBuf, String> = files
        .iter()
        .map(|(path, text)| (Utf8PathBuf::from(*path), (*text).to_owned()))
        .collect();
    let load = load("main.yaml".into(), &files);
    assert!(load.bundle.is_some(), "{:#?}", load.problems);
    Arc::new(load.bundle.unwrap())
}

/// Loads a workflow of these tasks.
pub(super) fn tasks(text: &str) -> Arc<Bundle> {
    bundle(&[("main.yaml", &format!("smallcode: 1\ntasks:\n{text}"))])
}

/// Something that will be told to the state.
#[derive(Clone, Debug)]
enum Due {
    Expand(ScopeIndex, usize),
    Check(NodeIndex),
    Enter(NodeIndex),
    Leave(NodeIndex),
    Ask(NodeIndex),
    Answer(NodeIndex, bool),
    CallStart(NodeIndex, u32),
    CallEnd(NodeIndex, u32),
    Split(NodeIndex),
    End(NodeIndex, Result<Json, FailureClass>),
    Signal(Box<Event>),
}

/// A run in a world.
pub(super) struct Sim {
    bundle: Arc<Bundle>,
    program: Arc<Program>,
    world: Arc<World>,
    pub(super) state: State,
    /// The same events without the questions between them: what a resumed run would be built from.
    shadow: Option<State>,
    pub(super) now: Timestamp,
    pub(super) journal: Vec<(Timestamp, Event)>,
    due: BTreeMap<(Timestamp, u64), Due>,
    /// What is due of a node's attempt, so that it can be killed.
    of_node: HashMap<NodeIndex, Vec<(Timestamp, u64)>>,
    sequence: u64,
    jobs: usize,
    /// How often the machine lost its power.
    boot: u32,
    /// The inputs of scopes as expressions see them. They may be large, so each is made once.
    inputs: HashMap<ScopeIndex, Value>,
    books: Books,
}

impl Sim {
    /// A run that has just started.
    pub(super) fn new(bundle: &Arc<Bundle>, world: World, jobs: u32) -> Self {
        let mut sim = Self::before(bundle, &Arc::new(world), jobs);
        sim.record(Event::RunStarted {
            run: "r".to_owned(),
            workflow: "w".to_owned(),
            engine: "0".to_owned(),
            plan: String::new(),
            seed: sim.world.seed,
            jobs,
            boot: Some(sim.boot.to_string()),
        });
        sim.signals();
        sim
    }

    fn before(bundle: &Arc<Bundle>, world: &Arc<World>, jobs: u32) -> Self {
        let program = Arc::new(Program::new(bundle));
        Self {
            bundle: Arc::clone(bundle),
            world: Arc::clone(world),
            state: State::new(Arc::clone(&program)),
            program,
            shadow: None,
            now: Timestamp(0),
            journal: Vec::new(),
            due: BTreeMap::new(),
            of_node: HashMap::new(),
            sequence: 0,
            jobs: usize::try_from(jobs).unwrap(),
            boot: 0,
            inputs: HashMap::new(),
            books: Books::default(),
        }
    }

    /// Compares, from now on, the state after every event with one that was never asked anything.
    pub(super) fn shadowed(mut self) -> Self {
        let mut shadow = State::new(Arc::clone(&self.program));
        for (at, event) in &self.journal {
            shadow.apply(*at, event).unwrap();
        }
        self.shadow = Some(shadow);
        self
    }

    /// The run that goes on from the first `length` events of the journal, some time after the last of them.
    pub(super) fn resumed(&self, length: usize, downtime: u64, jobs: u32, confirmed: bool) -> Self {
        self.resumed_in(self.boot, length, downtime, jobs, confirmed)
    }

    /// The same where the machine has lost its power, and the disk kept no more than the first `length` events: all
    /// that were waited for, and as many of the others as it liked.
    pub(super) fn resumed_after_power_loss(&self, length: usize, jobs: u32, confirmed: bool) -> Self {
        self.resumed_in(self.boot + 1, length, 60_000, jobs, confirmed)
    }

    fn resumed_in(&self, boot: u32, length: usize, downtime: u64, jobs: u32, confirmed: bool) -> Self {
        let mut sim = Self::before(&self.bundle, &self.world, jobs);
        for (at, event) in &self.journal[..length] {
            sim.state.apply(*at, event).unwrap();
            sim.now = *at;
            if let Event::AttemptFinished { node, attempt, .. } = event {
                sim.books.finished.insert((node.clone(), *attempt));
            }
            sim.journal.push((*at, event.clone()));
        }
        for (index, node) in sim.state.nodes().iter().enumerate() {
            if node.goes_on_within() && sim.state.takes_slot(NodeIndex(index)) {
                sim.books.slots.insert(NodeIndex(index));
            }
        }
        sim.now = sim.now.after(downtime);
        sim.boot = boot;
        sim.record(Event::RunResumed {
            jobs,
            confirmed,
            boot: Some(boot.to_string()),
        });
        for index in 0..sim.state.nodes().len() {
            let node = &sim.state.nodes()[index];
            if under_way(node.phase) {
                let task = books::place(node);
                sim.books
                    .of_task
                    .entry(task)
                    .or_default()
                    .insert(NodeIndex(index));
            }
            if node.phase == NodePhase::Asked {
                sim.answer_later(NodeIndex(index));
            }
        }
        sim
    }

    /// The run that goes on after its last event.
    pub(super) fn resume(&self, confirmed: bool) -> Self {
        let jobs = u32::try_from(self.jobs).unwrap();
        self.resumed(self.journal.len(), 1000, jobs, confirmed)
    }

    /// The state that the first `length` events of the journal make, without a new session.
    pub(super) fn folded(&self, length: usize) -> State {
        let mut state = State::new(Arc::clone(&self.program));
        for (at, event) in &self.journal[..length] {
            state.apply(*at, event).unwrap();
        }
        state
    }

    /// Journals an event that the state did not ask for.
    pub(super) fn tell(&mut self, event: Event) {
        self.record(event);
    }

    /// Lets humans answer the gates that are open.
    pub(super) fn answer_open(&mut self) {
        for index in (0..self.state.nodes().len()).map(NodeIndex) {
            if self.state.node(index).unwrap().phase == NodePhase::Asked {
                self.answer_later(index);
            }
        }
    }

    /// Changes what will happen from now on.
    pub(super) fn in_world(mut self, change: impl FnOnce(World) -> World) -> Self {
        self.world = Arc::new(change((*self.world).clone()));
        self.due.retain(|_, due| !matches!(due, Due::Signal(_)));
        self.signals();
        self
    }

    fn signals(&mut self) {
        for (at, event) in self.world.signals.clone() {
            if Timestamp(at) >= self.now {
                self.later(Timestamp(at).since(self.now), Due::Signal(Box::new(event)));
            }
        }
    }

    /// Runs until the session ends.
    pub(super) fn run(&mut self) -> RunStatus {
        loop {
            if let Some(status) = self.act() {
                // What goes on within itself does so in the next session.
                let nodes = self.state.nodes().iter().enumerate();
                let open = nodes.filter(|(_, node)| node.goes_on_within());
                let open: HashSet<NodeIndex> = open.map(|(index, _)| NodeIndex(index)).collect();
                let held = self.books.slots.difference(&open).count();
                assert_eq!(held, 0, "slots are given back");
                let spend = self.state.spend();
                assert_eq!(
                    (spend.reserved_calls, spend.reserved_tokens),
                    (0, 0),
                    "nothing is set aside"
                );
                return status;
            }
            let timer = self.state.wakes_at();
            let first = self.due.first_key_value().map(|((at, _), _)| *at);
            let wall = self.state.wall_deadline();
            let Some(at) = timer.into_iter().chain(first).chain(wall).min() else {
                let session = self.journal.iter().rev().map(|(_, event)| event);
                let stopped = session
                    .take_while(|event| !matches!(event, Event::RunResumed { .. }))
                    .any(|event| matches!(event, Event::Interrupted { .. }));
                if stopped && self.waits_for_turn() {
                    // Who has the turn goes on in the next session. Those that wait for it are stopped without an
                    // event, as the dispatcher stops them.
                    self.record(Event::RunFinished {
                        status: RunStatus::Interrupted,
                        outputs: None,
                        message: String::new(),
                    });
                    return RunStatus::Interrupted;
                }
                panic!(
                    "stuck: nothing is due, and the session has not ended\n{}",
                    self.story()
                );
            };
            self.now = self.now.max(at);
            while let Some(entry) = self.due.first_entry()
                && entry.key().0 <= self.now
            {
                let due = entry.remove();
                self.happen(due);
                if !self.world.batches {
                    break;
                }
            }
            if let Some(cap) = self.state.caps_reached(self.now) {
                self.record(Event::CapReached { cap });
            }
        }
    }

    /// Does what the state asks for until it asks for no more, or ends the session.
    fn act(&mut self) -> Option<RunStatus> {
        loop {
            let actions = self.state.next(self.now);
            if actions.is_empty() {
                return None;
            }
            // Someone sits in front of it and is about to answer.
            let waits = matches!(
                actions[..],
                [Action::Finish {
                    status: RunStatus::Waiting,
                    ..
                }]
            );
            if waits && self.due.values().any(|due| matches!(due, Due::Answer(..))) {
                return None;
            }
            for action in actions {
                if let Some(status) = self.carry_out(action) {
                    return Some(status);
                }
            }
        }
    }

    fn carry_out(&mut self, action: Action) -> Option<RunStatus> {
        match action {
            Action::Expand { scope, task } => {
                let id = self.state.task_id(scope, task).unwrap();
                let latency = self.world.latency("expand", id.as_str());
                self.later(latency, Due::Expand(scope, task));
            }
            Action::Skip { scope, task, because } => {
                let task = self.state.task_id(scope, task).unwrap();
                self.record(Event::TaskSkipped { task, because });
            }
            Action::Check(node) => {
                let latency = self.world.latency("check", self.id(node).as_str());
                self.later(latency, Due::Check(node));
            }
            Action::Start { node, attempt } => {
                let id = self.id(node);
                let repeatable = self.state.info(node).unwrap().repeatable;
                if let Some(most) = self.world.claims
                    && !repeatable
                    && !self.state.is_claimed(&id)
                {
                    let nodes = self.state.claimable(node, most);
                    self.record(Event::NodesClaimed { nodes });
                    assert!(self.state.is_claimed(&id), "{id} is not in its own claim");
                }
                self.record(Event::AttemptStarted { node: id, attempt });
                if let Some(most) = self.world.claims
                    && !repeatable
                    && self.state.claims() <= most / 2
                {
                    // As the dispatcher does while the disk has the time.
                    let nodes = self.state.claimable(node, most);
                    if !nodes.is_empty() {
                        self.record(Event::NodesClaimed { nodes });
                    }
                }
                self.begin(node, attempt);
            }
            Action::Turn(node) => self.write(node),
            Action::Leave(node) => {
                let latency = self.world.latency("leave", self.id(node).as_str());
                if self.state.node(node).unwrap().goes_on_within() {
                    self.later_of(node, latency, Due::Leave(node));
                } else {
                    self.later(latency, Due::Leave(node));
                }
            }
            Action::Settle(node) => {
                let (approved, _) = self.state.node(node).unwrap().answer.clone().unwrap();
                let outcome = if approved {
                    Ok(serde_json::json!({ "approved": true }))
                } else {
                    Err(FailureClass::Rejected)
                };
                self.end(node, outcome);
            }
            Action::Cancel { node, because } => {
                let node = self.id(node);
                self.record(Event::NodeCancelled { node, because });
            }
            Action::Refuse { node, failure } => {
                let node = self.id(node);
                self.record(Event::NodeRefused { node, failure });
            }
            Action::Kill(node) => {
                for key in self.of_node.remove(&node).unwrap_or_default() {
                    self.due.remove(&key);
                }
                let latency = self.world.latency("kill", self.id(node).as_str());
                self.later(latency, Due::End(node, Err(FailureClass::Cancelled)));
            }
            Action::Finish { status, message } => {
                if status == RunStatus::Waiting {
                    assert_ne!(
                        message,
                        "",
                        "a run waits for something\n{}\n{}",
                        self.story(),
                        self.statuses()
                    );
                }
                self.record(Event::RunFinished {
                    status,
                    outputs: None,
                    message,
                });
                return Some(status);
            }
        }
        None
    }

    fn answer_later(&mut self, node: NodeIndex) {
        let id = self.id(node);
        if let Some(yes) = self.world.answer(id.as_str()) {
            let latency = self.world.latency("answer", id.as_str());
            self.later_of(node, 5 + latency, Due::Answer(node, yes));
        }
    }

    fn common(&self, scope: ScopeIndex, task: usize) -> &Common {
        &self.module(scope).loaded.workflow.tasks.read[task].common
    }

    fn task(&self, node: NodeIndex) -> &crate::spec::Task {
        let node = self.state.node(node).unwrap();
        &self.module(node.scope).loaded.workflow.tasks.read[node.task]
    }

    fn module(&self, scope: ScopeIndex) -> &Module {
        let id = self.state.scope(scope).unwrap().module;
        let planned = self.state.planned(id).map(|module| &**module);
        planned.unwrap_or_else(|| self.bundle.module(id))
    }

    fn id(&self, node: NodeIndex) -> NodeId {
        self.state.node(node).unwrap().id.clone()
    }

    fn later(&mut self, millis: u64, due: Due) -> (Timestamp, u64) {
        let key = (self.now.after(millis), self.sequence);
        self.sequence += 1;
        self.due.insert(key, due);
        key
    }

    fn later_of(&mut self, node: NodeIndex, millis: u64, due: Due) {
        let key = self.later(millis, due);
        self.of_node.entry(node).or_default().push(key);
    }

    /// Journals an event and applies it.
    fn record(&mut self, event: Event) {
        self.check_before(&event);
        self.journal.push((self.now, event.clone()));
        assert!(self.journal.len() < 2_000_000, "the run does not end");
        if let Err(error) = self.state.apply(self.now, &event) {
            panic!("{error}: {event:?}\n{}", self.story());
        }
        self.check_after(&event);
        if let Some(shadow) = &mut self.shadow {
            shadow.apply(self.now, &event).unwrap();
            let (live, replayed) = (observe(&self.state, self.now), observe(shadow, self.now));
            assert_eq!(live, replayed, "after {event:?}");
        }
    }
}

/// Work that was cut so often before, and can be cut into so many parts.
fn work(parts: usize, depth: usize) -> Work {
    let tokens = 1000 >> depth;
    let part = |number: usize| Part {
        name: format!("part {number}"),
        file: None,
        pieces: Vec::new(),
        tokens: tokens / 2,
        found: String::new(),
    };
    Work {
        tokens,
        cuts: vec![Cut {
            by: SplitBy::File,
            parts: (0..parts).map(part).collect(),
        }],
    }
}

fn under_way(phase: NodePhase) -> bool {
    matches!(
        phase,
        NodePhase::Running | NodePhase::Asked | NodePhase::Answered | NodePhase::Inside | NodePhase::Leaving
    )
}
