/** Capabilities over HTTP: `POST /<table>/<capability>`. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";

import type { App } from "../app.ts";
import { callerOf, callerOrNull } from "../auth/caller.ts";
import type { Caller, Context } from "../context.ts";
import { invalid } from "../errors.ts";
import type { Capability } from "./definition.ts";
import { capabilities, type CapabilityName } from "./index.ts";
import { callCapability, guardOf, readInput } from "./run.ts";

/** A key that a client makes up: printable and not endless. */
const idempotencyKey = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "1 to 255 printable characters")
    .optional(),
});

/** Who calls what anyone may call. Such callers share nothing, so their keys are told apart by their address. */
function stranger(request: FastifyRequest): Caller {
  return { id: `address ${request.ip}`, entity: "", roles: [], role: null };
}

export function register(app: App, context: Context): void {
  for (const [name, capability] of Object.entries(capabilities)) {
    // The keys of the registry are its names.
    registerCapability(app, context, name as CapabilityName, capability);
  }
}

function registerCapability(
  app: App,
  context: Context,
  name: CapabilityName,
  capability: Capability,
): void {
  const guard = guardOf(capability);
  app.post(capability.path, async (request, reply) => {
    const caller = capability.open
      ? (callerOrNull(request) ?? stranger(request))
      : callerOf(request);
    guard.limit(request, capability.open ? null : caller, context.clock().getTime());
    const headers = idempotencyKey.safeParse(request.headers);
    if (!headers.success) throw invalid(headers.error);
    const key = headers.data["idempotency-key"];
    if (capability.sync === "batch") {
      guard.admit(caller);
      readInput(capability, request.body);
      const job = await context.jobs.enqueue(name, request.body ?? {}, caller, key);
      return reply
        .code(202)
        .send({ ok: true, action: capability.name, job: { id: job.id, status: job.status } });
    }
    return callCapability(name, {
      context,
      caller,
      input: request.body ?? {},
      requestId: request.id,
      ...(key !== undefined && { idempotencyKey: key }),
    });
  });
}
