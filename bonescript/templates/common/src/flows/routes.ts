/** `POST /flows/<flow>` begins a flow; `GET /flows/<flow>/:id` tells how it stands. */
import { z } from "zod";

import type { App } from "../app.ts";
import { callerOf } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { invalid } from "../errors.ts";
import { guardFor } from "../policies/guard.ts";
import { keyHeader } from "../policies/idempotency.ts";
import type { Flow } from "./definition.ts";
import { flows } from "./index.ts";
import type { Run } from "./store.ts";

const parameters = z.object({ id: z.uuid() });

export function register(app: App, context: Context): void {
  const guard = guardFor({});
  for (const flow of flows) {
    app.post(flow.path, async (request, reply) => {
      const caller = callerOf(request);
      guard.limit(request, caller, context.clock().getTime());
      guard.admit(caller);
      const parsed = keyHeader.safeParse(request.headers);
      if (!parsed.success) throw invalid(parsed.error);
      const key = parsed.data["idempotency-key"] ?? null;
      const run = await context.flows.begin(context, flow, request.body, caller, key);
      if (run.error !== null && run.status !== "compensating") throw run.error;
      return await reply.code(run.status === "done" ? 200 : 202).send(answer(flow, run));
    });
    app.get(`${flow.path}/:id`, async (request) => {
      const caller = callerOf(request);
      guard.limit(request, caller, context.clock().getTime());
      const parsed = parameters.safeParse(request.params);
      if (!parsed.success) throw invalid(parsed.error);
      return answer(flow, await context.flows.find(context, flow, parsed.data.id, caller));
    });
  }
}

function answer(flow: Flow, run: Run): object {
  return {
    ok: true,
    flow: flow.name,
    run: {
      id: run.id,
      status: run.status,
      error: run.error?.toBody().error ?? null,
      not_undone: run.state.kept,
    },
    results: run.state.results,
  };
}
