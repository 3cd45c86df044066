/** The connections to PostgreSQL. */
import { Kysely, PostgresDialect } from "kysely";
import { Pool, types } from "pg";
import type { Tables } from "./types.ts";

/** Queries outside of a transaction. */
export type Database = Kysely<Tables>;

/** What the connection needs to know. */
export interface DatabaseConfig {
  /** `postgres://user:password@host:5432/name`. */
  readonly databaseUrl: string;
}

/** A request never waits longer than this for a connection. */
const CONNECT_MS = 10_000;

/** Opens the pool; connections are made when they are needed. `lost` is told of idle connections that break. */
export function openDatabase(
  config: DatabaseConfig,
  lost: (error: Error) => void = () => undefined,
): Database {
  const pool = new Pool({
    connectionString: config.databaseUrl,
    max: 20,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 30_000,
    // A transaction that nobody goes on with gives its locks back.
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser: parserOf },
  });
  // Without a listener, a server that restarts would end the process: the pool tells of connections that wait in it,
  // and each connection that is in use of itself, whose query fails besides.
  pool.on("error", lost);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** Object ids of types, as in `pg_type`. */
const INT8 = 20;
const JSON_TEXT = 114;
const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;
const JSONB = 3802;

function parserOf(oid: number, format?: "text" | "binary"): (value: string) => unknown {
  switch (oid) {
    case INT8:
      return BigInt;
    case NUMERIC:
      // Sums of whole numbers are numeric.
      return (value) => (/^-?\d+$/.test(value) ? BigInt(value) : Number(value));
    case JSON_TEXT:
    case JSONB:
      // The codec knows which numbers in it are whole.
      return (value) => value;
    case TIMESTAMPTZ:
      return instant;
    default:
      return types.getTypeParser(oid, format ?? "text") as (value: string) => unknown;
  }
}

/** `2026-01-31 12:00:00.5+01` to RFC 3339 with milliseconds and `Z`. */
function instant(value: string): string {
  const full = value.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
  return new Date(full).toISOString();
}
