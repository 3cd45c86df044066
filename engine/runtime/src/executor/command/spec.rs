//! What a task starts: the words of its command, with their folder and their environment.

use std::sync::Arc;

use serde_json::Value as Json;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::{Program, Shell, Task, Text};
use smallcode_core::template::Scope;
use smallcode_core::{expand, shell};

use super::super::{Shared, text};
use crate::process;

/// What is started, with the folder and the environment that the task gives its commands.
pub(in super::super) fn spec(
    shared: &Shared,
    module: &Module,
    task: &Task,
    program: &Program,
    shell: Shell,
    scope: &Arc<dyn Scope>,
) -> Result<process::Spec, Failure> {
    let expression = |message: String| Failure::new(FailureClass::Expression, message);
    let mut variables: Vec<(String, String)> = Vec::new();
    for (name, value) in &task.common.env.0 {
        let text = text(value, scope)?;
        if let Some(reason) = no_variable(&text) {
            return Err(expression(format!("`env: {{ {name} }}`: {reason}")));
        }
        variables.push((name.clone(), text));
    }
    let argv: Vec<String> = match program {
        Program::Argv(words) => argv(words, scope)?,
        Program::Line(line) => {
            for (variable, value) in &line.values {
                let json = expand::value(value, scope)?.to_json().map_err(expression)?;
                let value = shell::environment_text(&json)
                    .map_err(|reason| expression(format!("`{}`: {reason}", value.template.source())))?;
                variables.push((variable.clone(), value));
            }
            let words: &[&str] = match shell {
                // Where POSIX systems have it; a look through PATH for every command would cost more than its start.
                Shell::Sh => &["/bin/sh", "-e", "-c"],
                Shell::Bash => &["bash", "-e", "-o", "pipefail", "-c"],
            };
            words
                .iter()
                .map(|word| (*word).to_owned())
                .chain([line.script.clone()])
                .collect()
        }
    };
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\0')) {
        return Err(expression(format!(
            "the value of `{name}` holds a NUL byte, which no environment can; use `stdin`"
        )));
    }
    let cwd = match &task.common.cwd {
        Some(cwd) => {
            let path = text(cwd, scope)?;
            shared
                .workspace
                .folder(&path)
                .map_err(|error| Failure::new(FailureClass::Io, format!("{}{error}", place(module, cwd))))?
        }
        None => shared.workspace.root().to_path_buf(),
    };
    let mut spec = process::Spec::new(argv, cwd.as_std_path(), &shared.spool);
    spec.tag.clone_from(&shared.run);
    let secrets: Vec<&str> = task
        .common
        .secrets
        .iter()
        .map(|secret| secret.text.as_str())
        .collect();
    for secret in &secrets {
        if !shared.environment.all.contains_key(*secret) {
            return Err(expression(format!(
                "the secret `{secret}` is not in the environment; set it before the run"
            )));
        }
    }
    let hidden = |name: &str| {
        shared
            .environment
            .withheld
            .iter()
            .any(|withheld| withheld == name)
            && !secrets.contains(&name)
    };
    if shared.environment.all.keys().any(|name| hidden(name)) {
        spec.clear_env = true;
        let kept = shared.environment.all.iter().filter(|(name, _)| !hidden(name));
        spec.env = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    spec.env.extend(variables);
    Ok(spec)
}

/// Why a text can't be the value of an environment variable.
fn no_variable(text: &str) -> Option<String> {
    if text.contains('\0') {
        return Some("a value with a NUL character can't be an environment variable; use `stdin`".to_owned());
    }
    (text.len() > shell::MAX_VALUE_BYTES).then(|| {
        format!(
            "a value of {} KiB is too long for an environment variable, which takes {}; use `stdin`, or a file",
            text.len().div_ceil(1024),
            shell::MAX_VALUE_BYTES / 1024
        )
    })
}

/// The words of an `argv`; a list spreads into as many words as it has items.
pub(super) fn argv(words: &[Text], scope: &Arc<dyn Scope>) -> Result<Vec<String>, Failure> {
    let mut argv = Vec::with_capacity(words.len());
    for word in words {
        if word.template.is_literal() {
            argv.push(word.template.source().to_owned());
            continue;
        }
        let refuse = |reason: String| {
            Failure::new(
                FailureClass::Expression,
                format!("`{}`: {reason}", word.template.source()),
            )
        };
        let values = match expand::value(word, scope)?.to_json().map_err(refuse)? {
            Json::Array(items) => items,
            value => vec![value],
        };
        for value in values {
            argv.push(match value {
                Json::String(text) if text.contains('\0') => {
                    return Err(refuse(
                        "it holds a NUL byte, which no argument can; use `stdin`".to_owned(),
                    ));
                }
                // An argument may be longer than a variable of a shell line; the system says when it is too long.
                Json::String(text) => text,
                Json::Bool(_) | Json::Number(_) => value.to_string(),
                Json::Null => {
                    return Err(refuse(
                        "null can't be an argument: write `|default('…', true)` to put something else in its place"
                            .to_owned(),
                    ));
                }
                Json::Array(_) => {
                    return Err(refuse(
                        "a list within a list can't be an argument: spread its items over a list of their own, or \
                         write `|join(' ')` for one text"
                            .to_owned(),
                    ));
                }
                Json::Object(_) => {
                    return Err(refuse(
                        "a mapping can't be an argument: use `|tojson`, or one of its fields".to_owned(),
                    ));
                }
            });
        }
    }
    if argv.first().is_none_or(String::is_empty) {
        return Err(Failure::new(
            FailureClass::Expression,
            "the first word of `argv` names no program",
        ));
    }
    Ok(argv)
}

/// Where the `cwd` of a task stands.
fn place(module: &Module, cwd: &Text) -> String {
    let start = usize::try_from(cwd.span.start).unwrap_or(usize::MAX);
    match module.loaded.text.get(..start) {
        Some(before) if cwd.source == module.loaded.source => {
            format!("{}:{}: `cwd`: ", module.path, before.matches('\n').count() + 1)
        }
        _ => "`cwd`: ".to_owned(),
    }
}
