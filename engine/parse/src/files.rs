//! Files and edits that a reply holds: fenced blocks with a path, search/replace blocks, unified diffs.
//!
//! Code never travels inside JSON strings here: a fence needs no escapes, so a small model can't get them wrong.
//! Contents are given byte for byte as the reply has them. Whether a path may be written is not decided here.

mod edits;
mod fences;
mod known;
mod paths;

use std::collections::BTreeSet;

use self::fences::Fence;
use crate::{Diagnostic, DiagnosticKind, Span};

pub use edits::{Edit, Edits, edits, edits_of};
pub use known::Known;

/// How a file that holds fences is given without a doubt.
pub const LONGER: &str = "put four backticks around a file that holds fences";

/// What is said of a block of this content that does not end, with the way out where a fence in it may be why.
pub fn unclosed(content: &str) -> String {
    let missing = "its closing fence is missing";
    if content.contains("```") {
        format!("{missing}; {LONGER}")
    } else {
        missing.to_owned()
    }
}

/// A file as a reply gives it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileBlock {
    /// The path, as the reply has it, without quotes and marks around it.
    pub path: String,
    /// What stands between the fences.
    pub content: String,
    /// The block, fences included.
    pub span: Span,
    /// Whether the closing fence is there; without it the reply was cut, and so may be the file.
    pub closed: bool,
}

/// The files of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// In the order of the reply.
    pub files: Vec<FileBlock>,
    /// What a model should put right: the same path twice, a block that was cut or whose end is not clear, blocks without
    /// a path.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the fenced blocks of `reply` that have a path: in the fence's info (`rust src/a.rs`, `ts:src/a.ts`,
/// `py title="a.py"`), in the line before it (`### src/a.rs`, `**a.py**`, `File: a.py`), or in a comment on the
/// block's first line, which stays part of the file.
///
/// ```
/// let reply = "Here it is:\n\n**src/lib.rs**\n```rust\npub fn one() -> i32 { 1 }\n```\n";
/// let files = smallcode_parse::files(reply).files;
/// assert_eq!(files[0].path, "src/lib.rs");
/// assert_eq!(files[0].content, "pub fn one() -> i32 { 1 }\n");
/// ```
pub fn files(reply: &str) -> Files {
    files_of(reply, &Known::default())
}

/// Reads the files of `reply` as [`files`] does, where some paths are known: one of them is found though it holds spaces.
pub fn files_of(reply: &str, known: &Known) -> Files {
    let mut found = Files::default();
    let mut nameless = None;
    let mut paths = BTreeSet::new();
    for fence in fences::fences(reply) {
        let path = paths::in_info(fence.info, known)
            .or_else(|| paths::in_line(fence.before, known))
            .or_else(|| paths::in_comment(fence.content.of(reply), known));
        if let Some((kind, message)) = path.and_then(|path| fault(&fence, path, known)) {
            found.diagnostics.push(diagnostic(kind, fence.span, message));
        }
        let Some(path) = path else {
            let last = found.files.last().map(|file| file.path.as_str());
            if let Some(message) = doubt(&fence, reply, last, known) {
                found
                    .diagnostics
                    .push(diagnostic(DiagnosticKind::Ambiguous, fence.span, message));
            }
            nameless = nameless.or(Some(fence.span));
            continue;
        };
        if !paths.insert(path) {
            let message = format!("`{path}` is given twice: give each file once, whole");
            found
                .diagnostics
                .push(diagnostic(DiagnosticKind::Ambiguous, fence.span, message));
        }
        found.files.push(FileBlock {
            path: path.to_owned(),
            content: fence.content.of(reply).to_owned(),
            span: fence.span,
            closed: fence.closed,
        });
    }
    if found.files.is_empty() && found.diagnostics.is_empty() {
        let (span, message) = match nameless {
            Some(span) => (
                Some(span),
                "no fenced block has a path: put it after the opening fence, as in ```rust src/lib.rs",
            ),
            None => (
                None,
                "the reply holds no fenced block: give each file in one, with its path after the opening fence",
            ),
        };
        let kind = DiagnosticKind::Missing;
        found.diagnostics.push(Diagnostic {
            kind,
            span,
            path: None,
            message: message.to_owned(),
        });
    }
    found
}

/// What is wrong with the block of a file.
fn fault(fence: &Fence<'_>, path: &str, known: &Known) -> Option<(DiagnosticKind, String)> {
    if !fence.closed {
        let way_out = if fence.inner.is_empty() {
            String::new()
        } else {
            format!("; {LONGER}")
        };
        let message = format!("the reply ends inside `{path}`: its closing fence is missing{way_out}");
        return Some((DiagnosticKind::Cut, message));
    }
    // It may be part of the file, or the next one where a closing fence was left out here and one too many is behind.
    let inner = inner_path(fence, known)?;
    let message = format!(
        "`{inner}` begins inside `{path}`: close the fence of each file before the next, or {LONGER}"
    );
    Some((DiagnosticKind::Ambiguous, message))
}

