//! What leads from one database to the next, with the data that is in it.
//!
//! Nothing is thrown away: a column or table that the program no longer has loses what would stand in its way, and stays;
//! the notes say how to remove it. It is in `schema.json` as retired, so that it is found when it comes back.

mod postgres;
mod sqlite;

use std::collections::HashMap;

use super::create;
use super::dialect::{Dialect, name};
use super::schema::{Column, Constraint, Schema, Table};
use super::triggers;

/// What a change takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Difference {
    pub(super) statements: Vec<String>,
    /// What people should know before they run it.
    pub(super) notes: Vec<String>,
    /// What may be lost by it.
    pub(super) destructive: Vec<String>,
    /// The database afterwards.
    pub(super) schema: Schema,
}

/// A table before and after.
struct Pair<'a> {
    old: &'a Table,
    new: &'a Table,
    /// New names of columns, by the old ones.
    renamed: HashMap<&'a str, &'a str>,
}

impl<'a> Pair<'a> {
    /// The column as it was before.
    fn before(&self, column: &Column) -> Option<&'a Column> {
        let renamed = self
            .renamed
            .iter()
            .find(|(_, new)| **new == column.name)
            .map(|(old, _)| *old);
        self.old.column(renamed.unwrap_or(&column.name))
    }

    /// The columns that stay, before and after.
    fn kept(&self) -> impl Iterator<Item = (&'a Column, &'a Column)> {
        self.new
            .columns
            .iter()
            .filter_map(|column| self.before(column).map(|before| (before, column)))
    }

    fn added(&self) -> impl Iterator<Item = &'a Column> {
        self.new
            .columns
            .iter()
            .filter(|column| self.before(column).is_none())
    }

    fn is_same(&self) -> bool {
        self.renamed.is_empty() && self.old == &without_notes(self.new)
    }
}

/// From nothing, or from the database before.
pub(super) fn difference(old: Option<&Schema>, mut new: Schema, dialect: Dialect) -> Difference {
    let empty = Schema::default();
    let old = old.unwrap_or(&empty);
    let mut difference = Difference::default();
    retire(old, &mut new, &mut difference);
    let by_name: HashMap<&str, &Table> = old
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    let mut pairs = Vec::new();
    let mut made = Vec::new();
    for table in &new.tables {
        match by_name.get(table.name.as_str()) {
            Some(before) => pairs.push(Pair {
                old: before,
                new: table,
                renamed: renamed(before, table),
            }),
            None => made.push(table),
        }
    }
    pairs.retain(|pair| !pair.is_same());
    for pair in &pairs {
        say(pair, &mut difference);
    }
    let known: Vec<&str> = old.tables.iter().map(|table| table.name.as_str()).collect();
    let created = create::tables(dialect, &made, &known);
    let statements = match dialect {
        Dialect::Postgres => postgres::statements(&pairs, created),
        Dialect::Sqlite => sqlite::statements(&pairs, created),
    };
    difference.statements = with_functions(dialect, statements);
    difference.schema = new;
    difference
}

/// Keeps what the program no longer has.
fn retire(old: &Schema, new: &mut Schema, difference: &mut Difference) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (at, table) in new.tables.iter().enumerate() {
        places.insert(table.name.clone(), at);
    }
    for before in &old.tables {
        let Some(table) = places.get(&before.name).and_then(|at| new.tables.get_mut(*at)) else {
            let mut kept = before.clone();
            kept.retired = true;
            // Its rows must not keep those of others from being deleted.
            kept.constraints
                .retain(|constraint| constraint.references.is_none());
            if !before.retired {
                difference.notes.push(format!(
                    "the table `{0}` is no longer in the program and is kept; once nobody needs what is in it: DROP TABLE {1};",
                    before.name,
                    name(&before.name)
                ));
            }
            new.tables.push(kept);
            continue;
        };
        let renamed: Vec<String> = renamed(before, table).into_keys().map(str::to_owned).collect();
        for column in &before.columns {
            let gone = table.column(&column.name).is_none() && !renamed.contains(&column.name);
            if !gone || column.generated.is_some() {
                continue;
            }
            if !column.retired {
                difference.notes.push(format!(
                    "the column `{0}.{1}` is no longer in the program and is kept, without its conditions; once nobody \
                     needs what is in it: ALTER TABLE {2} DROP COLUMN {3};",
                    table.name,
                    column.name,
                    name(&table.name),
                    name(&column.name)
                ));
            }
            table.columns.push(Column {
                nullable: true,
                retired: true,
                ..column.clone()
            });
        }
    }
}

