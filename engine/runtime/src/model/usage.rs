//! Did the server read the whole prompt, and was our estimate right?

use smallcode_core::tokens::{Estimate, Family, Tokens, estimate_chat};

use super::answer_tool;
use super::message::{Request, Usage};

/// Tokens that a prompt must be short of before it counts as cut. Below this, a template that leaves
/// something out (an empty system message, spaces at the ends) explains the difference.
const CUT_FROM: Tokens = Tokens(64);

/// The server read less than was sent, and said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server read {counted} tokens of a prompt that has at least {least}: it cut the prompt in silence; \
     set `window` to the server's real window, or start the server with a larger one"
)]
pub struct PromptCut {
    /// What the server counted.
    pub counted: Tokens,
    /// The least that the prompt can have.
    pub least: Tokens,
}

/// How a server's count compares with our estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageVerdict {
    /// Within the range, or the server gave no count.
    Consistent,
    /// More than was set aside: the proof that the prompt fits did not hold, so that the reply may not count as success.
    /// Teach it to the model's [`Calibration`](smallcode_core::tokens::Calibration).
    Underestimated {
        /// What was set aside.
        expected: Tokens,
        /// What the server counted.
        counted: Tokens,
    },
    /// The reply answers a prompt that nobody wrote; it may not count as success.
    Cut(PromptCut),
}

/// Compares the server's count of a prompt with our estimate before calibration, and with what was set aside by what had
/// been learned.
///
/// Less than the estimate's lower end, by more than 64 tokens, means that the prompt was cut. The
/// lower end already allows for what vocabularies differ by (see [`Family`]). Servers that leave
/// cached tokens out of the count report how many there were; those are added when the sum stays
/// below what was set aside.
pub fn compare_usage(estimate: Estimate, set_aside: Tokens, usage: &Usage) -> UsageVerdict {
    if usage.estimated || usage.prompt == 0 {
        return UsageVerdict::Consistent;
    }
    let counted = Tokens(usage.prompt);
    let expected = estimate.high.max(set_aside);
    if counted > expected {
        return UsageVerdict::Underestimated { expected, counted };
    }
    if counted.saturating_add(CUT_FROM) < estimate.low {
        let with_cached = counted.saturating_add(Tokens(usage.cached.unwrap_or(0)));
        let outside = usage.cached.is_some_and(|cached| cached > usage.prompt);
        if !(outside && with_cached >= estimate.low && with_cached <= expected) {
            return UsageVerdict::Cut(PromptCut {
                counted,
                least: estimate.low,
            });
        }
    }
    UsageVerdict::Consistent
}

/// Returns the range of a request's prompt for a model.
pub fn estimate_request(family: Family, request: &Request) -> Estimate {
    let chat = estimate_chat(
        family,
        request.messages.iter().map(|message| message.content.as_str()),
    );
    if answer_tool::is_asked(request) {
        chat.plus(estimate_tool(family, request))
    } else {
        chat
    }
}

/// Returns the range of what is added to a prompt where its answer is kept to its schema by a tool.
pub fn estimate_tool(family: Family, request: &Request) -> Estimate {
    request
        .schema
        .as_ref()
        .map_or_else(Estimate::default, |schema| answer_tool::cost(family, schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(prompt: u64, cached: Option<u64>) -> UsageVerdict {
        let estimate = Estimate {
            low: Tokens(4_000),
            high: Tokens(6_000),
        };
        compare_usage(
            estimate,
            Tokens(7_000),
            &Usage {
                prompt,
                completion: 1,
                cached,
                estimated: false,
            },
        )
    }

    #[test]
    fn counts_are_judged_by_the_range() {
        assert_eq!(verdict(5_000, None), UsageVerdict::Consistent);
        assert_eq!(verdict(3_940, None), UsageVerdict::Consistent);
        assert_eq!(verdict(0, None), UsageVerdict::Consistent);
        let cut = PromptCut {
            counted: Tokens(2_048),
            least: Tokens(4_000),
        };
        assert_eq!(verdict(2_048, None), UsageVerdict::Cut(cut));
        assert_eq!(verdict(2_048, Some(2_000)), UsageVerdict::Cut(cut));
        // What was learned allows for it.
        assert_eq!(verdict(7_000, None), UsageVerdict::Consistent);
        let under = UsageVerdict::Underestimated {
            expected: Tokens(7_000),
            counted: Tokens(7_001),
        };
        assert_eq!(verdict(7_001, None), under);
        // A count that leaves out what was cached cannot hold more of it than itself.
        assert_eq!(verdict(100, Some(4_900)), UsageVerdict::Consistent);
    }
}
