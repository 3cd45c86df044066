//! The tools of an `agent`: what each is called, takes and is for, and how a model is told of them.
//!
//! A model is told of its tools in two parts. What stays the same from call to call, so that a server's prefix cache
//! holds, is the [index](Toolset::index): every tool of the task in a few words, by category. What the next step
//! probably needs, the [forms](Toolset::forms) of one category, stands at the very end of the prompt, where it costs
//! nobody's cache anything; [`route`] chooses it. So a small model reads the arguments of three tools and not of eight,
//! and may still call any that the index names. What tools do is the runtime's business.

pub mod command;
pub mod patience;
pub mod read;
pub mod route;
pub mod served;
pub mod talk;

use std::fmt;

use serde_json::{Value, json};
use smallcode_parse::{Tool, Tools};

use crate::load::Bundle;
use crate::spec::{Agent, Task, ToolName};
use crate::tokens::{Family, Tokens, count};
use served::Served;

/// The most calls of one attempt where the task does not say: a change of a few files with its tests takes 8 to 15 steps,
/// and what is not done by then is mostly never done.
pub const DEFAULT_MAX_CALLS: u64 = 20;

/// What kind of step a tool makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Looks at files.
    Read,
    /// Finds lines.
    Search,
    /// Changes files.
    Write,
    /// Runs commands.
    Run,
    /// Plans and ends.
    Plan,
}

impl Category {
    /// Every category, in the order in which a model is told of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Search, Self::Write, Self::Run, Self::Plan];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Write => "write",
            Self::Run => "run",
            Self::Plan => "plan",
        }
    }

    /// The first category that a text names as a word.
    pub fn named(text: &str, among: &[Self]) -> Option<Self> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .find_map(|word| {
                among
                    .iter()
                    .copied()
                    .find(|category| word.eq_ignore_ascii_case(category.as_str()))
            })
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToolName {
    /// Every tool, in the order in which a model is told of them.
    pub const ALL: [Self; 10] = [
        Self::ReadFile,
        Self::ListFiles,
        Self::Search,
        Self::Patch,
        Self::WriteFile,
        Self::RunCommand,
        Self::BoneCheck,
        Self::BoneCompile,
        Self::UpdatePlan,
        Self::Finish,
    ];

    /// What kind of step it makes.
    pub fn category(self) -> Category {
        match self {
            Self::ReadFile | Self::ListFiles => Category::Read,
            Self::Search => Category::Search,
            Self::Patch | Self::WriteFile => Category::Write,
            Self::RunCommand | Self::BoneCheck | Self::BoneCompile => Category::Run,
            Self::UpdatePlan | Self::Finish => Category::Plan,
        }
    }

    /// Whether it only looks, so that the same call again has the same result while nothing is written.
    pub fn only_reads(self) -> bool {
        matches!(self, Self::ReadFile | Self::ListFiles | Self::Search)
    }

    /// What it is for, in a few words.
    fn purpose(self) -> &'static str {
        match self {
            Self::ReadFile => "shows a file",
            Self::ListFiles => "shows which files there are",
            Self::Search => "finds lines in files",
            Self::Patch => "changes lines of files",
            Self::WriteFile => "writes a whole file",
            Self::RunCommand => "runs a command",
            Self::BoneCheck => "says what is wrong with a `.bone` program",
            Self::BoneCompile => "compiles a `.bone` program to a backend",
            Self::UpdatePlan => "notes what is left to do",
            Self::Finish => "ends the work",
        }
    }

    /// How it is called.
    fn form(self) -> &'static str {
        match self {
            Self::ReadFile => {
                "read_file {\"path\": \"…\", \"from\": 1, \"to\": 50}: without `from` and `to`, the whole file"
            }
            Self::ListFiles => {
                "list_files {\"path\": \"folder\", \"glob\": \"**/*.rs\"}: both may be left out"
            }
            Self::Search => {
                "search {\"pattern\": \"regular expression\", \"path\": \"folder or file\"}: `path` may be left out"
            }
            Self::Patch => {
                "patch: no JSON, but search/replace blocks, each with the path of its file in the line before it:\n\n\
                 path/of/file\n<<<<<<< SEARCH\nwhole lines of the file, exactly as they stand there\n=======\n\
                 the lines that take their place\n>>>>>>> REPLACE\n"
            }
            Self::WriteFile => {
                "write_file {\"path\": \"…\"}: the content follows the call, whole, in one fenced code block (of four backticks if it holds fences)"
            }
            Self::RunCommand => "run_command {\"command\": \"…\"}: one command, without a shell",
            Self::BoneCheck => "bone_check {\"path\": \"system.bone\"}: every error, with its way out",
            Self::BoneCompile => {
                "bone_compile {\"path\": \"system.bone\", \"out\": \"server\", \"target\": \"sqlite\"}: or `postgres`"
            }
            Self::UpdatePlan => "update_plan {\"steps\": [\"…\", \"…\"]}: what is left to do",
            Self::Finish => "finish {\"summary\": \"what you did\"}: when the goal is reached",
        }
    }

    /// What its arguments may be, for the reader of replies.
    fn schema(self) -> Value {
        let text = json!({ "type": "string" });
        let line = json!({ "type": "integer", "minimum": 1 });
        let (properties, required) = match self {
            Self::ReadFile => (json!({ "path": text, "from": line, "to": line }), json!(["path"])),
            Self::ListFiles => (json!({ "path": text, "glob": text }), json!([])),
            Self::Search => (json!({ "pattern": text, "path": text }), json!(["pattern"])),
            Self::Patch => (
                json!({ "path": text, "search": text, "replace": text }),
                json!([]),
            ),
            Self::WriteFile => (json!({ "path": text, "content": text }), json!(["path"])),
            Self::RunCommand => (json!({ "command": text }), json!(["command"])),
            Self::BoneCheck => (json!({ "path": text }), json!(["path"])),
            Self::BoneCompile => (
                json!({ "path": text, "out": text, "target": { "enum": ["sqlite", "postgres", "express"] } }),
                json!(["path", "out"]),
            ),
            Self::UpdatePlan => (
                json!({ "steps": { "type": "array", "items": text } }),
                json!(["steps"]),
            ),
            Self::Finish => (json!({ "summary": text }), json!([])),
        };
        json!({ "type": "object", "properties": properties, "required": required })
    }
}

