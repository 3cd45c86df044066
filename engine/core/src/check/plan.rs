//! Plans: of kinds that a model may propose, of a number that it can name, and with commands where they may run any.

use super::Checker;
use crate::diagnostic::{Code, listed};
use crate::proposal::{DEFAULT_MAX_TASKS, MOST_TASKS, PLANNABLE};
use crate::spec::{Kind, KindName};

pub(super) fn check(checker: &mut Checker<'_>) {
    let module = checker.module;
    let runs = !module.loaded.workflow.permissions.run.is_empty();
    for (name, task) in &module.loaded.workflow.tasks.read {
        let Kind::Plan(plan) = &task.kind else { continue };
        let mut problem = |code: Code, message: String, help: &str| {
            checker.report(code, task.kind_span, message, |diagnostic| diagnostic.help(help));
        };
        if !(1..=MOST_TASKS).contains(&plan.keys.max_tasks.unwrap_or(DEFAULT_MAX_TASKS)) {
            problem(
                Code::BAD_VALUE,
                format!("`max_tasks` of `{name}` is not between 1 and {MOST_TASKS}"),
                "a plan is one answer of a model: for more, write several tasks",
            );
        }
        let kinds = &plan.keys.kinds;
        if let Some(kind) = kinds.iter().find(|kind| !PLANNABLE.contains(kind)) {
            let words: Vec<&str> = PLANNABLE.iter().map(|kind| kind.as_str()).collect();
            problem(
                Code::BAD_VALUE,
                format!(
                    "the plan of `{name}` may not have tasks of the kind `{}`",
                    kind.as_str()
                ),
                &format!("a model may propose {}", listed(&words)),
            );
        }
        if kinds.contains(&KindName::Run) && !runs {
            problem(
                Code::NOT_PERMITTED,
                format!("the plan of `{name}` may have commands, and the workflow allows none"),
                "allow some: `permissions: { run: [\"npm test\"] }`",
            );
        }
    }
}
