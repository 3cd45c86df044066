//! The tools of MCP servers: their servers, started for one attempt and ended before its result is verified, and their
//! calls.
//!
//! A server is a command that the workflow allows, with the limits of those that a model runs. What its tools answered
//! lies in the journal, as does the list of them: who takes an attempt up asks nobody again what was answered before. A
//! tool that does not only read is known to the disk before it is called.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use smallcode_core::diagnostic::{count, listed};
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, Notice, ToolPlace, ToolResult};
use smallcode_core::spec::{Agent, McpServer, Task};
use smallcode_core::template::Scope;
use smallcode_core::tokens::Family;
use smallcode_core::tool::read::ToolCall;
use smallcode_core::tool::route::Last;
use smallcode_core::tool::served::{Listed, offer};
use smallcode_core::tool::talk::Talk;
use smallcode_core::tool::{AgentTool, Category, ServedTool, Toolset};

use super::super::command::in_words;
use super::super::{Job, Message, Shared, ToolEnd, keep};
use super::command;
use super::toolbox::{Outcome, Toolbox};
use crate::mcp::{Answer, Server, ServerError};
use crate::process;

/// How long a server may take for its start and for each answer where the workflow does not say: what asks the network
/// or builds an index takes some seconds, and `npx` some more to begin with.
const LIMIT: Duration = Duration::from_secs(60);

/// The call that the lists of tools stand beside in the journal: none of the model's, which begin with 1.
const BEFORE_ALL: u32 = 0;

/// The servers of one attempt.
pub(super) struct Servers {
    all: Vec<One>,
}

/// A server, running or not.
struct One {
    name: String,
    wanted: McpServer,
    spec: process::Spec,
    running: Option<Server>,
}

impl Servers {
    /// The servers of an agent, none of them started.
    ///
    /// # Errors
    /// When one may not be started.
    pub(super) fn new(
        shared: &Shared,
        module: &Module,
        task: &Task,
        agent: &Agent,
        limits: &command::Limits,
        scope: &Arc<dyn Scope>,
    ) -> Result<Self, Failure> {
        let servers = &module.loaded.workflow.mcp;
        let mut all = Vec::new();
        for name in agent.keys.mcp.iter().map(|name| name.text.as_str()) {
            let wanted = servers.get(name).ok_or_else(|| {
                Failure::new(FailureClass::Internal, format!("there is no server `{name}`"))
            })?;
            let denied =
                |why: String| Failure::new(FailureClass::Denied, format!("the server `{name}`: {why}"));
            let words = wanted.words().map_err(|error| denied(error.to_string()))?;
            if !command::may_run(shared, module, &words) {
                let why = "`permissions: { run }` do not allow what starts it";
                return Err(denied(why.to_owned()));
            }
            all.push(One {
                name: name.to_owned(),
                wanted: wanted.clone(),
                spec: command::spec(shared, task, scope, words, limits)?,
                running: None,
            });
        }
        Ok(Self { all })
    }

    /// The tools of a task with those of its servers.
    ///
    /// # Errors
    /// When a server does not say what it has.
    pub(super) async fn offer(
        &mut self,
        shared: &Shared,
        job: &Job,
        tools: Toolset,
        family: Family,
    ) -> Result<Toolset, Failure> {
        let mut lists = Vec::new();
        for (place, server) in (1..).zip(&mut self.all) {
            let mut list = server.list(shared, job, (BEFORE_ALL, place)).await?;
            for tool in server.wanted.tools.iter() {
                if !list.iter().any(|listed| listed.name == tool.text) {
                    let told = format!("the server `{}` has no tool `{}`", server.name, tool.text);
                    warn(job, &told);
                }
            }
            list.retain(|tool| server.wanted.offers(&tool.name));
            lists.push(list);
        }
        let servers: Vec<(&str, Vec<Listed>)> =
            self.all.iter().map(|one| one.name.as_str()).zip(lists).collect();
        let (served, left_out) = offer(&servers, tools.own(), family);
        if !left_out.is_empty() {
            warn(
                job,
                &format!(
                    "{} of servers are not offered, as a small model can't be told of all: {}; name those that are needed \
                     under `mcp: {{ …: {{ tools }} }}`",
                    count(left_out.len(), "tool"),
                    shared
                        .mask
                        .apply(listed(left_out.get(..left_out.len().min(8)).unwrap_or_default()))
                ),
            );
        }
        Ok(tools.with(served))
    }

    /// Ends those that run. One that is called again is started again.
    pub(super) async fn stop(&mut self) {
        for server in &mut self.all {
            if let Some(running) = server.running.take() {
                // It was asked, and killed where it did not listen: there is nothing more to do.
                let _ = running.end().await;
            }
        }
    }
}

fn warn(job: &Job, told: &str) {
    let message = format!("{}: {told}", job.id);
    job.tell.notices.send(Notice::Warning { message });
}

/// Waits for an answer, unless the run is stopped before.
async fn unless_stopped<T>(job: &Job, answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        answer = answer => Ok(answer),
        () = job.cancel.cancelled() => Err(Failure::new(FailureClass::Cancelled, "it was stopped")),
    }
}

impl One {
    fn limit(&self) -> Duration {
        self.wanted.timeout.map_or(LIMIT, |timeout| timeout.0)
    }

    /// Gives the running server, started where it is not.
    async fn running(&mut self) -> Result<&mut Server, ServerError> {
        if self.running.is_none() {
            let started = Server::start(&self.spec, self.limit()).await?;
            self.running = Some(started);
        }
        self.running
            .as_mut()
            .ok_or(ServerError::Ended { said: String::new() })
    }

