/** What a channel is, and what goes through it. */
import type { Database } from "../database/client.ts";
import type { Json } from "../json.ts";

/** How its participants are connected. `grpc_stream` is served as both of the first two: browsers speak no gRPC. */
export type Transport = "websocket" | "sse" | "polling" | "grpc_stream";

/** A message as it is sent. */
export interface ChannelMessage {
  /** `message` of those that participants send; the name of an event or capability of those that the service sends. */
  readonly type: string;
  /** The id of the participant who sent it; nobody can send in the name of another. */
  readonly sender: string | null;
  readonly payload: unknown;
}

/** A message as everyone gets it. */
export interface KeptMessage extends ChannelMessage {
  readonly payload: Json;
  /** Grows with each message of a channel, so clients say by it how far they have read. */
  readonly id: bigint;
  /** RFC 3339. */
  readonly at: string;
}

/** Somebody in a channel, as their row in the database is now. */
export interface Participant {
  /** The filter of the channel. */
  accepts(message: KeptMessage): boolean;
}

export interface ChannelDefinition {
  readonly path: string;
  readonly transport: Transport;
  /** The entity whose callers may take part; `null` is whoever has a token. */
  readonly participants: string | null;
  /** How many messages are kept; `null` is all, 0 none but for the minute that a lost connection may take to come back. */
  readonly keep: number | null;
  /** The most participants at a time. */
  readonly maxSize: number;
  /** Whether each message goes only to those whose row the filter accepts. */
  readonly filters: boolean;
  /** Those of the ids that have a row; `null` where no rows matter. */
  readonly load:
    ((db: Database, ids: readonly string[]) => Promise<ReadonlyMap<string, Participant>>) | null;
  /** The capabilities with `sync: realtime` that it tells of, and which of the fields of their bodies. */
  readonly tells: Readonly<Record<string, readonly string[]>>;
}