fn renamed<'a>(old: &'a Table, new: &'a Table) -> HashMap<&'a str, &'a str> {
    new.columns
        .iter()
        .filter(|column| old.column(&column.name).is_none())
        .filter_map(|column| {
            let before = column
                .renamed_from
                .as_deref()
                .and_then(|before| old.column(before))?;
            // The old name may be given to another column only later.
            let free = new.column(&before.name).is_none_or(|column| column.retired);
            free.then_some((before.name.as_str(), column.name.as_str()))
        })
        .collect()
}

/// Says what people should look at.
fn say(pair: &Pair<'_>, difference: &mut Difference) {
    let table = &pair.new.name;
    for column in pair.added() {
        let given = column.nullable || column.default.is_some() || column.generated.is_some();
        if given {
            continue;
        }
        difference.notes.push(match &column.filler {
            Some(value) => format!(
                "rows of `{table}` that are there already get {value} as their `{}`: give the field a default for \
                 another value, or make it optional",
                column.name
            ),
            None => format!(
                "rows of `{table}` that are there already have no `{}`: the migration stops unless the table is empty; \
                 make it optional first",
                column.name
            ),
        });
    }
    for (before, after) in pair.kept() {
        if before.generated.is_none() && after.generated.is_some() {
            difference.destructive.push(format!(
                "what is in `{table}.{}` is replaced by what it is computed as",
                after.name
            ));
        } else if before.ty != after.ty && after.generated.is_none() {
            difference.destructive.push(format!(
                "`{table}.{}` becomes {} instead of {}: what cannot be written so stops the migration, and digits behind \
                 the point may go",
                after.name, after.ty, before.ty
            ));
        }
        if before.nullable && !after.nullable && after.generated.is_none() {
            match after.default.as_ref().or(after.filler.as_ref()) {
                Some(value) => difference
                    .notes
                    .push(format!("rows of `{table}` without `{}` get {value}", after.name)),
                None => difference.notes.push(format!(
                    "rows of `{table}` without `{}` stop the migration: give them one first",
                    after.name
                )),
            }
        }
    }
    // Those over new columns alone hold for what these are filled with.
    let added: Vec<&str> = pair.added().map(|column| column.name.as_str()).collect();
    for constraint in new_constraints(pair) {
        let old = constraint
            .columns
            .iter()
            .any(|column| !added.contains(&column.as_str()));
        if let Some(said) = constraint.text.as_deref().filter(|_| old) {
            difference.notes.push(format!(
                "rows of `{table}` that break `{said}` stop the migration"
            ));
        }
    }
}

fn new_constraints<'a>(pair: &Pair<'a>) -> impl Iterator<Item = &'a Constraint> {
    let old = pair.old;
    pair.new.constraints.iter().filter(|constraint| {
        !old.constraints
            .iter()
            .any(|before| before.name == constraint.name && before.sql == constraint.sql)
    })
}

/// The functions that the statements name stand before them.
fn with_functions(dialect: Dialect, statements: Vec<String>) -> Vec<String> {
    if dialect == Dialect::Sqlite {
        return statements;
    }
    let used = triggers::FUNCTIONS.iter().filter(|(function, _)| {
        let call = format!("{function}(");
        statements.iter().any(|statement| statement.contains(&call))
    });
    let mut all: Vec<String> = used.map(|(_, sql)| (*sql).to_owned()).collect();
    all.extend(statements);
    all
}

fn without_notes(table: &Table) -> Table {
    let mut bare = table.clone();
    bare.notes.clear();
    bare.refusals.clear();
    for column in &mut bare.columns {
        column.filler = None;
        column.renamed_from = None;
    }
    for constraint in &mut bare.constraints {
        constraint.text = None;
    }
    bare
}
