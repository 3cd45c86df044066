//! State to actions: what each open thing asks for, which ready nodes start, and how a session ends.

use std::collections::HashMap;

use super::attempt::under_way;
use super::{State, Subject, Todo};
use crate::run::node::TaskPhase;
use crate::run::{Action, Node, NodePhase, RunStatus, ScopeIndex, Status, TaskInfo, Timestamp};
use crate::spec::KindName;

impl State {
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some((at, index)) = self.timers.first().copied() {
            if at > now || self.stopping > 0 {
                break;
            }
            self.timers.remove(&(at, index));
            if self
                .nodes
                .get(index.0)
                .is_some_and(|node| node.phase == NodePhase::Waiting(at))
            {
                self.make_ready(index);
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is to be done is done once")]
    pub(super) fn act_on(&mut self, todo: Todo, actions: &mut Vec<Action>) {
        match todo {
            Todo::Task(scope, task) => {
                let Some(info) = self.task_info(scope, task) else {
                    return;
                };
                let cancelled = self
                    .scopes
                    .get(scope.0)
                    .and_then(|scope| scope.cancelled.as_ref());
                let because = match (cancelled, self.blocking_need(scope, info)) {
                    (Some(because), _) => because.to_string(),
                    (None, Some((need, status))) => self.because(scope, need, status),
                    (None, None) => String::new(),
                };
                let action = match self.task_state(scope, task).map(|state| state.phase) {
                    Some(TaskPhase::Skipping) => Action::Skip { scope, task, because },
                    Some(TaskPhase::Expanding) if self.stopping == 0 => Action::Expand { scope, task },
                    Some(
                        TaskPhase::Waiting | TaskPhase::Expanding | TaskPhase::Active | TaskPhase::Ended,
                    )
                    | None => return,
                };
                if self.announced.insert(Subject::Task(scope, task)) {
                    actions.push(action);
                }
            }
            Todo::Node(index) => {
                let Some(node) = self.nodes.get(index.0) else {
                    return;
                };
                let action = match node.phase {
                    NodePhase::Checking if self.stopping == 0 && node.stopped.is_none() => {
                        Action::Check(index)
                    }
                    NodePhase::Leaving => Action::Leave(index),
                    NodePhase::Answered => Action::Settle(index),
                    NodePhase::Checking
                    | NodePhase::Ready
                    | NodePhase::Running
                    | NodePhase::Waiting(_)
                    | NodePhase::Asked
                    | NodePhase::Inside
                    | NodePhase::InDoubt
                    | NodePhase::Ended(_) => return,
                };
                if self.announced.insert(Subject::Node(index)) {
                    actions.push(action);
                }
            }
            Todo::Turn(index) => {
                if self.has_turn(index) {
                    actions.push(Action::Turn(index));
                }
            }
            Todo::Cancel(index) => {
                if let Some(node) = self.nodes.get(index.0)
                    && let Some(because) = &node.stopped
                    && !under_way(node.phase)
                    && !matches!(node.phase, NodePhase::Ended(_))
                {
                    actions.push(match self.over_budget(index) {
                        Some(failure) => Action::Refuse { node: index, failure },
                        None => Action::Cancel {
                            node: index,
                            because: because.to_string(),
                        },
                    });
                }
            }
            Todo::Kill(index) => {
                let phase = self.nodes.get(index.0).map(|node| node.phase);
                // A gate that asks is no work under way: what keeps the session open is that this was given.
                let asked = phase == Some(NodePhase::Asked) && self.announced.insert(Subject::Node(index));
                let verified = phase == Some(NodePhase::Leaving) && self.is_within_itself(index);
                if asked || verified || phase == Some(NodePhase::Running) {
                    actions.push(Action::Kill(index));
                }
            }
        }
    }

    /// Starts what can start. The caller applies `AttemptStarted` for each before it asks again.
    pub(super) fn start_ready(&mut self, actions: &mut Vec<Action>) {
        let mut free = self.jobs.saturating_sub(self.slots);
        let mut starting: HashMap<(ScopeIndex, usize), u64> = HashMap::new();
        let mut kept = Vec::new();
        for place in &self.ready {
            let (takes_slot, _, index) = place;
            let (Some(info), Some(node)) = (self.info(*index), self.nodes.get(index.0)) else {
                continue;
            };
            if *takes_slot {
                if free == 0 {
                    break;
                }
                free -= 1;
            }
            // Parts count as the one that they are of.
            if let Some(max) = info.max_parallel.filter(|_| node.whole.is_none()) {
                let running = self
                    .task_state(node.scope, node.task)
                    .map_or(0, |state| state.running);
                let starting = starting.entry((node.scope, node.task)).or_default();
                if running + *starting >= max {
                    free += usize::from(*takes_slot);
                    kept.push((*place, None));
                    continue;
                }
                *starting += 1;
            }
            kept.push((*place, Some(node.attempts + 1)));
        }
        for (place, attempt) in kept {
            let (_, _, index) = place;
            self.ready.remove(&place);
            if let Some(attempt) = attempt {
                actions.push(Action::Start { node: index, attempt });
            } else if let Some((scope, task)) = self.nodes.get(index.0).map(|node| (node.scope, node.task))
                && let Some(state) = self.task_state_mut(scope, task)
            {
                state.parked.insert(index);
            }
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let timers = self.stopping == 0 && !self.timers.is_empty();
        !timers && self.under_way == 0 && self.announced.is_empty()
    }

    /// How the session ends, now that nothing in it can go on.
    pub(super) fn ending(&self) -> Option<Action> {
        let root = self.scopes.first()?;
        if root.open == 0 {
            let status = self.scope_status(ScopeIndex(0));
            let message = match (&self.capped, status) {
                (Some(cap), RunStatus::OverBudget) => cap.clone(),
                _ => String::new(),
            };
            return Some(Action::Finish { status, message });
        }
        if self.stopping > 0 {
            return Some(Action::Finish {
                status: RunStatus::Interrupted,
                message: String::new(),
            });
        }
        let message = self
            .waiting_for_human()
            .map(|node| waits_for(node, self.info_of(node)))
            .collect::<Vec<_>>();
        Some(Action::Finish {
            status: RunStatus::Waiting,
            message: message.join("; "),
        })
    }

    fn because(&self, scope: ScopeIndex, need: usize, status: Status) -> String {
        let name = self
            .scopes
            .get(scope.0)
            .and_then(|scope| self.program.task(scope.module, need))
            .map_or("a need", |info| &*info.name);
        match status {
            Status::Failure => format!("`{name}` failed"),
            Status::Cancelled => format!("`{name}` was cancelled"),
            Status::Skipped => format!("`{name}` was skipped"),
            Status::Success => format!("`{name}` ended"),
        }
    }
}

fn waits_for(node: &Node, info: Option<&TaskInfo>) -> String {
    let id = &node.id;
    if node.phase == NodePhase::InDoubt {
        let kind = info.map_or("the command", |info| match info.kind {
            KindName::Agent => "a command",
            _ if info.repeatable => "the attempt",
            _ => "the command",
        });
        format!("{kind} of `{id}` was in flight when the run stopped: `--yes` runs it again")
    } else {
        format!("`{id}` waits for an answer: `--approve {id}` or `--reject {id}`")
    }
}
