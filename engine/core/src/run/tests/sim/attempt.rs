//! What the attempts of nodes do in the world of a simulation, from their beginning to their end.

use super::*;

impl Sim {
    /// What an attempt will do.
    pub(super) fn begin(&mut self, node: NodeIndex, attempt: u32) {
        let id = self.id(node);
        match self.task(node).kind {
            Kind::Uses(_) => {
                let latency = self.world.latency("enter", id.as_str());
                self.later_of(node, latency, Due::Enter(node));
            }
            Kind::Approve(_) => {
                let latency = self.world.latency("ask", id.as_str());
                self.later_of(node, latency, Due::Ask(node));
            }
            _ => {
                let writes = self.writes(node);
                if writes.is_empty() {
                    self.work(node, attempt);
                } else {
                    self.record(Event::WritesAsked {
                        node: id,
                        attempt,
                        writes,
                    });
                }
            }
        }
    }

    /// An attempt has its turn: it keeps what is there, and goes on.
    pub(super) fn write(&mut self, node: NodeIndex) {
        let entry = self.state.node(node).unwrap();
        let attempt = entry.attempts;
        if entry.stopped.is_some() {
            // Its end is due already.
            return;
        }
        self.record(Event::WritesKept {
            node: self.id(node),
            attempt,
            kept: format!("{} {attempt}", node.0),
        });
        self.work(node, attempt);
    }

    pub(super) fn work(&mut self, node: NodeIndex, attempt: u32) {
        let id = self.id(node);
        if self.state.node(node).unwrap().split.is_some() {
            let latency = self.world.latency("split", id.as_str());
            self.later_of(node, latency, Due::Split(node));
            return;
        }
        let Ending {
            outcome,
            millis,
            calls,
        } = self.world.ending(id.as_str(), attempt);
        // Calls that have ended are not made again.
        let made = u32::try_from(self.state.node(node).unwrap().calls.len()).unwrap();
        let step = millis / u64::from(calls.max(1));
        for call in made + 1..=calls {
            let passed = u64::from(call - made);
            self.later_of(node, step * (passed - 1), Due::CallStart(node, call));
            self.later_of(node, step * passed, Due::CallEnd(node, call));
        }
        self.later_of(node, millis, Due::End(node, outcome));
    }

    pub(super) fn happen(&mut self, due: Due) {
        match due {
            Due::Expand(scope, task) => self.expand(scope, task),
            Due::Check(node) => self.check(node),
            Due::Enter(node) => self.enter(node),
            Due::Leave(node) if self.state.node(node).unwrap().goes_on_within() => self.join(node),
            Due::Split(node) => self.split(node),
            Due::Leave(node) => {
                let stopped = self.state.node(node).unwrap().stopped.is_some();
                let inside = self.state.node(node).unwrap().inside.unwrap();
                let outcome = match self.state.scope_status(inside) {
                    _ if stopped => Err(FailureClass::Cancelled),
                    RunStatus::Success => Ok(Json::Object(Map::new())),
                    RunStatus::OverBudget => Err(FailureClass::OverBudget),
                    RunStatus::NoModel => Err(FailureClass::NoModel),
                    _ => Err(FailureClass::UsedWorkflowFailed),
                };
                self.end(node, outcome);
            }
            Due::Ask(node) => {
                let id = self.id(node);
                self.record(Event::ApprovalAsked {
                    node: id,
                    message: "?".to_owned(),
                    diff: None,
                });
                self.answer_later(node);
            }
            Due::Answer(node, approved) => {
                let id = self.id(node);
                self.record(Event::ApprovalAnswered {
                    node: id,
                    approved,
                    comment: String::new(),
                });
            }
            Due::CallStart(node, call) => {
                let attempt = self.state.node(node).unwrap().attempts;
                let id = self.id(node);
                self.record(Event::CallStarted {
                    node: id,
                    attempt,
                    call,
                    profile: "p".to_owned(),
                    digest: format!("{call}"),
                    counting: crate::tokens::Calibration::default(),
                    reserve: RESERVE,
                    sent: None,
                });
            }
            Due::CallEnd(node, call) => {
                let attempt = self.state.node(node).unwrap().attempts;
                let id = self.id(node);
                self.record(Event::CallFinished {
                    node: id,
                    attempt,
                    call,
                    reply: Some(Stored::null()),
                    usage: USAGE,
                    failure: None,
                });
            }
            Due::End(node, Ok(_)) if self.plans(node) => self.plan(node),
            Due::End(node, outcome) => self.end(node, outcome),
            Due::Signal(event) => self.record(*event),
        }
    }

