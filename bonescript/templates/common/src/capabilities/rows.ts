/**
 * The rows that a capability works on: each once, locked, and written back where it was changed.
 *
 * Which rows these are follows from the rows themselves (`order.plant.seller`). So `load` runs twice: first without locks,
 * to find out; then every row that it asked for is locked, in an order that is the same for all capabilities, and `load`
 * runs again over the locked rows. Where it then wants another row, somebody was faster, and all begins anew.
 */
import { sql } from "kysely";

import type { Strength } from "../database/locks.ts";
import { decodeRow } from "../database/codec.ts";
import type { Transaction } from "../database/transaction.ts";
import { column, type BaseRow, type Entity, type Values } from "../entities/definition.ts";
import { findRow, insertRow, lockRows, updateRow } from "../entities/rows.ts";
import { notFound, Problem } from "../errors.ts";

/** A list in an expression holds at most so many rows; more need a query of their own. */
const MAX_ROWS = 10_000;

/** Between finding a row and locking it, somebody changed to which row it leads. */
export class Moved extends Error {
  override readonly name = "Moved";
}

/** A row that is needed, and how it is to be locked. */
export interface Wanted {
  entity: Entity;
  id: string;
  strength: Strength;
}

interface Held<Row extends BaseRow = BaseRow> {
  entity: Entity<Row>;
  row: Row;
  before: Row;
}

const STRENGTHS: readonly Strength[] = ["share", "update", "exclusive"];

export class Rows {
  readonly #trx: Transaction;
  readonly #now: Date;
  readonly #wanted = new Map<string, Wanted>();
  readonly #held = new Map<string, Held>();
  #locked = false;

  constructor(trx: Transaction, now: Date) {
    this.#trx = trx;
    this.#now = now;
  }

