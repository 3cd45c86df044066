//! Where a block's path stands, and what looks like one.
//!
//! A name may hold spaces, and then looks like prose. So what is known is looked for first, in the whole of a line, and
//! the last word of one is its path only where the words before it are words that lead to a path.

use super::known::Known;

/// Words that models put before a path.
const LABELS: [&str; 6] = ["file:", "filename:", "path:", "filepath:", "file", "title:"];

/// The longest line that is looked at, in bytes: no path is longer, and each step costs its length.
const LONGEST: usize = 1024;

/// How many words a known path is looked for in, from the end of a line: more than any name has.
const WORDS: usize = 12;

/// Words that stand right before a path in a sentence, and before it in no name.
const LEADING: &[&str] = &[
    "add", "and", "as", "at", "called", "change", "create", "edit", "file", "fix", "for", "from", "in",
    "inside", "into", "is", "make", "modify", "named", "now", "of", "replace", "save", "see", "the", "then",
    "this", "to", "update", "write",
];

/// Words that may stand between such a word and the path.
const DESCRIBING: &[&str] = &[
    "complete",
    "final",
    "first",
    "fixed",
    "following",
    "full",
    "modified",
    "new",
    "second",
    "third",
    "updated",
    "whole",
];

/// What stands after an opening fence for a language, in small letters.
const LANGUAGES: &[&str] = &[
    "asm",
    "astro",
    "awk",
    "bash",
    "bat",
    "batch",
    "bone",
    "c",
    "c#",
    "c++",
    "clojure",
    "cmake",
    "cmd",
    "code",
    "console",
    "cpp",
    "cs",
    "csharp",
    "css",
    "csv",
    "cuda",
    "cxx",
    "d",
    "dart",
    "diff",
    "docker",
    "dockerfile",
    "dotenv",
    "elixir",
    "elm",
    "env",
    "erlang",
    "f#",
    "fish",
    "fortran",
    "fsharp",
    "gherkin",
    "go",
    "golang",
    "graphql",
    "groovy",
    "h",
    "haskell",
    "hcl",
    "hpp",
    "html",
    "http",
    "ini",
    "java",
    "javascript",
    "jinja",
    "jinja2",
    "js",
    "json",
    "json5",
    "jsonc",
    "jsonl",
    "jsx",
    "julia",
    "kotlin",
    "kt",
    "latex",
    "less",
    "lisp",
    "lua",
    "makefile",
    "markdown",
    "matlab",
    "md",
    "mdx",
    "mermaid",
    "nginx",
    "nim",
    "nix",
    "objc",
    "objective-c",
    "ocaml",
    "patch",
    "pascal",
    "perl",
    "php",
    "plain",
    "plaintext",
    "postgresql",
    "powershell",
    "prisma",
    "properties",
    "proto",
    "protobuf",
    "ps1",
    "py",
    "python",
    "python3",
    "r",
    "rb",
    "rs",
    "rst",
    "ruby",
    "rust",
    "sass",
    "scala",
    "scheme",
    "scss",
    "sh",
    "shell",
    "sol",
    "solidity",
    "sql",
    "svelte",
    "svg",
    "swift",
    "terraform",
    "tex",
    "text",
    "toml",
    "ts",
    "tsx",
    "txt",
    "typescript",
    "vb",
    "vim",
    "vue",
    "xml",
    "yaml",
    "yml",
    "zig",
    "zsh",
];

/// The path in a fence's info: a known one, that of an attribute, or all that stands after the language.
pub(super) fn in_info<'a>(info: &'a str, known: &Known) -> Option<&'a str> {
    if info.len() > LONGEST {
        return None;
    }
    let rest = after_language(info);
    [info, rest]
        .map(bare)
        .into_iter()
        .find(|text| known.names(text))
        .or_else(|| attribute(info))
        .or_else(|| in_words(rest))
}

