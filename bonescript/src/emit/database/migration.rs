//! `migrations/`: what leads from the database of the last compilation to that of this one, and `schema.json`, which
//! remembers it for the next.

use serde::{Deserialize, Serialize};

use super::dialect::{Dialect, hash};
use super::difference::{Difference, difference};
use super::lower;
use super::schema::Schema;
use crate::emit::{EmitError, Target};
use crate::ir::System;

/// What a change of a program does to its database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// The statements; empty where nothing changes.
    pub sql: String,
    /// What people should know before they run it.
    pub notes: Vec<String>,
    /// What may be lost by it.
    pub destructive: Vec<String>,
}

/// `migrations/schema.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Of this file.
    version: u32,
    target: String,
    /// Files, in their order.
    migrations: Vec<String>,
    #[serde(flatten)]
    schema: Schema,
}

const VERSION: u32 = 1;

/// A migration that is to be written, and what is remembered afterwards.
pub(super) struct Next {
    pub(super) migration: Migration,
    /// Its path; none where nothing changes.
    pub(super) path: Option<String>,
    pub(super) memory: String,
    pub(super) schema: Schema,
}

/// What this compilation adds.
pub(super) fn next(system: &System, target: Target, previous: Option<&str>) -> Result<Next, EmitError> {
    let dialect = Dialect::of(target);
    let before = previous.map(|text| read(text, target)).transpose()?;
    let new = lower::schema(system, dialect)?;
    let Difference {
        statements,
        notes,
        destructive,
        schema,
    } = difference(before.as_ref().map(|memory| &memory.schema), new, dialect);
    let mut migrations = before.map(|memory| memory.migrations).unwrap_or_default();
    let mut migration = Migration {
        sql: String::new(),
        notes,
        destructive,
    };
    let mut path = None;
    if !statements.is_empty() {
        let body = statements.join("\n\n");
        let number = migrations.len() + 1;
        let file = format!("{number:04}_{}.sql", hash(&body));
        migration.sql = format!("{}{body}\n", head(number, &migration));
        path = Some(format!("migrations/{file}"));
        migrations.push(file);
    }
    let memory = Memory {
        version: VERSION,
        target: target.as_str().to_owned(),
        migrations,
        schema: schema.clone(),
    };
    let text = serde_json::to_string_pretty(&memory).map_err(|error| EmitError::Unwritable {
        what: "`migrations/schema.json`".to_owned(),
        why: error.to_string(),
    })?;
    Ok(Next {
        migration,
        path,
        memory: format!("{text}\n"),
        schema,
    })
}

fn read(text: &str, target: Target) -> Result<Memory, EmitError> {
    let memory: Memory = serde_json::from_str(text).map_err(|error| EmitError::Previous {
        message: error.to_string(),
    })?;
    if memory.version != VERSION {
        return Err(EmitError::Previous {
            message: format!(
                "it is of version {}, and this compiler reads {VERSION}",
                memory.version
            ),
        });
    }
    if memory.target != target.as_str() {
        return Err(EmitError::Previous {
            message: format!(
                "it is of the target `{}`, and this is `{}`: give each target a folder of its own",
                memory.target,
                target.as_str()
            ),
        });
    }
    Ok(memory)
}

fn head(number: usize, migration: &Migration) -> String {
    let mut head = format!(
        "-- Migration {number}. `npm run migrate` runs it once, all of it or nothing; never change it afterwards.\n"
    );
    for (word, lines) in [("Note", &migration.notes), ("May lose", &migration.destructive)] {
        for line in lines {
            head.extend(["-- ", word, ": ", &super::create::one_line(line), "\n"]);
        }
    }
    head.push('\n');
    head
}
