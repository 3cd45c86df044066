//! The functions and filters that smallcode adds, and how a value becomes text.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "MiniJinja's enums may grow, so they need a wildcard"
)]

use std::borrow::Cow;
use std::fmt;

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use serde::Serialize as _;

use super::engine::{self, Capped};
use super::{limits, value};

/// Help that travels with an error.
#[derive(Debug)]
pub(super) struct Explained(pub(super) &'static str);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Explained {}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Adds the filters that are pure.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter(engine::STEP, step);
    environment.add_filter("__text", text);
    environment.add_filter("__part", part);
    environment.add_filter("string", text);
    environment.add_filter("sum", sum);
    environment.add_filter("join", join);
    environment.add_filter("json", json);
    environment.add_filter("tojson", to_json);
    environment.add_filter("lines", lines);
    environment.add_filter("basename", basename);
    environment.add_filter("diff", diff);
    environment.add_function("diff", diff);
}

/// Makes a function that the scope answers.
pub(super) fn scope_call(
    name: &'static str,
) -> impl Fn(&State<'_, '_>, Rest<ValueOrKwargs>) -> Result<Value, Error> + Send + Sync + 'static {
    move |state, arguments| {
        let values = arguments.into_values();
        let (values, keywords) = from_args::<(&[Value], Kwargs)>(&values)?;
        let json = |value: &Value| counted(state, |budget| value::to_json_within(value, budget));
        let positional = values.iter().map(json).collect::<Result<Vec<_>, _>>()?;
        let mut named = serde_json::Map::new();
        for keyword in keywords.args() {
            named.insert(keyword.to_owned(), json(&keywords.peek::<Value>(keyword)?)?);
        }
        let scope =
            engine::scope_of(state).ok_or_else(|| refused(format!("`{name}` cannot be called here")))?;
        let answer = scope.call(name, &positional, &named).map_err(refused)?;
        Ok(super::Value::from_json(answer).0)
    }
}

/// Does something within the fuel that is left, and pays for it.
fn counted<T>(
    state: &State<'_, '_>,
    work: impl FnOnce(usize) -> Result<(T, usize), String>,
) -> Result<T, Error> {
    let (result, used) = work(left(state)).map_err(refused)?;
    pay(state, used)?;
    Ok(result)
}

/// Returns the bytes that the fuel that is left pays for.
fn left(state: &State<'_, '_>) -> usize {
    let units = state
        .fuel_levels()
        .map_or(limits::FUEL, |(_, remaining)| remaining);
    usize::try_from(units * limits::UNIT_BYTES).unwrap_or(limits::DATA_BYTES)
}

fn pay(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(u64::try_from(bytes).unwrap_or(u64::MAX) / limits::UNIT_BYTES)
}

/// Returns a value as text, with the bytes that it took.
pub(super) fn as_text(value: &Value, budget: usize) -> Result<(Cow<'_, str>, usize), Error> {
    match value.kind() {
        ValueKind::String => Ok((Cow::Borrowed(value.as_str().unwrap_or_default()), 0)),
        ValueKind::Bool => Ok((Cow::Borrowed(if value.is_true() { "true" } else { "false" }), 0)),
        ValueKind::Number => Ok((Cow::Owned(value.to_string()), 0)),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Err(refused("null cannot become text").with_source(Explained(
            "write `|default('…', true)` to put something else in its place",
        ))),
        _ => {
            let (json, used) = value::to_json_within(value, budget).map_err(refused)?;
            let text = serialise(&json, None, budget)?;
            Ok((Cow::Owned(text), used))
        }
    }
}

fn serialise(json: &serde_json::Value, indent: Option<usize>, limit: usize) -> Result<String, Error> {
    let mut output = Capped::new(limit.min(limits::OUTPUT_BYTES));
    let written = match indent {
        None => serde_json::to_writer(&mut output, json),
        Some(indent) => {
            let indent = " ".repeat(indent);
            let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            json.serialize(&mut serde_json::Serializer::with_formatter(
                &mut output,
                formatter,
            ))
        }
    };
    match written {
        Ok(()) => Ok(output.into_text()),
        Err(_) => Err(refused(format!(
            "the JSON is larger than {} MiB",
            limits::OUTPUT_BYTES >> 20
        ))),
    }
}

/// Writes a value where a `{{ }}` stands.
pub(super) fn write(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let (text, used) = as_text(value, left(state))?;
    pay(state, used)?;
    output.write_str(&text).map_err(Error::from)
}

