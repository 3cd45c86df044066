//! Where a block's path stands, and what looks like one.

/// Words that models put before a path.
const LABELS: [&str; 6] = ["file:", "filename:", "path:", "filepath:", "file", "title:"];

/// The path in a fence's info: its last word that looks like one.
pub(super) fn in_info(info: &str) -> Option<&str> {
    info.split_whitespace().rev().find_map(|word| {
        let word = word.trim_matches(['{', '}', '"', '\'', '(', ')', ',']);
        let word = word
            .rsplit_once('=')
            .map_or(word, |(_, path)| path)
            .trim_matches(['"', '\'']);
        let word = match word.split_once(':') {
            // `C:\…` keeps its drive.
            Some((language, path)) if language.len() > 1 => path,
            _ => word,
        };
        looks_like_path(word).then_some(word)
    })
}

/// The path in the line before a fence: the line's one path, in marks or after a label, or its last word.
pub(super) fn in_line(line: &str) -> Option<&str> {
    let mut quoted = line
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| looks_like_path(word));
    if let Some(path) = quoted.next() {
        return quoted.next().is_none().then_some(path);
    }
    let bare = line
        .trim_start_matches(['#', '*', '-', ' ', '>'])
        .trim_end_matches([':', '*', ' ', '.']);
    let bare = strip_label(bare).trim_matches(['*', '`', '"', '\'', ' ', '(', ')']);
    if looks_like_path(bare) {
        return Some(bare);
    }
    // `Create src/a.rs:` names the file; a sentence that merely mentions one does not end in a colon.
    let last = line
        .strip_suffix(':')
        .or_else(|| line.strip_suffix(":**"))?
        .split_whitespace()
        .last()?;
    let last = last.trim_matches(['*', '`', '"', '\'', '(', ')']);
    (looks_like_path(last) && (last.contains('/') || has_extension(last))).then_some(last)
}

/// The path that a block's first line holds as a comment and nothing else.
pub(super) fn in_comment(content: &str) -> Option<&str> {
    let line = content.lines().next()?.trim();
    let body = ["//", "#", "--", "/*", "<!--", ";", "%"]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))?;
    let body = body.trim_end_matches("*/").trim_end_matches("-->").trim();
    let path = strip_label(body);
    looks_like_path(path).then_some(path)
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
    let fits = |letter: char| {
        letter.is_alphanumeric()
            || matches!(
                letter,
                '.' | '_' | '-' | '/' | '\\' | '@' | '+' | '[' | ']' | '(' | ')' | '$' | ':' | '~'
            )
    };
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

/// Whether a name ends in a dot and one to ten letters that are not only digits: `1.2` is a version.
fn has_extension(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.rsplit_once('.').is_some_and(|(_, extension)| {
        (1..=10).contains(&extension.len())
            && extension.chars().all(char::is_alphanumeric)
            && extension.chars().any(char::is_alphabetic)
    })
}
