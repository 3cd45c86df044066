//! The tools that read and write files.

use std::fmt::Write as _;
use std::ops::Range;

use smallcode_core::context::outline_of;
use smallcode_core::diagnostic::count;
use smallcode_core::glob;
use smallcode_core::patch::{self, Files, numbered};
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::ToolName;
use smallcode_core::tokens::Tokens;
use smallcode_core::tool::read::ToolCall;
use smallcode_core::tool::route::Last;
use smallcode_parse::Known;

use super::super::edit::refusal;
use super::search::Search;
use super::seen::{Changed, Seen, Unseen};
use super::shown;
use super::toolbox::{Outcome, Toolbox};

/// How many lines are shown around a change, and how many of a change at most.
const AROUND: usize = 2;
const CHANGED: usize = 16;

impl Toolbox<'_> {
    /// Shows a file, with the numbers of its lines.
    pub(super) fn read_file(&mut self, call: &ToolCall, share: usize) -> Outcome {
        let tool = ToolName::ReadFile;
        let written = call.text("path").unwrap_or_default();
        let failed = |class, why: String| Outcome::failed(tool, class, why);
        let place = match self.access.reads(written) {
            Ok(place) => place,
            Err(why) => return failed(FailureClass::Denied, why),
        };
        if self.shared.workspace.folder(&place.path).is_ok() {
            let why = format!("`{}` is a folder: `list_files` shows what is in it", place.path);
            return failed(FailureClass::ToolFailed, why);
        }
        if !self.shared.workspace.exists(&place.path) {
            let why = format!("there is no file `{}`{}", place.path, self.alike(&place.path));
            return failed(FailureClass::ToolFailed, why);
        }
        let read = tokio::task::block_in_place(|| self.shared.workspace.read_real(&place.real));
        let text = match read {
            Ok(text) => text,
            Err(error) => return failed(FailureClass::ToolFailed, error.to_string()),
        };
        let (from, to) = (call.line("from"), call.line("to"));
        let told = self.shared.mask.apply(text.clone());
        let (told, shown) = self.lines(&place.path, &told, from, to, share);
        let before = self.known.remove(&place.real);
        self.known.insert(place.real, Seen::lines(before, &text, &shown));
        Outcome::did(tool, told)
    }

    /// Lines of a file, as many as fit, and which of them are whole: counted from 0.
    fn lines(
        &self,
        path: &str,
        text: &str,
        from: Option<usize>,
        to: Option<usize>,
        share: usize,
    ) -> (String, Vec<Range<usize>>) {
        let budget = self.budget_of(share);
        let lines: Vec<&str> = text.lines().collect();
        if lines.is_empty() {
            return (format!("`{path}` is empty"), Vec::new());
        }
        let first = from.unwrap_or(1).clamp(1, lines.len());
        let last = to.unwrap_or(lines.len()).clamp(first, lines.len());
        let wanted = lines.get(first - 1..last).unwrap_or_default();
        if let [line] = wanted {
            // Who asks for one line wants all of it.
            let (kept, whole) = shown::whole_line(line, budget, self.family);
            let mut told = format!("{first} | {kept}");
            if lines.len() > 1 {
                let _ = write!(told, "\n(line {first} of {})", lines.len());
            }
            return (told, whole.then_some(first - 1..first).into_iter().collect());
        }
        let shown_lines: Vec<String> = (first..)
            .zip(wanted)
            .map(|(number, line)| format!("{number} | {}", shown::numbered(number, line)))
            .collect();
        let whole = |to: usize| {
            let whole = (first - 1..to).filter(|at| lines.get(*at).is_some_and(|line| shown::is_whole(line)));
            whole.map(|at| at..at + 1).collect()
        };
        let fits = shown::fitting(&shown_lines, budget, self.family);
        if fits == shown_lines.len() {
            let mut all = shown_lines.join("\n");
            if last < lines.len() || first > 1 {
                let _ = write!(all, "\n(lines {first} to {last} of {})", lines.len());
            }
            return (all, whole(last));
        }
        let signatures = match (from, to) {
            (None, None) => outline_of(path, text),
            _ => None,
        };
        let Some(signatures) = signatures else {
            let shown_to = first + fits - 1;
            let kept = shown_lines.get(..fits).unwrap_or_default().join("\n");
            let told = format!(
                "{kept}\n(lines {first} to {shown_to} of {}; the next with `from`: {})",
                lines.len(),
                shown_to + 1
            );
            return (told, whole(shown_to));
        };
        // The signatures say where to look, the first lines what the file is.
        let third = Tokens(budget.get() / 3);
        let head = shown::fitting(&shown_lines, third, self.family);
        let kept = shown_lines.get(..head).unwrap_or_default().join("\n");
        let rest = Tokens(budget.get().saturating_sub(third.get()));
        let told = format!(
            "{kept}\n(lines 1 to {head} of {}; others with `from` and `to`)\n\nIts signatures:\n{}",
            lines.len(),
            shown::ends(&signatures, rest, self.family)
        );
        (told, whole(head))
    }

    /// Where a file of that name is.
    fn alike(&self, path: &str) -> String {
        let name = path.rsplit('/').next().unwrap_or(path);
        let found = tokio::task::block_in_place(|| self.access.list("**")).unwrap_or_default();
        let same: Vec<String> = found
            .iter()
            .filter(|other| other.rsplit('/').next() == Some(name))
            .take(3)
            .map(|other| format!("`{other}`"))
            .collect();
        if same.is_empty() {
            "; `list_files` shows which there are".to_owned()
        } else {
            format!("; there is {}", same.join(", "))
        }
    }

    /// Shows which files there are.
    pub(super) fn list_files(&mut self, call: &ToolCall, share: usize) -> Outcome {
        let tool = ToolName::ListFiles;
        let glob = match self.scope_of(call) {
            Ok(glob) => glob,
            Err(why) => return Outcome::failed(tool, FailureClass::Denied, why),
        };
        let found = match tokio::task::block_in_place(|| self.access.list(&glob)) {
            Ok(found) => found,
            Err(why) => return Outcome::failed(tool, FailureClass::ToolFailed, why),
        };
        if found.is_empty() {
            return Outcome::failed(
                tool,
                FailureClass::ToolFailed,
                format!("no file matches `{glob}`"),
            );
        }
        let budget = self.budget_of(share);
        let fits = shown::fitting(&found, budget, self.family);
        if fits == found.len() {
            return Outcome::did(tool, found.join("\n"));
        }
        let folders = by_folder(&found, &glob::extent(&glob).start);
        let shown = shown::ends(&folders.join("\n"), budget, self.family);
        let text = format!(
            "{shown}\n({}, too many to show: ask for a folder with `path`)",
            count(found.len(), "file")
        );
        Outcome::did(tool, text)
    }

    /// Finds lines in files.
    pub(super) fn search(&mut self, call: &ToolCall, share: usize) -> Outcome {
        let tool = ToolName::Search;
        let pattern = call.text("pattern").unwrap_or_default();
        let failed = |class, why: String| Outcome::failed(tool, class, why);
        if pattern.is_empty() {
            return failed(FailureClass::ToolFailed, "the pattern is empty".to_owned());
        }
        let glob = match self.scope_of(call) {
            Ok(glob) => glob,
            Err(why) => return failed(FailureClass::Denied, why),
        };
        let mut search = match Search::new(pattern) {
            Ok(search) => search,
            Err(why) => return failed(FailureClass::ToolFailed, why),
        };
        let files = match self.access.list(&glob) {
            Ok(files) => files,
            Err(why) => return failed(FailureClass::ToolFailed, why),
        };
        let searched = files.len();
        let (workspace, mask) = (&self.shared.workspace, &self.shared.mask);
        tokio::task::block_in_place(|| {
            for path in &files {
                // What is no text, or went just now, holds nothing to be found.
                let Ok(text) = workspace.read_real(path) else {
                    continue;
                };
                if !search.file(path, &mask.apply(text)) {
                    break;
                }
            }
        });
        let found = search.done();
        if found.lines.is_empty() {
            let why = format!("no line matches `{pattern}` in {}", count(searched, "file"));
            return failed(FailureClass::ToolFailed, why);
        }
        let fits = shown::fitting(&found.lines, self.budget_of(share), self.family);
        let mut text = found.lines.get(..fits).unwrap_or_default().join("\n");
        if fits < found.lines.len() || found.more {
            text.push_str("\n(there are more: search with a longer pattern, or in a folder with `path`)");
        }
        if found.literally {
            text.push_str("\n(the pattern is no regular expression and was looked for as it is)");
        }
        Outcome::did(tool, text)
    }

    /// The glob of what `path` and `glob` of a call mean together.
    fn scope_of(&self, call: &ToolCall) -> Result<String, String> {
        let path = call.text("path").map(str::trim).filter(|path| !path.is_empty());
        let below = call.text("glob").map(str::trim).filter(|glob| !glob.is_empty());
        let Some(path) = path.filter(|path| !matches!(*path, "." | "./")) else {
            return Ok(match below {
                // A pattern without a folder is meant everywhere.
                Some(below) if !below.contains('/') => format!("**/{below}"),
                Some(below) => below.to_owned(),
                None => "**".to_owned(),
            });
        };
        if glob::is_pattern(path) {
            return Ok(path.to_owned());
        }
        let place = self.access.reads(path)?;
        if self.shared.workspace.folder(&place.path).is_err() {
            return Ok(place.path);
        }
        Ok(format!("{}/{}", place.real, below.unwrap_or("**")))
    }
}

