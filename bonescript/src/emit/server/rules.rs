//! Who may do what with rows, and which columns a request may write: what the routes, the schema of the API and the tests
//! have to agree on.

use std::collections::{BTreeMap, BTreeSet};

use super::secret_of;
use crate::ir::{
    Access, Auth, Column, ColumnKind, Entity, EntityId, PolicyScope, RelationKind, System, Type,
};

/// The rules of each entity, in the order of the system.
#[derive(Debug)]
pub(in super::super) struct Rules {
    entities: Vec<EntityRules>,
}

/// The rules of an entity.
#[derive(Debug)]
pub(in super::super) struct EntityRules {
    /// Whether a request can make rows.
    pub(in super::super) creatable: bool,
    /// The capabilities that make rows.
    pub(in super::super) made_by: Vec<String>,
    /// Columns that `POST` takes, with whether each must be given.
    pub(in super::super) create: Vec<(String, bool)>,
    /// Columns that `PUT` takes.
    pub(in super::super) update: Vec<String>,
    /// Columns that a list can be filtered by.
    pub(in super::super) filters: Vec<String>,
    /// Whose the rows are.
    pub(in super::super) owner: Option<Owner>,
    /// Callers that may read the rows of others, by entity or role; `None` where nobody may.
    pub(in super::super) readers: Option<Vec<String>>,
    /// Callers that may write rows that nobody owns.
    pub(in super::super) writers: Vec<String>,
    /// Callers that are let in at all, by each policy that names any.
    pub(in super::super) admitted: Vec<Vec<String>>,
    /// How rows log in.
    pub(in super::super) login: Option<Login>,
}

/// The way to an owner.
#[derive(Clone, Debug)]
pub(in super::super) struct Owner {
    /// The entity that owns.
    pub(in super::super) entity: EntityId,
    /// Columns to follow, each with the table that it leads to.
    pub(in super::super) steps: Vec<(String, String)>,
}

/// How rows of an entity log in.
#[derive(Debug)]
pub(in super::super) struct Login {
    /// The way.
    pub(in super::super) method: Auth,
    /// The column that names a row at the login; `id` where there is no better.
    pub(in super::super) identifier: String,
    /// The column of the hashed secret.
    pub(in super::super) secret: Option<String>,
    /// Whether anyone may sign up.
    pub(in super::super) open: bool,
    /// To whom a new row must belong where not anyone may sign up.
    pub(in super::super) sponsor: Option<Owner>,
}

impl Rules {
    /// The rules of all entities.
    pub(in super::super) fn of(system: &System) -> Self {
        let mut made: BTreeMap<EntityId, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
        for capability in &system.capabilities {
            if let Some(creation) = &capability.creates {
                let (names, columns) = made.entry(creation.entity).or_default();
                names.push(capability.name.clone());
                columns.extend(creation.values.iter().map(|(column, _)| column.clone()));
            }
        }
        let nothing = (Vec::new(), BTreeSet::new());
        let entities = system
            .entities
            .iter()
            .enumerate()
            .map(|(index, entity)| {
                let id = EntityId(index);
                entity_rules(system, id, entity, made.get(&id).unwrap_or(&nothing))
            })
            .collect();
        Self { entities }
    }

    /// The rules of an entity.
    pub(in super::super) fn entity(&self, id: EntityId) -> Option<&EntityRules> {
        self.entities.get(id.0)
    }
}

fn entity_rules(
    system: &System,
    id: EntityId,
    entity: &Entity,
    (made_by, made_columns): &(Vec<String>, BTreeSet<String>),
) -> EntityRules {
    let auth = entity.login();
    let secret = secret_of(entity).map(|column| column.name.clone());
    let owner = entity.owner.as_ref().and_then(|path| owner_by(system, id, path));
    // Another way to sign up is no reason to close this one.
    let creatable = auth.is_some() || made_by.is_empty();
    let named = named(system, id);
    let writable = |column: &&Column| {
        let given = matches!(
            column.kind,
            ColumnKind::Owned | ColumnKind::Stored | ColumnKind::ForeignKey(_)
        );
        given && Some(&column.name) != secret.as_ref() && !(auth.is_some() && column.name == "role")
    };
    let first_step = owner
        .as_ref()
        .and_then(|owner| owner.steps.first())
        .map(|(column, _)| column.clone());
    let direct = owner.as_ref().is_some_and(|owner| owner.steps.len() == 1);
    let create = entity
        .columns
        .iter()
        .filter(writable)
        .filter(|column| !column.by_effects || (column.default.is_none() && !column.nullable))
        .map(|column| {
            // The caller is the owner where the body names none.
            let filled = direct && Some(&column.name) == first_step.as_ref();
            let needed = !column.nullable && column.default.is_none() && !filled;
            (column.name.clone(), needed)
        });
    let update = entity
        .columns
        .iter()
        .filter(writable)
        .filter(|column| !column.by_effects && (auth.is_some() || !made_columns.contains(&column.name)))
        .map(|column| column.name.clone());
    let login = auth.map(|method| {
        let sponsor = if method == Auth::ApiKey {
            sponsor(system, id, entity)
        } else {
            None
        };
        let belongs = entity
            .relations
            .iter()
            .any(|relation| relation.kind == RelationKind::BelongsTo);
        Login {
            method,
            identifier: identifier(entity),
            secret: secret.clone(),
            open: method != Auth::ApiKey || !belongs,
            sponsor,
        }
    });
    EntityRules {
        creatable,
        made_by: made_by.clone(),
        create: create.collect(),
        update: update.collect(),
        filters: filters(entity),
        readers: named.clone(),
        writers: if owner.is_none() {
            named.unwrap_or_default()
        } else {
            Vec::new()
        },
        admitted: admitted(system, id),
        owner,
        login,
    }
}

