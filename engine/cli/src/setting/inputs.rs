//! The inputs of the command line.

use camino::Utf8Path;
use serde_json::{Map, Value as Json};
use smallcode_core::diagnostic::Span;
use smallcode_core::load::Bundle;
use smallcode_core::spec::Mismatch;
use smallcode_core::yaml;

use crate::command::Inputs;
use crate::exit::{Exit, Refusal};

/// Inputs by name, and those whose text is no value of their type.
type Read = (Map<String, Json>, Vec<(String, Mismatch)>);

/// The inputs of the command line: those of the file, then each `NAME=VALUE` by the type of its input.
pub(super) fn read(bundle: &Bundle, inputs: &Inputs) -> Result<Read, Refusal> {
    let pairs = inputs
        .input
        .iter()
        .map(|given| given.split_once('=').ok_or(given));
    let without: Vec<String> = pairs
        .clone()
        .filter_map(Result::err)
        .map(|given| format!("`--input {given}`"))
        .collect();
    if !without.is_empty() {
        let have = if without.len() == 1 { "has" } else { "have" };
        let message = format!("{} {have} no value", without.join(", "));
        return Err(Refusal::new(Exit::Wrong, message).hint("write `--input NAME=VALUE`"));
    }
    let mut values = match &inputs.inputs {
        Some(file) => read_file(file)?,
        None => Map::new(),
    };
    let mut unread = Vec::new();
    let wanted = &bundle.root().loaded.workflow.inputs;
    for (name, text) in pairs.filter_map(Result::ok) {
        let value = match wanted.get(name) {
            // The plan says that there is no such input, with the near ones.
            None => Ok(Json::String(text.to_owned())),
            Some(input) => input.parse(text),
        };
        // The last one given counts, as it does where all can be read.
        unread.retain(|(earlier, _)| earlier != name);
        match value {
            Ok(value) => {
                values.insert(name.to_owned(), value);
            }
            Err(mismatch) => unread.push((name.to_owned(), mismatch)),
        }
    }
    Ok((values, unread))
}

fn read_file(file: &Utf8Path) -> Result<Map<String, Json>, Refusal> {
    use smallcode_core::load::Files as _;
    let refuse = |reason: String| Refusal::new(Exit::Wrong, format!("`{file}`: {reason}"));
    let text = smallcode_runtime::workspace::Disk.read(file).map_err(refuse)?;
    let at = |span: Span, reason: String| {
        let before = text.get(..span.range().start).unwrap_or_default();
        refuse(format!("line {}: {reason}", before.matches('\n').count() + 1))
    };
    let tree = yaml::parse(&text).map_err(|error| at(error.span, error.message))?;
    if let Some(key) = tree.repeated() {
        return Err(at(key.span, format!("`{}` is here twice", key.text)));
    }
    match tree.to_json() {
        Json::Object(values) => Ok(values),
        Json::Null => Ok(Map::new()),
        _ => Err(refuse("inputs are a mapping from names to values".to_owned())),
    }
}
