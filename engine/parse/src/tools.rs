//! The tools that were offered, and which of them a name in a reply means.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::names::{self, Nearest};
use crate::schema::Schema;

/// A tool that the model may call.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name, as it was offered.
    pub name: String,
    /// What its arguments may be.
    pub parameters: Schema,
    /// The name as [`names::plain`] has it.
    plain: String,
}

/// The tools that were offered.
#[derive(Clone, Debug)]
pub struct Tools {
    list: Vec<Tool>,
    by_name: BTreeMap<String, usize>,
    any: bool,
}

/// What a name in a reply means.
#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    /// The tool of exactly this name.
    Exact(&'a Tool),
    /// A tool whose name was written otherwise.
    Near(&'a Tool),
    /// Several tools, equally well.
    Ambiguous(Vec<&'a Tool>),
    Unknown,
    /// Any name will do: there is no list.
    Anything,
}

/// What models put before a name: where their training data kept its functions.
const PREFIXES: [&str; 14] = [
    "functions.",
    "functions::",
    "functions:",
    "functions/",
    "function.",
    "function:",
    "tools.",
    "tools:",
    "tools/",
    "tool.",
    "tool:",
    "tool_",
    "default_api.",
    "multi_tool_use.",
];

/// Names of the same deed, folded. A model that was offered only one of a group and says another means that one.
const DEEDS: [&[&str]; 8] = [
    &[
        "readfile",
        "read",
        "openfile",
        "viewfile",
        "cat",
        "getfile",
        "getfilecontent",
        "getfilecontents",
    ],
    &[
        "writefile",
        "write",
        "createfile",
        "savefile",
        "writetofile",
        "newfile",
    ],
    &[
        "editfile",
        "edit",
        "strreplace",
        "strreplaceeditor",
        "replaceinfile",
        "modifyfile",
        "updatefile",
    ],
    &[
        "bash",
        "shell",
        "sh",
        "terminal",
        "exec",
        "runcommand",
        "executecommand",
        "execcommand",
        "runshellcommand",
        "runbash",
        "runterminalcommand",
    ],
    &[
        "grep",
        "searchfiles",
        "searchinfiles",
        "grepsearch",
        "searchcode",
        "ripgrep",
        "rg",
    ],
    &["listdir", "ls", "listfiles", "listdirectory", "readdir", "dir"],
    &["websearch", "searchweb", "googlesearch", "internetsearch"],
    &[
        "finish",
        "done",
        "complete",
        "attemptcompletion",
        "taskcomplete",
        "finishtask",
        "completetask",
    ],
];

impl Tool {
    /// A tool by its name and the JSON Schema of its parameters.
    pub fn new(name: &str, parameters: &Value) -> Self {
        Self {
            name: name.to_owned(),
            parameters: Schema::new(parameters),
            plain: names::plain(name),
        }
    }
}

impl Tools {
    /// Accepts every name, with any arguments.
    pub fn any() -> Self {
        Self {
            list: Vec::new(),
            by_name: BTreeMap::new(),
            any: true,
        }
    }

    /// Offers these tools and no other. Of two with one name the first counts.
    pub fn new(list: Vec<Tool>) -> Self {
        let mut by_name = BTreeMap::new();
        for (index, tool) in list.iter().enumerate() {
            by_name.entry(tool.name.clone()).or_insert(index);
        }
        Self {
            list,
            by_name,
            any: false,
        }
    }

    /// Whether no tool is offered at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.any
    }

    /// Whether every name is a tool's.
    pub(crate) fn is_any(&self) -> bool {
        self.any
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.list.iter()
    }

    /// Which tool `written` means: the strictest way of reading it that finds any decides.
    pub(crate) fn resolve(&self, written: &str) -> Resolved<'_> {
        if self.any {
            return Resolved::Anything;
        }
        if let Some(tool) = self.by_name.get(written).and_then(|index| self.list.get(*index)) {
            return Resolved::Exact(tool);
        }
        // A name that is longer than any offered one with its namespace is prose.
        if written.len() > 256 || self.list.is_empty() {
            return Resolved::Unknown;
        }
        let name = trimmed(written);
        let bare = without_prefix(name);
        let ways = [
            self.same(name),
            self.same(bare),
            self.same_tail(name),
            self.same_tail_offered(bare),
            self.nearest(bare),
            self.same_deed(bare),
        ];
        for way in ways {
            match way {
                Nearest::None => {}
                Nearest::One(index) => return self.list.get(index).map_or(Resolved::Unknown, Resolved::Near),
                Nearest::Several(several) => {
                    let tools = several.into_iter().filter_map(|index| self.list.get(index));
                    return Resolved::Ambiguous(tools.collect());
                }
            }
        }
        Resolved::Unknown
    }

    fn find(&self, fits: impl Fn(&Tool) -> bool) -> Nearest {
        let found = self.list.iter().enumerate().filter(|(_, tool)| fits(tool));
        names::one_of(found.map(|(index, _)| index).collect())
    }

    /// The name but for its spelling.
    fn same(&self, name: &str) -> Nearest {
        if let Some(index) = self.by_name.get(name) {
            return Nearest::One(*index);
        }
        let plain = names::plain(name);
        self.find(|tool| tool.plain == plain)
    }

    /// The last part of a name with a namespace, as in `mcp__files__read` or `server/read`.
    fn same_tail(&self, name: &str) -> Nearest {
        let tail = tail(name);
        if tail.len() == name.len() || tail.is_empty() {
            Nearest::None
        } else {
            self.same(tail)
        }
    }

    /// The last part of an offered name with a namespace.
    fn same_tail_offered(&self, name: &str) -> Nearest {
        let plain = names::plain(name);
        self.find(|tool| tail(&tool.name).len() < tool.name.len() && names::plain(tail(&tool.name)) == plain)
    }

    fn nearest(&self, name: &str) -> Nearest {
        let plain = names::plain(name);
        names::nearest(
            &plain,
            self.list.iter().map(|tool| tool.plain.as_str()).enumerate(),
        )
    }

    fn same_deed(&self, name: &str) -> Nearest {
        let plain = names::plain(name);
        let Some(deed) = DEEDS.iter().find(|deed| deed.contains(&plain.as_str())) else {
            return Nearest::None;
        };
        // Two tools for one deed differ in a way that only their offerer knows: no tool was named then.
        match self.find(|tool| deed.contains(&tool.plain.as_str())) {
            Nearest::Several(_) => Nearest::None,
            other => other,
        }
    }
}

