//! A file for each capability: what it is given, which rows it locks, what must hold and what it changes.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use super::super::expression::{Compiler, Scope, key as object_key, string};
use super::super::live::{algorithm, pipeline};
use super::super::names::Taken;
use super::super::project::{FileSet, Owner};
use super::super::templates::{code, comment, key, text};
use super::effect::{Calls, creation, statements};
use super::entity::{entity_file, entity_name};
use super::loading::loading;
use super::schema::Schemas;
use super::typescript::rows_in;
use super::{EmitError, constant_name, file_name, names};
use crate::ir::{
    Authorization, Backoff, Capability, EntityId, Expression, ExpressionKind as K, Sync, System, Type,
};

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let mut listed = Vec::new();
    for (capability, names) in system.capabilities.iter().zip(spelled(system)) {
        let described = describe(system, capability, &names)?;
        files.render_as(
            "src/capabilities/_capability.ts",
            &format!("src/capabilities/{}.ts", names.file),
            described,
            Owner::Generated,
        )?;
        listed.push(context! {
            key => key(capability.name.as_str()),
            text => text(capability.name.as_str()),
            constant => code(names.constant.as_str()),
            file => text(format!("./{}.ts", names.file)),
        });
    }
    files.render("src/capabilities/index.ts", context! { capabilities => listed })?;
    let (events, channels) = (!system.events.is_empty(), !system.channels.is_empty());
    let batch = system
        .capabilities
        .iter()
        .any(|capability| capability.sync == Sync::Batch);
    files.render("src/capabilities/definition.ts", context! { events, batch })?;
    files.render("src/capabilities/routes.ts", context! { batch })?;
    files.render("src/capabilities/run.ts", context! { events, channels, batch })
}

/// How a capability is called in files.
struct Names {
    file: String,
    constant: String,
}

fn spelled(system: &System) -> Vec<Names> {
    let mut taken = Taken::with(["definition", "index", "registry", "routes", "rows", "run"]);
    let tables: Vec<String> = (0..system.entities.len())
        .map(|index| entity_name(system, EntityId(index)))
        .collect();
    let mut constants = Taken::with(CALLED.iter().copied().chain(tables.iter().map(String::as_str)));
    system
        .capabilities
        .iter()
        .map(|capability| Names {
            file: taken.take(&file_name(&capability.name)),
            constant: constants.take(&constant_name(&capability.name)),
        })
        .collect()
}

/// What files of capabilities import or declare.
pub(super) const CALLED: &[&str] = &[
    "added",
    "appended",
    "asBool",
    "asBytes",
    "asFloat",
    "asInt",
    "asJson",
    "asList",
    "asMap",
    "asText",
    "asTime",
    "asUint",
    "authorize",
    "between",
    "bool",
    "both",
    "bytes",
    "calculate",
    "call",
    "capabilities",
    "characters",
    "contains",
    "created",
    "defineCapability",
    "divide",
    "ensure",
    "equal",
    "float",
    "given",
    "hashPassword",
    "input",
    "integer",
    "integerKey",
    "json",
    "keyOf",
    "later",
    "less",
    "lessOrEqual",
    "list",
    "map",
    "move",
    "negate",
    "remainder",
    "removed",
    "result",
    "rowOf",
    "rows",
    "scaled",
    "set",
    "shown",
    "size",
    "some",
    "steps",
    "answer",
    "results",
    "runPipeline",
    "callWithin",
    "listOf",
    "binarySearch",
    "bipartiteMatching",
    "consistentHash",
    "percentile",
    "rankBy",
    "roundRobin",
    "shortestPath",
    "topologicalSort",
    "weightedAverage",
    "sumOf",
    "sumOfAny",
    "sumOfFloats",
    "text",
    "textOf",
    "there",
    "timestamp",
    "uint",
    "uuid",
    "withElement",
    "withKey",
    "within",
    "withoutElement",
    "z",
];

