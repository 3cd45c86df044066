//! The rows of a capability: how they are found, locked and named.

use std::collections::BTreeMap;

use super::super::expression::{Compiler, Needs, Strength, Way, property, string};
use super::super::names::{self, Taken};
use super::entity::entity_name;
use super::schema::Schemas;
use crate::ir::{Capability, EntityId, Parameter, System, Type};

/// What the function `load` of a capability is made of.
#[derive(Debug, Default)]
pub(super) struct Loading {
    /// Fields of the input: names with schemas.
    pub(super) fields: Vec<(String, String)>,
    /// The locks, where they are known from the input alone.
    pub(super) locks: Option<Vec<String>>,
    /// The lines of its body.
    pub(super) lines: Vec<String>,
    /// The properties of what it returns.
    pub(super) given: Vec<String>,
    /// Whether it reads the input.
    pub(super) reads_input: bool,
}

/// How a parameter that is an entity is given.
enum Rows {
    One(EntityId),
    Maybe(EntityId),
    List(EntityId),
}

fn rows_of(ty: &Type) -> Option<Rows> {
    match ty {
        Type::Entity(id) => Some(Rows::One(*id)),
        Type::Optional(inner) => match inner.as_ref() {
            Type::Entity(id) => Some(Rows::Maybe(*id)),
            _ => None,
        },
        other => match other.element() {
            Some(Type::Entity(id)) => Some(Rows::List(*id)),
            _ => None,
        },
    }
}

/// The name under which a request gives a parameter.
pub(in super::super) fn input_name(parameter: &Parameter) -> String {
    match rows_of(&parameter.ty) {
        Some(Rows::One(_) | Rows::Maybe(_)) => format!("{}_id", parameter.name),
        Some(Rows::List(_)) => format!("{}_ids", parameter.name),
        None => parameter.name.clone(),
    }
}

pub(super) fn loading(
    system: &System,
    capability: &Capability,
    compiler: &mut Compiler<'_>,
    schemas: &mut Schemas,
    imported: &[&str],
) -> Loading {
    let mut loading = Loading::default();
    let mut taken = Taken::with(imported.iter().copied().chain(["rows", "input", "given", "call"]));
    let mut locals: BTreeMap<String, String> = BTreeMap::new();
    let mut locks = Vec::new();
    let mut known = compiler.needs.rows.is_empty();
    for parameter in &capability.parameters {
        let name = input_name(parameter);
        let input = property("input", &name);
        loading.reads_input = true;
        let strength = string(compiler.needs.strength(&parameter.name).as_str());
        let Some(rows) = rows_of(&parameter.ty) else {
            let schema = schemas.of(system, &parameter.ty);
            let optional = matches!(parameter.ty, Type::Optional(_));
            let schema = if optional {
                format!("{schema}.default(null)")
            } else {
                schema
            };
            loading.fields.push((name, schema));
            loading.given.push(entry(&parameter.name, &input));
            continue;
        };
        let local = taken.take(&names::identifier(&parameter.name));
        let uuid = schemas.of(system, &Type::Uuid);
        let (schema, find, id) = match rows {
            Rows::One(id) => {
                locks.push(format!(
                    "{{ entity: {}, id: {input}, strength: {strength} }}",
                    compiler.table(id)
                ));
                (uuid, "find", id)
            }
            Rows::Maybe(id) => {
                known = false;
                (format!("{uuid}.nullable().default(null)"), "findOptional", id)
            }
            Rows::List(id) => {
                locks.push(format!(
                    "...{input}.map((id) => ({{ entity: {}, id, strength: {strength} as const }}))",
                    compiler.table(id)
                ));
                let list = schemas.of(system, &Type::Set(Box::new(Type::Uuid)));
                // So many rows are locked at once at most.
                (
                    list.replace("set(uuid)", "set(uuid, { maximum: 1000 })"),
                    "findAll",
                    id,
                )
            }
        };
        loading.fields.push((name, schema));
        let table = compiler.table(id);
        loading.lines.push(format!(
            "const {local} = await rows.{find}({table}, {input}, {strength});"
        ));
        loading.given.push(entry(&parameter.name, &local));
        locals.insert(parameter.name.clone(), local);
    }
    follow(&mut loading, &compiler.needs.clone(), system, &mut taken, locals);
    loading.locks = known.then_some(locks);
    loading
}

/// The rows behind relations, each after what its way begins with.
fn follow(
    loading: &mut Loading,
    needs: &Needs,
    system: &System,
    taken: &mut Taken,
    mut locals: BTreeMap<String, String>,
) {
    for need in &needs.rows {
        let local = taken.take(&names::identifier(&need.name));
        let start = locals
            .get(&need.start.name)
            .cloned()
            .unwrap_or_else(|| need.start.name.clone());
        let table = entity_name(system, need.entity);
        let strength = string(needs.strength(&need.name).as_str());
        let dot = if need.start.nullable { "?." } else { "." };
        let ids = |column: &str| {
            if need.start.many {
                format!("{start}.map((row) => {})", property("row", column))
            } else {
                format!("[{start}{dot}{column}]")
            }
        };
        let call = match &need.way {
            Way::Follow { column, .. } if need.start.many => {
                format!("followAll({table}, {}, {strength})", ids(column))
            }
            Way::Follow { column, nullable } if *nullable || need.start.nullable => {
                format!("follow({table}, {start}{dot}{column}, {strength})")
            }
            Way::Follow { column, .. } => format!("owner({table}, {start}.{column}, {strength})"),
            Way::Back { column } => format!("back({table}, {}, {start}{dot}id, {strength})", string(column)),
            Way::Many { column } => format!("many({table}, {}, {})", string(column), ids("id")),
            Way::Linked {
                table: junction,
                own,
                other,
            } => format!(
                "linked({table}, {{ table: {}, own: {}, other: {} }}, {})",
                string(junction),
                string(own),
                string(other),
                ids("id")
            ),
        };
        loading.lines.push(format!("const {local} = await rows.{call};"));
        loading.given.push(entry(&need.name, &local));
        locals.insert(need.name.clone(), local);
    }
}

fn entry(name: &str, value: &str) -> String {
    if name == value {
        name.to_owned()
    } else {
        format!("{name}: {value}")
    }
}

/// The strongest lock is that of what is written.
pub(super) fn written(compiler: &mut Compiler<'_>, name: &str) {
    compiler.needs.touch(name, Strength::Update);
}
