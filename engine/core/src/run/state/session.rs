//! A session begins with what the one before it left: events are kept, and attempts that were under way are lost.

use super::{State, Todo};
use crate::run::node::TaskPhase;
use crate::run::{NodeIndex, NodePhase, RunStatus, ScopeIndex, TaskInfo, Timestamp};

impl State {
    pub(super) fn begin_session(&mut self, at: Timestamp, jobs: u32) {
        self.announced.clear();
        self.jobs = usize::try_from(jobs).unwrap_or(1).max(1);
        self.session_started = at;
        self.finished = None;
        self.stopping = 0;
    }

    pub(super) fn end_session(&mut self, at: Timestamp, status: RunStatus) {
        self.finished = Some(status);
        // The disk has this only with every start before it: what was claimed and has not started is free.
        self.claims.clear();
        // What was under way has been put back by itself.
        self.forget_turns(true);
        self.active_before += at.since(self.session_started);
        self.session_started = at;
    }

    /// Begins another session: what the last one had under way is lost, and everything open is given again. `same_boot`:
    /// the machine has not been started since.
    pub(super) fn resume(
        &mut self,
        before: Timestamp,
        at: Timestamp,
        jobs: u32,
        confirmed: bool,
        same_boot: bool,
    ) {
        self.forget_turns(same_boot);
        if self.finished.is_none() {
            // The session before this one died; it was active until its last event.
            self.active_before += before.since(self.session_started);
        }
        self.begin_session(at, jobs);
        self.ready.clear();
        self.todo.clear();
        for scope in 0..self.scopes.len() {
            let scope = ScopeIndex(scope);
            let count = self.scopes.get(scope.0).map_or(0, |scope| scope.tasks.len());
            for task in 0..count {
                if let Some(state) = self.task_state_mut(scope, task) {
                    state.parked.clear();
                    if matches!(state.phase, TaskPhase::Skipping | TaskPhase::Expanding) {
                        self.todo.push_back(Todo::Task(scope, task));
                    }
                }
            }
        }
        for index in (0..self.nodes.len()).map(NodeIndex) {
            let untouched = self.untouched.contains(&index);
            self.resume_node(index, confirmed || untouched);
        }
        self.untouched.clear();
    }

    fn resume_node(&mut self, index: NodeIndex, confirmed: bool) {
        let in_doubt = self.has_open_tool(index);
        let repeatable = |info: &TaskInfo| info.idempotent || (info.repeatable && !in_doubt);
        let repeatable = confirmed || self.info(index).is_some_and(repeatable);
        let Some((phase, stopped)) = self.nodes.get(index.0).map(|n| (n.phase, n.stopped.is_some())) else {
            return;
        };
        match phase {
            NodePhase::Running => {
                self.release(index);
                self.forget_open_calls(index);
                if stopped {
                    self.set_phase(index, NodePhase::Ready);
                    self.todo.push_back(Todo::Cancel(index));
                } else if repeatable {
                    self.start_again(index);
                } else {
                    self.set_phase(index, NodePhase::InDoubt);
                }
            }
            NodePhase::Checking | NodePhase::Ready | NodePhase::Waiting(_) | NodePhase::InDoubt
                if stopped =>
            {
                self.todo.push_back(Todo::Cancel(index));
            }
            NodePhase::InDoubt if confirmed => self.start_again(index),
            NodePhase::Ready => self.make_ready(index),
            // Not once its time has come: what is in doubt follows from events, and not from when `next` was asked.
            NodePhase::Waiting(at) if self.is_doubtful(index) => {
                self.timers.remove(&(at, index));
                self.make_ready(index);
            }
            NodePhase::Asked if stopped => self.todo.push_back(Todo::Kill(index)),
            NodePhase::Checking | NodePhase::Leaving | NodePhase::Answered => {
                // A verifier of what parts made together may have asked a model.
                self.forget_open_calls(index);
                self.todo.push_back(Todo::Node(index));
            }
            NodePhase::Waiting(_)
            | NodePhase::Asked
            | NodePhase::Inside
            | NodePhase::InDoubt
            | NodePhase::Ended(_) => {}
        }
    }

    /// Puts a node whose attempt was lost back; the attempt keeps its number and its finished calls
    /// and commands.
    fn start_again(&mut self, index: NodeIndex) {
        self.forget_open_tools(index);
        if let Some(node) = self.nodes.get_mut(index.0) {
            node.attempts = node.attempts.saturating_sub(1);
        }
        self.make_ready(index);
    }
}