/// The path of the route of a capability.
pub(in super::super) fn path(system: &System, capability: &Capability) -> String {
    let table = capability
        .home
        .and_then(|id| system.entity(id))
        .map_or("capabilities", |entity| entity.table.as_str());
    format!("/{table}/{}", names::kebab(&capability.name))
}

fn describe(system: &System, capability: &Capability, names: &Names) -> Result<Value, EmitError> {
    let mut compiler = Compiler::new(system, Scope::Capability(&capability.parameters));
    for parameter in &capability.parameters {
        rows_in(&parameter.ty, &mut compiler.tables);
    }
    let mut calls = Calls::default();
    let body = body(system, capability, &mut compiler, &mut calls)?;
    let mut schemas = Schemas::default();
    let imports = imports(system, &compiler, &calls, &body);
    let imported: Vec<&str> = imports
        .values()
        .flatten()
        .map(String::as_str)
        .chain([names.constant.as_str()])
        .collect();
    let loading = loading(system, capability, &mut compiler, &mut schemas, &imported);
    let mut imports = self::imports(system, &compiler, &calls, &body);
    let values: BTreeSet<String> = schemas.values.iter().map(|name| (*name).to_owned()).collect();
    if !values.is_empty() {
        imports.insert("../schemas/values.ts".to_owned(), values);
    }
    let imports: Vec<Value> = imports
        .iter()
        .map(|(file, names)| {
            context! { file => text(file.as_str()), names => names.iter().map(|name| code(name.as_str())).collect::<Vec<_>>() }
        })
        .collect();
    let home = capability.home.and_then(|id| system.entity(id));
    let codes = |lines: &[String]| lines.iter().map(|line| code(line.as_str())).collect::<Vec<_>>();
    let retry = capability.retry.map(|retry| {
        context! {
            attempts => code(retry.attempts.to_string()),
            backoff => text(match retry.backoff { Backoff::Fixed => "fixed", Backoff::Linear => "linear", Backoff::Exponential => "exponential" }),
            interval => code(retry.interval.to_string()),
        }
    });
    let loads = !loading.lines.is_empty();
    let admission = admission(capability, &body);
    Ok(context! {
        about => comment(signature(system, capability)),
        constant => code(names.constant.as_str()),
        name => text(capability.name.as_str()),
        path => text(path(system, capability)),
        home => home.map(|entity| text(entity.name.as_str())),
        table => home.map(|entity| text(entity.table.as_str())),
        open => capability.authorization == Authorization::Anyone,
        sync => text(capability.sync.as_str()),
        timeout => code(capability.timeout.to_string()),
        retry,
        imports,
        fields => loading.fields.iter().map(|(name, schema)| context! { key => key(name.as_str()), schema => code(schema.as_str()) }).collect::<Vec<_>>(),
        locks => loading.locks.as_deref().map(codes),
        load_parameters => code(match (loads, loading.reads_input) { (_, true) if !loads => "_rows, input", (true, _) => "rows, input", _ => "" }),
        load => codes(&loading.lines),
        given => codes(&loading.given),
        admit_parameters => code(admission.parameters()),
        admit => codes(&admission.lines),
        perform_parameters => code(body.parameters()),
        perform => codes(&body.lines),
    })
}

/// The capability as the program declares it.
fn signature(system: &System, capability: &Capability) -> String {
    let parameters: Vec<String> = capability
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, shown_type(system, &parameter.ty)))
        .collect();
    format!("{}({})", capability.name, parameters.join(", "))
}

fn shown_type(system: &System, ty: &Type) -> String {
    match ty {
        Type::Entity(id) => system
            .entity(*id)
            .map(|entity| entity.name.clone())
            .unwrap_or_default(),
        Type::List(inner) => format!("list<{}>", shown_type(system, inner)),
        Type::Set(inner) => format!("set<{}>", shown_type(system, inner)),
        Type::Optional(inner) => format!("optional<{}>", shown_type(system, inner)),
        Type::Map(key, value) => format!("map<{}, {}>", shown_type(system, key), shown_type(system, value)),
        other => super::value_type(system, other),
    }
}

