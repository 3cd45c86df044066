//! What the tools of an agent do, and what the model is told of it.
//!
//! A call that does not succeed is an answer to the model and no failure of the attempt: only what no other call mends is
//! one, such as a disk that is full.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass, ToolPlace};
use smallcode_core::spec::{Task, ToolName};
use smallcode_core::template::Scope;
use smallcode_core::tokens::{Family, Tokens};
use smallcode_core::tool::read::ToolCall;
use smallcode_core::tool::route::Last;
use smallcode_core::tool::talk::Talk;
use smallcode_core::tool::{AgentTool, Toolset};

use super::super::{Job, Shared, text, writes};
use super::access::Access;
use super::prompt::Prompt;
use super::seen::Seen;
use super::served::Servers;
use super::{command, files, shown};
use crate::workspace::FileError;

/// The most steps of a plan, and the longest, in characters: what a small model can keep in mind.
const STEPS: usize = 12;
const STEP: usize = 100;

/// What came of a call.
pub(super) struct Outcome {
    /// What the model is told.
    pub(super) text: String,
    /// Whether it did what it was called for, and that was something new.
    pub(super) did: bool,
    /// What an attempt that gets stuck here has failed with.
    pub(super) class: FailureClass,
    /// What the choice of the next tools goes by.
    pub(super) last: Last,
}

impl Outcome {
    /// It went well.
    pub(super) fn did(tool: impl Into<AgentTool>, text: String) -> Self {
        Self {
            text,
            did: true,
            class: FailureClass::ToolFailed,
            last: Last::Did(tool.into()),
        }
    }

    /// It could not be done.
    pub(super) fn failed(tool: impl Into<AgentTool>, class: FailureClass, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            did: false,
            class,
            last: Last::Failed(tool.into()),
        }
    }
}

/// The tools of one attempt, and what was done with them.
pub(super) struct Toolbox<'a> {
    pub(super) shared: &'a Arc<Shared>,
    module: &'a Module,
    task: &'a Task,
    pub(super) job: &'a Job,
    scope: &'a Arc<dyn Scope>,
    pub(super) access: Access<'a>,
    pub(super) family: Family,
    /// How many tokens all results of one answer may take.
    budget: Tokens,
    /// What the model has seen of each file, by where that leads.
    pub(super) known: HashMap<String, Seen>,
    /// What stood in the files that were written, before.
    pub(super) before: BTreeMap<String, Option<String>>,
    /// How often something was written.
    pub(super) generation: u64,
    /// Where the result of each call that only looked stands in the conversation, and what it was.
    looked: HashMap<String, (usize, blake3::Hash)>,
    plan: String,
    pub(super) tools: Toolset,
    pub(super) servers: Servers,
    /// What each call of a server's tool that only looks has brought, and where in the conversation that stands.
    pub(super) brought: HashMap<String, (usize, blake3::Hash)>,
}

