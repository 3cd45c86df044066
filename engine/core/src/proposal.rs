//! Plans that a model proposes: a list of tasks becomes the text of a workflow, which is loaded and checked as a file
//! is. What a model wrote stays data: no text of it becomes an expression, and it may do nothing beyond the [`Rules`].

use std::collections::{BTreeSet, HashMap};

use camino::Utf8PathBuf;
use serde_json::{Map, Value as Json, json};

use crate::load::{Module, load};
use crate::spec::KindName;
use crate::tool::command::{allows, words};

/// The kinds of task that a plan may have. A gate or a file from a template is an author's; a used workflow, and a plan
/// within a plan, would do what nobody has seen.
pub const PLANNABLE: [KindName; 5] = [
    KindName::Edit,
    KindName::Prompt,
    KindName::Agent,
    KindName::Run,
    KindName::Bone,
];

/// Those that it has where nothing is said: their effects are files that are known before they are made.
pub const USUAL: [KindName; 2] = [KindName::Edit, KindName::Prompt];

/// The most tasks of a plan where nothing is said: more than that, a small model does not keep apart.
pub const DEFAULT_MAX_TASKS: u64 = 8;

/// The most that a file may ask for. A plan is one answer of a model, and each task of it takes some fifty tokens.
pub const MOST_TASKS: u64 = 32;

/// The path of the text of a plan, as its problems name it.
const PATH: &str = "plan.yaml";

/// What a plan may have, and what its tasks are given.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The kinds of its tasks.
    pub kinds: Vec<KindName>,
    /// The most tasks.
    pub max_tasks: u64,
    /// The globs that its tasks may write.
    pub write: Vec<String>,
    /// The patterns of the commands that its tasks may run.
    pub run: Vec<String>,
    /// Globs of what its tasks must leave as it is.
    pub unchanged: Vec<String>,
    /// The profile that answers, where it is not that of the workflow.
    pub model: Option<String>,
    /// Extra attempts of each task, where they are not as usual.
    pub retry: Option<u32>,
}

/// The JSON Schema of a proposal.
pub fn schema(rules: &Rules) -> Json {
    let kinds: Vec<&str> = rules.kinds.iter().map(|kind| kind.as_str()).collect();
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let text = json!({ "type": "string" });
    let mut properties = vec![
        ("name", text.clone()),
        ("kind", json!({ "enum": kinds })),
        ("instruction", text.clone()),
        ("files", list.clone()),
        ("needs", list),
    ];
    let mut required = vec!["name", "kind"];
    let has = |kind: KindName| rules.kinds.contains(&kind);
    if has(KindName::Run) {
        properties.push(("command", text.clone()));
    }
    if has(KindName::Bone) {
        properties.push(("out", text));
        properties.push(("target", json!({ "enum": ["sqlite", "postgres"] })));
    }
    if !has(KindName::Run) && !has(KindName::Bone) {
        required.push("instruction");
    }
    let properties = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema));
    let properties: Map<String, Json> = properties.collect();
    json!({
        "type": "object",
        "properties": {
            "tasks": {
                "type": "array",
                "minItems": 1,
                "maxItems": rules.max_tasks,
                "items": {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                },
            },
        },
        "required": ["tasks"],
    })
}

