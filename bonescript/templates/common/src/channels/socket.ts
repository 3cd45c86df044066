/**
 * WebSocket: an upgrade at the path of a channel, then JSON messages both ways.
 *
 * The first message is `{"type":"auth","token":…,"after":…}`, unless the upgrade itself has an `Authorization` header; a
 * token in the address would end up in logs. Then `{"type":"message","payload":…}` sends. Whatever else comes, malformed
 * upgrades and frames among it, ends that one connection at the worst.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";

import { authenticate } from "../auth/caller.ts";
import type { Caller, Context } from "../context.ts";
import { forbidden, notFound, Problem } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import { rawAnswer } from "../problems.ts";
import { MAX_BUFFERED_BYTES, MAX_MESSAGE_BYTES } from "./limits.ts";
import type { Member, Room } from "./room.ts";

/** Whoever has not said by then who they are is let go. */
const AUTH_TIMEOUT_MS = 5000;
/** Between two looks whether the other side is still there, and its token still good. */
const HEARTBEAT_MS = 15_000;
/** After so many messages that are none, the connection is closed. */
const MOST_FAULTS = 10;
/** So many connections may be waiting for their first message. */
const MOST_STRANGERS = 1000;

const CLOSE = {
  policy: 1008,
  unsupported: 1003,
  again: 1013,
  unauthenticated: 4401,
  refused: 4403,
} as const;

export class Sockets {
  readonly #context: Context;
  readonly #rooms = new Map<string, Room>();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  #strangers = 0;

  constructor(context: Context, rooms: readonly Room[]) {
    this.#context = context;
    for (const room of rooms) {
      const { path, transport } = room.definition;
      if (transport === "websocket" || transport === "grpc_stream") this.#rooms.set(path, room);
    }
  }

  attach(server: Server): void {
    this.#server.on("wsClientError", (_error, socket) => {
      refuse(socket, malformed());
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // It has no listener of its own yet, and an error without one would end the process.
      socket.on("error", () => socket.destroy());
      try {
        this.#upgrade(request, socket, head);
      } catch (error) {
        this.#context.log.warn({ err: error }, "upgrade failed");
        refuse(socket, malformed());
      }
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [path = ""] = (request.url ?? "").split("?", 1);
    const room = this.#rooms.get(path);
    if (room === undefined) {
      refuse(socket, notFound("channel"));
    } else if (!this.#fromHere(request)) {
      refuse(socket, forbidden("pages of this origin are not let in here"));
    } else if (this.#context.channels.stopping.aborted || this.#strangers >= MOST_STRANGERS) {
      refuse(socket, new Problem("UNAVAILABLE", "no more connections just now"));
    } else {
      this.#server.handleUpgrade(request, socket, head, (client) => {
        new Connection(this.#context, room, client, (by) => (this.#strangers += by)).open(request);
      });
    }
  }

  /** Pages of other origins may connect only where they may also call; programs send no origin. */
  #fromHere(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined) return true;
    if (this.#context.config.allowedOrigins.includes(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  }
}

function refuse(socket: Duplex, problem: Problem): void {
  socket.end(rawAnswer(problem));
}

function malformed(): Problem {
  return new Problem("VALIDATION_FAILED", "this is no upgrade to WebSocket");
}

class Connection implements Member {
  readonly #context: Context;
  readonly #room: Room;
  readonly #client: WebSocket;
  readonly #strange: (by: 1 | -1) => void;
  #caller: Caller | undefined;
  #token = "";
  #state: "stranger" | "joining" | "joined" = "stranger";
  #alive = true;
  #faults = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #authTimer: NodeJS.Timeout | undefined;

  constructor(context: Context, room: Room, client: WebSocket, strange: (by: 1 | -1) => void) {
    this.#context = context;
    this.#room = room;
    this.#client = client;
    this.#strange = strange;
  }