/// A tool of an agent: one of ours, or one of an MCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentTool {
    /// One of ours.
    Own(ToolName),
    /// One of a server.
    Served(ServedTool),
}

/// A tool of an MCP server, by its place in the [`Toolset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedTool {
    index: usize,
    category: Category,
}

impl AgentTool {
    /// What kind of step it makes.
    pub fn category(self) -> Category {
        match self {
            Self::Own(tool) => tool.category(),
            Self::Served(tool) => tool.category,
        }
    }
}

impl From<ToolName> for AgentTool {
    fn from(tool: ToolName) -> Self {
        Self::Own(tool)
    }
}

impl PartialEq<ToolName> for AgentTool {
    fn eq(&self, other: &ToolName) -> bool {
        *self == Self::Own(*other)
    }
}

/// The tools of one task. They stay the same for all its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Toolset {
    tools: Vec<ToolName>,
    served: Vec<Served>,
}

/// What the tools take of a prompt, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The forms of the largest category.
    pub routed: Tokens,
    /// The forms of all of them, which every call would carry without categories.
    pub flat: Tokens,
}

impl Toolset {
    /// The tools that a task names, else those that suit what it may do.
    pub fn new(agent: &Agent, may_write: bool, may_run: bool) -> Self {
        let named = &agent.keys.tools;
        let has = |tool: &ToolName| match tool {
            ToolName::Finish => true,
            tool if !named.is_empty() => named.contains(tool),
            ToolName::Patch | ToolName::WriteFile => may_write,
            ToolName::RunCommand => may_run,
            // Most work is not about programs.
            ToolName::BoneCheck | ToolName::BoneCompile => false,
            _ => true,
        };
        Self {
            tools: ToolName::ALL.into_iter().filter(has).collect(),
            served: Vec::new(),
        }
    }

    /// The tools of a task of a bundle, without those of its servers: what these have is known once they run.
    pub fn of(bundle: &Bundle, task: &Task, agent: &Agent) -> Self {
        let patterns = bundle.root().loaded.workflow.permissions.run.iter();
        let mut patterns = patterns.map(|pattern| pattern.template.source());
        let may_run = patterns.any(|pattern| !starts_server(bundle, pattern));
        Self::new(agent, !task.common.writes.is_empty(), may_run)
    }

    /// Whether a task runs commands, its servers among them, so that it may write what nobody has announced.
    pub fn runs(bundle: &Bundle, task: &Task, agent: &Agent) -> bool {
        !agent.keys.mcp.is_empty() || Self::of(bundle, task, agent).has(ToolName::RunCommand)
    }

