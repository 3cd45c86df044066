//! Tools of MCP servers as a model is told of them: short enough for a small one, whatever their servers say.
//!
//! What a server says of its tools is text of a stranger. It is taken as data, cut, kept to one line, and bounded in all:
//! what does not fit is not offered, and what is not offered is not called. A tool counts as one that writes unless its
//! server says that it only reads.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Category;
use crate::spec::ToolName;
use crate::tokens::{Family, Tokens, count};

/// What stands between the name of a server and that of its tool. No tool of ours has it in its name.
const BETWEEN: &str = "__";

/// The longest name of a tool, in characters: what hosted models take for the name of a function.
const NAME: usize = 64;

/// How much of what a server says of a tool a model is told: of all of them in a few words, and of those that it is
/// shown next in a sentence or two. In characters.
const PURPOSE: usize = 60;
const ABOUT: usize = 160;

/// The most tokens that the names and purposes of all these tools take of each prompt. They stand at its start, where a
/// server's cache holds them.
const INDEX: Tokens = Tokens(400);

/// The most tokens that the forms of all tools of one category take, those of ours and `finish` included.
pub const FORMS: Tokens = Tokens(350);

/// The deepest value that a form shows, and the most members of an object: a small model fills in no more.
const DEPTH: usize = 3;
const MEMBERS: usize = 8;

/// Words of names that say that a tool looks for something.
const SEARCHES: [&str; 6] = ["search", "find", "query", "grep", "lookup", "locate"];

/// What a server says of a tool, as far as it matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// The JSON Schema of its arguments.
    pub schema: Value,
    /// Whether it changes nothing.
    pub reads: bool,
}

/// A tool of a server, as an agent has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// What a model calls it by.
    pub name: String,
    /// The place of its server among those of the task.
    pub server: usize,
    /// What its server calls it by.
    pub tool: String,
    /// What kind of step it makes.
    pub category: Category,
    /// What it is for, in a few words; nothing where that does not fit.
    purpose: String,
    /// How it is called.
    form: String,
    /// What its arguments may be.
    pub(super) schema: Value,
}

impl Served {
    /// Whether it only looks.
    pub fn only_reads(&self) -> bool {
        self.category != Category::Write
    }

    /// What stands of it in the list of all tools.
    pub(super) fn line(&self) -> String {
        let space = if self.purpose.is_empty() { "" } else { " " };
        format!("`{}`{space}{}", self.name, self.purpose)
    }

    /// How it is called.
    pub(super) fn form(&self) -> &str {
        &self.form
    }
}

/// The tools that servers list, as an agent has them beside `own`, and the names of those that are not offered. `servers`
/// are those of the task in their order, each with what it lists.
pub fn offer(
    servers: &[(&str, Vec<Listed>)],
    own: &[ToolName],
    family: Family,
) -> (Vec<Served>, Vec<String>) {
    let mut names = BTreeSet::new();
    let (mut offered, mut left_out) = (Vec::new(), Vec::new());
    for (index, (server, listed)) in servers.iter().enumerate() {
        for tool in listed {
            let name = name(server, &tool.name);
            let is_new = tool.schema.is_object() && names.insert(name.clone());
            if is_new {
                offered.push((Served::new(name, index, tool), tool));
            } else {
                left_out.push(name);
            }
        }
    }
    fit_index(&mut offered, &mut left_out, family);
    for category in [Category::Read, Category::Search, Category::Write] {
        fit_forms(category, &mut offered, &mut left_out, own, family);
    }
    (offered.into_iter().map(|(served, _)| served).collect(), left_out)
}

type Offered<'a> = Vec<(Served, &'a Listed)>;

impl Served {
    fn new(name: String, server: usize, listed: &Listed) -> Self {
        let words = name.split(|letter: char| !letter.is_alphanumeric());
        let category = if !listed.reads {
            Category::Write
        } else if words
            .into_iter()
            .any(|word| SEARCHES.iter().any(|search| word.eq_ignore_ascii_case(search)))
        {
            Category::Search
        } else {
            Category::Read
        };
        Self {
            form: form(&name, listed, ABOUT, false),
            name,
            server,
            tool: listed.name.clone(),
            category,
            purpose: line(&listed.about, PURPOSE),
            schema: listed.schema.clone(),
        }
    }
}

/// What a model calls a tool by: letters that every format of calls takes.
fn name(server: &str, tool: &str) -> String {
    let plain = |letter: char| {
        let takes = letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if takes { letter } else { '_' }
    };
    let name = format!("{server}{BETWEEN}{tool}");
    name.chars().map(plain).take(NAME).collect()
}

