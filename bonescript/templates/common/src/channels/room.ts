/**
 * Those who are connected to one channel in this process, and what they have been sent.
 *
 * All of them get the messages of a channel in one order, that of their ids. It satisfies every `ordering`: what holds for
 * all is also the order of each sender, and no message comes before one that it follows from.
 */
import type { Caller, Context } from "../context.ts";
import { Problem } from "../errors.ts";
import { stringifyJson } from "../json.ts";
import { guardFor } from "../policies/guard.ts";
import { MAX_CONNECTIONS, MAX_HISTORY } from "./limits.ts";
import { lastMessages, messagesAfter, newestId } from "./store.ts";
import type { ChannelDefinition, KeptMessage, Participant } from "./types.ts";

/** A connection. */
export interface Member {
  readonly caller: Caller;
  /** Sends one message; closes the connection itself where the client is too slow. */
  send(message: string, id: bigint | null): void;
  /** Why in words, and the code of RFC 6455 or our own (4000 and up). */
  close(code: number, reason: string): void;
}

/** Read at once, so that a channel that is far behind doesn't fill the memory. */
const BATCH = 100;

export class Room {
  readonly channel: string;
  readonly definition: ChannelDefinition;
  readonly #context: Context;
  /** The policies of the whole program. */
  readonly #guard = guardFor({});
  readonly #members = new Set<Member>();
  /** Called once at the next message. */
  readonly #waiting = new Set<() => void>();
  #cursor = 0n;
  /** Joining and delivering take turns. */
  #turn: Promise<void> = Promise.resolve();
  #deliveryQueued = false;

  constructor(context: Context, channel: string, definition: ChannelDefinition) {
    this.#context = context;
    this.channel = channel;
    this.definition = definition;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Whether the caller may take part; throws a `Problem` where not. */
  async admit(caller: Caller): Promise<Participant | null> {
    this.#guard.admit(caller);
    const { participants, load } = this.definition;
    if (participants !== null && caller.entity !== participants) {
      throw new Problem(
        "FORBIDDEN",
        `only callers of ${participants} take part in ${this.channel}`,
      );
    }
    if (load === null) return null;
    const participant = (await load(this.#context.db, [caller.id])).get(caller.id);
    if (participant === undefined) {
      throw new Problem("FORBIDDEN", `you take no part in ${this.channel}`);
    }
    return participant;
  }

  /** Sends what was missed, then each message as it comes. */
  join(member: Member, after: bigint | null): Promise<void> {
    return this.#inTurn(async () => {
      const participant = await this.admit(member.caller);
      this.#refuseCrowd(member.caller.id);
      if (this.#members.size === 0) {
        this.#cursor = await newestId(this.#context.db, this.channel);
      }
      const missed = await this.#missed(after);
      member.send(
        stringifyJson({
          type: "joined",
          channel: this.channel,
          participant: member.caller.id,
        }),
        null,
      );
      for (const message of missed) {
        if (participant?.accepts(message) ?? true) member.send(written(message), message.id);
      }
      this.#members.add(member);
    });
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }

  /** Says that there may be new messages. */
  wake(): void {
    for (const waiter of [...this.#waiting]) waiter();
    if (this.#members.size === 0 || this.#deliveryQueued) return;
    this.#deliveryQueued = true;
    this.#inTurn(async () => {
      this.#deliveryQueued = false;
      await this.#deliver();
    }).catch((error: unknown) => {
      // The next message, or the next look around, brings it.
      this.#context.log.error({ err: error, channel: this.channel }, "messages not delivered");
    });
  }

  /** Resolves at the next message, or when `signal` aborts. */
  activity(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }

  close(code: number, reason: string): void {
    for (const member of [...this.#members]) member.close(code, reason);
    for (const waiter of [...this.#waiting]) waiter();
  }

  async #deliver(): Promise<void> {
    for (;;) {
      if (this.#members.size === 0) return;
      const messages = await messagesAfter(this.#context.db, this.channel, this.#cursor, BATCH);
      if (messages.length === 0) return;
      const participants = await this.#participants();
      for (const message of messages) {
        this.#cursor = message.id;
        const text = written(message);
        for (const member of this.#members) {
          // Those whose row is gone get nothing any more; the next look at their token closes the connection.
          const accepts =
            participants === null || participants.get(member.caller.id)?.accepts(message) === true;
          if (accepts) member.send(text, message.id);
        }
      }
    }
  }

  async #participants(): Promise<ReadonlyMap<string, Participant> | null> {
    if (this.definition.load === null || !this.definition.filters) return null;
    const ids = new Set([...this.#members].map((member) => member.caller.id));
    return await this.definition.load(this.#context.db, [...ids]);
  }

  async #missed(after: bigint | null): Promise<KeptMessage[]> {
    const { db } = this.#context;
    const found =
      after === null
        ? await lastMessages(db, this.channel, this.definition, MAX_HISTORY)
        : await messagesAfter(db, this.channel, after, MAX_HISTORY);
    return found.filter((message) => message.id <= this.#cursor);
  }

  #refuseCrowd(id: string): void {
    const ids = [...this.#members].map((member) => member.caller.id);
    if (ids.filter((other) => other === id).length >= MAX_CONNECTIONS) {
      throw new Problem(
        "RATE_LIMITED",
        `more than ${String(MAX_CONNECTIONS)} connections of one participant`,
      );
    }
    const others = new Set(ids);
    if (!others.has(id) && others.size >= this.definition.maxSize) {
      throw new Problem("UNAVAILABLE", `${this.channel} is full`);
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }
}

/** A message as clients get it. */
export function written(message: KeptMessage): string {
  return stringifyJson({
    id: message.id,
    type: message.type,
    sender: message.sender,
    at: message.at,
    payload: message.payload,
  });
}
