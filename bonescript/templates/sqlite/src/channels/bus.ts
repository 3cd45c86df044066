/** Puts messages where all participants find them. SQLite is for one process, so its own rooms are all there are. */
import type { Context } from "../context.ts";
import { stringifyJson } from "../json.ts";
import type { ChannelMessage } from "./types.ts";

export class Bus {
  readonly #context: Context;
  readonly #wake: (channel: string | null) => void;

  constructor(context: Context, wake: (channel: string | null) => void) {
    this.#context = context;
    this.#wake = wake;
  }

  start(): void {
    this.#wake(null);
  }

  async append(channel: string, message: ChannelMessage): Promise<bigint> {
    const { id } = await this.#context.db
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
    this.#wake(channel);
    return id;
  }

  async stop(): Promise<void> {
    // Nothing is open.
  }
}
