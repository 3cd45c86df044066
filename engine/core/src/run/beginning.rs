//! How the prompts of a task begin, as far as its file shows that: nodes whose prompts begin alike start one after the
//! other, so that a server still has in its cache what they share.

use std::collections::HashMap;

use crate::load::Module;
use crate::spec::{ContextItem, ContextSource, Kind, Output, Plain, Task, Text};

/// For each task of a workflow the first that begins alike: with the same words of its system message, and with these
/// and the same files and texts.
pub(super) fn beginnings(module: &Module) -> Vec<[usize; 2]> {
    let mut first = HashMap::new();
    let tasks = module.loaded.workflow.tasks.read.values().enumerate();
    tasks
        .map(|(index, task)| {
            let schemas = module.schemas.get(&index);
            let schema = schemas
                .and_then(|schemas| schemas.first())
                .map(|schema| schema.json.to_string());
            let Some([system, shown]) = parts(task, schema) else {
                return [index; 2];
            };
            let mut first = |part: String| *first.entry(part).or_insert(index);
            [first(system.clone()), first(format!("{system}\0\0{shown}"))]
        })
        .collect()
}

/// What the system message is made of, and what is shown after it; nothing where there is neither.
fn parts(task: &Task, schema: Option<String>) -> Option<[String; 2]> {
    let (system, form, context, files): (&Option<Text>, String, &[ContextItem], &[Text]) = match &task.kind {
        Kind::Prompt(prompt) => {
            let form = match &prompt.beside.output {
                Some(Output::Schema(_)) => schema.unwrap_or_default(),
                Some(Output::File(_)) => "file".to_owned(),
                Some(Output::Files(_)) => "files".to_owned(),
                None => String::new(),
            };
            (&prompt.beside.system, form, &prompt.beside.context, &[])
        }
        Kind::Edit(edit) => {
            let beside = &edit.beside;
            (
                &beside.system,
                "edit".to_owned(),
                &beside.context,
                &edit.keys.files,
            )
        }
        Kind::Agent(agent) => (
            &agent.beside.system,
            "agent".to_owned(),
            &agent.beside.context,
            &[],
        ),
        Kind::Plan(plan) => (&plan.beside.system, "plan".to_owned(), &plan.beside.context, &[]),
        Kind::Run(_) | Kind::Render(_) | Kind::Bone(_) | Kind::Uses(_) | Kind::Approve(_) => return None,
    };
    let shown: Vec<&str> = context
        .iter()
        .flat_map(shown)
        .chain(files.iter().map(source))
        .collect();
    if system.is_none() && form.is_empty() && shown.is_empty() {
        return None;
    }
    let model = task.common.model.as_ref().map_or("", |model: &Plain| &model.text);
    let system = system.as_ref().map_or("", source);
    Some([[model, system, &form].join("\0"), shown.join("\0")])
}

fn shown(item: &ContextItem) -> Vec<&str> {
    match &item.source {
        ContextSource::Guide(guide) => vec![&guide.text],
        ContextSource::File(text) | ContextSource::Text(text) => vec![source(text)],
        ContextSource::Files(globs) => globs.iter().map(source).collect(),
    }
}

fn source(text: &Text) -> &str {
    text.template.source()
}
