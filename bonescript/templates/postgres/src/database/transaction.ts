/**
 * Transactions at READ COMMITTED. Rows that a decision rests on are locked by whoever reads them (`FOR UPDATE`, in the
 * order of table and id), so that nothing is lost without the cost of serialization.
 */
import { sql, type Transaction as KyselyTransaction } from "kysely";
import type { Database } from "./client.ts";
import { type Attempts, attempt, callHooks, commitHooks, withDeadline } from "./attempts.ts";
import type { Tables } from "./types.ts";

/** Queries inside of a transaction. */
export type Transaction = KyselyTransaction<Tables>;

export { TransactionTimeout } from "./attempts.ts";

/** Serialization failure and deadlock: nothing has happened, and it may go well the next time. */
const AGAIN = new Set(["40001", "40P01"]);

/** Runs `work` in a transaction; all of it happens or nothing. */
export async function inTransaction<T>(
  db: Database,
  work: (trx: Transaction) => Promise<T>,
  options: Attempts = {},
): Promise<T> {
  return attempt(options, isAgain, async (left) => {
    const hooks: (() => void)[] = [];
    const result = await db
      .transaction()
      .setIsolationLevel("read committed")
      .execute(async (trx) => {
        commitHooks.set(trx, hooks);
        if (left !== undefined) {
          // The server ends a statement that waits for a lock of somebody else.
          await sql`select set_config('statement_timeout', ${String(left)}, true)`.execute(trx);
        }
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

function isAgain(error: unknown): boolean {
  return error instanceof Error && "code" in error && AGAIN.has(String(error.code));
}
