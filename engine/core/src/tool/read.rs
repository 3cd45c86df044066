//! A reply as calls of tools: those that the server found, those that the text holds in any dialect, and code, which
//! travels beside them in blocks and never inside a JSON string unless the model insists.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value};
use smallcode_parse::{
    Diagnostic, DiagnosticKind, Edit, Expect, LONGER, Omitted, Reading, Repair, RepairKind, Span, Tools,
    native, parse,
};

use super::{AgentTool, Toolset};
use crate::spec::ToolName;

/// What a result begins with, in the conversation. A model that goes on after its call makes results up, which begin
/// like the real ones.
pub const RESULT: &str = "Result of ";

/// How many of the diagnostics of a reply are told: a small model puts right what it can keep in mind.
const TOLD: usize = 3;

/// So many words of the prompt, one after the other, are no chance.
const ECHO_WORDS: usize = 12;

/// The longest label of a call, in characters: enough for a path.
const LABEL: usize = 80;

/// A call of a tool, as it is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub tool: AgentTool,
    /// What the model knows it by.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The edits of a `patch`.
    pub edits: Vec<Edit>,
}

/// What a reply wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The calls in their order.
    pub calls: Vec<ToolCall>,
    /// What had to be done to read them.
    pub repairs: Vec<Repair>,
    /// What had to be done beside, by kind.
    pub omitted: Vec<Omitted>,
    /// The reply as the conversation keeps it: without thinking, and without results that are made up.
    pub said: String,
}

/// Why nothing of a reply is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// In which way.
    pub kind: MissKind,
    /// The tool that was meant, where it is known.
    pub tool: Option<AgentTool>,
    /// What is told to the model.
    pub message: String,
}

/// In which way a reply holds nothing that can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissKind {
    /// No call at all.
    Nothing,
    /// A tool that was not offered.
    Unknown,
    /// Arguments are missing, wrong or cut.
    Miswritten,
}

/// Reads the replies of one task.
#[derive(Debug)]
pub struct Reader {
    tools: Toolset,
    offered: Tools,
    expect: Arc<Expect>,
}

impl ToolCall {
    /// What it does, in a few words: `read_file src/a.rs`.
    pub fn label(&self) -> String {
        let named = ["path", "command", "pattern", "glob"];
        let argument = named
            .iter()
            .find_map(|name| self.text(name))
            .or_else(|| self.edits.iter().find_map(|edit| edit.path.as_deref()))
            .or_else(|| match self.tool {
                AgentTool::Own(_) => None,
                AgentTool::Served(_) => self.arguments.values().find_map(Value::as_str),
            })
            .unwrap_or_default();
        let line = argument.lines().next().unwrap_or_default();
        let label: String = line.chars().take(LABEL).collect();
        format!("{} {label}", self.name).trim_end().to_owned()
    }

    /// An argument that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    /// An argument that is a number of a line.
    pub fn line(&self, name: &str) -> Option<usize> {
        usize::try_from(self.arguments.get(name)?.as_u64()?).ok()
    }

    /// The call without what makes it long, in the form in which a model writes calls: it will write the next one as
    /// it sees the last.
    pub fn brief(&self) -> String {
        if let Some(path) = self.edits.iter().find_map(|edit| edit.path.as_deref()) {
            return format!("(search/replace blocks for {path})");
        }
        let mut arguments = self.arguments.clone();
        if self.tool == ToolName::WriteFile {
            arguments.remove("content");
        }
        for value in arguments.values_mut() {
            if let Some(text) = value.as_str().filter(|text| text.chars().count() > LABEL) {
                *value = text.chars().take(LABEL).chain(['…']).collect::<String>().into();
            }
        }
        let call = serde_json::json!({ "name": self.name, "arguments": arguments });
        format!("<tool_call>\n{call}\n</tool_call>")
    }

    /// The same for the same call.
    pub fn key(&self) -> String {
        let mut arguments: Vec<_> = self.arguments.iter().collect();
        arguments.sort_by_key(|(name, _)| *name);
        let edits = self
            .edits
            .iter()
            .map(|edit| (&edit.path, &edit.search, &edit.replace));
        format!("{} {arguments:?} {:?}", self.name, edits.collect::<Vec<_>>())
    }
}

