//! The conversation of an agent, made to fit: it grows at its end, and only when it would not fit are older results
//! shown smaller, the oldest first: whole, then their head and tail, then one line, then a word that they were there;
//! at last whole steps are left out.
//!
//! It shrinks by a good piece at a time and then stays as it is for some steps: each change costs a server the prefix
//! that it has cached. What stands before the conversation, and how many tokens there are for it, is the caller's.

use std::collections::VecDeque;

use super::read::RESULT;
use crate::tokens::{Family, MESSAGE_OVERHEAD, Tokens, count};

/// The lines of a result that stay of its head and of its tail.
const HEAD: usize = 8;
const TAIL: usize = 4;

/// The longest line that stays of a result that is shown smaller, in characters: a screen is rarely wider.
const LINE: usize = 160;

/// What the conversation is brought down to when it has to be made smaller, in quarters of what there is.
const COMFORTABLE: u64 = 3;

/// A call of a tool and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was called; empty for words that answer no call.
    pub label: String,
    /// What came of it.
    pub text: String,
}

/// An answer of the model and what followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the model said.
    pub said: String,
    /// The same without what makes it long.
    pub brief: String,
    /// What it was answered.
    pub entries: Vec<Entry>,
}

/// How an exchange is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Whole,
    HeadTail,
    Line,
    Reference,
}

#[derive(Clone, Debug)]
struct Placed {
    exchange: Exchange,
    form: Form,
    tokens: Tokens,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Talk {
    family: Family,
    placed: VecDeque<Placed>,
    /// How many exchanges were left out at the start.
    left_out: usize,
}

/// Why a conversation can't be made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the last step alone takes {smallest} tokens, and there is room for {room}")]
pub struct TalkError {
    /// What it takes at least.
    pub smallest: Tokens,
    /// What there is.
    pub room: Tokens,
}

impl Talk {
    /// An empty conversation, counted as the models of `family` count.
    pub fn new(family: Family) -> Self {
        Self {
            family,
            placed: VecDeque::new(),
            left_out: 0,
        }
    }

    /// The number that the next exchange will have.
    pub fn next_number(&self) -> usize {
        self.left_out + self.placed.len()
    }

    /// Adds an exchange.
    pub fn push(&mut self, exchange: Exchange) {
        let mut placed = Placed {
            exchange,
            form: Form::Whole,
            tokens: Tokens::ZERO,
        };
        placed.count(self.family);
        self.placed.push_back(placed);
    }

    /// Whether an exchange is still shown as it was added.
    pub fn is_whole(&self, number: usize) -> bool {
        let place = number.checked_sub(self.left_out);
        place
            .and_then(|place| self.placed.get(place))
            .is_some_and(|placed| placed.form == Form::Whole)
    }

    /// What it takes, in tokens.
    pub fn tokens(&self) -> Tokens {
        let note = if self.left_out > 0 { NOTE } else { Tokens::ZERO };
        let placed: Tokens = self.placed.iter().map(|placed| placed.tokens).sum();
        placed.saturating_add(note)
    }

    /// Makes the conversation fit into `room` tokens; whether something had to be shown smaller.
    ///
    /// # Errors
    /// When the last exchange alone takes more.
    pub fn fit(&mut self, room: Tokens) -> Result<bool, TalkError> {
        if self.tokens() <= room {
            return Ok(false);
        }
        let comfortable = Tokens(room.get() / 4 * COMFORTABLE);
        for form in [Form::HeadTail, Form::Line, Form::Reference] {
            // What came last is what the next step is about.
            for place in 0..self.placed.len().saturating_sub(1) {
                if self.tokens() <= comfortable {
                    return Ok(true);
                }
                if let Some(placed) = self.placed.get_mut(place).filter(|placed| placed.form < form) {
                    placed.form = form;
                    placed.count(self.family);
                }
            }
        }
        while self.tokens() > room && self.placed.len() > 1 {
            self.placed.pop_front();
            self.left_out += 1;
        }
        let smallest = self.tokens();
        if smallest > room {
            return Err(TalkError { smallest, room });
        }
        Ok(true)
    }

    /// The messages in turn: what the model said, and what it was answered.
    pub fn messages(&self) -> Vec<(String, String)> {
        let pairs = self.placed.iter().enumerate();
        pairs
            .map(|(place, placed)| {
                let mut answer = placed.answer();
                if place == 0 && self.left_out > 0 {
                    answer = format!("(steps before this one: {}; left out)\n\n{answer}", self.left_out);
                }
                (placed.said(), answer)
            })
            .collect()
    }
}

/// What the word takes that steps were left out.
const NOTE: Tokens = Tokens(24);

impl Placed {
    fn count(&mut self, family: Family) {
        let texts = [self.said(), self.answer()];
        let counted = texts
            .iter()
            .map(|text| count(family, text).saturating_add(MESSAGE_OVERHEAD));
        self.tokens = counted.sum();
    }

