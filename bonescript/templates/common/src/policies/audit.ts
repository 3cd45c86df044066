/** The audit log: who did what to which row, and how it ended. What is done is written in the transaction that does it. */
import { randomUUID } from "node:crypto";

import type { Caller } from "../context.ts";
import { entities } from "../entities/index.ts";
import type { Executor } from "../entities/rows.ts";
import { stringifyJson } from "../json.ts";

export interface AuditEntry {
  caller: Caller | null;
  /** Such as `orders.update` or `place_order`. */
  action: string;
  table: string | null;
  id: string | null;
  outcome: "done" | "refused";
  status: number;
  requestId: string | null;
  /** The body, or what was wrong. */
  details: unknown;
}

/** Fields that hold secrets, wherever they stand. */
const SECRET = new Set([
  "password",
  "new_password",
  "token",
  "secret",
  ...entities.flatMap((entity) => entity.hidden),
]);

/** Longer details than this are cut: the log says what was done, it does not keep the data. */
const MAX_DETAILS = 8192;

export async function writeAudit(db: Executor, entry: AuditEntry, now: Date): Promise<void> {
  const { caller, action, table, id, outcome, status, requestId } = entry;
  const text = stringifyJson(redact(entry.details));
  const details = text.length > MAX_DETAILS ? stringifyJson({ cut: text.length }) : text;
  await db
    .insertInto("audit_log")
    .values({
      id: randomUUID(),
      at: now.toISOString(),
      actor_id: caller?.id ?? null,
      actor_entity: caller?.entity ?? null,
      action,
      target: table,
      target_id: id,
      outcome,
      status,
      request_id: requestId,
      details,
    })
    .execute();
}

/** The same value, with every secret in it replaced. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([key, part]): [string, unknown] => [
    key,
    SECRET.has(key) ? "[redacted]" : redact(part),
  ]);
  return Object.fromEntries(entries);
}