fn step(value: &Value, key: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(Value::UNDEFINED),
        ValueKind::Invalid => value.get_item(key),
        _ => Ok(value.get_item(key).unwrap_or(Value::UNDEFINED)),
    }
}

fn text(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::String {
        return Ok(value.clone());
    }
    let (text, used) = as_text(value, left(state))?;
    pay(state, used)?;
    Ok(Value::from(text))
}

fn part(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq => {
            pay(state, value.len().unwrap_or_default().saturating_mul(SLOT_BYTES))?;
            Ok(value.clone())
        }
        ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()? {
                pay(state, SLOT_BYTES)?;
                items.push(item);
            }
            Ok(Value::from(items))
        }
        _ => Ok(value.clone()),
    }
}

fn sum(items: &Value) -> Result<Value, Error> {
    let not_number = |item: &Value| refused(format!("`sum` adds numbers, this is {}", value::kind(item)));
    let mut whole = Some(0_i128);
    let mut float = 0.0;
    for item in list("sum", items)? {
        if !item.is_number() {
            return Err(not_number(&item));
        }
        float += f64::try_from(item.clone())?;
        whole = whole
            .filter(|_| item.is_integer())
            .zip(i128::try_from(item).ok())
            .and_then(|(a, b)| a.checked_add(b));
    }
    Ok(whole.map_or_else(|| Value::from(float), Value::from))
}

/// Returns the items of a list.
fn list(filter: &str, items: &Value) -> Result<minijinja::value::ValueIter, Error> {
    match items.kind() {
        ValueKind::Seq | ValueKind::Iterable => items.try_iter(),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(refused(format!(
            "`{filter}` needs a list, this is {}",
            value::kind(items)
        ))),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "MiniJinja gives the rest of the arguments by value"
)]
fn join(state: &State<'_, '_>, items: &Value, arguments: Rest<Value>) -> Result<String, Error> {
    let separator = match arguments.as_slice() {
        [] => "",
        [_, extra, ..] => {
            return Err(refused(format!(
                "`join` takes one text, {} is too much",
                value::kind(extra)
            )));
        }
        [separator] => separator.as_str().ok_or_else(|| match separator.kind() {
            ValueKind::Undefined => Error::from(ErrorKind::UndefinedError),
            _ => refused(format!(
                "`join` puts text between items, this is {}",
                value::kind(separator)
            )),
        })?,
    };
    let mut joined = String::new();
    for (position, item) in list("join", items)?.enumerate() {
        let (text, used) = as_text(&item, left(state))?;
        let separator = if position == 0 { "" } else { separator };
        pay(state, used + text.len() + separator.len() + value::ITEM_BYTES)?;
        joined.push_str(separator);
        joined.push_str(&text);
    }
    Ok(joined)
}

/// Bytes of an item that is only pointed to.
const SLOT_BYTES: usize = 32;

/// Bytes that a byte of JSON can become: `[1,1,…]` has a value for every second one.
const JSON_GROWTH: usize = 64;

fn json(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    pay(state, text.len().saturating_mul(JSON_GROWTH))?;
    serde_json::from_str(text)
        .map(|json| super::Value::from_json(json).0)
        .map_err(|error| refused(format!("this is not JSON: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "MiniJinja gives keywords by value")]
fn to_json(state: &State<'_, '_>, value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = match options.get::<Option<Value>>("indent")? {
        None => None,
        Some(indent) if indent.kind() == ValueKind::Bool => indent.is_true().then_some(2),
        Some(indent) => match indent.as_usize() {
            Some(indent) if indent <= 16 => Some(indent),
            _ => return Err(refused("`indent` of `tojson` is a number up to 16, or true")),
        },
    };
    options.assert_all_used()?;
    let json = counted(state, |budget| value::to_json_within(value, budget))?;
    serialise(&json, indent, left(state))
}

fn lines(state: &State<'_, '_>, text: &str) -> Result<Vec<Value>, Error> {
    let mut lines = Vec::new();
    for line in text.lines() {
        pay(state, line.len() + value::ITEM_BYTES)?;
        lines.push(Value::from(line));
    }
    Ok(lines)
}

fn basename(path: &str) -> String {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn diff(state: &State<'_, '_>, old: &str, new: &str) -> Result<String, Error> {
    pay(state, old.len() + new.len())?;
    if old.lines().count() + new.lines().count() > limits::DIFF_LINES {
        return Err(refused(format!(
            "`diff` takes texts of {} lines together",
            limits::DIFF_LINES
        )));
    }
    Ok(similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .header("old", "new")
        .to_string())
}
