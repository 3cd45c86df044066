//! `smallcode parse`: how a reply of a model is read, to find out why a call did not arrive.

mod lines;

use std::io::Read as _;

use camino::Utf8PathBuf;
use clap::Args;
use serde_json::{Value, json};
use smallcode_parse::{Expect, Schema, Tool, Tools, parse};

use super::print;
use crate::exit::{Exit, Refusal};
use crate::render;
use crate::terminal::Terminal;

/// Show how a reply of a model is read: its calls or value, what was repaired, what else it could have been
#[derive(Debug, Args)]
pub(crate) struct Parse {
    /// The offered tools: a JSON list of {"name", "parameters"}; any name is a tool where it is left out
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    tools: Option<Utf8PathBuf>,
    /// Read a value with this JSON Schema instead of calls
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tools", "jsonl"])]
    schema: Option<Utf8PathBuf>,
    /// The reply may not be complete yet
    #[arg(long)]
    partial: bool,
    /// Print the reading as JSON
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Read lines of {"id", "tools", "schema", "input", "want"} and print a line for each
    #[arg(long)]
    jsonl: bool,
}

/// Reads the reply on standard input and shows what it is read as.
pub(crate) fn run(command: &Parse, terminal: &Terminal) -> Result<Exit, Refusal> {
    if command.jsonl {
        return lines::run(command.partial);
    }
    let expect = match (&command.tools, &command.schema) {
        (Some(path), _) => Expect::Calls(tools(&file(path)?).map_err(|reason| {
            Refusal::new(Exit::Wrong, format!("`{path}` is no list of tools: {reason}"))
                .hint(r#"give a JSON list of {"name": "…", "parameters": {a JSON Schema}}"#)
        })?),
        (None, Some(path)) => Expect::Value(Schema::new(&file(path)?)),
        (None, None) => Expect::Calls(Tools::any()),
    };
    let mut reply = Vec::new();
    std::io::stdin().lock().read_to_end(&mut reply).map_err(|error| {
        Refusal::new(
            Exit::Io,
            format!("could not read the reply from standard input: {error}"),
        )
    })?;
    // A byte that is no UTF-8 is a fault of the reply, which is to be shown and not refused.
    let reply = String::from_utf8_lossy(&reply);
    let reading = parse(&reply, &expect, command.partial);
    if command.json {
        print(&super::pretty(&reading)?)?;
    } else {
        print(&render::reading::render(&reading, &reply, terminal.style))?;
    }
    Ok(Exit::Done)
}

/// A list of tools: `{"name", "parameters"}`, or the same inside `{"type": "function", "function": …}`.
fn tools(list: &Value) -> Result<Tools, String> {
    let list = list.as_array().ok_or("it is no list")?;
    let tool = |(index, entry): (usize, &Value)| {
        let entry = entry
            .get("function")
            .filter(|inner| inner.is_object())
            .unwrap_or(entry);
        let name = entry
            .get("name")
            .and_then(Value::as_str)
            .ok_or(format!("entry {index} has no `name`"))?;
        let schema = ["parameters", "input_schema"]
            .iter()
            .find_map(|key| entry.get(key));
        Ok(Tool::new(name, schema.unwrap_or(&json!({}))))
    };
    list.iter()
        .enumerate()
        .map(tool)
        .collect::<Result<Vec<_>, String>>()
        .map(Tools::new)
}

fn file(path: &Utf8PathBuf) -> Result<Value, Refusal> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Refusal::new(Exit::Wrong, format!("could not read `{path}`: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        let place = format!("{path}:{}:{}", error.line(), error.column());
        Refusal::new(Exit::Wrong, format!("{place} is no JSON: {error}"))
    })
}
