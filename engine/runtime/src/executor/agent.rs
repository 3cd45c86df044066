//! `agent`: a loop of tools towards a goal. The model calls one, is shown what came of it, and calls the next, until it
//! says that it is done and the verifiers agree.
//!
//! Every answer of the model is a call of the attempt, bounded by `max_calls`; answers without a call, and calls to no
//! effect, are bounded on their own. What it writes is written in the attempt's transaction: it stays only if the
//! verifiers pass. The attempt keeps nothing but what follows from its calls, so that after a crash the journaled ones
//! lead to the same place again.

mod access;
mod bone;
mod command;
mod files;
mod journaled;
mod prompt;
mod search;
mod seen;
mod served;
mod shown;
mod toolbox;
mod writable;

use std::sync::Arc;

use serde_json::json;
use smallcode_core::diagnostic::{count, listed};
use smallcode_core::instruction::{LEAST_RESULT, RESULTS};
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, Notice, TaskResult, ToolPlace};
use smallcode_core::spec::{Agent, Task, ToolName};
use smallcode_core::template::Scope;
use smallcode_core::tokens::{self, Family, Tokens};
use smallcode_core::tool::patience::{ALIKE, Patience};
use smallcode_core::tool::read::{self, MissKind, Reader, ToolCall, is_echo};
use smallcode_core::tool::route::{self, ANSWER_TOKENS, Last, Route};
use smallcode_core::tool::talk::{Entry, Exchange, Talk};
use smallcode_core::tool::{AgentTool, Category, DEFAULT_MAX_CALLS, Toolset};

use super::stages::{self, Asker, Turn};
use super::verify::{Subject, Verification};
use super::{Job, Message, Shared, keep};
use crate::answer;
use crate::model::{Finish, Offered, Reply};
pub(super) use command::{may_propose, of_plan};
use prompt::Prompt;
use served::Servers;
use toolbox::{Outcome, Toolbox};
pub use writable::MadeFolders;

/// The most calls of tools that one answer may make: small models that call more have not waited for any result.
const AT_ONCE: usize = 5;

/// How much of an answer that could not be carried out stays in the conversation, in characters: enough to see what
/// was meant.
const MISSED: usize = 300;

/// The longest summary that is kept, in characters.
const SUMMARY: usize = 500;

/// Works towards the goal.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    agent: &Agent,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    stages::in_time(task, work(shared, module, task, agent, job, scope)).await
}

async fn work(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    agent: &Agent,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let asker = Asker::new(shared, task, job)?;
    let mut servers = Servers::new(
        shared,
        module,
        task,
        agent,
        &command::Limits::new(shared, module, job),
        scope,
    )?;
    let tools = servers
        .offer(
            shared,
            job,
            Toolset::of(&shared.bundle, task, agent),
            family(&asker),
        )
        .await?;
    let prompt = Prompt::new(shared, asker.answerer(), agent, &tools, job, scope).await?;
    let toolbox = Toolbox::new(
        shared,
        module,
        task,
        job,
        scope,
        &prompt,
        (tools.clone(), servers),
    )?;
    let mut work = Work {
        job,
        talk: Talk::new(prompt.family),
        last: Last::Began {
            shown: !prompt.shown.is_empty(),
        },
        reader: Reader::new(tools.clone()),
        tools,
        verification,
        asker,
        toolbox,
        prompt,
        calls_left: agent.keys.max_calls.unwrap_or(DEFAULT_MAX_CALLS),
        patience: Patience::default(),
        refused: None,
    };
    let done = work.run(!task.common.verify.is_empty()).await;
    // What is put back after a failure must not be written again.
    work.toolbox.servers.stop().await;
    let (value, summary_of) = done?;
    let output = json!({ "files": value, "summary": summary_of });
    Ok(TaskResult::of(keep(shared, output)?))
}

/// How the model of an agent counts.
fn family(asker: &Asker<'_>) -> Family {
    Family::of_model(asker.answerer().profile.model_name())
}

