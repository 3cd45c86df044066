/**
 * Transactions, one after another: `BEGIN IMMEDIATE` takes the right to write before anything is read, so that a decision
 * rests on what stays true. Inside of one, only its own `trx` may be asked: `db` would wait for its end.
 */
import type { Transaction as KyselyTransaction } from "kysely";
import type { Database } from "./client.ts";
import { type Attempts, attempt, callHooks, commitHooks, withDeadline } from "./attempts.ts";
import type { Tables } from "./types.ts";

/** Queries inside of a transaction. */
export type Transaction = KyselyTransaction<Tables>;

export { TransactionTimeout } from "./attempts.ts";

/** `SQLITE_BUSY`: another process held the file for longer than we wait. */
const BUSY = 5;

/** Runs `work` in a transaction; all of it happens or nothing. */
export async function inTransaction<T>(
  db: Database,
  work: (trx: Transaction) => Promise<T>,
  options: Attempts = {},
): Promise<T> {
  return attempt(options, isBusy, async (left) => {
    const hooks: (() => void)[] = [];
    const result = await db.transaction().execute(async (trx) => {
      commitHooks.set(trx, hooks);
      return withDeadline(left, work(trx));
    });
    callHooks(hooks);
    return result;
  });
}

/** Has `then` called once the transaction is committed; never if it is not. */
export function afterCommit(trx: Transaction, then: () => void): void {
  commitHooks.get(trx)?.push(then);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === BUSY;
}