    fn said(&self) -> String {
        let text = match self.form {
            Form::Whole | Form::HeadTail => &self.exchange.said,
            Form::Line | Form::Reference => &self.exchange.brief,
        };
        // Some chat templates refuse a message without text.
        if text.is_empty() {
            "…".to_owned()
        } else {
            text.clone()
        }
    }

    fn answer(&self) -> String {
        let entries = self.exchange.entries.iter();
        entries
            .map(|entry| entry.shown(self.form))
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl Entry {
    fn shown(&self, form: Form) -> String {
        let text = match form {
            Form::Whole => self.text.clone(),
            Form::HeadTail => head_tail(&self.text),
            Form::Line => line(&self.text),
            Form::Reference => "(left out)".to_owned(),
        };
        if self.label.is_empty() {
            text
        } else {
            format!("{RESULT}`{}`:\n{text}", self.label)
        }
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LINE {
        return line.to_owned();
    }
    line.chars().take(LINE).chain(['…']).collect()
}

fn head_tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let between = lines.len().saturating_sub(HEAD + TAIL);
    if between == 0 {
        return lines.into_iter().map(cut).collect::<Vec<_>>().join("\n");
    }
    let mut kept: Vec<String> = lines.iter().take(HEAD).map(|line| cut(line)).collect();
    kept.push(format!(
        "… {between} lines are left out; call it again to see them …"
    ));
    kept.extend(lines.iter().skip(HEAD + between).map(|line| cut(line)));
    kept.join("\n")
}

fn line(text: &str) -> String {
    let lines = text.lines().count();
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    if lines <= 1 {
        return cut(first);
    }
    format!("{} (and {} more lines, left out)", cut(first), lines - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokens::{CHAT_OVERHEAD, estimate_chat};

    fn exchange(said: &str, text: &str) -> Exchange {
        Exchange {
            said: said.to_owned(),
            brief: "brief".to_owned(),
            entries: vec![Entry {
                label: "read_file a".to_owned(),
                text: text.to_owned(),
            }],
        }
    }

    fn numbered(lines: usize) -> String {
        let lines: Vec<String> = (1..=lines).map(|line| format!("line {line}\n")).collect();
        lines.concat()
    }

    #[test]
    fn what_fits_only_grows() {
        let mut talk = Talk::new(Family::Qwen);
        let mut before = Vec::new();
        for number in 0..5 {
            talk.push(exchange("I read.", &numbered(10 + number)));
            assert_eq!(talk.fit(Tokens(10_000)), Ok(false));
            let now = talk.messages();
            assert_eq!(now[..before.len()], before[..]);
            before = now;
        }
    }

    #[test]
    fn the_oldest_shrink_first_and_the_last_stays() {
        let mut talk = Talk::new(Family::Qwen);
        for _ in 0..4 {
            talk.push(exchange("I read.", &numbered(60)));
        }
        let all = talk.tokens();
        assert_eq!(talk.fit(Tokens(all.get() - 1)), Ok(true));
        let messages = talk.messages();
        assert!(
            messages[0].1.contains("48 lines are left out"),
            "{}",
            messages[0].1
        );
        assert!(messages[0].1.ends_with("line 60"), "{}", messages[0].1);
        assert_eq!(
            messages[3].1,
            format!("Result of `read_file a`:\n{}", numbered(60))
        );
        assert!(!talk.is_whole(0) && talk.is_whole(3));
        // It has become so small that the next step changes nothing.
        let small = talk.messages();
        assert_eq!(talk.fit(Tokens(all.get() - 1)), Ok(false));
        assert_eq!(talk.messages(), small);

        talk.fit(Tokens(all.get() / 4 + 120)).unwrap();
        let messages = talk.messages();
        assert_eq!(messages[0].0, "brief");
        assert_eq!(
            messages.last().unwrap().1,
            format!("Result of `read_file a`:\n{}", numbered(60))
        );
        talk.fit(Tokens(all.get() / 4 + 30)).unwrap();
        let messages = talk.messages();
        assert_eq!(messages.len(), 1);
        assert!(
            messages[0].1.starts_with("(steps before this one: 3; left out)"),
            "{}",
            messages[0].1
        );
        assert!(talk.fit(Tokens(20)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_always_fits(
            texts in prop::collection::vec(("[a-z ]{0,60}", "[a-z0-9 \n漢🙂{}\"]{0,400}"), 1..12),
            room in 0_u64..1500,
        ) {
            let mut talk = Talk::new(Family::Unknown);
            for (said, text) in &texts {
                talk.push(exchange(said, text));
                let room = Tokens(room);
                if talk.fit(room).is_err() {
                    continue;
                }
                let messages = talk.messages();
                let flat = messages.iter().flat_map(|(said, answer)| [said.as_str(), answer.as_str()]);
                let counted = estimate_chat(Family::Unknown, flat).high;
                prop_assert!(counted <= room.saturating_add(CHAT_OVERHEAD), "{counted} > {room}");
            }
        }
    }
}
