//! Every route of the server, as its clients see it.

mod service;

use std::collections::HashMap;

use serde_json::{Value, json};

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
    /// The body may be missing, since nothing in it has to be there.
    pub(super) bodiless: bool,
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
            bodiless: false,
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

    /// As [`Operation::taking`], of a capability or a flow: what needs no input needs no body.
    fn taking_input(mut self, schema: Value, example: Value) -> Self {
        self.bodiless = schema.get("required").is_none();
        self.taking(schema, example)
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
    service::authentication(system, &rules, &mut all);
    service::moving(system, &mut all);
    service::process(&mut all);
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
    .taking_input(body, given);
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
