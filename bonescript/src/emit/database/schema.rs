//! What is in a database, as `migrations/schema.json` keeps it: so much that the next compilation can say what changed.
//!
//! Parts are compared as SQL, and constraints are named after what they say: a constraint that changes is another one.

use serde::{Deserialize, Serialize};

/// A whole database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Schema {
    /// Tables, each after those that it refers to, where that is possible.
    pub(super) tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) indexes: Vec<Index>,
    pub(super) triggers: Vec<Trigger>,
    /// The program no longer has it: it is kept for what is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
    /// What to say about it in the migration that makes it; no part of what is compared.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
    /// What triggers refuse: the name of the violation, and how the program said it.
    #[serde(skip)]
    pub(super) refusals: Vec<(String, String)>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
    pub(super) nullable: bool,
    /// SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
    /// SQL that computes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) generated: Option<String>,
    /// The program no longer has it: it is kept for what is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
    /// SQL for rows that are there already, where it must have a value and has no default.
    #[serde(skip)]
    pub(super) filler: Option<String>,
    /// What it was called before.
    #[serde(skip)]
    pub(super) renamed_from: Option<String>,
}

/// A constraint of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Constraint {
    pub(super) name: String,
    /// What stands behind the name, such as `UNIQUE ("email")`.
    pub(super) sql: String,
    /// The table that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) references: Option<String>,
    /// The columns that it is about.
    pub(super) columns: Vec<String>,
    /// How the program said it; for messages.
    #[serde(skip)]
    pub(super) text: Option<String>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) columns: Vec<String>,
}

/// A trigger, with all that makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trigger {
    pub(super) name: String,
    /// Statements that make it, its function among them.
    pub(super) sql: String,
}

impl Table {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            retired: false,
            notes: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Adds a constraint, unless one says the same already.
    pub(super) fn constrain(&mut self, constraint: Constraint) {
        if !self.constraints.iter().any(|known| known.name == constraint.name) {
            self.constraints.push(constraint);
        }
    }
}

impl Column {
    pub(super) fn new(name: &str, ty: &str) -> Self {
        Self {
            name: name.to_owned(),
            ty: ty.to_owned(),
            nullable: false,
            default: None,
            generated: None,
            retired: false,
            filler: None,
            renamed_from: None,
        }
    }
}