/// Folders with how many files are in each, and the files beside them.
fn by_folder(files: &[String], start: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let close = |open: &mut Option<(String, usize)>, lines: &mut Vec<String>| {
        if let Some((folder, files)) = open.take() {
            lines.push(format!("{folder}/ ({})", count(files, "file")));
        }
    };
    for file in files {
        let below = file.strip_prefix(start).unwrap_or(file).trim_start_matches('/');
        let Some((name, _)) = below.split_once('/') else {
            close(&mut open, &mut lines);
            lines.push(file.clone());
            continue;
        };
        let before = file.len() - below.len();
        let folder = file.get(..before + name.len()).unwrap_or(file).to_owned();
        match &mut open {
            Some((same, files)) if *same == folder => *files += 1,
            _ => {
                close(&mut open, &mut lines);
                open = Some((folder, 1));
            }
        }
    }
    close(&mut open, &mut lines);
    lines
}

/// Writes a whole file. Of one that is there the model must have seen all: it would lose what it never saw.
pub(super) async fn write_file(toolbox: &mut Toolbox<'_>, call: &ToolCall) -> Result<Outcome, Failure> {
    let tool = ToolName::WriteFile;
    let written = call.text("path").unwrap_or_default();
    let content = call.text("content").unwrap_or_default().to_owned();
    let place = match toolbox.access.writes(written) {
        Ok(place) => place,
        Err(why) => return Ok(Outcome::failed(tool, FailureClass::Denied, why)),
    };
    if toolbox.shared.workspace.folder(&place.path).is_ok() {
        let why = format!("`{}` is a folder", place.path);
        return Ok(Outcome::failed(tool, FailureClass::ToolFailed, why));
    }
    let before = match toolbox.content(&place.path) {
        Ok(before) => before,
        Err(why) => return Ok(Outcome::failed(tool, FailureClass::ToolFailed, why.to_string())),
    };
    if let Some(before) = &before {
        let why = match toolbox.known.get(&place.real).map(|seen| seen.all_of(before)) {
            Some(Ok(())) => None,
            Some(Err(Unseen::Changed)) => Some("has changed since you read it: read it again".to_owned()),
            Some(Err(Unseen::Lines(from, to))) => Some(format!(
                "holds lines that you have not read: read {from} to {to} first, or change it with `patch`"
            )),
            None => {
                Some("is there and you have not read it: read it first, or change it with `patch`".to_owned())
            }
        };
        if let Some(why) = why {
            return Ok(Outcome {
                last: Last::Unread,
                ..Outcome::failed(tool, FailureClass::ToolFailed, format!("`{}` {why}", place.path))
            });
        }
        if *before == content {
            let why = format!("`{}` holds that already", place.path);
            return Ok(Outcome::failed(tool, FailureClass::ToolFailed, why));
        }
    }
    let content = match &before {
        Some(before) => ended_alike(before, content),
        None => content,
    };
    let lines = content.lines().count();
    toolbox.known.insert(place.real, Seen::whole(&content));
    let did = if before.is_some() { "replaced" } else { "made" };
    let text = format!("`{}` was {did}; it has {} now", place.path, count(lines, "line"));
    toolbox
        .write(vec![(place.path.clone(), content)], vec![(place.path, before)])
        .await?;
    Ok(Outcome::did(tool, text))
}

