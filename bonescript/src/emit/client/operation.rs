//! Every route of the server, as its clients see it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::live;
use super::super::names;
use super::super::server::{Rules, capability_path, input_name};
use super::{example, schema};
use crate::ir::{
    Auth, Authorization, Capability, Entity, EntityId, Facts, Parameter, RelationKind, Sync, System, Type,
};

/// A route.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// Unique among all.
    pub(super) id: String,
    /// In lower case.
    pub(super) method: &'static str,
    /// With `{id}` for what differs.
    pub(super) path: String,
    /// What it is about.
    pub(super) tag: String,
    /// On one line.
    pub(super) summary: String,
    /// What the path and the query hold.
    pub(super) parameters: Vec<Value>,
    /// The schema of the body, and one that fits.
    pub(super) body: Option<(Value, Value)>,
    /// Statuses of what went well, with the schema of the answer.
    pub(super) answers: Vec<(u16, &'static str, Option<Value>)>,
    /// Statuses of what did not.
    pub(super) problems: Vec<u16>,
    /// Nobody needs to be logged in.
    pub(super) open: bool,
    /// `Idempotency-Key` is honoured.
    pub(super) keyed: bool,
    /// It answers something else than JSON.
    pub(super) media: &'static str,
}

/// What can go wrong with a request that only reads.
const READING: &[u16] = &[400, 401, 403, 404, 429, 500, 503];
/// What can go wrong with one that writes.
const WRITING: &[u16] = &[400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503];

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

impl Operation {
    fn new(method: &'static str, path: String, id: String, tag: &str, summary: String) -> Self {
        Self {
            id,
            method,
            parameters: path_parameters(&path),
            path,
            tag: tag.to_owned(),
            summary,
            body: None,
            answers: Vec::new(),
            problems: if method == "get" { READING } else { WRITING }.to_vec(),
            open: false,
            keyed: false,
            media: "application/json",
        }
    }

    fn answering(mut self, status: u16, about: &'static str, schema: Option<Value>) -> Self {
        self.answers.push((status, about, schema));
        self
    }

    /// Says which row of the seed the path names.
    fn about(mut self, parameter: &str, entity: EntityId, number: usize) -> Self {
        for found in &mut self.parameters {
            if found.get("name").and_then(Value::as_str) == Some(parameter) {
                schema::put(found, "example", json!(example::id(entity, number)));
            }
        }
        self
    }

    fn taking(mut self, schema: Value, example: Value) -> Self {
        self.body = Some((schema, example));
        self
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "format": "uuid" }, "example": example::ID,
            })
        })
        .collect()
}

fn paging() -> Vec<Value> {
    vec![
        json!({
            "name": "page", "in": "query", "description": "The number of the page, from 1.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1 },
        }),
        json!({
            "name": "page_size", "in": "query", "description": "How many rows a page has.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 50 },
        }),
    ]
}

/// Operations with something in common, in the order in which they first come.
pub(super) fn grouped<'a>(
    operations: &'a [Operation],
    key: impl Fn(&'a Operation) -> &'a str,
) -> Vec<(&'a str, Vec<&'a Operation>)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<(&str, Vec<&Operation>)> = Vec::new();
    for operation in operations {
        let key = key(operation);
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(operation),
            None => groups.push((key, vec![operation])),
        }
    }
    groups
}

/// All routes, in the order of the system.
pub(super) fn all(system: &System) -> Vec<Operation> {
    let rules = Rules::of(system);
    let mut at_home: HashMap<Option<EntityId>, Vec<&Capability>> = HashMap::new();
    for capability in &system.capabilities {
        at_home.entry(capability.home).or_default().push(capability);
    }
    let called_at = |home: Option<EntityId>| {
        let capabilities = at_home.get(&home).into_iter().flatten();
        capabilities.map(|capability| called(system, capability))
    };
    let mut all = Vec::new();
    for (index, entity) in system.entities.iter().enumerate() {
        rows(system, &rules, EntityId(index), entity, &mut all);
        all.extend(called_at(Some(EntityId(index))));
    }
    all.extend(called_at(None));
    authentication(system, &rules, &mut all);
    moving(system, &mut all);
    service(&mut all);
    all
}

