/** Rows of any entity, read and written. Every value is bound; every name is quoted. */
import { randomUUID } from "node:crypto";

import { type RawBuilder, sql } from "kysely";

import type { Database } from "../database/client.ts";
import { decodeRow, encodeRow } from "../database/codec.ts";
import { lockClause, type Strength } from "../database/locks.ts";
import type { Transaction } from "../database/transaction.ts";
import type { BaseRow, Entity, Values } from "./definition.ts";

/** The database, or a transaction of it. */
export type Executor = Database;

/** The rows of a query, decoded. */
async function rowsOf<Row extends BaseRow>(
  db: Executor,
  entity: Entity<Row>,
  query: RawBuilder<object>,
): Promise<Row[]> {
  const { rows } = await query.execute(db);
  return rows.map((row) => decodeRow<Row>(entity.table, row));
}

export async function findRow<Row extends BaseRow>(
  db: Executor,
  entity: Entity<Row>,
  id: string,
): Promise<Row | null> {
  return findRowBy(db, entity, "id", id);
}

/** A row by the value of one of its columns. */
export async function findRowBy<Row extends BaseRow>(
  db: Executor,
  entity: Entity<Row>,
  name: string,
  value: string,
): Promise<Row | null> {
  const query = sql<object>`select * from ${sql.table(entity.table)} where ${sql.ref(name)} = ${value} limit 1`;
  return (await rowsOf(db, entity, query))[0] ?? null;
}

/** Rows by their ids, locked in the order of the ids. */
export async function lockRows<Row extends BaseRow>(
  trx: Transaction,
  entity: Entity<Row>,
  ids: readonly string[],
  strength: Strength,
): Promise<Row[]> {
  if (ids.length === 0) return [];
  const among = sql.join(ids.map((id) => sql`${id}`));
  const query = sql<object>`select * from ${sql.table(entity.table)} where id in (${among}) order by id ${lockClause[strength]}`;
  return rowsOf(trx, entity, query);
}

export interface Page {
  page: number;
  pageSize: number;
}

/** A page of the rows that meet all conditions, newest first, and how many there are. */
export async function listRows(
  db: Executor,
  entity: Entity,
  conditions: readonly RawBuilder<unknown>[],
  { page, pageSize }: Page,
): Promise<{ items: BaseRow[]; total: number }> {
  const where = conditions.length === 0 ? sql`` : sql` where ${sql.join(conditions, sql` and `)}`;
  const table = sql.table(entity.table);
  const counted = await sql<{ total: number | bigint | string }>`
    select count(*) as total from ${table}${where}`.execute(db);
  const total = Number(counted.rows[0]?.total ?? 0);
  const offset = (page - 1) * pageSize;
  if (offset >= total) return { items: [], total };
  const query = sql<object>`
    select * from ${table}${where} order by created_at desc, id desc limit ${pageSize} offset ${offset}`;
  return { items: await rowsOf(db, entity, query), total };
}

/** Makes a row; what it does not say has the default of the database. */
export async function insertRow<Row extends BaseRow>(
  db: Executor,
  entity: Entity<Row>,
  values: Values<Row>,
  now: Date,
): Promise<Row> {
  const full = { id: randomUUID(), ...values, created_at: now, updated_at: now };
  const encoded = Object.entries(encodeRow(entity.table, full)).filter(
    ([, value]) => value !== undefined,
  );
  const names = sql.join(encoded.map(([name]) => sql.ref(name)));
  const bound = sql.join(encoded.map(([, value]) => sql`${value}`));
  const query = sql<object>`insert into ${sql.table(entity.table)} (${names}) values (${bound}) returning *`;
  const [row] = await rowsOf(db, entity, query);
  if (row === undefined) throw new Error("an insert returned no row");
  return row;
}

/** Changes a row; `null` where it is not there. */
export async function updateRow<Row extends BaseRow>(
  db: Executor,
  entity: Entity<Row>,
  id: string,
  values: Values<Row>,
  now: Date,
): Promise<Row | null> {
  const encoded = Object.entries(encodeRow(entity.table, { ...values, updated_at: now }));
  const sets = sql.join(encoded.map(([name, value]) => sql`${sql.ref(name)} = ${value}`));
  const query = sql<object>`update ${sql.table(entity.table)} set ${sets} where id = ${id} returning *`;
  return (await rowsOf(db, entity, query))[0] ?? null;
}

/** Removes a row; whether it was there. */
export async function deleteRow(db: Executor, entity: Entity, id: string): Promise<boolean> {
  const query = sql`delete from ${sql.table(entity.table)} where id = ${id} returning id`;
  return (await query.execute(db)).rows.length > 0;
}
