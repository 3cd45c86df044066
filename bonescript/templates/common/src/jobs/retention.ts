/** Removes rows that are older than their store keeps them. */
import { sql } from "kysely";

import type { Context } from "../context.ts";
import { later } from "../worker.ts";

/** A table whose rows are kept for a time. */
export interface Retained {
  readonly table: string;
  readonly keepMs: number;
}

/** Rows that are removed with one statement. */
const CHUNK = 500;
/** Before every id. */
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

export async function removeOldRows(
  context: Context,
  retained: readonly Retained[],
  signal: AbortSignal,
): Promise<void> {
  for (const { table, keepMs } of retained) {
    const before = later(context.clock(), -keepMs);
    let removed = 0;
    let kept = 0;
    let last = FIRST_ID;
    while (!signal.aborted) {
      const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)}
        where created_at < ${before} and id > ${last} order by id limit ${CHUNK}`.execute(
        context.db,
      );
      if (rows.length === 0) break;
      const ids = rows.map(({ id }) => id);
      last = ids.at(-1) ?? last;
      const gone = await remove(context, table, ids);
      removed += gone;
      kept += ids.length - gone;
    }
    if (removed > 0 || kept > 0) context.log.info({ table, removed, kept }, "old rows removed");
  }
}

/** How many could be removed. One that others refer to stays, and holds up none of the rest. */
async function remove(context: Context, table: string, ids: readonly string[]): Promise<number> {
  try {
    await sql`delete from ${sql.table(table)} where id in (${sql.join(ids)})`.execute(context.db);
    return ids.length;
  } catch (error) {
    if (ids.length === 1) {
      context.log.debug({ err: error, table }, "old row not removed");
      return 0;
    }
    const middle = Math.ceil(ids.length / 2);
    const first = await remove(context, table, ids.slice(0, middle));
    return first + (await remove(context, table, ids.slice(middle)));
  }
}
