//! Whether a reply is an answer at all, before anything is read from it.

use smallcode_core::run::{Failure, FailureClass};

use crate::answer;
use crate::model::{Finish, Reply, Request, Role, Stop, thinking_allowance};

/// How much of an answer is shown with its failure, in characters.
const SHOWN: usize = 60;

/// How much larger the room for a second try must be, in quarters: with less, the same answer is cut again.
const WORTH_ANOTHER: u64 = 5;

/// From so many words on, an answer that is the prompt is an echo.
const ECHO_WORDS: usize = 8;

/// Judges how a reply ended; `room` is the most tokens that the window has for an answer.
pub(super) fn whole(reply: &Reply, request: &Request, room: u64) -> Result<(), Failure> {
    let limit = request.max_tokens;
    let said = answer::text(&reply.text);
    match &reply.finish {
        // Where no more than thinking has come, a longer answer is more of it.
        Finish::Length if said.is_empty() && thought(reply) || smallcode_parse::is_thinking(&reply.text) => {
            Err(overthought(format!(
                "thinking took all {limit} tokens of the answer"
            )))
        }
        Finish::Length => {
            let mut failure = Failure::new(
                FailureClass::Truncated,
                format!(
                    "the answer was cut at its limit of {limit} tokens; split the work, or raise `max_output` of the profile"
                ),
            );
            failure.room = Some(room).filter(|room| *room >= limit.saturating_mul(WORTH_ANOTHER) / 4);
            Err(failure)
        }
        Finish::Stopped(Stop::Overlong) => Err(Failure::new(
            FailureClass::Truncated,
            format!(
                "the server does not keep the limit of {limit} tokens; the answer was stopped far beyond it"
            ),
        )),
        Finish::Stopped(Stop::Overthinking) => Err(overthought(format!(
            "the model thought for more than the {} tokens that it may",
            thinking_allowance(limit)
        ))),
        Finish::Stopped(Stop::Looping) => Err(looping(reply)),
        Finish::Withheld(reason) => Err(Failure::new(
            FailureClass::Refused,
            format!(
                "the server withholds the answer, or the rest of it (`{reason}`); change what is asked, or ask another model"
            ),
        )),
        // A call that was broken off gave no reply: only a journal can hold one.
        Finish::Aborted(reason) => Err(Failure::new(
            FailureClass::Transport,
            format!("the server broke the answer off (`{reason}`)"),
        )),
        // An answer with a reason that nobody knows is taken as whole: `unknown` says so.
        Finish::Stopped(Stop::Complete) | Finish::Stop | Finish::ToolCalls | Finish::Other(_) => {
            if said.is_empty() && reply.tool_calls.is_empty() {
                return Err(Failure::new(FailureClass::Empty, "the answer is empty"));
            }
            if is_echo(said, request) {
                let message = "the answer is the prompt itself, and nothing else";
                return Err(Failure::new(FailureClass::Unparseable, message));
            }
            Ok(())
        }
    }
}

/// What is to be told of a reason that is not known.
pub(super) fn unknown(reply: &Reply) -> Option<String> {
    let Finish::Other(reason) = &reply.finish else {
        return None;
    };
    let word: String = reason.chars().take(SHOWN).collect();
    (!word.is_empty()).then(|| {
        format!("the server ends an answer with `{word}`, which is not known; the answer is taken as whole")
    })
}

fn thought(reply: &Reply) -> bool {
    !reply.thinking.trim().is_empty() || !reply.text.trim().is_empty()
}

fn overthought(message: String) -> Failure {
    Failure::new(FailureClass::Overthinking, message)
}

fn looping(reply: &Reply) -> Failure {
    // What was said last is what was repeated, be it in the answer or in its thinking.
    let text = if reply.text.trim().is_empty() && !reply.thinking.is_empty() {
        &reply.thinking
    } else {
        &reply.text
    };
    let last: Vec<char> = text.trim().chars().rev().take(SHOWN).collect();
    let last: String = last.into_iter().rev().collect();
    let mut failure = Failure::new(
        FailureClass::Looping,
        "the answer repeated itself without end and was stopped",
    );
    failure.detail = if last.is_empty() {
        "(nothing but spaces)".to_owned()
    } else {
        format!("…{last}")
    };
    failure
}

/// Whether the model gave back what it was asked. The answer to a few words may be the same words.
fn is_echo(said: &str, request: &Request) -> bool {
    if said.split_whitespace().take(ECHO_WORDS).count() < ECHO_WORDS {
        return false;
    }
    let asked = request
        .messages
        .iter()
        .rev()
        .find(|message| message.role == Role::User);
    asked.is_some_and(|asked| said.split_whitespace().eq(asked.content.split_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Usage;

    fn judged(text: &str, reason: &str) -> (Option<FailureClass>, Option<String>) {
        let reply = Reply {
            text: text.to_owned(),
            thinking: String::new(),
            tool_calls: Vec::new(),
            finish: Finish::from_reason(reason),
            usage: Usage::default(),
            model: None,
        };
        let request = Request::of_tokens(100);
        let class = whole(&reply, &request, 100).err().map(|failure| failure.class);
        (class, unknown(&reply))
    }

    #[test]
    fn an_answer_is_judged_by_how_it_ended() {
        for known in ["stop", "", "eos", "COMPLETE", "tool_calls", "function_call"] {
            assert_eq!(judged("yes", known), (None, None), "{known}");
        }
        for (reason, class) in [
            ("length", FailureClass::Truncated),
            ("MAX_TOKENS", FailureClass::Truncated),
            ("content_filter", FailureClass::Refused),
            ("refusal", FailureClass::Refused),
            ("error", FailureClass::Transport),
        ] {
            assert_eq!(judged("half a", reason), (Some(class), None), "{reason}");
        }
        assert_eq!(judged("", "content_filter").0, Some(FailureClass::Refused));
        assert_eq!(judged("", "").0, Some(FailureClass::Empty));
        let (class, told) = judged("yes", "guessed");
        assert!(class.is_none() && told.is_some_and(|told| told.contains("`guessed`")));
    }
}
