//! Globs: which paths they match, and whether two of them can match the same path.
//!
//! The dialect is that of `globset` with literal separators: `*` and `?` stay within a name, `**` spans
//! folders, `[a-z]` and `{a,b}` as in a shell.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// A glob over paths of the workspace.
#[derive(Clone, Debug)]
pub struct Glob {
    matcher: GlobMatcher,
}

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    /// When it is none; the text says why.
    pub fn new(pattern: &str) -> Result<Self, String> {
        GlobBuilder::new(&normal(pattern))
            .literal_separator(true)
            .build()
            .map(|glob| Self {
                matcher: glob.compile_matcher(),
            })
            .map_err(|error| error.kind().to_string())
    }

    /// Whether a path of the workspace matches.
    pub fn matches(&self, path: impl AsRef<Path>) -> bool {
        self.matcher.is_match(path)
    }
}

/// Without what changes nothing in a path: `./`, doubled slashes, a slash at the end.
pub(crate) fn normal(pattern: &str) -> String {
    let parts = pattern
        .split('/')
        .enumerate()
        .filter(|(number, part)| match *part {
            // One at the start is that of an absolute path, which must not become a relative one.
            "" => *number == 0,
            "." => false,
            _ => true,
        });
    parts.map(|(_, part)| part).collect::<Vec<_>>().join("/")
}

/// Whether a text has a meaning as a glob beyond that of a plain path.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Where what a glob matches lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The folder that it lies below; empty where that is the workspace.
    pub start: String,
    /// How many names below that folder it has at most; nothing where there is no bound.
    pub depth: Option<usize>,
}

/// Where to look for what a glob matches.
pub fn extent(pattern: &str) -> Extent {
    let shape = Shape::new(pattern);
    let start: Vec<&str> = shape
        .plain_start()
        .take(shape.names.len().saturating_sub(1))
        .collect();
    let unbounded = shape.names.iter().any(|name| matches!(name, ShapeName::Any));
    Extent {
        depth: (!unbounded).then(|| shape.names.len() - start.len()),
        start: start.join("/"),
    }
}

/// Whether some path can match both globs. `[…]` and `{…}` count as `*`, so that the answer may be a false
/// yes, never a false no.
///
/// Takes time in the product of the two lengths.
pub fn overlap(left: &str, right: &str) -> bool {
    Shape::new(left).meets(&Shape::new(right))
}

/// A glob or path, read once to be compared with many.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    names: Vec<ShapeName>,
}

#[derive(Clone, Debug)]
enum ShapeName {
    /// `**`.
    Any,
    /// A name that says exactly what it is.
    Plain(String),
    /// A name with `*` or `?` in it.
    Wild(Vec<char>),
}

impl Shape {
    /// Reads a glob or path.
    pub(crate) fn new(pattern: &str) -> Self {
        let name = |part: String| match part.as_str() {
            "**" => ShapeName::Any,
            _ if part.contains(['*', '?']) => ShapeName::Wild(part.chars().collect()),
            _ => ShapeName::Plain(part),
        };
        Self {
            names: parts(&normal(pattern)).into_iter().map(name).collect(),
        }
    }

    /// The folders before the first name that is not plain; of a path, all of it.
    pub(crate) fn plain_start(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map_while(|name| match name {
            ShapeName::Plain(name) => Some(name.as_str()),
            ShapeName::Any | ShapeName::Wild(_) => None,
        })
    }

    /// What everything that it matches begins with, and what it ends with, a `/` beyond either end aside.
    pub(crate) fn fixed(&self) -> (String, String) {
        let (mut start, mut end) = (String::new(), String::new());
        for (number, name) in self.names.iter().enumerate() {
            start.extend((number > 0).then_some('/'));
            if !name.begin(|char| start.push(char)) {
                break;
            }
        }
        for (number, name) in self.names.iter().rev().enumerate() {
            end.extend((number > 0).then_some('/'));
            if !name.end(|char| end.push(char)) {
                break;
            }
        }
        (start, end.chars().rev().collect())
    }

