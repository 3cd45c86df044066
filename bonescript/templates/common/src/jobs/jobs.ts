/** The queue of capabilities with `sync: batch`: the caller gets an id at once, the work is done with that of others. */
import { randomUUID } from "node:crypto";

import { readCaller, writeCaller } from "../caller.ts";
import type { CapabilityName } from "../capabilities/registry.ts";
import type { Caller } from "../context.ts";
import type { Database } from "../database/client.ts";
import { Problem } from "../errors.ts";
import { parseJson, stringifyJson, type Json } from "../json.ts";

export interface Job {
  readonly id: string;
  readonly capability: string;
  /** `pending`, `running`, `done` or `failed`. */
  readonly status: string;
  /** What the capability answered. */
  readonly result: Json;
  /** Why it failed, as the capability itself would have answered it. */
  readonly error: Json;
  readonly created_at: string;
  readonly finished_at: string | null;
}

export class Jobs {
  readonly #db: Database;
  readonly #clock: () => Date;

  constructor(db: Database, clock: () => Date) {
    this.#db = db;
    this.#clock = clock;
  }

  /** The same key of the same caller is the same job; with another body it is a conflict. */
  async enqueue(
    capability: CapabilityName,
    body: unknown,
    caller: Caller,
    idempotencyKey?: string,
  ): Promise<{ id: string; status: string }> {
    const at = this.#clock().toISOString();
    const input = stringifyJson(body ?? {});
    const key = idempotencyKey === undefined ? null : `${caller.id}:${idempotencyKey}`;
    const row = await this.#db
      .insertInto("job_queue")
      .values({
        id: randomUUID(),
        capability,
        input,
        caller: writeCaller(caller),
        status: "pending",
        attempts: 0,
        available_at: at,
        created_at: at,
        idempotency_key: key,
      })
      .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
      .returning(["id", "status"])
      .executeTakeFirst();
    if (row !== undefined) return row;
    const before = await this.#db
      .selectFrom("job_queue")
      .select(["id", "status", "capability", "input"])
      .where("idempotency_key", "=", key)
      .executeTakeFirstOrThrow();
    if (before.capability !== capability || before.input !== input) {
      throw new Problem("CONFLICT", "this `Idempotency-Key` was used for another request");
    }
    return { id: before.id, status: before.status };
  }

  /** A job of this caller. */
  async find(id: string, caller: Caller): Promise<Job> {
    const row = await this.#db
      .selectFrom("job_queue")
      .select([
        "id",
        "capability",
        "caller",
        "status",
        "result",
        "error",
        "created_at",
        "finished_at",
      ])
      .where("id", "=", id)
      .where("capability", "not like", "cron %")
      .executeTakeFirst();
    if (row === undefined) throw new Problem("NOT_FOUND", "there is no such job");
    if (readCaller(row.caller).id !== caller.id) {
      throw new Problem("FORBIDDEN", "this is the job of somebody else");
    }
    return {
      id: row.id,
      capability: row.capability,
      status: row.status,
      result: row.result === null ? null : parseJson(row.result),
      error: row.error === null ? null : parseJson(row.error),
      created_at: row.created_at,
      finished_at: row.finished_at,
    };
  }
}
