/** Hands one claimed event to each of its consumers, in the way that its delivery asks for. */
import type { Context } from "../context.ts";
import type { Database } from "../database/client.ts";
import { inTransaction } from "../database/transaction.ts";
import type { Transaction } from "../database/transaction.ts";
import { withDeadline } from "../worker.ts";
import type { ClaimedEvent } from "./claim.ts";
import type { Delivery } from "./types.ts";

/** Someone who is told of an event. */
export interface Consumer {
  /** Unique among the consumers of an event, and the same in each release: it is the key of what was delivered. */
  readonly name: string;
  /** Its work can't be part of a transaction: it repeats the id of the event, by which the other side knows it again. */
  readonly outside: boolean;
  consume(event: ClaimedEvent, db: Database | Transaction, signal: AbortSignal): Promise<void>;
}

/** The longest that a consumer may take. */
export const HANDLER_TIMEOUT_MS = 20_000;

/** Throws where a consumer failed that is to be tried again. */
export async function deliver(
  context: Context,
  event: ClaimedEvent,
  delivery: Delivery,
  consumers: readonly Consumer[],
  signal: AbortSignal,
): Promise<void> {
  if (delivery === "at_most_once") {
    await deliverOnceAtMost(context, event, consumers, signal);
    return;
  }
  const failures: unknown[] = [];
  for (const consumer of consumers) {
    try {
      if (delivery === "exactly_once" && !consumer.outside) {
        await deliverExactlyOnce(context, event, consumer, signal);
      } else {
        await deliverOnceAtLeast(context, event, consumer, signal);
      }
    } catch (error) {
      // The others are told all the same.
      context.log.warn(
        { err: error, event: event.event, id: event.id, consumer: consumer.name },
        "delivery failed",
      );
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function deliverExactlyOnce(
  context: Context,
  event: ClaimedEvent,
  consumer: Consumer,
  signal: AbortSignal,
): Promise<void> {
  await inTransaction(context.db, async (trx) => {
    // A second worker waits here for the first one's commit, and then finds the mark.
    if (!(await mark(context, trx, event, consumer))) return;
    await withDeadline(HANDLER_TIMEOUT_MS, signal, (within) =>
      consumer.consume(event, trx, within),
    );
  });
}

async function deliverOnceAtLeast(
  context: Context,
  event: ClaimedEvent,
  consumer: Consumer,
  signal: AbortSignal,
): Promise<void> {
  const delivered = await context.db
    .selectFrom("event_delivery")
    .select("event_id")
    .where("event_id", "=", event.id)
    .where("consumer", "=", consumer.name)
    .executeTakeFirst();
  if (delivered !== undefined) return;
  await withDeadline(HANDLER_TIMEOUT_MS, signal, (within) =>
    consumer.consume(event, context.db, within),
  );
  await mark(context, context.db, event, consumer);
}

async function deliverOnceAtMost(
  context: Context,
  event: ClaimedEvent,
  consumers: readonly Consumer[],
  signal: AbortSignal,
): Promise<void> {
  const open: Consumer[] = [];
  for (const consumer of consumers) {
    if (await mark(context, context.db, event, consumer)) open.push(consumer);
  }
  for (const consumer of open) {
    try {
      await withDeadline(HANDLER_TIMEOUT_MS, signal, (within) =>
        consumer.consume(event, context.db, within),
      );
    } catch (error) {
      context.log.error(
        { err: error, event: event.event, id: event.id, consumer: consumer.name },
        "event lost",
      );
    }
  }
}

/** Whether it was not marked before. */
async function mark(
  context: Context,
  db: Database | Transaction,
  event: ClaimedEvent,
  consumer: Consumer,
): Promise<boolean> {
  const row = await db
    .insertInto("event_delivery")
    .values({
      event_id: event.id,
      consumer: consumer.name,
      delivered_at: context.clock().toISOString(),
    })
    .onConflict((conflict) => conflict.columns(["event_id", "consumer"]).doNothing())
    .returning("event_id")
    .executeTakeFirst();
  return row !== undefined;
}
