//! Files and edits that a reply holds: fenced blocks with a path, search/replace blocks, unified diffs.
//!
//! Code never travels inside JSON strings here: a fence needs no escapes, so a small model can't get them wrong.
//! Contents are given byte for byte as the reply has them. Whether a path may be written is not decided here.

mod edits;
mod fences;
mod paths;

use crate::{Diagnostic, DiagnosticKind, Span};

pub use edits::{Edit, Edits, edits};

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
    /// What a model should put right: the same path twice, a block that was cut, blocks without a path.
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
    let mut found = Files::default();
    let mut nameless = None;
    for fence in fences::fences(reply) {
        let path = paths::in_info(fence.info)
            .or_else(|| paths::in_line(fence.before))
            .or_else(|| paths::in_comment(fence.content.of(reply)));
        let Some(path) = path else {
            nameless = nameless.or(Some(fence.span));
            continue;
        };
        if found.files.iter().any(|file| file.path == path) {
            let message = format!("`{path}` is given twice: give each file once, whole");
            found
                .diagnostics
                .push(diagnostic(DiagnosticKind::Ambiguous, fence.span, message));
        }
        if !fence.closed {
            let message = format!("the reply ends inside `{path}`: its closing fence is missing");
            found
                .diagnostics
                .push(diagnostic(DiagnosticKind::Cut, fence.span, message));
        }
        found.files.push(FileBlock {
            path: path.to_owned(),
            content: fence.content.of(reply).to_owned(),
            span: fence.span,
            closed: fence.closed,
        });
    }
    if found.files.is_empty() {
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

/// The one fenced block of a reply.
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

/// The fenced block of `reply` where it has exactly one: which of several is meant can't be known.
pub fn only_block(reply: &str) -> Option<Block<'_>> {
    let mut fences = fences::fences(reply).into_iter();
    let fence = fences.next().filter(|_| fences.next().is_none())?;
    Some(Block {
        info: fence.info,
        content: fence.content.of(reply),
        span: fence.span,
        closed: fence.closed,
    })
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
        ] {
            assert_eq!(
                paths(&format!("Hello.\n\n{line}\n\n```rust\nx\n```\n")),
                ["src/a.rs"],
                "{line}"
            );
        }
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
