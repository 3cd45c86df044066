//! Changes of tables where they are made anew: `SQLite` changes little in place. The tables are strict, so that a value
//! that does not fit its new type stops the migration.

use super::Pair;
use crate::emit::database::create;
use crate::emit::database::dialect::{Dialect, name};

pub(super) fn statements(pairs: &[Pair<'_>], created: Vec<String>) -> Vec<String> {
    let mut statements = created;
    for pair in pairs {
        let Pair { old, new, .. } = pair;
        if is_beside(pair) {
            for trigger in &old.triggers {
                if !new.triggers.contains(trigger) {
                    statements.push(format!("DROP TRIGGER {};", name(&trigger.name)));
                }
            }
            for index in &old.indexes {
                if !new.indexes.contains(index) {
                    statements.push(format!("DROP INDEX {};", name(&index.name)));
                }
            }
            let indexes = new.indexes.iter().filter(|index| !old.indexes.contains(index));
            statements.extend(indexes.map(|index| create::index(&new.name, index)));
            let triggers = new
                .triggers
                .iter()
                .filter(|trigger| !old.triggers.contains(trigger));
            statements.extend(triggers.map(|trigger| trigger.sql.clone()));
        } else {
            rebuild(pair, &mut statements);
        }
    }
    statements
}

/// Whether only what lies beside the table changes.
fn is_beside(pair: &Pair<'_>) -> bool {
    let columns = pair.new.columns.len() == pair.old.columns.len()
        && pair.renamed.is_empty()
        && pair.old.columns.iter().zip(&pair.new.columns).all(|(old, new)| {
            (&old.name, &old.ty, old.nullable, &old.default, &old.generated)
                == (&new.name, &new.ty, new.nullable, &new.default, &new.generated)
        });
    let same = |one: &crate::emit::database::schema::Table, other: &crate::emit::database::schema::Table| {
        one.constraints.iter().all(|constraint| {
            other
                .constraints
                .iter()
                .any(|known| known.name == constraint.name && known.sql == constraint.sql)
        })
    };
    columns && same(pair.old, pair.new) && same(pair.new, pair.old)
}

fn rebuild(pair: &Pair<'_>, statements: &mut Vec<String>) {
    let Pair { old, new, .. } = pair;
    let table = name(&new.name);
    let passing = format!("bone_new_{}", new.name);
    let constraints: Vec<_> = new.constraints.iter().collect();
    statements.push(create::table(
        Dialect::Sqlite,
        &passing,
        &new.columns,
        &constraints,
    ));
    let mut into = Vec::new();
    let mut from = Vec::new();
    for column in new.columns.iter().filter(|column| column.generated.is_none()) {
        let stand_in = column.default.as_ref().or(column.filler.as_ref());
        let value = match pair.before(column) {
            Some(before) => {
                let value = name(&before.name);
                match stand_in.filter(|_| before.nullable && !column.nullable) {
                    Some(filler) => format!("COALESCE({value}, {filler})"),
                    None => value,
                }
            }
            None if column.nullable && column.default.is_none() => continue,
            None => match stand_in {
                Some(filler) => filler.clone(),
                // No row has one: an empty table goes through, any other stops here with the name of the column.
                None => "NULL".to_owned(),
            },
        };
        into.push(name(&column.name));
        from.push(value);
    }
    statements.push(format!(
        "INSERT INTO {} ({})\nSELECT {}\nFROM {};",
        name(&passing),
        into.join(", "),
        from.join(", "),
        name(&old.name)
    ));
    statements.push(format!("DROP TABLE {};", name(&old.name)));
    statements.push(format!("ALTER TABLE {} RENAME TO {table};", name(&passing)));
    statements.extend(new.indexes.iter().map(|index| create::index(&new.name, index)));
    statements.extend(new.triggers.iter().map(|trigger| trigger.sql.clone()));
}
