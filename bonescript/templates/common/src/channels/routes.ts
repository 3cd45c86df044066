/** The routes of channels: reading and sending messages over HTTP, the stream of server-sent events, and WebSocket. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";

import { callerOf } from "../auth/caller.ts";
import type { App } from "../app.ts";
import type { Caller, Context } from "../context.ts";
import { Problem, invalid } from "../errors.ts";
import { guardFor } from "../policies/guard.ts";
import { Sockets, cursor } from "./socket.ts";
import type { Room } from "./room.ts";
import { lastMessages, messagesAfter } from "./store.ts";
import { stream } from "./stream.ts";
import type { KeptMessage } from "./types.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;
/** Less than what proxies wait for an answer. */
const MAX_WAIT_MS = 25_000;

const id = z
  .string()
  .regex(/^\d{1,18}$/, "the id of a message")
  .optional();
const whole = (standard: number, least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, "a whole number")
    .default(String(standard))
    .transform(Number)
    .pipe(z.number().min(least).max(most));

const readQuery = z.strictObject({
  after: id,
  limit: whole(DEFAULT_LIMIT, 1, MAX_LIMIT),
  wait_ms: whole(0, 0, MAX_WAIT_MS),
});

const sendBody = z.strictObject({
  payload: z.unknown().refine((value) => value !== undefined, "this is needed"),
});

export function register(app: App, context: Context): void {
  const rooms = context.channels.rooms();
  const guard = guardFor({});
  const counted = (request: FastifyRequest): Caller => {
    const caller = callerOf(request);
    guard.limit(request, caller, context.clock().getTime());
    return caller;
  };
  for (const room of rooms) {
    const { path, transport } = room.definition;
    app.get(`${path}/messages`, async (request, reply) => {
      const caller = counted(request);
      const query = readQuery.safeParse(request.query);
      if (!query.success) throw invalid(query.error);
      const { after, limit, wait_ms } = query.data;
      const gone = new AbortController();
      reply.raw.once("close", () => {
        gone.abort();
      });
      const messages = await read(
        context,
        room,
        caller,
        cursor(after) ?? null,
        limit,
        wait_ms,
        gone.signal,
      );
      return { items: messages };
    });
    app.post(`${path}/messages`, async (request, reply) => {
      const caller = counted(request);
      const body = sendBody.safeParse(request.body);
      if (!body.success) throw invalid(body.error);
      await room.admit(caller);
      const sent = await context.channels.post(room.channel, caller.id, body.data.payload);
      return await reply.code(202).send({ id: sent });
    });
    if (transport === "sse" || transport === "grpc_stream") {
      app.get(`${path}/events`, async (request, reply) => {
        const caller = counted(request);
        const after = cursor(request.headers["last-event-id"]);
        if (after === undefined) {
          throw new Problem("VALIDATION_FAILED", "`Last-Event-ID` is the id of a message");
        }
        await stream(context, room, caller, request, reply, after);
      });
    }
  }
  new Sockets(context, rooms).attach(app.server);
}

/** What comes after a message, waiting for it where there is nothing yet; without one, the last messages. */
async function read(
  context: Context,
  room: Room,
  caller: Caller,
  after: bigint | null,
  limit: number,
  waitMs: number,
  gone: AbortSignal,
): Promise<KeptMessage[]> {
  const participant = await room.admit(caller);
  if (after === null) {
    const messages = await lastMessages(context.db, room.channel, room.definition, limit);
    return messages.filter((message) => participant?.accepts(message) ?? true);
  }
  const over = AbortSignal.any([AbortSignal.timeout(waitMs), gone, context.channels.stopping]);
  let from = after;
  for (;;) {
    // Before the database is asked, so that a message in between is not missed.
    const activity = room.activity(over);
    const messages = await messagesAfter(context.db, room.channel, from, limit);
    const accepted = messages.filter((message) => participant?.accepts(message) ?? true);
    if (accepted.length > 0 || waitMs === 0 || over.aborted) return accepted;
    from = messages.at(-1)?.id ?? from;
    // A full page may have been followed by more.
    if (messages.length < limit) await activity;
  }
}
