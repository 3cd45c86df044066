//! The routes that no row and no capability has: logging in, what goes on by itself, the process.

use serde_json::{Value, json};

use super::super::super::live;
use super::super::super::names;
use super::super::super::server::Rules;
use super::super::{example, schema};
use super::{Operation, reference};
use crate::ir::{Auth, EntityId, Facts, Sync, System, Type};

/// Logging in and out.
pub(super) fn authentication(system: &System, rules: &Rules, all: &mut Vec<Operation>) {
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
        .filter(|entity| entity.login().is_some())
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
        "Log out: the token is no longer good".into(),
    )
    .answering(204, "It is given up.", None);
    logout.open = true;
    logout.problems = vec![400, 401, 403, 413, 415, 500, 503];
    all.push(logout);
}

/// Flows, the queue and channels.
pub(super) fn moving(system: &System, all: &mut Vec<Operation>) {
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
        .taking_input(schema::object(&properties), Value::Object(given))
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
pub(super) fn process(all: &mut Vec<Operation>) {
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
