//! Edits: search/replace blocks and unified diffs, as one kind of thing.

use super::known::Known;
use super::paths;
use crate::{Diagnostic, DiagnosticKind, Span};

/// Replace `search` by `replace` in a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Edit {
    /// The path, where the reply gives one; that of the edit before it where it gives none.
    pub path: Option<String>,
    /// The lines to look for; empty for a new file, or for text to be put at the end of one.
    pub search: String,
    /// What comes in their place.
    pub replace: String,
    /// The other ways to divide the block, by what is searched and what comes in its place, where more of its lines look
    /// like the divider: code and prose may hold one. The search parts grow from one to the next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub divided: Vec<(String, String)>,
    /// The line (from 1) where a diff says that the search begins; diffs of models are often wrong about it.
    pub line: Option<usize>,
    /// The edit in the reply.
    pub span: Span,
}

/// The edits of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// In the order of the reply.
    pub edits: Vec<Edit>,
    /// Blocks that were cut or never divided.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the search/replace blocks (`<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`) and the unified diffs of `reply`.
///
/// ```
/// let reply = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n";
/// let edits = smallcode_parse::edits(reply).edits;
/// assert_eq!((edits[0].search.as_str(), edits[0].replace.as_str()), ("x = 1\n", "x = 2\n"));
/// ```
pub fn edits(reply: &str) -> Edits {
    edits_of(reply, &Known::default())
}

/// Reads the edits of `reply` as [`edits`] does, where the paths that it may name are known: one of them is found though
/// it holds spaces.
pub fn edits_of(reply: &str, known: &Known) -> Edits {
    Reader {
        reply,
        known,
        found: Edits::default(),
        path: None,
        state: State::default(),
        removes: false,
    }
    .read()
}

struct Reader<'a> {
    reply: &'a str,
    known: &'a Known,
    found: Edits,
    path: Option<String>,
    state: State,
    /// Inside a diff of a file that it removes.
    removes: bool,
}

#[derive(Default)]
enum State {
    /// Between edits; the last line that may name a file.
    #[default]
    Outside,
    /// Inside the search part of a block.
    Search { start: usize, from: usize },
    /// Behind a line that divides it, from the search part on.
    Replace {
        start: usize,
        from: usize,
        dividers: Vec<Span>,
    },
    /// Inside a hunk of a diff.
    Hunk {
        start: usize,
        line: Option<usize>,
        search: String,
        replace: String,
        /// The sign of its last line.
        sign: u8,
    },
}

/// The most lines of a block that may divide it: a few headings of a text.
const MAX_DIVIDERS: usize = 16;

/// What a diff has in the place of a file that is not there.
const NOTHING: &str = "/dev/null";

enum Mark {
    Search,
    Divider,
    Replace,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Edits {
        let mut offset = 0;
        // The last line that is not blank, and the one before it.
        let mut before = ["", ""];
        for line in self.reply.split_inclusive('\n') {
            let start = offset;
            offset += line.len();
            self.line(line, start, offset, before);
            let trimmed = line.trim();
            if !trimmed.is_empty() {
                before = [trimmed, before[0]];
            }
        }
        self.end(offset);
        if self.found.edits.is_empty() && self.found.diagnostics.is_empty() {
            let message =
                "the reply holds no edit: give each as a block of <<<<<<< SEARCH, =======, >>>>>>> REPLACE";
            let kind = DiagnosticKind::Missing;
            self.found.diagnostics.push(Diagnostic {
                kind,
                span: None,
                path: None,
                message: message.to_owned(),
            });
        }
        self.found
    }

