/** Rows that log in: their password is hashed, or their key made, before they are kept. */
import type { z } from "zod";

import type { BaseRow, Entity } from "../entities/definition.ts";
import { insertRow } from "../entities/rows.ts";
import type { Transaction } from "../database/transaction.ts";
import { text } from "../schemas/values.ts";
import { createKey } from "./keys.ts";
import { hashPassword } from "./passwords.ts";
import { keepSecret, secretColumn } from "./secrets.ts";

/** Eight characters at least, as NIST SP 800-63B has it; longer ones than these only cost time. */
export const password = text({ minimum: 8, maximum: 256 });

/** The schema of a body that signs up: with `password`, save where a key is made. */
export function signupSchema(entity: Entity, columns: z.ZodObject): z.ZodObject {
  return entity.auth?.method === "apikey" ? columns : columns.extend({ password });
}

/** What is kept of a new row that logs in. Hashing takes its time, and no transaction should wait for it. */
export async function prepareSecret(
  entity: Entity,
  id: string,
  given: string | undefined,
): Promise<{ hash: string; key: string | null }> {
  if (entity.auth?.method === "apikey") return createKey(entity.table, id);
  return { hash: await hashPassword(given ?? ""), key: null };
}

/** Makes a row that logs in. */
export async function insertSubject(
  trx: Transaction,
  entity: Entity,
  values: Partial<BaseRow>,
  hash: string,
  now: Date,
): Promise<BaseRow> {
  const row = await insertRow(trx, entity, { ...values, ...secretColumn(entity, hash) }, now);
  await keepSecret(trx, entity, row.id, hash, now);
  return row;
}
