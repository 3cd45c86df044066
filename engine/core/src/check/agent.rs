//! Agents: their tools are allowed by the workflow, and their calls are few enough to be meant; servers of tools are
//! there, allowed and used.

use super::Checker;
use crate::diagnostic::{Code, closest};
use crate::spec::{Kind, McpServer, Name, ToolName};
use crate::tool::command::allows;

/// The most calls that one attempt may have: more have no goal that one conversation reaches, and the bounds of a plan
/// would mean nothing.
const MAX_CALLS: u64 = 1000;

/// The most servers of one agent: what all of them list is brought down to what a small model can be told.
const MAX_SERVERS: usize = 8;

pub(super) fn check(checker: &mut Checker<'_>) {
    agents(checker);
    for (name, server) in &checker.module.loaded.workflow.mcp {
        self::server(checker, name, server);
    }
}

fn agents(checker: &mut Checker<'_>) {
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
        if agent.keys.mcp.len() > MAX_SERVERS {
            checker.report(
                Code::BAD_VALUE,
                task.kind_span,
                format!("`{name}` has more than {MAX_SERVERS} servers of tools"),
                |diagnostic| diagnostic.help("give each agent those that its goal needs"),
            );
        }
        let servers = &module.loaded.workflow.mcp;
        for server in agent.keys.mcp.iter() {
            if !servers.contains_key(server.text.as_str()) {
                let close = closest(&server.text, servers.keys().map(Name::as_str));
                checker.report(
                    Code::UNKNOWN_REFERENCE,
                    server.span,
                    format!("`mcp` has no server `{}`", server.text),
                    |diagnostic| match close {
                        Some(close) => diagnostic.did_you_mean(Some(close)),
                        None => diagnostic.help(format!(
                            "say at the top what starts it: `mcp: {{ {}: {{ command: docs-server --stdio }} }}`",
                            server.text
                        )),
                    },
                );
            }
        }
    }
}

/// A server of tools: its command is one that the workflow allows, and some agent uses it.
fn server(checker: &mut Checker<'_>, name: &Name, server: &McpServer) {
    let workflow = &checker.module.loaded.workflow;
    let command = &server.command;
    let used = workflow.tasks.read.values().any(|task| match &task.kind {
        Kind::Agent(agent) => agent.keys.mcp.iter().any(|named| named.text == name.as_str()),
        _ => false,
    });
    if !used && workflow.tasks.broken.is_empty() {
        checker.report(
            Code::NO_EFFECT,
            name.span(),
            format!("no agent uses the server `{name}`"),
            |diagnostic| diagnostic.help(format!("give it to one: `agent: {{ goal: …, mcp: {name} }}`")),
        );
    }
    if server.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        checker.report(
            Code::BAD_VALUE,
            name.span(),
            format!("no call of the server `{name}` can end within a `timeout` of nothing"),
            |diagnostic| diagnostic.help("write a longer one, or leave it out for 60 s"),
        );
    }
    let words = match server.words() {
        Ok(words) => words,
        Err(error) => {
            checker.report(
                Code::BAD_VALUE,
                command.span,
                format!("the server `{name}` can't be started: {error}"),
                |diagnostic| diagnostic.help("write a program and its arguments: `docs-server --stdio`"),
            );
            return;
        }
    };
    // What a pattern with an expression allows is known at run time.
    let allowed = |pattern: &crate::spec::Text| {
        !pattern.template.is_literal() || allows(pattern.template.source(), &words)
    };
    let root = &checker.bundle.root().loaded.workflow;
    // A used workflow may not do what its caller does not allow.
    let of_both = [("", workflow), (" by the workflow that uses this one", root)];
    let denied = of_both
        .into_iter()
        .find(|(_, workflow)| !workflow.permissions.run.iter().any(allowed));
    if let Some((by, _)) = denied {
        checker.report(
            Code::NOT_PERMITTED,
            command.span,
            format!("`{}` is not allowed{by}", command.text),
            |diagnostic| {
                diagnostic.help(format!(
                    "allow it: `permissions: {{ run: [\"{}\"] }}`",
                    command.text.replace('\\', "\\\\").replace('"', "\\\"")
                ))
            },
        );
    }
}