/// A text with the line ends of the one that it replaces, where those are all alike and not a model's: it sees and writes
/// none but the short ones.
fn ended_alike(before: &str, content: String) -> String {
    let long = before.matches("\r\n").count();
    if long == 0 || long != before.matches('\n').count() || content.contains('\r') {
        return content;
    }
    content.replace('\n', "\r\n")
}

/// Puts edits into files: all of them, or none.
pub(super) async fn patch(
    toolbox: &mut Toolbox<'_>,
    call: &ToolCall,
    share: usize,
) -> Result<Outcome, Failure> {
    let tool = ToolName::Patch;
    let mut edits = call.edits.clone();
    let mut files = Files::new();
    let mut reals = Vec::new();
    for edit in &mut edits {
        let Some(written) = edit.path.clone() else {
            continue;
        };
        let place = match toolbox.access.writes(&full(toolbox, &written)) {
            Ok(place) => place,
            Err(why) => return Ok(Outcome::failed(tool, FailureClass::Denied, why)),
        };
        edit.path = Some(place.path.clone());
        if files.contains_key(&place.path) {
            continue;
        }
        if reals.contains(&place.real) {
            let why = format!("`{written}` is a second name of a file that is edited, too: use one of them");
            return Ok(Outcome::failed(tool, FailureClass::ToolFailed, why));
        }
        let text = match toolbox.content(&place.path) {
            Ok(text) => text,
            Err(why) => return Ok(Outcome::failed(tool, FailureClass::ToolFailed, why.to_string())),
        };
        files.insert(place.path, text);
        reals.push(place.real);
    }
    let changed = match patch::apply(&files, &edits) {
        Ok(changed) => changed,
        Err(refused) => {
            let failure = refusal(&refused);
            let text = toolbox.cut(&format!("{}\n{}", failure.message, failure.detail), share);
            return Ok(Outcome::failed(
                tool,
                failure.class,
                format!("Nothing was changed: {text}"),
            ));
        }
    };
    if changed.is_empty() {
        let why = "Nothing was changed: what the edits put in is what they search for";
        return Ok(Outcome::failed(tool, FailureClass::PatchWithoutMatch, why));
    }
    let mut told = Vec::new();
    let mut before = Vec::new();
    for (path, now) in &changed {
        let old = files.get(path).cloned().flatten();
        told.push(difference(path, old.as_deref().unwrap_or_default(), now));
        before.push((path.clone(), old));
    }
    let texts: Vec<(String, String)> = changed.into_iter().collect();
    for ((path, now), (_, old)) in texts.iter().zip(&before) {
        // What it knew and changed, it still knows.
        if let Ok(place) = toolbox.access.writes(path)
            && let Some(seen) = toolbox.known.remove(&place.real)
        {
            let seen = seen.changed(old.as_deref().unwrap_or_default(), now);
            toolbox.known.insert(place.real, seen);
        }
    }
    toolbox.write(texts, before).await?;
    let text = toolbox.cut(&toolbox.shared.mask.apply(told.join("\n")), share);
    Ok(Outcome::did(tool, text))
}

