//! Text that others wrote, made safe to show; amounts as words; cutting to a width.
//!
//! What a command or a model writes may hold escape sequences that move the cursor, set the title or hide
//! text. [`clean`] takes them out; everything that reaches a terminal from outside goes through it.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

const ESCAPE: char = '\u{1b}';

/// The text without escape sequences and control characters. Line breaks stay (`\r\n` and `\r` become `\n`),
/// a tab becomes four spaces, anything else that can't be seen or turns the direction becomes `U+FFFD`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_unsafe(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\r' => {
                let _ = rest.next_if_eq(&'\n');
                out.push('\n');
            }
            ESCAPE => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            c if is_unsafe(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Control characters, those that turn the direction of text, and those that XML does not know.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{fffe}' | '\u{ffff}')
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows an escape character. A line break always ends a sequence, so that one that never
/// ends hides no more than its line.
fn skip_escape(rest: &mut Rest<'_>) {
    match rest.peek() {
        Some('[') => {
            let _ = rest.next();
            skip_control_sequence(rest);
        }
        // Texts to the terminal itself (title, clipboard, links), up to BEL or ST.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let _ = rest.next();
            while let Some(c) = rest.next_if(|c| *c != '\n') {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == ESCAPE {
                    let _ = rest.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(' '..='/') => {
            while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            let _ = rest.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            let _ = rest.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(rest: &mut Rest<'_>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    let _ = rest.next_if(|c| matches!(c, '@'..='~'));
}

/// The text in one line: cleaned, each run of white space with a line break in it made one space.
pub(crate) fn one_line(text: &str) -> String {
    let text = clean(text.trim());
    let mut parts = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        line.push(' ');
        line.push_str(part);
    }
    line
}

/// How many cells a text takes, at most: terminals differ about joined emoji, and a line that is counted too
/// long is cut, while one that is counted too short breaks the display.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

fn cells(c: char) -> usize {
    const EMOJI_SELECTOR: char = '\u{fe0f}';
    if c == EMOJI_SELECTOR {
        1
    } else {
        c.width().unwrap_or(0)
    }
}

/// The text, cut to that many cells with a `…` where it was cut. It must hold no escape sequences.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    // A character takes a byte or more for each cell, so short texts need no counting.
    if text.len() <= limit || width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut left = limit.saturating_sub(1);
    for c in text.chars() {
        let Some(after) = left.checked_sub(cells(c)) else {
            break;
        };
        left = after;
        out.push(c);
    }
    if limit > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// The last lines of a text, at most `lines` of them and none longer than `cells`; blank lines at the end
/// don't count.
pub(crate) fn tail(text: &str, lines: usize, cells: usize) -> Vec<String> {
    let text = clean(text);
    let mut last: Vec<String> = text
        .trim_end()
        .rsplit('\n')
        .take(lines)
        .map(|line| cut(line.trim_end(), cells).into_owned())
        .collect();
    last.reverse();
    if last.iter().all(String::is_empty) {
        last.clear();
    }
    last
}

/// A time that passed: `0.4s`, `1m 02s`, `3h 20m`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", millis % 1000 / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A number with commas between its thousands.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clean_takes_sequences_out() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(
            clean("\u{1b}]0;title\u{7}x\u{1b}]8;;http://e\u{1b}\\link"),
            "xlink"
        );
        assert_eq!(clean("\u{1b}]0;never ends\nnext"), "\nnext");
        assert_eq!(clean("a\u{1b}(Bb\u{1b}7c\u{9b}2Jd\u{1b}"), "abcd");
        assert_eq!(
            clean("10%\r20%\r\n\tdone\u{7}\u{202e}"),
            "10%\n20%\n    done\u{fffd}\u{fffd}"
        );
        assert!(matches!(clean("plain\nä 漢"), Cow::Borrowed(_)));
    }

    #[test]
    fn cut_counts_cells() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("漢字漢字", 8), "漢字漢字");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn amounts() {
        assert_eq!(
            [0, 950, 59_999, 61_000, 3_599_000, 7_380_000].map(duration),
            ["0.0s", "0.9s", "59.9s", "1m 01s", "59m 59s", "2h 03m"]
        );
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("one\ntwo\nthree\n\n", 2, 80), ["two", "three"]);
        assert_eq!(tail("\n\n", 2, 80), [""; 0]);
        assert_eq!(one_line("  exit 1\n\n  see log \n"), "exit 1 see log");
    }

    proptest! {
        #[test]
        fn clean_text_is_safe_and_cut_text_fits(text in any::<String>(), cells in 0_usize..40) {
            let text = clean(&text);
            prop_assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)));
            let line = one_line(&text);
            prop_assert!(!line.contains('\n'));
            prop_assert!(width(&cut(&line, cells)) <= cells);
        }
    }
}
