//! The prompt of an agent, in zones: what it is and its tools, what it is shown and its goal, the conversation, and at
//! the very end what only the next step needs.
//!
//! The first two stay the same to the byte while the attempt lasts, and the third only grows as long as it fits, so that
//! a server reads each step's prompt from its cache up to the last answer. What stands at the end is sent once and not
//! kept: the forms of the tools that the next step probably needs, and the plan.

use std::sync::Arc;

use smallcode_core::context::{Form, fit};
use smallcode_core::instruction::{self, LEAST_CONVERSATION};
use smallcode_core::run::{FEEDBACK_TOKENS, Failure, FailureClass, feedback};
use smallcode_core::spec::Agent;
use smallcode_core::template::Scope;
use smallcode_core::tokens::{Family, Tokens, estimate, estimate_chat};
use smallcode_core::tool::talk::Talk;
use smallcode_core::tool::{Category, DEFAULT_MAX_CALLS, Toolset};

use super::super::stages::wanted;
use super::super::{Answering, Job, Shared, context, text};
use super::{command, share_of};
use crate::model::{Message, Role};

/// How often the conversation is made smaller because the server counts more than we do; each time by what it was over.
const TIGHTER: usize = 8;

/// The longest part of a plan that is shown in each prompt, in characters.
const PLAN: usize = 600;

/// What stays the same in all prompts of an attempt.
pub(super) struct Prompt {
    pub(super) family: Family,
    pub(super) max_calls: u64,
    /// The files that the model is shown whole, as they are named.
    pub(super) shown: Vec<String>,
    /// How many tokens a result may take.
    pub(super) share: Tokens,
    system: String,
    user: String,
}

impl Prompt {
    /// Puts together what stays.
    pub(super) async fn new(
        shared: &Arc<Shared>,
        answerer: Answering<'_>,
        agent: &Agent,
        tools: &Toolset,
        job: &Job,
        scope: &Arc<dyn Scope>,
    ) -> Result<Self, Failure> {
        let family = Family::of_model(answerer.profile.model_name());
        let own = agent.beside.system.as_ref().map(|system| text(system, scope));
        let mut system: Vec<String> = own.transpose()?.into_iter().collect();
        system.push(instruction::STEPS.to_owned());
        system.push(tools.index(&command::offered(shared)));
        let system = system.join("\n\n");
        let goal = format!("The goal: {}", text(&agent.keys.goal, scope)?.trim());
        let sections = context::sections(shared, &agent.beside.context, &agent.keys.goal, scope).await?;
        let window = answerer.facts.window;
        let for_tail = instruction::kept_for_tools(!agent.keys.mcp.is_empty()).get();
        let fixed = answerer
            .counted(estimate_chat(family, [system.as_str(), goal.as_str()]))
            .saturating_add(wanted(answerer, job))
            .saturating_add(FEEDBACK_TOKENS.get())
            .saturating_add(for_tail);
        let room = window.saturating_sub(fixed);
        let too_large = |what: String| Failure::new(FailureClass::TooLarge, what);
        // Half of what is left is for the work itself.
        let mut for_context = room / 2;
        let fitted = loop {
            let fitted = fit(&sections, Tokens(for_context), family).map_err(|error| {
                too_large(format!("{error}; give `context` fewer items or let them shrink"))
            })?;
            let over = answerer
                .text(estimate(family, &fitted.text))
                .saturating_sub(room / 2);
            if over == 0 || for_context == 0 || sections.is_empty() {
                break fitted;
            }
            for_context = for_context.saturating_sub(over);
        };
        let shown = sections.iter().zip(&fitted.shown);
        let shown = shown
            .filter(|(_, shown)| shown.form == Form::Whole)
            .filter_map(|(section, _)| section.path.clone())
            .collect();
        let told = job
            .previous
            .as_deref()
            .and_then(|previous| feedback(previous, family, FEEDBACK_TOKENS));
        let parts = [Some(fitted.text), Some(goal), told];
        let user: Vec<String> = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        let user = user.join("\n\n");
        let taken = answerer
            .counted(estimate_chat(family, [system.as_str(), user.as_str()]))
            .saturating_add(wanted(answerer, job))
            .saturating_add(for_tail);
        let left = window.saturating_sub(taken);
        if left < LEAST_CONVERSATION.get() {
            let name = &answerer.profile.name;
            return Err(too_large(format!(
                "the window of `{name}` has room for {left} tokens of results beside what the agent is told and its answer; use a model with a larger one, or give it less to do"
            )));
        }
        Ok(Self {
            family,
            max_calls: agent.keys.max_calls.unwrap_or(DEFAULT_MAX_CALLS),
            shown,
            share: share_of(left),
            system,
            user,
        })
    }

    /// What the model is told before it says anything.
    pub(super) fn words(&self) -> [&str; 2] {
        [&self.system, &self.user]
    }

    /// All that is said in the next prompt, made to fit; whether the conversation had to be made smaller for that.
    pub(super) fn messages(
        &self,
        talk: &mut Talk,
        answerer: Answering<'_>,
        job: &Job,
        tail: &str,
    ) -> Result<(Vec<Message>, bool), Failure> {
        let around = estimate_chat(self.family, [self.system.as_str(), self.user.as_str(), tail]);
        let limit = answerer.facts.window.saturating_sub(wanted(answerer, job));
        let mut room = Tokens(limit).saturating_sub(around.high);
        let mut smaller = false;
        for _ in 0..TIGHTER {
            smaller |= talk
                .fit(room)
                .map_err(|error| Failure::new(FailureClass::TooLarge, error.to_string()))?;
            let messages = self.joined(talk, tail);
            let counted = estimate_chat(
                self.family,
                messages.iter().map(|message| message.content.as_str()),
            );
            let over = answerer.counted(counted).saturating_sub(limit);
            if over == 0 {
                return Ok((messages, smaller));
            }
            // The server has counted more than we do.
            room = room.min(talk.tokens()).saturating_sub(Tokens(over));
        }
        let message = format!(
            "the conversation does not fit the window of `{}` beside an answer; use a model with a larger one, or give it less to do",
            answerer.profile.name
        );
        Err(Failure::new(FailureClass::TooLarge, message))
    }

    fn joined(&self, talk: &Talk, tail: &str) -> Vec<Message> {
        let mut messages = vec![
            Message::new(Role::System, self.system.clone()),
            Message::new(Role::User, self.user.clone()),
        ];
        for (said, answer) in talk.messages() {
            messages.push(Message::new(Role::Assistant, said));
            messages.push(Message::new(Role::User, answer));
        }
        if let Some(last) = messages.last_mut() {
            last.content.push_str("\n\n");
            last.content.push_str(tail);
        }
        messages
    }
}

/// What stands at the end of the next prompt.
pub(super) fn tail(tools: &Toolset, category: Category, plan: &str) -> String {
    let forms = format!("For the next step ({category}):\n{}", tools.forms(category));
    if plan.is_empty() {
        return forms;
    }
    let plan: String = plan.chars().take(PLAN).collect();
    format!("Your plan:\n{plan}\n\n{forms}")
}

/// What a model is told of a result that the verifiers refuse.
pub(super) fn refusal(failure: &Failure) -> String {
    let mut text = format!("The goal is not reached yet: {}", failure.message);
    // Of other classes the detail is an excerpt of an answer.
    if failure.class == FailureClass::VerifyFailed && !failure.detail.is_empty() {
        text.push('\n');
        text.push_str(&failure.detail);
    }
    text
}
