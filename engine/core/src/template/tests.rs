//! Tests of templates, through the public interface.

use std::sync::{Arc, Mutex};

use serde_json::{Map, json};

use super::*;

mod compile;
mod hostile;
mod render;

/// A scope over JSON, with lazily found tasks and a record of what was asked.
struct World {
    variables: serde_json::Value,
    asked: Mutex<Vec<String>>,
}

struct Task(serde_json::Value);

impl Fields for Task {
    fn field(&self, name: &str) -> Option<Variable> {
        let value = self.0.get(name)?.clone();
        Some(if value.is_object() {
            Variable::Fields(Arc::new(Task(value)))
        } else {
            Variable::Value(Value::from_json(value))
        })
    }

    fn names(&self) -> Vec<String> {
        self.0
            .as_object()
            .map(|fields| fields.keys().cloned().collect())
            .unwrap_or_default()
    }
}

impl Scope for World {
    fn variable(&self, name: &str) -> Option<Variable> {
        self.asked.lock().unwrap().push(name.to_owned());
        let value = self.variables.get(name)?.clone();
        Some(match name {
            "tasks" => Variable::Fields(Arc::new(Task(value))),
            _ => Variable::Value(Value::from_json(value)),
        })
    }

    fn call(
        &self,
        function: &str,
        arguments: &[serde_json::Value],
        keywords: &Map<String, serde_json::Value>,
    ) -> Result<serde_json::Value, String> {
        match function {
            "success" | "always" => Ok(json!(true)),
            "failure" | "cancelled" => Ok(json!(false)),
            "glob" => Ok(json!(["a.rs", "b.rs"])),
            "read" if arguments.first() == Some(&json!("missing")) => {
                Err("`missing` cannot be read".to_owned())
            }
            _ => Ok(json!(format!(
                "{function}{}{}",
                json!(arguments),
                json!(keywords)
            ))),
        }
    }
}

fn scope(variables: serde_json::Value) -> Arc<dyn Scope> {
    Arc::new(World {
        variables,
        asked: Mutex::default(),
    })
}

fn world() -> Arc<dyn Scope> {
    scope(json!({
        "inputs": { "name": "rest", "n": 7, "f": 1.5, "yes": true, "nothing": null, "list": [1, "b", true],
                    "text": "one\ntwo\n", "hostile": "{{ 7*7 }}", "object": { "a": { "b": "c" } },
                    "json": "{\"k\": [1, 2]}", "path": "src/lib/a.rs", "tag-name": "dash" },
        "tasks": {
            "build": { "output": { "dir": "out", "files": ["x", "y"] }, "status": "success" },
            "none": { "status": "skipped" },
        },
        "item": { "deep": null },
    }))
}

fn text(source: &str) -> Result<String, TemplateError> {
    Template::compile(source, Mode::Text)?.text(&world())
}

fn value(source: &str) -> Result<serde_json::Value, TemplateError> {
    Ok(Template::compile(source, Mode::Expression)?
        .value(&world())?
        .to_json()
        .unwrap())
}

fn error(source: &str) -> TemplateError {
    text(source).expect_err(source)
}
