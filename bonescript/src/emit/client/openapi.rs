//! The description of the API, as `OpenAPI` 3.1.

use serde_json::{Map, Value, json};

use super::super::names;
use super::super::server::Rules;
use super::operation::Operation;
use super::schema::{self, put};
use crate::ir::{Auth, EntityId, System};

/// The text of `openapi.json`.
pub(super) fn document(system: &System, operations: &[Operation]) -> String {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let entry = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        put(entry, operation.method, described(operation));
    }
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations {
        if !tags.contains(&operation.tag.as_str()) {
            tags.push(&operation.tag);
        }
    }
    let tags: Vec<Value> = tags.iter().map(|name| json!({ "name": name })).collect();
    let ways = ways(system);
    let security: Vec<Value> = ways.keys().map(|name| json!({ name.as_str(): [] })).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": system.name, "version": "1.0.0" },
        "servers": [{ "url": "/" }],
        "security": security,
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": ways,
            "parameters": { "idempotencyKey": {
                "name": "Idempotency-Key", "in": "header",
                "description": "The same key with the same body gives the same answer, and is done once.",
                "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
            } },
            "schemas": schemas(system),
            "responses": responses(),
        },
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// How callers say who they are.
fn ways(system: &System) -> Map<String, Value> {
    let uses = |auth: Auth| system.entities.iter().any(|entity| entity.auth == Some(auth));
    let mut ways = Map::new();
    ways.insert(
        "bearer".into(),
        json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }),
    );
    if uses(Auth::ApiKey) {
        ways.insert(
            "apiKey".into(),
            json!({ "type": "apiKey", "in": "header", "name": "X-Api-Key" }),
        );
    }
    if uses(Auth::Session) {
        ways.insert(
            "session".into(),
            json!({ "type": "apiKey", "in": "cookie", "name": "__Host-session" }),
        );
    }
    ways
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
    });
    let mut parameters = operation.parameters.clone();
    if operation.keyed {
        parameters.push(json!({ "$ref": "#/components/parameters/idempotencyKey" }));
    }
    if !parameters.is_empty() {
        put(&mut described, "parameters", Value::Array(parameters));
    }
    if let Some((schema, example)) = &operation.body {
        put(
            &mut described,
            "requestBody",
            json!({
                "required": true,
                "content": { "application/json": { "schema": schema, "example": example } },
            }),
        );
    }
    if operation.open {
        put(&mut described, "security", json!([]));
    }
    let mut responses = Map::new();
    for (status, about, schema) in &operation.answers {
        let mut response = json!({ "description": about });
        if let Some(schema) = schema {
            put(
                &mut response,
                "content",
                json!({ operation.media: { "schema": schema } }),
            );
        }
        responses.insert(status.to_string(), response);
    }
    for status in &operation.problems {
        let name = format!("#/components/responses/{status}");
        responses.insert(status.to_string(), json!({ "$ref": name }));
    }
    put(&mut described, "responses", Value::Object(responses));
    described
}

fn schemas(system: &System) -> Map<String, Value> {
    let rules = Rules::of(system);
    let mut schemas = Map::new();
    for (index, entity) in system.entities.iter().enumerate() {
        let name = names::pascal(&entity.name);
        let mut row = schema::row(system, entity);
        put(&mut row, "title", json!(entity.name));
        let page = schema::object(&[
            (
                "items".into(),
                json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } }),
                true,
            ),
            ("total".into(), json!({ "type": "integer", "minimum": 0 }), true),
            ("page".into(), json!({ "type": "integer", "minimum": 1 }), true),
            (
                "page_size".into(),
                json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
                true,
            ),
        ]);
        if let Some(rules) = rules.entity(EntityId(index)) {
            if rules.creatable {
                schemas.insert(format!("{name}.create"), schema::create(system, entity, rules));
            }
            schemas.insert(format!("{name}.update"), schema::update(system, entity, rules));
            if rules
                .login
                .as_ref()
                .is_some_and(|login| login.method == Auth::ApiKey)
            {
                let mut created = row.clone();
                if let Some(properties) = created.get_mut("properties") {
                    put(
                        properties,
                        "api_key",
                        json!({ "type": "string", "description": "Shown this one time." }),
                    );
                }
                schemas.insert(format!("{name}.created"), created);
            }
        }
        schemas.insert(format!("{name}.page"), page);
        schemas.insert(name, row);
    }
    // In lower case, which no entity is.
    schemas.insert(
        "problem".into(),
        json!({
            "type": "object", "required": ["error"], "additionalProperties": false,
            "properties": { "error": {
                "type": "object", "required": ["code", "message"], "additionalProperties": false,
                "properties": {
                    "code": { "type": "string", "description": "For programs." },
                    "message": { "type": "string", "description": "For people." },
                    "details": { "type": "array", "items": {
                        "type": "object", "required": ["path", "message"], "additionalProperties": false,
                        "properties": { "path": { "type": "string" }, "message": { "type": "string" } },
                    } },
                },
            } },
        }),
    );
    if !system.flows.is_empty() {
        schemas.insert(
            "run".into(),
            json!({
                "type": "object", "required": ["ok", "flow", "run", "results"],
                "properties": {
                    "ok": { "const": true },
                    "flow": { "type": "string" },
                    "run": { "type": "object", "required": ["id", "status"], "properties": {
                        "id": { "type": "string", "format": "uuid" }, "status": { "type": "string" },
                    } },
                    "results": { "type": "object" },
                },
            }),
        );
    }
    schemas
}

fn responses() -> Map<String, Value> {
    [
        (400, "Something of the request is wrong: `details` say what."),
        (401, "Nobody is logged in, or the token is no longer good."),
        (403, "The caller may not do this."),
        (404, "There is no such row or route."),
        (
            409,
            "It conflicts with what is there, such as a value that must be unique.",
        ),
        (413, "The body is too large."),
        (415, "The body is no JSON."),
        (422, "A condition of the program does not hold."),
        (429, "Too many requests."),
        (500, "A fault on our side."),
        (501, "A function that the program relies on is not written yet."),
        (503, "The server cannot work just now, or needed too long."),
    ]
    .into_iter()
    .map(|(status, about)| {
        let mut response = json!({
            "description": about,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/problem" } } },
        });
        if status == 429 {
            put(
                &mut response,
                "headers",
                json!({ "Retry-After": {
                "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 0 },
            } }),
            );
        }
        (status.to_string(), response)
    })
    .collect()
}
