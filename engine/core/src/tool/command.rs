//! Which commands a model may run: its words, compared one by one with the patterns of `permissions.run`.
//!
//! No shell reads a command of a model. So its words are taken apart here, and what only a shell would understand is
//! refused instead of handed to a program as text.

/// Why a text is not one command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// There is nothing to run.
    #[error("the command is empty")]
    Empty,
    /// A quote is not closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// Something that a shell would act on.
    #[error("no shell reads the command, so `{0}` has no meaning in it; run one command at a time")]
    Shell(char),
    /// Something that no argument can hold.
    #[error("it holds a NUL character")]
    Nul,
}

/// Takes a command apart: words at spaces, quotes and backslashes as in a shell, and nothing else of a shell.
///
/// # Errors
/// When it is not one plain command.
pub fn words(command: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = command.trim().chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\0') => return Err(WordsError::Nul),
            (Some(open), _) if letter == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = letters.next().ok_or(WordsError::OpenQuote)?;
                let word = word.get_or_insert_default();
                if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some('"'), '$' | '`') => return Err(WordsError::Shell(letter)),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '|' | '&' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '\n') => {
                return Err(WordsError::Shell(letter));
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(WordsError::OpenQuote);
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err(WordsError::Empty);
    }
    Ok(words)
}

/// Whether a pattern allows a command: as many words, each the same or a `*` in the pattern. The program itself must be
/// named.
pub fn allows(pattern: &str, command: &[String]) -> bool {
    let Ok(pattern) = words(pattern) else { return false };
    pattern.len() == command.len()
        && pattern
            .iter()
            .zip(command)
            .enumerate()
            .all(|(place, (allowed, word))| allowed == word || (allowed == "*" && place > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_apart_as_a_shell_would() {
        let list = |command: &str| words(command).unwrap().join("·");
        for (command, expected) in [
            ("npm  test", "npm·test"),
            (" git log --format='%h %s' ", "git·log·--format=%h %s"),
            ("a \"b c\" d\\ e", "a·b c·d e"),
            ("a \"x\\\"y\\n\"", "a·x\"y\\n"),
            ("a ''", "a·"),
            ("a *.rs ~ {x}", "a·*.rs·~·{x}"),
            ("a 'x; y | z'", "a·x; y | z"),
        ] {
            assert_eq!(list(command), expected, "{command}");
        }
    }

    #[test]
    fn what_only_a_shell_understands_is_refused() {
        for (command, error) in [
            ("", WordsError::Empty),
            ("''", WordsError::Empty),
            ("a; b", WordsError::Shell(';')),
            ("a && b", WordsError::Shell('&')),
            ("a | b", WordsError::Shell('|')),
            ("a > b", WordsError::Shell('>')),
            ("a $(b)", WordsError::Shell('$')),
            ("a \"$(b)\"", WordsError::Shell('$')),
            ("a `b`", WordsError::Shell('`')),
            ("a\nb", WordsError::Shell('\n')),
            ("a 'b", WordsError::OpenQuote),
            ("a \\", WordsError::OpenQuote),
            ("a \0", WordsError::Nul),
        ] {
            assert_eq!(words(command), Err(error), "{command:?}");
        }
    }

    #[test]
    fn a_pattern_allows_word_by_word() {
        let allowed = |pattern: &str, command: &str| allows(pattern, &words(command).unwrap());
        assert!(allowed("npm test", "npm   test"));
        assert!(allowed("cargo test *", "cargo test 'a b'"));
        assert!(allowed("sh -c *", "sh -c 'x | y'"));
        for (pattern, command) in [
            ("npm test", "npm test --watch"),
            ("npm test", "npm"),
            ("cargo test *", "cargo test"),
            ("cargo test *", "cargo test a b"),
            ("npm test", "./npm test"),
            ("*", "rm"),
            ("* test", "rm test"),
            ("", "rm"),
            ("a; b", "a"),
        ] {
            assert!(!allowed(pattern, command), "{pattern} / {command}");
        }
    }
}