/// The text of the workflow that a proposal stands for.
///
/// # Errors
/// What is wrong with it, a line for each problem, as its model can be told.
pub fn workflow(proposal: &Json, rules: &Rules) -> Result<String, Vec<String>> {
    let proposed = proposal.get("tasks").and_then(Json::as_array);
    let proposed = proposed.map(Vec::as_slice).unwrap_or_default();
    let mut problems = Vec::new();
    if proposed.is_empty() {
        problems.push("the plan has no tasks".to_owned());
    }
    let most = usize::try_from(rules.max_tasks).unwrap_or(usize::MAX);
    if proposed.len() > most {
        problems.push(format!(
            "the plan has {} tasks, and may have {most}",
            proposed.len()
        ));
    }
    let mut tasks = Map::new();
    for task in proposed {
        let name = task.get("name").and_then(Json::as_str).unwrap_or_default();
        match entry(task, rules) {
            Ok(entry) => {
                if tasks.insert(name.to_owned(), entry).is_some() {
                    problems.push(format!("two tasks are named `{name}`"));
                }
            }
            Err(problem) => problems.push(format!("task `{name}`: {problem}")),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let names: Vec<String> = tasks.keys().cloned().collect();
    let order = if is_in_order(&tasks) {
        names
    } else {
        // As it was proposed, for its problems to be told.
        order(&module(&text(tasks.clone(), rules))?)
    };
    let text = text(in_order(tasks, &order), rules);
    module(&text).map(|_| text)
}

/// Whether the tasks are listed so that each comes after what it needs.
fn is_in_order(tasks: &Map<String, Json>) -> bool {
    let mut before = BTreeSet::new();
    tasks.iter().all(|(name, task)| {
        let known = strings(task, "needs").iter().all(|need| before.contains(need));
        before.insert(name.clone());
        known
    })
}

/// An order in which each task of a workflow comes after what it needs.
fn order(module: &Module) -> Vec<String> {
    let read = &module.loaded.workflow.tasks.read;
    let tasks = module.graph.order.iter().filter_map(|task| read.get_index(*task));
    tasks.map(|(name, _)| name.as_str().to_owned()).collect()
}

/// The tasks one after the other. They share the slot of the attempt that asked for them; and what comes first is there
/// for what comes after, whether its model thought of that or not.
fn in_order(mut tasks: Map<String, Json>, order: &[String]) -> Map<String, Json> {
    let mut ordered = Map::new();
    let mut before: Option<&str> = None;
    for name in order {
        let Some(mut task) = tasks.remove(name) else {
            continue;
        };
        if let (Some(task), Some(before)) = (task.as_object_mut(), before) {
            task.insert("needs".to_owned(), json!([before]));
        }
        ordered.insert(name.clone(), task);
        before = Some(name);
    }
    ordered
}

fn text(tasks: Map<String, Json>, rules: &Rules) -> String {
    let mut workflow = Map::new();
    workflow.insert("smallcode".to_owned(), json!(1));
    if let Some(model) = &rules.model {
        workflow.insert("model".to_owned(), json!(model));
    }
    workflow.insert(
        "permissions".to_owned(),
        json!({ "write": literals(&rules.write), "run": literals(&rules.run) }),
    );
    workflow.insert("tasks".to_owned(), Json::Object(tasks));
    Json::Object(workflow).to_string()
}

/// The workflow of a text that [`workflow`] gave.
///
/// # Errors
/// What is wrong with it, a line for each problem.
pub fn module(text: &str) -> Result<Module, Vec<String>> {
    let files = HashMap::from([(Utf8PathBuf::from(PATH), text.to_owned())]);
    let loaded = load(PATH.into(), &files);
    if let Some(bundle) = loaded.bundle {
        let refused = crate::check::not_runnable(&bundle);
        if let (true, Some(module)) = (refused.is_empty(), bundle.modules.into_iter().next()) {
            return Ok(module);
        }
        return Err(refused.into_iter().map(|problem| problem.message).collect());
    }
    let errors = loaded.problems.iter().filter(|problem| problem.is_error());
    Err(errors
        .map(|problem| {
            // What only the author of the workflow can do is no help to its model.
            let help = problem.help.first().filter(|help| !help.contains("permissions"));
            let help = help.map(|help| format!(" ({help})"));
            format!("{}{}", problem.message, help.unwrap_or_default())
        })
        .collect())
}

/// One task as a workflow has it.
fn entry(task: &Json, rules: &Rules) -> Result<Json, String> {
    let word = task.get("kind").and_then(Json::as_str).unwrap_or_default();
    let kind = KindName::from_word(word)
        .filter(|kind| rules.kinds.contains(kind))
        .ok_or_else(|| {
            let kinds: Vec<&str> = rules.kinds.iter().map(|kind| kind.as_str()).collect();
            format!("it may not be of the kind `{word}`, only of {}", kinds.join(", "))
        })?;
    let files = strings(task, "files");
    if let Some(path) = files.iter().find(|path| !is_plain(path)) {
        return Err(format!("`{path}` is not the path of a file that it may change"));
    }
    let mut entry = match kind {
        KindName::Run => command(task, rules)?,
        KindName::Bone => program(task, &files, rules)?,
        _ => asked(kind, task, files, rules)?,
    };
    let needs = strings(task, "needs");
    if !needs.is_empty() {
        entry.insert("needs".to_owned(), json!(needs));
    }
    if !rules.unchanged.is_empty() {
        let unchanged = json!([{ "unchanged": literals(&rules.unchanged) }]);
        entry.insert("verify".to_owned(), unchanged);
    }
    if let Some(retry) = rules.retry.filter(|_| kind.model_driven()) {
        entry.insert("on_failure".to_owned(), json!({ "retry": retry }));
    }
    Ok(Json::Object(entry))
}

/// A task that a model works on.
fn asked(
    kind: KindName,
    task: &Json,
    files: Vec<String>,
    rules: &Rules,
) -> Result<Map<String, Json>, String> {
    let instruction = said(task, "instruction");
    if instruction.trim().is_empty() {
        return Err("it has no instruction".to_owned());
    }
    let instruction = literal(instruction);
    let mut entry = Map::new();
    match kind {
        KindName::Edit => {
            if files.is_empty() {
                return Err("it names no files".to_owned());
            }
            let edit = json!({ "instruction": instruction, "files": files });
            entry.insert("edit".to_owned(), edit);
        }
        KindName::Agent => {
            entry.insert("agent".to_owned(), json!({ "goal": instruction }));
            let files = if files.is_empty() {
                literals(&rules.write)
            } else {
                files
            };
            entry.insert("writes".to_owned(), json!(files));
        }
        _ => {
            entry.insert("prompt".to_owned(), json!(instruction));
            let output = match files.as_slice() {
                [] => None,
                [file] => Some(json!({ "file": file })),
                _ => Some(json!({ "files": files })),
            };
            entry.extend(output.map(|output| ("output".to_owned(), output)));
        }
    }
    Ok(entry)
}

/// A command: its words, which no shell reads, where a pattern allows them.
fn command(task: &Json, rules: &Rules) -> Result<Map<String, Json>, String> {
    let written = said(task, "command");
    let words = words(written).map_err(|error| format!("`{written}`: {error}"))?;
    if !rules.run.iter().any(|pattern| allows(pattern, &words)) {
        let patterns: Vec<String> = rules.run.iter().map(|pattern| format!("`{pattern}`")).collect();
        let patterns = patterns.join(", ");
        return Err(format!("`{written}` may not be run; what may be: {patterns}"));
    }
    let mut entry = Map::new();
    entry.insert("run".to_owned(), json!({ "argv": literals(&words) }));
    entry.insert("writes".to_owned(), json!(literals(&rules.write)));
    Ok(entry)
}

/// A BoneScript program that is checked, or compiled where the task says `out`.
fn program(task: &Json, files: &[String], rules: &Rules) -> Result<Map<String, Json>, String> {
    let [file] = files else {
        return Err("it names no file, or more than one: give the `.bone` file in `files`".to_owned());
    };
    let out = said(task, "out");
    let bone = if out.is_empty() {
        json!({ "check": file })
    } else {
        let below = crate::check::all_below(out);
        if !is_plain(out) || crate::check::uncovered([below.as_str()], &rules.write).is_some() {
            let globs = rules.write.join(", ");
            return Err(format!(
                "`{out}` is no folder that it may write; what may be written: {globs}"
            ));
        }
        let target = Some(said(task, "target")).filter(|target| !target.is_empty());
        json!({ "compile": file, "out": out, "target": target.unwrap_or("sqlite") })
    };
    Ok(Map::from_iter([("bone".to_owned(), bone)]))
}

fn said<'a>(task: &'a Json, key: &str) -> &'a str {
    task.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn strings(task: &Json, key: &str) -> Vec<String> {
    let list = task.get(key).and_then(Json::as_array);
    let strings = list.into_iter().flatten().filter_map(Json::as_str);
    strings.map(str::to_owned).collect()
}

/// Whether a path is one that a model may name: no glob, no expression, and nothing that commonly holds secrets.
fn is_plain(path: &str) -> bool {
    let part = |part: &str| !part.starts_with(".env") && !matches!(part, ".git" | ".smallcode");
    !crate::glob::is_pattern(path) && literal(path) == *path && path.split('/').all(part)
}

fn literals(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| literal(text)).collect()
}

