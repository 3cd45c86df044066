//! The client for TypeScript: types of rows, inputs and answers, and a method for each route.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::super::EmitError;
use super::super::names::{self, Taken};
use super::super::project::FileSet;
use super::super::server::{EntityRules, Rules, capability_path, input_name};
use super::super::templates::{code, comment, key, text};
use super::operation::first_row;
use super::schema;
use crate::ir::{Auth, Capability, Column, Entity, EntityId, RelationKind, Sync, System, Type};

/// The type of a value as JSON has it.
fn wire_type(system: &System, ty: &Type) -> String {
    let array = |element: &str| {
        if element.contains(" | ") {
            format!("({element})[]")
        } else {
            format!("{element}[]")
        }
    };
    match ty {
        Type::String | Type::Uuid | Type::Entity(_) | Type::Caller | Type::Timestamp | Type::Bytes => {
            "string".to_owned()
        }
        Type::State(id) => {
            let machine = system.entity(*id).and_then(|entity| entity.machine.as_ref());
            let states: Vec<String> = machine
                .map(|machine| machine.states.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|state| format!("\"{state}\""))
                .collect();
            states.join(" | ")
        }
        Type::Uint | Type::Int | Type::Duration => "Integer".to_owned(),
        Type::Float => "number".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Json | Type::Unknown | Type::Result(..) => "Json".to_owned(),
        Type::None => "null".to_owned(),
        Type::List(element) | Type::Set(element) => array(&wire_type(system, element)),
        Type::Optional(inner) => format!("{} | null", wire_type(system, inner)),
        Type::Map(_, value) => format!("Record<string, {}>", wire_type(system, value)),
        Type::Tuple(members) => {
            let members: Vec<String> = members.iter().map(|member| wire_type(system, member)).collect();
            format!("[{}]", members.join(", "))
        }
        Type::Union(members) => {
            let mut texts: Vec<String> = Vec::new();
            for member in members {
                let text = wire_type(system, member);
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
            texts.join(" | ")
        }
    }
}

fn column_field(system: &System, column: &Column, needed: bool) -> Value {
    let ty = wire_type(system, &column.ty);
    let ty = if column.nullable {
        format!("{ty} | null")
    } else {
        ty
    };
    context! { key => key(column.name.as_str()), type => code(ty), needed }
}

/// Types of the client itself.
const OWN_TYPES: [&str; 4] = ["Integer", "Json", "Login", "Me"];

/// The names of types in the module: those of entities as they are, unless the client has one of that name.
fn type_name(name: &str) -> String {
    let name = names::identifier(&names::pascal(name));
    if OWN_TYPES.contains(&name.as_str()) {
        format!("{name}Row")
    } else {
        name
    }
}

fn entity_types(system: &System, entity: &Entity, rules: &EntityRules) -> Value {
    let field = |name: &String, needed| Some(column_field(system, entity.column(name)?, needed));
    let mut create: Vec<Value> = rules
        .create
        .iter()
        .filter_map(|(name, needed)| field(name, *needed))
        .collect();
    if schema::takes_password(rules) {
        create.push(context! { key => key("password"), type => code("string"), needed => true });
    }
    let filters = rules.filters.iter().filter_map(|name| {
        let column = entity.column(name)?;
        let ty = wire_type(system, &column.ty);
        Some(context! { key => key(name.as_str()), type => code(ty) })
    });
    context! {
        name => code(type_name(&entity.name)),
        fields => schema::shown(entity).map(|column| column_field(system, column, true)).collect::<Vec<_>>(),
        creatable => rules.creatable,
        create,
        update => rules.update.iter().filter_map(|name| field(name, false)).collect::<Vec<_>>(),
        filters => filters.collect::<Vec<_>>(),
    }
}

fn capability_types(system: &System, capability: &Capability, name: &str) -> Value {
    let row = |id: Option<EntityId>| {
        let entity = id.and_then(|id| system.entity(id));
        entity.map_or_else(
            || "null".to_owned(),
            |entity| format!("{} | null", type_name(&entity.name)),
        )
    };
    let fields: Vec<Value> = capability
        .parameters
        .iter()
        .map(|parameter| {
            context! {
                key => key(input_name(parameter)),
                type => code(wire_type(system, &parameter.ty)),
                needed => !matches!(parameter.ty, Type::Optional(_)),
            }
        })
        .collect();
    context! {
        name => code(name),
        action => text(capability.name.as_str()),
        fields,
        queued => capability.sync == Sync::Batch,
        entity => code(row(first_row(capability))),
        created => code(row(capability.creates.as_ref().map(|creation| creation.entity))),
    }
}

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let rules = Rules::of(system);
    let mut taken: BTreeSet<String> = OWN_TYPES.map(str::to_owned).into();
    for entity in &system.entities {
        for part in ["", "Create", "Update", "Filter"] {
            taken.insert(format!("{}{part}", type_name(&entity.name)));
        }
    }
    let mut types = Vec::with_capacity(system.capabilities.len());
    for capability in &system.capabilities {
        let mut name = names::pascal(&capability.name);
        while ["Input", "Answer"]
            .iter()
            .any(|part| taken.contains(&format!("{name}{part}")))
        {
            name.push_str("Call");
        }
        taken.extend(["Input", "Answer"].map(|part| format!("{name}{part}")));
        types.push(name);
    }
    let entities: Vec<Value> = system
        .entities
        .iter()
        .enumerate()
        .filter_map(|(index, entity)| Some(entity_types(system, entity, rules.entity(EntityId(index))?)))
        .collect();
    let capabilities: Vec<Value> = system
        .capabilities
        .iter()
        .zip(&types)
        .map(|(capability, name)| capability_types(system, capability, name))
        .collect();
    files.render(
        "sdk/types.ts",
        context! { about => comment(system.name.as_str()), entities, capabilities },
    )?;
    files.render("sdk/client.ts", client(system, &rules, &types))
}

