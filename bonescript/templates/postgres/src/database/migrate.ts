/** Brings the database up to date: `npm run migrate`. Each migration is one transaction; two migrators take turns. */
import { Client } from "pg";
import type { DatabaseConfig } from "./client.ts";
import {
  type Applied,
  isCommand,
  MigrationError,
  type Migration,
  pending,
  readMigrations,
  runCommand,
} from "./ledger.ts";

/** Any number, the same for all migrators of a database: the letters `bone`. */
const LOCK = 0x626f_6e65;

/** Runs what has not run yet, and says which. */
export async function migrate(config: DatabaseConfig, folder?: string): Promise<string[]> {
  const migrations = readMigrations(folder);
  const client = new Client({
    connectionString: config.databaseUrl,
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    // Held until the connection ends, so that whoever comes second finds everything done.
    await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
    await client.query(
      `CREATE TABLE IF NOT EXISTS "schema_migration" (
        "id" TEXT PRIMARY KEY,
        "checksum" TEXT NOT NULL,
        "applied_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
        "milliseconds" INTEGER NOT NULL
      )`,
    );
    const applied = await client.query<Applied>(
      'SELECT "id", "checksum" FROM "schema_migration" ORDER BY "id"',
    );
    const waiting = pending(migrations, applied.rows);
    for (const migration of waiting) await run(client, migration);
    return waiting.map((migration) => migration.id);
  } finally {
    await client.end();
  }
}

async function run(client: Client, migration: Migration): Promise<void> {
  const begin = performance.now();
  await client.query("BEGIN");
  try {
    await client.query(migration.sql);
    await client.query(
      'INSERT INTO "schema_migration" ("id", "checksum", "milliseconds") VALUES ($1, $2, $3)',
      [migration.id, migration.checksum, Math.round(performance.now() - begin)],
    );
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw new MigrationError(`${migration.id}: ${reason(error)}`, { cause: error });
  }
}

/** What PostgreSQL says of it, in full: these words are for whoever runs the migration. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const parts = [error.message];
  for (const part of ["detail", "hint", "table", "column", "constraint"]) {
    const said: unknown = Reflect.get(error, part);
    if (typeof said === "string") parts.push(`${part}: ${said}`);
  }
  return parts.join("; ");
}

if (isCommand(import.meta.url)) {
  await runCommand(async () => {
    const databaseUrl = process.env["DATABASE_URL"];
    if (!databaseUrl)
      throw new MigrationError("set DATABASE_URL to postgres://user:password@host:5432/name");
    return migrate({ databaseUrl });
  });
}
