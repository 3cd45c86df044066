//! The paths that a reply may name, and the small ways in which models write one otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Paths that are known before a reply is read: by them a name that holds spaces is told from prose.
///
/// ```
/// let known = smallcode_parse::Known::new(["src/a.txt", "docs/my notes.md"]);
/// assert_eq!(known.find("/src/a.txt"), Some("src/a.txt"));
/// assert_eq!(known.find("my notes.md:12"), Some("docs/my notes.md"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The path that each end of one stands for, from the start of a name on; nothing where several end so.
    ends: BTreeMap<String, Option<String>>,
}

impl Known {
    /// These paths, relative to the workspace.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        let mut ends: BTreeMap<String, Option<String>> = BTreeMap::new();
        for path in &paths {
            for (slash, _) in path.match_indices('/') {
                let end = path.get(slash + 1..).unwrap_or_default();
                ends.entry(end.to_owned())
                    .and_modify(|known| *known = None)
                    .or_insert_with(|| Some(path.clone()));
            }
        }
        // A whole path is that file, whatever else ends so.
        ends.extend(paths.into_iter().map(|path| (path.clone(), Some(path))));
        Self { ends }
    }

    /// The one path that is meant by `written`: itself; else what is left without a root, `./`, the `a/` or `b/` of a
    /// diff or the number of a line, or with the slashes turned; else the one that ends so.
    pub fn find(&self, written: &str) -> Option<&str> {
        let mut found: Option<&str> = None;
        for form in forms(written.trim()) {
            let Some(known) = self.ends.get(form.as_ref()) else {
                continue;
            };
            let path = known.as_deref()?;
            if path == written {
                return Some(path);
            }
            if found.is_some_and(|other| other != path) {
                return None;
            }
            found = Some(path);
        }
        found
    }

    /// Whether a text in the place of a path is one of them. A bare word must be all of it: it may be a language.
    pub(super) fn names(&self, text: &str) -> bool {
        let is_bare = !text.contains(['/', '.', ' ', '\\']);
        self.find(text).is_some_and(|path| !is_bare || path == text)
    }
}

/// A path as it is written, and what is left of it step by step.
fn forms(written: &str) -> Vec<Cow<'_, str>> {
    let placeless = without_line(written);
    let mut forms = vec![Cow::Borrowed(written), Cow::Borrowed(placeless)];
    let turned = placeless.replace('\\', "/");
    let mut relative = turned.as_str();
    while let Some(rest) = relative.strip_prefix("./").or_else(|| relative.strip_prefix('/')) {
        relative = rest;
    }
    let of_diff = relative
        .strip_prefix("a/")
        .or_else(|| relative.strip_prefix("b/"));
    forms.extend(of_diff.map(|path| Cow::Owned(path.to_owned())));
    forms.push(Cow::Owned(relative.to_owned()));
    forms.dedup();
    forms
}

/// A path without the lines that follow it, as in `a.rs:12`, `a.rs:12:5`, `a.rs:12-20`, `a.rs#L12`.
fn without_line(path: &str) -> &str {
    let number = |text: &str| {
        text.starts_with(|digit: char| digit.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'L'))
    };
    let mut path = path;
    for mark in [":", ":", "#L"] {
        if let Some((rest, _)) = path.rsplit_once(mark).filter(|(_, line)| number(line)) {
            path = rest;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_forms_of_a_path_are_that_path() {
        let known = Known::new(["src/a.txt", "src/b.txt", "lib/b.txt", "my dir/c d.txt", "d.txt"]);
        for (written, path) in [
            ("src/a.txt", "src/a.txt"),
            ("/src/a.txt", "src/a.txt"),
            ("./src/a.txt", "src/a.txt"),
            ("src\\a.txt", "src/a.txt"),
            ("a/src/a.txt", "src/a.txt"),
            ("b/src/a.txt", "src/a.txt"),
            ("src/a.txt:12", "src/a.txt"),
            ("src/a.txt:12:5", "src/a.txt"),
            ("src/a.txt:12-20", "src/a.txt"),
            ("src/a.txt#L12-L20", "src/a.txt"),
            ("a.txt", "src/a.txt"),
            ("c d.txt", "my dir/c d.txt"),
            ("d.txt", "d.txt"),
        ] {
            assert_eq!(known.find(written), Some(path), "{written}");
        }
        for written in [
            "b.txt",
            "",
            "/",
            "x.txt",
            "../src/a.txt",
            "rc/a.txt",
            "txt",
            "src",
        ] {
            assert_eq!(known.find(written), None, "{written}");
        }
    }

    #[test]
    fn a_form_that_may_be_two_paths_is_none() {
        let known = Known::new(["src/a.txt", "lib/a/src/a.txt"]);
        assert_eq!(known.find("a/src/a.txt"), None);
        assert_eq!(known.find("src/a.txt"), Some("src/a.txt"));
        let known = Known::new(["src/a.txt", "a/src/a.txt"]);
        assert_eq!(known.find("a/src/a.txt"), Some("a/src/a.txt"));
    }
}
