/**
 * Puts messages where all participants find them, those of other processes too: each is a row, and a notification of
 * PostgreSQL says that there is one. What a notification was missed for is found with the next, or after a new connection.
 */
import { sql } from "kysely";
import { Client } from "pg";

import type { Context } from "../context.ts";
import { inTransaction } from "../database/transaction.ts";
import { stringifyJson } from "../json.ts";
import type { ChannelMessage } from "./types.ts";

/** The name of the notifications. */
const TOPIC = "channels";
const RECONNECT_MS = 1000;

export class Bus {
  readonly #context: Context;
  readonly #wake: (channel: string | null) => void;
  #client: Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(context: Context, wake: (channel: string | null) => void) {
    this.#context = context;
    this.#wake = wake;
  }

  start(): void {
    this.#listen().catch((error: unknown) => {
      this.#again(error);
    });
  }

  async append(channel: string, message: ChannelMessage): Promise<bigint> {
    const id = await inTransaction(this.#context.db, async (trx) => {
      // One writer of a channel at a time: ids become visible in their order, so that no reader skips one.
      await sql`select pg_advisory_xact_lock(hashtext(${`channel ${channel}`}))`.execute(trx);
      const row = await trx
        .insertInto("channel_message")
        .values({
          channel,
          type: message.type,
          sender: message.sender,
          payload: stringifyJson(message.payload ?? null),
          created_at: this.#context.clock().toISOString(),
        })
        .returning("id")
        .executeTakeFirstOrThrow();
      await sql`select pg_notify(${TOPIC}, ${channel})`.execute(trx);
      return row.id;
    });
    // The notification also comes back to this process; until then its own rooms need not wait.
    this.#wake(channel);
    return id;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #listen(): Promise<void> {
    const client = new Client({
      connectionString: this.#context.config.databaseUrl,
      keepAlive: true,
    });
    client.on("error", (error) => {
      this.#again(error, client);
    });
    client.on("end", () => {
      this.#again(undefined, client);
    });
    client.on("notification", ({ payload }) => {
      this.#wake(payload ?? null);
    });
    await client.connect();
    await client.query(`LISTEN ${TOPIC}`);
    if (this.#stopped) {
      await client.end();
      return;
    }
    this.#client = client;
    this.#wake(null);
  }

  /** Connects again after a while; of several signs that one connection is gone, the first counts. */
  #again(error: unknown, client?: Client): void {
    if (this.#stopped || (client !== undefined && client !== this.#client)) return;
    this.#client = undefined;
    this.#context.log.warn({ err: error }, "no notifications of channels; connecting again");
    this.#retry = setTimeout(() => {
      this.start();
    }, RECONNECT_MS);
  }
}