    fn line(&mut self, line: &'a str, start: usize, end: usize, before: [&'a str; 2]) {
        match (&mut self.state, mark(line)) {
            (State::Outside, Some(Mark::Search)) => {
                if let Some(path) = path_before(before, self.known) {
                    self.path = Some(path.to_owned());
                }
                self.state = State::Search { start, from: end };
            }
            (State::Search { start: open, from }, Some(Mark::Divider)) => {
                self.state = State::Replace {
                    start: *open,
                    from: *from,
                    dividers: vec![Span::new(start, end)],
                };
            }
            (State::Replace { dividers, .. }, Some(Mark::Divider)) => dividers.push(Span::new(start, end)),
            (State::Search { start: open, .. }, Some(Mark::Replace)) => {
                let span = Span::new(*open, end);
                self.diagnostic(
                    DiagnosticKind::Missing,
                    span,
                    "a search/replace block has no ======= between its parts",
                );
                self.state = State::Outside;
            }
            (
                State::Replace {
                    start: open,
                    from,
                    dividers,
                },
                Some(Mark::Replace),
            ) => {
                let span = Span::new(*open, end);
                let (from, dividers) = (*from, std::mem::take(dividers));
                self.state = State::Outside;
                self.block(span, Span::new(from, start), &dividers);
            }
            (State::Search { .. } | State::Replace { .. }, _) => {}
            (State::Hunk { .. }, _) => self.hunk_line(line, start, end),
            (State::Outside, _) => self.outside(line, start),
        }
    }

    /// A block of two parts, in every way in which it can be divided.
    fn block(&mut self, span: Span, inside: Span, dividers: &[Span]) {
        if dividers.len() > MAX_DIVIDERS {
            let message = "a search/replace block has too many lines of ====: change fewer lines at once";
            return self.diagnostic(DiagnosticKind::Ambiguous, span, message);
        }
        let text = |from: usize, to: usize| Span::new(from, to).of(self.reply).to_owned();
        let mut parts = dividers.iter().map(|divider| {
            let search = text(inside.start, divider.start);
            (search, text(divider.end, inside.end))
        });
        let Some((search, replace)) = parts.next() else {
            return;
        };
        let divided = parts.collect();
        self.found.edits.push(Edit {
            path: self.path.clone(),
            search,
            replace,
            divided,
            line: None,
            span,
        });
    }

    fn outside(&mut self, line: &'a str, start: usize) {
        let [new, old] = ["+++ ", "--- "].map(|sign| line.strip_prefix(sign));
        if let Some(path) = new.or(old).and_then(diff_path) {
            self.path = Some(path.to_owned());
            self.removes = false;
        } else if new.is_some_and(|path| path.trim_end() == NOTHING) {
            self.removes = true;
        } else if line.starts_with("@@") {
            self.state = State::Hunk {
                start,
                line: hunk_start(line),
                search: String::new(),
                replace: String::new(),
                sign: b' ',
            };
        }
    }

    fn hunk_line(&mut self, text: &'a str, start: usize, end: usize) {
        let ends = text.starts_with("@@")
            || text.starts_with("```")
            || text.starts_with("diff --git ")
            || text.starts_with("--- ") && diff_path(text.get(4..).unwrap_or_default()).is_some();
        if ends {
            self.close_hunk(start);
            return self.line(text, start, end, [""; 2]);
        }
        let State::Hunk {
            search,
            replace,
            sign,
            ..
        } = &mut self.state
        else {
            return;
        };
        let body = text.get(1..).unwrap_or_default();
        let first = text.as_bytes().first();
        match first {
            Some(b'+') => replace.push_str(body),
            Some(b'-') => search.push_str(body),
            Some(b' ') => {
                search.push_str(body);
                replace.push_str(body);
            }
            // `\ No newline at end of file` is said of the line before it.
            Some(b'\\') => {
                for (part, other) in [(search, b'+'), (replace, b'-')] {
                    if *sign != other && part.ends_with('\n') {
                        part.pop();
                    }
                }
                return;
            }
            // Models leave the space of an empty context line out.
            Some(b'\n' | b'\r') => {
                search.push_str(text);
                replace.push_str(text);
            }
            _ => {
                self.close_hunk(start);
                return self.line(text, start, end, [""; 2]);
            }
        }
        *sign = first
            .copied()
            .filter(|first| !matches!(first, b'\n' | b'\r'))
            .unwrap_or(b' ');
    }

    fn close_hunk(&mut self, end: usize) {
        let State::Hunk {
            start,
            line,
            search,
            replace,
            ..
        } = std::mem::take(&mut self.state)
        else {
            return;
        };
        let span = Span::new(start, end);
        if self.removes {
            let message = "a diff can't remove a file here: leave it as it is";
            return self.diagnostic(DiagnosticKind::Mismatch, span, message);
        }
        if search != replace {
            self.found.edits.push(Edit {
                path: self.path.clone(),
                search,
                replace,
                divided: Vec::new(),
                line,
                span,
            });
        }
    }

    fn end(&mut self, end: usize) {
        match &self.state {
            State::Outside => {}
            State::Hunk { .. } => self.close_hunk(end),
            State::Search { start, .. } | State::Replace { start, .. } => {
                let span = Span::new(*start, end);
                self.diagnostic(
                    DiagnosticKind::Cut,
                    span,
                    "the reply ends inside a search/replace block: >>>>>>> REPLACE is missing",
                );
            }
        }
    }

    fn diagnostic(&mut self, kind: DiagnosticKind, span: Span, message: &str) {
        self.found.diagnostics.push(Diagnostic {
            kind,
            span: Some(span),
            path: None,
            message: message.to_owned(),
        });
    }
}

