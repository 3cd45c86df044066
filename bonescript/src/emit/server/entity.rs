//! A file for each entity: what its routes need to know, its state machine and its derived columns.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::super::expression::{Compiler, Scope};
use super::super::project::{FileSet, Owner as FileOwner};
use super::super::templates::{code, comment, key, text};
use super::rules::{EntityRules, Owner, Rules};
use super::schema::Schemas;
use super::{EmitError, constant_name, file_name, names};
use crate::ir::{self, Auth, ColumnKind, Entity, EntityId, RelationKind, System, Type};

/// The constant that describes an entity.
pub(in super::super) fn entity_name(system: &System, id: EntityId) -> String {
    system.entity(id).map_or_else(String::new, |entity| {
        let name = constant_name(&entity.table);
        // Modules that name tables have values of these names.
        if ["entities", "filters"].contains(&name.as_str())
            || super::capability::CALLED.contains(&name.as_str())
        {
            format!("{name}Table")
        } else {
            name
        }
    })
}

/// The file of an entity, below `src/entities/` and `src/schemas/`.
pub(in super::super) fn entity_file(system: &System, id: EntityId) -> String {
    system.entity(id).map_or_else(String::new, |entity| {
        let file = file_name(&entity.table);
        // These are modules of our own.
        let taken = [
            "creation",
            "definition",
            "index",
            "ownership",
            "relations",
            "requests",
            "routes",
            "rows",
            "values",
        ];
        if taken.contains(&file.as_str()) {
            format!("{file}-table")
        } else {
            file
        }
    })
}

/// The function that computes the derived columns of a row.
pub(super) fn derive_name(system: &System, id: EntityId) -> Option<String> {
    let entity = system.entity(id)?;
    let derives = entity
        .columns
        .iter()
        .any(|column| matches!(column.kind, ColumnKind::Derived(_)));
    derives.then(|| format!("derive{}", names::pascal(&entity.name)))
}

/// The constant that holds the machine of an entity.
pub(super) fn machine_name(entity: &Entity) -> String {
    format!("{}Machine", names::camel(&entity.name))
}

/// The type of its rows.
pub(in super::super) fn row_type(system: &System, id: EntityId) -> String {
    system.entity(id).map_or_else(String::new, |entity| {
        format!("{}Row", names::pascal(&entity.name))
    })
}

pub(super) fn emit(system: &System, rules: &Rules, files: &mut FileSet) -> Result<(), EmitError> {
    let mut all = Vec::new();
    for (index, entity) in system.entities.iter().enumerate() {
        let id = EntityId(index);
        let Some(own) = rules.entity(id) else { continue };
        let file = entity_file(system, id);
        let description = describe(system, id, entity, own)?;
        files.render_as(
            "src/entities/_entity.ts",
            &format!("src/entities/{file}.ts"),
            description,
            FileOwner::Generated,
        )?;
        files.render_as(
            "src/schemas/_schema.ts",
            &format!("src/schemas/{file}.ts"),
            schemas(system, entity, own),
            FileOwner::Generated,
        )?;
        all.push(context! { name => code(entity_name(system, id)), file => text(format!("./{file}.ts")) });
    }
    files.render("src/entities/index.ts", context! { entities => all })
}

fn schemas(system: &System, entity: &Entity, rules: &EntityRules) -> Value {
    let mut schemas = Schemas::default();
    let mut create = Vec::new();
    if rules.creatable {
        for (name, needed) in &rules.create {
            let Some(column) = entity.column(name) else {
                continue;
            };
            let schema = schemas.column(system, column);
            let schema = if *needed {
                schema
            } else {
                format!("{schema}.exactOptional()")
            };
            create.push(context! { key => key(name.as_str()), schema => code(schema) });
        }
    }
    let mut update = Vec::new();
    for name in &rules.update {
        let Some(column) = entity.column(name) else {
            continue;
        };
        let schema = format!("{}.exactOptional()", schemas.column(system, column));
        update.push(context! { key => key(name.as_str()), schema => code(schema) });
    }
    let mut filters = Vec::new();
    for name in &rules.filters {
        let Some(column) = entity.column(name) else {
            continue;
        };
        filters
            .push(context! { key => key(name.as_str()), schema => code(schemas.filter(system, &column.ty)) });
    }
    let password = rules
        .login
        .as_ref()
        .is_some_and(|login| login.method != Auth::ApiKey);
    context! {
        about => comment(entity.name.as_str()),
        creatable => rules.creatable,
        create,
        update,
        filters,
        password,
        values => schemas.values.iter().map(|name| code(*name)).collect::<Vec<_>>(),
        zod => true,
    }
}

