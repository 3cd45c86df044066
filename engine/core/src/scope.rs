//! What the names in an expression stand for: inputs, tasks that have ended, the item, and the rest.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use crate::run::{NodeOutcome, Status, Stored, TaskOutcome};
use crate::template::{self, Fields, Value, Variable};

/// What expressions need of the world.
pub trait Host: Send + Sync {
    /// The value behind a stored one.
    ///
    /// # Errors
    /// When its blob can't be read; the text says why.
    fn load(&self, stored: &Stored) -> Result<Value, String>;

    /// Answers a function that reads files: `read` and `glob`.
    ///
    /// # Errors
    /// When it can't; the text says why.
    fn call(&self, function: &str, arguments: &[Json], keywords: &Map<String, Json>) -> Result<Json, String>;
}

/// A host without files, for what is evaluated before a run: only inputs are known.
#[derive(Clone, Copy, Debug)]
pub struct NoHost;

impl Host for NoHost {
    fn load(&self, stored: &Stored) -> Result<Value, String> {
        match stored {
            Stored::Inline(value) => Ok(Value::from_json((**value).clone())),
            Stored::Json { .. } | Stored::Text { .. } => Err("it is not known yet".to_owned()),
        }
    }

    fn call(&self, function: &str, _: &[Json], _: &Map<String, Json>) -> Result<Json, String> {
        Err(format!("`{function}` is not known before the run"))
    }
}

/// How the tasks that another needs ended, for its `if`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeedsStatus {
    /// Every need ended well.
    pub success: bool,
    /// A task among them, directly or through others, failed.
    pub failure: bool,
    /// A task among them, directly or through others, was cancelled.
    pub cancelled: bool,
}

/// The names of one evaluation.
#[derive(Clone)]
pub struct Names {
    /// `inputs`.
    pub inputs: Value,
    /// `env`.
    pub env: Value,
    /// `run`.
    pub run: Value,
    /// `tasks`: those that may be named, with how they ended.
    pub tasks: Vec<(Arc<str>, Arc<TaskOutcome>)>,
    /// `item`, `index` and, in a matrix, `matrix`.
    pub item: Option<Item>,
    /// Names beside these.
    pub extra: Vec<(String, Value)>,
    /// What the status functions answer.
    pub needs: NeedsStatus,
    /// The world.
    pub host: Arc<dyn Host>,
    /// Why something could not be loaded: a better reason than that it is not defined.
    pub problem: Arc<Mutex<Option<String>>>,
}

/// One item of a `foreach` or `matrix`.
#[derive(Clone, Debug)]
pub struct Item {
    /// The item.
    pub value: Value,
    /// Its number, from 0.
    pub index: usize,
    /// Whether it is a combination of a matrix.
    pub matrix: bool,
}

impl Names {
    /// Names that hold inputs only.
    pub fn of_inputs(inputs: &Map<String, Json>, env: &Map<String, Json>) -> Self {
        Self {
            inputs: Value::from_json(Json::Object(inputs.clone())),
            env: Value::from_json(Json::Object(env.clone())),
            run: Value::from_json(Json::Object(Map::new())),
            tasks: Vec::new(),
            item: None,
            extra: Vec::new(),
            needs: NeedsStatus {
                success: true,
                ..NeedsStatus::default()
            },
            host: Arc::new(NoHost),
            problem: Arc::default(),
        }
    }

    /// As the scope of a template.
    pub fn scope(self) -> Arc<dyn template::Scope> {
        Arc::new(self)
    }
}

impl template::Scope for Names {
    fn variable(&self, name: &str) -> Option<Variable> {
        if let Some((_, value)) = self.extra.iter().find(|(extra, _)| extra == name) {
            return Some(Variable::Value(value.clone()));
        }
        match name {
            "inputs" => Some(Variable::Value(self.inputs.clone())),
            "env" => Some(Variable::Value(self.env.clone())),
            "run" => Some(Variable::Value(self.run.clone())),
            "tasks" => Some(Variable::Fields(Arc::new(Tasks(self.clone())))),
            "item" => self.item.as_ref().map(|item| Variable::Value(item.value.clone())),
            "index" => self
                .item
                .as_ref()
                .map(|item| Variable::Value(Value::from_json(item.index.into()))),
            "matrix" => self
                .item
                .as_ref()
                .filter(|item| item.matrix)
                .map(|item| Variable::Value(item.value.clone())),
            _ => None,
        }
    }

