//! Did the server read the whole prompt, and was our estimate right?

use smallcode_core::tokens::{Estimate, Family, Tokens, estimate, estimate_chat};

use super::answer_tool;
use super::message::{Reply, Request, Usage};

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

/// What a call is charged with, where the server's own count cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a server's count of {of} is {counted}, where {least} to {most} tokens can be: {charged} are charged, and its counts \
     are not to be relied on"
)]
pub struct Miscount {
    /// What was counted: `a prompt` or `an answer`.
    pub of: &'static str,
    /// What the server counted.
    pub counted: u64,
    /// The least that there can be.
    pub least: u64,
    /// The most that there can be.
    pub most: u64,
    /// What is charged instead.
    pub charged: u64,
}

/// Returns the range of what came of an answer: its text, its thinking and what it passes to tools.
pub fn estimate_reply(family: Family, reply: &Reply) -> Estimate {
    let calls = reply.tool_calls.iter();
    let calls = calls.flat_map(|call| [call.name.as_str(), call.arguments.as_str()]);
    [reply.text.as_str(), reply.thinking.as_str()]
        .into_iter()
        .chain(calls)
        .fold(Estimate::default(), |sum, text| sum.plus(estimate(family, text)))
}

/// Tells whether a server's count of an answer can be: no fewer than surely came, no more than the call could have, which
/// was asked for so many tokens at most. Thinking may be counted and not shown, but it is part of that limit.
///
/// A count that is too low is replaced by the most that came may be, like one that is missing; one that is too high by
/// the most that there can be: what caps keep must not be more than what is charged.
pub fn judge_answer(counted: u64, came: Estimate, asked: u64) -> Result<(), Miscount> {
    let (least, most) = (came.low.get(), asked.max(came.high.get()));
    let charged = if counted < least {
        came.high.get()
    } else if counted > most {
        most
    } else {
        return Ok(());
    };
    Err(Miscount {
        of: "an answer",
        counted,
        least,
        most,
        charged,
    })
}

/// Tells whether a server's count of a prompt is no more than there can be: no vocabulary makes more tokens of a text than
/// it has bytes, and what a server adds unseen must fit its window.
///
/// Too low a count is a prompt that was cut, see [`compare_usage`].
pub fn judge_prompt(counted: u64, request: &Request, window: u64) -> Result<(), Miscount> {
    let bytes = request.messages.iter().map(|message| message.content.len());
    let most = bytes.fold(window, |sum, bytes| {
        sum.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
    });
    if counted <= most {
        return Ok(());
    }
    Err(Miscount {
        of: "a prompt",
        counted,
        least: 0,
        most,
        charged: most,
    })
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
    fn an_answer_is_charged_with_what_it_can_have() {
        let came = Estimate {
            low: Tokens(10),
            high: Tokens(30),
        };
        let charged = |counted, asked| {
            judge_answer(counted, came, asked).map_or_else(|miscount| miscount.charged, |()| counted)
        };
        for right in [10, 11, 99, 100] {
            assert_eq!(judge_answer(right, came, 100), Ok(()));
        }
        // Too few, or none, are as good as not counted.
        assert_eq!((charged(9, 100), charged(0, 100)), (30, 30));
        assert_eq!((charged(101, 100), charged(u64::MAX, 100)), (100, 100));
        // A server that does not keep its limit.
        assert_eq!((charged(25, 20), charged(31, 20)), (25, 30));
        let nothing = Estimate::default();
        assert_eq!(judge_answer(0, nothing, 100), Ok(()));
        assert_eq!(
            judge_answer(100, nothing, 100),
            Ok(()),
            "thinking that is not shown"
        );
    }

    #[test]
    fn a_prompt_has_no_more_tokens_than_bytes_beside_what_is_unseen() {
        let request = Request {
            messages: vec![crate::model::Message::new(
                crate::model::Role::User,
                "x".repeat(1000),
            )],
            ..Request::of_tokens(10)
        };
        assert_eq!(judge_prompt(5_096, &request, 4_096), Ok(()));
        let most = judge_prompt(u64::MAX, &request, 4_096).unwrap_err();
        assert_eq!((most.charged, most.of), (5_096, "a prompt"));
    }

    #[test]
    fn all_that_came_is_counted() {
        let reply = |text: &str, thinking: &str, arguments: &str| Reply {
            text: text.to_owned(),
            thinking: thinking.to_owned(),
            tool_calls: vec![crate::model::ToolCall {
                arguments: arguments.to_owned(),
                ..Default::default()
            }],
            finish: crate::model::Finish::Stop,
            usage: Usage::default(),
            model: None,
        };
        let long = "a few words ".repeat(100);
        let counted = |reply: Reply| estimate_reply(Family::Llama3, &reply);
        let one = counted(reply(&long, "", ""));
        assert!(one.low.get() > 100 && one.high >= one.low);
        assert_eq!(counted(reply("", &long, "")), one);
        assert_eq!(counted(reply("", "", &long)), one);
        assert_eq!(counted(reply("", "", "")), Estimate::default());
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
