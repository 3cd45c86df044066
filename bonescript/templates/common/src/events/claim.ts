/** Takes the next event that is due out of the outbox, so that no other worker has it at the same time. */
import type { Context } from "../context.ts";
import { skipLocked } from "../database/claim.ts";
import { later } from "../worker.ts";

export interface ClaimedEvent {
  readonly id: string;
  readonly event: string;
  /** JSON. */
  readonly payload: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  /** This try among them. */
  readonly attempts: number;
}

/**
 * For so long it is this worker's. A worker that dies leaves it for another after that time; one that takes longer than
 * that, does so because its time is limited to less.
 */
export const LEASE_MS = 30_000;

export async function claimEvent(context: Context): Promise<ClaimedEvent | undefined> {
  const now = context.clock();
  const at = now.toISOString();
  return await context.db
    .updateTable("outbox")
    .set((eb) => ({ locked_until: later(now, LEASE_MS), attempts: eb("attempts", "+", 1) }))
    .where("id", "=", (eb) =>
      skipLocked(
        eb
          .selectFrom("outbox")
          .select("id")
          .where("status", "=", "pending")
          .where("available_at", "<=", at)
          .where((free) =>
            free.or([free("locked_until", "is", null), free("locked_until", "<=", at)]),
          )
          .orderBy("available_at")
          .limit(1),
      ),
    )
    .returning(["id", "event", "payload", "created_at", "expires_at", "attempts"])
    .executeTakeFirst();
}