    fn call(&self, function: &str, arguments: &[Json], keywords: &Map<String, Json>) -> Result<Json, String> {
        match function {
            "success" => Ok(self.needs.success.into()),
            "failure" => Ok(self.needs.failure.into()),
            "cancelled" => Ok(self.needs.cancelled.into()),
            "always" => Ok(true.into()),
            _ => self.host.call(function, arguments, keywords),
        }
    }
}

struct Tasks(Names);

impl Fields for Tasks {
    fn field(&self, name: &str) -> Option<Variable> {
        let (_, outcome) = self.0.tasks.iter().find(|(task, _)| &**task == name)?;
        Some(Variable::Fields(Arc::new(Task {
            names: self.0.clone(),
            outcome: Arc::clone(outcome),
        })))
    }

    fn names(&self) -> Vec<String> {
        self.0.tasks.iter().map(|(name, _)| name.to_string()).collect()
    }
}

struct Task {
    names: Names,
    outcome: Arc<TaskOutcome>,
}

impl Task {
    fn load(&self, stored: &Stored) -> Option<Variable> {
        match self.names.host.load(stored) {
            Ok(value) => Some(Variable::Value(value)),
            Err(reason) => {
                *self.names.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                None
            }
        }
    }

    fn part(&self, node: &NodeOutcome, name: &str) -> Option<Variable> {
        let json = |value: Json| Some(Variable::Value(Value::from_json(value)));
        let result = node.result.as_ref();
        let failure = node.failure.as_ref();
        match name {
            "status" => json(node.status.as_str().into()),
            "output" => self.load(&result?.output),
            "stdout" => {
                let stdout = result.map(|result| result.stdout.as_ref().unwrap_or(&result.output));
                self.load(stdout.or(failure.and_then(|failure| failure.stdout.as_ref()))?)
            }
            "stderr" => {
                let stderr = result
                    .and_then(|r| r.stderr.as_ref())
                    .or(failure.and_then(|f| f.stderr.as_ref()));
                match stderr {
                    Some(stderr) => self.load(stderr),
                    None if result.is_some() || failure.is_some() => json("".into()),
                    None => None,
                }
            }
            "exit_code" => {
                let code = result
                    .and_then(|r| r.exit_code)
                    .or(failure.and_then(|f| f.exit_code));
                // A command that ended well ended with 0: the journal does not repeat it.
                json(code.or(result.map(|_| 0))?.into())
            }
            _ => None,
        }
    }

    fn list(&self, part: impl Fn(&NodeOutcome) -> Option<Json>) -> Json {
        Json::Array(
            self.outcome
                .nodes
                .iter()
                .map(|node| part(node).unwrap_or(Json::Null))
                .collect(),
        )
    }

    fn json(&self, node: &NodeOutcome, name: &str) -> Option<Json> {
        match self.part(node, name)? {
            Variable::Value(value) => value.to_json().ok(),
            Variable::Fields(_) => None,
        }
    }
}

impl Fields for Task {
    fn field(&self, name: &str) -> Option<Variable> {
        let json = |value: Json| Some(Variable::Value(Value::from_json(value)));
        match name {
            "status" => json(self.outcome.status.as_str().into()),
            "nodes" => json(self.list(|node| {
                let parts = ["status", "output", "stdout", "stderr", "exit_code"];
                let parts = parts
                    .iter()
                    .filter_map(|part| Some(((*part).to_owned(), self.json(node, part)?)));
                Some(Json::Object(parts.collect()))
            })),
            "output" if self.outcome.fans => match self.outcome.status {
                Status::Skipped => None,
                Status::Success | Status::Failure | Status::Cancelled => {
                    json(self.list(|node| self.json(node, "output")))
                }
            },
            _ if self.outcome.fans => None,
            _ => self.part(self.outcome.nodes.first()?, name),
        }
    }

    fn names(&self) -> Vec<String> {
        ["status", "output", "nodes", "stdout", "stderr", "exit_code"]
            .iter()
            .map(|name| (*name).to_owned())
            .collect()
    }
}