/// Why a block without a path may be more than an example: it holds a file, or lines of the file before it.
fn doubt(fence: &Fence<'_>, reply: &str, last: Option<&str>, known: &Known) -> Option<String> {
    if let Some(inner) = inner_path(fence, known) {
        return Some(format!(
            "`{inner}` begins inside another block: close each fence before the next file"
        ));
    }
    // A closing fence too many opens a block of nothing.
    if !fence.info.is_empty() || fence.content.of(reply).trim().is_empty() {
        return None;
    }
    // What was read as the end of a file and an example behind it may be an example in the file. In code it seldom is.
    let path = last.filter(|path| is_page(path) || !fence.before.ends_with(':'))?;
    Some(format!("it is not clear where `{path}` ends: {LONGER}"))
}

fn inner_path<'a>(fence: &Fence<'a>, known: &Known) -> Option<&'a str> {
    fence.inner.iter().find_map(|info| paths::in_info(info, known))
}

/// Whether a file is prose, which is what fences stand in.
fn is_page(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let prose = ["", "md", "markdown", "mdx", "qmd", "rmd", "txt"];
    prose.iter().any(|prose| extension.eq_ignore_ascii_case(prose))
}

/// A fenced block of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'r> {
    /// What stands after the opening fence: a language, if anything.
    pub info: &'r str,
    /// What stands between the fences.
    pub content: &'r str,
    /// The block, fences included.
    pub span: Span,
    /// Whether the closing fence is there.
    pub closed: bool,
}

/// The fenced blocks of `reply` that stand in no other, with a path or without.
pub fn blocks(reply: &str) -> Vec<Block<'_>> {
    let found = fences::fences(reply).into_iter();
    found
        .map(|fence| Block {
            info: fence.info,
            content: fence.content.of(reply),
            span: fence.span,
            closed: fence.closed,
        })
        .collect()
}

