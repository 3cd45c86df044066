//! How the tasks that another needs ended: what `success()`, `failure()` and `cancelled()` answer.

use std::collections::HashSet;

use super::{Program, ScopeIndex, State, Status};
use crate::scope::NeedsStatus;

/// The answers for one task, all of whose needs have ended.
///
/// `success()` looks at the needs themselves, a failure with `continue` counting as success; `failure()` and
/// `cancelled()` look at everything behind them as well.
pub fn needs_status(program: &Program, state: &State, scope: ScopeIndex, task: usize) -> NeedsStatus {
    let mut answer = NeedsStatus {
        success: true,
        ..NeedsStatus::default()
    };
    let Some(module) = state.scope(scope).map(|scope| scope.module) else {
        return answer;
    };
    let Some(info) = program.task(module, task) else {
        return answer;
    };
    let status = |task: usize| state.task_outcome(scope, task).map(|outcome| outcome.status);
    for need in &info.needs {
        let goes_on = program.task(module, *need).is_some_and(|info| info.goes_on);
        answer.success &= match status(*need) {
            Some(Status::Success) => true,
            Some(Status::Failure) => goes_on,
            Some(Status::Cancelled | Status::Skipped) | None => false,
        };
    }
    if answer.success && info.waits_for_success {
        // Nothing behind a need that ended well is asked for: most tasks have no `failure()`.
        return answer;
    }
    let mut seen = HashSet::new();
    let mut stack = vec![task];
    while let Some(task) = stack.pop() {
        for need in program
            .task(module, task)
            .map(|info| info.needs.as_slice())
            .unwrap_or_default()
        {
            match status(*need) {
                Some(Status::Failure) => answer.failure = true,
                Some(Status::Cancelled) => answer.cancelled = true,
                Some(Status::Success | Status::Skipped) | None => {}
            }
            if seen.insert(*need) {
                stack.push(*need);
            }
        }
    }
    answer
}
