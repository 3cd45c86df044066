//! Secrets are masked in everything that leaves a command, goes to a model, or is told of a failure: the journal,
//! prompts, reports, the terminal.

use std::io::{self, Read, Write};

/// The values that must not be seen.
#[derive(Default)]
pub struct Mask {
    secrets: Vec<String>,
}

/// How much of a long output is masked at a time, beside what a secret may take: 1 MiB.
const PIECE: usize = 1 << 20;

/// What stands in the place of a secret.
const MASKED: &str = "***";

/// The shortest value that is masked, in bytes. Shorter ones (`1`, `yes`, `dev`) occur everywhere: masking them
/// would garble the output and tell what they are.
const MIN_SECRET: usize = 4;

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({})", self.secrets.len())
    }
}

impl Mask {
    /// A mask for these values. Each line of a value of several lines is masked as well.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        for value in values {
            let lines = value.lines().map(|line| line.trim().to_owned());
            secrets.extend(
                lines
                    .chain([value.clone()])
                    .filter(|secret| secret.len() >= MIN_SECRET),
            );
        }
        // Longer ones first: one secret may hold another.
        secrets.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        secrets.dedup();
        Self { secrets }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The text with every secret masked.
    pub fn apply(&self, text: String) -> String {
        let mut text = text;
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASKED);
            }
        }
        text
    }

    /// Masks every secret of a text where it stands.
    pub fn cover(&self, text: &mut String) {
        if !self.is_empty() {
            *text = self.apply(std::mem::take(text));
        }
    }

    /// How much of what has arrived can be shown before the rest comes: no secret is cut there, and no character.
    pub fn safe_end(&self, held: &[u8]) -> usize {
        let longest = self.secrets.first().map_or(0, String::len);
        // A secret that began before this place would be whole by now.
        let mut end = held.len().saturating_sub(longest.saturating_sub(1));
        while let Some(after) = self.secrets.iter().find_map(|secret| cut_at(held, secret, end)) {
            end = after;
        }
        // At most three bytes follow the first of a character.
        let begins = |at: &usize| held.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
        (end.saturating_sub(3)..=end).rev().find(begins).unwrap_or(end)
    }

    /// Copies bytes with every secret masked, whatever their length, in a few megabytes of memory.
    ///
    /// # Errors
    /// When they can't be read or written.
    pub fn copy(&self, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
        let patterns: Vec<String> = self.secrets.iter().map(|secret| regex::escape(secret)).collect();
        let pattern = regex::bytes::Regex::new(&patterns.join("|")).map_err(io::Error::other)?;
        let longest = self.secrets.first().map_or(0, String::len);
        let mut held: Vec<u8> = Vec::new();
        loop {
            let limit = u64::try_from(PIECE).unwrap_or(u64::MAX);
            let last = from.by_ref().take(limit).read_to_end(&mut held)? < PIECE;
            // The end may hold the beginning of a secret: what begins there waits for the rest.
            let end = if last {
                held.len()
            } else {
                held.len().saturating_sub(longest)
            };
            let mut done = 0;
            for found in pattern.find_iter(&held).take_while(|found| found.start() < end) {
                to.write_all(held.get(done..found.start()).unwrap_or_default())?;
                to.write_all(MASKED.as_bytes())?;
                done = found.end();
            }
            if done < end {
                to.write_all(held.get(done..end).unwrap_or_default())?;
                done = end;
            }
            held.drain(..done);
            if last {
                return Ok(());
            }
        }
    }
}

/// The end of a secret that a cut at `at` would go through.
fn cut_at(held: &[u8], secret: &str, at: usize) -> Option<usize> {
    let secret = secret.as_bytes();
    let first = at.saturating_sub(secret.len().saturating_sub(1));
    let last = at.saturating_add(secret.len().saturating_sub(1)).min(held.len());
    let around = held.get(first..last)?;
    let found = around.windows(secret.len()).position(|window| window == secret)?;
    Some(first + found + secret.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_beside_its_secrets() {
        let secret = "s3cret-".repeat(10_000);
        let mask = Mask::new([secret.clone(), "short-one".to_owned()]);
        for line in [
            format!("{}{secret}{}", "a".repeat(70_000), "b".repeat(70_000)),
            format!("{}short-one{}", "ä".repeat(40_000), "ö".repeat(80_000)),
        ] {
            let expected = mask.apply(line.clone());
            for chunk in [997, 4096, 65_536] {
                let (mut held, mut shown) = (Vec::new(), String::new());
                for piece in line.as_bytes().chunks(chunk) {
                    held.extend_from_slice(piece);
                    if held.len() > 64 * 1024 {
                        let end = mask.safe_end(&held);
                        let text = String::from_utf8(held.drain(..end).collect()).unwrap();
                        shown.push_str(&mask.apply(text));
                    }
                }
                shown.push_str(&mask.apply(String::from_utf8(held).unwrap()));
                assert!(shown == expected, "in pieces of {chunk}");
            }
        }
    }

    #[test]
    fn a_long_text_is_masked_across_pieces() {
        let mask = Mask::new(["sesame-".repeat(10), "sesame-".to_owned() + "x"]);
        for shift in 0..140 {
            let mut text = vec![b'.'; PIECE - 70 + shift];
            text.extend("sesame-".repeat(10).bytes());
            text.extend([0xff; 3]);
            text.extend(vec![b'.'; PIECE]);
            text.extend(b"sesame-x");
            let mut masked = Vec::new();
            mask.copy(&mut text.as_slice(), &mut masked).unwrap();
            assert!(masked.ends_with(b".***"), "{shift}");
            assert_eq!(masked.len(), PIECE - 70 + shift + 3 + 3 + PIECE + 3, "{shift}");
        }
    }

    #[test]
    fn masks_longest_first_and_leaves_trifles() {
        let mask = Mask::new([
            "abcd".to_owned(),
            "abcdefgh".to_owned(),
            "yes".to_owned(),
            "one-key\ntwo-key".to_owned(),
        ]);
        assert_eq!(
            mask.apply("abcdefgh abcd yes two-key".to_owned()),
            "*** *** yes ***"
        );
        assert!(!format!("{mask:?}").contains("abcd"));
    }
}
