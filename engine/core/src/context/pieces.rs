//! The pieces of a file: what it is cut into where it is too large for one answer. Declarations of source files, by
//! tree-sitter; sections of Markdown, by their headings. All pieces together are the file, to the byte.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use super::outline::{Language, named, parsed};

/// The most pieces that a file has: one with more is generated, or a list.
const MAX_PIECES: usize = 2000;

/// The longest name of a piece, in characters: a signature, or most of one.
const NAME: usize = 80;

/// What the pieces of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Declarations.
    Symbol,
    /// Sections under headings.
    Section,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePiece {
    /// Its first line: no two of a file have the same name.
    pub name: String,
    /// Where it stands in the file.
    pub range: Range<usize>,
}

/// The pieces of a file, where it has more than one.
pub fn pieces(path: &str, text: &str) -> Option<(PieceKind, Vec<FilePiece>)> {
    let (kind, starts) = match Language::of_path(path) {
        Some(language) => (PieceKind::Symbol, symbols(language, text)?),
        None if is_markdown(path) => (PieceKind::Section, sections(text)),
        None => return None,
    };
    let pieces = between(starts, text);
    (2..=MAX_PIECES).contains(&pieces.len()).then_some((kind, pieces))
}

fn is_markdown(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("md" | "markdown"))
}

/// Where the declarations of a file begin, what stands above them included, and their first lines.
fn symbols(language: Language, text: &str) -> Option<Vec<(usize, String)>> {
    let tree = parsed(language, text).ok()?;
    let mut starts = Vec::new();
    let mut above = None;
    let mut cursor = tree.root_node().walk();
    for node in tree.root_node().named_children(&mut cursor) {
        if belongs_below(&node) {
            above.get_or_insert(node.start_byte());
            continue;
        }
        let start = above.take().unwrap_or(node.start_byte());
        if named(node) {
            starts.push((line_start(text, start), first_line(text, node.start_byte())));
        }
    }
    Some(starts)
}

/// Comments and attributes are of what follows them.
fn belongs_below(node: &Node<'_>) -> bool {
    let kind = node.kind();
    kind.contains("comment") || kind == "attribute_item"
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |end| end + 1)
}

fn first_line(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let line = line.trim().trim_end_matches(['{', ':', '=', '>']).trim_end();
    line.chars().take(NAME).collect()
}

/// Where the sections of a page begin, and their headings.
fn sections(text: &str) -> Vec<(usize, String)> {
    let mut starts = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                let level = line.bytes().take_while(|byte| *byte == b'#').count();
                let rest = line.get(level..).unwrap_or_default();
                if (1..=6).contains(&level) && rest.starts_with([' ', '\t']) {
                    starts.push((at, trimmed.chars().take(NAME).collect()));
                }
            }
            _ => {}
        }
        at += line.len();
    }
    starts
}

/// From one start to the next; what stands before the first is of it.
fn between(mut starts: Vec<(usize, String)>, text: &str) -> Vec<FilePiece> {
    // Two declarations in one line are one piece.
    starts.dedup_by_key(|(at, _)| *at);
    if let Some((first, _)) = starts.first_mut() {
        *first = 0;
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(at, _)| *at)
        .chain([text.len()])
        .collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let pieces = starts.into_iter().zip(ends).map(|((start, name), end)| {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count == 1 {
            name
        } else {
            format!("{name} ({count})")
        };
        FilePiece {
            name,
            range: start..end,
        }
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(path: &str, text: &str) -> Vec<String> {
        let found = pieces(path, text).map(|(_, pieces)| pieces).unwrap_or_default();
        found.into_iter().map(|piece| piece.name).collect()
    }

    #[test]
    fn declarations_with_what_stands_above_them() {
        let text = "//! A.\nuse b;\n\n/// One.\n#[inline]\nfn one() {\n    1\n}\n\nimpl A {\n    fn two() {}\n}\nfn one() {}\n";
        assert_eq!(
            names("a.rs", text),
            ["use b;", "fn one()", "impl A", "fn one() {}"]
        );
        let (kind, found) = pieces("a.rs", text).unwrap();
        assert_eq!(kind, PieceKind::Symbol);
        assert!(text[found[1].range.clone()].starts_with("/// One.\n#[inline]\nfn one()"));
        assert_eq!(
            names(
                "a.py",
                "import os\n@deco\ndef f():\n    pass\n\nclass C:\n    pass\n"
            ),
            ["import os", "@deco", "class C"]
        );
        assert_eq!(
            names("a.rs", "fn f() {}\nfn f() {}\nfn f() {}\n"),
            ["fn f() {}", "fn f() {} (2)", "fn f() {} (3)"]
        );
        assert_eq!(pieces("a.rs", "fn f() {}\n"), None);
        assert_eq!(pieces("a.txt", "# a\n# b\n"), None);
    }

    #[test]
    fn sections_of_a_page() {
        let text = "Before.\n# One\na\n```\n# no heading\n```\n## Two #\n#none\n";
        assert_eq!(names("a.md", text), ["# One", "## Two #"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_is_lost(text in "(fn [ab]\\(\\) \\{\\}|// x|\\n|# a|```|é|struct A;| ){0,40}", path in "a\\.(rs|md|py|go)") {
            if let Some((_, pieces)) = pieces(&path, &text) {
                let whole: String = pieces.iter().map(|piece| &text[piece.range.clone()]).collect();
                prop_assert_eq!(whole, text);
            }
        }
    }
}
