/**
 * The same key gives the same answer: it is stored in the transaction that does the work, so that either both are there or
 * neither is.
 */
import { createHash } from "node:crypto";

import { z } from "zod";

import type { Transaction } from "../database/transaction.ts";
import { Problem } from "../errors.ts";
import { type Json, parseJson, stringifyJson } from "../json.ts";

/** The header of a request: a key that a client makes up, printable and not endless. */
export const keyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "1 to 255 printable characters")
    .optional(),
});

export interface Key {
  /** Whose key it is, and of which action: keys of others are other keys. */
  scope: string;
  key: string;
  /** Of the request, so that a key is not used for another one. */
  hash: string;
}

export function hashOf(input: unknown): string {
  return createHash("sha256").update(stringifyJson(input)).digest("hex");
}

/** Claims a key; gives the stored answer where it was used before. A second request waits here for the first. */
export async function claimKey(
  trx: Transaction,
  { scope, key, hash }: Key,
  now: Date,
): Promise<Json | undefined> {
  const claimed = await trx
    .insertInto("idempotency_key")
    .values({ scope, key, request_hash: hash, created_at: now.toISOString() })
    .onConflict((conflict) => conflict.columns(["scope", "key"]).doNothing())
    .returning("key")
    .executeTakeFirst();
  if (claimed !== undefined) return undefined;
  const known = await trx
    .selectFrom("idempotency_key")
    .select(["request_hash", "response"])
    .where("scope", "=", scope)
    .where("key", "=", key)
    .executeTakeFirst();
  if (known === undefined)
    throw new Problem("CONFLICT", "the first request with this key is not done yet");
  if (known.request_hash !== hash)
    throw new Problem("CONFLICT", "this key was used with another body");
  return parseJson(known.response ?? "null");
}

/** Stores the answer of a key that was claimed in the same transaction. */
export async function storeAnswer(
  trx: Transaction,
  { scope, key }: Key,
  status: number,
  body: unknown,
): Promise<void> {
  await trx
    .updateTable("idempotency_key")
    .set({ status, response: stringifyJson(body) })
    .where("scope", "=", scope)
    .where("key", "=", key)
    .execute();
}
