//! Prompts that can't fit: what the prompts of a task hold in any case, against the window of its profile.
//!
//! Of a text only what stands outside of its tags is known before they have values. What takes more room at run time is
//! refused there, before its call.

use indexmap::IndexMap;

use super::{ProfileFacts, UNKNOWN_WINDOW, calls_of_attempt, profile_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::instruction;
use crate::load::{Bundle, Module, ModuleId};
use crate::run::FEEDBACK_TOKENS;
use crate::scope::Names;
use crate::spec::{ContextItem, Kind, Task, Text};
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
        let names = names.filter(|_| ModuleId(index) == ModuleId(0));
        for (at, (name, task)) in module.loaded.workflow.tasks.read.iter().enumerate() {
            if calls_of_attempt(task) == 0 {
                continue;
            }
            let profile = profile_of(bundle, &task.common);
            let facts = profiles.get(&profile).cloned().unwrap_or_default();
            let family = Family::of_model(facts.model.as_deref().unwrap_or_default());
            let Some(least) = least(bundle, module, at, task, family, names) else {
                continue;
            };
            let taken = match bound {
                Bound::Least => least.said.low,
                Bound::Most => least.said.high,
            };
            let room = Tokens(facts.window)
                .saturating_sub(Tokens(facts.reserve))
                .saturating_sub(least.kept);
            if taken <= room {
                continue;
            }
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
}

fn least(
    bundle: &Bundle,
    module: &Module,
    at: usize,
    task: &Task,
    family: Family,
    names: Option<&Names>,
) -> Option<Least> {
    let fixed = |text: &Text| fixed(text, names);
    let mut system: Vec<String> = Vec::new();
    let (instruction, context): (_, &[ContextItem]) = match &task.kind {
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
            (fixed(&plan.keys.goal), &plan.beside.context.0)
        }
        Kind::Agent(agent) => {
            system.extend(agent.beside.system.as_ref().map(fixed));
            system.push(instruction::STEPS.to_owned());
            // The commands that it may run are told as well, and may depend on inputs.
            system.push(Toolset::of(bundle, task, agent).index(&[]));
            (fixed(&agent.keys.goal), &agent.beside.context.0)
        }
        _ => return None,
    };
    let kept = match &task.kind {
        Kind::Agent(agent) => FEEDBACK_TOKENS
            .saturating_add(instruction::kept_for_tools(!agent.keys.mcp.is_empty()))
            .saturating_add(Tokens(
                instruction::LEAST_RESULT
                    .get()
                    .saturating_mul(instruction::RESULTS),
            )),
        Kind::Edit(_) => FEEDBACK_TOKENS,
        _ if !context.is_empty() => FEEDBACK_TOKENS,
        _ => Tokens::ZERO,
    };
    let system = system.join("\n\n");
    let messages = [system.as_str(), instruction.as_str()];
    let said = estimate_chat(family, messages.into_iter().filter(|text| !text.is_empty()));
    Some(Least { said, kept })
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
