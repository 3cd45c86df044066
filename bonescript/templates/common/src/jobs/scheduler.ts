/** Runs what is due each minute: the schedules of `schedules.ts`, and the cleaning up of the service itself. */
import { randomUUID } from "node:crypto";

import type { Context } from "../context.ts";
import { grace, withDeadline } from "../worker.ts";
import { parseCron, type Cron } from "./cron.ts";
import { housekeeping } from "./housekeeping.ts";
import { schedules } from "./schedules.ts";
import type { Schedule } from "./types.ts";

const MINUTE_MS = 60_000;
/** The longest that one run may take. */
const RUN_TIMEOUT_MS = 15 * MINUTE_MS;

export class Scheduler {
  readonly #context: Context;
  readonly #schedules: readonly (readonly [Cron, Schedule])[];
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** Throws where a time can't be read: better at the start than never. */
  constructor(context: Context) {
    this.#context = context;
    const all = [...housekeeping, ...schedules];
    this.#schedules = all.map((schedule) => [parseCron(schedule.cron), schedule]);
    if (new Set(all.map(({ name }) => name)).size < all.length) {
      throw new Error("two schedules have the same name");
    }
  }

  start(): void {
    const now = this.#context.clock().getTime();
    const next = new Date(now - (now % MINUTE_MS) + MINUTE_MS);
    this.#timer = setTimeout(() => {
      this.#due(next);
      this.start();
    }, next.getTime() - now);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await grace(Promise.all(this.#running.values()));
  }

  #due(minute: Date): void {
    for (const [cron, schedule] of this.#schedules) {
      // One that is still running is not started again.
      if (!cron.matches(minute) || this.#running.has(schedule.name)) continue;
      const run = this.#run(schedule, minute).finally(() => this.#running.delete(schedule.name));
      this.#running.set(schedule.name, run);
    }
  }

  async #run(schedule: Schedule, minute: Date): Promise<void> {
    const { log } = this.#context;
    try {
      const id = await this.#claim(schedule.name, minute);
      if (id === undefined) return;
      const error = await this.#attempt(schedule);
      if (error !== null) log.error({ err: error, schedule: schedule.name }, "schedule failed");
      await this.#context.db
        .updateTable("job_queue")
        .set({
          status: error === null ? "done" : "failed",
          error: error === null ? null : JSON.stringify(error.message.slice(0, 2000)),
          finished_at: this.#context.clock().toISOString(),
        })
        .where("id", "=", id)
        .execute();
    } catch (error) {
      log.error({ err: error, schedule: schedule.name }, "schedule not run");
    }
  }

  async #attempt(schedule: Schedule): Promise<Error | null> {
    try {
      await withDeadline(RUN_TIMEOUT_MS, this.#stopping.signal, (signal) =>
        schedule.run(this.#context, signal),
      );
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Of several processes, one gets it. */
  async #claim(name: string, minute: Date): Promise<string | undefined> {
    const at = this.#context.clock().toISOString();
    const row = await this.#context.db
      .insertInto("job_queue")
      .values({
        id: randomUUID(),
        capability: `cron ${name}`,
        input: "null",
        caller: "null",
        status: "running",
        attempts: 1,
        available_at: at,
        created_at: at,
        idempotency_key: `cron ${name} ${minute.toISOString()}`,
      })
      .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
      .returning("id")
      .executeTakeFirst();
    return row?.id;
  }
}
