//! Rules across tasks and files, one file each. What a single key may hold is [`spec`](crate::spec)'s business.
//!
//! What these accept can't fail at run time for a reason that the files show.

mod agent;
mod needs;
mod permissions;
mod plan;
mod references;
mod runnable;
#[cfg(test)]
mod tests;
mod uses;
mod writes;

pub use needs::graph;
pub use permissions::{may_read, uncovered};
pub use runnable::not_runnable;
#[cfg(test)]
pub(crate) use tests::load_files;
pub(crate) use writes::{Write, clashes};
pub use writes::{all_below, below, declared as declared_writes, not_to_write};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::load::{Bundle, Module};

/// Applies every rule to every workflow of a bundle.
pub fn bundle(bundle: &Bundle, problems: &mut Diagnostics) {
    for module in &bundle.modules {
        let mut checker = Checker {
            module,
            bundle,
            problems,
        };
        let used = references::check(&mut checker);
        unused_inputs(&mut checker, &used);
        writes::check(&mut checker);
        permissions::check(&mut checker);
        agent::check(&mut checker);
        plan::check(&mut checker);
        uses::check(&mut checker);
        limits(&mut checker);
    }
}

/// What the rules need.
struct Checker<'a> {
    module: &'a Module,
    bundle: &'a Bundle,
    problems: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn report(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        finish: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let diagnostic = Diagnostic::new(code, self.module.loaded.source, span, message);
        self.problems.push(finish(diagnostic));
    }
}

fn unused_inputs(checker: &mut Checker<'_>, used: &std::collections::HashSet<String>) {
    let loaded = &checker.module.loaded;
    let told = |code| checker.problems.has(code, loaded.source);
    if !loaded.workflow.tasks.broken.is_empty() || told(Code::BAD_EXPRESSION) || told(Code::BAD_NAME) {
        // What could not be read may use them.
        return;
    }
    for name in checker.module.loaded.workflow.inputs.keys() {
        if !used.contains(name.as_str()) {
            checker.report(
                Code::UNUSED_INPUT,
                name.span(),
                format!("nothing uses the input `{name}`"),
                |diagnostic| {
                    diagnostic.help(format!(
                        "use it as `{{{{ {} }}}}`, or remove it",
                        references::field("inputs", name.as_str())
                    ))
                },
            );
        }
    }
}

/// Bounds of numbers that only make sense together.
fn limits(checker: &mut Checker<'_>) {
    for (name, task) in &checker.module.loaded.workflow.tasks.read {
        let common = &task.common;
        let fans = common.foreach.is_some() || common.matrix.is_some();
        let mut problem = |message: String, help: &str| {
            checker.report(Code::BAD_VALUE, name.span(), message, |diagnostic| {
                diagnostic.help(help)
            });
        };
        if common.foreach.is_some() && common.matrix.is_some() {
            problem(
                format!("`{name}` has both `foreach` and `matrix`"),
                "make the list an axis of the matrix: `matrix: { item: [...] }`",
            );
        }
        if common.max_items.is_some_and(|max| max > crate::spec::MAX_ITEMS) {
            problem(
                format!("`max_items` of `{name}` is over {}", crate::spec::MAX_ITEMS),
                "split the work into several tasks",
            );
        }
        if common.max_items == Some(0) {
            problem(
                format!("`max_items: 0` would refuse every item of `{name}`"),
                "write 1 or more",
            );
        }
        if common.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            problem(
                format!("no attempt of `{name}` can end within a `timeout` of nothing"),
                "write a longer one, or leave it out for none",
            );
        }
        if common.max_parallel == Some(0) {
            problem(
                format!("`max_parallel: 0` would never start a node of `{name}`"),
                "write 1 or more",
            );
        }
        if !fans {
            for (key, there) in [
                ("max_items", common.max_items.is_some()),
                ("max_parallel", common.max_parallel.is_some()),
                ("fail_fast", common.fail_fast),
            ] {
                if there {
                    checker.report(
                        Code::NO_EFFECT,
                        name.span(),
                        format!("`{key}` has no effect on `{name}`, which is a single node"),
                        |diagnostic| diagnostic.help("it goes with `foreach` or `matrix`"),
                    );
                }
            }
        }
    }
}