impl<'a> Toolbox<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        module: &'a Module,
        task: &'a Task,
        job: &'a Job,
        scope: &'a Arc<dyn Scope>,
        prompt: &Prompt,
        (tools, servers): (Toolset, Servers),
    ) -> Result<Self, Failure> {
        let globs = task.common.writes.iter().map(|glob| text(glob, scope));
        let mut toolbox = Self {
            access: Access::new(shared, globs.collect::<Result<_, _>>()?),
            shared,
            module,
            task,
            job,
            scope,
            family: prompt.family,
            budget: prompt.share,
            known: HashMap::new(),
            before: BTreeMap::new(),
            generation: 0,
            looked: HashMap::new(),
            plan: String::new(),
            tools,
            servers,
            brought: HashMap::new(),
        };
        for path in &prompt.shown {
            if let (Ok(place), Ok(text)) = (toolbox.access.reads(path), shared.workspace.read(path)) {
                toolbox.known.insert(place.real, Seen::whole(&text));
            }
        }
        Ok(toolbox)
    }

    /// What the model noted.
    pub(super) fn plan(&self) -> &str {
        &self.plan
    }

    /// How often something was written.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// A text of a tool, made to fit; `share` is how many results the model is shown at once.
    pub(super) fn cut(&self, text: &str, share: usize) -> String {
        shown::ends(text, self.budget_of(share), self.family)
    }

    /// The same, with the way to what was cut.
    pub(super) fn cut_with(&self, text: &str, share: usize, way: &str) -> String {
        let cut = self.cut(text, share);
        if cut.len() >= text.trim_end().len() {
            return cut;
        }
        format!("{cut}\n(cut, of {} characters: {way})", text.chars().count())
    }

    pub(super) fn budget_of(&self, share: usize) -> Tokens {
        let share = u64::try_from(share.max(1)).unwrap_or(1);
        Tokens(self.budget.get() / share)
    }

    /// Carries out a call. Its result will be exchange `number` of the conversation, beside `share` others.
    ///
    /// # Errors
    /// When no other call would mend it.
    pub(super) async fn execute(
        &mut self,
        call: &ToolCall,
        place: ToolPlace,
        talk: &Talk,
        number: usize,
        share: usize,
    ) -> Result<Outcome, Failure> {
        let own = match call.tool {
            AgentTool::Own(tool) => tool,
            AgentTool::Served(tool) => return self.served(call, tool, place, talk, number, share).await,
        };
        let mut outcome = match own {
            ToolName::ReadFile => self.read_file(call, share),
            ToolName::ListFiles => self.list_files(call, share),
            ToolName::Search => self.search(call, share),
            ToolName::WriteFile => files::write_file(self, call).await?,
            ToolName::Patch => files::patch(self, call, share).await?,
            ToolName::RunCommand => return self.run_command(call, place, share).await,
            ToolName::BoneCheck => self.bone_check(call, share),
            ToolName::BoneCompile => self.bone_compile(call, share).await?,
            ToolName::UpdatePlan => self.update_plan(call),
            ToolName::Finish => Outcome::did(ToolName::Finish, String::new()),
        };
        if own.only_reads() && outcome.did {
            self.once(call, &mut outcome, talk, number);
        }
        self.ended(call, place, &outcome, None);
        Ok(outcome)
    }

    /// Has a result that stands in the conversation already told by reference. It was looked up anew: others may have
    /// written as well.
    fn once(&mut self, call: &ToolCall, outcome: &mut Outcome, talk: &Talk, number: usize) {
        let found = blake3::hash(outcome.text.as_bytes());
        let before = self.looked.get(&call.key());
        let stands = before.is_some_and(|(exchange, before)| {
            *before == found && (talk.is_whole(*exchange) || *exchange == number)
        });
        if stands {
            "the same as before: the result stands above, and nothing of it has changed since"
                .clone_into(&mut outcome.text);
            outcome.did = false;
        } else {
            self.looked.insert(call.key(), (number, found));
        }
    }

    async fn run_command(
        &mut self,
        call: &ToolCall,
        place: ToolPlace,
        share: usize,
    ) -> Result<Outcome, Failure> {
        let tool = ToolName::RunCommand;
        let written = call.text("command").unwrap_or_default();
        let words = match command::permitted(self.shared, self.module, written) {
            Ok(words) => words,
            Err(why) => {
                let outcome = Outcome {
                    last: Last::Miswritten(Some(tool.into())),
                    ..Outcome::failed(tool, FailureClass::Denied, why)
                };
                self.ended(call, place, &outcome, None);
                return Ok(outcome);
            }
        };
        // Whatever it did, it may have written.
        self.generation += 1;
        // It ran, which is what it was called for.
        let ran = |text: String, well: bool| Outcome {
            last: if well {
                Last::Did(tool.into())
            } else {
                Last::Failed(tool.into())
            },
            ..Outcome::did(tool, text)
        };
        if let Some((text, well)) = self.done_before(place).await? {
            return Ok(ran(text, well));
        }
        self.leave(call, place).await?;
        let done = command::run(self.shared, self.module, self.task, self.job, self.scope, words).await?;
        let text = self.cut_with(&done.text, share, "run a command that says less, or of a part");
        let left = self.left(place, &text).await?;
        let mut told = ran(text, done.well);
        told.did = done.well;
        self.ended(call, place, &told, Some(left));
        told.did = true;
        Ok(told)
    }

    fn update_plan(&mut self, call: &ToolCall) -> Outcome {
        let steps = call.arguments.get("steps").and_then(Json::as_array);
        let steps = steps.into_iter().flatten().filter_map(Json::as_str).take(STEPS);
        let lines = steps.map(|step| {
            let step: String = step.trim().chars().take(STEP).collect();
            format!("- {step}")
        });
        self.plan = lines.collect::<Vec<_>>().join("\n");
        Outcome::did(ToolName::UpdatePlan, "noted".to_owned())
    }

    /// Writes files in the attempt's transaction.
    pub(super) async fn write(
        &mut self,
        files: Vec<(String, String)>,
        before: Vec<(String, Option<String>)>,
    ) -> Result<(), Failure> {
        writes::write(self.shared, self.job, files).await?;
        self.wrote(before);
        Ok(())
    }

    /// Takes in that something else has written files of the attempt's transaction.
    pub(super) fn wrote(&mut self, before: Vec<(String, Option<String>)>) {
        self.generation += 1;
        for (path, text) in before {
            self.before.entry(path).or_insert(text);
        }
    }

    /// The files that are not what they were, with what they hold now.
    pub(super) fn changed(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut changed = BTreeMap::new();
        for (path, before) in &self.before {
            match self.content(path).map_err(writes::io)? {
                Some(now) if before.as_ref() != Some(&now) => {
                    changed.insert(path.clone(), now);
                }
                _ => {}
            }
        }
        // What commands and servers wrote. What is no text is nobody's to read.
        for path in writes::changed(self.shared, self.job)? {
            if !self.before.contains_key(&path)
                && let Ok(Some(now)) = self.content(&path)
            {
                changed.insert(path, now);
            }
        }
        Ok(changed.into_iter().collect())
    }

    /// What a file holds; nothing where it is not there.
    pub(super) fn content(&self, path: &str) -> Result<Option<String>, FileError> {
        let workspace = &self.shared.workspace;
        if !workspace.exists(path) {
            return Ok(None);
        }
        tokio::task::block_in_place(|| workspace.read(path)).map(Some)
    }
}
