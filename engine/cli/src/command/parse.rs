//! `smallcode parse`: how a reply of a model is read, to find out why a call did not arrive.

use std::io::{BufRead as _, Read as _, Write as _};

use camino::Utf8PathBuf;
use clap::Args;
use serde_json::{Value, json};
use smallcode_parse::{Expect, Reading, Schema, Tool, Tools, parse};

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

/// How many repairs a line of `--jsonl` lists; the rest is counted. A megabyte of broken JSON has a hundred thousand.
const LISTED: usize = 100;

/// Reads the reply on standard input and shows what it is read as.
pub(crate) fn run(command: &Parse, terminal: &Terminal) -> Result<Exit, Refusal> {
    if command.jsonl {
        return lines(command.partial);
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

/// One reply a line; the exit code says nothing of what they hold.
fn lines(partial: bool) -> Result<Exit, Refusal> {
    let mut stdout = std::io::stdout().lock();
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line =
            line.map_err(|error| Refusal::new(Exit::Io, format!("could not read standard input: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str::<Value>(&line) {
            Ok(request) => answer(&request, partial),
            Err(error) => json!({ "line": index + 1, "error": format!("the line is no JSON: {error}") }),
        };
        match writeln!(stdout, "{answer}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(error) => {
                return Err(Refusal::new(
                    Exit::Io,
                    format!("could not write to standard output: {error}"),
                ));
            }
            Ok(()) => {}
        }
    }
    Ok(Exit::Done)
}

fn answer(request: &Value, partial: bool) -> Value {
    let mut answer = json!({ "id": request.get("id") });
    let Some(input) = request.get("input").and_then(Value::as_str) else {
        set(&mut answer, "error", json!("`input`, a string, is missing"));
        return answer;
    };
    let want = request.get("want").and_then(Value::as_str);
    let mut repairs = Vec::new();
    let mut diagnostics = Vec::new();
    if want != Some("value") {
        let offered = match request.get("tools") {
            None | Some(Value::Null) => Ok(Tools::any()),
            Some(list) => tools(list),
        };
        match offered {
            Ok(offered) => {
                let reading = parse(input, &Expect::Calls(offered), partial);
                let calls = reading.calls.iter().map(|call| {
                    let mut shown = json!({ "name": call.name, "arguments": call.arguments });
                    if let Some(cut) = &call.cut {
                        set(&mut shown, "cut", json!(cut.path));
                    }
                    shown
                });
                set(&mut answer, "calls", calls.collect());
                gather(reading, &mut repairs, &mut diagnostics);
            }
            Err(reason) => set(
                &mut answer,
                "error",
                json!(format!("`tools` is no list of tools: {reason}")),
            ),
        }
    }
    if want != Some("calls") {
        let expect = match request.get("schema") {
            None | Some(Value::Null) => Expect::Json,
            Some(schema) => Expect::Value(Schema::new(schema)),
        };
        let mut reading = parse(input, &expect, partial);
        if let Some(value) = reading.value.take() {
            set(&mut answer, "value", value);
        }
        if let Some(cut) = &reading.cut {
            set(&mut answer, "cut", json!(cut.path));
        }
        gather(reading, &mut repairs, &mut diagnostics);
    }
    if repairs.len() > LISTED {
        set(&mut answer, "repairs_left_out", json!(repairs.len() - LISTED));
        repairs.truncate(LISTED);
    }
    set(&mut answer, "repairs", json!(repairs));
    set(&mut answer, "diagnostics", json!(diagnostics));
    answer
}

fn gather(
    reading: Reading,
    repairs: &mut Vec<smallcode_parse::Repair>,
    diagnostics: &mut Vec<smallcode_parse::Diagnostic>,
) {
    repairs.extend(reading.repairs);
    diagnostics.extend(reading.diagnostics);
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
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
