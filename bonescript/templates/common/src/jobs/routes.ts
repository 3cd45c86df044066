/** `GET /jobs/:id`: what became of a capability that was queued. */
import { z } from "zod";

import type { App } from "../app.ts";
import { callerOf } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { invalid } from "../errors.ts";
import { guardFor } from "../policies/guard.ts";

const parameters = z.object({ id: z.uuid() });

export function register(app: App, context: Context): void {
  const guard = guardFor({});
  app.get("/jobs/:id", async (request) => {
    const caller = callerOf(request);
    guard.limit(request, caller, context.clock().getTime());
    const parsed = parameters.safeParse(request.params);
    if (!parsed.success) throw invalid(parsed.error);
    return await context.jobs.find(parsed.data.id, caller);
  });
}
