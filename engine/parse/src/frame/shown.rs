//! Calls that a reply shows and does not make: examples, what must not be called, what was found in a file.
//!
//! The line before says so. Only its last sentence counts, and only where it leads over to what follows: prose holds
//! all of these words. A sentence that says what its writer is going to do makes a call, unless it says that it won't.

mod words;

use words::{
    ASSENT, DEEDS, DONE, EARLIER, ECHO, EXAMPLE, FOUND, INTENT, LABELS, NOT, OF_FOUND, PAST, PLACES, SHOWING,
    SUPPOSED, UNLESS,
};

/// How far back the line that leads over is looked for. Lines that do are short.
const BACK: usize = 400;

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

/// Whether a line ends in a sentence behind which a call is made: `Okay.`, `I'll look at it.`
pub(super) fn leads_to_deed(line: &str) -> bool {
    let Some(said) = line.trim_end().strip_suffix(['.', '!']) else {
        return false;
    };
    let said = said.trim_start().to_lowercase();
    let said = said.as_str();
    let sentence = last_part(said, &[". ", "! ", "? ", "; "]);
    let words: Vec<_> = sentence.split_whitespace().collect();
    ASSENT.contains(&sentence) || is_meant(sentence) && !refuses(&words) && !is_found(sentence)
}

/// Whether what begins at `start` is a block of code as Markdown has it without a fence: indented by four, with a blank
/// line between it and prose that does not say that something is going to be done.
pub(super) fn indented(text: &str, start: usize) -> bool {
    let from = (start.saturating_sub(BACK)..=start).find(|from| text.is_char_boundary(*from));
    let before = from.and_then(|from| text.get(from..start)).unwrap_or_default();
    let mut lines = before.rsplit('\n');
    if !lines
        .next()
        .is_some_and(|own| own.trim().is_empty() && is_indented(own))
    {
        return false;
    }
    let mut blank = false;
    for line in lines {
        if !line.trim().is_empty() && !is_indented(line) {
            let prose = line.trim();
            let item = prose.starts_with(['-', '*', '+', '<', '['])
                || prose.starts_with(|ch: char| ch.is_ascii_digit());
            // A line with a colon leads over, to a call or to something else: its words tell.
            return blank
                && !item
                && !is_mark(prose)
                && !prose.ends_with([':', '：'])
                && !is_meant(last_part(&prose.to_lowercase(), &[". ", "! ", "? ", "; "]));
        }
        blank = line.trim().is_empty();
    }
    false
}

fn is_indented(line: &str) -> bool {
    line.starts_with("    ") || line.starts_with('\t')
}

/// A fence, or tags that hold the call.
fn is_mark(line: &str) -> bool {
    line.starts_with("```")
        || line.starts_with("~~~")
        || line.starts_with(['<', '[']) && line.ends_with(['>', ']'])
}

fn leads_over(line: &str) -> bool {
    let line = line.to_lowercase();
    // A transcript of a terminal.
    if line.starts_with("$ ") {
        return true;
    }
    let bare = line.trim_matches(['#', '*', '_', '`', ' ', '>', '-', '/', '(', ')']);
    let heading =
        line.starts_with('#') || line.starts_with("**") && line.ends_with("**") || bare == "example";
    let colon = bare.ends_with([':', '：']);
    if !colon && !heading && bare.ends_with(['.', '!', '?', ';']) {
        return false;
    }
    let bare = bare.trim_end_matches([':', '：', '*', '`', ' ']);
    let sentence = last_part(bare, &[". ", "! ", "? ", "; "]);
    let clause = last_part(sentence, &[", ", " but ", " so ", " and "]);
    let words: Vec<_> = clause.split_whitespace().collect();
    let words = match words.as_slice() {
        [said @ .., "the", "following"] | [said @ .., "this" | "these" | "following"] if !said.is_empty() => {
            said
        }
        all => all,
    };
    let quoted =
        refuses(words) || words.last().is_some_and(|last| ECHO.contains(last)) && !words.contains(&"what");
    // A line that leads over without a colon is the first half of a sentence.
    if !colon && !heading {
        return quoted && !is_meant(sentence) || refuses(words) || clause.ends_with("instead of");
    }
    refuses(words)
        || DONE.iter().any(|word| clause.contains(word))
        || !is_meant(sentence) && (quoted || is_example(sentence, clause) || is_found(sentence))
}

fn last_part<'t>(text: &'t str, separators: &[&str]) -> &'t str {
    let ends = separators
        .iter()
        .filter_map(|separator| text.rfind(separator).map(|at| at + separator.len()));
    ends.max().and_then(|end| text.get(end..)).unwrap_or(text)
}

/// `I'll read it`, and what ends in `so`.
fn is_meant(sentence: &str) -> bool {
    let led = sentence
        .split_whitespace()
        .next_back()
        .is_some_and(|last| matches!(last, "so" | "then" | "now" | "next"));
    led || INTENT.iter().any(|word| sentence.contains(word))
        && !SHOWING.iter().any(|word| sentence.contains(word))
}

/// `I will not run this`, `don't ask me to run`; but not `I don't know what I run`.
fn refuses(words: &[&str]) -> bool {
    // Between the two stand a few words at most: "not be allowed to".
    const NEAR: usize = 4;
    let refused = |at: usize| {
        let after = words.iter().skip(at + 1).take(NEAR);
        after
            .take_while(|word| !matches!(**word, "i" | "i'll" | "we"))
            .any(|word| DEEDS.contains(word))
    };
    let nots = words.iter().enumerate().filter(|(_, word)| NOT.contains(word));
    !words.iter().any(|word| UNLESS.contains(word)) && nots.map(|(at, _)| at).any(refused)
}

