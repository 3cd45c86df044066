//! The prompt of a call: what the model is shown, its instruction, and what is told of the attempt before.

use std::fmt::Write as _;

use serde_json::Value as Json;
use smallcode_core::context::{self as fitting, Form, Section, Shown};
use smallcode_core::instruction::LEAST_ANSWER;
use smallcode_core::run::{FEEDBACK_TOKENS, Failure, FailureClass, Notice, feedback};
use smallcode_core::tokens::{Estimate, Family, Tokens};

use super::super::{Answering, Job};
use super::Turn;
use crate::model::{self, Constraint, Request, Role};
use crate::settings::Profile;

const MIN_ANSWER: u64 = LEAST_ANSWER.get();

/// What is sent.
pub(super) struct Asked {
    pub(super) request: Request,
    /// How many tokens of prompt it is at most.
    pub(super) estimate: Estimate,
    /// The most tokens of answer that the window has room for.
    pub(super) room: u64,
    /// How many tokens of prompt are set aside: what the estimate stands for, or what the server has counted.
    pub(super) prompt: u64,
    /// What the server has counted, where it has.
    pub(super) exact: Option<u64>,
    /// How many tokens of answer are wanted.
    wanted: u64,
}

impl Asked {
    /// What is sent once the server has counted its prompt; nothing where that leaves too little for an answer.
    pub(super) fn exactly(mut self, exact: u64, answerer: Answering<'_>) -> Option<Self> {
        let (prompt, window) = (answerer.exactly(exact), answerer.facts.window);
        self.room = window.checked_sub(prompt).filter(|room| *room >= MIN_ANSWER)?;
        self.request.max_tokens = self.wanted.min(self.room);
        (self.prompt, self.exact) = (prompt, Some(exact));
        self.estimate = Estimate {
            low: Tokens(exact),
            high: Tokens(prompt.saturating_add(AROUND)),
        };
        Some(self)
    }

    /// The prompt where its answer is kept to its schema in this way, and what is set aside for it; nothing where it has no
    /// room for that.
    pub(super) fn kept_by(&self, constraint: Constraint, answerer: Answering<'_>) -> Option<(Estimate, u64)> {
        if constraint != Constraint::ToolCall || self.request.constraint == constraint {
            return Some((self.estimate, self.prompt));
        }
        let family = Family::of_model(answerer.profile.model_name());
        let tool = model::estimate_tool(family, &self.request);
        let prompt = self.prompt.saturating_add(answerer.text(tool));
        let fits = prompt.saturating_add(self.request.max_tokens) <= answerer.facts.window;
        // The call around a word is longer than that.
        (fits && self.request.max_tokens > SHORT).then(|| (self.estimate.plus(tool), prompt))
    }

    /// A call that was not made, and what its server has seen of it nevertheless.
    pub(super) fn counted_by(&self, profile: &Profile, mut failure: Failure) -> Failure {
        if self.exact.is_some() && profile.leaves_machine() {
            let host = profile.base_url.value.host();
            failure.message = format!("{}; {host} has counted the prompt", failure.message);
        }
        failure
    }
}

/// Tokens of answer below which a model has no room to think, and none for more than a value.
pub(super) const SHORT: u64 = 16;

/// How many tokens a server may count more for the same chat where it answers it: the head of the answer, which some
/// templates leave out where they only count.
const AROUND: u64 = 8;

/// Builds a request that fits the window.
pub(super) fn build(
    messages: Vec<model::Message>,
    sections: &[Section],
    divides: bool,
    answerer: Answering<'_>,
    schema: Option<&Json>,
    job: &Job,
) -> Result<Asked, Failure> {
    let request = kept(plain(messages, answerer, schema, job), answerer);
    let (request, estimate) = with_context(request, sections, divides, answerer, job)?;
    with_feedback(request, estimate, answerer, job)
}

/// Builds a question about the work of an attempt: nothing is told of the attempts before, and it is asked at
/// temperature 0.
pub(super) fn question(
    messages: Vec<model::Message>,
    answerer: Answering<'_>,
    schema: &Json,
    job: &Job,
) -> Result<Asked, Failure> {
    let mut request = kept(plain(messages, answerer, Some(schema), job), answerer);
    request.temperature = 0.0;
    let estimate = estimated(&request, answerer);
    sized(request, estimate, answerer, answerer.facts.reserve)
}

