//! Which property a key means.
//!
//! In this order, and never two keys for one property: the name itself, its spelling, a name that models use for the
//! same thing, a slip of a key. A key that was written exactly is never displaced.

use crate::names::{self, Nearest};
use crate::schema::Members;
use crate::tree::{NodeId, Tree};

/// Where a member goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Property {
        index: usize,
        /// The key was written otherwise.
        renamed: bool,
    },
    /// A later member has the same key.
    Overwritten,
    /// The schema does not name it.
    Stranger,
}

/// Keys under which models put the whole of the arguments.
pub(super) const WRAPPERS: [&str; 8] = [
    "arguments",
    "args",
    "parameters",
    "params",
    "properties",
    "input",
    "tool_input",
    "kwargs",
];

/// More keys than this that are not spelt as in the schema are data, not slips.
const MAX_SLIPS: usize = 16;

/// Names for the same thing, folded; a property may stand in several groups.
const ALIASES: [&[&str]; 30] = [
    &[
        "path",
        "file",
        "filepath",
        "filename",
        "pathname",
        "filelocation",
        "targetfile",
        "fullpath",
        "absolutepath",
    ],
    &[
        "path",
        "dir",
        "directory",
        "folder",
        "dirpath",
        "directorypath",
        "folderpath",
    ],
    &[
        "content",
        "contents",
        "text",
        "filecontent",
        "filecontents",
        "data",
        "body",
        "code",
        "filetext",
    ],
    &[
        "command",
        "cmd",
        "shellcommand",
        "commandline",
        "bash",
        "script",
        "shell",
    ],
    &[
        "oldstring",
        "oldstr",
        "oldtext",
        "search",
        "find",
        "old",
        "original",
        "searchtext",
        "oldcontent",
        "oldcode",
    ],
    &[
        "newstring",
        "newstr",
        "newtext",
        "replace",
        "new",
        "replacement",
        "replacewith",
        "newcontent",
        "newcode",
    ],
    &["replaceall", "all", "global", "replaceeverywhere"],
    &[
        "pattern",
        "regex",
        "regexp",
        "query",
        "searchpattern",
        "search",
        "searchterm",
        "expression",
    ],
    &[
        "query",
        "q",
        "searchquery",
        "search",
        "searchterm",
        "searchtext",
        "question",
        "keywords",
    ],
    &["url", "uri", "link", "href", "address", "endpoint"],
    &[
        "startline",
        "start",
        "linestart",
        "fromline",
        "from",
        "firstline",
        "beginline",
    ],
    &[
        "endline", "end", "lineend", "toline", "to", "lastline", "stopline",
    ],
    &[
        "maxresults",
        "limit",
        "max",
        "count",
        "maxcount",
        "numresults",
        "n",
        "topk",
        "maxmatches",
    ],
    &["limit", "maxlines", "numlines", "lines", "linecount"],
    &["city", "location", "place", "town", "cityname"],
    &[
        "summary",
        "result",
        "message",
        "answer",
        "finalanswer",
        "output",
        "response",
        "report",
    ],
    &["message", "msg", "text", "content", "body"],
    &["recursive", "recurse", "recursively"],
    &[
        "timeout",
        "timeoutseconds",
        "timeoutsec",
        "timeoutsecs",
        "timelimit",
    ],
    &["casesensitive", "matchcase"],
    &["ignorecase", "caseinsensitive"],
    &["unit", "units", "scale", "temperatureunit"],
    &["success", "succeeded", "successful", "ok", "passed"],
    &["targets", "target", "tests", "testfiles", "files", "paths"],
    &["todos", "todo", "tasks", "todolist", "items"],
    &["headers", "header", "httpheaders"],
    &["method", "httpmethod", "verb"],
    &["cwd", "workdir", "workingdir", "workingdirectory"],
    &["name", "title", "label"],
    &["language", "lang", "locale"],
];

impl Target {
    pub(super) fn is_property(self, place: usize) -> bool {
        matches!(self, Self::Property { index, .. } if index == place)
    }
}

/// Where each member of `object` goes.
pub(super) fn targets(tree: &Tree<'_>, object: NodeId, members: &Members) -> Vec<Target> {
    let mut targets = Vec::with_capacity(tree.count(object));
    let mut holder: Vec<Option<usize>> = vec![None; members.properties.len()];
    let mut strangers = 0_usize;
    for (place, child) in tree.children(object).enumerate() {
        let key = tree.key(child).unwrap_or_default();
        let Some(index) = members.by_name.get(key).copied() else {
            strangers += 1;
            targets.push(Target::Stranger);
            continue;
        };
        // As in JSON, the last of several counts.
        if let Some(earlier) = holder.get_mut(index).and_then(|holder| holder.replace(place))
            && let Some(target) = targets.get_mut(earlier)
        {
            *target = Target::Overwritten;
        }
        targets.push(Target::Property {
            index,
            renamed: false,
        });
    }
    if strangers == 0 || strangers > MAX_SLIPS || holder.iter().all(Option::is_some) {
        return targets;
    }
    let written = tree.children(object).zip(0..).filter_map(|(child, place)| {
        let stranger = matches!(targets.get(place), Some(Target::Stranger));
        stranger.then(|| (place, names::plain(tree.key(child).unwrap_or_default())))
    });
    let written: Vec<_> = written.collect();
    for way in [same, alias, near] {
        for (place, key) in &written {
            if !matches!(targets.get(*place), Some(Target::Stranger)) {
                continue;
            }
            if let Nearest::One(index) = way(key, members, &holder)
                && let (Some(holder), Some(target)) = (holder.get_mut(index), targets.get_mut(*place))
            {
                *holder = Some(*place);
                *target = Target::Property { index, renamed: true };
            }
        }
    }
    targets
}

/// Properties that no key has taken yet.
fn free<'m>(members: &'m Members, holder: &[Option<usize>]) -> impl Iterator<Item = (usize, &'m str)> {
    let taken: Vec<bool> = holder.iter().map(Option::is_some).collect();
    let properties = members.properties.iter().enumerate().zip(taken);
    properties
        .filter(|(_, taken)| !taken)
        .map(|((index, property), _)| (index, property.plain.as_str()))
}

fn same(key: &str, members: &Members, holder: &[Option<usize>]) -> Nearest {
    let found = free(members, holder).filter(|(_, plain)| *plain == key);
    names::one_of(found.map(|(index, _)| index).collect())
}

fn alias(key: &str, members: &Members, holder: &[Option<usize>]) -> Nearest {
    let groups: Vec<_> = ALIASES.iter().filter(|group| group.contains(&key)).collect();
    if groups.is_empty() {
        return Nearest::None;
    }
    let found = free(members, holder).filter(|(_, plain)| groups.iter().any(|group| group.contains(plain)));
    names::one_of(found.map(|(index, _)| index).collect())
}

fn near(key: &str, members: &Members, holder: &[Option<usize>]) -> Nearest {
    names::nearest(key, free(members, holder))
}