    /// What tools it has: what the journal says, else what it says itself.
    async fn list(&mut self, shared: &Shared, job: &Job, place: ToolPlace) -> Result<Vec<Listed>, Failure> {
        if let Some(left) = job.tools.get(&place).and_then(|record| record.left.as_ref()) {
            let unread = |reason: String| Failure::new(FailureClass::Io, reason);
            let list = shared.host.json(&left.text).map_err(unread)?;
            return serde_json::from_value(list).map_err(|error| unread(error.to_string()));
        }
        let limit = self.limit();
        let list = async {
            let server = self.running().await?;
            server.tools(limit).await
        };
        let mut list = unless_stopped(job, list).await?.map_err(|error| {
            let class = match &error {
                ServerError::NotStarted(_) => FailureClass::Io,
                ServerError::TimedOut { .. } => FailureClass::TimedOut,
                ServerError::NotOne { .. }
                | ServerError::NotReady { .. }
                | ServerError::Ended { .. }
                | ServerError::Refused { .. } => FailureClass::CommandFailed,
            };
            let what = in_words(&error);
            let (first, rest) = what.split_once('\n').unwrap_or((&what, ""));
            let message = format!(
                "the server `{}` (`{}`) did not start: {first}",
                self.name, self.wanted.command.text
            );
            let mut failure = Failure::new(class, message);
            rest.clone_into(&mut failure.detail);
            failure
        })?;
        for tool in &mut list {
            shared.mask.cover(&mut tool.about);
        }
        let text = serde_json::to_value(&list)
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
        let end = ToolEnd {
            node: job.node,
            attempt: job.attempt,
            place,
            does: format!("start {}", self.name),
            did: true,
            told: count(list.len(), "tool"),
            left: Some(ToolResult {
                text: keep(shared, text)?,
                kept: None,
            }),
        };
        // The dispatcher is gone only when the run is.
        let _ = job.tell.messages.send(Message::ToolEnd(end));
        Ok(list)
    }

    /// Has a tool do what it is for; else what the model is told of why not. What does not answer is not asked again:
    /// the next call starts it anew.
    async fn call(&mut self, tool: &str, call: &ToolCall) -> Answer {
        let limit = self.limit();
        let asked = async {
            let server = self.running().await?;
            server.call(tool, call.arguments.clone(), limit).await
        };
        let error = match asked.await {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        if !error.is_answer()
            && let Some(running) = self.running.take()
        {
            let _ = running.end().await;
        }
        Answer {
            text: format!("the server `{}` did not do it: {}", self.name, in_words(&error)),
            failed: true,
        }
    }
}

impl Toolbox<'_> {
    /// Calls a tool of a server. The result will be exchange `number` of the conversation, beside `share` others.
    pub(super) async fn served(
        &mut self,
        call: &ToolCall,
        tool: ServedTool,
        place: ToolPlace,
        talk: &Talk,
        number: usize,
        share: usize,
    ) -> Result<Outcome, Failure> {
        let reads = call.tool.category() != Category::Write;
        if !reads {
            // Whatever it did, it may have written.
            self.generation += 1;
        }
        let (text, well) = match self.done_before(place).await? {
            Some(done) => done,
            None => self.ask(call, tool, place, share).await?,
        };
        let hash = blake3::hash(text.as_bytes());
        if reads && well {
            let before = self.brought.insert(call.key(), (number, hash));
            if let Some((exchange, _)) = before.filter(|(_, before)| *before == hash)
                && (talk.is_whole(exchange) || exchange == number)
            {
                self.brought.insert(call.key(), (exchange, hash));
                return Ok(Outcome {
                    text: "the same as before: the result stands above".to_owned(),
                    did: false,
                    class: FailureClass::ToolFailed,
                    last: Last::Did(AgentTool::Served(tool)),
                });
            }
        }
        Ok(outcome(tool, text, well))
    }

    /// Has the server do what the tool is for: what the model is told, and whether it went well.
    async fn ask(
        &mut self,
        call: &ToolCall,
        tool: ServedTool,
        place: ToolPlace,
        share: usize,
    ) -> Result<(String, bool), Failure> {
        let gone = || {
            Failure::new(
                FailureClass::Internal,
                format!("there is no tool `{}`", call.name),
            )
        };
        let served = self.tools.served(tool).ok_or_else(gone)?;
        let (reads, server, name) = (served.only_reads(), served.server, served.tool.clone());
        if !reads {
            self.leave(call, place).await?;
        }
        let server = self.servers.all.get_mut(server).ok_or_else(gone)?;
        let answer = unless_stopped(self.job, server.call(&name, call)).await?;
        let text = self.cut_served(&self.shared.mask.apply(answer.text), share);
        let left = if reads {
            let text = keep(self.shared, Json::String(text.clone()))?;
            ToolResult { text, kept: None }
        } else {
            self.left(place, &text).await?
        };
        let outcome = outcome(tool, text.clone(), !answer.failed);
        self.ended(call, place, &outcome, Some(left));
        Ok((text, !answer.failed))
    }

    /// A result made to fit, with the way to the rest.
    fn cut_served(&self, text: &str, share: usize) -> String {
        if text.trim().is_empty() {
            return "done; it says nothing".to_owned();
        }
        self.cut_with(text, share, "ask for less, or for a part of it")
    }
}

fn outcome(tool: ServedTool, text: String, well: bool) -> Outcome {
    if well {
        Outcome::did(AgentTool::Served(tool), text)
    } else {
        Outcome::failed(AgentTool::Served(tool), FailureClass::ToolFailed, text)
    }
}
