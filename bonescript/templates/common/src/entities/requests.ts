/** What the routes of rows share: what a request may hold, and what its caller may do. */
import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import type { Caller, Context } from "../context.ts";
import { encodeRow } from "../database/codec.ts";
import { forbidden, invalid, notFound, Problem } from "../errors.ts";
import { bare } from "../json.ts";
import { uuid } from "../schemas/values.ts";
import { present, type BaseRow, type Entity } from "./definition.ts";
import { owns, reads, writesAll } from "./ownership.ts";
import { findRow, listRows, type Page } from "./rows.ts";

const MAX_PAGE_SIZE = 100;
const STANDARD_PAGE_SIZE = 50;

const counting = (most: number, standard: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, "a whole number from 1")
    .transform(Number)
    .pipe(z.number().max(most, `at most ${most}`))
    .default(standard);

/** The page that a query asks for. */
export const paging = {
  page: counting(1_000_000, 1),
  page_size: counting(MAX_PAGE_SIZE, STANDARD_PAGE_SIZE),
};

/** A body or query by its schema. Throws a problem of 400. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(bare(value));
  if (!result.success) throw invalid(result.error);
  return result.data;
}

/** A body by its schema. Throws a problem of 400, also where there is none. */
export function parsedBody<T>(schema: z.ZodType<T>, body: unknown): T {
  if (body === undefined) {
    throw new Problem("VALIDATION_FAILED", "this needs a body: a JSON object");
  }
  return parsed(schema, body);
}

/** An id of a path. Throws a problem of 400. */
export function idOf(value: string): string {
  return parsed(z.object({ id: uuid }), { id: value }).id;
}

/** A row that the caller may read. Throws problems of 404 and 403. */
export async function readable(
  context: Context,
  entity: Entity,
  id: string,
  caller: Caller,
): Promise<BaseRow> {
  const row = await findRow(context.db, entity, id);
  if (row === null) throw notFound(entity.name);
  if (await reads(context.db, entity, row, caller)) return row;
  throw forbidden(`this ${entity.name} belongs to somebody else`);
}

/** Throws a problem of 403 unless the caller may write the row. */
export async function mayWrite(
  db: Parameters<typeof owns>[0],
  entity: Entity,
  row: BaseRow,
  caller: Caller,
): Promise<void> {
  if (writesAll(entity, caller) || (await owns(db, entity, row, caller))) return;
  const whose = entity.owner === null ? "is not yours to change" : "belongs to somebody else";
  throw forbidden(`this ${entity.name} ${whose}`);
}

/** The answer of a list. */
export async function pageOf(
  context: Context,
  entity: Entity,
  conditions: readonly RawBuilder<unknown>[],
  { page, pageSize }: Page,
): Promise<object> {
  const { items, total } = await listRows(context.db, entity, conditions, { page, pageSize });
  return { items: items.map((row) => present(entity, row)), total, page, page_size: pageSize };
}

/** The condition that a column has a value. */
export function equals(entity: Entity, name: string, value: unknown): RawBuilder<unknown> {
  const encoded = encodeRow(entity.table, { [name]: value })[name];
  return sql`${sql.ref(name)} = ${encoded}`;
}
