/** Delivers what is in the outbox: claims, hands over, and puts off what failed. */
import type { Context } from "../context.ts";
import { Worker, backoffMs, later } from "../worker.ts";
import { claimEvent } from "./claim.ts";
import type { ClaimedEvent } from "./claim.ts";
import { consumersOf } from "./consumers.ts";
import { deliver } from "./deliver.ts";
import { events, isEventName } from "./events.ts";

/** After so many tries an event is dead: it stays in the outbox with its last error, and nothing more is done. */
const MOST_ATTEMPTS = 10;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** A slow consumer doesn't hold up the others. */
const LANES = 4;

export function createEventWorker(context: Context): Worker {
  return new Worker({
    name: "events",
    intervalMs: context.config.eventWorkerIntervalMs,
    lanes: LANES,
    log: context.log,
    work: async (signal) => {
      const event = await claimEvent(context);
      if (event === undefined) return false;
      await settle(context, event, signal);
      return true;
    },
  });
}

async function settle(context: Context, event: ClaimedEvent, signal: AbortSignal): Promise<void> {
  const now = context.clock();
  if (!isEventName(event.event)) {
    // Told by an earlier release of the program.
    await finish(context, event, "dead", `there is no event ${event.event} any more`);
    return;
  }
  if (event.expires_at !== null && new Date(event.expires_at) <= now) {
    await finish(context, event, "expired", null);
    return;
  }
  const { delivery } = events[event.event];
  try {
    await deliver(context, event, delivery, consumersOf(context, event.event), signal);
    await finish(context, event, "done", null);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (event.attempts >= MOST_ATTEMPTS) {
      context.log.error({ err: error, event: event.event, id: event.id }, "event is dead");
      await finish(context, event, "dead", message);
      return;
    }
    await context.db
      .updateTable("outbox")
      .set({
        available_at: later(now, backoffMs(event.attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)),
        locked_until: null,
        last_error: message.slice(0, 2000),
      })
      .where("id", "=", event.id)
      .execute();
  }
}

async function finish(
  context: Context,
  event: ClaimedEvent,
  status: "done" | "dead" | "expired",
  error: string | null,
): Promise<void> {
  await context.db
    .updateTable("outbox")
    .set({
      status,
      finished_at: context.clock().toISOString(),
      locked_until: null,
      last_error: error?.slice(0, 2000) ?? null,
    })
    .where("id", "=", event.id)
    .execute();
}
