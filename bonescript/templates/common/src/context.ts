/** What every part of the server is given, instead of reaching for globals. */
import type { Config } from "./config.ts";
import type { Database } from "./database/client.ts";
import type { Extensions } from "./extensions/types.ts";
import type { Live } from "./live.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

export interface Context extends Live {
  config: Config;
  db: Database;
  log: Logger;
  /** The time; tests put their own here. */
  clock: () => Date;
  metrics: Metrics;
  extensions: Extensions;
}

/** Who calls: the subject of a verified token or key. */
export interface Caller {
  /** The id of its row. */
  id: string;
  /** The entity that it is a row of, such as `Buyer`. */
  entity: string;
  roles: readonly string[];
  /** The first of the roles. */
  role: string | null;
}