/// The name without quotes, a call's parentheses and a counter (`read:0`).
fn trimmed(written: &str) -> &str {
    let name = written.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '*'));
    let name = name.strip_suffix("()").unwrap_or(name);
    match name.rsplit_once(':') {
        Some((name, counter)) if !name.is_empty() && counter.bytes().all(|byte| byte.is_ascii_digit()) => {
            name
        }
        _ => name,
    }
}

fn without_prefix(mut name: &str) -> &str {
    // Twice: a dialect's own namespace before the model's.
    for _ in 0..2 {
        let stripped = PREFIXES.iter().find_map(|prefix| {
            let head = name.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix)
                .then(|| name.get(prefix.len()..))?
        });
        match stripped {
            Some(rest) if !rest.is_empty() => name = rest,
            _ => break,
        }
    }
    name
}

fn tail(name: &str) -> &str {
    let tail = name.rsplit(['.', '/', ':']).next().unwrap_or(name);
    tail.rsplit("__").next().unwrap_or(tail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools(names: &[&str]) -> Tools {
        Tools::new(names.iter().map(|name| Tool::new(name, &json!({}))).collect())
    }

    fn shown(tools: &Tools, written: &str) -> String {
        match tools.resolve(written) {
            Resolved::Exact(tool) => format!("={}", tool.name),
            Resolved::Near(tool) => tool.name.clone(),
            Resolved::Ambiguous(several) => several
                .iter()
                .map(|tool| tool.name.as_str())
                .collect::<Vec<_>>()
                .join("|"),
            Resolved::Unknown => "?".to_owned(),
            Resolved::Anything => "*".to_owned(),
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        let offered = tools(&["read_file", "write_file", "db.query", "grep", "mcp__web__fetch"]);
        for (written, expected) in [
            ("read_file", "=read_file"),
            ("ReadFile", "read_file"),
            ("read file", "read_file"),
            ("`read-file`", "read_file"),
            ("functions.read_file", "read_file"),
            ("functions.functions.read_file:0", "read_file"),
            ("default_api.grep", "grep"),
            ("tool_grep", "grep"),
            ("Function:write_file", "write_file"),
            ("mcp__files__read_file", "read_file"),
            ("files/read_file", "read_file"),
            ("read_file()", "read_file"),
            ("db_query", "db.query"),
            ("query", "db.query"),
            ("fetch", "mcp__web__fetch"),
            ("raed_file", "read_file"),
            ("read_files", "read_file"),
            ("cat", "read_file"),
            ("delete_file", "?"),
            ("grip", "grep"),
            ("gap", "?"),
            ("", "?"),
            ("functions.", "?"),
        ] {
            assert_eq!(shown(&offered, written), expected, "{written}");
        }
    }

    #[test]
    fn what_may_mean_two_tools_is_said_to() {
        let offered = tools(&["read_file", "readFile", "files.list", "users.list"]);
        assert_eq!(shown(&offered, "read_file"), "=read_file");
        assert_eq!(shown(&offered, "READFILE"), "read_file|readFile");
        assert_eq!(shown(&offered, "list"), "files.list|users.list");
    }

    #[test]
    fn a_synonym_counts_only_where_one_tool_does_the_deed() {
        assert_eq!(shown(&tools(&["shell", "grep"]), "bash"), "shell");
        assert_eq!(shown(&tools(&["run_command", "exec_command"]), "bash"), "?");
    }

    #[test]
    fn no_list_and_an_empty_one_are_opposites() {
        assert_eq!(shown(&Tools::any(), "anything"), "*");
        assert_eq!(shown(&tools(&[]), "anything"), "?");
    }
}
