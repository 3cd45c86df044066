/** Server-sent events: a response without end. A client that lost it comes back with `Last-Event-ID`. */
import type { FastifyReply, FastifyRequest } from "fastify";

import { authenticate } from "../auth/caller.ts";
import type { Caller, Context } from "../context.ts";
import { Problem } from "../errors.ts";
import { MAX_BUFFERED_BYTES } from "./limits.ts";
import type { Member, Room } from "./room.ts";

/** Between two comments that keep the connection open, and looks whether the token is still good. */
const HEARTBEAT_MS = 15_000;

export async function stream(
  context: Context,
  room: Room,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
  after: bigint | null,
): Promise<void> {
  // Refusals are still ordinary answers here.
  await room.admit(caller);
  if (context.channels.stopping.aborted) throw new Problem("UNAVAILABLE", "the service stops");
  const { raw } = reply;
  const member: Member = {
    caller,
    send(message, id) {
      if (raw.writableEnded || raw.destroyed) return;
      if (raw.writableLength > MAX_BUFFERED_BYTES) {
        room.leave(member);
        raw.destroy();
        return;
      }
      // JSON has no line ends, so a message is one line.
      raw.write(`${id === null ? "event: joined\n" : `id: ${String(id)}\n`}data: ${message}\n\n`);
    },
    close() {
      room.leave(member);
      raw.end();
    },
  };
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const beat = async (): Promise<void> => {
    raw.write(": still here\n\n");
    if (token === undefined) return;
    try {
      await authenticate(token, context);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) member.close(1008, "");
    }
  };
  reply.hijack();
  // What plugins have set, such as the headers of CORS.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value);
  }
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  const heartbeat = setInterval(() => void beat(), HEARTBEAT_MS);
  raw.on("error", () => raw.destroy());
  raw.on("close", () => {
    clearInterval(heartbeat);
    room.leave(member);
  });
  try {
    await room.join(member, after);
    if (raw.destroyed) room.leave(member);
  } catch (error) {
    context.log.warn({ err: error, channel: room.channel }, "joining failed");
    raw.end('event: error\ndata: {"error":{"code":"UNAVAILABLE","message":"try again later"}}\n\n');
  }
}