/// A text that stands for itself wherever templates are read.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        rest = brace.get(1..).unwrap_or_default();
        if rest.starts_with(['{', '%', '#']) || out.ends_with("'{' }}") {
            out.push_str("{{ '{' }}");
        } else {
            out.push('{');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::expand;
    use crate::scope::Names;
    use crate::spec::Kind;

    fn rules() -> Rules {
        Rules {
            kinds: USUAL.to_vec(),
            max_tasks: 3,
            write: vec!["src/**".to_owned()],
            run: vec!["make *".to_owned()],
            unchanged: Vec::new(),
            model: None,
            retry: Some(1),
        }
    }

    fn edit(name: &str, file: &str, needs: &[&str]) -> Json {
        json!({ "name": name, "kind": "edit", "instruction": "Do it.", "files": [file], "needs": needs })
    }

    fn problems(tasks: &[Json]) -> String {
        workflow(&json!({ "tasks": tasks }), &rules())
            .unwrap_err()
            .join("\n")
    }

    #[test]
    fn a_plan_is_a_workflow() {
        let tasks = [
            edit("a", "src/a.rs", &[]),
            json!({ "name": "b", "kind": "prompt", "instruction": "Write it.", "files": ["src/b.md"], "needs": ["a"] }),
        ];
        let text = workflow(&json!({ "tasks": tasks }), &rules()).unwrap();
        let module = module(&text).unwrap();
        let names: Vec<&str> = module
            .loaded
            .workflow
            .tasks
            .read
            .keys()
            .map(crate::spec::Name::as_str)
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(module.graph.needs, [vec![], vec![0]]);
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_told() {
        insta::assert_snapshot!(problems(&[]), @"the plan has no tasks");
        insta::assert_snapshot!(problems(&[
            json!({ "name": "x", "kind": "run", "instruction": "rm -rf /" }),
            json!({ "name": "y", "kind": "edit", "instruction": "Do it." }),
            edit("z", "src/.env", &[]),
            edit("z", "src/{{ inputs.x }}", &[]),
        ]), @"
        the plan has 4 tasks, and may have 3
        task `x`: it may not be of the kind `run`, only of edit, prompt
        task `y`: it names no files
        task `z`: `src/.env` is not the path of a file that it may change
        task `z`: `src/{{ inputs.x }}` is not the path of a file that it may change
        ");
        insta::assert_snapshot!(problems(&[edit("a", "src/a.rs", &["b"]), edit("b", "src/b.rs", &["a"])]), @"tasks need each other in a circle: a → b → a (take one of these needs out)");
        insta::assert_snapshot!(problems(&[edit("a", "other.rs", &[]), edit("b", "src/b.rs", &["c"])]), @"
        the model of `a` may not write `other.rs`
        task `b` needs `c`, which does not exist
        ");
        assert!(problems(&[edit("A b", "src/a.rs", &[])]).contains("`A b`"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever an instruction says, it is said to the model that gets it, letter for letter.
        #[test]
        fn an_instruction_stays_what_it_is(said in "([a-z ]|\\{|\\}|\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}|'|\"|\\n|\\\\|é){1,40}") {
            prop_assume!(!said.trim().is_empty());
            let task = json!({ "name": "a", "kind": "prompt", "instruction": said });
            let text = workflow(&json!({ "tasks": [task] }), &rules());
            prop_assert!(text.is_ok(), "{text:?}");
            let module = module(&text.unwrap()).unwrap();
            let task = &module.loaded.workflow.tasks.read[0];
            let Kind::Prompt(prompt) = &task.kind else { panic!("it is no prompt") };
            let scope = Names::of_inputs(&Map::new(), &Map::new()).scope();
            let told = expand::text(&prompt.text, &Arc::clone(&scope));
            prop_assert_eq!(told.unwrap(), said);
        }
    }
}
