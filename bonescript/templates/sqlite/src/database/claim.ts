/** How workers take work out of a table: one after the other, as SQLite has one writer at a time. */
import type { SelectQueryBuilder } from "kysely";

/** All rows: a statement that takes one has the database for itself. */
export function skipLocked<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> {
  return query;
}
