/** How rows are locked while a capability works on them. */
import { type RawBuilder, sql } from "kysely";

/**
 * `share`: nobody may change it. `update`: nobody else may change or read it for a change; rows that refer to it may be
 * made. `exclusive`: not even these, so that what refers to it can be counted.
 */
export type Strength = "share" | "update" | "exclusive";

/** The end of a `select`. */
export const lockClause: Readonly<Record<Strength, RawBuilder<unknown>>> = {
  share: sql`for share`,
  update: sql`for no key update`,
  exclusive: sql`for update`,
};
