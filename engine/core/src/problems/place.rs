//! `file:line:column: message` and its relatives: gcc, clang, go, tsc, javac, mypy, ruff and most others.

use super::{Found, Problem, Severity};

/// The longest line in which a place is looked for, in bytes: longer ones are data.
const MAX_LINE: usize = 4096;

/// How many lines that go on with a message are taken in.
const MAX_MORE: usize = 3;

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) column: Option<u32>,
}

impl Place<'_> {
    pub(super) fn problem(&self, severity: Severity, message: impl Into<String>) -> Problem {
        Problem {
            file: Some(tidy_file(self.file).to_owned()),
            line: Some(self.line),
            column: self.column,
            severity,
            code: None,
            message: message.into(),
            source: None,
        }
    }
}

/// A file without what says nothing about it.
pub(super) fn tidy_file(file: &str) -> &str {
    let file = file.strip_prefix("file://").unwrap_or(file);
    file.strip_prefix("./").unwrap_or(file)
}

/// A place at the beginning of a text, and what follows it: `a.c:5:3`, `a.ts(5,3)`.
pub(super) fn leading(text: &str) -> Option<(Place<'_>, &str)> {
    let text = text.get(..MAX_LINE).unwrap_or(text);
    let skip = if text.starts_with("file://") {
        "file://".len()
    } else {
        0
    };
    let colon = text.get(skip..)?.find(':').map(|at| at + skip);
    if let Some((file, rest)) = colon.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
        && is_file(file)
        && let Some((line, rest)) = number(rest)
    {
        let (column, rest) = match rest.strip_prefix(':').and_then(number) {
            Some((column, rest)) => (Some(column), rest),
            None => (None, rest),
        };
        let bare_host = column.is_none() && !file.contains('/') && is_host(file);
        return (line > 0 && !bare_host).then_some((Place { file, line, column }, rest));
    }
    let (file, rest) = text.split_once('(')?;
    let (line, rest) = number(rest)?;
    let (column, rest) = match rest.strip_prefix(',').and_then(number) {
        Some((column, rest)) => (Some(column), rest),
        None => (None, rest),
    };
    let rest = rest.strip_prefix(')')?;
    (line > 0 && is_file(file)).then_some((Place { file, line, column }, rest))
}

/// A number at the beginning of a text.
pub(super) fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let number = text.get(..end)?.parse().ok()?;
    Some((number, text.get(end..)?))
}

/// Whether a text looks like the path of a file.
fn is_file(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or(text);
    let named = matches!(
        name,
        "Makefile" | "makefile" | "GNUmakefile" | "Dockerfile" | "Justfile" | "justfile"
    );
    let extension = name.rsplit_once('.').is_some_and(|(_, extension)| {
        (1..=12).contains(&extension.len())
            && extension
                .chars()
                .all(|character| character.is_ascii_alphanumeric())
            && extension.contains(|character: char| character.is_ascii_alphabetic())
    });
    let clean = text.strip_prefix("file://").unwrap_or(text);
    !text.is_empty()
        && (named || extension || text.contains('/'))
        && !clean.contains(['\t', '"', '\'', '<', '>', '|', '=', ',', ':', '\\'])
        && !clean.starts_with([' ', '(', '[', '{', '-', '#', '$', '+', '*'])
        && (!clean.contains(' ') || clean.starts_with(['/', '.']))
}

/// Whether a name is rather that of a machine: `example.com:443: refused`.
fn is_host(file: &str) -> bool {
    [".com", ".org", ".net", ".local"]
        .iter()
        .any(|end| file.ends_with(end))
}

