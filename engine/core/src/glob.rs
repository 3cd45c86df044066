//! Globs: which paths they match, and whether two of them can match the same path.
//!
//! The dialect is that of `globset` with literal separators: `*` and `?` stay within a name, `**` spans
//! folders, `[a-z]` and `{a,b}` as in a shell.

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
        GlobBuilder::new(normal(pattern))
            .literal_separator(true)
            .build()
            .map(|glob| Self {
                matcher: glob.compile_matcher(),
            })
            .map_err(|error| error.kind().to_string())
    }

    /// Whether a path of the workspace matches.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

fn normal(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if pattern.ends_with('/') {
        pattern.trim_end_matches('/')
    } else {
        pattern
    }
}

/// Whether a text has a meaning as a glob beyond that of a plain path.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Whether some path can match both globs. `[…]` and `{…}` count as `*`, so that the answer may be a false
/// yes, never a false no.
///
/// Takes time in the product of the two lengths.
pub fn overlap(left: &str, right: &str) -> bool {
    let left: Vec<String> = normal(left).split('/').map(simplify).collect();
    let right: Vec<String> = normal(right).split('/').map(simplify).collect();
    pairwise(
        &left,
        &right,
        |part| part == "**",
        |left, right| {
            let left: Vec<char> = left.chars().collect();
            let right: Vec<char> = right.chars().collect();
            pairwise(
                &left,
                &right,
                |char| *char == '*',
                |left, right| left == right || *left == '?' || *right == '?',
            )
        },
    )
}

/// `[…]` and `{…}` as `*`.
fn simplify(part: &str) -> String {
    if part == "**" {
        return part.to_owned();
    }
    let mut simple = String::with_capacity(part.len());
    let mut closing = None;
    for char in part.chars() {
        match (closing, char) {
            (Some(wanted), char) if char == wanted => closing = None,
            (Some(_), _) => {}
            (None, '[') => {
                closing = Some(']');
                simple.push('*');
            }
            (None, '{') => {
                closing = Some('}');
                simple.push('*');
            }
            (None, char) => simple.push(char),
        }
    }
    if closing.is_some() { "*".to_owned() } else { simple }
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
                (Some(l), Some(r)) => {
                    (any(l) && (above || before)) || (any(r) && (above || before)) || (diagonal && same(l, r))
                }
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
        ] {
            assert_eq!(overlap(left, right), expected, "{left} {right}");
            assert_eq!(overlap(right, left), expected, "{right} {left}");
        }
    }

    proptest! {
        #[test]
        fn a_common_match_is_an_overlap(
            left in "([ab*?]{1,3}|\\*\\*)(/([ab*?]{1,3}|\\*\\*)){0,2}",
            right in "([ab*?]{1,3}|\\*\\*)(/([ab*?]{1,3}|\\*\\*)){0,2}",
            path in "[ab]{1,3}(/[ab]{1,3}){0,2}",
        ) {
            if let (Ok(l), Ok(r)) = (Glob::new(&left), Glob::new(&right)) {
                if l.matches(&path) && r.matches(&path) {
                    prop_assert!(overlap(&left, &right), "{} {} {}", left, right, path);
                }
            }
        }
    }
}