/// An info without its language: `rust src/a.rs`, `rust:src/a.rs`.
fn after_language(info: &str) -> &str {
    let info = info.trim();
    let (word, rest) = info.split_once(' ').unwrap_or((info, ""));
    let rest = rest.trim();
    // `zig a.zig`
    let extension = rest.rsplit_once('.').map_or("", |(_, extension)| extension);
    if is_language(word) || !rest.is_empty() && word.eq_ignore_ascii_case(extension) {
        return rest;
    }
    match info.split_once(':') {
        // `C:\…` keeps its drive.
        Some((language, path)) if language.len() > 1 && !language.contains([' ', '/', '.']) => path.trim(),
        _ => info,
    }
}

fn is_language(word: &str) -> bool {
    LANGUAGES
        .iter()
        .any(|language| word.eq_ignore_ascii_case(language))
}

/// The path of `title="src/a.rs"` or `{file=src/a.rs}`.
fn attribute(info: &str) -> Option<&str> {
    let quoted = info.match_indices(['"', '\'']).find_map(|(start, quote)| {
        let value = info.get(start + 1..)?;
        let value = value.get(..value.find(quote)?)?;
        let is_value = info.get(..start)?.ends_with('=');
        (is_value && (looks_like_path(value) || looks_like_spaced(value))).then_some(value)
    });
    quoted.or_else(|| {
        info.split_whitespace().rev().find_map(|word| {
            let (_, path) = word.trim_matches(['{', '}', '(', ')', ',']).rsplit_once('=')?;
            looks_like_path(path).then_some(path)
        })
    })
}

/// The path that words end in: all of them where they can be a name, else the last.
fn in_words(text: &str) -> Option<&str> {
    let around = ['{', '}', '"', '\'', '(', ')', ',', '`'];
    let text = ["//", "#"]
        .iter()
        .find_map(|mark| text.strip_prefix(mark))
        .unwrap_or(text);
    let text = strip_label(text);
    // A class begins with a dot: `{.python}`. What follows a colon is a line, but for that of a drive.
    if text.starts_with("{.") || text.get(2..).is_some_and(|rest| rest.contains(':')) {
        return None;
    }
    let text = text.trim_matches(around);
    if looks_like_path(text) || looks_like_spaced(text) {
        return Some(text);
    }
    // What follows a path says something of it: `src/a.rs (new)`.
    let is_path = |word: &&str| looks_like_path(word.trim_matches(around));
    let word = text.split_whitespace().rev().find(is_path)?;
    let end = text.rfind(word)? + word.len();
    let whole = text.get(..end)?.trim_matches(around);
    let word = word.trim_matches(around);
    let before = whole.strip_suffix(word)?;
    if before.split_whitespace().all(|word| word.contains('=')) || leads(before) {
        return Some(word);
    }
    looks_like_spaced(whole).then_some(whole)
}

/// The path in the line before a fence: the whole line, the line's one path in marks, or its last word behind words that
/// lead to it.
pub(super) fn in_line<'a>(line: &'a str, known: &Known) -> Option<&'a str> {
    if line.len() > LONGEST {
        return None;
    }
    let whole = bare(line);
    if known.names(whole) {
        return Some(whole);
    }
    let mut quoted = line
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| looks_like_path(text) || known.names(text));
    if let Some(path) = quoted.next() {
        return quoted.next().is_none().then_some(path);
    }
    let begins_with_folder = || whole.split(' ').next().is_some_and(|word| word.contains('/'));
    if looks_like_path(whole) || looks_like_spaced(whole) && begins_with_folder() {
        return Some(whole);
    }
    // `Create src/a.rs:` names the file; a sentence that merely mentions one does not end in a colon.
    if !ends_in_colon(line) {
        return None;
    }
    let mut starts: Vec<usize> = whole.match_indices(' ').map(|(space, _)| space + 1).collect();
    let last = starts.last().copied()?;
    starts.drain(..starts.len().saturating_sub(WORDS));
    let parts = |start: usize| Some((whole.get(..start)?, bare(whole.get(start..)?)));
    let named = |start: usize| parts(start).filter(|(before, path)| leads(before) && known.names(path));
    if let Some((_, path)) = starts.into_iter().find_map(named) {
        return Some(path);
    }
    let (before, path) = parts(last)?;
    (leads(before) && looks_like_path(path)).then_some(path)
}

