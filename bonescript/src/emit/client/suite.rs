//! What the tests and the seed of a project have to know of the program: bodies that fit, and what rows need.

use minijinja::{Value as Piece, context};
use serde_json::Value;

use super::super::project::FileSet;
use super::super::server::{EntityRules, Rules, capability_path, entity_file, entity_name, input_name};
use super::super::templates::{code, comment, text};
use super::super::{EmitError, expression};
use super::example;
use crate::ir::{
    Auth, Authorization, BinaryOperator, Capability, Column, ColumnKind, Entity, EntityId, Expression,
    ExpressionKind, Facts, Relation, RelationKind, System, Type,
};

/// A value of JSON as TypeScript.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", expression::string(name), plain(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => expression::string(text),
        other => other.to_string(),
    }
}

/// The value of a column as the database layer has it.
fn inner(ty: &Type, value: &Value) -> String {
    match (ty, value) {
        (_, Value::Null) => "null".to_owned(),
        (Type::Optional(ty), value) => inner(ty, value),
        (Type::Uint | Type::Int | Type::Duration, value) => format!("{value}n"),
        (Type::Timestamp, value) => format!("new Date({})", plain(value)),
        (Type::Bytes, value) => format!("new Uint8Array(Buffer.from({}, \"base64\"))", plain(value)),
        (Type::List(element) | Type::Set(element), Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| inner(element, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (Type::Map(_, element), Value::Object(entries)) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", expression::string(name), inner(element, value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        (_, value) => plain(value),
    }
}

/// Columns that lead to other rows, which must be there first.
fn needs(entity: &Entity) -> impl Iterator<Item = (&Column, EntityId)> {
    entity.columns.iter().filter_map(|column| match column.kind {
        ColumnKind::ForeignKey(target) if !column.nullable => Some((column, target)),
        _ => None,
    })
}

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let rules = Rules::of(system);
    let entities: Vec<Piece> = system
        .entities
        .iter()
        .enumerate()
        .filter_map(|(index, entity)| {
            let id = EntityId(index);
            Some(described(system, id, entity, rules.entity(id)?))
        })
        .collect();
    let capabilities: Vec<Piece> = system
        .capabilities
        .iter()
        .map(|capability| {
            let parameters: Vec<Piece> = capability
                .parameters
                .iter()
                .enumerate()
                .map(|(place, parameter)| {
                    let ty = parameter.ty.required();
                    let target = match ty {
                        Type::Entity(id) => Some((*id, false)),
                        other => match other.element() {
                            Some(Type::Entity(id)) => Some((*id, true)),
                            _ => None,
                        },
                    };
                    let value = example::value(system, ty, &Facts::default(), &parameter.name, place, 1);
                    context! {
                        name => text(input_name(parameter)),
                        entity => target.and_then(|(id, _)| system.entity(id)).map(|entity| text(entity.name.as_str())),
                        many => target.is_some_and(|(_, many)| many),
                        value => code(plain(&value)),
                    }
                })
                .collect();
            context! {
                name => text(capability.name.as_str()),
                refuses => refuses_strangers(system, capability),
                path => text(capability_path(system, capability)),
                open => capability.authorization == Authorization::Anyone,
                needed => capability.parameters.iter().any(|parameter| !matches!(parameter.ty, Type::Optional(_))),
                parameters,
            }
        })
        .collect();
    files.render(
        "tests/system.ts",
        context! { about => comment(system.name.as_str()), entities, capabilities },
    )?;
    files.render("src/seed.ts", seed(system, &rules))
}

fn described(system: &System, id: EntityId, entity: &Entity, rules: &EntityRules) -> Piece {
    let mut body = example::create(system, entity, rules, 1);
    if let Value::Object(body) = &mut body {
        for (column, _) in needs(entity) {
            body.shift_remove(&column.name);
        }
    }
    let takes = |name: &str| rules.create.iter().any(|(taken, _)| taken == name);
    let unique: Vec<Piece> = entity
        .columns
        .iter()
        .filter(|column| entity.uniques.contains(&column.name) && column.ty == Type::String && takes(&column.name))
        .map(|column| context! { column => text(column.name.as_str()), most => column.facts.maximum_length.is_some(), most_code => code(column.facts.maximum_length.unwrap_or_default().to_string()) })
        .collect();
    let update = rules.update.iter().enumerate().find_map(|(place, name)| {
        let column = entity.column(name)?;
        let simple =
            matches!(column.kind, ColumnKind::Owned | ColumnKind::Stored) && !entity.uniques.contains(name);
        let value = example::column(system, column, place, 3);
        (simple && !column.sensitive).then(|| serde_json::json!({ name.as_str(): value }))
    });
    let wrong = rules.create.iter().find_map(|(name, _)| {
        let column = entity.column(name)?;
        let value = match column.ty {
            Type::String | Type::Uuid | Type::Timestamp => "17",
            Type::Uint | Type::Int | Type::Float | Type::Bool => "\"no\"",
            _ => return None,
        };
        Some(context! { column => text(name.as_str()), value => code(value) })
    });
    let login = rules.login.as_ref().filter(|login| login.method != Auth::ApiKey);
    let owner = rules.owner.as_ref().map(|owner| {
        let steps = owner.steps.iter();
        let steps = steps.map(
            |(column, table)| context! { column => text(column.as_str()), table => text(table.as_str()) },
        );
        context! {
            entity => text(system.entity(owner.entity).map_or("", |entity| entity.name.as_str())),
            steps => steps.collect::<Vec<_>>(),
            given => owner.steps.first().is_none_or(|(column, _)| takes(column)),
        }
    });
    let names = |names: &[String]| -> Vec<Piece> { names.iter().map(|name| text(name.as_str())).collect() };
    context! {
        name => text(entity.name.as_str()),
        table => text(entity.table.as_str()),
        creatable => rules.creatable,
        login => login.map(|login| text(login.identifier.as_str())),
        open => rules.login.as_ref().is_some_and(|login| login.open),
        keyed => rules.login.is_some() && login.is_none(),
        owner,
        readers => rules.readers.as_deref().map(names),
        writers => names(&rules.writers),
        admitted => rules.admitted.iter().map(|admitted| names(admitted)).collect::<Vec<_>>(),
        needs => needs(entity).filter(|(column, _)| takes(&column.name)).map(|(column, target)| context! {
            column => text(column.name.as_str()),
            entity => text(system.entity(target).map_or("", |entity| entity.name.as_str())),
        }).collect::<Vec<_>>(),
        body => code(plain(&body)),
        row => code(format!("{{ {} }}", required(system, entity, rules, example::NEW).join(", "))),
        unique,
        update => update.map(|update| code(plain(&update))),
        wrong,
        hidden => entity.columns.iter().filter(|column| column.sensitive).map(|column| text(column.name.as_str())).collect::<Vec<_>>(),
        constant => code(entity_name(system, id)),
    }
}

/// Whether only one row may lead to what a column leads to.
fn single(system: &System, id: EntityId, entity: &Entity, column: &Column, target: EntityId) -> bool {
    let one = |relation: &Relation| {
        relation.target == id
            && relation.column.as_ref() == Some(&column.name)
            && (relation.kind == RelationKind::HasOne
                || (relation.kind == RelationKind::HasMany && relation.most == Some(1)))
    };
    entity.uniques.contains(&column.name)
        || system
            .entity(target)
            .is_some_and(|target| target.relations.iter().any(one))
}

/// Rows in an order in which what they lead to is there.
fn seed(system: &System, rules: &Rules) -> Piece {
    let mut order = Vec::new();
    let mut waiting: Vec<usize> = (0..system.entities.len()).collect();
    loop {
        let before = waiting.len();
        waiting.retain(|index| {
            let ready = system.entities.get(*index).is_some_and(|entity| {
                needs(entity).all(|(_, target)| order.contains(&target.0) || target.0 == *index)
            });
            if ready {
                order.push(*index);
            }
            !ready
        });
        // What needs itself in a circle can have no first row.
        if waiting.len() == before {
            break;
        }
    }
    let mut rows = Vec::new();
    for index in &order {
        let id = EntityId(*index);
        let (Some(entity), Some(rules)) = (system.entity(id), rules.entity(id)) else {
            continue;
        };
        if needs(entity).any(|(_, target)| target == id) {
            continue;
        }
        for number in 1..=example::SEEDS {
            rows.push(seed_row(system, id, entity, rules, number));
        }
    }
    let used: Vec<EntityId> = order.iter().map(|index| EntityId(*index)).collect();
    let imports: Vec<Piece> = used
        .iter()
        .filter_map(|id| {
            let entity = system.entity(*id)?;
            needs(entity).all(|(_, target)| target != *id).then(|| {
                context! {
                    name => code(entity_name(system, *id)),
                    file => text(format!("./entities/{}.ts", entity_file(system, *id))),
                }
            })
        })
        .collect();
    context! { rows, imports, password => text(example::PASSWORD) }
}

/// What a row must have besides the rows that it leads to, as the database layer takes it.
fn required(system: &System, entity: &Entity, rules: &EntityRules, number: usize) -> Vec<String> {
    let secret = rules.login.as_ref().and_then(|login| login.secret.as_deref());
    let needed = |column: &Column| {
        matches!(column.kind, ColumnKind::Owned | ColumnKind::Stored)
            && Some(column.name.as_str()) != secret
            && !column.nullable
            && column.default.is_none()
    };
    let columns = entity.columns.iter().enumerate();
    columns
        .filter(|(_, column)| needed(column))
        .map(|(place, column)| {
            let value = inner(&column.ty, &example::column(system, column, place, number));
            format!("{}: {value}", expression::key(&column.name))
        })
        .collect()
}

/// Whether no caller may do this with rows that have nothing to do with it. Told of conditions that are plain enough.
fn refuses_strangers(system: &System, capability: &Capability) -> bool {
    // A column `role` has a default, which a stranger has as well.
    let roles = !system
        .entities
        .iter()
        .any(|entity| entity.auth.is_some() && entity.column("role").is_some());
    match capability.authorization {
        Authorization::IsParameter(_) => true,
        Authorization::Requires => capability
            .requires
            .iter()
            .any(|check| names_one(&check.condition, roles)),
        Authorization::Authenticated | Authorization::Anyone => false,
    }
}

/// Whether a condition holds for some named caller, or role, only.
fn names_one(condition: &Expression, roles: bool) -> bool {
    let names = |side: &Expression| match side.kind {
        ExpressionKind::CallerId => true,
        ExpressionKind::CallerRole => roles,
        _ => false,
    };
    match &condition.kind {
        ExpressionKind::Binary(BinaryOperator::Equal, left, right) => names(left) || names(right),
        ExpressionKind::Binary(BinaryOperator::And, left, right) => {
            names_one(left, roles) || names_one(right, roles)
        }
        ExpressionKind::Binary(BinaryOperator::Or, left, right) => {
            names_one(left, roles) && names_one(right, roles)
        }
        _ => false,
    }
}

fn seed_row(system: &System, id: EntityId, entity: &Entity, rules: &EntityRules, number: usize) -> Piece {
    let mut values = vec![format!("id: {}", expression::string(&example::id(id, number)))];
    for column in &entity.columns {
        let value = match &column.kind {
            ColumnKind::ForeignKey(target) if !column.nullable => {
                // The spare row is the first one's, who tries the examples.
                let spare = number == example::SPARE && !single(system, id, entity, column, *target);
                expression::string(&example::id(*target, if spare { 1 } else { number }))
            }
            ColumnKind::State => {
                let states = entity.machine.as_ref().map(|machine| machine.states.as_slice());
                let states = states.unwrap_or_default();
                let state = states.get((number - 1) % states.len().max(1));
                expression::string(state.map_or("", String::as_str))
            }
            _ => continue,
        };
        values.push(format!("{}: {value}", expression::key(&column.name)));
    }
    values.extend(required(system, entity, rules, number));
    context! {
        entity => code(entity_name(system, id)),
        about => comment(entity.name.as_str()),
        values => code(format!("{{ {} }}", values.join(", "))),
        login => rules.login.is_some(),
    }
}
