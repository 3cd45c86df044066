//! Values that a program would accept: for the examples of the description, the tests and the rows of `npm run seed`.
//!
//! They keep to the facts of each column. Conditions over several columns are not solved; but later columns get later
//! times, as those who write `starts_at` before `ends_at` expect.

use serde_json::{Map, Value, json};

use super::super::server::EntityRules;
use super::schema::takes_password;
use crate::ir::{Column, ColumnKind, Entity, EntityId, Facts, System, Type};

/// The password of each example.
pub(super) const PASSWORD: &str = "correct horse battery staple";
/// Stands for the id of something that nothing is known of.
pub(super) const ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
/// Rows of each entity that `npm run seed` makes.
pub(super) const SEEDS: usize = 3;
/// The one of them that examples remove: it belongs to the first, and nothing belongs to it.
pub(super) const SPARE: usize = SEEDS;
/// Tells a row that an example makes from those of the seed.
pub(super) const NEW: usize = SEEDS + 1;

/// The id of a row of the seed.
pub(super) fn id(entity: EntityId, number: usize) -> String {
    format!("00000000-0000-4000-8000-{:06x}{number:06x}", entity.0)
}

/// A value of a type. `place` tells the values of several columns apart, `number` those of several rows.
pub(super) fn value(
    system: &System,
    ty: &Type,
    facts: &Facts,
    name: &str,
    place: usize,
    number: usize,
) -> Value {
    match ty {
        Type::String => match facts.choices.first() {
            Some(first) => json!(first),
            None => json!(text(name, facts, number)),
        },
        Type::State(id) => {
            let machine = system.entity(*id).and_then(|entity| entity.machine.as_ref());
            json!(
                machine
                    .and_then(|machine| machine.states.first())
                    .cloned()
                    .unwrap_or_default()
            )
        }
        Type::Uint | Type::Int | Type::Duration => {
            let least = facts.minimum.map_or(0.0, f64::ceil);
            let most = facts.maximum.map_or(f64::MAX, f64::floor);
            let chosen = 10.0_f64.max(least).min(most);
            json!(format!("{chosen:.0}").parse::<i64>().unwrap_or_default())
        }
        Type::Float => {
            let chosen = 1.5_f64
                .max(facts.minimum.unwrap_or(f64::MIN))
                .min(facts.maximum.unwrap_or(f64::MAX));
            json!(chosen)
        }
        Type::Bool => json!(false),
        Type::Timestamp => json!(format!("2030-01-{:02}T12:00:00.000Z", 1 + (place + number) % 28)),
        Type::Entity(entity) => json!(id(*entity, number)),
        Type::Uuid | Type::Caller => json!(ID),
        Type::Bytes => json!("aGVsbG8="),
        Type::Json | Type::Unknown | Type::Result(..) => json!({}),
        Type::None => Value::Null,
        Type::Optional(inner) => value(system, inner, facts, name, place, number),
        Type::List(element) | Type::Set(element) => {
            let count = facts.minimum_length.unwrap_or(1).min(20);
            let count = facts.maximum_length.map_or(count, |most| count.min(most));
            let mut all = Vec::new();
            for index in 0..count {
                let index = usize::try_from(index).unwrap_or_default();
                let item = value(system, element, &Facts::default(), name, place, number + index);
                if !all.contains(&item) {
                    all.push(item);
                }
            }
            json!(all)
        }
        Type::Map(key, inner) => {
            let key = match key.as_ref() {
                Type::Int | Type::Uint => "1",
                Type::Uuid => ID,
                _ => "key",
            };
            json!({ key: value(system, inner, &Facts::default(), name, place, number) })
        }
        Type::Tuple(members) => members
            .iter()
            .map(|member| value(system, member, &Facts::default(), name, place, number))
            .collect(),
        Type::Union(members) => members.first().map_or(Value::Null, |member| {
            value(system, member, &Facts::default(), name, place, number)
        }),
    }
}

/// A text that says what it is for, as long as it must be.
fn text(name: &str, facts: &Facts, number: usize) -> String {
    let least = usize::try_from(facts.minimum_length.unwrap_or(0)).unwrap_or(0);
    let most = usize::try_from(facts.maximum_length.unwrap_or(200)).unwrap_or(200);
    let mut text = if name.contains("email") || name.contains("mail") {
        format!("person{number}@example.com")
    } else if name.contains("url") || name.contains("link") {
        format!("https://example.com/{number}")
    } else {
        format!("{} {number}", name.replace('_', " "))
    };
    // The number tells values apart, so it is the end that stays.
    while text.chars().count() > most {
        text.remove(0);
    }
    while text.chars().count() < least.min(10_000) {
        text.push('x');
    }
    text
}

/// The value of a column. What leads to another row leads to the first one, as whoever tries the examples may use it.
pub(super) fn column(system: &System, column: &Column, place: usize, number: usize) -> Value {
    if let ColumnKind::ForeignKey(target) = column.kind {
        return json!(id(target, 1));
    }
    value(system, &column.ty, &column.facts, &column.name, place, number)
}

/// A body that makes a row: what must be given, and what names it at a login.
pub(super) fn create(system: &System, entity: &Entity, rules: &EntityRules, number: usize) -> Value {
    let mut body = Map::new();
    let identifier = rules.login.as_ref().map(|login| login.identifier.as_str());
    for (place, (name, needed)) in rules.create.iter().enumerate() {
        let Some(found) = entity.column(name) else {
            continue;
        };
        let told =
            !found.nullable && found.default.is_none() && !matches!(found.kind, ColumnKind::ForeignKey(_));
        if *needed || told || Some(name.as_str()) == identifier {
            body.insert(name.clone(), column(system, found, place, number));
        }
    }
    if takes_password(rules) {
        body.insert("password".into(), json!(PASSWORD));
    }
    Value::Object(body)
}