/// A request whose messages say all that is to be said.
pub(super) fn as_it_is(turn: Turn<'_>, answerer: Answering<'_>, job: &Job) -> Result<Asked, Failure> {
    let mut request = plain(turn.messages, answerer, turn.schema, job);
    request.stop = turn.stop;
    request.offered = turn.offered;
    let estimate = estimated(&request, answerer);
    let mut asked = sized(request, estimate, answerer, wanted(answerer, job))?;
    if let Some(most) = turn.most {
        asked.wanted = asked.wanted.min(most);
        asked.request.max_tokens = asked.request.max_tokens.min(most);
    }
    Ok(asked)
}

/// The request with every sampling value, before its answer has a limit.
fn plain(
    messages: Vec<model::Message>,
    answerer: Answering<'_>,
    schema: Option<&Json>,
    job: &Job,
) -> Request {
    let profile = &answerer.profile;
    Request {
        messages,
        max_tokens: 0,
        temperature: job.manner.temperature.unwrap_or(profile.temperature.value),
        top_p: profile.top_p.value,
        // Another attempt is another throw of the dice, the same one in each run.
        seed: profile
            .seed
            .value
            .saturating_add(u64::from(job.attempt.saturating_sub(1))),
        stop: Vec::new(),
        schema: schema.cloned(),
        constraint: Constraint::default(),
        offered: model::Offered::default(),
    }
}

/// Has the tool counted that keeps an answer to its schema, where that is how this server is asked.
fn kept(mut request: Request, answerer: Answering<'_>) -> Request {
    let constraint = answerer.learned.constraint(&request, true, &[]);
    if constraint == Constraint::ToolCall {
        request.constraint = constraint;
    }
    request
}

fn estimated(request: &Request, answerer: Answering<'_>) -> Estimate {
    let family = Family::of_model(answerer.profile.model_name());
    model::estimate_request(family, request)
}

/// Gives the answer its limit, as large as was asked for and the window allows.
fn sized(
    mut request: Request,
    estimate: Estimate,
    answerer: Answering<'_>,
    wanted: u64,
) -> Result<Asked, Failure> {
    let counted = answerer.counted(estimate);
    let room = answerer.facts.window.saturating_sub(counted);
    if room < MIN_ANSWER {
        let mut message = format!(
            "the prompt takes up to {counted} tokens, and the window of `{}` is {}; shorten what goes into it",
            answerer.profile.name, answerer.facts.window
        );
        if let Some(learned) = answerer.in_words(estimate) {
            let _ = write!(message, " ({learned})");
        }
        return Err(Failure::new(FailureClass::TooLarge, message));
    }
    let wanted = wanted.max(MIN_ANSWER);
    request.max_tokens = wanted.min(room);
    Ok(Asked {
        request,
        estimate,
        room,
        prompt: counted,
        exact: None,
        wanted,
    })
}

/// How many tokens an answer of this attempt is to have room for.
pub(in super::super) fn wanted(answerer: Answering<'_>, job: &Job) -> u64 {
    answerer
        .facts
        .reserve
        .max(job.manner.answer.unwrap_or(0))
        .max(MIN_ANSWER)
}

