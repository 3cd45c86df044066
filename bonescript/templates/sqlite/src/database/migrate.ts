/** Brings the database up to date: `npm run migrate`. Each migration is one transaction; two migrators take turns. */
import type { DatabaseSync } from "node:sqlite";
import { type DatabaseConfig, openFile } from "./client.ts";
import {
  type Applied,
  isCommand,
  MigrationError,
  type Migration,
  pending,
  readMigrations,
  runCommand,
} from "./ledger.ts";

/** A migration of a large table takes its time, and another migrator waits for it. */
const WAIT_MS = 60_000;

/** Runs what has not run yet, and says which. */
export function migrate(config: DatabaseConfig, folder?: string): Promise<string[]> {
  return Promise.resolve().then(() => {
    const database = openFile(config.databasePath);
    try {
      return runAll(database, readMigrations(folder));
    } finally {
      database.close();
    }
  });
}

function runAll(database: DatabaseSync, migrations: readonly Migration[]): string[] {
  database.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
  // Tables that are made anew are missing for a moment, and the keys to them are checked at the end instead.
  database.exec("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;");
  database.exec(
    `CREATE TABLE IF NOT EXISTS "schema_migration" (
      "id" TEXT PRIMARY KEY,
      "checksum" TEXT NOT NULL,
      "applied_at" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
      "milliseconds" INTEGER NOT NULL
    ) STRICT`,
  );
  const done: string[] = [];
  for (;;) {
    // Whoever came second finds out here, behind the lock, what the first has done.
    database.exec("BEGIN IMMEDIATE");
    try {
      const [next] = pending(migrations, readLedger(database));
      if (next === undefined) {
        database.exec("ROLLBACK");
        return done;
      }
      run(database, next);
      database.exec("COMMIT");
      done.push(next.id);
    } catch (error) {
      // A statement that fails in certain ways has ended the transaction already.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function readLedger(database: DatabaseSync): Applied[] {
  const rows = database
    .prepare('SELECT "id", "checksum" FROM "schema_migration" ORDER BY "id"')
    .all();
  return rows.map((row) => ({ id: String(row["id"]), checksum: String(row["checksum"]) }));
}

function run(database: DatabaseSync, migration: Migration): void {
  const begin = performance.now();
  try {
    database.exec(migration.sql);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`${migration.id}: ${reason}`, { cause: error });
  }
  const [broken] = database.prepare("PRAGMA foreign_key_check").all();
  if (broken !== undefined) {
    const { table, parent, rowid } = broken;
    throw new MigrationError(
      `${migration.id}: row ${String(rowid)} of \`${String(table)}\` names a row of \`${String(parent)}\` that is not there`,
    );
  }
  database
    .prepare('INSERT INTO "schema_migration" ("id", "checksum", "milliseconds") VALUES (?, ?, ?)')
    .run(migration.id, migration.checksum, Math.round(performance.now() - begin));
}

if (isCommand(import.meta.url)) {
  await runCommand(() => migrate({ databasePath: process.env["DATABASE_PATH"] || "data/app.db" }));
}
