//! From `foreach` and `matrix` to the list of items, and from [`Data`] to values.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::run::{Failure, FailureClass};
use crate::spec::{Common, DEFAULT_MAX_ITEMS, Data, Foreach, Matrix, Text};
use crate::template::{Scope, Value};

/// The items of a task: of its `foreach`, or the combinations of its `matrix`.
///
/// # Errors
/// When an expression has no value, gives no list, or there are more items than the task's bound.
pub fn items(common: &Common, scope: &Arc<dyn Scope>) -> Result<Vec<Json>, Failure> {
    let max = usize::try_from(common.max_items.unwrap_or(DEFAULT_MAX_ITEMS)).unwrap_or(usize::MAX);
    let items = if let Some(foreach) = &common.foreach {
        list("foreach", foreach, scope)?
    } else if let Some(matrix) = &common.matrix {
        combinations(matrix, scope, max)?
    } else {
        return Ok(Vec::new());
    };
    if items.len() > max {
        return Err(failure(format!(
            "there are {} items and `max_items` is {max}; raise it, or make the list shorter",
            items.len()
        )));
    }
    Ok(items)
}

/// The value of data with expressions in it.
///
/// # Errors
/// When an expression has no value.
pub fn data(data: &Data, scope: &Arc<dyn Scope>) -> Result<Json, Failure> {
    // Recursion is bounded by yaml::MAX_DEPTH.
    Ok(match data {
        Data::Literal(value) => value.clone(),
        Data::Text(text) => value(text, scope)?.to_json().map_err(failure)?,
        Data::List(items) => Json::Array(
            items
                .iter()
                .map(|item| self::data(item, scope))
                .collect::<Result<_, _>>()?,
        ),
        Data::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), self::data(value, scope)?)))
                .collect::<Result<Map<_, _>, Failure>>()?,
        ),
    })
}

/// The value of a text: typed where it is exactly one expression.
///
/// # Errors
/// When an expression has no value.
pub fn value(text: &Text, scope: &Arc<dyn Scope>) -> Result<Value, Failure> {
    text.template
        .value(scope)
        .map_err(|error| of_template(&error, text))
}

/// A text with its expressions evaluated.
///
/// # Errors
/// When an expression has no value.
pub fn text(text: &Text, scope: &Arc<dyn Scope>) -> Result<String, Failure> {
    text.template
        .text(scope)
        .map_err(|error| of_template(&error, text))
}

/// A failed evaluation as the failure of an attempt.
fn of_template(error: &crate::template::TemplateError, text: &Text) -> Failure {
    let source = text.template.source();
    let piece = source
        .get(error.range.clone())
        .filter(|piece| !piece.is_empty())
        .unwrap_or(source);
    let piece: String = piece.chars().take(80).collect();
    let mut failure = failure(format!("in `{}`: {}", piece.trim(), error.message));
    if let Some(help) = &error.help {
        failure.detail = format!("help: {help}");
    }
    failure
}

fn failure(message: String) -> Failure {
    Failure::new(FailureClass::Expression, message)
}

fn list(key: &str, foreach: &Foreach, scope: &Arc<dyn Scope>) -> Result<Vec<Json>, Failure> {
    match foreach {
        Foreach::List(items) => items.iter().map(|item| data(item, scope)).collect(),
        Foreach::Expression(expression) => match value(&expression.0, scope)?.to_json().map_err(failure)? {
            Json::Array(items) => Ok(items),
            other => {
                let found = match other {
                    Json::Null => "nothing",
                    Json::Bool(_) => "a boolean",
                    Json::Number(_) => "a number",
                    Json::String(_) => "text",
                    Json::Object(_) => "a mapping",
                    Json::Array(_) => "a list",
                };
                Err(failure(format!(
                    "`{key}` wants a list, and `{}` gives {found}",
                    expression.0.template.source()
                )))
            }
        },
    }
}

/// The combinations of a matrix, with `exclude` and `include` as GitHub Actions documents them: combinations
/// that match all keys of an `exclude` entry go; an `include` entry extends every combination whose original
/// values it does not change, and is a combination of its own where there is none.
fn combinations(matrix: &Matrix, scope: &Arc<dyn Scope>, max: usize) -> Result<Vec<Json>, Failure> {
    let mut found: Vec<Map<String, Json>> = if matrix.axes.is_empty() {
        Vec::new()
    } else {
        vec![Map::new()]
    };
    let excluded = entries(&matrix.exclude, scope)?;
    let included = entries(&matrix.include, scope)?;
    for (name, values) in &matrix.axes {
        let values = list(name, values, scope)?;
        // `exclude` can only make it fewer: refuse before the product is built.
        if found.len().saturating_mul(values.len()) > max.saturating_mul(2).max(DEFAULT_PRODUCT) {
            return Err(failure(format!(
                "the matrix has more combinations than `max_items` ({max}) allows"
            )));
        }
        found = found
            .into_iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut combination = combination.clone();
                    combination.insert(name.clone(), value.clone());
                    combination
                })
            })
            .collect();
    }
    let matches = |combination: &Map<String, Json>, entry: &Map<String, Json>| {
        entry
            .iter()
            .all(|(key, value)| combination.get(key) == Some(value))
    };
    found.retain(|combination| !excluded.iter().any(|entry| matches(combination, entry)));
    let axes: Vec<&String> = matrix.axes.iter().map(|(name, _)| name).collect();
    let mut added = Vec::new();
    for entry in included {
        let mut extended = false;
        for combination in &mut found {
            let keeps = entry
                .iter()
                .all(|(key, value)| !axes.contains(&key) || combination.get(key) == Some(value));
            if keeps {
                extended = true;
                combination.extend(entry.clone());
            }
        }
        if !extended {
            added.push(entry);
        }
    }
    found.extend(added);
    Ok(found.into_iter().map(Json::Object).collect())
}

/// The product that is built before `exclude` thins it out, where `max_items` is smaller: a few megabytes.
const DEFAULT_PRODUCT: usize = 10_000;

fn entries(list: &[Data], scope: &Arc<dyn Scope>) -> Result<Vec<Map<String, Json>>, Failure> {
    list.iter()
        .map(|entry| match data(entry, scope)? {
            Json::Object(map) => Ok(map),
            _ => Err(failure(
                "an entry of `include` or `exclude` is no mapping".to_owned(),
            )),
        })
        .collect()
}
