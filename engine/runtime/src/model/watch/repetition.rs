//! Whether a text goes round in circles: its end is the same piece again and again, however long that is.
//!
//! Tables, lists and code repeat themselves as well, but not exactly, not so often, or not for so long.

/// How long a piece may be, in bytes, and after how many bytes the end is looked at again: short ones soon, long ones,
/// of some 8,000 tokens, when so much has come. Each byte of a text is looked at 12 times by each.
const SCALES: [Scale; 2] = [
    Scale {
        longest: 2048,
        every: 1024,
    },
    Scale {
        longest: 32 * 1024,
        every: 16 * 1024,
    },
];

/// How often a piece must stand at the end of the text.
const TIMES: usize = 6;

/// How many bytes of repeated words are a loop.
const WORDS: usize = 2048;

/// How many bytes of anything else are one: rows of zeros, rules and padding are long in good answers, too.
const MARKS: usize = 4096;

/// How many bytes of nothing but spaces are one. A grammar of JSON allows a model to write them for ever.
const SPACES: usize = 1024;

/// How many letters of different kinds make words of a piece: `0x00, ` and `null, ` are none.
const LETTERS: usize = 4;

/// The end of a text as it grows.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    ends: [End; 2],
}

#[derive(Debug, Clone, Copy)]
struct Scale {
    longest: usize,
    every: usize,
}

/// As much of the end as pieces of one scale need.
#[derive(Debug, Default)]
struct End {
    kept: Vec<u8>,
    fresh: usize,
}

impl Repetition {
    /// Takes in more of the text, and tells whether its end repeats itself.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let mut ends = self.ends.iter_mut().zip(SCALES);
        ends.any(|(end, scale)| end.push(text.as_bytes(), scale))
    }
}

impl End {
    fn push(&mut self, text: &[u8], scale: Scale) -> bool {
        // However the text is cut, it is looked at after the same bytes.
        let mut rest = text;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(scale.every - self.fresh));
            self.kept.extend_from_slice(part);
            self.fresh += part.len();
            rest = more;
            if self.fresh == scale.every {
                self.fresh = 0;
                let over = self.kept.len().saturating_sub(scale.longest * TIMES);
                self.kept.drain(..over);
                if loops(&self.kept, scale.longest) {
                    return true;
                }
            }
        }
        false
    }
}

/// Whether some end of the text is one piece of so many bytes at most, often enough and for long enough.
fn loops(text: &[u8], longest: usize) -> bool {
    let spaces = text
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    if spaces >= SPACES {
        return true;
    }
    // From the end backwards: for each length, how much of it is again its own beginning (Knuth, Morris and Pratt).
    let at = |index: usize| {
        text.len()
            .checked_sub(index + 1)
            .and_then(|index| text.get(index))
    };
    let mut borders: Vec<usize> = vec![0; text.len()];
    let mut border = 0;
    for length in 1..text.len() {
        while border > 0 && at(border) != at(length) {
            border = borders.get(border - 1).copied().unwrap_or(0);
        }
        if at(border) == at(length) {
            border += 1;
        }
        if let Some(place) = borders.get_mut(length) {
            *place = border;
        }
        let (whole, piece) = (length + 1, length + 1 - border);
        if piece <= longest && whole >= WORDS && whole >= piece * TIMES {
            let piece = text.get(text.len() - piece..).unwrap_or_default();
            if whole >= MARKS || is_words(piece) {
                return true;
            }
        }
    }
    false
}

/// Whether a piece holds words, in whatever script.
fn is_words(piece: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in piece {
        if (byte.is_ascii_alphabetic() || !byte.is_ascii())
            && let Some(seen) = seen.get_mut(usize::from(byte.to_ascii_lowercase()))
        {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= LETTERS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// After how many bytes a text is found to repeat itself.
    fn found(text: &str, parts: usize) -> Option<usize> {
        let mut repetition = Repetition::default();
        let mut read = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let mut end = parts.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (part, more) = rest.split_at(end);
            read += part.len();
            if repetition.push(part) {
                return Some(read);
            }
            rest = more;
        }
        None
    }

    /// A piece of so many bytes that does not repeat itself.
    fn piece(bytes: usize) -> String {
        let words = (0_u64..).map(|n| format!("word{} ", n.wrapping_mul(2_654_435_761) % 10_007));
        let mut piece = String::new();
        for word in words {
            if piece.len() >= bytes {
                break;
            }
            piece.push_str(&word);
        }
        piece.truncate(bytes);
        piece
    }

    #[test]
    fn any_piece_up_to_some_thousand_tokens_is_found() {
        for period in [
            1, 2, 3, 7, 16, 40, 100, 333, 700, 1200, 2048, 2500, 4000, 9999, 32_768,
        ] {
            let start = "The answer begins well, with words of its own. ";
            let text = format!("{start}{}", piece(period).repeat((40_000 / period).max(8)));
            let at = found(&text, 5).unwrap_or_else(|| panic!("{period} is not found"));
            let scale = SCALES[usize::from(period > SCALES[0].longest)];
            assert!(
                at <= start.len() + (period * TIMES).max(MARKS) + 2 * scale.every,
                "{period}: {at}"
            );
        }
        assert!(found(&"我不知道。".repeat(1000), 3).is_some());
        assert!(found(&format!("{{{}", "\n  ".repeat(2000)), 8).unwrap() <= 3 * 1024);
    }

    #[test]
    fn tables_code_and_lists_are_no_loops() {
        let lines = |line: &dyn Fn(usize) -> String| (0..200).map(line).collect::<Vec<_>>().concat();
        let table = lines(&|n| format!("| item {n} | yes | no |\n"));
        let zeros = format!(
            "const TABLE: [u8; 500] = [\n{}];\n",
            "    0, 0, 0, 0, 0, 0, 0, 0,\n".repeat(62)
        );
        let list = "- [ ] to be done\n".repeat(100);
        let code = lines(&|n| format!("    assert_eq!(parse(\"{n}\"), Some({n}));\n"));
        let rule = format!("{}\n{}\n", "=".repeat(900), "-".repeat(900));
        let base64 = format!("data:image/png;base64,{}", "A".repeat(3000));
        let blank = format!("a\n{}b", " ".repeat(700));
        let poem = format!("{}\n", "Row, row, row your boat\n".repeat(40));
        for text in [
            &table,
            &zeros,
            &list,
            &code,
            &rule,
            &base64,
            &blank,
            &poem,
            &piece(50_000),
        ] {
            assert_eq!(found(text, 9), None, "{}", text.get(..60).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn how_a_text_is_cut_changes_nothing(period in 1_usize..300, parts in 1_usize..400) {
            let text = format!("{}{}", piece(500), piece(period).repeat(12_000 / period));
            let whole = found(&text, usize::MAX).is_some();
            prop_assert_eq!(found(&text, parts).is_some(), whole);
            prop_assert!(whole);
        }

        #[test]
        fn ordinary_text_is_no_loop(words in prop::collection::vec("[a-z]{1,9}", 300..900)) {
            prop_assert_eq!(found(&words.join(" "), 11), None);
        }
    }
}
