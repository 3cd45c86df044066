//! Prompts that can't fit: what the prompts of a task hold in any case, against the window of its profile.
//!
//! Of a text only what stands outside of its tags is known before they have values. What takes more room at run time is
//! refused there, before its call.

use indexmap::IndexMap;

use super::{ProfileFacts, UNKNOWN_WINDOW, calls_of_attempt, profile_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::instruction;
use crate::load::{Bundle, Module};
use crate::proposal::{DEFAULT_MAX_TASKS, Rules, USUAL};
use crate::run::FEEDBACK_TOKENS;
use crate::scope::Names;
use crate::spec::{self, ContextItem, Kind, KindName, Task, Text, VerifierKind};
use crate::tokens::{Estimate, Family, Tokens, estimate_chat};
use crate::tool::Toolset;

/// By which end of an estimate a prompt is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// By the least that it may take: what is refused does not fit, whoever counts. For runs, whose servers may count
    /// better than we do.
    Least,
    /// By the most that it may take: what passes fits, whoever counts.
    Most,
}

/// The prompts that can't fit, as far as the files tell. Profiles that are not there have the window that is taken where
/// nobody knows; `names` are the inputs, where they are known.
pub fn oversized(
    bundle: &Bundle,
    profiles: &IndexMap<String, ProfileFacts>,
    names: Option<&Names>,
    bound: Bound,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, module) in bundle.modules.iter().enumerate() {
        // The inputs of a used workflow may come from tasks.
        let names = names.filter(|_| index == 0);
        for (at, (name, task)) in module.loaded.workflow.tasks.read.iter().enumerate() {
            if calls_of_attempt(task) == 0 {
                continue;
            }
            let profile = profile_of(bundle, &task.common);
            let facts = profiles.get(&profile).cloned().unwrap_or_default();
            let family = Family::of_model(facts.model.as_deref().unwrap_or_default());
            let taken = |least: &Least| match bound {
                Bound::Least => least.said.low,
                Bound::Most => least.said.high,
            };
            let room = |least: &Least| {
                let answer = if least.whole_answer {
                    Tokens(facts.reserve).max(instruction::LEAST_ANSWER)
                } else {
                    instruction::LEAST_ANSWER
                };
                Tokens(facts.window)
                    .saturating_sub(answer)
                    .saturating_sub(least.kept)
            };
            let prompts = least(bundle, module, at, task, family, names);
            let Some(over) = prompts.iter().find(|least| taken(least) > room(least)) else {
                continue;
            };
            let (taken, room) = (taken(over), room(over));
            let message = format!(
                "a prompt of `{name}` takes {taken} tokens before any value is put in, and the window of `{profile}` has room for {room} of them"
            );
            let mut help = "cut the task into smaller ones, move text into `context`, where it can shrink, or name a model with a larger window".to_owned();
            if facts.window == UNKNOWN_WINDOW {
                help.push_str("; a window that nobody names is taken to be 4,096: a profile says a larger one, as in `window = 32768`");
            }
            let source = module.loaded.source;
            found.push(Diagnostic::new(Code::TOO_LARGE, source, task.kind_span, message).help(help));
        }
    }
    found
}

/// What a prompt takes at least.
struct Least {
    /// What is said in it.
    said: Estimate,
    /// What is kept beside the answer: for the feedback of a retry, for tools and their results.
    kept: Tokens,
    /// Whether an answer of the size that is kept for it must fit beside; else it may be shorter.
    whole_answer: bool,
}

/// What the prompts of a task take at least: its own, and those of its judges.
fn least(
    bundle: &Bundle,
    module: &Module,
    at: usize,
    task: &Task,
    family: Family,
    names: Option<&Names>,
) -> Vec<Least> {
    let fixed = |text: &Text| fixed(text, names);
    let said = |system: &str, user: &str| {
        estimate_chat(family, [system, user].into_iter().filter(|text| !text.is_empty()))
    };
    let judges = task
        .common
        .verify
        .iter()
        .filter_map(|verifier| match &verifier.kind {
            VerifierKind::Judge(question) => Some(Least {
                said: said(instruction::JUDGE, &fixed(question)),
                kept: Tokens::ZERO,
                whole_answer: false,
            }),
            _ => None,
        });
    let mut system: Vec<String> = Vec::new();
    let (text, context): (_, &[ContextItem]) = match &task.kind {
        Kind::Prompt(prompt) => {
            system.extend(prompt.beside.system.as_ref().map(fixed));
            let schema = module.schemas.get(&at).and_then(|schemas| schemas.first());
            let schema = schema.map(|schema| &schema.json);
            system.extend(instruction::of_answer(prompt.beside.output.as_ref(), schema));
            (fixed(&prompt.text), &prompt.beside.context.0)
        }
        Kind::Edit(edit) => {
            system.extend(edit.beside.system.as_ref().map(fixed));
            system.push(instruction::EDITS.to_owned());
            (fixed(&edit.keys.instruction), &edit.beside.context.0)
        }
        Kind::Plan(plan) => {
            system.extend(plan.beside.system.as_ref().map(fixed));
            system.push(instruction::of_plan(&rules(plan)));
            (fixed(&plan.keys.goal), &plan.beside.context.0)
        }
        Kind::Agent(agent) => {
            system.extend(agent.beside.system.as_ref().map(fixed));
            system.push(instruction::STEPS.to_owned());
            // The commands that it may run are told as well, and may depend on inputs.
            system.push(Toolset::of(bundle, task, agent).index(&[]));
            (fixed(&agent.keys.goal), &agent.beside.context.0)
        }
        _ => return judges.collect(),
    };
    let kept = match &task.kind {
        Kind::Agent(agent) => FEEDBACK_TOKENS
            .saturating_add(instruction::kept_for_tools(!agent.keys.mcp.is_empty()))
            .saturating_add(instruction::LEAST_CONVERSATION),
        Kind::Edit(_) => FEEDBACK_TOKENS,
        _ if !context.is_empty() => FEEDBACK_TOKENS,
        _ => Tokens::ZERO,
    };
    let own = Least {
        said: said(&system.join("\n\n"), &text),
        kept,
        // Where something else can shrink, or a conversation follows, the answer does not.
        whole_answer: kept > Tokens::ZERO,
    };
    std::iter::once(own).chain(judges).collect()
}

/// The rules of a plan, as far as they are known: what its tasks may write and run may depend on inputs.
fn rules(plan: &spec::Plan) -> Rules {
    let kinds: Vec<KindName> = plan.keys.kinds.iter().copied().collect();
    Rules {
        kinds: if kinds.is_empty() { USUAL.to_vec() } else { kinds },
        max_tasks: plan.keys.max_tasks.unwrap_or(DEFAULT_MAX_TASKS),
        write: Vec::new(),
        run: Vec::new(),
        unchanged: Vec::new(),
        model: None,
        retry: None,
    }
}

/// What a text says in any case.
fn fixed(text: &Text, names: Option<&Names>) -> String {
    if let Some(names) = names.filter(|_| super::planner::is_static(text))
        && let Ok(text) = crate::expand::text(text, &names.clone().scope())
    {
        return text;
    }
    text.template.fixed()
}