fn client(system: &System, rules: &Rules, types: &[String]) -> Value {
    let mut logins = Vec::new();
    let mut login_names = Taken::with(["me"]);
    let mut tables = Taken::with(["http", "auth", "capabilities"]);
    let mut pages = false;
    let mut entities = Vec::new();
    for (index, entity) in system.entities.iter().enumerate() {
        let Some(rules) = rules.entity(EntityId(index)) else {
            continue;
        };
        if let Some(login) = rules.login.as_ref().filter(|login| login.method != Auth::ApiKey) {
            let name = login_names.take(&names::camel(&format!("login_{}", names::snake(&entity.name))));
            logins.push(context! {
                key => key(name),
                identifier => key(login.identifier.as_str()),
                path => text(format!("/auth/{}/login", entity.table)),
            });
        }
        let mut methods = Taken::with(["list", "all", "create", "read", "update", "remove"]);
        let relations: Vec<Value> = entity
            .relations
            .iter()
            .filter_map(|relation| {
                let target = system.entity(relation.target)?;
                let many = matches!(relation.kind, RelationKind::HasMany | RelationKind::ManyToMany);
                pages |= many;
                let pascal = names::pascal(&relation.name);
                Some(context! {
                    key => key(methods.take(&names::camel(&relation.name))),
                    link => key(methods.take(&format!("link{pascal}"))),
                    unlink => key(methods.take(&format!("unlink{pascal}"))),
                    many,
                    linked => relation.kind == RelationKind::ManyToMany,
                    target => code(type_name(&target.name)),
                    path => code(format!("/{}/${{encodeURIComponent(id)}}/{}", entity.table, relation.name)),
                })
            })
            .collect();
        let capabilities = calls(system, types, Some(EntityId(index)), &mut methods);
        entities.push(context! {
            key => key(tables.take(&names::camel(&entity.table))),
            name => code(type_name(&entity.name)),
            table => text(entity.table.as_str()),
            path => text(format!("/{}", entity.table)),
            creatable => rules.creatable,
            keyed => rules.login.as_ref().is_some_and(|login| login.method == Auth::ApiKey),
            relations,
            capabilities,
        });
    }
    let homeless = calls(system, types, None, &mut Taken::with([]));
    context! {
        about => comment(system.name.as_str()),
        logins,
        entities,
        homeless,
        pages,
        capabilities => !system.capabilities.is_empty(),
    }
}

fn calls(system: &System, types: &[String], home: Option<EntityId>, methods: &mut Taken) -> Vec<Value> {
    system
        .capabilities
        .iter()
        .zip(types)
        .filter(|(capability, _)| capability.home == home)
        .map(|(capability, name)| {
            context! {
                key => key(methods.take(&names::camel(&capability.name))),
                name => code(name.as_str()),
                path => text(capability_path(system, capability)),
            }
        })
        .collect()
}