    /// All tools of ours, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Self {
        Self {
            tools: ToolName::ALL.to_vec(),
            served: Vec::new(),
        }
    }

    /// With the tools of servers beside.
    #[must_use]
    pub fn with(mut self, served: Vec<Served>) -> Self {
        self.served = served;
        self
    }

    /// Those of ours.
    pub fn own(&self) -> &[ToolName] {
        &self.tools
    }

    /// Whether it has a tool of ours.
    pub fn has(&self, tool: ToolName) -> bool {
        self.tools.contains(&tool)
    }

    /// The tool of a name.
    pub fn named(&self, name: &str) -> Option<AgentTool> {
        if let Some(tool) = ToolName::from_word(name) {
            return self.has(tool).then_some(AgentTool::Own(tool));
        }
        let index = self.served.iter().position(|served| served.name == name)?;
        let category = self.served.get(index)?.category;
        Some(AgentTool::Served(ServedTool { index, category }))
    }

    /// A tool of a server.
    pub fn served(&self, tool: ServedTool) -> Option<&Served> {
        self.served.get(tool.index)
    }

    /// Its categories.
    pub fn categories(&self) -> Vec<Category> {
        let has = |category: &Category| {
            self.tools.iter().any(|tool| tool.category() == *category)
                || self.served.iter().any(|tool| tool.category == *category)
        };
        Category::ALL.into_iter().filter(has).collect()
    }

    /// Every tool in a few words, by category: what stands at the start of every prompt. `commands` are those that may
    /// be run.
    pub fn index(&self, commands: &[String]) -> String {
        let quoted: Vec<String> = commands.iter().map(|command| format!("`{command}`")).collect();
        let line = |category: Category| {
            let tools = self.tools.iter().filter(|tool| tool.category() == category);
            let told = tools.map(|tool| format!("`{}` {}", tool.as_str(), tool.purpose()));
            let served = self.served.iter().filter(|tool| tool.category == category);
            let told = told.chain(served.map(Served::line));
            let told = told.collect::<Vec<_>>().join("; ");
            if category == Category::Run && self.has(ToolName::RunCommand) && !quoted.is_empty() {
                format!("- {category}: {told} (one of {})", quoted.join(", "))
            } else {
                format!("- {category}: {told}")
            }
        };
        let lines: Vec<String> = self.categories().into_iter().map(line).collect();
        format!("Tools:\n{}", lines.join("\n"))
    }

    /// How the tools of a category are called, and how the work is ended.
    pub fn forms(&self, category: Category) -> String {
        let shown = |tool: &&ToolName| tool.category() == category || **tool == ToolName::Finish;
        let own = self.tools.iter().filter(shown).map(|tool| tool.form());
        let served = self.served.iter().filter(|tool| tool.category == category);
        let forms: Vec<&str> = own.chain(served.map(Served::form)).collect();
        forms.join("\n")
    }

    /// What they take of a prompt, counted as the models of `family` count.
    pub fn cost(&self, family: Family) -> Cost {
        let routed = self
            .categories()
            .into_iter()
            .map(|category| count(family, &self.forms(category)));
        let own = self.tools.iter().map(|tool| tool.form());
        let flat: Vec<&str> = own.chain(self.served.iter().map(Served::form)).collect();
        Cost {
            routed: routed.max().unwrap_or_default(),
            flat: count(family, &flat.join("\n")),
        }
    }

    /// The tools as the reader of replies knows them.
    pub fn offered(&self) -> Tools {
        let own = self.tools.iter();
        let own = own.map(|tool| Tool::new(tool.as_str(), &tool.schema()));
        let served = self.served.iter().map(|tool| Tool::new(&tool.name, &tool.schema));
        Tools::new(own.chain(served).collect())
    }
}

/// Whether a pattern of `permissions.run` is there for an MCP server, and so no command for a model to run.
pub fn starts_server(bundle: &Bundle, pattern: &str) -> bool {
    let servers = bundle.modules.iter();
    let mut servers = servers.flat_map(|module| module.loaded.workflow.mcp.values());
    servers.any(|server| server.command.text == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_carries_more_than_350_tokens_of_tools() {
        let all = Toolset::all();
        for family in [
            Family::Qwen,
            Family::Llama3,
            Family::SentencePiece,
            Family::Unknown,
        ] {
            let cost = all.cost(family);
            assert!(cost.routed <= Tokens(200), "{family:?}: {cost:?}");
            assert!(cost.flat.get() > 2 * cost.routed.get(), "{family:?}: {cost:?}");
        }
    }

    #[test]
    fn every_call_of_a_form_is_read_as_that_tool() {
        let all = Toolset::all();
        let offered = smallcode_parse::Expect::Calls(all.offered());
        for tool in ToolName::ALL {
            let Some((arguments, _)) = tool.form().split_once("}:") else {
                continue;
            };
            let (name, arguments) = arguments.split_once(' ').unwrap();
            assert_eq!(name, tool.as_str());
            let call =
                format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}}}\n</tool_call>");
            let reading = smallcode_parse::parse(&call, &offered, false);
            assert_eq!(reading.calls.len(), 1, "{call}: {reading:?}");
            assert!(
                reading.diagnostics.is_empty() && reading.repairs.is_empty(),
                "{call}: {reading:?}"
            );
        }
    }
}