fn diagnostic(kind: DiagnosticKind, span: Span, message: String) -> Diagnostic {
    Diagnostic {
        kind,
        span: Some(span),
        path: None,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(reply: &str) -> Vec<String> {
        files(reply).files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn a_path_stands_in_the_info() {
        for info in [
            "src/a.rs",
            "rust src/a.rs",
            "rust:src/a.rs",
            "rust path=src/a.rs",
            "rust title=\"src/a.rs\"",
            "rust {file=src/a.rs}",
            "rust // src/a.rs",
        ] {
            assert_eq!(paths(&format!("```{info}\nx\n```\n")), ["src/a.rs"], "{info}");
        }
    }

    #[test]
    fn all_behind_the_language_is_the_path() {
        for (info, path) in [
            ("docs/my file.md", "docs/my file.md"),
            ("md docs/my file.md", "docs/my file.md"),
            ("my file.md", "my file.md"),
            ("zigzag my.zigzag", "my.zigzag"),
            ("c d.txt", "d.txt"),
            ("md:docs/my file.md", "docs/my file.md"),
            ("md title=\"docs/my file.md\" lines=1", "docs/my file.md"),
            ("docs/my file.md (new)", "docs/my file.md"),
            ("rust lines=1-3 src/a.rs", "src/a.rs"),
            ("src/a.rs (new)", "src/a.rs"),
            ("C:\\src\\a.rs", "C:\\src\\a.rs"),
        ] {
            assert_eq!(paths(&format!("```{info}\nx\n```\n")), [path], "{info}");
        }
        for info in ["{.python}", "src/a.rs:12", "rust", "text", "sh"] {
            assert!(paths(&format!("```{info}\nx\n```\n")).is_empty(), "{info}");
        }
    }

    #[test]
    fn a_known_path_is_found_whole() {
        let known = Known::new(["c d.txt", "d.txt", "my dir/c d.txt"]);
        let path = |reply: String| files_of(&reply, &known).files.pop().map(|file| file.path);
        for (written, found) in [
            ("c d.txt", "c d.txt"),
            ("my dir/c d.txt", "my dir/c d.txt"),
            ("d.txt", "d.txt"),
        ] {
            for reply in [
                format!("```{written}\nx\n```\n"),
                format!("```txt {written}\nx\n```\n"),
                format!("{written}:\n```\nx\n```\n"),
                format!("**{written}**\n```\nx\n```\n"),
                format!("File: `{written}`\n```\nx\n```\n"),
                format!("Here is the new {written}:\n```\nx\n```\n"),
                format!("```\n# {written}\nx\n```\n"),
            ] {
                assert_eq!(path(reply.clone()).as_deref(), Some(found), "{reply}");
            }
        }
        assert_eq!(path("e d.txt:\n```\nx\n```\n".to_owned()), None);
    }

    #[test]
    fn a_path_stands_before_the_fence() {
        for line in [
            "src/a.rs",
            "### src/a.rs",
            "**src/a.rs**",
            "`src/a.rs`:",
            "File: src/a.rs",
            "1. `src/a.rs`",
            "### 2. File: `src/a.rs`",
            "Here is `src/a.rs`:",
            "Create src/a.rs:",
            "Here is the updated src/a.rs:",
            "Step 1, src/a.rs:",
        ] {
            assert_eq!(
                paths(&format!("Hello.\n\n{line}\n\n```rust\nx\n```\n")),
                ["src/a.rs"],
                "{line}"
            );
        }
        assert_eq!(paths("docs/my file.md\n```\nx\n```\n"), ["docs/my file.md"]);
        assert!(paths("Run `node src/a.js`:\n```sh\nnode\n```\n").is_empty());
        assert!(paths("Install Node.js\n```sh\nls\n```\n").is_empty());
        assert!(paths("Run it with version 1.2:\n```sh\nls\n```\n").is_empty());
        assert!(paths("See https://example.com/a.html\n```sh\nls\n```\n").is_empty());
    }

    #[test]
    fn a_path_stands_in_the_first_comment() {
        for line in [
            "// src/a.rs",
            "# src/a.rs",
            "/* src/a.rs */",
            "<!-- src/a.rs -->",
            "-- File: src/a.rs",
        ] {
            let found = files(&format!("```rust\n{line}\nx\n```\n")).files;
            assert_eq!(found[0].path, "src/a.rs", "{line}");
            assert_eq!(found[0].content, format!("{line}\nx\n"));
        }
        assert!(paths("```c\n// include stdio.h first\nx\n```\n").is_empty());
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones() {
        let found = files("````md README.md\n```sh\nls\n```\n````\n").files;
        assert_eq!(found[0].content, "```sh\nls\n```\n");
    }

    #[test]
    fn a_file_may_hold_fences_that_pair_up() {
        let page = "# Title\n\n```sh\nls\n```\n\nMore\n";
        let found = files(&format!("```README.md\n{page}```\n\n```docs/b.md\nb\n```\n"));
        assert_eq!(found.diagnostics, []);
        assert_eq!(found.files[0].content, page);
        assert_eq!(found.files[1].path, "docs/b.md");
        let code = "def f():\n    \"\"\"\n    ```\n    f()\n    ```\n    \"\"\"\n";
        assert_eq!(files(&format!("```a.py\n{code}```\n")).files[0].content, code);
    }

    /// Whatever is read then is a guess, so that nothing of it may be taken in silence.
    #[test]
    fn fences_that_may_mean_two_things_are_told() {
        for (reply, told) in [
            (
                "```README.md\n# T\n```\nls\n```\nMore\n```\n",
                "not clear where `README.md` ends",
            ),
            (
                "```README.md\n# T\n```\nls\n```\nMore\n",
                "not clear where `README.md` ends",
            ),
            (
                "```README.md\n~~~\n```\n~~~\nMore\n```\n",
                "not clear where `README.md` ends",
            ),
            (
                "```a.py\n\"\"\"\n```\nf()\n```\n\"\"\"\nx\n```\n",
                "not clear where `a.py` ends",
            ),
            ("```README.md\n```sh\nls\n```\nMore\n", "ends inside `README.md`"),
            (
                "```README.md\n```sh\nls\n```\n```b.md\nb\n```\n",
                "ends inside `README.md`",
            ),
            (
                "```a.rs\na\n```b.rs\nb\n```\n```\n",
                "`b.rs` begins inside `a.rs`",
            ),
            (
                "```a.rs\na\n```\n```\n```b.rs\nb\n```\n",
                "`b.rs` begins inside another block",
            ),
            (
                "```md\n```a.rs\na\n```\n```\n",
                "`a.rs` begins inside another block",
            ),
        ] {
            let diagnostics = files(reply).diagnostics;
            assert!(
                diagnostics.iter().any(|one| one.message.contains(told)),
                "{reply}: {diagnostics:?}"
            );
        }
        for reply in [
            "```a.rs\na\n```\n```\n",
            "```a.md\na\n```\nThat is all.\n```",
            "```a.rs\na\n```\nIt prints:\n```\n1\n```\n",
            "```a.md\na\n```\nRun it:\n```sh\nls\n```\n",
            "````a.md\n```a.rs\nx\n```\n````\n",
        ] {
            assert_eq!(files(reply).diagnostics, [], "{reply}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let kinds = |reply: &str| {
            files(reply)
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.kind)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            kinds("```a.rs\nx\n```\n```a.rs\ny\n```\n"),
            [DiagnosticKind::Ambiguous]
        );
        assert_eq!(kinds("```a.rs\nx\n"), [DiagnosticKind::Cut]);
        assert_eq!(kinds("```\nx\n```\n"), [DiagnosticKind::Missing]);
        assert_eq!(kinds("nothing"), [DiagnosticKind::Missing]);
    }
}
