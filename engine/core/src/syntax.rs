//! Whether a source file can be read as its language, by tree-sitter: no toolchain is needed.
//!
//! A path and a text go in; the first place that can't be read comes out, with what stands there. A broken file has
//! one cause and many symptoms, so that no more than the first is told.

use tree_sitter::Node;

use crate::context::{Language, ParseError, parsed};
use crate::problems::{Problem, Severity};

/// The languages that are known, as the user is told of them.
pub const LANGUAGES: &str = "Rust, JavaScript, TypeScript, Python, Go, Java, C, C++";

/// How much of what was found is shown, in characters: enough to find it by.
const SHOWN: usize = 40;

/// How many errors of a tree are looked at: the first is among them, and its parts follow it at once.
const LOOKED_AT: usize = 64;

/// Why nothing is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadError {
    /// Its extension stands for no language that has a grammar here.
    #[error("its language is none of {LANGUAGES}")]
    Unknown,
    /// It was not parsed.
    #[error(transparent)]
    NotParsed(#[from] ParseError),
}

/// The first place of a file that is not of its language; nothing where all of it is.
///
/// # Errors
/// When its language is not known, or it was not parsed: then nothing is said of it.
pub fn check(path: &str, text: &str) -> Result<Option<Problem>, UnreadError> {
    let language = Language::of_path(path).ok_or(UnreadError::Unknown)?;
    let tree = parsed(language, text)?;
    if !tree.root_node().has_error() {
        return Ok(None);
    }
    let found = Found::of(tree.root_node());
    let (at, message) = found.first(text);
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let number = |count: usize| u32::try_from(count + 1).ok();
    Ok(Some(Problem {
        file: Some(path.to_owned()),
        line: number(before.matches('\n').count()),
        column: number(before.get(start..).unwrap_or_default().chars().count()),
        severity: Severity::Error,
        code: None,
        message,
        source: None,
    }))
}

/// What is wrong in a tree, in the order of the text.
#[derive(Default)]
struct Found<'t> {
    errors: Vec<Wrong<'t>>,
    /// A bracket that closes nothing, or what another bracket opened; else the last that is never closed.
    bracket: Option<(usize, String)>,
}

/// A part of the text that could not be read, or something that is missing there.
struct Wrong<'t> {
    start: usize,
    end: usize,
    /// Whether it goes over more than one line.
    long: bool,
    missing: Option<&'t str>,
}

impl<'t> Found<'t> {
    /// Looks at every node, in one walk that does not recurse.
    fn of(root: Node<'t>) -> Self {
        let mut found = Self::default();
        let mut open: Vec<(usize, &'t str)> = Vec::new();
        let mut cursor = root.walk();
        loop {
            let node = cursor.node();
            if (node.is_error() || node.is_missing()) && found.errors.len() < LOOKED_AT {
                found.errors.push(Wrong {
                    start: node.start_byte(),
                    end: node.end_byte(),
                    long: node.start_position().row != node.end_position().row,
                    missing: node.is_missing().then(|| node.kind()),
                });
            }
            if node.child_count() == 0 && !node.is_missing() && found.bracket.is_none() {
                found.bracket = token(&node, &mut open);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    if found.bracket.is_none() {
                        let last = open.last();
                        found.bracket = last.map(|(at, kind)| (*at, format!("`{kind}` is never closed")));
                    }
                    return found;
                }
            }
        }
    }

    /// The place to look at first, as an offset, and what is wrong there.
    fn first(&self, text: &str) -> (usize, String) {
        let mut errors = self.errors.iter();
        let Some(mut first) = errors.next() else {
            return (0, "it can't be read".to_owned());
        };
        // One that spans many lines says less than what is wrong in it.
        for inner in errors {
            if first.missing.is_some() || !first.long || inner.start >= first.end {
                break;
            }
            first = inner;
        }
        if let Some(kind) = first.missing {
            let message = format!(
                "{} is missing before {}",
                named(kind),
                excerpt(text, first.start, text.len())
            );
            return (first.start, message);
        }
        if let Some((at, message)) = &self.bracket {
            return (*at, message.clone());
        }
        let found = excerpt(text, first.start, first.end);
        (first.start, format!("{found} can't be read here"))
    }
}

/// Matches brackets; gives the first that does not fit.
fn token<'t>(node: &Node<'t>, open: &mut Vec<(usize, &'t str)>) -> Option<(usize, String)> {
    let (kind, at) = (node.kind(), node.start_byte());
    let opener = match kind {
        "(" | "[" | "{" | "${" => {
            open.push((at, kind));
            return None;
        }
        ")" => "(",
        "]" => "[",
        "}" => "{",
        _ => return None,
    };
    match open.pop() {
        Some((_, other)) if other.ends_with(opener) => None,
        Some((_, other)) => Some((at, format!("`{kind}` stands where `{other}` is to be closed"))),
        None => Some((at, format!("`{kind}` closes nothing"))),
    }
}

