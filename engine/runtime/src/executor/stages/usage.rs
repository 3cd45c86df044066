//! What a call takes: set aside before it is made, charged when it has ended, and compared with what was proven.

use std::fmt::Write as _;

use smallcode_core::price::Usd;
use smallcode_core::run::{CallUsage, Failure, FailureClass, Reserve};
use smallcode_core::tokens::{Estimate, Family, Tokens};

use super::super::command::in_words;
use super::super::{Answerer, Job};
use super::call::{Cure, tell};
use crate::model::{self, CallError, Reply, Request, UsageVerdict};

/// What was proven of a call before it was made.
pub(super) struct Expected {
    pub(super) estimate: Estimate,
    /// What the server has counted of its prompt, where it has.
    pub(super) exact: Option<u64>,
    pub(super) reserve: Reserve,
}

/// What is set aside for a call.
pub(super) fn worst_case(prompt: u64, request: &Request, answerer: &Answerer) -> Reserve {
    let price = answerer.facts.price;
    Reserve {
        prompt,
        completion: request.max_tokens,
        usd: price.map_or(Usd::ZERO, |price| price.cost(prompt, 0, request.max_tokens)),
    }
}

/// What a call is charged with that gave no answer: a server that refused one used nothing; what a broken one used is
/// not known, and it costs as much as was set aside.
pub(super) fn unanswered(error: &CallError, reserve: Reserve) -> CallUsage {
    if error.is_before_work() {
        return CallUsage {
            refused: true,
            ..CallUsage::default()
        };
    }
    reserve.used_up()
}

/// What a call is charged with: what the server has counted, as far as that can be.
pub(super) fn charged(answerer: &Answerer, request: &Request, reply: &Reply, job: &Job) -> CallUsage {
    let family = Family::of_model(answerer.profile.model_name());
    let model::Usage {
        prompt,
        completion,
        cached,
        mut estimated,
    } = reply.usage;
    let mut in_range = |counted: u64, judged: Result<(), model::Miscount>| {
        let Err(miscount) = judged else {
            return counted;
        };
        estimated = true;
        if answerer.told.is_first(miscount.of) {
            tell(job, format!("`{}`: {miscount}", answerer.profile.name));
        }
        miscount.charged
    };
    let window = answerer.facts.window;
    let came = model::estimate_reply(family, reply);
    let completion = in_range(
        completion,
        model::judge_answer(completion, came, request.max_tokens),
    );
    let prompt = in_range(prompt, model::judge_prompt(prompt, request, window));
    let cached = cached.map(|cached| in_range(cached, model::judge_prompt(cached, request, window)));
    CallUsage {
        prompt,
        completion,
        cached,
        estimated,
        refused: false,
        usd: answerer.facts.price.map_or(Usd::ZERO, |price| {
            price.cost(prompt, cached.unwrap_or(0), completion)
        }),
    }
}

/// Compares our count with the server's: an answer to a prompt that it cut, or of which it counted more than was proven to
/// fit, is no success. Of the latter something may be learned: then it is asked again.
pub(super) fn judge_usage(
    answerer: &Answerer,
    request: &Request,
    expected: &Expected,
    reply: &Reply,
) -> Option<(Failure, Cure)> {
    let set_aside = Tokens(expected.reserve.prompt);
    let too_large = |message| Failure::new(FailureClass::TooLarge, message);
    let (learned, window) = (&answerer.learned, Tokens(answerer.facts.window));
    let estimated = expected.estimate;
    match model::compare_usage(estimated, set_aside, &reply.usage) {
        UsageVerdict::Consistent => {
            // What a server leaves out of the count because it was cached was in the prompt all the same.
            let counted = Tokens(reply.usage.prompt.saturating_add(reply.usage.cached.unwrap_or(0)));
            if !reply.usage.estimated && reply.usage.prompt > 0 {
                learned.learn_count(|count| match expected.exact {
                    Some(exact) => count.bear_out_exactly(Tokens(exact), counted),
                    None => count.bear_out(estimated.low, estimated.high, counted),
                });
            }
            None
        }
        UsageVerdict::Cut(cut) => Some((too_large(in_words(&cut)), Cure::Nothing)),
        UsageVerdict::Underestimated {
            expected: most,
            counted,
        } => {
            let is_learned = learned.learn_count(|count| match expected.exact {
                Some(exact) => count.learn_unseen(counted.saturating_sub(Tokens(exact)), window),
                None => count.learn(estimated.high, counted, window),
            });
            let mut message =
                format!("the server counted {counted} tokens of prompt where at most {most} were expected");
            if counted.saturating_add(Tokens(request.max_tokens)) > window {
                message.push_str(", which leaves too little of the window");
            }
            if !is_learned {
                let _ = write!(
                    message,
                    "; more than half of a window of {window} that is put into prompts unseen is not believed: set a larger `window`, or have the server add less"
                );
                return Some((too_large(message), Cure::Nothing));
            }
            Some((too_large(message), Cure::Recount))
        }
    }
}
