//! `uses`: what is given to a used workflow is what it takes.

use super::Checker;
use crate::diagnostic::{Code, closest};
use crate::spec::{Kind, Name};

pub(super) fn check(checker: &mut Checker<'_>) {
    let module = checker.module;
    for (index, (name, task)) in module.loaded.workflow.tasks.read.iter().enumerate() {
        let Kind::Uses(uses) = &task.kind else { continue };
        let Some(inner) = module.uses.get(&index) else {
            continue;
        };
        let loaded = &checker.bundle.module(*inner).loaded;
        let inputs = &loaded.workflow.inputs;
        for (given, value) in &uses.beside.with {
            match inputs.get(given) {
                None if loaded.broken_inputs.iter().any(|broken| broken == given.as_str()) => {}
                None => {
                    let near = closest(given.as_str(), inputs.keys().map(Name::as_str));
                    checker.report(
                        Code::BAD_USE,
                        given.span(),
                        format!("the workflow that `{name}` uses has no input `{given}`"),
                        |diagnostic| diagnostic.did_you_mean(near),
                    );
                }
                Some(input) => {
                    if let Some(Err(mismatch)) = value.constant().map(|value| input.check(&value)) {
                        checker.report(
                            Code::BAD_USE,
                            given.span(),
                            format!("`{given}`: {mismatch}"),
                            |diagnostic| diagnostic,
                        );
                    }
                }
            }
        }
        for (wanted, input) in inputs {
            if input.default.is_none() && !uses.beside.with.contains_key(wanted) {
                checker.report(
                    Code::BAD_USE,
                    uses.span,
                    format!("`{name}` does not give the input `{wanted}`, which has no default"),
                    |diagnostic| {
                        diagnostic.help(format!("add `with: {{ {wanted}: … }}`: {}", input.wanted()))
                    },
                );
            }
        }
    }
}