/// The path that a model means: what may stand for one only of the files that it knows is that one.
fn full(toolbox: &Toolbox<'_>, written: &str) -> String {
    if toolbox.shared.workspace.exists(written) {
        return written.to_owned();
    }
    let known = Known::new(toolbox.known.keys());
    known.find(written).unwrap_or(written).to_owned()
}

/// The lines of a file that are new, with some around them.
fn difference(path: &str, before: &str, now: &str) -> String {
    let changed = Changed::between(before, now).new;
    let new: Vec<&str> = now.lines().collect();
    let from = changed.start.saturating_sub(AROUND);
    let to = (changed.end + AROUND).min(new.len());
    let shown = new.get(from..to.min(from + CHANGED)).unwrap_or_default();
    let more = if to > from + CHANGED { "…\n" } else { "" };
    format!(
        "`{path}` was changed:\n{}{more}",
        numbered(shown.iter().copied(), from + 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_is_new_and_where() {
        assert_eq!(
            difference("a", "1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nx\n5\n6\n7\n"),
            "`a` was changed:\n2 | 2\n3 | 3\n4 | x\n5 | 5\n6 | 6\n"
        );
        assert_eq!(difference("a", "", "x\n"), "`a` was changed:\n1 | x\n");
        assert_eq!(difference("a", "x\nx\n", "x\n"), "`a` was changed:\n1 | x\n");
        assert_eq!(
            difference("a", "x\n", "x\nx\n"),
            "`a` was changed:\n1 | x\n2 | x\n"
        );
    }

    #[test]
    fn a_file_keeps_its_line_ends() {
        let alike = |before: &str, content: &str| ended_alike(before, content.to_owned());
        assert_eq!(alike("a\r\nb\r\n", "c\nd\n"), "c\r\nd\r\n");
        assert_eq!(alike("a\r\nb\n", "c\n"), "c\n");
        assert_eq!(alike("a\n", "c\n"), "c\n");
        assert_eq!(alike("a\r\n", "c\r\nd\n"), "c\r\nd\n");
    }

    #[test]
    fn many_files_are_counted_by_folder() {
        let files = ["a/b/1", "a/b/2", "a/x", "c"].map(str::to_owned);
        assert_eq!(by_folder(&files, ""), ["a/ (3 files)", "c"]);
        assert_eq!(by_folder(&files[..3], "a"), ["a/b/ (2 files)", "a/x"]);
    }
}
