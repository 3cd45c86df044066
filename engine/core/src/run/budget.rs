//! Budgets of a run: what was spent, what is set aside, and whether the next call can be afforded.

use super::{CallUsage, Reserve};
use crate::diagnostic::count;
use crate::price::Usd;
use crate::spec::Budget;

/// Tokens, calls and money: spent by finished calls, set aside for those under way.
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
    /// What finished calls cost.
    pub usd: Usd,
    /// Money set aside.
    pub reserved_usd: Usd,
}

/// The most that may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Tokens.
    pub tokens: Option<u64>,
    /// Calls.
    pub calls: Option<u64>,
    /// Money.
    pub usd: Option<Usd>,
}

impl Caps {
    /// Those of a budget; its wall time is kept elsewhere.
    pub fn of(budget: &Budget) -> Self {
        Self {
            tokens: budget.tokens,
            calls: budget.calls,
            // More dollars than can be counted are no cap.
            usd: budget.usd.and_then(Usd::dollars),
        }
    }
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

    /// What a call is charged with of which nobody knows what it took: all of it.
    pub fn used_up(self) -> CallUsage {
        CallUsage {
            prompt: self.prompt,
            completion: self.completion,
            estimated: true,
            usd: self.usd,
            ..CallUsage::default()
        }
    }
}

impl Spend {
    /// Sets the worst case of a call aside.
    pub fn reserve(&mut self, reserve: Reserve) {
        self.reserved_tokens = self.reserved_tokens.saturating_add(reserve.tokens());
        self.reserved_calls = self.reserved_calls.saturating_add(1);
        self.reserved_usd = self.reserved_usd.plus(reserve.usd);
    }

    /// Replaces what was set aside by what was used.
    pub fn settle(&mut self, reserve: Reserve, usage: CallUsage) {
        self.reserved_tokens = self.reserved_tokens.saturating_sub(reserve.tokens());
        self.reserved_calls = self.reserved_calls.saturating_sub(1);
        self.calls = self.calls.saturating_add(u64::from(!usage.refused));
        self.tokens = self
            .tokens
            .saturating_add(usage.prompt)
            .saturating_add(usage.completion);
        self.cached = self.cached.saturating_add(usage.cached.unwrap_or(0));
        self.reserved_usd = self.reserved_usd.minus(reserve.usd);
        self.usd = self.usd.plus(usage.usd);
    }

    /// Whether a call can be made under caps.
    pub fn affords(&self, reserve: Reserve, caps: Caps, whose: &str) -> Affordable {
        let wanted = reserve.tokens();
        let mut answer = Affordable::Yes;
        if let Some(cap) = caps.tokens {
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
                answer = Affordable::Later;
            }
        }
        if let Some(cap) = caps.calls {
            if self.calls >= cap {
                let calls = count(usize::try_from(cap).unwrap_or(usize::MAX), "call");
                return Affordable::Never(format!("{whose} allows {calls}, and all are made"));
            }
            if self.calls.saturating_add(self.reserved_calls) >= cap {
                answer = Affordable::Later;
            }
        }
        // A server that costs nothing is asked whatever was spent.
        if let Some(cap) = caps.usd.filter(|_| !reserve.usd.is_zero()) {
            if self.usd.plus(reserve.usd) > cap {
                return Affordable::Never(format!(
                    "the call may cost {}; {whose} has {} of {cap} left",
                    reserve.usd,
                    cap.minus(self.usd)
                ));
            }
            if self.usd.plus(self.reserved_usd).plus(reserve.usd) > cap {
                answer = Affordable::Later;
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_server_refuses_is_no_call() {
        let caps = Caps {
            calls: Some(1),
            ..Caps::default()
        };
        let reserve = Reserve::default();
        let mut spend = Spend::default();
        let refused = CallUsage {
            refused: true,
            ..CallUsage::default()
        };
        for usage in [refused, refused, CallUsage::default()] {
            assert_eq!(spend.affords(reserve, caps, "the run"), Affordable::Yes);
            spend.reserve(reserve);
            assert_eq!(spend.affords(reserve, caps, "the run"), Affordable::Later);
            spend.settle(reserve, usage);
        }
        assert!(matches!(
            spend.affords(reserve, caps, "the run"),
            Affordable::Never(_)
        ));
    }

    proptest! {
        /// Whatever is granted, in whatever order calls end, the cap holds.
        #[test]
        fn caps_hold(
            cap in 0_u64..1000,
            dollars in 0_u64..1000,
            steps in prop::collection::vec((1_u64..300, 0_u64..300, any::<bool>()), 0..50),
        ) {
            let caps = Caps { tokens: Some(cap), usd: Some(Usd(dollars)), ..Caps::default() };
            let mut spend = Spend::default();
            let mut open: Vec<(Reserve, u64)> = Vec::new();
            for (wanted, used, finish) in steps {
                let reserve = Reserve { prompt: wanted / 2, completion: wanted - wanted / 2, usd: Usd(wanted) };
                if spend.affords(reserve, caps, "the run") == Affordable::Yes {
                    spend.reserve(reserve);
                    open.push((reserve, used.min(wanted)));
                }
                if finish && let Some((reserve, used)) = open.pop() {
                    let usage = CallUsage { prompt: used, usd: Usd(used), ..CallUsage::default() };
                    spend.settle(reserve, usage);
                }
                prop_assert!(spend.tokens + spend.reserved_tokens <= cap);
                prop_assert!(spend.usd.plus(spend.reserved_usd) <= Usd(dollars));
            }
        }
    }
}
