/** All channels of the service: what is published, and the rooms of those who listen. */
import type { Context } from "../context.ts";
import { Problem } from "../errors.ts";
import { Bus } from "./bus.ts";
import { channels } from "./definitions.ts";
import type { ChannelName } from "./definitions.ts";
import { SendLimit } from "./limits.ts";
import { Room } from "./room.ts";
import { trim } from "./store.ts";
import type { ChannelDefinition, ChannelMessage } from "./types.ts";

const SWEEP_MS = 60_000;
/** So many messages may wait for the database; more are refused. */
const MOST_PENDING = 1000;

export class Channels {
  readonly #rooms = new Map<string, Room>();
  readonly #limit = new SendLimit();
  readonly #stopping = new AbortController();
  #bus: Bus | undefined;
  #context: Context | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #pending = 0;
  /** The last message of each channel that waits for the database. */
  readonly #turns = new Map<string, Promise<void>>();

  /** Called once, when the context is complete. */
  start(context: Context): void {
    this.#context = context;
    for (const [name, definition] of definitions()) {
      this.#rooms.set(name, new Room(context, name, definition));
    }
    this.#bus = new Bus(context, (channel) => {
      for (const room of this.#rooms.values()) {
        if (channel === null || channel === room.channel) room.wake();
      }
    });
    this.#bus.start();
    this.#sweep = setInterval(() => void this.#trim(context), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Aborts when the service stops. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  rooms(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  /** Sends to all participants, in the background: whoever calls is not held up, nor failed, by it. */
  publish(channel: ChannelName, message: ChannelMessage): void {
    this.append(channel, message).catch((error: unknown) => {
      this.#context?.log.error({ err: error, channel }, "message not published");
    });
  }

  /** The message of a participant: of type `message`, in their own name, and not too many of them. */
  async post(channel: string, sender: string, payload: unknown): Promise<bigint> {
    const wait = this.#limit.take(sender, Date.now());
    if (wait > 0) {
      throw new Problem("RATE_LIMITED", "too many messages", {
        headers: { "retry-after": String(Math.ceil(wait / 1000)) },
      });
    }
    return await this.append(channel, { type: "message", sender, payload });
  }

  /** Tells of what a capability with `sync: realtime` did: the events that it told, or the call itself. */
  tell(
    capability: string,
    body: unknown,
    events: readonly { readonly name: string; readonly payload: unknown }[],
  ): void {
    for (const [name, definition] of definitions()) {
      const fields = Object.hasOwn(definition.tells, capability)
        ? definition.tells[capability]
        : undefined;
      if (fields === undefined) continue;
      if (events.length === 0) {
        this.publish(name, {
          type: capability,
          sender: null,
          payload: picked(body, fields),
        });
      }
      for (const event of events) {
        this.publish(name, { type: event.name, sender: null, payload: event.payload });
      }
    }
  }

  /** Connections are told to go elsewhere, and closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#sweep);
    for (const room of this.#rooms.values()) room.close(1001, "the service stops");
    await this.#bus?.stop();
  }

  async append(channel: string, message: ChannelMessage): Promise<bigint> {
    if (this.#bus === undefined || this.#stopping.signal.aborted || this.#pending >= MOST_PENDING) {
      throw new Problem("UNAVAILABLE", "the channel takes no messages now");
    }
    const bus = this.#bus;
    const before = this.#turns.get(channel) ?? Promise.resolve();
    // One after another, so that the messages of a sender keep their order.
    const appended = before.then(() => bus.append(channel, message));
    this.#turns.set(
      channel,
      appended.then(
        () => undefined,
        () => undefined,
      ),
    );
    this.#pending += 1;
    try {
      return await appended;
    } finally {
      this.#pending -= 1;
    }
  }

  async #trim(context: Context): Promise<void> {
    for (const [name, definition] of definitions()) {
      try {
        await trim(context.db, name, definition, context.clock());
      } catch (error) {
        context.log.warn({ err: error, channel: name }, "old messages not removed");
      }
    }
  }
}

function definitions(): [ChannelName, ChannelDefinition][] {
  // `Object.entries` forgets the names of the keys.
  return Object.entries(channels) as [ChannelName, ChannelDefinition][];
}

function picked(body: unknown, fields: readonly string[]): Record<string, unknown> {
  const all = typeof body === "object" && body !== null ? new Map(Object.entries(body)) : new Map();
  return Object.fromEntries(
    fields
      .filter((field) => all.has(field))
      .map((field): [string, unknown] => [field, all.get(field)]),
  );
}