    /// Whether it is more than a plain path.
    pub(crate) fn is_wild(&self) -> bool {
        !self.names.iter().all(|name| matches!(name, ShapeName::Plain(_)))
    }

    /// Whether some path can match both; see [`overlap`].
    pub(crate) fn meets(&self, other: &Self) -> bool {
        pairwise(
            &self.names,
            &other.names,
            |name| matches!(name, ShapeName::Any),
            ShapeName::meets,
        )
    }
}

impl ShapeName {
    /// Tells the characters before the first wildcard; whether there is none.
    fn begin(&self, mut tell: impl FnMut(char)) -> bool {
        match self {
            Self::Any => false,
            Self::Plain(name) => {
                name.chars().for_each(tell);
                true
            }
            Self::Wild(pattern) => {
                let fixed = pattern.iter().take_while(|char| !matches!(char, '*' | '?'));
                fixed.for_each(|char| tell(*char));
                false
            }
        }
    }

    /// Tells the characters after the last wildcard, from the end; whether there is none.
    fn end(&self, mut tell: impl FnMut(char)) -> bool {
        match self {
            Self::Any => false,
            Self::Plain(name) => {
                name.chars().rev().for_each(tell);
                true
            }
            Self::Wild(pattern) => {
                let fixed = pattern.iter().rev().take_while(|char| !matches!(char, '*' | '?'));
                fixed.for_each(|char| tell(*char));
                false
            }
        }
    }

    fn meets(&self, other: &Self) -> bool {
        let wild = |left: &[char], right: &[char]| {
            pairwise(
                left,
                right,
                |char| *char == '*',
                |left, right| left == right || *left == '?' || *right == '?',
            )
        };
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Plain(left), Self::Plain(right)) => left == right,
            (Self::Wild(left), Self::Wild(right)) => wild(left, right),
            (Self::Plain(plain), Self::Wild(pattern)) | (Self::Wild(pattern), Self::Plain(plain)) => {
                wild(&plain.chars().collect::<Vec<_>>(), pattern)
            }
        }
    }
}

/// The names of a glob's path, with `[…]` and `{…}` as `*`. From the first of these that may hold a `/` on,
/// the rest is `**`.
fn parts(pattern: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let group = match char {
            '/' => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            '\\' => {
                // `?` stands for a character that has a meaning of its own.
                part.push(match chars.next() {
                    Some('*' | '?') | None => '?',
                    Some(literal) => literal,
                });
                continue;
            }
            '[' => class(&mut chars),
            '{' => braces(&mut chars),
            char => {
                part.push(char);
                continue;
            }
        };
        if group == Group::Path {
            parts.push("**".to_owned());
            return parts;
        }
        part.push('*');
    }
    parts.push(part);
    parts
}

/// What a `[…]` or `{…}` can stand for.
#[derive(PartialEq, Eq)]
enum Group {
    /// A part of a name.
    Name,
    /// Several names, or what can't be read.
    Path,
}

/// Takes the rest of a `[…]`.
fn class(chars: &mut std::str::Chars<'_>) -> Group {
    let mut group = Group::Name;
    let mut first = true;
    for char in chars.by_ref() {
        match char {
            // What is not listed may be a `/`.
            '!' | '^' if first => {
                group = Group::Path;
                continue;
            }
            '/' => group = Group::Path,
            ']' if !first => return group,
            _ => {}
        }
        first = false;
    }
    Group::Path
}

/// Takes the rest of a `{…}`, with those inside it.
fn braces(chars: &mut std::str::Chars<'_>) -> Group {
    let mut group = Group::Name;
    let mut open = 1_usize;
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '{' => open += 1,
            '}' => open -= 1,
            '/' => group = Group::Path,
            '[' if class(chars) == Group::Path => group = Group::Path,
            // `**` among the choices spans folders.
            '*' if chars.as_str().starts_with('*') => group = Group::Path,
            _ => {}
        }
        if open == 0 {
            return group;
        }
    }
    Group::Path
}