fn rows(system: &System, rules: &Rules, id: EntityId, entity: &Entity, all: &mut Vec<Operation>) {
    let Some(rules) = rules.entity(id) else { return };
    let (table, name) = (&entity.table, names::pascal(&entity.name));
    let words = names::snake(&entity.name).replace('_', " ");
    let row = reference(&name);
    let path = format!("/{table}");
    let one = format!("/{table}/{{id}}");

    let mut list = Operation::new(
        "get",
        path.clone(),
        format!("{table}_list"),
        &entity.name,
        format!("List {words} rows, newest first"),
    )
    .answering(200, "A page.", Some(reference(&format!("{name}.page"))));
    list.parameters.extend(paging());
    for filter in &rules.filters {
        if let Some(column) = entity.column(filter) {
            list.parameters.push(json!({
                "name": filter, "in": "query", "description": format!("Only rows with this `{filter}`."),
                "schema": schema::filter(system, &column.ty),
            }));
        }
    }
    all.push(list);

    if rules.creatable {
        let open = rules.login.as_ref().is_some_and(|login| login.open);
        let summary = if open {
            format!("Sign up as {words}")
        } else {
            format!("Make a {words}")
        };
        let answer = if rules
            .login
            .as_ref()
            .is_some_and(|login| login.method == Auth::ApiKey)
        {
            reference(&format!("{name}.created"))
        } else {
            row.clone()
        };
        let mut create = Operation::new("post", path, format!("{table}_create"), &entity.name, summary)
            .taking(
                reference(&format!("{name}.create")),
                example::create(system, entity, rules, example::NEW),
            )
            .answering(201, "The new row.", Some(answer));
        create.open = open;
        all.push(create);
    }
    all.push(
        Operation::new(
            "get",
            one.clone(),
            format!("{table}_read"),
            &entity.name,
            format!("Read a {words}"),
        )
        .about("id", id, 1)
        .answering(200, "The row.", Some(row.clone())),
    );
    let changed = rules
        .update
        .iter()
        .enumerate()
        .find_map(|(place, name)| Some((name, example::column(system, entity.column(name)?, place, 1))));
    let changed = changed.map_or_else(|| json!({}), |(name, value)| json!({ name: value }));
    all.push(
        Operation::new(
            "put",
            one.clone(),
            format!("{table}_update"),
            &entity.name,
            format!("Change a {words}"),
        )
        .about("id", id, 1)
        .taking(reference(&format!("{name}.update")), changed)
        .answering(200, "The row afterwards.", Some(row)),
    );
    all.push(
        Operation::new(
            "delete",
            one,
            format!("{table}_delete"),
            &entity.name,
            format!("Remove a {words}"),
        )
        .about("id", id, example::SPARE)
        .answering(204, "It is gone.", None),
    );
    relations(system, id, entity, all);
}

fn relations(system: &System, id: EntityId, entity: &Entity, all: &mut Vec<Operation>) {
    let table = &entity.table;
    for relation in &entity.relations {
        let Some(target) = system.entity(relation.target) else {
            continue;
        };
        let target = names::pascal(&target.name);
        let many = matches!(relation.kind, RelationKind::HasMany | RelationKind::ManyToMany);
        let answer = reference(&if many {
            format!("{target}.page")
        } else {
            target.clone()
        });
        let path = format!("/{table}/{{id}}/{}", relation.name);
        let mut read = Operation::new(
            "get",
            path.clone(),
            format!("{table}_{}", relation.name),
            &entity.name,
            format!("Follow `{}` to {target}", relation.name),
        )
        .about("id", id, 1)
        .answering(200, if many { "A page." } else { "The row." }, Some(answer));
        if many {
            read.parameters.extend(paging());
        }
        all.push(read);
        if relation.kind == RelationKind::ManyToMany {
            for (method, word) in [("put", "link"), ("delete", "unlink")] {
                all.push(
                    Operation::new(
                        method,
                        format!("{path}/{{other_id}}"),
                        format!("{table}_{}_{word}", relation.name),
                        &entity.name,
                        format!(
                            "{} a row of `{}`",
                            if method == "put" { "Link" } else { "Unlink" },
                            relation.name
                        ),
                    )
                    .about("id", id, 1)
                    .about("other_id", relation.target, 2)
                    .answering(204, "Done.", None),
                );
            }
        }
    }
}

/// The body of a capability.
pub(super) fn input(system: &System, capability: &Capability) -> (Value, Value) {
    let mut properties = Vec::new();
    let mut example = serde_json::Map::new();
    for (place, parameter) in capability.parameters.iter().enumerate() {
        let needed = !matches!(parameter.ty, Type::Optional(_));
        let name = input_name(parameter);
        properties.push((
            name.clone(),
            schema::of(system, &parameter.ty, &Facts::default()),
            needed,
        ));
        if needed {
            let value = example::value(
                system,
                &parameter.ty,
                &Facts::default(),
                &parameter.name,
                place,
                number_among(capability.parameters.iter().take(place), &parameter.ty),
            );
            example.insert(name, value);
        }
    }
    (schema::object(&properties), Value::Object(example))
}

