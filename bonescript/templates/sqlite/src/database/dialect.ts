/** `node:sqlite` for Kysely. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from "kysely";

/** Kysely over a file that is open. */
export class NodeSqliteDialect implements Dialect {
  readonly #database: SqliteDatabase;

  constructor(database: DatabaseSync) {
    this.#database = new Adapted(database);
  }

  createDriver(): Driver {
    return new ImmediateDriver({ database: this.#database });
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** A transaction that reads before it writes could otherwise find that another process wrote in between. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

/** So many statements are kept prepared; a program has far fewer, save for lists of different lengths. */
const MAX_STATEMENTS = 500;

class Adapted implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(text: string): SqliteStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = adapt(this.#database.prepare(text));
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(text, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

type Row = Record<string, unknown>;

function adapt(statement: StatementSync): SqliteStatement {
  // Whole numbers of 64 bits stay whole.
  statement.setReadBigInts(true);
  const columns = statement.columns();
  // Columns declared as `INT` count something small, as INTEGER does in PostgreSQL.
  const small = columns.filter((column) => column.type === "INT").map((column) => column.name);
  const shown = (row: unknown): Row => {
    const values: Row = { ...(row as Row) };
    for (const name of small) {
      if (typeof values[name] === "bigint") values[name] = Number(values[name]);
    }
    return values;
  };
  return {
    reader: columns.length > 0,
    all: (parameters) => statement.all(...parameters.map(bound)).map(shown),
    run: (parameters) => statement.run(...parameters.map(bound)),
    *iterate(parameters) {
      for (const row of statement.iterate(...parameters.map(bound))) yield shown(row);
    },
  };
}

/** What SQLite takes for a value. */
function bound(value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof Date) return value.toISOString();
  // A number would be bound as a real, and 5 divided by 2 be 2.5.
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "string" || typeof value === "bigint" || value instanceof Uint8Array)
    return value;
  throw new TypeError(`a ${typeof value} is no value of SQLite`);
}
