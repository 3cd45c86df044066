/**
 * Which migrations there are and which have run. A file that has run is never changed: its checksum is in the ledger, and
 * a different one stops everything, since nobody could tell what is in the database.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of `migrations/`. */
export interface Migration {
  readonly id: string;
  readonly checksum: string;
  readonly sql: string;
}

/** A row of the table `schema_migration`. */
export interface Applied {
  readonly id: string;
  readonly checksum: string;
}

/** A migration cannot be run; the message says which, and why. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** The folder beside `src` or `dist`. */
const FOLDER = fileURLToPath(new URL("../../migrations/", import.meta.url));

/** All files, in the order of their names. */
export function readMigrations(folder: string = FOLDER): Migration[] {
  const names = readdirSync(folder).filter((name) => /^\d+_.+\.sql$/.test(name));
  names.sort((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10));
  return names.map((name) => {
    // Version control may have changed the line ends.
    const sql = readFileSync(`${folder}/${name}`, "utf8").replaceAll("\r\n", "\n");
    return {
      id: name.replace(/\.sql$/, ""),
      checksum: createHash("sha256").update(sql).digest("hex"),
      sql,
    };
  });
}

/** Those that have not run yet. Throws where the files and the database do not fit together. */
export function pending(
  migrations: readonly Migration[],
  applied: readonly Applied[],
): Migration[] {
  const done = new Map(applied.map((row) => [row.id, row.checksum]));
  const known = new Set(migrations.map((migration) => migration.id));
  const last = migrations.at(-1)?.id ?? "";
  const lost = applied.find((row) => !known.has(row.id) && row.id < last);
  if (lost !== undefined) {
    throw new MigrationError(
      `${lost.id} has run here, but its file is gone: restore it from version control`,
    );
  }
  let waiting: string | undefined;
  for (const { id, checksum } of migrations) {
    const before = done.get(id);
    if (before === undefined) {
      waiting ??= id;
    } else if (before !== checksum) {
      throw new MigrationError(
        `${id} has been changed after it ran: restore it, and write a new migration for the change`,
      );
    } else if (waiting !== undefined) {
      throw new MigrationError(`${waiting} has not run here, but the later ${id} has`);
    }
  }
  return migrations.filter((migration) => !done.has(migration.id));
}

/** Runs `migrate` as a command: says what was done, and ends with 1 where it failed. */
export async function runCommand(migrate: () => Promise<string[]>): Promise<void> {
  try {
    const done = await migrate();
    console.log(done.length === 0 ? "the database is up to date" : `applied ${done.join(", ")}`);
  } catch (error) {
    console.error(error instanceof Error ? `migration failed: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Whether this module is the program that was started. */
export function isCommand(url: string): boolean {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}
