//! The description of the API, as `OpenAPI` 3.1.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::super::names;
use super::super::server::Rules;
use super::operation::{self, Operation};
use super::schema::{self, put};
use crate::ir::{Auth, EntityId, System};

/// The whole description. What is of each operation is written from where it lies: of a large program, copies would be
/// most of the time.
#[derive(Serialize)]
struct Document<'a> {
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Vec<Value>,
    tags: Vec<Value>,
    paths: Paths<'a>,
    components: Components,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    security_schemes: Map<String, Value>,
    parameters: Value,
    schemas: Map<String, Value>,
    responses: Map<String, Value>,
}

/// The operations, by their paths.
struct Paths<'a>(Vec<(&'a str, Vec<&'a Operation>)>);

impl Serialize for Paths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, operations)| (path, Path(operations))))
    }
}

struct Path<'a>(&'a [&'a Operation]);

impl Serialize for Path<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|operation| (operation.method, described(operation))),
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    operation_id: &'a str,
    tags: [&'a str; 1],
    summary: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Body<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<[Value; 0]>,
    responses: Responses<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    required: bool,
    content: Content<'a>,
}

/// A schema under the type of what it is of.
struct Content<'a> {
    media: &'a str,
    schema: &'a Value,
    example: Option<&'a Value>,
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Typed<'a> {
            schema: &'a Value,
            #[serde(skip_serializing_if = "Option::is_none")]
            example: Option<&'a Value>,
        }
        let Self { schema, example, .. } = *self;
        serializer.collect_map([(self.media, Typed { schema, example })])
    }
}

struct Responses<'a>(&'a Operation);

impl Serialize for Responses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Answer<'a> {
            description: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            content: Option<Content<'a>>,
        }
        #[derive(Serialize)]
        struct Reference {
            #[serde(rename = "$ref")]
            to: String,
        }
        let Operation {
            answers,
            problems,
            media,
            ..
        } = self.0;
        let mut responses = serializer.serialize_map(None)?;
        for (status, description, schema) in answers {
            let content = schema.as_ref().map(|schema| Content {
                media,
                schema,
                example: None,
            });
            responses.serialize_entry(status, &Answer { description, content })?;
        }
        for status in problems {
            let to = format!("#/components/responses/{status}");
            responses.serialize_entry(status, &Reference { to })?;
        }
        responses.end()
    }
}

/// The text of `openapi.json`.
pub(super) fn document(system: &System, operations: &[Operation]) -> String {
    let mut seen = HashSet::new();
    let tags = operations
        .iter()
        .map(|operation| operation.tag.as_str())
        .filter(|tag| seen.insert(*tag))
        .map(|name| json!({ "name": name }))
        .collect();
    let ways = ways(system);
    let document = Document {
        openapi: "3.1.0",
        info: json!({ "title": system.name, "version": "1.0.0" }),
        servers: json!([{ "url": "/" }]),
        security: ways.keys().map(|name| json!({ name.as_str(): [] })).collect(),
        tags,
        paths: Paths(operation::grouped(operations, |operation| &operation.path)),
        components: Components {
            security_schemes: ways,
            parameters: json!({ "idempotencyKey": {
                "name": "Idempotency-Key", "in": "header",
                "description": "The same key with the same body gives the same answer, and is done once.",
                "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
            } }),
            schemas: schemas(system),
            responses: responses(),
        },
    };
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

fn described(operation: &Operation) -> Described<'_> {
    static KEY: LazyLock<Value> =
        LazyLock::new(|| json!({ "$ref": "#/components/parameters/idempotencyKey" }));
    let key = operation.keyed.then(|| &*KEY);
    Described {
        operation_id: &operation.id,
        tags: [&operation.tag],
        summary: &operation.summary,
        parameters: operation.parameters.iter().chain(key).collect(),
        request_body: operation.body.as_ref().map(|(schema, example)| Body {
            required: !operation.bodiless,
            content: Content {
                media: "application/json",
                schema,
                example: Some(example),
            },
        }),
        security: operation.open.then_some([]),
        responses: Responses(operation),
    }
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
