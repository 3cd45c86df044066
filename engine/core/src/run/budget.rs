//! Budgets of a run: what was spent, what is set aside, and whether the next call can be afforded.

use super::{CallUsage, Reserve};

/// Tokens and calls: spent by finished calls, set aside for those under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Tokens of prompts and answers of finished calls.
    pub tokens: u64,
    /// Calls that have finished or failed.
    pub calls: u64,
    /// Tokens set aside.
    pub reserved_tokens: u64,
    /// Calls under way.
    pub reserved_calls: u64,
    /// Prompt tokens that a server had cached.
    pub cached: u64,
}

/// The answer to whether a call can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affordable {
    /// It can.
    Yes,
    /// Not now; it may be when calls under way give back what they don't use.
    Later,
    /// Never; the text says which cap stands in the way.
    Never(String),
}

impl Reserve {
    /// Tokens of prompt and answer together.
    pub fn tokens(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

impl Spend {
    /// Sets the worst case of a call aside.
    pub fn reserve(&mut self, reserve: Reserve) {
        self.reserved_tokens = self.reserved_tokens.saturating_add(reserve.tokens());
        self.reserved_calls = self.reserved_calls.saturating_add(1);
    }

    /// Replaces what was set aside by what was used.
    pub fn settle(&mut self, reserve: Reserve, usage: CallUsage) {
        self.reserved_tokens = self.reserved_tokens.saturating_sub(reserve.tokens());
        self.reserved_calls = self.reserved_calls.saturating_sub(1);
        self.calls = self.calls.saturating_add(1);
        self.tokens = self
            .tokens
            .saturating_add(usage.prompt)
            .saturating_add(usage.completion);
        self.cached = self.cached.saturating_add(usage.cached.unwrap_or(0));
    }

    /// Whether a call can be made under caps on tokens and calls.
    pub fn affords(
        &self,
        reserve: Reserve,
        tokens: Option<u64>,
        calls: Option<u64>,
        whose: &str,
    ) -> Affordable {
        let wanted = reserve.tokens();
        if let Some(cap) = tokens {
            if self.tokens.saturating_add(wanted) > cap {
                return Affordable::Never(format!(
                    "the call may take {wanted} tokens; {whose} has {} of {cap} left",
                    cap.saturating_sub(self.tokens)
                ));
            }
            if self
                .tokens
                .saturating_add(self.reserved_tokens)
                .saturating_add(wanted)
                > cap
            {
                return Affordable::Later;
            }
        }
        if let Some(cap) = calls {
            if self.calls >= cap {
                return Affordable::Never(format!("{whose} allows {cap} calls, and all are made"));
            }
            if self.calls.saturating_add(self.reserved_calls) >= cap {
                return Affordable::Later;
            }
        }
        Affordable::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is granted, in whatever order calls end, the cap holds.
        #[test]
        fn caps_hold(cap in 0_u64..1000, steps in prop::collection::vec((1_u64..300, 0_u64..300, any::<bool>()), 0..50)) {
            let mut spend = Spend::default();
            let mut open: Vec<(Reserve, u64)> = Vec::new();
            for (wanted, used, finish) in steps {
                let reserve = Reserve { prompt: wanted / 2, completion: wanted - wanted / 2 };
                if spend.affords(reserve, Some(cap), None, "the run") == Affordable::Yes {
                    spend.reserve(reserve);
                    open.push((reserve, used.min(wanted)));
                }
                if finish && let Some((reserve, used)) = open.pop() {
                    spend.settle(reserve, CallUsage { prompt: used, ..CallUsage::default() });
                }
                prop_assert!(spend.tokens + spend.reserved_tokens <= cap);
            }
        }
    }
}