/// Two rows of the same entity are two rows.
fn number_among<'a>(before: impl Iterator<Item = &'a Parameter>, ty: &Type) -> usize {
    let same = matches!(ty, Type::Entity(_));
    1 + before
        .filter(|parameter| same && parameter.ty.required() == ty)
        .count()
}

fn called(system: &System, capability: &Capability) -> Operation {
    let home = capability.home.and_then(|id| system.entity(id));
    let tag = home.map_or("Capabilities", |entity| entity.name.as_str());
    let (body, given) = input(system, capability);
    let words = capability.name.replace('_', " ");
    let mut operation = Operation::new(
        "post",
        capability_path(system, capability),
        capability.name.clone(),
        tag,
        format!("Do `{words}`"),
    )
    .taking(body, given);
    operation.open = capability.authorization == Authorization::Anyone;
    operation.keyed = true;
    if !system.extension_points.is_empty() {
        operation.problems.push(501);
    }
    let name = json!({ "type": "string", "const": capability.name });
    if capability.sync == Sync::Batch {
        let job = schema::object(&[
            ("id".into(), json!({ "type": "string", "format": "uuid" }), true),
            ("status".into(), json!({ "type": "string" }), true),
        ]);
        return operation.answering(
            202,
            "It is queued.",
            Some(schema::object(&[
                ("ok".into(), json!({ "const": true }), true),
                ("action".into(), name, true),
                ("job".into(), job, true),
            ])),
        );
    }
    let row_of = |id: Option<EntityId>| match id.and_then(|id| system.entity(id)) {
        Some(entity) => json!({ "anyOf": [reference(&names::pascal(&entity.name)), { "type": "null" }] }),
        None => json!({ "type": "null" }),
    };
    operation.answering(
        200,
        "Done.",
        Some(schema::object(&[
            ("ok".into(), json!({ "const": true }), true),
            ("action".into(), name, true),
            ("entity".into(), row_of(first_row(capability)), true),
            (
                "created".into(),
                row_of(capability.creates.as_ref().map(|creation| creation.entity)),
                true,
            ),
            ("result".into(), json!({}), true),
        ])),
    )
}

/// The entity of the row that a capability answers: that of its first parameter of one.
pub(super) fn first_row(capability: &Capability) -> Option<EntityId> {
    capability
        .parameters
        .iter()
        .find_map(|parameter| match parameter.ty.required() {
            Type::Entity(id) => Some(*id),
            _ => None,
        })
}

fn authentication(system: &System, rules: &Rules, all: &mut Vec<Operation>) {
    for (index, entity) in system.entities.iter().enumerate() {
        let Some(rules) = rules.entity(EntityId(index)) else {
            continue;
        };
        let Some(login) = rules.login.as_ref().filter(|login| login.method != Auth::ApiKey) else {
            continue;
        };
        let text = json!({ "type": "string", "maxLength": 1000 });
        let body = schema::object(&[
            (login.identifier.clone(), text.clone(), true),
            ("password".into(), text, true),
        ]);
        let named = example::create(system, entity, rules, 1);
        let who = named
            .get(&login.identifier)
            .cloned()
            .unwrap_or_else(|| json!(example::id(EntityId(index), 1)));
        let given = json!({ login.identifier.as_str(): who, "password": example::PASSWORD });
        let token = schema::object(&[
            ("token".into(), json!({ "type": "string" }), true),
            ("expires_in".into(), json!({ "type": "integer" }), true),
            (
                "subject".into(),
                json!({ "type": "string", "format": "uuid" }),
                true,
            ),
        ]);
        let mut operation = Operation::new(
            "post",
            format!("/auth/{}/login", entity.table),
            format!("{}_login", entity.table),
            "Authentication",
            format!("Log in as {}", entity.name),
        )
        .taking(body, given)
        .answering(200, "A token.", Some(token));
        operation.open = true;
        operation.problems = vec![400, 401, 413, 415, 429, 500, 503];
        all.push(operation);
    }
    let rows: Vec<Value> = system
        .entities
        .iter()
        .filter(|entity| entity.auth.is_some_and(|auth| auth != Auth::None))
        .map(|entity| reference(&names::pascal(&entity.name)))
        .collect();
    if rows.is_empty() {
        return;
    }
    let me = schema::object(&[
        ("id".into(), json!({ "type": "string", "format": "uuid" }), true),
        ("entity".into(), json!({ "type": "string" }), true),
        (
            "roles".into(),
            json!({ "type": "array", "items": { "type": "string" } }),
            true,
        ),
        ("row".into(), json!({ "anyOf": rows }), true),
    ]);
    all.push(
        Operation::new(
            "get",
            "/auth/me".into(),
            "auth_me".into(),
            "Authentication",
            "Who calls".into(),
        )
        .answering(200, "The caller.", Some(me)),
    );
    let mut logout = Operation::new(
        "post",
        "/auth/logout".into(),
        "auth_logout".into(),
        "Authentication",
        "Forget the session".into(),
    )
    .answering(204, "Forgotten.", None);
    logout.open = true;
    logout.problems = vec![400, 401, 403, 413, 415, 500, 503];
    all.push(logout);
}