/// Those whom each policy over the routes of an entity lets in.
fn admitted(system: &System, id: EntityId) -> Vec<Vec<String>> {
    let policies = system.policies.iter();
    policies
        .filter(|policy| {
            matches!(policy.scope, PolicyScope::System) || policy.scope == PolicyScope::Entity(id)
        })
        .filter_map(|policy| policy.access.as_ref())
        .map(|access| access.iter().map(|access| accessor(system, access)).collect())
        .collect()
}

/// Those whom the policies of an entity let in by name.
fn named(system: &System, id: EntityId) -> Option<Vec<String>> {
    let mut named: Option<Vec<String>> = None;
    for policy in &system.policies {
        if policy.scope == PolicyScope::Entity(id)
            && let Some(access) = &policy.access
        {
            named
                .get_or_insert_default()
                .extend(access.iter().map(|access| accessor(system, access)));
        }
    }
    named
}

/// How a caller that is let in is called at run time.
pub(super) fn accessor(system: &System, access: &Access) -> String {
    match access {
        Access::Entity(id) => system
            .entity(*id)
            .map(|entity| entity.name.clone())
            .unwrap_or_default(),
        Access::Role(role) => role.clone(),
    }
}

/// The owner at the end of a path of relations.
fn owner_by(system: &System, id: EntityId, path: &[String]) -> Option<Owner> {
    let mut entity = id;
    let mut steps = Vec::new();
    for name in path {
        let relation = system.entity(entity)?.relation(name)?;
        let table = system.entity(relation.target)?.table.clone();
        steps.push((relation.column.clone()?, table));
        entity = relation.target;
    }
    Some(Owner { entity, steps })
}

/// The shortest way over `belongs_to` from an entity with a key to one whose rows are people.
fn sponsor(system: &System, id: EntityId, entity: &Entity) -> Option<Owner> {
    let mut ways = entity
        .relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::BelongsTo);
    let path = ways.find_map(|relation| {
        let rest = system.entity(relation.target)?.owner.as_ref()?;
        (relation.target != id).then(|| {
            std::iter::once(relation.name.clone())
                .chain(rest.iter().cloned())
                .collect::<Vec<_>>()
        })
    })?;
    owner_by(system, id, &path)
}

/// The column that names a row at the login.
fn identifier(entity: &Entity) -> String {
    let unique = |shown: bool| {
        entity.columns.iter().find(|column| {
            column.ty == Type::String
                && entity.uniques.contains(&column.name)
                && (!shown || !column.sensitive)
        })
    };
    unique(true)
        .or_else(|| unique(false))
        .map_or_else(|| "id".to_owned(), |column| column.name.clone())
}

/// Columns with an index, whose values are simple.
fn filters(entity: &Entity) -> Vec<String> {
    let indexed = |column: &&Column| {
        let simple = matches!(
            column.ty,
            Type::String
                | Type::Uint
                | Type::Int
                | Type::Bool
                | Type::Timestamp
                | Type::Uuid
                | Type::State(_)
        );
        let found = entity.indexes.iter().any(|index| index.contains(&column.name))
            || entity.uniques.contains(&column.name)
            || matches!(column.kind, ColumnKind::State | ColumnKind::ForeignKey(_));
        simple && found && !column.sensitive && !matches!(column.name.as_str(), "id" | "page" | "page_size")
    };
    entity
        .columns
        .iter()
        .filter(indexed)
        .map(|column| column.name.clone())
        .collect()
}
