/** The connection to the SQLite file. There is one: SQLite writes one after another, and a query takes microseconds. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { NodeSqliteDialect } from "./dialect.ts";
import { addFunctions } from "./functions.ts";
import type { Tables } from "./types.ts";

/** Queries outside of a transaction. */
export type Database = Kysely<Tables>;

/** What the connection needs to know. */
export interface DatabaseConfig {
  /** The file; `:memory:` for a database that ends with the process. */
  readonly databasePath: string;
}

/** Another process that writes is waited for this long. */
const BUSY_MS = 5_000;

/** Opens the file, and makes it where it is not there. */
export function openDatabase(config: DatabaseConfig): Database {
  return new Kysely<Tables>({ dialect: new NodeSqliteDialect(openFile(config.databasePath)) });
}

/** The file itself; the migrations need it without what is above. */
export function openFile(path: string): DatabaseSync {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path, {
    timeout: BUSY_MS,
    enableForeignKeyConstraints: true,
  });
  // Readers do not wait for a writer, and a process that is killed loses nothing that was committed.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  addFunctions(database);
  return database;
}
