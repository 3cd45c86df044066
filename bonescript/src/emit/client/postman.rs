//! The routes as a collection of Postman, version 2.1.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::operation::{self, Operation};
use crate::ir::System;

#[derive(Serialize)]
struct Collection<'a> {
    info: Value,
    auth: Value,
    variable: Value,
    item: Vec<Folder<'a>>,
}

#[derive(Serialize)]
struct Folder<'a> {
    name: &'a str,
    item: Requests<'a>,
}

/// Each is described when it is written, so that they are not all there at once.
struct Requests<'a>(Vec<&'a Operation>);

impl Serialize for Requests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|operation| request(operation)))
    }
}

/// The text of the collection.
pub(super) fn collection(system: &System, operations: &[Operation]) -> String {
    let folders = operation::grouped(operations, |operation| &operation.tag);
    let collection = Collection {
        info: json!({
            "name": system.name,
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        }),
        auth: json!({
            "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }],
        }),
        variable: json!([
            { "key": "baseUrl", "value": "http://localhost:3000" },
            { "key": "token", "value": "" },
        ]),
        item: folders
            .into_iter()
            .map(|(name, operations)| Folder {
                name,
                item: Requests(operations),
            })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&collection).unwrap_or_default();
    text.push('\n');
    text
}

fn request(operation: &Operation) -> Value {
    let path: Vec<String> = operation
        .path
        .trim_start_matches('/')
        .split('/')
        .map(
            |part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => format!(":{name}"),
                None => part.to_owned(),
            },
        )
        .collect();
    let inside = |place: &str| {
        operation
            .parameters
            .iter()
            .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some(place))
            .map(|parameter| {
                let value = parameter
                    .get("example")
                    .or_else(|| parameter.pointer("/schema/default"));
                let value = match value {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
                let optional = place == "query";
                let mut entry = json!({ "key": parameter.get("name"), "value": value });
                if optional {
                    super::schema::put(&mut entry, "disabled", json!(true));
                }
                entry
            })
            .collect::<Vec<Value>>()
    };
    let mut headers = Vec::new();
    if operation.body.is_some() {
        headers.push(json!({ "key": "Content-Type", "value": "application/json" }));
    }
    if operation.keyed {
        headers.push(json!({ "key": "Idempotency-Key", "value": "{{$guid}}" }));
    }
    let mut request = json!({
        "method": operation.method.to_uppercase(),
        "header": headers,
        "url": {
            "raw": format!("{{{{baseUrl}}}}/{}", path.join("/")),
            "host": ["{{baseUrl}}"],
            "path": path,
            "query": inside("query"),
            "variable": inside("path"),
        },
    });
    if operation.open {
        super::schema::put(&mut request, "auth", json!({ "type": "noauth" }));
    }
    if let Some((_, example)) = &operation.body {
        let raw = serde_json::to_string_pretty(example).unwrap_or_default();
        super::schema::put(
            &mut request,
            "body",
            json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } }),
        );
    }
    json!({ "name": operation.summary, "request": request })
}
