//! Which tool of a shell line is not installed, once the shell has said that something was not found.
//!
//! Only programs that the author named and that are looked up on `PATH` count: a script of the workspace that is not
//! there, or one that fails in the same way, is the attempt's own fault and no reason to let it pass.

use std::path::Path;

/// The exit code of a shell that did not find a program.
pub(super) const NOT_FOUND: i32 = 127;

/// Words that stand before a command, and are none.
const BEFORE: &[&str] = &[
    "if", "then", "else", "elif", "while", "until", "do", "!", "time", "exec", "command", "env", "nice",
    "nohup",
];

/// Commands of the shell itself.
const BUILT_IN: &[&str] = &[
    "alias", "break", "case", "cd", "continue", "done", "echo", "esac", "eval", "exit", "export", "false",
    "fi", "for", "in", "local", "printf", "pwd", "read", "return", "set", "shift", "source", "test", "trap",
    "true", "type", "ulimit", "umask", "unset", "wait",
];

/// The first program of a script that is on no folder of `path`.
pub(super) fn tool<'a>(script: &'a str, path: &str, cwd: &Path) -> Option<&'a str> {
    commands(script).into_iter().find(|name| {
        let there = path.split(':').any(|folder| {
            // An empty entry is the folder that the command runs in.
            cwd.join(folder).join(name).is_file()
        });
        !there && !BUILT_IN.contains(name)
    })
}

/// The bare words of a script that stand where a command may.
fn commands(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in pieces(script) {
        let mut words = piece.split_whitespace();
        let command = words.find(|word| !BEFORE.contains(word) && !is_assignment(word));
        let is_bare = |word: &&str| {
            word.starts_with(|first: char| first.is_ascii_alphanumeric())
                && word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+'))
        };
        found.extend(command.filter(is_bare));
    }
    found
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// A script, cut where a new command may begin; what is quoted or a comment holds none.
fn pieces(script: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut quote, mut escaped) = (0, None, false);
    for (at, c) in script.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != Some('\'') {
            escaped = true;
        } else if let Some(open) = quote {
            if c == open {
                quote = None;
            }
        } else if matches!(c, '\'' | '"') {
            quote = Some(c);
        } else if matches!(c, ';' | '&' | '|' | '\n' | '(' | ')' | '{' | '}') {
            pieces.extend(script.get(from..at));
            from = at + c.len_utf8();
        }
    }
    pieces.extend(script.get(from..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_author_calls_by_name_is_a_tool() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there"), "").unwrap();
        let path = folder.path().to_str().unwrap();
        for (script, missing) in [
            ("gone --flag", Some("gone")),
            ("there && gone", Some("gone")),
            ("A=1 B=2 gone | there", Some("gone")),
            ("cd x; ! gone", Some("gone")),
            ("if gone -v; then there; fi", Some("gone")),
            ("there gone", None),
            ("there 'a; gone' \"b && gone\"", None),
            ("./gone", None),
            ("\"${SMALLCODE_V1}\" gone", None),
            ("echo gone", None),
        ] {
            assert_eq!(tool(script, path, Path::new("/")), missing, "{script}");
        }
    }
}