/// What a grammar calls a part: a mark in its own writing, else its name in words.
fn named(kind: &str) -> String {
    if kind.chars().any(char::is_alphabetic) && kind.contains('_') || kind == "identifier" {
        format!("a part ({})", kind.replace('_', " "))
    } else {
        format!("`{kind}`")
    }
}

/// What stands between two places: its first line, cut.
fn excerpt(text: &str, start: usize, end: usize) -> String {
    let text = text.get(start..end).unwrap_or_default().trim_start();
    let line = text.lines().next().unwrap_or_default().trim_end();
    if line.is_empty() {
        return "the end".to_owned();
    }
    let cut: String = line.chars().take(SHOWN).collect();
    let more = if cut.len() < line.len() { "…" } else { "" };
    format!("`{cut}{more}`")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_first_error_with_its_place_and_what_was_found() {
        let mut table = String::new();
        for (path, text) in [
            ("a.rs", "fn main() {\n    let x = 1\n    let y = 2;\n}\n"),
            ("a.rs", "fn main() {\n    let x = ;\n}\n"),
            ("a.rs", "fn main() {\n    if x {\n        y();\n\nfn other() {}\n"),
            ("a.rs", "fn main() {\n    call(a, [b);\n}\n"),
            ("a.rs", "fn main() {}\n}\n"),
            ("a.ts", "export function f(a: number {\n  return a;\n}\n"),
            ("a.tsx", "const a = <div><b>x</div>;\n"),
            ("a.js", "const a = {\n  b: 1,\n  c: `${d`\n};\n"),
            ("a.py", "def f(a):\n    return (a +\n\ndef g():\n    pass\n"),
            ("a.py", "def f(a)\n    return a\n"),
            ("a.go", "package a\n\nfunc f( {\n}\n"),
            ("A.java", "class A {\n  int f() { return 1 }\n}\n"),
            ("a.c", "int main(void) {\n  return 0;\n"),
            ("a.cpp", "class A { public: int f() { return 1; }\nint g();\n"),
            ("a.py", "Sure! Here is the code:\n\nimport os\n"),
        ] {
            let problem = check(path, text).unwrap().expect(text);
            let (line, column) = (problem.line.unwrap(), problem.column.unwrap());
            let _ = writeln!(table, "{path}:{line}:{column}: {}", problem.message);
        }
        insta::assert_snapshot!(table, @"
        a.rs:2:14: `;` is missing before `let y = 2;`
        a.rs:2:11: `=` can't be read here
        a.rs:2:10: `{` is never closed
        a.rs:2:15: `]` is missing before `);`
        a.rs:2:1: `}` closes nothing
        a.ts:1:28: `)` is missing before `{`
        a.tsx:1:1: `const a = <div><b>x</div>;` can't be read here
        a.js:1:11: `{` is never closed
        a.py:2:12: `(` is never closed
        a.py:1:1: `def f(a)` can't be read here
        a.go:3:8: `)` is missing before `{`
        A.java:2:21: `;` is missing before `}`
        a.c:2:12: `}` is missing before the end
        a.cpp:1:9: `{` is never closed
        a.py:1:1: `Sure!` can't be read here
        ");
    }

    #[test]
    fn what_is_whole_passes() {
        for (path, text) in [
            ("a.rs", "fn main() { println!(\"{{ ( {}\", '{'); } // ]"),
            ("a.tsx", "export const A = () => <p title=\"(\">{`a ${b}`}</p>;\n"),
            ("a.py", "def f(a: int) -> str:\n    return f\"{a!r} ( {{\"\n"),
            ("a.go", "package a\n\nfunc f() string { return `{` }\n"),
            ("A.java", "class A { char c = '('; }\n"),
            ("a.h", "int f(int a[static 3]);\n"),
            ("a.js", ""),
        ] {
            assert_eq!(check(path, text), Ok(None), "{text}");
        }
    }

    #[test]
    fn of_what_is_not_read_nothing_is_said() {
        assert_eq!(check("a.txt", "x"), Err(UnreadError::Unknown));
        assert_eq!(check("Makefile", "x"), Err(UnreadError::Unknown));
        let long = " ".repeat(2 << 20);
        assert_eq!(
            check("a.rs", &long),
            Err(UnreadError::NotParsed(ParseError::TooLong))
        );
    }

    #[test]
    fn nesting_without_end_does_no_harm() {
        for text in ["(".repeat(200_000), "{[(<".repeat(50_000)] {
            assert_ne!(check("a.js", &text), Ok(None));
        }
    }
}