/// The severity, code and message of what follows a place.
pub(super) fn message(text: &str) -> (Option<Severity>, Option<String>, &str) {
    let text = text.trim_start_matches([':', '-', ' ']).trim_end();
    let words = [
        ("fatal error", Severity::Error),
        ("error", Severity::Error),
        ("fatal", Severity::Error),
        ("warning", Severity::Warning),
        ("note", Severity::Note),
        ("info", Severity::Note),
        ("information", Severity::Note),
        ("hint", Severity::Note),
        ("help", Severity::Note),
        ("remark", Severity::Note),
    ];
    for (word, severity) in words {
        let Some((head, rest)) = text.split_at_checked(word.len()) else {
            continue;
        };
        if !head.eq_ignore_ascii_case(word) || rest.starts_with(|next: char| next.is_alphanumeric()) {
            continue;
        }
        // `error:`, `error TS2322:`, `error[E0308]:`, `error  message`.
        let (code, rest) = match rest.split_once(':') {
            Some((code, after)) if named_code(code.trim()).is_some() => {
                (named_code(code.trim()).map(str::to_owned), after)
            }
            _ => (None, rest.strip_prefix(':').unwrap_or(rest)),
        };
        let (trailing, rest) = trailing_code(rest.trim());
        return (Some(severity), code.or(trailing), rest);
    }
    if let Some((code, rest)) = text.split_once([' ', ':'])
        && code.contains(|character: char| character.is_ascii_digit())
        && code.starts_with(|character: char| character.is_ascii_uppercase())
        && is_code(code)
    {
        return (None, Some(code.to_owned()), rest.trim_start_matches([':', ' ']));
    }
    let (code, text) = trailing_code(text);
    (None, code, text)
}

/// `TS2322`, `[E0308]`, `[clippy::all]`.
fn named_code(text: &str) -> Option<&str> {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(code) => Some(code).filter(|code| is_code(code)),
        None => {
            Some(text).filter(|code| is_code(code) && code.contains(|digit: char| digit.is_ascii_digit()))
        }
    }
}

fn is_code(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | ':'))
}

/// `message  [assignment]`, `message [-Wunused]`.
fn trailing_code(text: &str) -> (Option<String>, &str) {
    match text.strip_suffix(']').and_then(|text| text.rsplit_once(" [")) {
        Some((message, code)) if is_code(code.trim_start_matches('-')) => {
            (Some(code.to_owned()), message.trim_end())
        }
        _ => (None, text),
    }
}

/// The general form, with the line of the file and what goes on below it.
pub(super) fn located(lines: &[&str], found: &mut Found) -> Option<usize> {
    let first = lines.first()?;
    let text = first.strip_prefix("vet: ").unwrap_or(first);
    let (place, rest) = leading(text)?;
    if !(rest.starts_with(':') || rest.starts_with(" - ") || rest.starts_with(": ")) {
        return None;
    }
    let (severity, code, message) = message(rest);
    if message.is_empty() || message.starts_with("in ") && severity.is_none() {
        return None;
    }
    let mut problem = place.problem(severity.unwrap_or(Severity::Error), message);
    problem.code = code;
    let mut taken = 1;
    if let Some((source, read)) = shown(lines.get(1..)?, place.line) {
        problem.source = Some(source.to_owned());
        taken += read;
    } else {
        let more = lines.iter().skip(1).take(MAX_MORE);
        for line in more.take_while(|line| goes_on(line)) {
            problem.message.push(' ');
            problem.message.push_str(line.trim());
            taken += 1;
        }
    }
    found.push(problem);
    Some(taken)
}

/// The line of the file that a tool shows below its message, and how many lines that takes.
pub(super) fn shown<'a>(lines: &[&'a str], number: u32) -> Option<(&'a str, usize)> {
    let (first, second) = (*lines.first()?, lines.get(1).copied().unwrap_or_default());
    // gcc and rustc: `   5 |     x = 1;`.
    if let Some(source) = gutter(first, number) {
        return Some((source, 1));
    }
    // tsc: an empty line, then `5 const x = …`, then the marks.
    if first.trim().is_empty() {
        let source = second
            .strip_prefix(number.to_string().as_str())?
            .strip_prefix(' ')?;
        return is_marks(lines.get(2)?).then_some((source, 3));
    }
    // clang, javac: the line as it is, then the marks.
    is_marks(second).then_some((first, 2))
}

/// The text behind `   5 | ` for this line.
pub(super) fn gutter(line: &str, number: u32) -> Option<&str> {
    let (head, text) = line.split_once('|')?;
    let head = head.trim_start_matches([' ', '>']).trim_end();
    (head.parse() == Ok(number)).then_some(text)
}

/// Whether a line only marks what stands above it.
fn is_marks(line: &str) -> bool {
    line.contains(['^', '~'])
        && line
            .chars()
            .all(|character| matches!(character, ' ' | '\t' | '^' | '~' | '-' | '|'))
}

/// Whether a line goes on with the message above it.
fn goes_on(line: &str) -> bool {
    (line.starts_with("  ") || line.starts_with('\t'))
        && !line.trim().is_empty()
        && !line.contains('|')
        && !line.trim_start().starts_with("at ")
        && leading(line.trim_start()).is_none()
}