/// The path in the line before an edit. What looks like a name with spaces is taken for one: the edit is then refused
/// where there is no such file, while without a path it would go to the file of the edit before it.
pub(super) fn before_edit<'a>(line: &'a str, known: &Known) -> Option<&'a str> {
    in_line(line, known)
        .or_else(|| in_comment(line, known))
        .or_else(|| {
            let whole = bare(line);
            let is_name =
                line.len() <= LONGEST && looks_like_spaced(whole) && !whole.split(' ').any(is_leading);
            is_name.then_some(whole)
        })
}

/// The path that a block's first line holds as a comment and nothing else.
pub(super) fn in_comment<'a>(content: &'a str, known: &Known) -> Option<&'a str> {
    let line = content.lines().next()?.trim();
    if line.len() > LONGEST {
        return None;
    }
    let body = ["//", "#", "--", "/*", "<!--", ";", "%"]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))?;
    let body = body.trim_end_matches("*/").trim_end_matches("-->").trim();
    let path = strip_label(body);
    (looks_like_path(path) || known.names(path)).then_some(path)
}

/// A line without marks and label.
fn bare(line: &str) -> &str {
    let text = line
        .trim_start_matches(['#', '*', '-', ' ', '>'])
        .trim_end_matches([':', '*', ' ', '.']);
    strip_label(text).trim_matches(['*', '`', '"', '\'', ' ', '(', ')'])
}

fn ends_in_colon(line: &str) -> bool {
    line.trim_end_matches(['*', ' ']).ends_with(':')
}

/// Whether words lead to the path behind them, and are no part of its name.
fn leads(words: &str) -> bool {
    let words = words.trim_end();
    let mut last = words.split_whitespace().rev();
    words.ends_with([':', ',', '!'])
        || last
            .find(|word| !is_one_of(DESCRIBING, word))
            .is_some_and(is_leading)
}

fn is_leading(word: &str) -> bool {
    is_one_of(LEADING, word)
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    words.iter().any(|one| word.eq_ignore_ascii_case(one))
}

fn strip_label(text: &str) -> &str {
    let text = text.trim();
    // `2. src/a.rs`
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let text = match text.get(digits..) {
        Some(rest) if digits > 0 && rest.starts_with(['.', ')']) => rest.get(1..).unwrap_or_default().trim(),
        _ => text,
    };
    LABELS
        .iter()
        .find_map(|label| {
            let head = text.get(..label.len())?;
            let rest = text.get(label.len()..)?;
            (head.eq_ignore_ascii_case(label) && (label.ends_with(':') || rest.starts_with(' ')))
                .then(|| rest.trim())
        })
        .unwrap_or(text)
}

/// Whether a text is a path: one word, with a folder or an extension, or one of the usual names without either.
fn looks_like_path(word: &str) -> bool {
    if word.is_empty() || word.len() > 260 || word.contains("://") || word.starts_with("www.") {
        return false;
    }
    if !word.chars().all(fits) || word.ends_with(['/', '.', ':', '\\']) {
        return false;
    }
    let plain = [
        "Dockerfile",
        "Makefile",
        "Containerfile",
        "Justfile",
        "LICENSE",
        "README",
    ];
    (word.contains('/') && !word.starts_with("//")) || has_extension(word) || plain.contains(&word)
}

/// Whether several words can be the name of a file: nothing else than letters of names, and an extension at the end.
fn looks_like_spaced(text: &str) -> bool {
    let mut words = text.split(' ');
    text.contains(' ')
        && text.starts_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '['))
        && text.len() <= 260
        && words.all(|word| {
            !word.is_empty() && word.chars().all(fits) && !word.ends_with(':') && !word.contains("://")
        })
        && has_extension(text)
}

fn fits(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(
            letter,
            '.' | '_' | '-' | '/' | '\\' | '@' | '+' | '[' | ']' | '(' | ')' | '$' | ':' | '~'
        )
}

/// Whether a name ends in a dot and one to ten letters that are not only digits: `1.2` is a version.
fn has_extension(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.rsplit_once('.').is_some_and(|(_, extension)| {
        (1..=10).contains(&extension.len())
            && extension.chars().all(char::is_alphanumeric)
            && extension.chars().any(char::is_alphabetic)
    })
}
