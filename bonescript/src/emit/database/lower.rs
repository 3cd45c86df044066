//! Entities and stores as tables.

use std::collections::{HashMap, HashSet};

use super::dialect::{self, Dialect, check_name, hash, name, own_name};
use super::expression::{self, Meaning};
use super::schema::{Column, Constraint, Index, Schema, Table};
use super::{runtime, triggers};
use crate::emit::EmitError;
use crate::ir::{self, ColumnKind, Entity, EntityId, RelationKind, Storage, System, Type};

/// The database of a system.
pub(super) fn schema(system: &System, dialect: Dialect) -> Result<Schema, EmitError> {
    let mut outside: HashMap<EntityId, Vec<&ir::Check>> = HashMap::new();
    for constraint in &system.constraints {
        outside
            .entry(constraint.entity)
            .or_default()
            .push(&constraint.check);
    }
    let lower = Lower {
        system,
        dialect,
        outside,
    };
    let mut tables = runtime::tables(dialect);
    for id in ordered(system) {
        if let Some(entity) = system.entity(id) {
            tables.push(lower.entity(id, entity)?);
        }
    }
    for store in system.stores.iter().filter(|store| !store.columns.is_empty()) {
        tables.push(lower.store(store)?);
    }
    let mut junctions = HashSet::new();
    for entity in &system.entities {
        for relation in &entity.relations {
            if let (Some(junction), Some(target)) = (&relation.junction, system.entity(relation.target))
                && junctions.insert(&junction.table)
            {
                tables.push(lower.junction(junction, entity, target)?);
            }
        }
    }
    let places: HashMap<String, usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| (table.name.clone(), at))
        .collect();
    for entity in &system.entities {
        for relation in &entity.relations {
            lower.relation(entity, relation, &places, &mut tables);
        }
    }
    Ok(Schema { tables })
}

/// Entities, each after those whose rows its own must name, as far as that is possible.
pub(in crate::emit) fn ordered(system: &System) -> Vec<EntityId> {
    let mut order = Vec::with_capacity(system.entities.len());
    let mut placed = vec![false; system.entities.len()];
    for start in 0..system.entities.len() {
        // A stack of our own: a chain may be as long as the program.
        let mut open = vec![(start, false)];
        while let Some((at, done)) = open.pop() {
            if done {
                order.push(EntityId(at));
                continue;
            }
            if placed.get(at).copied().unwrap_or(true) {
                continue;
            }
            if let Some(placed) = placed.get_mut(at) {
                *placed = true;
            }
            open.push((at, true));
            let targets = system
                .entities
                .get(at)
                .into_iter()
                .flat_map(|entity| &entity.columns);
            open.extend(targets.filter_map(target).map(|target| (target.0, false)));
        }
    }
    order
}

/// The entity whose id a column holds.
fn target(column: &ir::Column) -> Option<EntityId> {
    match (&column.kind, column.ty.required()) {
        (ColumnKind::ForeignKey(target), _) | (_, Type::Entity(target)) => Some(*target),
        _ => None,
    }
}

struct Lower<'a> {
    system: &'a System,
    dialect: Dialect,
    /// Conditions that are declared outside of their entity.
    outside: HashMap<EntityId, Vec<&'a ir::Check>>,
}

