//! Secrets are masked in everything that leaves a command: the journal, reports, the terminal.

/// The values that must not be seen.
#[derive(Default)]
pub struct Mask {
    secrets: Vec<String>,
}

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