/// Puts what the model is shown before its first instruction, as whole as the window allows.
///
/// What `divides` is not made smaller: less of it at once loses nothing.
///
/// Room for the feedback of a retry is left in any case: what stands before it must stay the same to the byte, so
/// that a server's prefix cache holds.
fn with_context(
    mut request: Request,
    sections: &[Section],
    divides: bool,
    answerer: Answering<'_>,
    job: &Job,
) -> Result<(Request, Estimate), Failure> {
    let mut estimate = estimated(&request, answerer);
    if sections.is_empty() {
        return Ok((request, estimate));
    }
    let family = Family::of_model(answerer.profile.model_name());
    let window = answerer.facts.window;
    let kept = answerer
        .facts
        .reserve
        .max(MIN_ANSWER)
        .saturating_add(FEEDBACK_TOKENS.get());
    let user = |message: &model::Message| message.role == Role::User;
    let Some(at) = request.messages.iter().position(user) else {
        return Ok((request, estimate));
    };
    // Not a message of its own: the templates of many models take no two messages of one speaker in a row.
    let instruction = request
        .messages
        .get(at)
        .map(|message| message.content.clone())
        .unwrap_or_default();
    let mut room = window
        .saturating_sub(answerer.counted(estimate))
        .saturating_sub(kept);
    loop {
        let fitted = fitting::fit(sections, Tokens(room), family).map_err(|error| {
            Failure::new(
                FailureClass::TooLarge,
                format!("{error}; give `context` fewer items or let them shrink"),
            )
        })?;
        if divides && let Some(shown) = lost(sections, &fitted.shown) {
            let message = format!(
                "`{}` does not fit whole, and would be shown {}",
                shown.title,
                shown.form.in_words()
            );
            return Err(Failure::new(FailureClass::TooLarge, message));
        }
        if let Some(message) = request.messages.get_mut(at) {
            message.content = format!("{}\n\n{instruction}", fitted.text);
        }
        estimate = estimated(&request, answerer);
        let over = answerer
            .counted(estimate)
            .saturating_add(kept)
            .saturating_sub(window);
        if over == 0 || room == 0 {
            tell(job, sections, &fitted.shown);
            return Ok((request, estimate));
        }
        // The server has counted more than we do, or the message around it took some. What it is over is in its tokens and
        // not in ours: by a quarter at most, so that no more is left out than must be.
        room = room.saturating_sub(over.min((room / 4).max(1)));
    }
}

/// What is shown in a smaller form, and not because its author wants no more of it.
fn lost<'a>(sections: &[Section], shown: &'a [Shown]) -> Option<&'a Shown> {
    let mut both = sections.iter().zip(shown);
    let lost = both.find(|(section, shown)| section.max.is_none() && shown.form != Form::Whole)?;
    Some(lost.1)
}

/// Adds what is told of the attempt before, and sees that prompt and answer fit the window.
fn with_feedback(
    mut request: Request,
    mut estimate: Estimate,
    answerer: Answering<'_>,
    job: &Job,
) -> Result<Asked, Failure> {
    let family = Family::of_model(answerer.profile.model_name());
    let told = job
        .previous
        .as_deref()
        .and_then(|previous| feedback(previous, family, FEEDBACK_TOKENS));
    if let (Some(told), Some(last)) = (told, request.messages.last_mut()) {
        // Behind all that stays the same, so that a server's prefix cache holds. Not in a message of its own: the
        // templates of many models take no two messages of one speaker in a row.
        let before = last.content.len();
        last.content.push_str("\n\n");
        last.content.push_str(&told);
        let longer = estimated(&request, answerer);
        let kept = answerer.facts.reserve.max(MIN_ANSWER);
        if answerer.counted(longer).saturating_add(kept) <= answerer.facts.window {
            estimate = longer;
        } else if let Some(last) = request.messages.last_mut() {
            // The answer needs the room more.
            last.content.truncate(before);
        }
    }
    sized(request, estimate, answerer, wanted(answerer, job))
}

/// Says what of the context is not shown whole, and whether its author wants no more of it.
fn tell(job: &Job, sections: &[Section], shown: &[Shown]) {
    let smaller = |limited: bool| {
        let both = sections.iter().zip(shown);
        let smaller =
            both.filter(|(section, shown)| shown.form != Form::Whole && section.max.is_some() == limited);
        let words = smaller.map(|(_, shown)| format!("`{}` {}", shown.title, shown.form.in_words()));
        words.collect::<Vec<String>>().join(", ")
    };
    for (limited, why) in [(false, "the window"), (true, "the window or its `max`")] {
        let smaller = smaller(limited);
        if !smaller.is_empty() {
            let message = format!("to fit {why}, the model is shown {smaller}");
            job.tell.notices.send(Notice::Warning { message });
        }
    }
}