  /** Runs `load` with every row that it asks for locked. */
  async load<Given>(
    known: readonly Wanted[] | null,
    load: (rows: Rows) => Promise<Given>,
  ): Promise<Given> {
    if (known === null) await load(this);
    else known.forEach((wanted) => this.#want(wanted));
    await this.#lock();
    return load(this);
  }

  /** A row that the request names. Throws a problem of 404. */
  async find<Row extends BaseRow>(
    entity: Entity<Row>,
    id: string,
    strength: Strength,
  ): Promise<Row> {
    const row = await this.#row(entity, id, strength);
    if (row === null) throw notFound(entity.name);
    return row;
  }

  /** A row that the request may name. */
  async findOptional<Row extends BaseRow>(
    entity: Entity<Row>,
    id: string | null,
    strength: Strength,
  ): Promise<Row | null> {
    return id === null ? null : this.find(entity, id, strength);
  }

  /** The rows that the request names, in its order. */
  async findAll<Row extends BaseRow>(
    entity: Entity<Row>,
    ids: readonly string[],
    strength: Strength,
  ): Promise<Row[]> {
    const found: Row[] = [];
    for (const id of ids) found.push(await this.find(entity, id, strength));
    return found;
  }

  /** The row that a foreign key leads to. */
  async follow<Row extends BaseRow>(
    entity: Entity<Row>,
    id: string | null | undefined,
    strength: Strength,
  ): Promise<Row | null> {
    return id === null || id === undefined ? null : this.#row(entity, id, strength);
  }

  /** The row that a foreign key which may not be empty leads to. */
  async owner<Row extends BaseRow>(
    entity: Entity<Row>,
    id: string,
    strength: Strength,
  ): Promise<Row> {
    const row = await this.follow(entity, id, strength);
    if (row === null) throw new Moved();
    return row;
  }

  /** The rows that the foreign keys of some rows lead to. */
  async followAll<Row extends BaseRow>(
    entity: Entity<Row>,
    ids: readonly (string | null)[],
    strength: Strength,
  ): Promise<Row[]> {
    const found: Row[] = [];
    for (const id of new Set(ids)) {
      const row = await this.follow(entity, id, strength);
      if (row !== null) found.push(row);
    }
    return found;
  }

  /** The one row whose foreign key leads to a row. */
  async back<Row extends BaseRow>(
    entity: Entity<Row>,
    name: string,
    id: string | null | undefined,
    strength: Strength,
  ): Promise<Row | null> {
    if (id === null || id === undefined) return null;
    const query = sql<{ id: string }>`
      select id from ${sql.table(entity.table)} where ${sql.ref(name)} = ${id} order by id limit 1`;
    const { rows } = await query.execute(this.#trx);
    return this.follow(entity, rows[0]?.id, strength);
  }

  /** All rows whose foreign keys lead to one of some rows. */
  async many<Row extends BaseRow>(
    entity: Entity<Row>,
    name: string,
    ids: readonly (string | null | undefined)[],
  ): Promise<Row[]> {
    return this.#list(entity, sql`${sql.ref(name)} in (${among(ids)})`, ids);
  }

  /** All rows that are linked with one of some rows. */
  async linked<Row extends BaseRow>(
    entity: Entity<Row>,
    { table, own, other }: { table: string; own: string; other: string },
    ids: readonly (string | null | undefined)[],
  ): Promise<Row[]> {
    const links = sql`select ${sql.ref(other)} from ${sql.table(table)} where ${sql.ref(own)} in (${among(ids)})`;
    return this.#list(entity, sql`id in (${links})`, ids);
  }

  /** How many rows have a foreign key that leads to a row. */
  async count(entity: Entity, name: string, id: string | null | undefined): Promise<bigint> {
    if (id === null || id === undefined) return 0n;
    const { rows } = await sql<{ total: number | bigint | string }>`
      select count(*) as total from ${sql.table(entity.table)} where ${sql.ref(name)} = ${id}`.execute(
      this.#trx,
    );
    return BigInt(rows[0]?.total ?? 0);
  }

  /** The sum of a column of whole numbers over the rows whose foreign key leads to a row. */
  async sum(
    entity: Entity,
    summed: string,
    name: string,
    id: string | null | undefined,
  ): Promise<bigint> {
    return BigInt(await this.#sum(entity, summed, name, id));
  }

  /** The same of any numbers. */
  async sumOfFloats(
    entity: Entity,
    summed: string,
    name: string,
    id: string | null | undefined,
  ): Promise<number> {
    return Number(await this.#sum(entity, summed, name, id));
  }

  async #sum(
    entity: Entity,
    summed: string,
    name: string,
    id: string | null | undefined,
  ): Promise<string> {
    if (id === null || id === undefined) return "0";
    const { rows } = await sql<{ total: number | bigint | string | null }>`
      select sum(${sql.ref(summed)}) as total from ${sql.table(entity.table)} where ${sql.ref(name)} = ${id}`.execute(
      this.#trx,
    );
    return String(rows[0]?.total ?? 0);
  }

  /** Makes a row. */
  async insert<Row extends BaseRow>(entity: Entity<Row>, values: Values<Row>): Promise<Row> {
    return insertRow(this.#trx, entity, values, this.#now);
  }

  /** Reads again what is held, after something else in the same transaction may have changed it. */
  async refresh(): Promise<void> {
    for (const held of this.#held.values()) {
      const row = await findRow(this.#trx, held.entity, held.row.id);
      if (row === null) continue;
      Object.assign(held.row, row);
      held.before = { ...row };
    }
  }

  /** A row as it was before the capability changed it. */
  before<Row extends BaseRow>(entity: Entity<Row>, row: Row): Row {
    const held = this.#held.get(keyOf(entity, row.id)) as Held<Row> | undefined;
    return held?.before ?? row;
  }

  /** Writes every changed row back, in the order of the locks. */
  async save(): Promise<void> {
    for (const [, held] of [...this.#held].sort(([left], [right]) => compare(left, right))) {
      const changed = Object.entries(held.row).filter(
        ([name, value]) => value !== column(held.before, name),
      );
      if (changed.length === 0) continue;
      const values: Partial<BaseRow> = Object.fromEntries(
        changed.filter(([name]) => !held.entity.derived.includes(name)),
      );
      const saved = await updateRow(this.#trx, held.entity, held.row.id, values, this.#now);
      if (saved === null) throw new Moved();
      Object.assign(held.row, saved);
      held.before = { ...saved };
    }
  }

  #want(wanted: Wanted): void {
    const key = keyOf(wanted.entity, wanted.id);
    const known = this.#wanted.get(key);
    const stronger = (one: Strength, other: Strength): boolean =>
      STRENGTHS.indexOf(one) > STRENGTHS.indexOf(other);
    if (known === undefined || stronger(wanted.strength, known.strength))
      this.#wanted.set(key, wanted);
  }

  async #row<Row extends BaseRow>(
    entity: Entity<Row>,
    id: string,
    strength: Strength,
  ): Promise<Row | null> {
    const key = keyOf(entity, id);
    const held = this.#held.get(key) as Held<Row> | undefined;
    if (held !== undefined) {
      this.#want({ entity, id, strength });
      return held.row;
    }
    if (this.#locked) {
      if (!this.#wanted.has(key)) throw new Moved();
      return null;
    }
    this.#want({ entity, id, strength });
    const row = await findRow(this.#trx, entity, id);
    if (row !== null) this.#held.set(key, { entity, row, before: row });
    return row;
  }

  async #lock(): Promise<void> {
    this.#held.clear();
    this.#locked = true;
    const wanted = [...this.#wanted]
      .sort(([left], [right]) => compare(left, right))
      .map(([, one]) => one);
    for (let at = 0; at < wanted.length;) {
      const first = wanted[at];
      if (first === undefined) break;
      let end = at;
      while (wanted[end]?.entity === first.entity && wanted[end]?.strength === first.strength)
        end += 1;
      const ids = wanted.slice(at, end).map(({ id }) => id);
      for (const row of await lockRows(this.#trx, first.entity, ids, first.strength)) {
        this.#held.set(keyOf(first.entity, row.id), {
          entity: first.entity,
          row,
          before: { ...row },
        });
      }
      at = end;
    }
  }

  async #list<Row extends BaseRow>(
    entity: Entity<Row>,
    where: ReturnType<typeof sql>,
    ids: readonly unknown[],
  ): Promise<Row[]> {
    if (ids.every((id) => id === null || id === undefined)) return [];
    const query = sql<object>`select * from ${sql.table(entity.table)} where ${where} order by id limit ${MAX_ROWS + 1}`;
    const { rows } = await query.execute(this.#trx);
    if (rows.length > MAX_ROWS)
      throw new Problem("UNAVAILABLE", `more than ${MAX_ROWS} rows of ${entity.name}`);
    return rows.map((row) => {
      const decoded = decodeRow<Row>(entity.table, row);
      // A row that is held already may have been changed by an effect.
      const held = this.#held.get(keyOf(entity, decoded.id)) as Held<Row> | undefined;
      return held?.row ?? decoded;
    });
  }
}

function among(ids: readonly (string | null | undefined)[]): ReturnType<typeof sql> {
  const known = ids.filter((id) => id !== null && id !== undefined);
  return sql.join(known.map((id) => sql`${id}`));
}

function keyOf(entity: Entity, id: string): string {
  return `${entity.table} ${id}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
