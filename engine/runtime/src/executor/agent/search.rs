//! `search`: lines that match, with their places.

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use regex::{Regex, RegexBuilder};

use super::shown;

/// The largest regular expression, compiled, in bytes: what ordinary ones need a thousandth of.
const REGEX_BYTES: usize = 8 << 20;

/// The most lines that are collected: no budget of tokens holds more.
const MAX_LINES: usize = 500;

/// The most lines of one file: a word that is in every line says nothing about the others.
const OF_A_FILE: u64 = 50;

/// What was found.
pub(super) struct Found {
    /// `path:line: text`.
    pub(super) lines: Vec<String>,
    /// Whether there was more.
    pub(super) more: bool,
    /// Whether the pattern was no regular expression, and was looked for as it is.
    pub(super) literally: bool,
}

/// A pattern, ready to be looked for.
pub(super) struct Search {
    matcher: RegexMatcher,
    /// Where in a line a match begins, which `matcher` does not tell.
    place: Option<Regex>,
    searcher: Searcher,
    found: Found,
}

impl Search {
    /// Compiles a pattern; a text that is no regular expression is looked for as it is, since models forget to escape.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let compile = |pattern: &str| {
            RegexMatcherBuilder::new()
                .size_limit(REGEX_BYTES)
                .dfa_size_limit(REGEX_BYTES)
                .line_terminator(Some(b'\n'))
                .build(pattern)
        };
        let (matcher, literally) = match compile(pattern) {
            Ok(matcher) => (matcher, false),
            Err(_) => (
                compile(&regex::escape(pattern)).map_err(|error| error.to_string())?,
                true,
            ),
        };
        let pattern = if literally {
            regex::escape(pattern)
        } else {
            pattern.to_owned()
        };
        Ok(Self {
            matcher,
            place: RegexBuilder::new(&pattern).size_limit(REGEX_BYTES).build().ok(),
            searcher: SearcherBuilder::new()
                .binary_detection(BinaryDetection::quit(0))
                .line_number(true)
                .build(),
            found: Found {
                lines: Vec::new(),
                more: false,
                literally,
            },
        })
    }

    /// Looks through a file; whether to go on with others.
    pub(super) fn file(&mut self, path: &str, text: &str) -> bool {
        let (found, place) = (&mut self.found, &self.place);
        let mut of_file = 0;
        let sink = Lossy(|number, line| {
            if of_file == OF_A_FILE || found.lines.len() == MAX_LINES {
                found.more = true;
                return Ok(false);
            }
            of_file += 1;
            let line = line.trim();
            let at = place.as_ref().and_then(|place| place.find(line));
            let at = at.map_or(0, |found| found.start());
            found
                .lines
                .push(format!("{path}:{number}: {}", shown::around(line, at)));
            Ok(true)
        });
        // Only the sink could fail, and it does not.
        let _ = self.searcher.search_slice(&self.matcher, text.as_bytes(), sink);
        self.found.lines.len() < MAX_LINES
    }

    /// What was found.
    pub(super) fn done(self) -> Found {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Found {
        let mut search = Search::new(pattern).unwrap();
        search.file("a.rs", text);
        search.done()
    }

    #[test]
    fn lines_are_found_with_their_numbers() {
        assert_eq!(
            found(r"fn \w+", "x\n  fn one() {}\nfn two() {}").lines,
            ["a.rs:2: fn one() {}", "a.rs:3: fn two() {}"]
        );
        assert!(found("none", "x\n").lines.is_empty());
    }

    #[test]
    fn what_is_no_regular_expression_is_looked_for_as_it_is() {
        let found = found("one(", "fn one() {}\n");
        assert!(found.literally);
        assert_eq!(found.lines, ["a.rs:1: fn one() {}"]);
    }

    #[test]
    fn a_match_in_a_long_line_is_shown() {
        let text = format!("{}needle(7) {}\n", "a ".repeat(1000), "b ".repeat(1000));
        let found = found(r"needle\(\d\)", &text);
        assert!(found.lines[0].contains("a needle(7) b"), "{:?}", found.lines);
        assert!(found.lines[0].len() < 600, "{:?}", found.lines);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let found = found("x", &"x\n".repeat(1000));
        assert!(found.more && found.lines.len() == 50, "{}", found.lines.len());
    }
}