/// Whether two sequences with wildcards (each standing for any number of elements) have a common expansion.
fn pairwise<T>(left: &[T], right: &[T], any: impl Fn(&T) -> bool, same: impl Fn(&T, &T) -> bool) -> bool {
    // reach[j]: the first i of `left` and the first j of `right` have a common expansion.
    let mut reach = vec![false; right.len() + 1];
    for i in 0..=left.len() {
        let mut diagonal = false;
        for j in 0..=right.len() {
            let above = reach.get(j).copied().unwrap_or(false);
            let before = j > 0 && reach.get(j - 1).copied().unwrap_or(false);
            let from_left = i.checked_sub(1).and_then(|i| left.get(i));
            let from_right = j.checked_sub(1).and_then(|j| right.get(j));
            let now = match (from_left, from_right) {
                (None, None) => true,
                (Some(l), None) => above && any(l),
                (None, Some(r)) => before && any(r),
                (Some(l), Some(r)) => ((any(l) || any(r)) && (above || before)) || (diagonal && same(l, r)),
            };
            diagonal = above;
            if let Some(cell) = reach.get_mut(j) {
                *cell = now;
            }
        }
    }
    reach.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlaps() {
        for (left, right, expected) in [
            ("a/b.md", "a/b.md", true),
            ("a/b.md", "./a/b.md", true),
            ("a/b.md", "a/c.md", false),
            ("src/**", "src/a/b.rs", true),
            ("src/**/*.rs", "src/**/*.md", false),
            ("src/**/*.rs", "**/a?.rs", true),
            ("docs/*", "docs/a/b", false),
            ("{a,b}/x", "c/x", true),
            ("a*c", "ab*", true),
            ("**", "anything/at/all", true),
            ("x/{a/b,c}/d", "x/a/b/d", true),
            ("x/{a/b,c}/d", "y/a/b/d", false),
            ("{a,{b,c}}/x", "c/x", true),
            ("a\\*b", "a*b", true),
            ("a\\{b", "a{b", true),
            ("a//b", "a/b", true),
            ("a/./b", "a/b", true),
            ("[]a]x", "]x", true),
            ("[!b]x", "ax", true),
        ] {
            assert_eq!(overlap(left, right), expected, "{left} {right}");
            assert_eq!(overlap(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn extents() {
        for (pattern, start, depth) in [
            ("a/b.md", "a", Some(1)),
            ("b.md", "", Some(1)),
            ("**", "", None),
            ("src/**/*.rs", "src", None),
            ("src/*/x/a.rs", "src", Some(3)),
            ("./out//x/{a,b}.md", "out/x", Some(1)),
            ("out/{a/b,c}/x", "out", None),
        ] {
            let start = start.to_owned();
            assert_eq!(extent(pattern), Extent { start, depth }, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_common_match_is_an_overlap(
            left in "(([ab*?]|\\\\a|[{](a|b/a|[*]),(b|[{]a,b[}])[}]|\\[!?[ab]\\]){1,3}|\\*\\*)(/([ab*?]{1,3}|\\*\\*)){0,2}",
            right in "(([ab*?]|\\\\a|[{](a|b/a|[*]),(b|[{]a,b[}])[}]|\\[!?[ab]\\]){1,3}|\\*\\*)(/([ab*?]{1,3}|\\*\\*)){0,2}",
            path in "[ab]{1,3}(/[ab]{1,3}){0,2}",
        ) {
            if let (Ok(l), Ok(r)) = (Glob::new(&left), Glob::new(&right))
                && l.matches(&path)
                && r.matches(&path)
            {
                prop_assert!(overlap(&left, &right), "{} {} {}", left, right, path);
            }
        }
    }
}
