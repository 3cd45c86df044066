/** What a handler of an event is given. */
import type { Context } from "../context.ts";
import type { Database } from "../database/client.ts";
import type { Logger } from "../logger.ts";
import type { EventName, EventPayloads } from "./events.ts";

export type { EventName, EventPayloads } from "./events.ts";

/**
 * `at_least_once`: again until a handler is through. `at_most_once`: marked before it is handed over, never again.
 * `exactly_once`: the mark and the handler's own writes are one transaction, so both are kept or neither.
 */
export type Delivery = "at_least_once" | "at_most_once" | "exactly_once";

export interface EventDefinition {
  readonly delivery: Delivery;
  /** After so many milliseconds it is dropped; `null` is never. */
  readonly ttlMs: number | null;
}

export interface Delivered<Payload> {
  /** The same at each try: whoever is told outside of the database knows by it what they know already. */
  readonly id: string;
  readonly payload: Payload;
  /** RFC 3339. */
  readonly createdAt: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /**
   * Of `exactly_once`, the transaction that the mark is in: what is written elsewhere is not written exactly once, and
   * nothing else must use the database meanwhile.
   */
  readonly db: Database;
  readonly context: Context;
  readonly log: Logger;
  /** Aborts when the time of the handler is over or the service stops. */
  readonly signal: AbortSignal;
}

/** A handler for each event that something is to follow from; others are done as soon as they are told. */
export type EventHandlers = {
  readonly [E in EventName]?: (event: Delivered<EventPayloads[E]>) => Promise<void> | void;
};
