//! Changes of tables where they can be changed in place.

use super::Pair;
use crate::emit::database::create;
use crate::emit::database::dialect::name;
use crate::emit::database::schema::{Column, Table};

/// Conditions go first and come last, so that columns can be changed under them; new tables stand between.
pub(super) fn statements(pairs: &[Pair<'_>], created: Vec<String>) -> Vec<String> {
    let mut statements = Vec::new();
    for pair in pairs {
        take_away(pair, &mut statements);
    }
    for pair in pairs {
        let table = name(&pair.new.name);
        let mut renamed: Vec<_> = pair.renamed.iter().collect();
        renamed.sort_unstable();
        for (old, new) in renamed {
            statements.push(format!(
                "ALTER TABLE {table} RENAME COLUMN {} TO {};",
                name(old),
                name(new)
            ));
        }
        columns(pair, &mut statements);
    }
    statements.extend(created);
    for pair in pairs {
        add(pair, &mut statements);
    }
    statements
}

/// Computed columns that are computed anew: where they or what they use changed.
fn recomputed(pair: &Pair<'_>, before: &Column) -> bool {
    let types_change = pair.kept().any(|(before, after)| before.ty != after.ty);
    let after = pair
        .kept()
        .find(|(old, _)| old.name == before.name)
        .map(|(_, after)| after);
    // One that becomes a plain column keeps what it has.
    match after {
        Some(after) if after.generated.is_none() => false,
        Some(after) => {
            types_change || after.generated != before.generated || after.nullable != before.nullable
        }
        None => true,
    }
}

fn take_away(pair: &Pair<'_>, statements: &mut Vec<String>) {
    let Pair { old, new, .. } = pair;
    let table = name(&old.name);
    for trigger in &old.triggers {
        if !new.triggers.contains(trigger) {
            statements.push(format!("DROP TRIGGER {} ON {table};", name(&trigger.name)));
        }
    }
    for index in &old.indexes {
        if !new.indexes.contains(index) {
            statements.push(format!("DROP INDEX IF EXISTS {};", name(&index.name)));
        }
    }
    for constraint in &old.constraints {
        let stays = new
            .constraints
            .iter()
            .any(|after| after.name == constraint.name && after.sql == constraint.sql);
        if !stays {
            statements.push(format!(
                "ALTER TABLE {table} DROP CONSTRAINT {};",
                name(&constraint.name)
            ));
        }
    }
    for column in old.columns.iter().filter(|column| column.generated.is_some()) {
        if recomputed(pair, column) {
            // Conditions and indexes over it go with it, and come back below.
            statements.push(format!(
                "ALTER TABLE {table} DROP COLUMN {} CASCADE;",
                name(&column.name)
            ));
        }
    }
}

fn columns(pair: &Pair<'_>, statements: &mut Vec<String>) {
    let table = name(&pair.new.name);
    for (before, after) in pair.kept() {
        let column = name(&after.name);
        let alter = |change: &str| format!("ALTER TABLE {table} ALTER COLUMN {column} {change};");
        match (&before.generated, &after.generated) {
            (Some(_), Some(_)) => continue,
            (Some(_), None) => statements.push(alter("DROP EXPRESSION")),
            (None, Some(_)) => {
                statements.push(format!("ALTER TABLE {table} DROP COLUMN {column} CASCADE;"));
                continue;
            }
            (None, None) => {}
        }
        if before.ty != after.ty {
            if before.default.is_some() {
                statements.push(alter("DROP DEFAULT"));
            }
            let value = converted(&column, &before.ty, &after.ty);
            statements.push(alter(&format!("TYPE {} USING {value}", after.ty)));
        }
        if before.default != after.default || before.ty != after.ty {
            match &after.default {
                Some(default) => statements.push(alter(&format!("SET DEFAULT {default}"))),
                None if before.default.is_some() && before.ty == after.ty => {
                    statements.push(alter("DROP DEFAULT"));
                }
                None => {}
            }
        }
        if before.nullable && !after.nullable {
            if let Some(value) = after.default.as_ref().or(after.filler.as_ref()) {
                statements.push(format!(
                    "UPDATE {table} SET {column} = {value} WHERE {column} IS NULL;"
                ));
            }
            statements.push(alter("SET NOT NULL"));
        } else if !before.nullable && after.nullable {
            statements.push(alter("DROP NOT NULL"));
        }
    }
    for column in pair.added().filter(|column| column.generated.is_none()) {
        let bare = !column.nullable && column.default.is_none();
        match column.filler.as_ref().filter(|_| bare) {
            Some(filler) => {
                statements.push(format!(
                    "ALTER TABLE {table} ADD COLUMN {} DEFAULT {filler};",
                    create::column(column, true)
                ));
                statements.push(format!(
                    "ALTER TABLE {table} ALTER COLUMN {} DROP DEFAULT;",
                    name(&column.name)
                ));
            }
            None => statements.push(format!(
                "ALTER TABLE {table} ADD COLUMN {};",
                create::column(column, true)
            )),
        }
    }
}

fn add(pair: &Pair<'_>, statements: &mut Vec<String>) {
    let Pair { old, new, .. } = pair;
    let table = name(&new.name);
    let mut fresh: Vec<&str> = Vec::new();
    for column in new.columns.iter().filter(|column| column.generated.is_some()) {
        let before = pair.before(column);
        if before.is_none_or(|before| before.generated.is_none() || recomputed(pair, before)) {
            fresh.push(&column.name);
            statements.push(format!(
                "ALTER TABLE {table} ADD COLUMN {};",
                create::column(column, true)
            ));
        }
    }
    let lost = |columns: &[String]| columns.iter().any(|column| fresh.contains(&column.as_str()));
    for constraint in &new.constraints {
        let there = old
            .constraints
            .iter()
            .any(|before| before.name == constraint.name && before.sql == constraint.sql);
        if !there || lost(&constraint.columns) {
            statements.push(create::add_constraint(&new.name, constraint));
        }
    }
    for index in &new.indexes {
        if !old.indexes.contains(index) || lost(&index.columns) {
            statements.push(create::index(&new.name, index));
        }
    }
    statements.extend(added_triggers(old, new));
}

fn added_triggers(old: &Table, new: &Table) -> Vec<String> {
    let added = new
        .triggers
        .iter()
        .filter(|trigger| !old.triggers.contains(trigger));
    added.map(|trigger| trigger.sql.clone()).collect()
}

/// A value of one type as one of another. Where there is no way, the text of it is tried, and the database says which
/// value it was.
fn converted(column: &str, before: &str, after: &str) -> String {
    match (before, after) {
        ("JSONB", "TEXT") => format!("{column} #>> '{{}}'"),
        (_, "JSONB") => format!("to_jsonb({column})"),
        ("JSONB", after) => format!("({column} #>> '{{}}')::{after}"),
        ("BOOLEAN", "BIGINT") => format!("{column}::int::bigint"),
        ("BIGINT", "BOOLEAN") => format!("{column} <> 0"),
        ("BIGINT" | "DOUBLE PRECISION", "BIGINT" | "DOUBLE PRECISION") => format!("{column}::{after}"),
        ("TIMESTAMPTZ(3)", "TEXT") => format!("bone_text({column})"),
        (_, "TEXT") => format!("{column}::text"),
        (_, after) => format!("{column}::text::{after}"),
    }
}