/// The marker that a line is: five to nine of its sign (models miscount), then its word or nothing.
fn mark(line: &str) -> Option<Mark> {
    let line = line.trim_end();
    let sign = *line.as_bytes().first()?;
    let length = line.bytes().take_while(|byte| *byte == sign).count();
    if !(5..=9).contains(&length) {
        return None;
    }
    let word = line
        .get(length..)
        .unwrap_or_default()
        .trim()
        .trim_end_matches('>')
        .trim();
    let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    match sign {
        b'<' | b'-' if is(&["SEARCH", "ORIGINAL", "HEAD"]) => Some(Mark::Search),
        b'=' if word.is_empty() => Some(Mark::Divider),
        b'>' | b'+' if is(&["REPLACE", "UPDATED"]) => Some(Mark::Replace),
        b'>' if word.is_empty() => Some(Mark::Replace),
        _ => None,
    }
}

/// The path in the line before a block, in the fence that the block stands in, or in the line before that.
fn path_before<'a>([line, earlier]: [&'a str; 2], known: &Known) -> Option<&'a str> {
    let info = line.trim_start_matches(['`', '~']);
    if info.len() < line.len() && !info.contains('`') {
        return paths::in_info(info, known).or_else(|| paths::before_edit(earlier, known));
    }
    paths::before_edit(line, known)
}

/// The path of a `---` or `+++` line, without its prefix and its time.
fn diff_path(text: &str) -> Option<&str> {
    let path = text.split('\t').next()?.trim();
    if path == NOTHING || path.is_empty() {
        return None;
    }
    Some(
        path.strip_prefix("a/")
            .or_else(|| path.strip_prefix("b/"))
            .unwrap_or(path),
    )
}