/// The function `perform`.
#[derive(Debug, Default)]
struct Body {
    lines: Vec<String>,
    /// How many of the first lines ask who calls.
    admitting: usize,
    /// What an algorithm or a pipeline needs: names by files.
    imports: BTreeMap<String, BTreeSet<String>>,
    /// What it calls of `definition.ts`.
    calls: BTreeSet<&'static str>,
}

impl Body {
    fn mentions(&self, word: &str) -> bool {
        self.lines.iter().any(|line| {
            line.match_indices(word).any(|(at, _)| {
                let before = line.get(..at).and_then(|before| before.chars().next_back());
                let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
                let part =
                    |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_');
                !part(before) && before != Some('.') && !part(after)
            })
        })
    }

    fn parameters(&self) -> &'static str {
        match (self.mentions("given"), self.mentions("call")) {
            (true, true) => "given, call",
            (true, false) => "given",
            (false, true) => "_given, call",
            (false, false) => "",
        }
    }
}

/// What is asked at once where the work itself is queued: whoever may not call it is not kept waiting for that.
fn admission(capability: &Capability, body: &Body) -> Body {
    let queued = capability.sync == Sync::Batch;
    let lines = body.lines.iter().take(body.admitting).filter(|_| queued);
    Body {
        lines: lines.cloned().collect(),
        ..Body::default()
    }
}

fn body(
    system: &System,
    capability: &Capability,
    compiler: &mut Compiler<'_>,
    calls: &mut Calls,
) -> Result<Body, EmitError> {
    let mut body = Body::default();
    if let Authorization::IsParameter(at) = capability.authorization
        && let Some(parameter) = capability.parameters.get(at)
    {
        let row = Expression::new(K::Parameter(parameter.name.clone()), parameter.ty.clone());
        let caller = Expression::new(K::CallerId, Type::Caller);
        let equal = K::Binary(crate::ir::BinaryOperator::Equal, Box::new(caller), Box::new(row));
        let condition = compiler.condition(&Expression::new(equal, Type::Bool))?;
        let words = string(&format!("caller == {}", parameter.name));
        body.lines
            .push(format!("authorize(call, {}, {words});", condition.text));
        body.calls.insert("authorize");
    }
    // Who may not call it at all is told nothing of the rest.
    let (about_caller, others): (Vec<_>, Vec<_>) = capability
        .requires
        .iter()
        .partition(|check| names_caller(&check.condition));
    for check in about_caller {
        let condition = compiler.condition(&check.condition)?;
        body.lines.push(format!(
            "authorize(call, {}, {});",
            condition.text,
            string(&check.text)
        ));
        body.calls.insert("authorize");
    }
    body.admitting = body.lines.len();
    for check in others {
        let condition = compiler.condition(&check.condition)?;
        body.lines
            .push(format!("ensure({}, {});", condition.text, string(&check.text)));
        body.calls.insert("ensure");
    }
    for effect in &capability.effects {
        body.lines
            .extend(statements(system, capability, effect, compiler, calls)?);
    }
    if !capability.effects.is_empty() {
        body.lines.push("await call.rows.save();".to_owned());
    }
    if let Some(made) = &capability.creates {
        body.lines.push(creation(system, made, compiler, calls)?);
    }
    let result = result(system, capability, compiler, &mut body)?;
    for emission in &capability.emits {
        let Some(event) = system.event(emission.event) else {
            continue;
        };
        let mut entries = Vec::new();
        for (field, value) in event.payload.iter().zip(&emission.values) {
            let what = format!("{}.{}", event.name, field.name);
            let value = compiler.value_as(value, &field.ty, &what)?;
            entries.push(format!("{}: {}", object_key(&field.name), value.text));
        }
        let payload = if entries.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", entries.join(", "))
        };
        body.lines
            .push(format!("await call.emit({}, {payload});", string(&event.name)));
    }
    let entity = first_row(system, capability, compiler);
    body.calls.extend(entity.is_some().then_some("rowOf"));
    let created = capability.creates.as_ref().map(|made| {
        body.calls.insert("rowOf");
        format!("rowOf({}, created)", entity_name(system, made.entity))
    });
    body.lines.push(format!(
        "return {{ entity: {}, created: {}, result: {result} }};",
        entity.unwrap_or_else(|| "null".to_owned()),
        created.unwrap_or_else(|| "null".to_owned()),
    ));
    Ok(body)
}