/// Takes purposes, then tools, until what is told of all of them fits.
fn fit_index(offered: &mut Offered<'_>, left_out: &mut Vec<String>, family: Family) {
    let takes = |offered: &Offered<'_>| {
        let lines: Vec<String> = offered.iter().map(|(served, _)| served.line()).collect();
        count(family, &lines.join("; "))
    };
    if takes(offered) <= INDEX {
        return;
    }
    for (served, _) in offered.iter_mut() {
        served.purpose.clear();
    }
    // Each name is counted once: what is cut is known before it is joined.
    let mut left = INDEX;
    let fitting = offered.iter().position(|(served, _)| {
        let takes = count(family, &format!("{}; ", served.line()));
        let fits = takes <= left;
        left = left.saturating_sub(takes);
        !fits
    });
    if let Some(fitting) = fitting {
        left_out.extend(offered.drain(fitting..).map(|(served, _)| served.name));
    }
}

/// Shortens the forms of a category, then takes tools, until a model can be shown all of it.
fn fit_forms(
    category: Category,
    offered: &mut Offered<'_>,
    left_out: &mut Vec<String>,
    own: &[ToolName],
    family: Family,
) {
    let shown = own
        .iter()
        .filter(|tool| tool.category() == category || **tool == ToolName::Finish);
    let own: Vec<&str> = shown.map(|tool| tool.form()).collect();
    let room = FORMS.saturating_sub(count(family, &own.join("\n")));
    let takes = |served: &Served| count(family, &served.form).saturating_add(Tokens(1));
    let all = |offered: &Offered<'_>| {
        let of = offered.iter().filter(|(served, _)| served.category == category);
        of.map(|(served, _)| takes(served)).sum::<Tokens>()
    };
    for (about, required) in [(ABOUT, false), (PURPOSE, false), (0, false), (0, true)] {
        for (served, listed) in offered.iter_mut() {
            if served.category == category {
                served.form = form(&served.name, listed, about, required);
            }
        }
        if all(offered) <= room {
            return;
        }
    }
    let mut left = room;
    offered.retain(|(served, _)| {
        if served.category != category {
            return true;
        }
        let takes = takes(served);
        let fits = takes <= left;
        if fits {
            left = left.saturating_sub(takes);
        } else {
            left_out.push(served.name.clone());
        }
        fits
    });
}

/// A text in one line of at most `most` characters, without what could be taken for something else.
fn line(text: &str, most: usize) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        let space = if line.is_empty() { "" } else { " " };
        if line.chars().count() + word.chars().count() + space.len() > most {
            if !line.is_empty() {
                line.push('…');
            }
            return line;
        }
        line.push_str(space);
        line.push_str(word);
    }
    line
}

/// How a tool is called: an example of its arguments, those that may be left out, and what it is for.
fn form(name: &str, listed: &Listed, about: usize, required_only: bool) -> String {
    let schema = &listed.schema;
    let required = |name: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(name)))
    };
    let members = schema.get("properties").and_then(Value::as_object);
    let members: Vec<(&String, &Value)> = members.into_iter().flatten().collect();
    let (needed, free): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| required(name));
    let free = if required_only { Vec::new() } else { free };
    let shown = needed.iter().chain(&free).take(MEMBERS.max(needed.len()));
    let arguments: Map<String, Value> = shown
        .map(|(name, member)| ((*name).clone(), example(member, DEPTH)))
        .collect();
    let mut notes = Vec::new();
    let choices = needed
        .iter()
        .chain(&free)
        .filter_map(|(name, member)| choice(name, member));
    notes.extend(choices.take(3));
    let names: Vec<String> = free
        .iter()
        .take(MEMBERS)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !names.is_empty() {
        notes.push(format!("{} may be left out", names.join(", ")));
    }
    let said = line(&listed.about, about);
    if !said.is_empty() {
        notes.push(said);
    }
    format!("{name} {}: {}", Value::Object(arguments), notes.join("; "))
        .trim_end_matches([':', ' '])
        .to_owned()
}

/// The words that an argument may be.
fn choice(name: &str, schema: &Value) -> Option<String> {
    let words = schema.get("enum")?.as_array()?;
    let words: Vec<String> = words.iter().take(MEMBERS).map(Value::to_string).collect();
    Some(format!("`{name}` is {}", line(&words.join(" or "), PURPOSE)))
}

