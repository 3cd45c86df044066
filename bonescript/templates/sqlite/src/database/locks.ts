/** How rows are locked while a capability works on them: not at all, for one transaction writes at a time. */
import { type RawBuilder, sql } from "kysely";

/** What other databases tell apart. */
export type Strength = "share" | "update" | "exclusive";

/** The end of a `select`. */
export const lockClause: Readonly<Record<Strength, RawBuilder<unknown>>> = {
  share: sql``,
  update: sql``,
  exclusive: sql``,
};
