/** Calls the handler of an event with its payload as the program declares it. */
import type { Context } from "../context.ts";
import type { Database } from "../database/client.ts";
import { parseJson } from "../json.ts";
import type { ClaimedEvent } from "./claim.ts";
import { payloadSchemas } from "./events.ts";
import type { EventName, EventPayloads } from "./events.ts";
import { handlers } from "./handlers.ts";
import type { Delivered } from "./types.ts";

export function hasHandler(event: EventName): boolean {
  return handlers[event] !== undefined;
}

export async function callHandler<E extends EventName>(
  context: Context,
  event: E,
  claimed: ClaimedEvent,
  db: Database,
  signal: AbortSignal,
): Promise<void> {
  const handler: ((delivered: Delivered<EventPayloads[E]>) => Promise<void> | void) | undefined =
    handlers[event];
  const payload: EventPayloads[E] = payloadSchemas[event](parseJson(claimed.payload));
  await handler?.({
    id: claimed.id,
    payload,
    createdAt: claimed.created_at,
    attempt: claimed.attempts,
    db,
    context,
    log: context.log.child({ event, event_id: claimed.id }),
    signal,
  });
}