impl Reader {
    /// A reader of calls of these tools.
    pub fn new(tools: Toolset) -> Self {
        let offered = tools.offered();
        Self {
            expect: Arc::new(Expect::Calls(offered.clone())),
            offered,
            tools,
        }
    }

    /// What it reads a text for.
    pub fn expected(&self) -> Arc<Expect> {
        Arc::clone(&self.expect)
    }

    /// Reads a reply: its text, and the calls that the server found in it, by name and arguments.
    ///
    /// # Errors
    /// When it holds no call, or one that can't be carried out as it is written: then none is.
    pub fn read(&self, text: &str, found: &[(String, String)]) -> Result<Turn, Miss> {
        let answer = own(smallcode_parse::without_thinking(text));
        let thinks = answer.trim_start().starts_with("<think");
        let edits = if thinks {
            smallcode_parse::Edits::default()
        } else {
            smallcode_parse::edits(answer)
        };
        let mut gathered = Gathered {
            said: answer.trim().to_owned(),
            ..Gathered::default()
        };
        // What stands in a block of an edit is code, whatever it looks like.
        let blank = blanked(answer, edits.edits.iter().map(|edit| edit.span));
        if found.is_empty() {
            gathered.of_text(&blank, &self.expect, &self.tools);
        } else {
            for (name, arguments) in found {
                gathered.of_server(name, arguments, &self.offered, &self.tools);
            }
        }
        gathered.contents(&blank);
        gathered.edits(edits, &self.tools);
        gathered.turn(answer, &self.tools)
    }
}

/// What a reply holds, as it is put together.
#[derive(Default)]
struct Gathered {
    /// The calls, each with where it begins and ends in the text.
    calls: Vec<(Span, ToolCall)>,
    repairs: Vec<Repair>,
    omitted: Vec<Omitted>,
    diagnostics: Vec<Diagnostic>,
    said: String,
}

impl Gathered {
    fn of_text(&mut self, text: &str, expect: &Expect, tools: &Toolset) {
        let reading = parse(text, expect, false);
        self.take(reading, None, tools);
    }