/// A value that a schema allows, for a model to see what kind it is.
fn example(schema: &Value, depth: usize) -> Value {
    if let Some(first) = schema
        .get("enum")
        .and_then(Value::as_array)
        .and_then(|list| list.first())
    {
        return first.clone();
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    let inner = depth.saturating_sub(1);
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("integer") => schema
            .get("minimum")
            .filter(|least| least.is_i64())
            .cloned()
            .unwrap_or(json!(1)),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => match schema.get("items").filter(|_| inner > 0) {
            Some(items) => json!([example(items, inner)]),
            None => json!([]),
        },
        Some("object") => {
            let members = schema.get("properties").and_then(Value::as_object);
            let members = members
                .into_iter()
                .flatten()
                .take(if inner > 0 { MEMBERS } else { 0 });
            let members = members.map(|(name, member)| (name.clone(), example(member, inner)));
            Value::Object(members.collect())
        }
        _ => json!("…"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AgentTool, Toolset};
    use super::*;

    fn tool(name: &str, reads: bool, schema: &Value) -> Listed {
        Listed {
            name: name.to_owned(),
            about:
                "Looks through\nthe pages of the manual and gives those that fit best, each with its address."
                    .to_owned(),
            schema: schema.clone(),
            reads,
        }
    }

    fn search_schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "limit": { "type": "integer", "minimum": 1 },
                "query": { "type": "string" },
                "kind": { "enum": ["guide", "page"] },
            },
            "required": ["query"],
        })
    }

    #[test]
    fn a_model_is_told_of_a_tool_in_a_line() {
        let listed = vec![
            tool("search", true, &search_schema()),
            tool("get.page", true, &json!({ "type": "object" })),
            tool(
                "note",
                false,
                &json!({ "type": "object", "properties": { "tags": { "type": "array", "items": { "type": "string" } } } }),
            ),
        ];
        let (served, left_out) = offer(&[("docs", listed)], &ToolName::ALL, Family::Qwen);
        let told: Vec<String> = served
            .iter()
            .map(|tool| format!("{}: {}\n  {}", tool.category, tool.line(), tool.form()))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        search: `docs__search` Looks through the pages of the manual and gives those that…
          docs__search {"query":"…","limit":1,"kind":"guide"}: `kind` is "guide" or "page"; `limit`, `kind` may be left out; Looks through the pages of the manual and gives those that fit best, each with its address.
        read: `docs__get_page` Looks through the pages of the manual and gives those that…
          docs__get_page {}: Looks through the pages of the manual and gives those that fit best, each with its address.
        write: `docs__note` Looks through the pages of the manual and gives those that…
          docs__note {"tags":["…"]}: `tags` may be left out; Looks through the pages of the manual and gives those that fit best, each with its address.
        "#);
        assert!(left_out.is_empty());
    }

    #[test]
    fn whatever_servers_say_a_prompt_stays_short() {
        let many = |server: &str| -> Vec<Listed> {
            let long = |number: usize| {
                let mut listed = tool(
                    &format!("{server}_{number}"),
                    number.is_multiple_of(2),
                    &search_schema(),
                );
                listed.about = "word ".repeat(10_000);
                listed
            };
            (0..300).map(long).collect()
        };
        for family in [
            Family::Qwen,
            Family::Llama3,
            Family::SentencePiece,
            Family::Unknown,
        ] {
            let (served, left_out) = offer(&[("a", many("a")), ("b", many("b"))], &ToolName::ALL, family);
            assert!(
                served.len() > 5 && served.len() + left_out.len() == 600,
                "{}",
                served.len()
            );
            let tools = Toolset::all().with(served);
            let cost = tools.cost(family);
            assert!(cost.routed <= FORMS, "{family:?}: {cost:?}");
            let index =
                count(family, &tools.index(&[])).saturating_sub(count(family, &Toolset::all().index(&[])));
            assert!(index <= INDEX.saturating_add(Tokens(20)), "{family:?}: {index}");
        }
    }

    #[test]
    fn names_are_plain_and_none_is_there_twice() {
        let schema = json!({ "type": "object" });
        let listed = vec![
            tool("a b", true, &schema),
            tool("a.b", true, &schema),
            tool("ä`\n", true, &schema),
            tool(&"x".repeat(100), true, &schema),
            tool("no schema", true, &json!("text")),
        ];
        let (served, left_out) = offer(&[("s", listed)], &[], Family::Qwen);
        let names: Vec<&str> = served.iter().map(|tool| tool.name.as_str()).collect();
        let long = format!("s__{}", "x".repeat(61));
        assert_eq!(names, ["s__a_b", "s_____", &long]);
        assert_eq!(left_out, ["s__a_b", "s__no_schema"]);
    }

    #[test]
    fn every_form_is_read_as_that_tool() {
        let schema = json!({
            "type": "object",
            "properties": {
                "where": { "type": "object", "properties": { "deep": { "type": "array", "items": { "type": "object", "properties": { "x": {} } } } } },
                "exact": { "type": "boolean" },
                "score": { "type": ["number", "null"] },
            },
            "required": ["where", "exact", "score"],
        });
        let (served, _) = offer(
            &[(
                "docs",
                vec![
                    tool("search", true, &search_schema()),
                    tool("put", false, &schema),
                ],
            )],
            &ToolName::ALL,
            Family::Qwen,
        );
        let forms: Vec<String> = served.iter().map(|tool| tool.form().to_owned()).collect();
        let tools = Toolset::all().with(served);
        let reader = crate::tool::read::Reader::new(tools);
        for (form, category) in forms.iter().zip([Category::Search, Category::Write]) {
            let (name, arguments) = form.split_once(' ').unwrap();
            let end = arguments.rfind('}').unwrap();
            let arguments = &arguments[..=end];
            let call =
                format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>");
            let turn = reader.read(&call, &[]).unwrap();
            assert_eq!(turn.repairs, [], "{call}");
            let [call] = turn.calls.as_slice() else {
                panic!("{turn:?}")
            };
            assert!(matches!(call.tool, AgentTool::Served(_)) && call.tool.category() == category);
            assert_eq!(call.name, name);
        }
    }
}