fn owner(system: &System, owner: &Owner) -> Value {
    let steps: Vec<Value> = owner
        .steps
        .iter()
        .map(|(column, table)| context! { column => text(column.as_str()), table => text(table.as_str()) })
        .collect();
    let entity = system
        .entity(owner.entity)
        .map(|entity| entity.name.clone())
        .unwrap_or_default();
    context! { entity => text(entity), steps }
}

fn texts(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| text(name.as_str())).collect()
}

fn describe(system: &System, id: EntityId, entity: &Entity, rules: &EntityRules) -> Result<Value, EmitError> {
    let mut targets = BTreeSet::new();
    let mut relations = Vec::new();
    for relation in &entity.relations {
        if relation.target != id {
            targets.insert(relation.target);
        }
        let junction = relation.junction.as_ref().map(|junction| {
            context! {
                table => text(junction.table.as_str()),
                own => text(junction.own.as_str()),
                other => text(junction.other.as_str()),
            }
        });
        relations.push(context! {
            kind => text(relation.kind.as_str()),
            name => text(relation.name.as_str()),
            target => code(entity_name(system, relation.target)),
            column => text(relation.column.clone().unwrap_or_default()),
            junction,
            many_to_many => relation.kind == RelationKind::ManyToMany,
        });
    }
    let login = rules.login.as_ref().map(|login| {
        let column = login.secret.as_ref().and_then(|name| entity.column(name));
        context! {
            method => text(login.method.as_str()),
            identifier => text(login.identifier.as_str()),
            secret => column.map(|column| context! {
                column => text(column.name.as_str()),
                bytes => column.ty == Type::Bytes,
            }),
            role => entity.column("role").is_some_and(|column| column.ty == Type::String),
            open => login.open,
            sponsor => login.sponsor.as_ref().map(|sponsor| owner(system, sponsor)),
        }
    });
    let mut compiler = Compiler::new(system, Scope::Row(entity));
    let machine = entity
        .machine
        .as_ref()
        .map(|machine| machine_of(machine, entity, &mut compiler))
        .transpose()?;
    let mut derived = Vec::new();
    for column in &entity.columns {
        if let ColumnKind::Derived(value) = &column.kind {
            let ty = if column.nullable {
                Type::Optional(Box::new(column.ty.clone()))
            } else {
                column.ty.clone()
            };
            let value = compiler.value_as(value, &ty, &column.name)?;
            derived.push(context! { name => key(column.name.as_str()), text => text(column.name.as_str()), value => code(value.text) });
        }
    }
    let hidden: Vec<Value> = entity
        .columns
        .iter()
        .filter(|column| column.sensitive)
        .map(|column| text(column.name.as_str()))
        .collect();
    let imports: Vec<Value> = targets
        .into_iter()
        .map(|target| {
            context! {
                name => code(entity_name(system, target)),
                file => text(format!("./{}.ts", entity_file(system, target))),
            }
        })
        .collect();
    Ok(context! {
        about => comment(entity.name.as_str()),
        name => text(entity.name.as_str()),
        constant => code(entity_name(system, id)),
        table => text(entity.table.as_str()),
        row => code(row_type(system, id)),
        schema => text(format!("../schemas/{}.ts", entity_file(system, id))),
        derive => code(derive_name(system, id).unwrap_or_default()),
        derived,
        hidden,
        creatable => rules.creatable,
        made_by => texts(&rules.made_by),
        login,
        owner => rules.owner.as_ref().map(|way| owner(system, way)),
        readers => rules.readers.as_ref().map(|readers| texts(readers)),
        writers => texts(&rules.writers),
        relations,
        imports,
        machine,
        functions => compiler.used.iter().map(|name| code(*name)).collect::<Vec<_>>(),
    })
}

fn machine_of(
    machine: &ir::Machine,
    entity: &Entity,
    compiler: &mut Compiler<'_>,
) -> Result<Value, EmitError> {
    let mut transitions = Vec::new();
    for transition in &machine.transitions {
        let guard = match &transition.guard {
            Some(guard) => {
                let holds = compiler.condition(&guard.condition)?;
                Some(context! { holds => code(holds.text), text => text(guard.text.as_str()) })
            }
            None => None,
        };
        transitions.push(context! {
            from => text(transition.from.as_str()),
            to => text(transition.to.as_str()),
            guard,
        });
    }
    Ok(context! {
        constant => code(machine_name(entity)),
        states => texts(&machine.states),
        transitions,
    })
}