    /// A call that the server has found. It is kept in the conversation as text, as every server takes it.
    fn of_server(&mut self, name: &str, arguments: &str, offered: &Tools, tools: &Toolset) {
        let reading = native(name, &Value::String(arguments.to_owned()), offered);
        let written: Value = serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into());
        let call = serde_json::json!({ "name": name, "arguments": written });
        let space = if self.said.is_empty() { "" } else { "\n" };
        for part in [space, "<tool_call>\n", &call.to_string(), "\n</tool_call>"] {
            self.said.push_str(part);
        }
        self.take(reading, Some(Span::default()), tools);
    }

    fn take(&mut self, reading: Reading, place: Option<Span>, tools: &Toolset) {
        let cut = |call: &smallcode_parse::Call| Diagnostic {
            kind: DiagnosticKind::Cut,
            span: Some(call.span),
            path: call.cut.as_ref().map(|cut| cut.path.clone()),
            message: "the answer ends in the middle of this call".to_owned(),
        };
        self.diagnostics.extend(reading.diagnostics);
        self.repairs.extend(reading.repairs);
        self.omitted.extend(reading.omitted);
        for call in reading.calls {
            if call.cut.is_some() && self.diagnostics.is_empty() {
                self.diagnostics.push(cut(&call));
            }
            if let Some(tool) = tools.named(&call.name) {
                let taken = ToolCall {
                    tool,
                    name: call.name.clone(),
                    arguments: members(&call.arguments),
                    edits: Vec::new(),
                };
                self.calls.push((place.unwrap_or(call.span), taken));
            }
        }
    }

    /// The content of a `write_file` stands in the block that follows it.
    fn contents(&mut self, text: &str) {
        let wants = |(_, call): &(Span, ToolCall)| {
            call.tool == ToolName::WriteFile && !call.arguments.contains_key("content")
        };
        let Some(at) = self.calls.iter().position(wants) else {
            return;
        };
        let Some((span, call)) = self.calls.get_mut(at) else {
            return;
        };
        let start = span.end + fence_of_the_call(text, *span);
        let rest = text.get(start..).unwrap_or_default();
        let path = call.text("path").unwrap_or_default();
        let found = smallcode_parse::files(rest);
        let blocks = smallcode_parse::blocks(rest);
        let file = found.files.into_iter().find(|file| file.path == path);
        let (content, block, closed) = match (file, blocks.as_slice()) {
            (Some(file), _) => {
                // What is wrong with one of several may be wrong with this one.
                self.diagnostics.extend(found.diagnostics);
                (file.content, file.span, file.closed)
            }
            (None, [block]) => (block.content.to_owned(), block.span, block.closed),
            (None, []) => return,
            (None, several) => {
                let message = format!(
                    "{} code blocks follow the call of `write_file`, and one is wanted: give the whole file in it; {LONGER}",
                    several.len()
                );
                self.diagnostics.push(Diagnostic {
                    kind: DiagnosticKind::Ambiguous,
                    span: None,
                    path: None,
                    message,
                });
                return;
            }
        };
        if !closed {
            // Of a file with a path that was said already.
            if self.diagnostics.is_empty() {
                self.diagnostics.push(cut_block(&content));
            }
            return;
        }
        call.arguments.insert("content".to_owned(), content.into());
        // What looks like a call in it is part of the file.
        let (from, to) = (start + block.start, start + block.end);
        self.calls
            .retain(|(span, call)| call.tool == ToolName::WriteFile || span.start < from || span.start >= to);
    }

    /// Blocks of edits are a call of `patch`, announced or not.
    fn edits(&mut self, found: smallcode_parse::Edits, tools: &Toolset) {
        // That there are none is no fault here.
        if found.edits.is_empty()
            && found
                .diagnostics
                .iter()
                .all(|diagnostic| diagnostic.kind == DiagnosticKind::Missing)
        {
            return;
        }
        if !tools.has(ToolName::Patch) {
            self.diagnostics.push(Diagnostic {
                kind: DiagnosticKind::UnknownTool,
                span: None,
                path: None,
                message: "the answer edits a file, and `patch` is none of the tools".to_owned(),
            });
            return;
        }
        self.diagnostics.extend(found.diagnostics);
        let announces = |(_, call): &(Span, ToolCall)| {
            call.tool == ToolName::Patch && !call.arguments.contains_key("search")
        };
        let announced = self
            .calls
            .iter()
            .position(announces)
            .map(|at| self.calls.remove(at));
        let path = announced
            .as_ref()
            .and_then(|(_, call)| call.text("path").map(str::to_owned));
        let mut edits = found.edits;
        for edit in &mut edits {
            edit.path = edit.path.take().or_else(|| path.clone());
        }
        if let Some(first) = edits.first() {
            let call = ToolCall {
                tool: ToolName::Patch.into(),
                name: ToolName::Patch.as_str().to_owned(),
                arguments: Map::new(),
                edits: edits.clone(),
            };
            self.calls.push((first.span, call));
        }
    }

    /// The turn, where everything in it can be carried out.
    fn turn(mut self, answer: &str, tools: &Toolset) -> Result<Turn, Miss> {
        self.calls.sort_by_key(|(span, _)| span.start);
        let mut calls: Vec<ToolCall> = self.calls.into_iter().map(|(_, call)| call).collect();
        if !self.diagnostics.is_empty() {
            let kind = if self
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.kind == DiagnosticKind::UnknownTool)
            {
                MissKind::Unknown
            } else {
                MissKind::Miswritten
            };
            let told: Vec<String> = self.diagnostics.iter().take(TOLD).map(in_words).collect();
            return Err(Miss {
                kind,
                tool: calls.first().map(|call| call.tool),
                message: told.join("; "),
            });
        }
        for call in &mut calls {
            if let Some(message) = incomplete(call) {
                return Err(Miss {
                    kind: MissKind::Miswritten,
                    tool: Some(call.tool),
                    message: message.to_owned(),
                });
            }
        }
        if calls.is_empty() {
            return Err(nothing(answer, tools));
        }
        // The same call twice in one reply is one call.
        calls.dedup_by_key(|call| call.key());
        Ok(Turn {
            calls,
            repairs: self
                .repairs
                .into_iter()
                // What a block leaves of its call is no fault.
                .filter(|repair| repair.kind != RepairKind::Repeated)
                .collect(),
            omitted: self.omitted,
            said: self.said,
        })
    }
}