  get caller(): Caller {
    if (this.#caller === undefined) throw new Error("nobody has said who this is");
    return this.#caller;
  }

  open(request: IncomingMessage): void {
    this.#strange(1);
    const stop = (): void => {
      this.close(1001, "the service stops");
    };
    this.#context.channels.stopping.addEventListener("abort", stop);
    this.#authTimer = setTimeout(() => {
      this.close(CLOSE.unauthenticated, "no token came");
    }, AUTH_TIMEOUT_MS);
    this.#client.on("error", () => {
      // A malformed frame: `ws` closes with the code that says so.
      this.#client.terminate();
    });
    this.#client.on("pong", () => {
      this.#alive = true;
    });
    this.#client.on("message", (data, isBinary) => {
      this.#received(data, isBinary);
    });
    this.#client.on("close", () => {
      this.#context.channels.stopping.removeEventListener("abort", stop);
      this.#known();
      clearInterval(this.#heartbeat);
      this.#room.leave(this);
    });
    const [, token] = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (token !== undefined) this.#join(token, null);
  }

  send(message: string): void {
    if (this.#client.readyState !== this.#client.OPEN) return;
    if (this.#client.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#room.leave(this);
      this.close(CLOSE.again, "too slow; connect again with the last id");
      return;
    }
    this.#client.send(message);
  }

  close(code: number, reason: string): void {
    this.#client.close(code, reason);
    // Who doesn't answer the closing is cut off.
    setTimeout(() => {
      this.#client.terminate();
    }, 500).unref();
  }

  #received(data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.close(CLOSE.unsupported, "messages are JSON in text frames");
      return;
    }
    const message = parsed(data);
    const type = message?.get("type");
    if (message !== undefined && type === "auth" && this.#state === "stranger") {
      const token = message.get("token");
      const after = cursor(message.get("after"));
      if (typeof token === "string" && after !== undefined) {
        this.#join(token, after);
        return;
      }
    } else if (
      message !== undefined &&
      type === "message" &&
      this.#state === "joined" &&
      message.has("payload")
    ) {
      this.#post(message.get("payload"));
      return;
    } else if (type === "ping" && this.#state === "joined") {
      this.send('{"type":"pong"}');
      return;
    }
    if (this.#state === "stranger") {
      this.close(CLOSE.unauthenticated, "the first message is the token");
      return;
    }
    this.#fault(new Problem("VALIDATION_FAILED", "this is no message of a channel"));
  }

  #join(token: string, after: bigint | null): void {
    this.#state = "joining";
    this.#token = token;
    authenticate(token, this.#context)
      .then(async (caller) => {
        this.#caller = caller;
        await this.#room.join(this, after);
        this.#state = "joined";
        this.#known();
        if (this.#client.readyState !== this.#client.OPEN) this.#room.leave(this);
        else this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
      })
      .catch((error: unknown) => {
        if (!(error instanceof Problem)) this.#context.log.error({ err: error }, "joining failed");
        const problem =
          error instanceof Problem ? error : new Problem("UNAVAILABLE", "try again later");
        this.#client.send(stringifyJson({ type: "error", ...problem.toBody() }), () => undefined);
        const code =
          problem.status === 401
            ? CLOSE.unauthenticated
            : problem.status === 403
              ? CLOSE.refused
              : CLOSE.again;
        this.close(code, problem.code);
      });
  }

  #post(payload: unknown): void {
    this.#context.channels
      .post(this.#room.channel, this.caller.id, payload)
      .catch((error: unknown) => {
        if (!(error instanceof Problem))
          this.#context.log.error({ err: error }, "message not kept");
        this.#fault(
          error instanceof Problem ? error : new Problem("UNAVAILABLE", "try again later"),
        );
      });
  }

  #fault(problem: Problem): void {
    this.#faults += 1;
    this.send(stringifyJson({ type: "error", ...problem.toBody() }));
    if (this.#faults >= MOST_FAULTS) this.close(CLOSE.policy, "too many faults");
  }

  async #beat(): Promise<void> {
    if (!this.#alive) {
      this.#client.terminate();
      return;
    }
    this.#alive = false;
    this.#client.ping();
    this.#faults = 0;
    try {
      await authenticate(this.#token, this.#context);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.close(CLOSE.unauthenticated, "the token is no longer good");
      }
    }
  }

  #known(): void {
    if (this.#authTimer === undefined) return;
    clearTimeout(this.#authTimer);
    this.#authTimer = undefined;
    this.#strange(-1);
  }
}

/** The fields of a JSON object; `undefined` where it is none. */
function parsed(data: RawData): Map<string, unknown> | undefined {
  try {
    // Text frames come as one buffer.
    const value: unknown = Buffer.isBuffer(data) ? parseJson(data.toString("utf8")) : undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value));
  } catch {
    return undefined;
  }
}

/** The id of a message that a client has seen; `null` where it has seen none, `undefined` where that is no id. */
export function cursor(value: unknown): bigint | null | undefined {
  if (value === undefined || value === null || value === "") return null;
  const digits =
    typeof value === "string"
      ? value
      : typeof value === "number" || typeof value === "bigint"
        ? String(value)
        : "";
  // 18 digits: below 2^63, which the database can compare with.
  return /^\d{1,18}$/.test(digits) ? BigInt(digits) : undefined;
}
