//! The expressions that decide about tasks and nodes, evaluated as the executor does.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::Sim;
use crate::check;
use crate::expand;
use crate::run::{Event, Failure, FailureClass, NodeIndex, ScopeIndex, Stored};
use crate::scope::{Item, Names};
use crate::spec::Kind;
use crate::template::Value;

impl Sim {
    pub(super) fn expand(&mut self, scope: ScopeIndex, task: usize) {
        let id = self.state.task_id(scope, task).unwrap();
        let names = self.names(scope, task, None).scope();
        match expand::items(self.common(scope, task), &names) {
            Ok(items) => self.record(Event::TaskExpanded {
                task: id,
                count: u64::try_from(items.len()).unwrap(),
                items: Stored::inline(Json::Array(items)),
            }),
            Err(failure) => self.record(Event::NodeRefused { node: id, failure }),
        }
    }

    pub(super) fn check(&mut self, index: NodeIndex) {
        let node = self.state.node(index).unwrap();
        let (id, scope, task, item) = (node.id.clone(), node.scope, node.task, node.item);
        let names = self.names(scope, task, Some(item)).scope();
        let condition = self.common(scope, task).condition.as_ref().unwrap();
        match condition.0.template.truth(&names) {
            Ok(holds) => self.record(Event::ConditionChecked { node: id, holds }),
            Err(error) => self.record(Event::NodeRefused {
                node: id,
                failure: Failure::new(FailureClass::Expression, error.message),
            }),
        }
    }

    /// What an attempt may write; nothing where that can't be evaluated.
    pub(super) fn writes(&mut self, index: NodeIndex) -> Vec<String> {
        // Nearly none: to put the names together for all of them would be quadratic in long runs.
        if check::declared_writes(self.task(index)).is_empty() {
            return Vec::new();
        }
        let node = self.state.node(index).unwrap();
        let (scope, task, item) = (node.scope, node.task, node.item);
        let names = self.names(scope, task, Some(item)).scope();
        let declared = check::declared_writes(self.task(index));
        let texts = declared.iter().filter_map(|text| expand::text(text, &names).ok());
        texts.collect()
    }

    pub(super) fn enter(&mut self, index: NodeIndex) {
        let node = self.state.node(index).unwrap();
        let (id, attempt) = (node.id.clone(), node.attempts);
        let (scope, task, item) = (node.scope, node.task, node.item);
        let names = self.names(scope, task, Some(item)).scope();
        let Kind::Uses(uses) = &self.task(index).kind else {
            panic!("{id} uses nothing");
        };
        let inputs: Result<Map<String, Json>, Failure> = uses
            .beside
            .with
            .iter()
            .map(|(name, data)| Ok((name.to_string(), expand::data(data, &names)?)))
            .collect();
        match inputs {
            Ok(inputs) => self.record(Event::ScopeEntered {
                node: id,
                attempt,
                inputs: Stored::inline(Json::Object(inputs)),
            }),
            Err(failure) => self.end(index, Err(failure.class)),
        }
    }

    fn names(&mut self, scope: ScopeIndex, task: usize, item: Option<usize>) -> Names {
        let state = self.state.scope(scope).unwrap();
        let infos = &self.state.program().modules[state.module.0];
        let inputs = self.inputs.entry(scope).or_insert_with(|| match &state.inputs {
            Some(Stored::Inline(inputs)) => Value::from_json((**inputs).clone()),
            _ => Value::from_json(Json::Object(self.world.inputs.clone())),
        });
        let tasks = infos.iter().enumerate().filter_map(|(other, info)| {
            let outcome = self.state.task_outcome(scope, other)?;
            Some((Arc::clone(&info.name), Arc::clone(outcome)))
        });
        let item = item.and_then(|index| {
            let Some(Stored::Inline(items)) = self.state.items(scope, task) else {
                return None;
            };
            Some(Item {
                value: Value::from_json(items.get(index)?.clone()),
                index,
                matrix: false,
            })
        });
        Names {
            tasks: tasks.collect(),
            needs: self.state.needs_status(scope, task),
            item,
            inputs: inputs.clone(),
            ..Names::of_inputs(&Map::new(), &Map::new())
        }
    }
}
