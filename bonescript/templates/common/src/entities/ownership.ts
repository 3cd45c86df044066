/** Whose row a row is, and who may read and write it. */
import { type RawBuilder, sql } from "kysely";

import type { Caller } from "../context.ts";
import { column, type BaseRow, type Entity, type Owner } from "./definition.ts";
import type { Executor } from "./rows.ts";

/** The role that reads and writes every row; `npm run grant` gives it, and nothing else does. */
export const ADMIN = "admin";

/** Whether a caller is one of those that are named by entity or role. */
export function isNamed(caller: Caller, names: readonly string[]): boolean {
  return names.some((name) => name === caller.entity || caller.roles.includes(name));
}

/** Whether a caller may read every row of an entity. */
export function readsAll(entity: Entity, caller: Caller): boolean {
  if (caller.roles.includes(ADMIN)) return true;
  if (entity.owner === null && entity.readers === null) return true;
  return isNamed(caller, entity.readers ?? []);
}

/** Whether a caller may read a row. */
export async function reads(
  db: Executor,
  entity: Entity,
  row: BaseRow,
  caller: Caller,
): Promise<boolean> {
  return readsAll(entity, caller) || (await owns(db, entity, row, caller));
}

/** Whether a caller may write every row of an entity. */
export function writesAll(entity: Entity, caller: Caller): boolean {
  if (caller.roles.includes(ADMIN)) return true;
  return entity.owner === null && isNamed(caller, entity.writers);
}

/** The condition that a row is the caller's; `null` where no row ever is. */
export function ownedBy(entity: Entity, caller: Caller): RawBuilder<unknown> | null {
  const { owner } = entity;
  if (owner === null || owner.entity !== caller.entity) return null;
  const [first, ...rest] = owner.steps;
  if (first === undefined) return sql`id = ${caller.id}`;
  // The key is one that the database holds to, so that the owner need not be looked up.
  if (rest.length === 0) return sql`${sql.ref(first.column)} = ${caller.id}`;
  return sql`${sql.ref(first.column)} in (${idsOf(first.table, rest, caller)})`;
}

function idsOf(table: string, steps: Owner["steps"], caller: Caller): RawBuilder<unknown> {
  const [next, ...rest] = steps;
  if (next === undefined) return sql`select id from ${sql.table(table)} where id = ${caller.id}`;
  return sql`select id from ${sql.table(table)} where ${sql.ref(next.column)} in (${idsOf(next.table, rest, caller)})`;
}

/** Whether a row, or one that is about to be written, belongs to the caller. */
export async function owns(
  db: Executor,
  entity: Entity,
  row: Partial<BaseRow>,
  caller: Caller,
): Promise<boolean> {
  const { owner } = entity;
  if (owner === null || owner.entity !== caller.entity) return false;
  const [first, ...rest] = owner.steps;
  if (first === undefined) return row.id === caller.id;
  const held = column(row as BaseRow, first.column);
  if (typeof held !== "string") return false;
  if (rest.length === 0) return held === caller.id;
  const query = sql`select 1 where ${held} in (${idsOf(first.table, rest, caller)})`;
  return (await query.execute(db)).rows.length > 0;
}
