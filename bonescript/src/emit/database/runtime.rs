//! Tables that the program itself needs. `runtime.ts` says them to TypeScript.
//!
//! None ends in `s`, as the tables of entities, stores and relations do.

use super::dialect::{Dialect, name, own_name};
use super::schema::{Column, Constraint, Index, Table};
use crate::ir::Type;

/// A column: its name, its type, and whether it may be null or has a default.
type Cell = (&'static str, Kind, Rest);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Time,
    /// A number that stays small: a `number` in TypeScript.
    Count,
    /// Counts up by itself.
    Serial,
}

#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Given,
    Nullable,
    Zero,
    Now,
}

use Kind::{Count, Serial, Text, Time};
use Rest::{Given, Now, Nullable, Zero};

struct Plan {
    name: &'static str,
    about: &'static str,
    cells: &'static [Cell],
    key: &'static [&'static str],
    uniques: &'static [&'static [&'static str]],
    indexes: &'static [&'static [&'static str]],
}

const PLANS: &[Plan] = &[
    Plan {
        name: "outbox",
        about: "Events, written in the transaction that they tell of.",
        cells: &[
            ("id", Text, Given),
            ("event", Text, Given),
            ("payload", Text, Given),
            ("created_at", Time, Now),
            ("available_at", Time, Given),
            ("expires_at", Time, Nullable),
            ("locked_until", Time, Nullable),
            ("attempts", Count, Zero),
            ("status", Text, Given),
            ("last_error", Text, Nullable),
            ("finished_at", Time, Nullable),
        ],
        key: &["id"],
        uniques: &[],
        indexes: &[&["status", "available_at"]],
    },
    Plan {
        name: "event_delivery",
        about: "Who has had which event; outlives the event, so that none arrives twice.",
        cells: &[
            ("event_id", Text, Given),
            ("consumer", Text, Given),
            ("delivered_at", Time, Given),
        ],
        key: &["event_id", "consumer"],
        uniques: &[],
        indexes: &[&["delivered_at"]],
    },
    Plan {
        name: "job_queue",
        about: "Work that is done later.",
        cells: &[
            ("id", Text, Given),
            ("capability", Text, Given),
            ("input", Text, Given),
            ("caller", Text, Given),
            ("status", Text, Given),
            ("attempts", Count, Zero),
            ("available_at", Time, Given),
            ("locked_until", Time, Nullable),
            ("result", Text, Nullable),
            ("error", Text, Nullable),
            ("created_at", Time, Now),
            ("finished_at", Time, Nullable),
            ("idempotency_key", Text, Nullable),
        ],
        key: &["id"],
        uniques: &[&["idempotency_key"]],
        indexes: &[&["status", "available_at"]],
    },
    Plan {
        name: "flow_run",
        about: "Flows, and how far each has come.",
        cells: &[
            ("id", Text, Given),
            ("flow", Text, Given),
            ("input", Text, Given),
            ("caller", Text, Given),
            ("state", Text, Given),
            ("status", Text, Given),
            ("step", Count, Zero),
            ("attempts", Count, Zero),
            ("available_at", Time, Given),
            ("locked_until", Time, Nullable),
            ("error", Text, Nullable),
            ("created_at", Time, Now),
            ("finished_at", Time, Nullable),
            ("idempotency_key", Text, Nullable),
        ],
        key: &["id"],
        uniques: &[&["idempotency_key"]],
        indexes: &[&["status", "available_at"]],
    },
    Plan {
        name: "channel_message",
        about: "Messages of channels, in their order.",
        cells: &[
            ("id", Serial, Given),
            ("channel", Text, Given),
            ("type", Text, Given),
            ("sender", Text, Nullable),
            ("payload", Text, Given),
            ("created_at", Time, Now),
        ],
        key: &["id"],
        uniques: &[],
        indexes: &[&["channel", "id"], &["created_at"]],
    },
    Plan {
        name: "idempotency_key",
        about: "Answers that are given again for the same key.",
        cells: &[
            ("scope", Text, Given),
            ("key", Text, Given),
            ("request_hash", Text, Given),
            ("status", Count, Nullable),
            ("response", Text, Nullable),
            ("created_at", Time, Now),
        ],
        key: &["scope", "key"],
        uniques: &[],
        indexes: &[&["created_at"]],
    },
    Plan {
        name: "audit_log",
        about: "Who did what, and how it ended.",
        cells: &[
            ("id", Text, Given),
            ("at", Time, Now),
            ("actor_id", Text, Nullable),
            ("actor_entity", Text, Nullable),
            ("action", Text, Given),
            ("target", Text, Nullable),
            ("target_id", Text, Nullable),
            ("outcome", Text, Given),
            ("status", Count, Given),
            ("request_id", Text, Nullable),
            ("details", Text, Given),
        ],
        key: &["id"],
        uniques: &[],
        indexes: &[&["at"], &["actor_id", "at"]],
    },
    Plan {
        name: "credential",
        about: "Keys of callers that are no passwords; only what they hash to.",
        cells: &[
            ("entity", Text, Given),
            ("subject_id", Text, Given),
            ("kind", Text, Given),
            ("secret_hash", Text, Given),
            ("hint", Text, Given),
            ("created_at", Time, Now),
            ("last_used_at", Time, Nullable),
        ],
        key: &["entity", "subject_id", "kind"],
        uniques: &[&["kind", "secret_hash"]],
        indexes: &[],
    },
    Plan {
        name: "role_grant",
        about: "Roles of callers.",
        cells: &[
            ("entity", Text, Given),
            ("subject_id", Text, Given),
            ("role", Text, Given),
            ("granted_at", Time, Now),
        ],
        key: &["entity", "subject_id", "role"],
        uniques: &[],
        indexes: &[],
    },
    Plan {
        name: "token_revocation",
        about: "Tokens that were given up before their end.",
        cells: &[("token_id", Text, Given), ("ends_at", Time, Given)],
        key: &["token_id"],
        uniques: &[],
        indexes: &[&["ends_at"]],
    },
];

/// All of them.
pub(super) fn tables(dialect: Dialect) -> Vec<Table> {
    PLANS.iter().map(|plan| table(dialect, plan)).collect()
}

fn table(dialect: Dialect, plan: &Plan) -> Table {
    let mut table = Table::new(plan.name);
    table.notes.push(plan.about.to_owned());
    for (column, kind, rest) in plan.cells {
        // `id`s are UUIDs, but of different tables: as text they compare with what the program holds.
        let ty = match kind {
            Text => "TEXT",
            Time => dialect.type_name(&Type::Timestamp),
            Count => dialect.pick("INTEGER", "INT"),
            Serial => dialect.pick("BIGINT GENERATED ALWAYS AS IDENTITY", "INTEGER"),
        };
        table.columns.push(Column {
            nullable: *rest == Nullable,
            default: match rest {
                Zero => Some("0".to_owned()),
                Now => Some(dialect.now().to_owned()),
                Given | Nullable => None,
            },
            ..Column::new(column, ty)
        });
    }
    let serial = plan.cells.iter().any(|(_, kind, _)| matches!(kind, Serial));
    // Without `AUTOINCREMENT`, the number of a row that was removed may come again.
    let after = if serial && dialect == Dialect::Sqlite {
        " AUTOINCREMENT"
    } else {
        ""
    };
    let keys: Vec<String> = plan.key.iter().map(|column| (*column).to_owned()).collect();
    table.constrain(Constraint {
        name: own_name(&[plan.name, "pkey"]),
        sql: format!("PRIMARY KEY ({}{after})", quoted(plan.key)),
        references: None,
        columns: keys,
        text: None,
    });
    for unique in plan.uniques {
        table.constrain(Constraint {
            name: own_name(&[plan.name, &unique.join("_"), "key"]),
            sql: format!("UNIQUE ({})", quoted(unique)),
            references: None,
            columns: unique.iter().map(|column| (*column).to_owned()).collect(),
            text: None,
        });
    }
    for index in plan.indexes {
        table.indexes.push(Index {
            name: own_name(&[plan.name, &index.join("_"), "idx"]),
            unique: false,
            columns: index.iter().map(|column| (*column).to_owned()).collect(),
        });
    }
    table
}

fn quoted(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| name(column)).collect();
    quoted.join(", ")
}