impl Lower<'_> {
    fn entity(&self, id: EntityId, entity: &Entity) -> Result<Table, EmitError> {
        check_name("the table of the entity", &entity.table)?;
        let mut table = Table::new(&entity.table);
        for column in &entity.columns {
            table.columns.push(self.column(column, Some(entity))?);
        }
        self.keys(&mut table, &entity.columns);
        for column in &entity.uniques {
            unique(&mut table, column);
        }
        if let Some(machine) = &entity.machine {
            let states: Result<Vec<String>, EmitError> =
                machine.states.iter().map(|state| dialect::text(state)).collect();
            let sql = format!("{} IN ({})", name("state"), states?.join(", "));
            let text = format!("state in [{}]", machine.states.join(", "));
            Self::check(&mut table, sql, vec!["state".to_owned()], text);
        }
        let outside = self.outside.get(&id).into_iter().flatten().copied();
        let checks = entity.checks.iter().chain(outside);
        for check in checks {
            let sql = expression::sql(self.dialect, entity, Meaning::Check, &check.condition)?;
            Self::check(&mut table, sql, used(&check.condition), check.text.clone());
        }
        for index in &entity.indexes {
            Self::index(&mut table, index.clone());
        }
        if let Some(column) = entity
            .storage
            .as_ref()
            .and_then(|storage| storage.partition.clone())
        {
            Self::index(&mut table, vec![column]);
        }
        // Lists are given newest first.
        Self::index(&mut table, vec!["created_at".to_owned(), "id".to_owned()]);
        drop_prefixes(&mut table);
        table
            .triggers
            .push(triggers::updated_at(self.dialect, &table.name));
        table.notes.extend(entity.storage.as_ref().map(storage_note));
        Ok(table)
    }

    fn store(&self, store: &ir::Store) -> Result<Table, EmitError> {
        check_name("the table of the store", &store.table)?;
        let mut table = Table::new(&store.table);
        for column in &store.columns {
            table.columns.push(self.column(column, None)?);
        }
        if store.storage.retention.is_some() && table.column("created_at").is_none() {
            // How old a row is must be known to remove it.
            let column = Column {
                default: Some(self.dialect.now().to_owned()),
                ..Column::new("created_at", self.dialect.type_name(&Type::Timestamp))
            };
            table.columns.push(column);
            Self::index(&mut table, vec!["created_at".to_owned()]);
        }
        self.keys(&mut table, &store.columns);
        if let Some(column) = store.storage.partition.clone() {
            Self::index(&mut table, vec![column]);
        }
        table.notes.push(storage_note(&store.storage));
        Ok(table)
    }

    fn column(&self, column: &ir::Column, entity: Option<&Entity>) -> Result<Column, EmitError> {
        check_name("the column", &column.name)?;
        let mut lowered = Column {
            nullable: column.nullable,
            filler: self.dialect.filler(&column.ty),
            renamed_from: column.renamed_from.clone(),
            ..Column::new(&column.name, self.dialect.type_name(&column.ty))
        };
        match (&column.kind, entity) {
            (ColumnKind::Derived(value), Some(entity)) => {
                lowered.generated = Some(bare(expression::sql(
                    self.dialect,
                    entity,
                    Meaning::Value,
                    value,
                )?));
            }
            _ if column.name == "id" => lowered.default = Some(self.dialect.new_id().to_owned()),
            (ColumnKind::Implicit, _) => lowered.default = Some(self.dialect.now().to_owned()),
            _ => {
                let constant = |literal| self.dialect.constant(literal, &column.ty);
                lowered.default = column.default.as_ref().map(constant).transpose()?;
            }
        }
        Ok(lowered)
    }

    /// What the types of columns ask for: keys, whole numbers from zero, JSON that is what it should be.
    fn keys(&self, table: &mut Table, columns: &[ir::Column]) {
        table.constrain(Constraint {
            name: own_name(&[&table.name, "pkey"]),
            sql: format!("PRIMARY KEY ({})", name("id")),
            references: None,
            columns: vec!["id".to_owned()],
            text: None,
        });
        for column in columns {
            if let Some(target) = target(column).and_then(|id| self.system.entity(id)) {
                // What nobody needs may go; what a row cannot be without stays as long as the row.
                let action = if column.nullable { "SET NULL" } else { "RESTRICT" };
                foreign_key(table, &column.name, &target.table, action);
                // What belongs to a row is listed newest first, too, and must not be sorted for it.
                let listed = ["created_at", "id"].map(str::to_owned);
                let order = listed.into_iter().filter(|name| table.column(name).is_some());
                let index = std::iter::once(column.name.clone()).chain(order).collect();
                Self::index(table, index);
            }
            let quoted = name(&column.name);
            let kind = match column.ty.required() {
                Type::List(_) | Type::Set(_) | Type::Tuple(_) => Some("array"),
                Type::Map(..) => Some("object"),
                _ => None,
            };
            let derived = matches!(column.kind, ColumnKind::Derived(_));
            let condition = match (self.dialect, column.ty.required(), kind) {
                _ if derived => None,
                (_, Type::Uint, _) => Some((format!("{quoted} >= 0"), format!("{} >= 0", column.name))),
                (Dialect::Sqlite, Type::Bool, _) => Some((
                    format!("{quoted} IN (0, 1)"),
                    format!("{} is true or false", column.name),
                )),
                (dialect, _, Some(kind)) => {
                    let function = dialect.pick("jsonb_typeof", "json_type");
                    let word = if kind == "array" { "a list" } else { "a map" };
                    Some((
                        format!("{function}({quoted}) = '{kind}'"),
                        format!("{} is {word}", column.name),
                    ))
                }
                (Dialect::Sqlite, ty, None) if dialect::is_json(ty) => Some((
                    format!("json_valid({quoted})"),
                    format!("{} is JSON", column.name),
                )),
                _ => None,
            };
            if let Some((sql, text)) = condition {
                Self::check(table, sql, vec![column.name.clone()], text);
            }
        }
    }

    fn check(table: &mut Table, sql: String, columns: Vec<String>, text: String) {
        let sql = bare(sql);
        table.constrain(Constraint {
            name: own_name(&[&table.name, "check", &hash(&sql)]),
            sql: format!("CHECK ({sql})"),
            references: None,
            columns,
            text: Some(text),
        });
    }

    fn index(table: &mut Table, columns: Vec<String>) {
        let parts: Vec<&str> = [table.name.as_str()]
            .into_iter()
            .chain(columns.iter().map(String::as_str))
            .chain(["idx"])
            .collect();
        let name = own_name(&parts);
        if !table.indexes.iter().any(|known| known.name == name) {
            table.indexes.push(Index {
                name,
                unique: false,
                columns,
            });
        }
    }

    fn junction(&self, junction: &ir::Junction, own: &Entity, other: &Entity) -> Result<Table, EmitError> {
        check_name("the table", &junction.table)?;
        let mut table = Table::new(&junction.table);
        let uuid = self.dialect.type_name(&Type::Uuid);
        // In the order of the name, whichever side is declared first.
        let mut sides = [(&junction.own, own), (&junction.other, other)];
        sides.sort_by_key(|(_, entity)| entity.table.as_str());
        for (column, entity) in sides {
            table.columns.push(Column::new(column, uuid));
            foreign_key(&mut table, column, &entity.table, "CASCADE");
        }
        let columns: Vec<String> = sides.iter().map(|(column, _)| (*column).clone()).collect();
        table.constraints.insert(
            0,
            Constraint {
                name: own_name(&[&table.name, "pkey"]),
                sql: format!("PRIMARY KEY ({})", dialect::names(&columns)),
                references: None,
                columns: columns.clone(),
                text: None,
            },
        );
        Self::index(&mut table, columns.into_iter().skip(1).collect());
        Ok(table)
    }

    /// What a relation asks of the table that holds its ids: one row at most, or so many.
    fn relation(
        &self,
        entity: &Entity,
        relation: &ir::Relation,
        places: &HashMap<String, usize>,
        tables: &mut [Table],
    ) {
        let Some(target) = self.system.entity(relation.target) else {
            return;
        };
        let (holder, column) = match (relation.kind, &relation.column, &relation.junction) {
            (RelationKind::HasOne | RelationKind::HasMany, Some(column), _) => (&target.table, column),
            (RelationKind::ManyToMany, _, Some(junction)) => (&junction.table, &junction.own),
            _ => return,
        };
        let Some(table) = places.get(holder).and_then(|at| tables.get_mut(*at)) else {
            return;
        };
        match (relation.kind, relation.most) {
            (RelationKind::HasOne, _) | (RelationKind::HasMany, Some(1)) => {
                unique(table, column);
                drop_prefixes(table);
            }
            (_, Some(most)) => {
                let limit = triggers::Limit {
                    name: own_name(&[&entity.table, &relation.name, "most"]),
                    holder,
                    column,
                    parent: &entity.table,
                    most,
                };
                let said = format!("at most {most} `{}` of `{}`", relation.name, entity.name);
                table.refusals.push((limit.name.clone(), said));
                table.triggers.extend(triggers::limit(self.dialect, &limit));
            }
            _ => {}
        }
    }
}

