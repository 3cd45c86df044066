//! Results made short: as many lines as a budget of tokens holds, and always said what is missing.

use smallcode_core::tokens::{Family, Tokens, count};

/// The longest line that is shown whole, in characters: longer ones are data, of which a line of minified code is the
/// whole file.
const LINE: usize = 400;

/// The first of these lines that fit, and how many they are. At least one is shown.
pub(super) fn fitting(lines: &[String], budget: Tokens, family: Family) -> usize {
    let mut left = budget;
    for (number, line) in lines.iter().enumerate() {
        // The line end may be a token of its own.
        let takes = count(family, line).saturating_add(Tokens(1));
        if takes > left {
            return number.max(1);
        }
        left = left.saturating_sub(takes);
    }
    lines.len()
}

/// A line, cut where it is data.
pub(super) fn line(text: &str) -> String {
    cut(text, "")
}

/// A line, cut where it is data around what was found in it: `at` is where that begins, in bytes.
pub(super) fn around(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default().chars().count();
    let after = text.chars().count() - before;
    if is_whole(text) || before <= LINE / 2 {
        return line(text);
    }
    // As much on either side, but for the end of the line.
    let from = before - (LINE / 2).max(LINE.saturating_sub(after)).min(before);
    let kept: String = text.chars().skip(from).take(LINE).collect();
    let more = text.chars().count() - from - kept.chars().count();
    let end = if more > 0 {
        format!("… ({more} more characters)")
    } else {
        String::new()
    };
    format!("({from} characters before) …{kept}{end}")
}

/// Whether [`line()`] shows all of it.
pub(super) fn is_whole(text: &str) -> bool {
    text.chars().count() <= LINE
}

/// A line of a file, cut where it is data, and how all of it is shown.
pub(super) fn numbered(number: usize, text: &str) -> String {
    cut(text, &format!(": `from` and `to` {number} show them"))
}

/// A line, cut where it is long, with what is said of the rest.
fn cut(text: &str, way: &str) -> String {
    if is_whole(text) {
        return text.to_owned();
    }
    let more = text.chars().count() - LINE;
    let kept: String = text.chars().take(LINE).collect();
    format!("{kept}… ({more} more characters{way})")
}

/// As much of a line as fits, and whether that is all of it.
pub(super) fn whole_line(text: &str, budget: Tokens, family: Family) -> (String, bool) {
    if count(family, text) <= budget {
        return (text.to_owned(), true);
    }
    let letters: Vec<char> = text.chars().collect();
    let fits = |many: &usize| {
        let kept: String = letters.iter().take(*many).collect();
        count(family, &kept) <= budget
    };
    let kept = std::iter::successors(Some(letters.len() / 2), |many| (*many > LINE).then_some(many / 2));
    let kept = kept.into_iter().find(fits).unwrap_or(LINE).max(1);
    let text: String = letters.iter().take(kept).collect();
    let told = format!(
        "{text}… ({} more characters, too many to be shown: `search` shows what stands around a match)",
        letters.len().saturating_sub(kept)
    );
    (told, false)
}

/// A text of a tool, made to fit: its first lines and its last, which tell most.
pub(super) fn ends(text: &str, budget: Tokens, family: Family) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(line).collect();
    let half = Tokens(budget.get() / 2);
    let head = fitting(&lines, budget, family);
    if head == lines.len() {
        return lines.join("\n");
    }
    let head = fitting(&lines, half, family);
    let mut tail: Vec<String> = lines.iter().skip(head).rev().cloned().collect();
    tail.truncate(fitting(&tail, half, family));
    tail.reverse();
    let between = lines.len() - head - tail.len();
    let first = lines.get(..head).unwrap_or_default().join("\n");
    format!("{first}\n… {between} lines are left out …\n{}", tail.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_what_was_found() {
        let text = format!("{}needle{}", "é".repeat(1000), "b".repeat(1000));
        let shown = around(&text, 2000);
        assert!(shown.starts_with("(800 characters before) …é"), "{shown}");
        assert!(
            shown.contains("éneedleb") && shown.ends_with("(806 more characters)"),
            "{shown}"
        );
        let end = format!("{}needle", "a".repeat(1000));
        let shown = around(&end, 1000);
        assert!(
            shown.starts_with("(606 characters before) …a") && shown.ends_with("needle"),
            "{shown}"
        );
        assert_eq!(around("a needle", 2), "a needle");
        assert!(around(&text.replace('é', ""), 0).starts_with("needle"));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let lines: Vec<String> = (1..=100).map(|line| format!("line {line}\n")).collect();
        let text = lines.concat();
        let shown = ends(&text, Tokens(60), Family::Qwen);
        assert!(
            shown.starts_with("line 1\n") && shown.ends_with("line 100"),
            "{shown}"
        );
        assert!(
            shown.contains("lines are left out") && count(Family::Qwen, &shown) < Tokens(80),
            "{shown}"
        );
        assert_eq!(ends("a\nb\n", Tokens(60), Family::Qwen), "a\nb");
        assert_eq!(ends("", Tokens(60), Family::Qwen), "");
        assert!(line(&"x".repeat(1000)).ends_with("(600 more characters)"));
        assert!(
            numbered(7, &"x".repeat(1000)).ends_with("(600 more characters: `from` and `to` 7 show them)")
        );
        let long = "word ".repeat(1000);
        assert_eq!(
            whole_line(&long, Tokens(5000), Family::Qwen),
            (long.clone(), true)
        );
        let (kept, whole) = whole_line(&long, Tokens(500), Family::Qwen);
        assert!(!whole && kept.ends_with("around a match)"));
        assert!(count(Family::Qwen, &kept) < Tokens(530), "{kept}");
    }
}
