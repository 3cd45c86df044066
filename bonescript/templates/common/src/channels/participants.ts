/** The rows of those who take part in a channel, and what its filter says of each. */
import { sql } from "kysely";

import type { Database } from "../database/client.ts";
import { decodeRow } from "../database/codec.ts";
import type { BaseRow, Entity } from "../entities/definition.ts";
import type { KeptMessage, Participant } from "./types.ts";

/** Read with one statement; fewer than the values that a statement may have. */
const CHUNK = 500;

/** Loads participants of an entity; without a filter each gets every message. */
export function participantsOf<Row extends BaseRow>(
  entity: Entity<Row>,
  accepts: (participant: Row, message: KeptMessage) => boolean = () => true,
): (db: Database, ids: readonly string[]) => Promise<ReadonlyMap<string, Participant>> {
  return async (db, ids) => {
    const found = new Map<string, Participant>();
    for (let from = 0; from < ids.length; from += CHUNK) {
      const some = ids.slice(from, from + CHUNK);
      const query = sql<object>`select * from ${sql.table(entity.table)} where id in (${sql.join(some)})`;
      for (const raw of (await query.execute(db)).rows) {
        const row = decodeRow<Row>(entity.table, raw);
        found.set(row.id, { accepts: (message) => accepts(row, message) });
      }
    }
    return found;
  };
}

/** Whoever has a token, where no rows matter; the filter is asked of the message alone. */
export function anyone(
  accepts: (message: KeptMessage) => boolean,
): (db: Database, ids: readonly string[]) => Promise<ReadonlyMap<string, Participant>> {
  return (_db, ids) => Promise.resolve(new Map(ids.map((id) => [id, { accepts }])));
}