/// One attempt under way.
struct Work<'a> {
    job: &'a Job,
    verification: Verification<'a>,
    asker: Asker<'a>,
    tools: Toolset,
    reader: Reader,
    prompt: Prompt,
    toolbox: Toolbox<'a>,
    talk: Talk,
    last: Last,
    calls_left: u64,
    patience: Patience,
    /// Why the verifiers refused the result, where nothing was called since.
    refused: Option<Failure>,
}

/// The files that were changed, and what was done.
type Done = (Vec<String>, String);

impl Work<'_> {
    async fn run(&mut self, verifies: bool) -> Result<Done, Failure> {
        while let Some(category) = self.next_category().await? {
            if self.calls_left == 0 {
                break;
            }
            let tail = prompt::tail(&self.tools, category, self.toolbox.plan());
            let (reply, failure) = self.call(&tail, None, None).await?;
            if let Some(done) = self.follow(&reply, failure).await? {
                return Ok(done);
            }
        }
        if let Some(failure) = self.refused.take() {
            // The last call was to finish, and nothing has changed since it was refused.
            return Err(failure);
        }
        // Nobody said that it is done, but the verdict counts and not what a model says.
        let calls = self.prompt.max_calls;
        if !verifies {
            let message = format!(
                "the model made all {calls} calls of its `max_calls` and did not call `finish`; allow more, or give it less to do"
            );
            return Err(Failure::new(FailureClass::Unfinished, message));
        }
        let summary = format!("not ended by the model within {}", count_calls(calls));
        self.verdict(summary).await.map_err(|mut failure| {
            failure.message = format!("after all {calls} calls of `max_calls`: {}", failure.message);
            failure
        })
    }

    /// The category of the next step; nothing when no call is left to ask or to be made.
    async fn next_category(&mut self) -> Result<Option<Category>, Failure> {
        if self.calls_left == 0 {
            return Ok(None);
        }
        let categories = self.tools.categories();
        let first = categories.first().copied().unwrap_or(Category::Plan);
        match route::route(&self.tools, self.last) {
            Route::Show(category) => Ok(Some(category)),
            // With one call left, that is for the step itself.
            Route::Ask if self.calls_left == 1 => Ok(Some(Category::Plan)),
            Route::Ask => {
                let form = route::answer(&categories);
                let question = route::question(&categories);
                let (reply, _) = self.call(&question, Some(&form), Some(ANSWER_TOKENS)).await?;
                let said = smallcode_parse::without_thinking(&reply.text);
                // The question is a help and no condition.
                Ok(Some(Category::named(said, &categories).unwrap_or(first)))
            }
        }
    }

    /// Makes a call with `tail` at the end of the prompt, where it is not kept.
    async fn call(
        &mut self,
        tail: &str,
        schema: Option<&serde_json::Value>,
        most: Option<u64>,
    ) -> Result<(Reply, Option<Failure>), Failure> {
        self.calls_left = self.calls_left.saturating_sub(1);
        let Self {
            asker,
            prompt,
            talk,
            reader,
            job,
            ..
        } = self;
        let turn = |answerer| {
            let (messages, smaller) = prompt.messages(talk, answerer, job, tail)?;
            if smaller {
                let message = format!(
                    "{}: to fit the window, the model is shown older results of its tools in a shorter form",
                    job.id
                );
                job.tell.notices.send(Notice::Warning { message });
            }
            Ok(Turn {
                messages,
                schema,
                most,
                // Models that go on after their call make its result up.
                stop: vec![read::made_up()],
                offered: match schema {
                    // The question which kind of step comes next is answered by a word.
                    Some(_) => Offered::default(),
                    None => Offered(Some(reader.expected())),
                },
            })
        };
        asker.turn(turn).await
    }

    /// Carries out what an answer wants; what was done, once it is.
    async fn follow(&mut self, reply: &Reply, failure: Option<Failure>) -> Result<Option<Done>, Failure> {
        let found: Vec<(String, String)> = reply
            .tool_calls
            .iter()
            .map(|call| (call.name.clone(), call.arguments.clone()))
            .collect();
        if found.is_empty() && is_echo(&reply.text, self.prompt.words()) {
            let told = "your answer repeats what you were told; answer with a call of a tool";
            let failure = Failure::new(FailureClass::Unparseable, told);
            self.miss(&reply.text, told, failure, Last::Talked)?;
            return Ok(None);
        }
        let read = self.reader.read(&reply.text, &found);
        if let Some(failure) = failure {
            // What is whole in front of the cut was meant, whatever came after it.
            let is_cut = reply.finish == Finish::Length
                || matches!(failure.class, FailureClass::Truncated | FailureClass::Looping);
            if !is_cut || read.is_err() {
                self.miss(&reply.text, &useless(&failure), failure, Last::Talked)?;
                return Ok(None);
            }
        }
        let turn = match read {
            Ok(turn) => turn,
            Err(miss) => {
                let (class, last) = match miss.kind {
                    MissKind::Nothing => (FailureClass::Unparseable, Last::Talked),
                    MissKind::Unknown => (FailureClass::UnknownTool, Last::Miswritten(None)),
                    MissKind::Miswritten => (FailureClass::SchemaMismatch, Last::Miswritten(miss.tool)),
                };
                let mut failure = Failure::new(class, miss.message.clone());
                failure.detail = reply.text.chars().take(MISSED).collect();
                self.miss(&reply.text, &miss.message, failure, last)?;
                return Ok(None);
            }
        };
        self.patience.understood();
        let repairs = answer::counted(&turn.repairs, &turn.omitted);
        if !repairs.is_empty() {
            let read = Message::Read(self.job.node, self.job.attempt, repairs);
            let _ = self.job.tell.messages.send(read);
        }
        let mut entries = Vec::with_capacity(turn.calls.len());
        let number = self.talk.next_number();
        let left_out = turn.calls.len().saturating_sub(AT_ONCE);
        let share = turn.calls.len().clamp(1, AT_ONCE);
        for (index, call) in turn.calls.iter().take(AT_ONCE).enumerate() {
            let place = (
                self.asker.call_number(),
                u32::try_from(index + 1).unwrap_or(u32::MAX),
            );
            let (outcome, done) = self.carry_out(call, place, number, share).await?;
            if done.is_some() {
                return Ok(done);
            }
            self.last = outcome.last;
            let label = call.label();
            let failed = !outcome.did;
            self.stuck(call, &outcome)?;
            entries.push(Entry {
                label,
                text: outcome.text,
            });
            if failed {
                // What follows was meant for a world in which this had gone well.
                break;
            }
        }
        let undone = turn.calls.len() - entries.len();
        if undone > 0 {
            let why = if left_out > 0 && entries.len() == AT_ONCE {
                "that is too many at once"
            } else {
                "the call before failed"
            };
            entries.push(Entry {
                label: String::new(),
                text: format!("{} not carried out: {why}.", were(undone)),
            });
        }
        let brief: Vec<String> = turn.calls.iter().take(AT_ONCE).map(ToolCall::brief).collect();
        let brief = brief.join("\n");
        // A server that keeps no limit may bring any length: what was called is what matters of it.
        let fits = tokens::count(self.prompt.family, &turn.said) <= self.prompt.share;
        self.talk.push(Exchange {
            said: if fits { turn.said } else { brief.clone() },
            brief,
            entries,
        });
        Ok(None)
    }

    /// Carries out one call. `share` is how many results the model is shown at once.
    async fn carry_out(
        &mut self,
        call: &ToolCall,
        place: ToolPlace,
        number: usize,
        share: usize,
    ) -> Result<(Outcome, Option<Done>), Failure> {
        self.refused = None;
        if call.tool != ToolName::Finish {
            let outcome = self
                .toolbox
                .execute(call, place, &self.talk, number, share)
                .await?;
            return Ok((outcome, None));
        }
        let (outcome, done) = self.finish(call).await?;
        self.toolbox.ended(call, place, &outcome, None);
        Ok((outcome, done))
    }

    /// Ends the work where the verifiers agree; else says what they refuse.
    async fn finish(&mut self, call: &ToolCall) -> Result<(Outcome, Option<Done>), Failure> {
        let summary = call.text("summary").unwrap_or_default().trim();
        let summary: String = summary.chars().take(SUMMARY).collect();
        match self.verdict(summary).await {
            Ok(done) => Ok((Outcome::did(ToolName::Finish, String::new()), Some(done))),
            Err(failure) if failure.class.is_of_the_answer() => {
                let text = self.toolbox.cut(&prompt::refusal(&failure), 1);
                self.refused = Some(failure.clone());
                let outcome = Outcome {
                    text,
                    did: false,
                    class: failure.class,
                    last: Last::Refused,
                };
                Ok((outcome, None))
            }
            Err(failure) => Err(failure),
        }
    }

    /// What was done, where the verifiers agree.
    async fn verdict(&mut self, summary: String) -> Result<Done, Failure> {
        // What is verified must be what stays: nobody may write beside.
        self.toolbox.servers.stop().await;
        let changed = self.toolbox.changed()?;
        let paths: Vec<String> = changed.iter().map(|(path, _)| path.clone()).collect();
        let summary = if summary.is_empty() {
            match paths.len() {
                0 => "nothing was changed".to_owned(),
                files => format!("{} changed: {}", count(files, "file"), listed(&paths)),
            }
        } else {
            summary
        };
        let subject = Subject::files(json!({ "files": paths, "summary": summary }), &changed);
        self.verification.result(&subject)?;
        self.verification
            .workspace(&subject, Some(&mut self.asker))
            .await?;
        Ok((paths, summary))
    }

    /// An answer that could not be carried out: the model is told what was expected, unless it was told too often.
    fn miss(&mut self, said: &str, told: &str, failure: Failure, last: Last) -> Result<(), Failure> {
        if !self.patience.missed() {
            return Err(failure);
        }
        self.last = last;
        let said: String = smallcode_parse::without_thinking(said)
            .chars()
            .take(MISSED)
            .collect();
        self.talk.push(Exchange {
            brief: said.lines().next().unwrap_or_default().to_owned(),
            said,
            entries: vec![Entry {
                label: String::new(),
                text: format!("Nothing was done: {told}."),
            }],
        });
        Ok(())
    }

    /// Ends an attempt that does the same to no effect again and again.
    fn stuck(&mut self, call: &ToolCall, outcome: &Outcome) -> Result<(), Failure> {
        if outcome.did {
            return Ok(());
        }
        // A server may count as having written each time, and still do nothing.
        let key = match call.tool {
            AgentTool::Own(_) => format!("{} {}", self.toolbox.generation(), call.key()),
            AgentTool::Served(_) => call.key(),
        };
        if self.patience.futile(key, &outcome.text) {
            return Ok(());
        }
        let class = match outcome.class {
            FailureClass::VerifyFailed | FailureClass::Denied | FailureClass::PatchWithoutMatch => {
                outcome.class
            }
            _ => FailureClass::ToolFailed,
        };
        let first = outcome.text.lines().next().unwrap_or_default();
        let mut failure = Failure::new(
            class,
            format!(
                "the model called `{}` {ALIKE} times to the same effect: {first}",
                call.label()
            ),
        );
        outcome.text.clone_into(&mut failure.detail);
        Err(failure)
    }
}

/// What a model is told of an answer that is none.
fn useless(failure: &Failure) -> String {
    let told = match failure.class {
        FailureClass::Truncated => {
            "your answer was cut off: write less in one answer, or change files with `patch`"
        }
        FailureClass::Looping => "your answer repeated itself and was stopped",
        FailureClass::Overthinking => "you thought for too long: think briefly, then call a tool",
        FailureClass::Empty => "your answer was empty: call a tool, or `finish` when the goal is reached",
        _ => return failure.message.clone(),
    };
    told.to_owned()
}

fn count_calls(calls: u64) -> String {
    count(usize::try_from(calls).unwrap_or(usize::MAX), "call")
}

fn were(calls: usize) -> String {
    if calls == 1 {
        "The last call was".to_owned()
    } else {
        format!("The last {calls} calls were")
    }
}

/// How many tokens a result may take, of those that there are for the conversation: small enough for the next steps to
/// find room beside it.
fn share_of(room: u64) -> Tokens {
    /// From some point on, more of a result confuses more than it tells.
    const MOST: Tokens = Tokens(3000);
    Tokens(room / RESULTS).clamp(LEAST_RESULT, MOST)
}