fn cut_block(content: &str) -> Diagnostic {
    Diagnostic {
        kind: DiagnosticKind::Cut,
        span: None,
        path: None,
        message: format!(
            "the answer ends inside the code block: {}",
            smallcode_parse::unclosed(content)
        ),
    }
}

fn members(arguments: &smallcode_parse::Value) -> Map<String, Value> {
    let members = arguments.view().members();
    members
        .map(|(name, value)| (name.to_owned(), value.to_json()))
        .collect()
}

/// What a call lacks; the arguments of a `patch` become its edit.
fn incomplete(call: &mut ToolCall) -> Option<&'static str> {
    match call.tool {
        AgentTool::Own(ToolName::WriteFile) if call.text("content").is_none() => Some(
            "`write_file` came without content: after the call, give the whole file in one fenced code block",
        ),
        AgentTool::Own(ToolName::Patch) if call.edits.is_empty() => {
            let (Some(search), Some(replace)) = (call.text("search"), call.text("replace")) else {
                return Some(
                    "`patch` came without edits: give search/replace blocks, each with its path before it",
                );
            };
            let edit = Edit {
                path: call.text("path").map(str::to_owned),
                search: lines(search),
                replace: lines(replace),
                divided: Vec::new(),
                line: None,
                span: Span::default(),
            };
            call.edits.push(edit);
            call.arguments.clear();
            None
        }
        _ => None,
    }
}

/// Whole lines, as blocks have them.
fn lines(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

fn nothing(answer: &str, tools: &Toolset) -> Miss {
    let block = answer.contains("```") && tools.has(ToolName::WriteFile);
    let message = if block {
        "your answer holds code and no call: put the call of `write_file` before the code block, or give \
         search/replace blocks"
    } else {
        "your answer holds no call of a tool; call one, or `finish` when the goal is reached"
    };
    Miss {
        kind: MissKind::Nothing,
        tool: None,
        message: message.to_owned(),
    }
}

/// The reply up to where it makes a result up.
fn own(answer: &str) -> &str {
    let end = answer.find(&made_up()).unwrap_or(answer.len());
    answer.get(..end).unwrap_or(answer)
}

/// Where a call stands in a fence, how far behind it that ends.
fn fence_of_the_call(text: &str, call: Span) -> usize {
    let is_fence = |line: &str| line.trim_start().starts_with("```");
    let before = text.get(..call.start).unwrap_or_default();
    let rest = text.get(call.end..).unwrap_or_default();
    if before.lines().filter(|line| is_fence(line)).count() % 2 == 0 {
        return 0;
    }
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        end += line.len();
        if is_fence(line) {
            return end;
        }
    }
    0
}

/// A text with spaces in these places, so that all others stay where they are.
fn blanked(text: &str, places: impl Iterator<Item = Span>) -> String {
    let mut blank = String::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        blank.push_str(text.get(at..place.start).unwrap_or_default());
        let from = place.start.max(at);
        blank.extend(std::iter::repeat_n(' ', place.end.saturating_sub(from)));
        at = place.end.max(at);
    }
    blank.push_str(text.get(at..).unwrap_or_default());
    blank
}

fn in_words(diagnostic: &Diagnostic) -> String {
    match diagnostic.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("at `{path}`: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// How a result begins that a model makes up.
pub fn made_up() -> String {
    format!("\n{RESULT}`")
}

/// Whether a reply begins with words of what the model was told.
pub fn is_echo<'a>(said: &str, prompts: impl IntoIterator<Item = &'a str>) -> bool {
    let said: Vec<&str> = said.split_whitespace().take(ECHO_WORDS).collect();
    said.len() == ECHO_WORDS
        && prompts.into_iter().any(|prompt| {
            let words: Vec<&str> = prompt.split_whitespace().collect();
            words.windows(ECHO_WORDS).any(|window| window == said)
        })
}