/// The first number of `@@ -12,3 +12,4 @@`.
fn hunk_start(line: &str) -> Option<usize> {
    let digits = line.split_once('-')?.1;
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    digits.get(..length)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_give_their_parts_and_inherit_their_path() {
        let reply = "src/a.py\n```python\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n\
                     <<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n```\n";
        let found = edits(reply);
        assert_eq!(found.diagnostics, []);
        assert_eq!(found.edits.len(), 2);
        assert!(
            found
                .edits
                .iter()
                .all(|edit| edit.path.as_deref() == Some("src/a.py"))
        );
        assert_eq!(
            (found.edits[0].search.as_str(), found.edits[0].replace.as_str()),
            ("a\n", "b\n")
        );
        assert_eq!(
            (found.edits[1].search.as_str(), found.edits[1].replace.as_str()),
            ("", "new\n")
        );
    }

    #[test]
    fn the_path_is_before_the_block_or_in_its_fence() {
        for head in [
            "src/a.py\n",
            "```python src/a.py\n",
            "**src/a.py**\n\n",
            "### `src/a.py`\n",
            "src/a.py\n```python\n",
            "**src/a.py**\n\n```\n",
            "```python\n# src/a.py\n",
        ] {
            let found = edits(&format!("{head}<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"));
            assert_eq!(found.edits[0].path.as_deref(), Some("src/a.py"), "{head}");
        }
    }

    #[test]
    fn a_name_with_spaces_is_no_prose_and_its_last_word_no_path() {
        let known = Known::new(["c d.txt", "d.txt", "my dir/c d.txt"]);
        let block = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
        for (head, path) in [
            ("c d.txt:\n", "c d.txt"),
            ("my dir/c d.txt\n", "my dir/c d.txt"),
            ("my dir/c d.txt\n```\n", "my dir/c d.txt"),
            ("```c d.txt\n", "c d.txt"),
            ("In c d.txt:\n", "c d.txt"),
            ("In d.txt:\n", "d.txt"),
            ("Change `my dir/c d.txt`:\n", "my dir/c d.txt"),
            ("# c d.txt\n", "c d.txt"),
            ("// c d.txt\n", "c d.txt"),
            ("// src/a.rs\n", "src/a.rs"),
            // Not known, and refused later.
            ("e d.txt:\n", "e d.txt"),
        ] {
            let reply = format!("d.txt\n{block}{head}{block}");
            let found = edits_of(&reply, &known).edits;
            assert_eq!(found[1].path.as_deref(), Some(path), "{head}");
        }
        let prose = format!("d.txt\n{block}And the call of it in main.rs\n{block}");
        assert_eq!(edits_of(&prose, &known).edits[1].path.as_deref(), Some("d.txt"));
    }

    #[test]
    fn content_that_looks_like_a_marker_of_git_stays() {
        let found = edits("a.md\n<<<<<<< SEARCH\nTitle\n===\n=======\nTitle\n====\n>>>>>>> REPLACE\n");
        assert_eq!(found.edits[0].search, "Title\n===\n");
        assert_eq!(found.edits[0].replace, "Title\n====\n");
    }

    #[test]
    fn a_block_with_several_dividers_may_be_divided_at_each() {
        let found = edits("a.rst\n<<<<<<< SEARCH\nOne\n=======\n=======\nTwo\n=====\n>>>>>>> REPLACE\n");
        assert_eq!(found.diagnostics, []);
        let [edit] = found.edits.as_slice() else { panic!() };
        assert_eq!(
            (edit.search.as_str(), edit.replace.as_str()),
            ("One\n", "=======\nTwo\n=====\n")
        );
        let texts = |search: &str, replace: &str| (search.to_owned(), replace.to_owned());
        assert_eq!(
            edit.divided,
            [
                texts("One\n=======\n", "Two\n=====\n"),
                texts("One\n=======\n=======\nTwo\n", "")
            ]
        );
        let many = edits(&format!(
            "<<<<<<< SEARCH\na\n{}>>>>>>> REPLACE\n",
            "=======\n".repeat(1000)
        ));
        assert_eq!(
            (many.edits.len(), many.diagnostics[0].kind),
            (0, DiagnosticKind::Ambiguous)
        );
    }

    #[test]
    fn a_diff_that_removes_a_file_changes_none() {
        let reply = "--- a/x.rs\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n--- a/y.rs\n+++ b/y.rs\n@@ -1 +1 @@\n-a\n+b\n";
        let found = edits(reply);
        assert_eq!(found.diagnostics.len(), 1);
        assert!(found.diagnostics[0].message.contains("can't remove a file"));
        let paths: Vec<_> = found.edits.iter().map(|edit| edit.path.as_deref()).collect();
        assert_eq!(paths, [Some("y.rs")]);
        // One that makes a file has a new name only.
        let made = edits("--- /dev/null\n+++ b/z.rs\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(made.edits[0].path.as_deref(), Some("z.rs"));
        assert_eq!((made.edits[0].search.as_str(), made.diagnostics.len()), ("", 0));
    }

    #[test]
    fn a_diff_is_its_hunks() {
        let reply = "```diff\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -3,3 +3,3 @@ fn x\n one\n-two\n+2\n three\n\
                     @@ ... @@\n-x\n+y\n```\n";
        let found = edits(reply).edits;
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path.as_deref(), Some("src/a.rs"));
        assert_eq!(found[0].line, Some(3));
        assert_eq!(
            (found[0].search.as_str(), found[0].replace.as_str()),
            ("one\ntwo\nthree\n", "one\n2\nthree\n")
        );
        assert_eq!(
            (found[1].search.as_str(), found[1].replace.as_str()),
            ("x\n", "y\n")
        );
    }

    #[test]
    fn a_missing_line_end_is_that_of_the_line_before() {
        let parts = |hunk: &str| {
            let found = edits(&format!("--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n{hunk}")).edits;
            (found[0].search.clone(), found[0].replace.clone())
        };
        let no = "\\ No newline at end of file\n";
        let texts = |search: &str, replace: &str| (search.to_owned(), replace.to_owned());
        assert_eq!(parts(&format!(" x\n-a\n{no}+b\n")), texts("x\na", "x\nb\n"));
        assert_eq!(parts(&format!(" x\n-a\n+b\n{no}")), texts("x\na\n", "x\nb"));
        assert_eq!(parts(&format!("-a\n x\n{no}")), texts("a\nx", "x"));
    }

    #[test]
    fn a_cut_or_undivided_block_is_said() {
        let kind = |reply: &str| edits(reply).diagnostics[0].kind;
        assert_eq!(kind("<<<<<<< SEARCH\na\n"), DiagnosticKind::Cut);
        assert_eq!(kind("<<<<<<< SEARCH\na\n=======\nb\n"), DiagnosticKind::Cut);
        assert_eq!(
            kind("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n"),
            DiagnosticKind::Missing
        );
        assert_eq!(kind("no edit"), DiagnosticKind::Missing);
    }
}
