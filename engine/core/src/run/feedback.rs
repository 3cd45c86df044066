//! What a model is told of its last answer: the shortest text that names the failure, its place and what was expected.

use super::{Failure, FailureClass};
use crate::tokens::{Family, Tokens, count};

/// The most tokens that are spent on it where the window has room: a small model puts right what it can keep in mind.
pub const FEEDBACK_TOKENS: Tokens = Tokens(300);

/// What is told of a failed attempt, in at most so many tokens; nothing where its answer was not to blame, or where
/// there is no room to say anything.
pub fn feedback(failure: &Failure, family: Family, most: Tokens) -> Option<String> {
    if !failure.class.is_of_the_answer() {
        return None;
    }
    let (what, then) = words(failure);
    let fixed = count(family, &what.intro).saturating_add(count(family, then));
    let room = most.saturating_sub(fixed).saturating_sub(LINE_ENDS);
    if room == Tokens::ZERO {
        return None;
    }
    let mut told = what.intro;
    let mut left = room;
    for line in what.lines {
        let cost = count(family, &line);
        if cost <= left {
            told.push_str(&line);
            told.push('\n');
            left = left.saturating_sub(cost).saturating_sub(Tokens(1));
        } else {
            // The first line names the failure: some of it is better than nothing.
            told.push_str(&cut(&line, family, left));
            told.push('\n');
            break;
        }
    }
    told.push_str(then);
    // What the parts take bounds the whole, save where a tokenizer cuts their seams in an odd way.
    (count(family, &told) <= most).then_some(told)
}

/// What the line ends between the parts take.
const LINE_ENDS: Tokens = Tokens(4);

/// The part that is always told, and lines of which as many are told as there is room for.
struct Told {
    intro: String,
    lines: Vec<String>,
}

/// What was wrong, and what is to be done about it.
fn words(failure: &Failure) -> (Told, &'static str) {
    let plain = |text: &str| Told {
        intro: format!("{text}\n"),
        lines: Vec::new(),
    };
    match failure.class {
        FailureClass::Empty => (plain("Your last answer was empty."), "Give an answer."),
        FailureClass::Truncated => (
            plain("Your last answer was too long and was cut off."),
            "Give a shorter one that is complete.",
        ),
        FailureClass::Looping => (
            plain("Your last answer repeated the same text over and over."),
            "Write each thing once, then stop.",
        ),
        FailureClass::Overthinking => (
            plain("Last time you thought for too long and gave no answer."),
            "Think briefly, then answer.",
        ),
        _ => {
            let mut lines = vec![format!("{}.", failure.message.trim_end().trim_end_matches('.'))];
            lines.extend(diagnostics(failure).map(str::to_owned));
            let told = Told {
                intro: "Your last answer was refused: ".to_owned(),
                lines,
            };
            (told, "Answer again, in full.")
        }
    }
}

/// The lines of a failure's detail that tell the model more: what verifiers found, the lines that come closest to an edit. An excerpt of its own answer
/// doesn't.
fn diagnostics(failure: &Failure) -> impl Iterator<Item = &str> {
    let of_use = match failure.class {
        FailureClass::VerifyFailed | FailureClass::PatchWithoutMatch => true,
        // The violations of a schema, of which the message has the first.
        FailureClass::SchemaMismatch => failure.detail.starts_with(&failure.message),
        _ => false,
    };
    let told = failure.message.trim();
    failure
        .detail
        .lines()
        .filter(move |line| of_use && !line.trim().is_empty() && line.trim() != told)
}

/// As much of a text as so many tokens hold.
fn cut(text: &str, family: Family, most: Tokens) -> String {
    // A token has rarely more than eight characters, so the rest need not be counted.
    let limit = usize::try_from(most.get().saturating_mul(8)).unwrap_or(usize::MAX);
    let mut kept: String = text.chars().take(limit).collect();
    loop {
        let tokens = count(family, &kept);
        if tokens <= most || kept.is_empty() {
            return kept;
        }
        let chars = u64::try_from(kept.chars().count()).unwrap_or(u64::MAX);
        let fewer = (chars.saturating_mul(most.get()) / tokens.get().max(1)).min(chars - 1);
        kept = kept.chars().take(usize::try_from(fewer).unwrap_or(0)).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(class: FailureClass, message: &str, detail: &str) -> Option<String> {
        let mut failure = Failure::new(class, message);
        detail.clone_into(&mut failure.detail);
        feedback(&failure, Family::Unknown, FEEDBACK_TOKENS)
    }

    #[test]
    fn each_wrong_answer_is_named_in_few_words() {
        let tell = |class, message, detail| told(class, message, detail).unwrap();
        insta::assert_snapshot!(tell(FailureClass::SchemaMismatch, "`/age`: no integer", "`/age`: no integer\n`/n`: missing"), @"
        Your last answer was refused: `/age`: no integer.
        `/n`: missing
        Answer again, in full.
        ");
        insta::assert_snapshot!(tell(FailureClass::Unparseable, "the reply holds no value", "I think that"), @"
        Your last answer was refused: the reply holds no value.
        Answer again, in full.
        ");
        insta::assert_snapshot!(tell(FailureClass::VerifyFailed, "`cargo test` failed", "src/a.rs:3:1: expected `;`"), @"
        Your last answer was refused: `cargo test` failed.
        src/a.rs:3:1: expected `;`
        Answer again, in full.
        ");
        for class in [
            FailureClass::Empty,
            FailureClass::Truncated,
            FailureClass::Looping,
            FailureClass::Overthinking,
        ] {
            assert!(tell(class, "for people", "").lines().count() == 2, "{class:?}");
        }
    }

    #[test]
    fn a_model_is_not_told_of_what_it_did_not_do() {
        for class in [
            FailureClass::Transport,
            FailureClass::TimedOut,
            FailureClass::Lost,
        ] {
            assert_eq!(told(class, "the server broke off", ""), None);
        }
    }

    #[test]
    fn where_there_is_no_room_nothing_is_told() {
        let failure = Failure::new(FailureClass::Unparseable, "no");
        assert_eq!(feedback(&failure, Family::Unknown, Tokens(10)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_bounded(message in "\\PC{0,400}", line in "[a-z:0-9 漢字🙂]{0,80}", lines in 0_usize..200, most in 0_u64..600) {
            let mut failure = Failure::new(FailureClass::VerifyFailed, message);
            failure.detail = vec![line; lines].join("\n");
            if let Some(told) = feedback(&failure, Family::Unknown, Tokens(most)) {
                prop_assert!(count(Family::Unknown, &told) <= Tokens(most), "{told}");
            }
        }
    }
}
