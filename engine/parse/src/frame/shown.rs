//! Calls that a reply shows and does not make: examples, what must not be called, what was found in a file.
//!
//! The line before says so. Only its last sentence counts, and only where it leads over to what follows: prose holds
//! all of these words. A sentence that says what its writer is going to do makes a call, unless it says that it won't.

/// How far back the line that leads over is looked for. Lines that do are short.
const BACK: usize = 400;

/// What leads over to an example.
const EXAMPLE: &[&str] = &[
    "example",
    "for instance",
    "e.g.",
    "such as",
    "sample",
    "template",
    "looks like",
    "look like",
    "looked like",
    "syntax",
    "format is",
    "format would be",
    "format:",
    "usage",
    "beispiel",
    "ejemplo",
    "exemple",
];
/// What its writer is about to do.
const INTENT: &[&str] = &[
    "i'll", "i will", "i’ll", "let me", "let's", "going to", "i need", "i now", "calling",
];
/// … which may be to show something.
const SHOWING: &[&str] = &["show", "give you", "illustrate", "explain", "describe"];
const NOT: &[&str] = &[
    "not",
    "never",
    "don't",
    "don’t",
    "won't",
    "won’t",
    "can't",
    "can’t",
    "cannot",
    "shouldn't",
    "shouldn’t",
    "mustn't",
    "wouldn't",
    "avoid",
    "refuse",
];
/// What is done with a call.
const DEEDS: &[&str] = &[
    "call",
    "calling",
    "send",
    "sending",
    "run",
    "running",
    "execute",
    "executing",
    "use",
    "using",
    "do",
    "doing",
    "make",
    "making",
    "invoke",
    "issue",
    "write",
    "to",
];
/// What makes of "can't do that" a reason to do something else first.
const UNLESS: &[&str] = &["without", "until", "unless", "yet"];
/// What is wrong is no call either.
const WRONG: &[&str] = &[
    "wrong to",
    "be wrong",
    "is wrong",
    "was wrong",
    "be dangerous",
    "is dangerous",
    "be harmful",
    "be a mistake",
    "is invalid",
    "was invalid",
    "failed",
    "would have",
    "could have",
    "instead of",
];
/// The last word of a sentence before something that was found or given back.
const ECHO: &[&str] = &[
    "contains",
    "contained",
    "returned",
    "returns",
    "says",
    "said",
    "printed",
    "prints",
    "wrote",
];
/// What is said to be something, or stands before its colon alone: `Output:`.
const FOUND: &[&str] = &[
    "output",
    "outputs",
    "result",
    "results",
    "observation",
    "content",
    "contents",
    "log",
    "logs",
    "file",
];

/// Whether what begins at `start` is only shown.
pub(super) fn shown(text: &str, start: usize) -> bool {
    let from = (start.saturating_sub(BACK)..=start).find(|from| text.is_char_boundary(*from));
    let before = from.and_then(|from| text.get(from..start)).unwrap_or_default();
    let mut lines = before.rsplit('\n');
    let own = lines.next().unwrap_or_default().trim();
    // A line of a quotation, a row of a table.
    if own.starts_with("> ") || own == ">" || own.starts_with('|') {
        return true;
    }
    if own.chars().any(char::is_alphabetic) && !is_mark(own) {
        return leads_over(own);
    }
    lines
        .map(str::trim)
        .find(|line| !line.is_empty() && !is_mark(line))
        .is_some_and(leads_over)
}

/// A fence, or tags that hold the call.
fn is_mark(line: &str) -> bool {
    line.starts_with("```")
        || line.starts_with("~~~")
        || line.starts_with(['<', '[']) && line.ends_with(['>', ']'])
}

fn leads_over(line: &str) -> bool {
    let line = line.to_lowercase();
    let bare = line.trim_matches(['#', '*', '_', '`', ' ', '>', '-']);
    let heading = line.starts_with('#') || line.starts_with("**") && line.ends_with("**");
    let colon = bare.ends_with([':', '：']) || bare.trim_end_matches(['*', ' ']).ends_with(':');
    if !(heading || colon || bare.ends_with("instead of")) {
        return false;
    }
    let bare = bare.trim_end_matches([':', '：', '*', '`', ' ']);
    let sentence = last_part(bare, &[". ", "! ", "? ", "; "]);
    let clause = last_part(sentence, &[", ", " but ", " so "]);
    refuses(clause)
        || WRONG.iter().any(|word| clause.contains(word))
        || !is_meant(sentence) && (EXAMPLE.iter().any(|word| sentence.contains(word)) || echoes(sentence))
}

fn last_part<'t>(text: &'t str, separators: &[&str]) -> &'t str {
    let end = separators
        .iter()
        .filter_map(|separator| text.rfind(separator).map(|at| at + separator.len()));
    end.max().and_then(|end| text.get(end..)).unwrap_or(text)
}

fn is_meant(sentence: &str) -> bool {
    INTENT.iter().any(|word| sentence.contains(word)) && !SHOWING.iter().any(|word| sentence.contains(word))
}

/// `I will not run this`.
fn refuses(clause: &str) -> bool {
    let words: Vec<_> = clause.split_whitespace().collect();
    words.windows(2).any(|pair| match pair {
        [not, deed] => NOT.contains(not) && DEEDS.contains(deed),
        _ => false,
    }) && !words.iter().any(|word| UNLESS.contains(word))
}

/// `The file contains`, `Tool result`, `config.json`.
fn echoes(sentence: &str) -> bool {
    let words: Vec<_> = sentence.split_whitespace().collect();
    match words.as_slice() {
        [word] if is_path(word) => true,
        [.., last] if ECHO.contains(last) => true,
        [.., found, is] if FOUND.contains(found) && matches!(*is, "is" | "was" | "are" | "were") => true,
        [.., last] if FOUND.contains(last) && words.len() <= 3 => true,
        [_, .., last] if sentence.contains("content of") || sentence.contains("contents of") => {
            matches!(*last, "is" | "are" | "was" | "were") || sentence.starts_with("here ")
        }
        _ => false,
    }
}

fn is_path(word: &str) -> bool {
    let word = word.trim_matches(['`', '*', '"', '\'']);
    word.rsplit_once('.').is_some_and(|(name, extension)| {
        !name.is_empty()
            && (1..=5).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_before_tells_an_example_from_a_call() {
        for line in [
            "For example:",
            "**Example**",
            "### Usage example",
            "For instance, a call would look like:",
            "Let me show you an example:",
            "The expected format is:",
            "Do not call:",
            "I won't use this:",
            "I can't do that. I would have needed:",
            "This would be dangerous:",
            "Instead of",
            "The server returned:",
            "The content of the file is:",
            "Here are the contents of a.json:",
            "Tool result:",
            "`config.json`:",
        ] {
            assert!(
                shown(&format!("Well.\n\n{line}\n\n```json\n"), line.len() + 17),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_going_to_be_done_is_no_example() {
        for line in [
            "Let me read the file.",
            "I'll read the example file:",
            "For example, files can be large. I read this one:",
            "Here is the call in the requested format:",
            "Based on the output of the last call, I now read it:",
            "You don't have it open, so I'll read it:",
            "I can't do that without the file:",
            "I need the output of this command:",
            "### Step 1: read the file",
            "The function call would be:",
            "My response:",
        ] {
            assert!(!shown(&format!("{line}\n"), line.len() + 1), "{line}");
        }
    }

    #[test]
    fn a_line_of_a_quotation_or_a_table_is_shown() {
        assert!(shown("> {", 2));
        assert!(shown("| a | {", 6));
        assert!(!shown("- {", 2));
        assert!(!shown("", 0));
    }
}
