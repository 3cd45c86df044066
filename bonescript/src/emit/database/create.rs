//! Statements that make tables and their parts.

use std::collections::HashSet;

use super::dialect::{Dialect, name, names};
use super::schema::{Column, Constraint, Index, Table};

/// Makes tables in their order. Keys that lead to a table further down are added behind it, where the database wants the
/// table first; `known` are there already.
pub(super) fn tables(dialect: Dialect, tables: &[&Table], known: &[&str]) -> Vec<String> {
    let mut made: HashSet<&str> = known.iter().copied().collect();
    let mut statements = Vec::new();
    let mut later = Vec::new();
    for table in tables {
        made.insert(&table.name);
        let (inline, waiting): (Vec<_>, Vec<_>) = table.constraints.iter().partition(|constraint| {
            let target = constraint.references.as_deref();
            dialect == Dialect::Sqlite || target.is_none_or(|target| made.contains(target))
        });
        let notes: Vec<String> = table
            .notes
            .iter()
            .map(|note| format!("-- {}", one_line(note)))
            .collect();
        let made = self::table(dialect, &table.name, &table.columns, &inline);
        statements.push(notes.into_iter().chain([made]).collect::<Vec<_>>().join(
            "
",
        ));
        statements.extend(table.indexes.iter().map(|made| index(&table.name, made)));
        statements.extend(table.triggers.iter().map(|trigger| trigger.sql.clone()));
        later.extend(
            waiting
                .into_iter()
                .map(|constraint| add_constraint(&table.name, constraint)),
        );
    }
    statements.extend(later);
    statements
}

/// Makes one table, without what lies beside it.
pub(super) fn table(
    dialect: Dialect,
    table: &str,
    columns: &[Column],
    constraints: &[&Constraint],
) -> String {
    let columns = columns.iter().map(|made| column(made, true));
    let constraints = constraints
        .iter()
        .map(|constraint| format!("CONSTRAINT {} {}", name(&constraint.name), constraint.sql));
    let parts: Vec<String> = columns
        .chain(constraints)
        .map(|part| format!("  {part}"))
        .collect();
    let end = dialect.pick("", " STRICT");
    format!("CREATE TABLE {} (\n{}\n){end};", name(table), parts.join(",\n"))
}

/// A column as it is declared; `complete` with what it must have.
pub(super) fn column(column: &Column, complete: bool) -> String {
    let mut sql = format!("{} {}", name(&column.name), column.ty);
    if !column.nullable && complete {
        sql.push_str(" NOT NULL");
    }
    if let Some(generated) = &column.generated {
        sql.extend([" GENERATED ALWAYS AS (", generated, ") STORED"]);
    } else if let Some(default) = &column.default {
        sql.extend([" DEFAULT ", default]);
    }
    sql
}

pub(super) fn index(table: &str, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!(
        "CREATE {unique}INDEX {} ON {} ({});",
        name(&index.name),
        name(table),
        names(&index.columns)
    )
}

pub(super) fn add_constraint(table: &str, constraint: &Constraint) -> String {
    format!(
        "ALTER TABLE {} ADD CONSTRAINT {} {};",
        name(table),
        name(&constraint.name),
        constraint.sql
    )
}

/// Words inside of a comment.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('\0', "")
}
