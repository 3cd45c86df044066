/** How workers take work out of a table without waiting for each other. */
import type { SelectQueryBuilder } from "kysely";

/** The rows that nobody else is just taking. */
export function skipLocked<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> {
  return query.forUpdate().skipLocked();
}
