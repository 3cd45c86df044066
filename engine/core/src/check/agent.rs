//! Agents: their tools are allowed by the workflow, and their calls are few enough to be meant.

use super::Checker;
use crate::diagnostic::Code;
use crate::spec::{Kind, ToolName};

/// The most calls that one attempt may have: more have no goal that one conversation reaches, and the bounds of a plan
/// would mean nothing.
const MAX_CALLS: u64 = 1000;

pub(super) fn check(checker: &mut Checker<'_>) {
    let module = checker.module;
    let runs = !module.loaded.workflow.permissions.run.is_empty();
    for (name, task) in &module.loaded.workflow.tasks.read {
        let Kind::Agent(agent) = &task.kind else { continue };
        if agent
            .keys
            .max_calls
            .is_some_and(|calls| calls == 0 || calls > MAX_CALLS)
        {
            checker.report(
                Code::BAD_VALUE,
                task.kind_span,
                format!("`max_calls` of `{name}` is not between 1 and {MAX_CALLS}"),
                |diagnostic| diagnostic.help("give the model fewer calls, or more tasks"),
            );
        }
        let named = &agent.keys.tools;
        let writes = |tool: &&ToolName| {
            matches!(
                tool,
                ToolName::Patch | ToolName::WriteFile | ToolName::BoneCompile
            )
        };
        if let Some(tool) = named.iter().find(writes)
            && task.common.writes.is_empty()
        {
            checker.report(
                Code::NOT_PERMITTED,
                task.kind_span,
                format!(
                    "`{name}` has the tool `{}`, and does not say what it writes",
                    tool.as_str()
                ),
                |diagnostic| diagnostic.help("say it beside `agent`: `writes: [\"src/**\"]`"),
            );
        }
        if named.contains(&ToolName::RunCommand) && !runs {
            checker.report(
                Code::NOT_PERMITTED,
                task.kind_span,
                format!("`{name}` has the tool `run_command`, and the workflow allows no command"),
                |diagnostic| diagnostic.help("allow some: `permissions: { run: [\"npm test\"] }`"),
            );
        }
    }
}
