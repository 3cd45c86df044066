//! What tables do by themselves.

use super::dialect::{Dialect, name, own_name};
use super::schema::Trigger;

/// Keeps `updated_at`, also when somebody writes by hand.
pub(super) fn updated_at(dialect: Dialect, table: &str) -> Trigger {
    let trigger = own_name(&[table, "updated_at"]);
    let quoted = name(table);
    let sql = match dialect {
        Dialect::Postgres => format!(
            "CREATE TRIGGER {} BEFORE UPDATE ON {quoted}\n  FOR EACH ROW EXECUTE FUNCTION bone_touch();",
            name(&trigger)
        ),
        Dialect::Sqlite => format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {quoted}\n  FOR EACH ROW WHEN NEW.\"updated_at\" = OLD.\"updated_at\"\n\
             BEGIN\n  UPDATE {quoted} SET \"updated_at\" = {} WHERE \"id\" = NEW.\"id\";\nEND;",
            name(&trigger),
            dialect.now()
        ),
    };
    Trigger { name: trigger, sql }
}

/// So many rows may name one of another table.
pub(super) struct Limit<'a> {
    /// What the violation is called.
    pub(super) name: String,
    /// The table that holds the ids.
    pub(super) holder: &'a str,
    /// The column of the ids.
    pub(super) column: &'a str,
    /// The table whose rows are named.
    pub(super) parent: &'a str,
    pub(super) most: u64,
}

/// Refuses one row too many, as a check would. In `PostgreSQL`, the row that is named is locked before the others are
/// counted: two that come at once are counted one after the other.
pub(super) fn limit(dialect: Dialect, limit: &Limit<'_>) -> Vec<Trigger> {
    let Limit {
        holder,
        column,
        parent,
        most,
        ..
    } = limit;
    let (quoted, holder, column, parent) = (name(&limit.name), name(holder), name(column), name(parent));
    match dialect {
        Dialect::Postgres => vec![Trigger {
            name: limit.name.clone(),
            sql: format!(
                "CREATE OR REPLACE FUNCTION {quoted}() RETURNS trigger LANGUAGE plpgsql AS $body$\n\
                 BEGIN\n\
                 \x20 PERFORM 1 FROM {parent} WHERE \"id\" = NEW.{column} FOR NO KEY UPDATE;\n\
                 \x20 IF (SELECT count(*) FROM {holder} WHERE {column} = NEW.{column}) > {most} THEN\n\
                 \x20   RAISE EXCEPTION 'more than {most} rows' USING ERRCODE = 'check_violation', CONSTRAINT = {constraint};\n\
                 \x20 END IF;\n\
                 \x20 RETURN NULL;\n\
                 END $body$;\n\
                 CREATE TRIGGER {quoted} AFTER INSERT OR UPDATE OF {column} ON {holder}\n\
                 \x20 FOR EACH ROW EXECUTE FUNCTION {quoted}();",
                constraint = literal(&limit.name),
            ),
        }],
        Dialect::Sqlite => [("insert", "INSERT"), ("update", "UPDATE OF")]
            .into_iter()
            .map(|(word, event)| {
                let trigger = own_name(&[&limit.name, word]);
                let event = if word == "update" { format!("{event} {column}") } else { event.to_owned() };
                let message = literal(&format!("CHECK constraint failed: {}", limit.name));
                Trigger {
                    sql: format!(
                        "CREATE TRIGGER {} AFTER {event} ON {holder}\n\
                         \x20 FOR EACH ROW WHEN (SELECT count(*) FROM {holder} WHERE {column} = NEW.{column}) > {most}\n\
                         BEGIN\n  SELECT RAISE(ABORT, {message});\nEND;",
                        name(&trigger)
                    ),
                    name: trigger,
                }
            })
            .collect(),
    }
}

/// A text of our own: names of the language have no quotes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Functions that conditions and triggers of `PostgreSQL` use; a migration makes those that it names.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    (
        "bone_touch",
        "CREATE OR REPLACE FUNCTION bone_touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.\"updated_at\" = OLD.\"updated_at\" THEN
    NEW.\"updated_at\" = now();
  END IF;
  RETURN NEW;
END $body$;",
    ),
    (
        "bone_size",
        "-- How many elements, keys or characters.
CREATE OR REPLACE FUNCTION bone_size(value jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $body$
  SELECT CASE jsonb_typeof(value)
    WHEN 'array' THEN jsonb_array_length(value)::bigint
    WHEN 'object' THEN (SELECT count(*) FROM jsonb_object_keys(value))
    WHEN 'string' THEN char_length(value #>> '{}')::bigint
  END
$body$;",
    ),
    (
        "bone_text",
        "-- RFC 3339, whatever the settings of the session.
CREATE OR REPLACE FUNCTION bone_text(value timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $body$
  SELECT to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
$body$;",
    ),
    (
        "bone_json",
        "-- The same at any time, which PostgreSQL knows only of functions that say so.
CREATE OR REPLACE FUNCTION bone_json(value anyelement) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $body$
  SELECT to_jsonb(value)
$body$;",
    ),
    (
        "bone_list",
        "CREATE OR REPLACE FUNCTION bone_list(items jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $body$
  SELECT to_jsonb(items)
$body$;",
    ),
    (
        "bone_map",
        "CREATE OR REPLACE FUNCTION bone_map(keys text[], items jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $body$
  SELECT coalesce(jsonb_object_agg(key, item), '{}') FROM unnest(keys, items) AS entry (key, item)
$body$;",
    ),
    (
        "bone_milliseconds",
        "CREATE OR REPLACE FUNCTION bone_milliseconds(value timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $body$
  SELECT (extract(epoch FROM value) * 1000)::bigint
$body$;",
    ),
    (
        "bone_later",
        "CREATE OR REPLACE FUNCTION bone_later(value timestamptz, milliseconds bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $body$
  SELECT value + milliseconds * interval '1 millisecond'
$body$;",
    ),
];