fn unique(table: &mut Table, column: &str) {
    table.constrain(Constraint {
        name: own_name(&[&table.name, column, "key"]),
        sql: format!("UNIQUE ({})", name(column)),
        references: None,
        columns: vec![column.to_owned()],
        text: Some(format!("{column}.unique")),
    });
}

fn foreign_key(table: &mut Table, column: &str, target: &str, action: &str) {
    table.constrain(Constraint {
        name: own_name(&[&table.name, column, "fkey"]),
        sql: format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {action}",
            name(column),
            name(target),
            name("id")
        ),
        references: Some(target.to_owned()),
        columns: vec![column.to_owned()],
        text: None,
    });
}

/// An index that another one, or a unique constraint, begins with says nothing new.
fn drop_prefixes(table: &mut Table) {
    let all = table.indexes.clone();
    let uniques: HashSet<&str> = table
        .constraints
        .iter()
        .filter(|constraint| constraint.sql.starts_with("UNIQUE"))
        .filter_map(|constraint| constraint.columns.first().map(String::as_str))
        .collect();
    table.indexes.retain(|index| {
        let covered = all.iter().any(|other| {
            other.columns.len() > index.columns.len() && other.columns.starts_with(&index.columns)
        });
        let ordered = matches!(index.columns.as_slice(), [_, time, id] if time == "created_at" && id == "id");
        let unique = (index.columns.len() == 1 || ordered)
            && index
                .columns
                .first()
                .is_some_and(|column| uniques.contains(column.as_str()));
        !covered && !unique
    });
}

