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
    let letters = text.chars().count();
    if letters <= LINE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LINE).collect();
    format!("{kept}… ({} more characters)", letters - LINE)
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
    }
}