/// Flows, the queue and channels.
fn moving(system: &System, all: &mut Vec<Operation>) {
    for flow in &system.flows {
        let mut properties = Vec::new();
        let mut given = serde_json::Map::new();
        for (place, input) in live::flow_inputs(system, flow).into_iter().enumerate() {
            let ty = &input.parameter.ty;
            let needed = input.made_by.is_none() && !matches!(ty, Type::Optional(_));
            if needed {
                let value = example::value(system, ty, &Facts::default(), &input.parameter.name, place, 1);
                given.insert(input.wire.clone(), value);
            }
            properties.push((input.wire, schema::of(system, ty, &Facts::default()), needed));
        }
        let path = format!("/flows/{}", names::kebab(&flow.name));
        let run = || reference("run");
        let mut begin = Operation::new(
            "post",
            path.clone(),
            format!("flow_{}", flow.name),
            "Flows",
            format!("Begin `{}`", flow.name),
        )
        .taking(schema::object(&properties), Value::Object(given))
        .answering(200, "It is done.", Some(run()))
        .answering(202, "It goes on.", Some(run()));
        begin.keyed = true;
        if !system.extension_points.is_empty() {
            begin.problems.push(501);
        }
        all.push(begin);
        all.push(
            Operation::new(
                "get",
                format!("{path}/{{id}}"),
                format!("flow_{}_read", flow.name),
                "Flows",
                format!("How a run of `{}` stands", flow.name),
            )
            .answering(200, "The run.", Some(run())),
        );
    }
    if system
        .capabilities
        .iter()
        .any(|capability| capability.sync == Sync::Batch)
    {
        all.push(
            Operation::new(
                "get",
                "/jobs/{id}".into(),
                "job_read".into(),
                "Jobs",
                "What became of what was queued".into(),
            )
            .answering(200, "The job.", Some(json!({ "type": "object" }))),
        );
    }
    for channel in &system.channels {
        let path = format!("/channels/{}/messages", names::kebab(&channel.name));
        let mut read = Operation::new(
            "get",
            path.clone(),
            format!("channel_{}_read", channel.name),
            "Channels",
            format!("Messages of `{}`", channel.name),
        )
        .answering(
            200,
            "Messages, oldest first.",
            Some(json!({
                "type": "object", "required": ["items"],
                "properties": { "items": { "type": "array", "items": { "type": "object" } } },
            })),
        );
        read.parameters = vec![
            json!({ "name": "after", "in": "query", "schema": { "type": "string", "pattern": "^[0-9]{1,18}$" } }),
            json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 50 } }),
            json!({ "name": "wait_ms", "in": "query", "schema": { "type": "integer", "minimum": 0, "maximum": 25_000, "default": 0 } }),
        ];
        all.push(read);
        all.push(
            Operation::new(
                "post",
                path,
                format!("channel_{}_send", channel.name),
                "Channels",
                format!("Send to `{}`", channel.name),
            )
            .taking(
                schema::object(&[("payload".into(), json!({}), true)]),
                json!({ "payload": { "text": "hello" } }),
            )
            .answering(
                202,
                "It is sent.",
                Some(json!({ "type": "object", "required": ["id"], "properties": { "id": {} } })),
            ),
        );
    }
}

/// What is about the process.
fn service(all: &mut Vec<Operation>) {
    let status = schema::object(&[("status".into(), json!({ "const": "ok" }), true)]);
    for (path, id, summary, problems) in [
        (
            "/health/live",
            "health_live",
            "Whether the process lives",
            vec![503],
        ),
        ("/health/ready", "health_ready", "Whether it can work", vec![503]),
    ] {
        let mut operation = Operation::new("get", path.into(), id.into(), "Service", summary.into())
            .answering(200, "Yes.", Some(status.clone()));
        operation.open = true;
        operation.problems = problems;
        all.push(operation);
    }
    let mut metrics = Operation::new(
        "get",
        "/metrics".into(),
        "metrics".into(),
        "Service",
        "Counters for Prometheus".into(),
    )
    .answering(200, "Counters.", Some(json!({ "type": "string" })));
    metrics.open = true;
    metrics.media = "text/plain";
    metrics.problems = vec![401, 403, 503];
    all.push(metrics);
}