    pub(super) fn end(&mut self, index: NodeIndex, outcome: Result<Json, FailureClass>) {
        self.of_node.remove(&index);
        let node = self.state.node(index).unwrap();
        let (node, attempt) = (node.id.clone(), node.attempts);
        let (outcome, decision) = match outcome {
            Ok(value) => (Outcome::Success(TaskResult::value(value)), Decision::Done),
            Err(class) => {
                let policy = self.state.info(index).unwrap().policy();
                let (told, answer) = self.world.told(class, node.as_str(), attempt);
                let mut failure = Failure::new(class, told);
                failure.answer = answer;
                if policy.split.is_some() {
                    let parts = self.world.parts(node.as_str());
                    failure.work = Some(Box::new(work(parts, self.state.node(index).unwrap().depth)));
                }
                let failure = self.state.cause(index, failure);
                let past = self.state.past(index, &failure).unwrap();
                let decision = decide(policy, past, self.now, self.state.seed(), &node);
                (Outcome::Failure(failure), decision)
            }
        };
        self.record(Event::AttemptFinished {
            node,
            attempt,
            outcome,
            decision,
        });
    }

    /// Whether an attempt has made a plan, and not done it yet.
    pub(super) fn plans(&self, node: NodeIndex) -> bool {
        matches!(self.task(node).kind, Kind::Plan(_)) && !self.state.node(node).unwrap().goes_on_within()
    }

    /// The tasks of a plan begin.
    pub(super) fn plan(&mut self, index: NodeIndex) {
        let node = self.state.node(index).unwrap();
        let (node, attempt) = (node.id.clone(), node.attempts);
        self.of_node.remove(&index);
        self.record(Event::PlanAccepted {
            node,
            attempt,
            tasks: vec!["x".to_owned(), "y".to_owned(), "z".to_owned()],
            workflow: PLAN.to_owned(),
        });
    }

    /// A node's attempt goes on in its parts.
    pub(super) fn split(&mut self, index: NodeIndex) {
        let node = self.state.node(index).unwrap();
        let cut = node.split.as_ref().unwrap().cut.clone();
        let (node, attempt) = (node.id.clone(), node.attempts);
        self.of_node.remove(&index);
        self.record(Event::NodeSplit {
            node,
            attempt,
            by: cut.by,
            parts: cut.parts,
        });
    }

    /// What parts made together is verified; what is refused is put back, which takes a while.
    pub(super) fn join(&mut self, index: NodeIndex) {
        let node = self.state.node(index).unwrap();
        let (id, attempt) = (node.id.clone(), node.attempts);
        let refused = node.refused.as_ref().map(|failure| failure.class);
        let failed = if node.inside.is_some() {
            self.state.failed_plan(index)
        } else {
            self.state.failed_part(index)
        };
        if node.stopped.is_some() {
            self.end(index, Err(FailureClass::Cancelled));
        } else if let Some(failure) = failed {
            self.end(index, Err(failure.class));
        } else if let Some(class) = refused {
            self.end(index, Err(class));
        } else {
            let outcome = self.world.ending(id.as_str(), attempt).outcome;
            let Err(class) = outcome else {
                return self.end(index, outcome);
            };
            self.record(Event::PartsRefused {
                node: id,
                attempt,
                failure: Failure::new(class, "together they are wrong"),
            });
            self.later_of(index, 2, Due::End(index, Err(class)));
        }
    }
}
