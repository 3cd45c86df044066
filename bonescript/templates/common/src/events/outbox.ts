/** Where capabilities put their events: in their own transaction, so that an event is told exactly if its cause is kept. */
import { randomUUID } from "node:crypto";

import { afterCommit } from "../database/transaction.ts";
import type { Transaction } from "../database/transaction.ts";
import { stringifyJson } from "../json.ts";
import { later } from "../worker.ts";
import { events } from "./events.ts";
import type { EventName, EventPayloads } from "./events.ts";

export class Outbox {
  readonly #clock: () => Date;
  #wake: () => void = () => undefined;

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  /** Calls `wake` after each commit that told something. */
  onCommit(wake: () => void): void {
    this.#wake = wake;
  }

  async add<E extends EventName>(
    trx: Transaction,
    event: E,
    payload: EventPayloads[E],
  ): Promise<void> {
    const now = this.#clock();
    const { ttlMs } = events[event];
    await trx
      .insertInto("outbox")
      .values({
        id: randomUUID(),
        event,
        payload: stringifyJson(payload),
        created_at: now.toISOString(),
        available_at: now.toISOString(),
        expires_at: ttlMs === null ? null : later(now, ttlMs),
        attempts: 0,
        status: "pending",
      })
      .execute();
    afterCommit(trx, () => {
      this.#wake();
    });
  }
}
