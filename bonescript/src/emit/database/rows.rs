//! The rows of tables, as TypeScript has them, and how each column is kept.

use minijinja::{Value, context};

use crate::emit::project::FileSet;
use crate::emit::templates::{code, comment, key, name};
use crate::emit::{EmitError, names};
use crate::ir::{Column, System, Type};

/// A table with the name of its rows.
struct Rows<'a> {
    table: &'a str,
    row: String,
    about: String,
    columns: &'a [Column],
}

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let tables: Vec<Rows<'_>> = tables(system).collect();
    let mut json = false;
    let context: Vec<Value> = tables
        .iter()
        .map(|table| {
            let columns: Vec<Value> = table
                .columns
                .iter()
                .map(|column| {
                    json |= has_json(&column.ty);
                    let nullable = if column.nullable { " | null" } else { "" };
                    context! {
                        key => key(&*column.name),
                        type => code(format!("{}{nullable}", type_script(&column.ty))),
                        codec => code(codec(&column.ty)),
                    }
                })
                .collect();
            context! {
                key => key(table.table),
                row => name(&*table.row),
                about => comment(&*table.about),
                columns,
            }
        })
        .collect();
    files.render(
        "src/database/types.ts",
        context! { tables => context.clone(), json },
    )?;
    files.render("src/database/columns.ts", context! { tables => context })
}

fn tables(system: &System) -> impl Iterator<Item = Rows<'_>> {
    let entities = system.entities.iter().map(|entity| Rows {
        table: &entity.table,
        row: format!("{}Row", names::pascal(&entity.name)),
        about: format!("`{}`", entity.name),
        columns: &entity.columns,
    });
    let stores = system.stores.iter().filter(|store| !store.columns.is_empty());
    entities.chain(stores.map(|store| Rows {
        table: &store.table,
        row: format!(
            "{}StoreRow",
            names::pascal(&store.storage.name).trim_end_matches("Store")
        ),
        about: format!("the store `{}`", store.storage.name),
        columns: &store.columns,
    }))
}

/// The type of a value, without `| null`.
fn type_script(ty: &Type) -> String {
    match ty {
        Type::String | Type::Uuid | Type::State(_) | Type::Entity(_) | Type::Caller => "string".into(),
        Type::Uint | Type::Int | Type::Duration => "bigint".into(),
        Type::Float => "number".into(),
        Type::Bool => "boolean".into(),
        Type::Timestamp => "Date".into(),
        Type::Bytes => "Uint8Array".into(),
        Type::Json | Type::Result(..) | Type::Unknown => "Json".into(),
        Type::None => "null".into(),
        Type::Optional(inner) => format!("{} | null", type_script(inner)),
        Type::List(inner) | Type::Set(inner) => match inner.as_ref() {
            Type::Optional(_) | Type::Union(_) => format!("({})[]", type_script(inner)),
            _ => format!("{}[]", type_script(inner)),
        },
        Type::Map(_, value) => format!("Record<string, {}>", type_script(value)),
        Type::Tuple(members) => format!("[{}]", joined(members, ", ", type_script)),
        Type::Union(members) => joined(members, " | ", type_script),
    }
}

/// How a value is kept, in the words of `codec.ts`.
fn codec(ty: &Type) -> String {
    match ty {
        Type::String | Type::State(_) => "\"text\"".into(),
        Type::Uuid | Type::Entity(_) | Type::Caller => "\"uuid\"".into(),
        Type::Uint | Type::Int | Type::Duration => "\"int\"".into(),
        Type::Float => "\"float\"".into(),
        Type::Bool => "\"bool\"".into(),
        Type::Timestamp => "\"timestamp\"".into(),
        Type::Bytes => "\"bytes\"".into(),
        Type::Json | Type::Result(..) | Type::Unknown | Type::None => "\"json\"".into(),
        Type::Optional(inner) => format!("{{ optional: {} }}", codec(inner)),
        Type::List(inner) => format!("{{ list: {} }}", codec(inner)),
        Type::Set(inner) => format!("{{ set: {} }}", codec(inner)),
        Type::Map(_, value) => format!("{{ map: {} }}", codec(value)),
        Type::Tuple(members) => format!("{{ tuple: [{}] }}", joined(members, ", ", codec)),
        Type::Union(members) => {
            // Whole numbers before others, and text last: each takes what the one before has left.
            let mut members: Vec<&Type> = members.iter().collect();
            members.sort_by_key(|member| rank(member));
            let members: Vec<String> = members.into_iter().map(codec).collect();
            format!("{{ union: [{}] }}", members.join(", "))
        }
    }
}

/// How much a type takes: the choosy ones come first.
fn rank(ty: &Type) -> u8 {
    match ty {
        Type::Uint | Type::Int | Type::Duration | Type::Bool => 0,
        Type::Float => 1,
        Type::Timestamp => 2,
        Type::Json | Type::Unknown | Type::Result(..) => 4,
        _ => 3,
    }
}

fn joined(types: &[Type], between: &str, one: fn(&Type) -> String) -> String {
    let parts: Vec<String> = types.iter().map(one).collect();
    parts.join(between)
}

fn has_json(ty: &Type) -> bool {
    match ty {
        Type::Json | Type::Result(..) | Type::Unknown => true,
        Type::Optional(inner) | Type::List(inner) | Type::Set(inner) | Type::Map(_, inner) => has_json(inner),
        Type::Tuple(members) | Type::Union(members) => members.iter().any(has_json),
        _ => false,
    }
}