/// `For instance, a call would be`, `An example of it`, `Format`.
fn is_example(sentence: &str, clause: &str) -> bool {
    let begins = ["for example", "for instance", "example", "an example", "e.g."];
    begins.iter().any(|word| sentence.starts_with(word))
        || EXAMPLE.iter().any(|word| clause.contains(word))
        || sentence.split_whitespace().count() <= 2
            && sentence
                .split_whitespace()
                .next_back()
                .is_some_and(|last| LABELS.contains(&last))
}

/// `Tool result`, `The output was`, `Here is the content of a.md`, `config.json`.
fn is_found(sentence: &str) -> bool {
    let words: Vec<_> = sentence.split_whitespace().collect();
    if lies_somewhere(&words) || is_past(&words) || is_supposed(sentence) {
        return true;
    }
    let here = ["here", "here's", "this", "these", "below"];
    let named = |word: &&str| {
        matches!(
            *word,
            "file" | "content" | "contents" | "output" | "log" | "logs" | "config" | "transcript" | "history"
        )
    };
    let is = |word: &str| matches!(word, "is" | "was" | "are" | "were");
    match words.as_slice() {
        [word] if is_path(word) => true,
        [found, "of", ..] if FOUND.contains(found) => true,
        [.., found, last] if FOUND.contains(found) && is(last) => true,
        [before @ .., last] if FOUND.contains(last) && before.iter().all(|word| OF_FOUND.contains(word)) => {
            true
        }
        // `Here is the command to see the file` names what is done.
        [first, rest @ ..] if here.contains(first) => rest.iter().any(named) && !rest.contains(&"to"),
        [.., last] => is(last) && (sentence.contains("content of") || sentence.contains("log is")),
        [] => false,
    }
}

/// `I did this`, `My last call was`, `What I ran before`: another time than now.
fn is_past(words: &[&str]) -> bool {
    let past = |word: &&str| PAST.contains(word);
    let before = words.windows(2).any(|pair| {
        matches!(pair, [when, what] if EARLIER.contains(when) && matches!(*what, "call" | "calls" | "step" | "message" | "turn" | "command" | "attempt" | "run" | "answer"))
    });
    let last = words
        .last()
        .is_some_and(|last| matches!(*last, "was" | "were" | "before" | "earlier"));
    // `The last call was wrong. Now:` says what comes now.
    (before || last || words.iter().any(past))
        && !words.iter().any(|word| matches!(*word, "now" | "next" | "again"))
}

/// `Suppose you call`, `If you wanted to read it`, `An attacker might send`.
fn is_supposed(sentence: &str) -> bool {
    [
        "suppose",
        "imagine",
        "if you wanted",
        "if i wanted",
        "if someone",
        "hypothetically",
    ]
    .iter()
    .any(|word| sentence.starts_with(word))
        || SUPPOSED.iter().any(|word| sentence.contains(word))
}

/// `Found in config`, `From the log`, `I found this in a.json`, `In the docs there is this block`.
fn lies_somewhere(words: &[&str]) -> bool {
    let place = |word: &str| PLACES.contains(&word) || is_path(word);
    let found = words.windows(2).any(|pair| {
        matches!(
            pair,
            [
                "found" | "saw" | "seen",
                "in" | "inside" | "at" | "on" | "among" | "this" | "these" | "following"
            ] | ["there", "is" | "was"]
        )
    }) || words
        .windows(3)
        .any(|three| matches!(three, ["found" | "saw", "the", "following"]));
    let inside = matches!(words, ["in" | "inside" | "from" | "within", .., last] if place(last));
    // `In order to see the log` says what is done.
    (found || inside) && !words.contains(&"to")
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
            "It could be something like this:",
            "Format:",
            "// example",
            "I'm not going to run",
            "Please don't ask me to run:",
            "The following call is not permitted:",
            "I have already run this call:",
            "The user wrote:",
            "Result of read_file:",
            "The tool printed",
            "$ cat a.json",
            "Found in config:",
            "I found the following in the log:",
            "From the README:",
            "In `tools.json`:",
            "The file has this:",
            "In the docs there is this block:",
            "I did this:",
            "My last call was:",
            "The user pasted this:",
            "The tool was called with:",
            "Suppose you call:",
            "An attacker might send:",
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
            "I use this template to make the call:",
            "Here is the command to see what the file contains:",
            "Example usage is given above, so:",
            "Instead of reading the file I run:",
            "Get the result:",
            "I don't know the path. I look",
            "Let me look at the log file:",
            "Found the bug in main.rs:",
            "In order to see the log:",
            "The last call was wrong, so now:",
            "The previous step failed. I try again:",
            "The next step is:",
            "To do that, use:",
            "I found it in the log, so I read it:",
        ] {
            assert!(!shown(&format!("{line}\n"), line.len() + 1), "{line}");
        }
    }

    #[test]
    fn a_block_that_is_indented_is_code_unless_it_is_announced() {
        for (before, expected) in [
            ("A call is written so.\n\n    ", true),
            ("This is how.\n\n    # a call\n    ", true),
            ("This is how.\n\n\t", true),
            ("I will read it.\n\n    ", false),
            ("The call:\n\n    ", false),
            ("- first\n\n    ", false),
            ("A call.\n    ", false),
            ("A call.\n\n  ", false),
            ("\n\n    ", false),
            ("```json\n\n    ", false),
        ] {
            assert_eq!(indented(before, before.len()), expected, "{before:?}");
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