fn names_caller(condition: &Expression) -> bool {
    let mut named = false;
    condition.walk(&mut |part| named |= matches!(part.kind, K::CallerId | K::CallerRole));
    named
}

/// The row of the first parameter that is one.
fn first_row(system: &System, capability: &Capability, compiler: &mut Compiler<'_>) -> Option<String> {
    let (parameter, id) =
        capability
            .parameters
            .iter()
            .find_map(|parameter| match parameter.ty.required() {
                Type::Entity(id) => Some((parameter, *id)),
                _ => None,
            })?;
    compiler.tables.insert(id);
    Some(format!(
        "rowOf({}, given.{})",
        entity_name(system, id),
        parameter.name
    ))
}

/// What the capability answers, where it says so.
fn result(
    system: &System,
    capability: &Capability,
    compiler: &mut Compiler<'_>,
    body: &mut Body,
) -> Result<String, EmitError> {
    if let Some(algorithm) = &capability.algorithm {
        let computed = algorithm::call(system, algorithm, compiler)?;
        body.calls.extend(computed.shows.then_some("shown"));
        for (file, name) in computed.imports {
            body.imports.entry(file).or_default().insert(name.to_owned());
        }
        return Ok(computed.code);
    }
    if let Some(pipeline) = &capability.pipeline {
        let steps = pipeline::steps(system, capability, pipeline, compiler)?;
        body.imports.extend(steps.imports);
        body.lines.extend(steps.lines);
        return Ok(steps.result.to_owned());
    }
    Ok(returned(system, capability, compiler, body))
}

/// The row that a capability answers, where it says so.
fn returned(
    system: &System,
    capability: &Capability,
    compiler: &mut Compiler<'_>,
    body: &mut Body,
) -> String {
    let wanted = match &capability.returns {
        Some(Type::Result(good, _)) => good.required(),
        Some(other) => other.required(),
        None => return "null".to_owned(),
    };
    let Type::Entity(id) = wanted else {
        return "null".to_owned();
    };
    let made = capability.creates.as_ref().filter(|made| made.entity == *id);
    let parameter = capability
        .parameters
        .iter()
        .find(|parameter| parameter.ty.required() == wanted);
    let row = match (made, parameter) {
        (Some(_), _) => "created".to_owned(),
        (None, Some(parameter)) => format!("given.{}", parameter.name),
        (None, None) => return "null".to_owned(),
    };
    body.calls.insert("shown");
    compiler.tables.insert(*id);
    let shown = format!("shown({}, {row})", entity_name(system, *id));
    let result = matches!(capability.returns, Some(Type::Result(..)));
    if result {
        format!("{{ ok: {shown} }}")
    } else {
        shown
    }
}

/// What the file imports: names by files.
fn imports(
    system: &System,
    compiler: &Compiler<'_>,
    calls: &Calls,
    body: &Body,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |file: String, name: &str| {
        imports.entry(file).or_default().insert(name.to_owned());
    };
    let definition = || "./definition.ts".to_owned();
    add(definition(), "defineCapability");
    for name in &body.calls {
        add(definition(), name);
    }
    for id in &compiler.tables {
        add(
            format!("../entities/{}.ts", entity_file(system, *id)),
            &entity_name(system, *id),
        );
    }
    for (id, name) in &calls.of_entities {
        add(format!("../entities/{}.ts", entity_file(system, *id)), name);
    }
    for (file, names) in &body.imports {
        for name in names {
            add(file.clone(), name);
        }
    }
    for name in &compiler.used {
        add("../expressions.ts".to_owned(), name);
    }
    if calls.moves {
        add("../machines.ts".to_owned(), "move");
    }
    if calls.hashes {
        add("../auth/passwords.ts".to_owned(), "hashPassword");
    }
    imports
}