/// The columns that a condition uses.
fn used(condition: &ir::Expression) -> Vec<String> {
    let mut columns = Vec::new();
    condition.walk(&mut |part| {
        if let ir::ExpressionKind::Own(column) = &part.kind
            && !columns.contains(column)
        {
            columns.push(column.clone());
        }
    });
    columns
}

/// Without the parentheses around it: one that is the same in other words is the same check.
fn bare(sql: String) -> String {
    let inner = sql.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match inner.filter(|inner| is_balanced(inner)) {
        Some(inner) => inner.to_owned(),
        None => sql,
    }
}

/// Whether brackets close what they open, outside of texts and names.
fn is_balanced(sql: &str) -> bool {
    let mut depth = 0i32;
    let mut quote = None;
    for char in sql.chars() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (None, '\'' | '"') => quote = Some(char),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth < 0 {
                    return false;
                }
            }
            _ => {}
        }
    }
    depth == 0
}

/// What a store says and this database does not do by itself.
fn storage_note(storage: &Storage) -> String {
    let mut said = vec![format!("engine {}", storage.engine.as_str())];
    if storage.replicas > 1 {
        said.push(format!("{} replicas", storage.replicas));
    }
    let mut note = format!(
        "Store `{}` asks for {}: a matter of how the database is set up, not of its tables.",
        storage.name,
        said.join(" and ")
    );
    if let Some(column) = &storage.partition {
        note.extend([" Partitions by `", column, "` are an index here."]);
    }
    if let Some(retention) = storage.retention {
        note.extend([
            " A job removes rows after ",
            &(retention / 1000).to_string(),
            " s.",
        ]);
    }
    note
}
